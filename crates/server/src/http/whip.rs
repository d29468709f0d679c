//! `/whip/…` and `/whep/…`: clients that publish and play by HTTP alone. What their requests mean is in the crate `whip`, who may do
//! what in `session`; here are paths, headers and the order in which sessions are asked.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{
    ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH, LINK, LOCATION, RETRY_AFTER,
    USER_AGENT, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::middleware::map_response;
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::{patch, post};
use axum::{Extension, routing::MethodRouter};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::model::IceServer;
use rand::RngCore as _;
use session::command::Caller;
use session::question::{FindCaller, LookIn};
use session::{CallerView, ClientCommand, ClientHandle, PeerInfo, Refusal, Reply};
use settings::Config;
use whip::{Change, Direction, Fragment, Offer, Problem};

use crate::client_address::Sender;
use crate::connection::Connection;
use crate::control::{Control, Stopped};
use crate::http::error::ApiError;
use crate::http::request::body::essence;
use crate::http::request::path::Path;
use crate::state::AppState;

const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
/// What scripts of other origins may read of an answer.
const EXPOSED: HeaderValue = HeaderValue::from_static("Location, Link, ETag, Accept-Post, Accept-Patch, Retry-After");
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"Madang\"");
/// What may stand in a part of a path as it is (RFC 3986 §2.3).
const IN_PATHS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Whether a path is of one of them.
pub(crate) fn has(config: &Config, path: &str) -> bool {
    config.madang_whip && (path.starts_with("/whip/") || path.starts_with("/whep/"))
}

/// All of them. A resource is the connection that its client joined as.
#[expect(clippy::disallowed_methods, reason = "no operations of OpenVidu's API")]
pub(crate) fn routes() -> Router<AppState> {
    let resource = || patch(change).delete(end);
    Router::new()
        .route("/whip/{session}", endpoint(post(publish)))
        .route("/whip/{session}/connection/{connection}", resource())
        .route("/whep/{session}", endpoint(post(play_any)))
        .route("/whep/{session}/{stream}", endpoint(post(play)))
        .route("/whep/{session}/connection/{connection}", resource())
        .layer(map_response(async |mut response: Response| {
            response.headers_mut().insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
            response
        }))
}

fn endpoint(posted: MethodRouter<AppState>) -> MethodRouter<AppState> {
    posted.options(async || (StatusCode::NO_CONTENT, [(ALLOW, "POST, OPTIONS"), (ACCEPT_POST, whip::SDP)]))
}

/// A refusal of one of these requests.
struct Refused {
    problem: Result<Problem, Stopped>,
    path: String,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Problem { status, text, retry_after } = match self.problem {
            Ok(problem) => problem,
            Err(stopped) => return ApiError::from(stopped).into_response(),
        };
        let mut response = ApiError::described(status, text, self.path).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, CHALLENGE);
        }
        if let Some(after) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, after.as_secs().into());
        }
        response
    }
}

/// What every request of theirs has.
struct Asked {
    uri: Uri,
    headers: HeaderMap,
}

impl Asked {
    fn refuse(&self, problem: impl Into<Problem>) -> Refused {
        Refused { problem: Ok(problem.into()), path: self.uri.path().to_owned() }
    }

    fn stopped(&self, stopped: Stopped) -> Refused {
        Refused { problem: Err(stopped), path: self.uri.path().to_owned() }
    }

