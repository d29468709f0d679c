//! `/metrics`, for Prometheus.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use jobs::JobFigures;
use media::RelayQuestions;
use session::question::TakeCensus;

use crate::control::Control;
use crate::http::error::ApiError;
use crate::metrics::exposition;
use crate::metrics::{self, Facts};
use crate::program::Program;
use crate::state::Webhooks;

/// Get metrics
///
/// How much there is of everything, for Prometheus: sessions, participants, streams, media, losses, delays, freezes, recordings,
/// webhooks, the relay and the process. No label names a session or a person.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "getMetrics",
    tag = "Operation",
    responses((
        status = 200,
        description = "Prometheus' text format 0.0.4",
        body = String,
    )),
)]
pub(crate) async fn show(
    State(control): State<Control>,
    State(relay): State<RelayQuestions>,
    State(webhooks): State<Webhooks>,
    State(program): State<Arc<Program>>,
    State(jobs): State<Arc<JobFigures>>,
) -> Result<([(HeaderName, &'static str); 1], String), ApiError> {
    let (census, relay) = tokio::join!(control.look_up(TakeCensus), relay.ask());
    let facts = Facts {
        census: census?,
        webhooks: webhooks.iter().map(|one| one.state()).collect(),
        relay,
        jobs,
        started_at: program.started_at(),
        restarts: program.restarts(),
    };
    Ok(([(CONTENT_TYPE, exposition::CONTENT_TYPE)], metrics::write(control.metrics(), &facts)))
}
