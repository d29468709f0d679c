//! `/tokens`: how connections were made before 2.16. Old clients still do.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use openvidu::view;
use protocol::rest::request::{self, InvalidParameter, NewToken};
use protocol::rest::view::TokenView;
use session::registry::NotFound;
use session::snapshot::Include;

use crate::control::Control;
use crate::http::api::connections;
use crate::http::error::{ApiError, ErrorView, ServerStopping};
use crate::http::request::body::{BodyRefusals, MandatoryBody};
use crate::http::request::caller::Caller;
use crate::ice_servers;
use crate::state::Settings;

/// Named in errors about the session.
const API: &str = "/openvidu/api/tokens";

/// Create a token
///
/// How connections were made before OpenVidu 2.16.
#[deprecated]
#[utoipa::path(
    post,
    path = "/openvidu/api/tokens",
    operation_id = "createToken",
    tag = "Connections",
    request_body = NewToken,
    responses(
        (status = 200, description = "The token and its connection", body = TokenView),
        (status = 404, description = "No such session", body = ErrorView),
        BodyRefusals,
        ServerStopping,
    ),
)]
pub(crate) async fn create(
    State(control): State<Control>,
    State(settings): State<Settings>,
    Caller(origin): Caller,
    MandatoryBody(body): MandatoryBody,
) -> Result<Json<TokenView>, ApiError> {
    enum Refusal {
        NotFound,
        Invalid(InvalidParameter),
    }
    impl From<NotFound> for Refusal {
        fn from(_: NotFound) -> Self {
            Self::NotFound
        }
    }

    let session = request::session_id(&body).map_err(|error| ApiError::bad_request(error, API))?.to_owned();
    let requested = request::token(&body);
    let name = session.clone();
    let created = control.call(move |registry, now| {
        let requested = match requested {
            Ok(requested) => requested,
            Err(error) => {
                registry.session(&session, Include::default()).ok_or(NotFound::Session)?;
                return Err(Refusal::Invalid(error));
            }
        };
        let mut properties = requested.into_properties(|server| ice_servers::complete(server, now));
        ice_servers::fill_in(&mut properties, &settings, now);
        let (role, data) = (properties.role, properties.data.clone());
        let kurento_options = properties.kurento_options.clone();
        let connection = registry.create_connection(&session, properties, &origin.web_socket(), now)?;
        let connection = view::connection(registry.connection(&session, connection.as_str())?);
        let token = connection.token.ok_or(NotFound::Connection)?;
        Ok(TokenView {
            id: token.clone(),
            token,
            created_at: connection.created_at,
            connection_id: connection.connection_id,
            session: connection.session_id,
            data,
            role,
            kurento_options,
        })
    });
    created.await?.map(Json).map_err(|refusal| match refusal {
        Refusal::NotFound => ApiError::described(StatusCode::NOT_FOUND, format_args!("Session {name} not found"), API),
        Refusal::Invalid(error) => ApiError::bad_request(error, connections::path(&name)),
    })
}