    fn token(&self) -> Result<&str, Refused> {
        whip::bearer::token(self.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes)).map_err(|it| self.refuse(it))
    }

    fn check_type(&self, wanted: &str) -> Result<(), Refused> {
        if essence(&self.headers) == wanted { Ok(()) } else { Err(self.refuse(Problem::wrong_type(wanted))) }
    }

    fn text(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Who asks to come in.
type Client = (Extension<Connection>, Sender);

async fn publish(
    Path(session): Path<String>,
    State(control): State<Control>,
    client: Client,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    enter(Direction::Publish, &session, None, &control, client, Asked { uri, headers }, &body).await
}

async fn play_any(
    Path(session): Path<String>,
    State(control): State<Control>,
    client: Client,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    enter(Direction::Play, &session, None, &control, client, Asked { uri, headers }, &body).await
}

async fn play(
    Path((session, stream)): Path<(String, String)>,
    State(control): State<Control>,
    client: Client,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    enter(Direction::Play, &session, Some(&stream), &control, client, Asked { uri, headers }, &body).await
}

/// Lets a client in and takes its offer. Whatever can be wrong is looked for first: joining uses the token up.
async fn enter(
    direction: Direction,
    session: &str,
    stream: Option<&str>,
    control: &Control,
    (Extension(connection), sender): Client,
    asked: Asked,
    body: &[u8],
) -> Result<Response, Refused> {
    let token = asked.token()?;
    let question = LookIn { session: session.to_owned(), token: token.to_owned() };
    let prospect = control.look_up(question).await.map_err(|it| asked.stopped(it))?.map_err(|it| asked.refuse(it))?;
    asked.check_type(whip::SDP)?;
    let offer = Offer::parse(body, direction).map_err(|it| asked.refuse(it))?;
    let command = whip::request::command(&prospect, direction, stream, offer).map_err(|it| asked.refuse(it))?;

    let agent = asked.text(USER_AGENT).unwrap_or(match direction {
        Direction::Publish => "WHIP",
        Direction::Play => "WHEP",
    });
    let peer = PeerInfo { ip: sender.shown(connection.peer), user_id: format!("{:016X}", rand::rng().next_u64()) };
    let join = whip::request::join(session, token, agent);
    let answer = control.ask_as(Caller::New(peer), join).await.map_err(|it| asked.stopped(it))?;
    let (client, joined) = match (answer.client, answer.result) {
        (Some(client), Ok(Reply::Joined(joined))) => (client, joined),
        (_, Err(refusal)) => return Err(asked.refuse(refusal)),
        (_, Ok(_)) => return Err(asked.refuse(Refusal::Internal)),
    };
    match call(control, &client, command, &asked).await {
        Ok(Reply::Published { answer, .. } | Reply::Answer { answer }) => {
            let door = match direction {
                Direction::Publish => "whip",
                Direction::Play => "whep",
            };
            let (session, connection) = (utf8_percent_encode(session, IN_PATHS), &joined.connection);
            let location = format!("/{door}/{session}/connection/{connection}");
            Ok(created(location, &joined.ice_servers, answer))
        }
        Ok(_) => Err(asked.refuse(Refusal::Internal)),
        Err(refused) => {
            // It is of no use there.
            let _ = call(control, &client, ClientCommand::Leave, &asked).await;
            Err(refused)
        }
    }
}

fn created(location: String, servers: &[IceServer], answer: String) -> Response {
    let links = whip::answer::ice_server_links(servers);
    let headers = [
        (CONTENT_TYPE, whip::SDP.to_owned()),
        (LOCATION, location),
        (ETAG, whip::answer::entity_tag(0)),
        (ACCEPT_PATCH, whip::SDP_FRAGMENT.to_owned()),
    ];
    (StatusCode::CREATED, headers, AppendHeaders(links.into_iter().map(|link| (LINK, link))), answer).into_response()
}

/// `PATCH`: candidates, or ICE that begins anew.
async fn change(
    Path((session, connection)): Path<(String, String)>,
    State(control): State<Control>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    let asked = Asked { uri, headers };
    let resource = find(&control, session, connection, &asked).await?;
    if let Err(refused) = asked.check_type(whip::SDP_FRAGMENT) {
        // RFC 5789 §2.2.
        return Ok(([(ACCEPT_PATCH, whip::SDP_FRAGMENT)], refused).into_response());
    }
    let fragment = Fragment::parse(&body).map_err(|it| asked.refuse(it))?;
    let changed = Change::of(&resource, asked.text(IF_MATCH), fragment).map_err(|it| asked.refuse(it))?;
    let (response, candidates) = match changed {
        Change::Candidates(candidates) => (StatusCode::NO_CONTENT.into_response(), candidates),
        Change::Restart { command, candidates } => {
            let Reply::IceRestarted { credentials, candidates: own } =
                call(&control, &resource.client, command, &asked).await?
            else {
                return Err(asked.refuse(Refusal::Internal));
            };
            let fragment = whip::answer::restarted(&resource, &credentials, &own);
            let headers = [
                (CONTENT_TYPE, whip::SDP_FRAGMENT.to_owned()),
                (ETAG, whip::answer::entity_tag(resource.restarts.wrapping_add(1))),
            ];
            ((headers, fragment).into_response(), candidates)
        }
    };
    for candidate in candidates {
        call(&control, &resource.client, candidate, &asked).await?;
    }
    Ok(response)
}

/// `DELETE`: the client leaves.
async fn end(
    Path((session, connection)): Path<(String, String)>,
    State(control): State<Control>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<StatusCode, Refused> {
    let asked = Asked { uri, headers };
    let resource = find(&control, session, connection, &asked).await?;
    call(&control, &resource.client, ClientCommand::Leave, &asked).await?;
    Ok(StatusCode::OK)
}

async fn find(control: &Control, session: String, connection: String, asked: &Asked) -> Result<CallerView, Refused> {
    let token = asked.token()?.to_owned();
    let found = control.look_up(FindCaller { session, connection, token }).await.map_err(|it| asked.stopped(it))?;
    found.map_err(|it| asked.refuse(it))
}

async fn call(
    control: &Control,
    client: &ClientHandle,
    command: ClientCommand,
    asked: &Asked,
) -> Result<Reply, Refused> {
    let answer = control.ask_as(Caller::Known(client.clone()), command).await.map_err(|it| asked.stopped(it))?;
    answer.result.map_err(|it| asked.refuse(it))
}
