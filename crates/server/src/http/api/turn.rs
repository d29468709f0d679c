//! `/turn`: what the TURN server inside has been used for.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::error::ApiError;
use media::{RelayQuestions, RelayUse};

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Turn {
    /// How many allocations there are.
    allocations: usize,
    /// How many were made since the start.
    allocations_made: u64,
    /// Requests of users that were refused, for their quota for example.
    refused: u64,
    /// Requests without valid credentials that were answered; clients begin with one.
    challenged: u64,
    /// Those that were not answered, because too many came from one address.
    unanswered: u64,
    #[serde(flatten)]
    usage: Usage,
    /// Who uses it now, up to a thousand.
    connections: Vec<User>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct User {
    connection_id: String,
    /// `udp`, or `tcp` with TLS or without.
    transport: &'static str,
    #[serde(flatten)]
    usage: Usage,
}

/// Without what TURN puts around datagrams.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Usage {
    datagrams_received: u64,
    bytes_received: u64,
    datagrams_sent: u64,
    bytes_sent: u64,
}

impl From<turn::Usage> for Usage {
    fn from(turn::Usage { received, sent }: turn::Usage) -> Self {
        Self {
            datagrams_received: received.datagrams,
            bytes_received: received.bytes,
            datagrams_sent: sent.datagrams,
            bytes_sent: sent.bytes,
        }
    }
}

/// Get the use of the TURN server inside
#[utoipa::path(
    get,
    path = "/openvidu/api/turn",
    operation_id = "getTurn",
    tag = "Operation",
    responses(
        (status = 200, description = "Received is from clients, sent is to them", body = Turn),
        (status = 503, description = "The media worker is gone"),
    ),
)]
pub(crate) async fn show(State(relay): State<RelayQuestions>) -> Result<Json<Turn>, ApiError> {
    let relay_use = relay.ask().await.ok_or(ApiError::Empty(StatusCode::SERVICE_UNAVAILABLE))?;
    let RelayUse { allocations, totals, usage, users } = relay_use;
    let user = |((connection_id, transport), usage): ((String, _), turn::Usage)| User {
        connection_id,
        transport,
        usage: usage.into(),
    };
    Ok(Json(Turn {
        allocations,
        allocations_made: totals.allocations,
        refused: totals.refused,
        challenged: totals.challenged,
        unanswered: totals.unanswered,
        usage: usage.into(),
        connections: users.into_iter().map(user).collect(),
    }))
}
