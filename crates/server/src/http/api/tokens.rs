//! `/tokens`: how connections were made before 2.16. Old clients still do.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::rest::request::{self, NewToken};
use protocol::rest::view::TokenView;
use session::command::ApplicationCommand;

use crate::control::Control;
use crate::http::api::{connections, sessions};
use crate::http::error::{ApiError, ErrorView, ServerStopping};
use crate::http::request::body::{BodyRefusals, MandatoryBody};
use crate::http::request::caller::Caller;
use crate::http::request::trace::TracedRequest;
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
    traced: TracedRequest,
    MandatoryBody(body): MandatoryBody,
) -> Result<Json<TokenView>, ApiError> {
    let session = request::session_id(&body).map_err(|error| ApiError::bad_request(error, API))?.to_owned();
    let not_found =
        |session: &str| ApiError::described(StatusCode::NOT_FOUND, format_args!("Session {session} not found"), API);
    let requested = match request::token(&body) {
        Ok(requested) => requested,
        Err(error) => {
            // If the session is unknown, its token's parameters do not matter.
            let (path, unknown) = (connections::path(&session), not_found(&session));
            sessions::must_exist(&control, session, unknown).await?;
            return Err(ApiError::bad_request(error, path));
        }
    };
    let now = control.now();
    let mut properties = requested.into_properties(|server| ice_servers::complete(server, now));
    ice_servers::fill_in(&mut properties, &settings, now);
    let (role, data, kurento_options) = (properties.role, properties.data.clone(), properties.kurento_options.clone());
    let unknown = not_found(&session);
    let (properties, origin) = (Box::new(properties), origin.web_socket());
    let created = control.ask(ApplicationCommand::CreateConnection { session, properties, origin }).await?;
    let connection = connections::connection(created).ok();
    match connection.and_then(|connection| Some((connection.token.clone()?, connection))) {
        Some((token, connection)) => {
            let (session, connection_id) = (connection.session_id.clone(), connection.connection_id.clone());
            traced.has_made(session, connection_id, "POST /openvidu/api/tokens");
            Ok(Json(TokenView {
                id: token.clone(),
                token,
                created_at: connection.created_at,
                connection_id: connection.connection_id,
                session: connection.session_id,
                data,
                role,
                kurento_options,
            }))
        }
        None => Err(unknown),
    }
}
