//! The state machine's front: what REST, sockets, the media worker and the clock may call. The rules themselves stand in
//! the files named after what happens (`join`, `publish`, `subscribe`, `leave`…).

use std::collections::HashMap;
use std::sync::Arc;

use protocol::event::{Event, Reason};
use protocol::id::SessionId;
use protocol::media::{MediaCommand, MediaEvent};
use protocol::model::{Role, SessionProperties};
use protocol::rest::view::{ConnectionView, SessionView};
use protocol::rpc::{ClientRequest, InvalidParams, ServerNotification};

use crate::client::{Clients, Seat};
use crate::ending::Ending;
use crate::id::{Ids, ParticipantId};
use crate::media::MediaRequests;
use crate::recording::Recordings;
use crate::session::Session;
use crate::timer::{Timer, Timers};
use crate::{Effect, PeerInfo, Settings, SocketId, Time};

/// All sessions of one server.
#[derive(Debug)]
pub struct Registry {
    pub(crate) settings: Settings,
    pub(crate) ids: Ids,
    pub(crate) sessions: HashMap<SessionId, Session>,
    pub(crate) clients: Clients,
    pub(crate) media: MediaRequests,
    pub(crate) timers: Timers,
    pub(crate) recordings: Recordings,
    pub(crate) ending: HashMap<SessionId, Ending>,
}

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

/// How much there is of everything, for metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Figures {
    /// In use or not.
    pub sessions: usize,
    /// Clients with an RPC session, joined or not.
    pub clients: usize,
    /// Open WebSockets.
    pub sockets: usize,
    /// Published by clients.
    pub publications: usize,
    /// Received by clients.
    pub subscriptions: usize,
    /// Requests that the media worker has not settled.
    pub media_requests: usize,
    /// Deadlines that are set.
    pub timers: usize,
    /// Recordings that are starting, running or being processed.
    pub recordings: usize,
    /// Sessions that wait for the end of theirs.
    pub ending: usize,
}

impl Registry {
    /// `seed` feeds the generator of ids and tokens: unpredictable in production, fixed in tests.
    pub fn new(settings: Settings, seed: [u8; 32]) -> Self {
        Self {
            settings,
            ids: Ids::new(seed),
            sessions: HashMap::new(),
            clients: Clients::default(),
            media: MediaRequests::default(),
            timers: Timers::default(),
            recordings: Recordings::default(),
            ending: HashMap::new(),
        }
    }

    /// `POST /sessions`.
    pub fn create_session(&mut self, properties: SessionProperties, now: Time) -> Result<SessionId, SessionExists> {
        let id = self.free_session_id(&properties.custom_session_id)?;
        let mut session = Session::new(id.clone(), self.ids.router(), properties, now);
        session.always_record = self.settings.recording.enabled && session.records_always();
        self.emit(Event::SessionCreated(session.stamp(now)));
        self.sessions.insert(id.clone(), session);
        self.plan_garbage_collection(now);
        tracing::info!(session = %id, "session created");
        Ok(id)
    }

    fn free_session_id(&mut self, custom: &str) -> Result<SessionId, SessionExists> {
        if !custom.is_empty() {
            let taken = self.sessions.contains_key(custom) || self.ending.contains_key(custom);
            return if taken { Err(SessionExists) } else { Ok(custom.into()) };
        }
        loop {
            let id = self.ids.session();
            if !self.sessions.contains_key(&id) && !self.ending.contains_key(&id) {
                return Ok(id);
            }
        }
    }

    /// `GET /sessions/{id}`.
    pub fn session(&self, session: &str, include: Include) -> Option<SessionView> {
        self.sessions.get(session).map(|session| session.view(include))
    }

    /// `GET /sessions`: which there are, those in use first.
    pub fn session_ids(&self) -> Vec<SessionId> {
        let mut sessions: Vec<_> = self.sessions.values().collect();
        sessions.sort_unstable_by_key(|session| (!session.in_use, session.router));
        sessions.into_iter().map(|session| session.id.clone()).collect()
    }

    /// Those that somebody has joined.
    pub fn sessions_in_use(&self) -> Vec<SessionView> {
        let mut sessions: Vec<_> = self.sessions.values().filter(|session| session.in_use).collect();
        sessions.sort_by_key(|session| session.router);
        sessions.into_iter().map(|session| session.view(Include::default())).collect()
    }

    /// `DELETE /sessions/{id}`.
    pub fn close_session(&mut self, session: &str, now: Time) -> Result<(), NotFound> {
        let id = self.sessions.get(session).ok_or(NotFound::Session)?.id.clone();
        self.end_session(&id, Reason::SessionClosedByServer, now);
        self.settle(now);
        Ok(())
    }

    /// `GET …/connection/{id}`.
    pub fn connection(&self, session: &str, connection: &str) -> Result<ConnectionView, NotFound> {
        let session = self.sessions.get(session).ok_or(NotFound::Session)?;
        session.connection_view(connection, Include::default()).ok_or(NotFound::Connection)
    }

    /// `GET …/connection`.
    pub fn connections(&self, session: &str, include: Include) -> Result<Vec<ConnectionView>, NotFound> {
        Ok(self.sessions.get(session).ok_or(NotFound::Session)?.connection_views(include))
    }

    /// `PATCH …/connection/{id}`.
    pub fn update_connection(
        &mut self,
        session: &str,
        connection: &str,
        update: ConnectionUpdate,
        now: Time,
    ) -> Result<ConnectionView, NotFound> {
        self.apply_update(session, connection, update, now)?;
        self.settle(now);
        self.connection(session, connection)
    }

