//! The WebSocket `/openvidu`: accepting it and carrying frames between clients and the control loop.
//!
//! Who may do what is decided in the crate `session`; what frames look like, in `protocol::rpc`; what they
//! mean, in the crate `openvidu`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Extension, FromRef, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use rand::RngCore as _;
use session::{PeerInfo, SocketId};

use crate::client_address::Sender;
use crate::connection::Connection;
use crate::control::Control;
use crate::limits::Limits;
use crate::shares::Shares;
use crate::standing::{READ_FACTOR, Standing};
use crate::state::{AppState, Settings};
use crate::stopping::Stopping;
use crate::wrong_secrets::WrongSecrets;

mod keep_alive;
mod socket;

/// A longer message closes the socket with 1009. SDP of a simulcast publisher has some 12 KB; the original takes 50 KB.
const MAX_MESSAGE: usize = 1024 * 1024;
/// What is read of a socket at once, which it also costs while nothing comes. Longer messages are read in pieces.
const READ_BUFFER: usize = 4 * 1024;

struct Signalling {
    shared: SharedState,
    /// Sockets without a session. They must not be closed while they ping (a client whose join failed keeps its socket),
    /// so they are counted.
    unjoined: Shares,
    next_socket: AtomicU64,
    stopping: Stopping,
}

/// What every socket needs.
#[derive(Clone)]
struct SharedState {
    control: Control,
    settings: Settings,
    limits: Limits,
    wrong_secrets: Arc<WrongSecrets>,
}

impl FromRef<AppState> for SharedState {
    fn from_ref(state: &AppState) -> Self {
        let (control, settings) = (state.control.clone(), state.settings.clone());
        Self { control, settings, limits: state.limits, wrong_secrets: state.wrong_secrets.clone() }
    }
}

/// The route `/openvidu`.
#[expect(clippy::disallowed_methods, reason = "a WebSocket is no operation of the API")]
pub(crate) fn router(state: &AppState, stopping: Stopping) -> Router {
    let shared = SharedState::from_ref(state);
    let signalling = Signalling { shared, unjoined: Shares::default(), next_socket: AtomicU64::new(0), stopping };
    Router::new().route("/openvidu", routing::any(open)).with_state(Arc::new(signalling))
}

async fn open(
    State(signalling): State<Arc<Signalling>>,
    Extension(connection): Extension<Connection>,
    sender: Sender,
    method: Method,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if method != Method::GET {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET")]).into_response();
    }
    let Ok(upgrade) = upgrade else {
        return (StatusCode::BAD_REQUEST, "Can \"Upgrade\" only to \"WebSocket\".").into_response();
    };
    let limit = signalling.shared.settings.madang_unjoined_sockets;
    let Some(share) = signalling.unjoined.take(sender.network(), limit as usize) else {
        return (StatusCode::TOO_MANY_REQUESTS, "Too many connections without a session from this address")
            .into_response();
    };
    let peer = PeerInfo { ip: sender.shown(connection.peer), user_id: format!("{:016X}", rand::rng().next_u64()) };
    let socket = SocketId(signalling.next_socket.fetch_add(1, Ordering::Relaxed));
    let stopping = signalling.stopping.clone();
    let unjoined = signalling.unjoined.clone();
    let standing = Standing::of_stranger(sender.network(), unjoined, share, connection.bound.clone());
    connection.bound.expect_messages(signalling.shared.limits.message);
    let caller = socket::Caller { socket, peer, sender, standing, _connection: connection };
    let shared = signalling.shared.clone();
    upgrade
        .read_buffer_size(READ_BUFFER)
        .max_message_size(READ_FACTOR * MAX_MESSAGE)
        .max_frame_size(READ_FACTOR * MAX_MESSAGE)
        .on_upgrade(move |web_socket| socket::run(web_socket, caller, shared, stopping))
}
