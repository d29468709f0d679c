//! The state machine.

use protocol::id::{ConnectionId, SessionId};
use protocol::media::MediaEvent;
use protocol::model::{ConnectionProperties, Role, SessionProperties};
use protocol::rest::view::{ConnectionView, SessionView};
use protocol::rpc::{ClientRequest, InvalidParams};

use crate::{Effect, PeerInfo, Settings, SocketId, Time};

/// All sessions of one server.
#[derive(Debug)]
pub struct Registry {}

/// What a view of a session or of its connections shall hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Include {
    /// Connections whose token is unused.
    pub pending_connections: bool,
    /// SDP and ICE details of each publisher and subscriber.
    pub web_rtc_stats: bool,
}

/// `POST /sessions` with an id that is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the session exists already")]
pub struct SessionExists;

/// What a REST call is about does not exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotFound {
    /// Its session.
    #[error("the session does not exist")]
    Session,
    /// Its connection.
    #[error("the connection does not exist")]
    Connection,
    /// Its stream.
    #[error("the stream does not exist")]
    Stream,
}

/// Why a signal from REST was not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SignalRefusal {
    /// No such session.
    #[error("the session does not exist")]
    UnknownSession,
    /// The session has no participants.
    #[error("the session has no participants")]
    NobodyThere,
    /// An addressee is not connected.
    #[error("the \"to\" array has no valid connection identifiers")]
    UnknownAddressee,
}

/// A signal from REST.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ServerSignal {
    /// Empty = everybody. `None` stands for a `null` entry.
    pub to: Vec<Option<String>>,
    /// Verbatim.
    pub kind: Option<String>,
    /// Verbatim.
    pub data: Option<String>,
}

/// `PATCH` of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ConnectionUpdate {
    /// New role.
    pub role: Option<Role>,
    /// New record flag.
    pub record: Option<bool>,
}

impl Registry {
    /// `seed` feeds the generator of ids and tokens: unpredictable in production, fixed in tests.
    pub fn new(settings: Settings, seed: [u8; 32]) -> Self {
        let _ = (settings, seed);
        todo!()
    }

    /// `POST /sessions`.
    pub fn create_session(&mut self, properties: SessionProperties, now: Time) -> Result<SessionId, SessionExists> {
        let _ = (properties, now);
        todo!()
    }

    /// `GET /sessions/{id}`.
    pub fn session(&self, session: &str, include: Include) -> Option<SessionView> {
        let _ = (session, include);
        todo!()
    }

    /// `GET /sessions`: those in use first.
    pub fn sessions(&self, include: Include) -> Vec<SessionView> {
        let _ = include;
        todo!()
    }

    /// `DELETE /sessions/{id}`.
    pub fn close_session(&mut self, session: &str, now: Time) -> Result<(), NotFound> {
        let _ = (session, now);
        todo!()
    }

    /// `POST …/connection`. `origin` is how the caller reached us, `wss://host[:port]`: tokens carry it.
    pub fn create_connection(
        &mut self,
        session: &str,
        properties: ConnectionProperties,
        origin: &str,
        now: Time,
    ) -> Result<ConnectionId, NotFound> {
        let _ = (session, properties, origin, now);
        todo!()
    }

    /// `GET …/connection/{id}`.
    pub fn connection(&self, session: &str, connection: &str) -> Result<ConnectionView, NotFound> {
        let _ = (session, connection);
        todo!()
    }

    /// `GET …/connection`.
    pub fn connections(&self, session: &str, include: Include) -> Result<Vec<ConnectionView>, NotFound> {
        let _ = (session, include);
        todo!()
    }

    /// `PATCH …/connection/{id}`.
    pub fn update_connection(
        &mut self,
        session: &str,
        connection: &str,
        update: ConnectionUpdate,
        now: Time,
    ) -> Result<ConnectionView, NotFound> {
        let _ = (session, connection, update, now);
        todo!()
    }

    /// `DELETE …/connection/{id}`.
    pub fn close_connection(&mut self, session: &str, connection: &str, now: Time) -> Result<(), NotFound> {
        let _ = (session, connection, now);
        todo!()
    }

    /// `DELETE …/stream/{id}`.
    pub fn unpublish_stream(&mut self, session: &str, stream: &str, now: Time) -> Result<(), NotFound> {
        let _ = (session, stream, now);
        todo!()
    }

    /// `POST /signal`.
    pub fn signal(&mut self, session: &str, signal: ServerSignal, now: Time) -> Result<(), SignalRefusal> {
        let _ = (session, signal, now);
        todo!()
    }

    /// A WebSocket was opened.
    pub fn socket_opened(&mut self, socket: SocketId, peer: PeerInfo, now: Time) {
        let _ = (socket, peer, now);
        todo!()
    }

    /// A request arrived (anything but `ping` and `connect`). It is always answered, now or once media is ready.
    pub fn request(
        &mut self,
        socket: SocketId,
        request: i64,
        content: Result<ClientRequest, InvalidParams>,
        now: Time,
    ) {
        let _ = (socket, request, content, now);
        todo!()
    }

    /// `connect`: binds an RPC session to this socket again.
    pub fn reconnect(&mut self, socket: SocketId, request: i64, rpc_session: Option<&str>, now: Time) {
        let _ = (socket, request, rpc_session, now);
        todo!()
    }

    /// A WebSocket is gone, for whatever reason.
    pub fn socket_closed(&mut self, socket: SocketId, now: Time) {
        let _ = (socket, now);
        todo!()
    }

    /// The media worker reports.
    pub fn handle_media(&mut self, event: MediaEvent, now: Time) {
        let _ = (event, now);
        todo!()
    }

    /// Deadlines have passed.
    pub fn handle_timeout(&mut self, now: Time) {
        let _ = now;
        todo!()
    }

    /// The next deadline.
    pub fn poll_timeout(&self) -> Option<Time> {
        todo!()
    }

    /// The next thing to do, in order.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        todo!()
    }
}