    /// `DELETE …/connection/{id}`.
    pub fn close_connection(&mut self, session: &str, connection: &str, now: Time) -> Result<(), NotFound> {
        let entry = self.sessions.get_mut(session).ok_or(NotFound::Session)?;
        if let Some(pending) = entry.pending_id(connection) {
            entry.remove_pending(pending);
            return Ok(());
        }
        let participant = entry.visible(connection).ok_or(NotFound::Connection)?;
        let seat = Seat { session: entry.id.clone(), participant };
        self.evict(&seat, Reason::ForceDisconnectByServer, None, now);
        self.settle(now);
        Ok(())
    }

    /// `DELETE …/stream/{id}`.
    pub fn unpublish_stream(&mut self, session: &str, stream: &str, now: Time) -> Result<(), NotFound> {
        let entry = self.sessions.get(session).ok_or(NotFound::Session)?;
        let (participant, _) = entry.publisher_of(stream).ok_or(NotFound::Stream)?;
        let seat = Seat { session: entry.id.clone(), participant };
        let reason = Reason::ForceUnpublishByServer;
        if let Some(owner) = self.end_stream(&seat, reason, now) {
            self.announce_unpublished(&seat.session, None, owner, reason);
        }
        self.settle(now);
        Ok(())
    }

    /// `POST /signal`.
    pub fn signal(&mut self, session: &str, signal: ServerSignal, now: Time) -> Result<(), SignalRefusal> {
        self.signal_from_server(session, signal, now)?;
        self.settle(now);
        Ok(())
    }

    /// A WebSocket was opened.
    pub fn socket_opened(&mut self, socket: SocketId, peer: PeerInfo, now: Time) {
        let _ = now;
        self.clients.open(socket, peer);
    }

    /// A request arrived (anything but `ping` and `connect`). It is always answered, now or once media is ready.
    pub fn request(
        &mut self,
        socket: SocketId,
        request: i64,
        content: Result<ClientRequest, InvalidParams>,
        now: Time,
    ) {
        self.take_request(socket, request, content, now);
        self.settle(now);
    }

    /// `connect`: binds an RPC session to this socket again.
    pub fn reconnect(&mut self, socket: SocketId, request: i64, rpc_session: Option<&str>, now: Time) {
        self.rebind(socket, request, rpc_session, now);
        self.settle(now);
    }

    /// A WebSocket is gone, for whatever reason.
    pub fn socket_closed(&mut self, socket: SocketId, now: Time) {
        if let Some(client) = self.clients.forget_socket(socket) {
            self.lose_socket(client, now);
        }
        self.settle(now);
    }

    /// The media worker reports.
    pub fn handle_media(&mut self, event: MediaEvent, now: Time) {
        self.take_media_event(event, now);
        self.settle(now);
    }

    /// The media worker is gone with everything it carried: sessions that were in use end.
    pub fn media_lost(&mut self, now: Time) {
        self.end_sessions(|session| session.in_use, Reason::NodeCrashed, now);
    }

    /// The server stops: every session ends. To be repeated at the very end, for what was begun meanwhile.
    pub fn shut_down(&mut self, now: Time) {
        self.end_sessions(|_| true, Reason::OpenviduServerStopped, now);
    }

    /// Deadlines have passed.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(timer) = self.timers.pop_due(now) {
            match timer {
                Timer::Grace(client) => self.give_up(client, now),
                Timer::Linger(client) => self.clients.close(client),
                Timer::Media(request) => self.give_up_media(request, now),
                Timer::Offer { client, publisher, transport } => self.expire_offer(client, publisher, transport, now),
                Timer::RecordingStart(recording) => self.expire_recording_start(recording, now),
                Timer::AutomaticStop(recording) => self.stop_automatically(recording, now),
                Timer::Ending(router) => self.expire_ending(router),
                Timer::Garbage => self.collect_garbage(now),
            }
            self.settle(now);
        }
    }

    /// How much there is of everything.
    pub fn figures(&self) -> Figures {
        let (clients, sockets) = self.clients.count();
        let participants = || self.sessions.values().flat_map(Session::participants);
        Figures {
            sessions: self.sessions.len(),
            clients,
            sockets,
            publications: participants().filter(|(_, participant)| participant.stream.is_some()).count(),
            subscriptions: participants().map(|(_, participant)| participant.subscriptions.len()).sum(),
            media_requests: self.media.count(),
            timers: self.timers.count(),
            recordings: self.recordings.len(),
            ending: self.ending.len(),
        }
    }

    /// The next deadline.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.timers.next()
    }

    /// The next thing to do, in order.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.clients.effects.pop_front()
    }

    /// What a call left to be done: put out clients that missed too much, and go on with requests that waited for
    /// another one.
    pub(crate) fn settle(&mut self, now: Time) {
        loop {
            let overflowed = self.clients.take_overflowed();
            let woken = self.media.take_woken();
            if overflowed.is_empty() && woken.is_empty() {
                return;
            }
            for client in overflowed {
                self.give_up(client, now);
            }
            for client in woken {
                self.run_queued(client, now);
            }
        }
    }

    pub(crate) fn command(&mut self, command: MediaCommand) {
        self.clients.effects.push_back(Effect::Media(command));
    }

    /// Tells everybody in a session, hidden participants too.
    pub(crate) fn broadcast(
        &mut self,
        session: &SessionId,
        except: Option<ParticipantId>,
        notification: ServerNotification,
    ) {
        let Some(session) = self.sessions.get(session) else { return };
        let notification = Arc::new(notification);
        for (id, participant) in session.participants() {
            if Some(id) != except {
                self.clients.notify(participant.client, &notification);
            }
        }
    }
}
