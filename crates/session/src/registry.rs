//! The state machine's front: what applications, sockets, the media worker and the clock may call. The rules themselves stand in
//! the files named after what happens (`join`, `publish`, `subscribe`, `leave`…).

use std::collections::{HashMap, VecDeque};

use protocol::event::{Event, Reason};
use protocol::id::{ConnectionId, SessionId};
use protocol::media::MediaEvent;
use protocol::model::SessionProperties;
use serde::{Deserialize, Serialize};

use crate::client::{Presence, Seat};
use crate::command::{ConnectionUpdate, ServerSignal, SocketId};
use crate::connection::Participant;
use crate::context::Context;
use crate::ending::EndingSession;
use crate::id::ClientId;
use crate::session::Session;
use crate::sessions::Sessions;
use crate::snapshot::{ConnectionSnapshot, Include, SessionSnapshot};
use crate::timer::Timer;
use crate::{Effect, Noticed, Notification, PeerInfo, Settings, Time};

/// All sessions of one server.
#[derive(Debug)]
pub struct Registry {
    pub(crate) sessions: Sessions,
    /// Those that are to be ended before this call returns, and why.
    pub(crate) doomed: VecDeque<(SessionId, Reason)>,
    pub(crate) ending: HashMap<SessionId, EndingSession>,
    pub(crate) cx: Context,
}

/// A session shall get an id that is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionExists;

/// What an application asks about does not exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum NotFound {
    /// Its session.
    Session,
    /// Its connection.
    Connection,
    /// Its stream.
    Stream,
}

/// Why a stream does not end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnpublishRefusal {
    /// It does not exist.
    NotFound(NotFound),
    /// It is a camera's, and ends with its connection only.
    OfCamera,
}

impl From<NotFound> for UnpublishRefusal {
    fn from(what: NotFound) -> Self {
        Self::NotFound(what)
    }
}

/// Why a signal from an application was not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum SignalRefusal {
    /// No such session.
    UnknownSession,
    /// The session has no participants.
    NobodyThere,
    /// An addressee is not connected.
    UnknownAddressee,
}

/// How much there is of everything, for metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    /// In use or not.
    pub sessions: usize,
    /// Joined or not.
    pub clients: usize,
    /// Open sockets.
    pub sockets: usize,
    /// Published by clients.
    pub publications: usize,
    /// Received by clients.
    pub subscriptions: usize,
    /// Requests that the media worker has not settled.
    pub media_requests: usize,
    /// Peer connections that have been negotiated.
    pub media_legs: usize,
    /// Deadlines that are set.
    pub timers: usize,
    /// Live work with media.
    pub jobs: usize,
    /// Recordings that are starting, running or being processed.
    pub recordings: usize,
    /// Sessions that are being broadcast.
    pub broadcasts: usize,
    /// Sessions that wait for the end of theirs.
    pub ending: usize,
    /// What hears one speaker in one language.
    pub recognisers: usize,
}

impl Registry {
    /// `seed` feeds the generator of ids and tokens: unpredictable in production, fixed in tests.
    pub fn new(settings: Settings, seed: [u8; 32]) -> Self {
        let (sessions, doomed, ending) = (Sessions::default(), VecDeque::new(), HashMap::new());
        Self { sessions, doomed, ending, cx: Context::new(settings, seed) }
    }

    /// Makes a session, which nobody is in.
    pub fn create_session(&mut self, properties: SessionProperties, now: Time) -> Result<SessionId, SessionExists> {
        let id = self.free_session_id(&properties.custom_session_id)?;
        let mut session = Session::new(id.clone(), self.cx.ids.session_number(), properties, now);
        session.always_record = self.cx.settings.recording.enabled && session.records_always();
        self.cx.effects.event(Event::SessionCreated(session.stamp(now)));
        self.sessions.insert(id.clone(), session);
        self.plan_garbage_collection(now);
        tracing::info!(session = %id, "session created");
        Ok(id)
    }

    fn free_session_id(&mut self, custom: &str) -> Result<SessionId, SessionExists> {
        if !custom.is_empty() {
            let taken = self.sessions.contains(custom) || self.ending.contains_key(custom);
            return if taken { Err(SessionExists) } else { Ok(custom.into()) };
        }
        loop {
            let id = self.cx.ids.session();
            if !self.sessions.contains(id.as_str()) && !self.ending.contains_key(&id) {
                return Ok(id);
            }
        }
    }

    /// One session.
    pub fn session(&self, session: &str, include: Include) -> Option<SessionSnapshot> {
        self.sessions.get(session).map(|session| session.snapshot(include, &self.cx.legs))
    }

    /// Which sessions there are, those in use first.
    pub fn session_ids(&self) -> Vec<SessionId> {
        let mut sessions: Vec<_> = self.sessions.values().collect();
        sessions.sort_unstable_by_key(|session| (!session.in_use(), session.number));
        sessions.into_iter().map(|session| session.id.clone()).collect()
    }

    /// Those that somebody has joined.
    pub fn sessions_in_use(&self) -> Vec<SessionSnapshot> {
        let mut sessions: Vec<_> = self.sessions.values().filter(|session| session.in_use()).collect();
        sessions.sort_by_key(|session| session.number);
        sessions.into_iter().map(|session| session.snapshot(Include::default(), &self.cx.legs)).collect()
    }

    /// Ends a session for everybody in it.
    pub fn close_session(&mut self, session: &str, now: Time) -> Result<(), NotFound> {
        let id = self.sessions.get(session).ok_or(NotFound::Session)?.id.clone();
        self.end_session(&id, Reason::SessionClosedByServer, now);
        self.settle(now);
        Ok(())
    }

    /// One connection.
    pub fn connection(&self, session: &str, connection: &str) -> Result<ConnectionSnapshot, NotFound> {
        let session = self.sessions.get(session).ok_or(NotFound::Session)?;
        session.connection_snapshot(connection, Include::default(), &self.cx.legs).ok_or(NotFound::Connection)
    }

    /// Whether a token of that session opens it, or has let somebody in who still is there.
    pub fn knows_token(&self, session: &str, token: &str) -> bool {
        self.sessions.get(session).is_some_and(|session| session.has_token(token))
    }

    /// The connections of a session.
    pub fn connections(&self, session: &str, include: Include) -> Result<Vec<ConnectionSnapshot>, NotFound> {
        Ok(self.sessions.get(session).ok_or(NotFound::Session)?.connection_snapshots(include, &self.cx.legs))
    }

    /// Changes what a connection may do.
    pub fn update_connection(
        &mut self,
        session: &str,
        connection: &str,
        update: ConnectionUpdate,
        now: Time,
    ) -> Result<ConnectionSnapshot, NotFound> {
        let entry = self.sessions.get_mut(session).ok_or(NotFound::Session)?;
        entry.update_connection(connection, update, &mut self.cx, now)?;
        self.settle(now);
        self.connection(session, connection)
    }

    /// Puts a participant out, or voids a token that is unused.
    pub fn close_connection(&mut self, session: &str, connection: &str, now: Time) -> Result<(), NotFound> {
        let entry = self.sessions.get_mut(session).ok_or(NotFound::Session)?;
        if let Some(pending) = entry.pending_id(connection) {
            if let Some(withdrawn) = entry.remove_pending(pending) {
                self.cx.notice(&entry.id, &withdrawn.connection, Noticed::Withdrawn);
            }
            return Ok(());
        }
        let participant = entry.visible(connection).ok_or(NotFound::Connection)?;
        let seat = entry.seat(participant);
        self.evict(&seat, Reason::ForceDisconnectByServer, now);
        self.settle(now);
        Ok(())
    }

    /// Ends somebody's stream.
    pub fn unpublish_stream(&mut self, session: &str, stream: &str, now: Time) -> Result<(), UnpublishRefusal> {
        let entry = self.sessions.get_mut(session).ok_or(NotFound::Session)?;
        let (publisher, _) = entry.publisher_of(stream).ok_or(NotFound::Stream)?;
        if entry.participant(publisher).is_some_and(Participant::is_camera) {
            return Err(UnpublishRefusal::OfCamera);
        }
        let reason = Reason::ForceUnpublishByServer;
        if let Some(connection) = entry.end_stream(publisher, reason, &mut self.cx, now) {
            entry.broadcast(None, Notification::StreamUnpublished { connection, reason }, &mut self.cx);
        }
        self.settle(now);
        Ok(())
    }

    /// Sends a signal of the application's.
    pub fn signal(&mut self, session: &str, signal: ServerSignal, now: Time) -> Result<(), SignalRefusal> {
        let session = self.sessions.get_mut(session).ok_or(SignalRefusal::UnknownSession)?;
        session.signal_from_server(signal, &mut self.cx, now)?;
        self.settle(now);
        Ok(())
    }

    /// Which connection the client of a socket is, or was.
    pub fn connection_on(&self, socket: SocketId) -> Option<(SessionId, ConnectionId)> {
        match &self.cx.clients.on_socket(socket)?.presence {
            Presence::NotJoined => None,
            Presence::Joined(Seat { session, participant }) => {
                let connection = self.sessions.get(session)?.participant(*participant)?.connection.clone();
                Some((session.clone(), connection))
            }
            Presence::Left { session, connection } => Some((session.clone(), connection.clone())),
        }
    }

    /// A socket was opened.
    pub fn socket_opened(&mut self, socket: SocketId, peer: PeerInfo) {
        self.cx.clients.open(socket, peer);
    }

    /// A socket is gone, for whatever reason.
    pub fn socket_closed(&mut self, socket: SocketId, now: Time) {
        if let Some(client) = self.cx.clients.forget_socket(socket) {
            self.lose_socket(client, now);
        }
        self.settle(now);
    }

    /// The media worker reports.
    pub fn handle_media(&mut self, event: MediaEvent, now: Time) {
        self.take_media_event(event, now);
        self.settle(now);
    }

    /// The server stops: every session ends. To be repeated at the very end, for what was begun meanwhile.
    pub fn shut_down(&mut self, now: Time) {
        self.end_sessions(|_| true, Reason::OpenviduServerStopped, now);
    }

    /// Deadlines have passed.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(timer) = self.cx.timers.pop_due(now) {
            match timer {
                Timer::Grace(client) => self.end_grace(client, now),
                Timer::Return(client) => self.cx.drop_client(client),
                Timer::Linger(client) => self.cx.clients.close(client, &mut self.cx.effects),
                Timer::Caller(client) => self.look_after_caller(client, now),
                Timer::Media(request) => self.give_up_media(request, now),
                Timer::Offer { client, publisher, transport } => {
                    if let Some(Seat { session, participant }) = self.seat_of(client)
                        && let Some(session) = self.sessions.get_mut(&session)
                    {
                        session.expire_offer(participant, publisher, transport, &mut self.cx, now);
                    }
                }
                Timer::CutOff(client) => {
                    if let Some(seat) = self.seat_of(client) {
                        self.rate_cut_off(&seat);
                    }
                }
                Timer::RecordingStart(recording) => self.expire_recording_start(recording, now),
                Timer::AutomaticStop(recording) => self.stop_automatically(recording, now),
                Timer::BroadcastStart(job) => self.expire_broadcast_start(job, now),
                Timer::Recogniser(job) => self.expire_recogniser(job, now),
                Timer::LastWords(job) => self.cx.end_last_words(job, now),
                Timer::Unheard(recording) => self.hear_again(recording, now),
                Timer::Ending(router) => self.expire_ending(router),
                Timer::Garbage => self.collect_garbage(now),
                Timer::GuestPlaces => self.expire_guest_places(now),
                Timer::CameraDescription(publication) => self.settle_camera(publication),
                Timer::CameraJob(publication) => self.pull_camera_again(publication, now),
            }
            self.settle(now);
        }
    }

    /// How much there is of everything.
    pub fn figures(&self) -> Figures {
        let (clients, sockets) = self.cx.clients.count();
        let participants = || self.sessions.values().flat_map(Session::participants);
        Figures {
            sessions: self.sessions.len(),
            clients,
            sockets,
            publications: participants().filter(|(_, participant)| participant.stream.is_some()).count(),
            subscriptions: participants().map(|(_, participant)| participant.subscriptions.len()).sum(),
            media_requests: self.cx.media.count(),
            media_legs: self.cx.legs.count(),
            timers: self.cx.timers.count(),
            jobs: self.cx.jobs.count(),
            recordings: self.cx.recordings.len(),
            broadcasts: self.sessions.values().filter(|session| session.is_broadcast()).count(),
            ending: self.ending.len(),
            recognisers: self.cx.speech.count(),
        }
    }

    /// The next deadline.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.cx.timers.next()
    }

    /// The next thing to do, in order.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        let effect = self.cx.effects.pop()?;
        if let Effect::Media(command) = &effect {
            self.cx.legs.sent(command);
        }
        Some(effect)
    }

    /// What a call left to be done: put out clients that missed too much, end sessions, and go on with requests that
    /// waited for another one. One after the other: a defect met with one of them leaves the others where they are.
    pub(crate) fn settle(&mut self, now: Time) {
        loop {
            if let Some(client) = self.cx.clients.take_overflowed() {
                self.give_up(client, now);
            } else if let Some((session, reason)) = self.doomed.pop_front() {
                self.end_session(&session, reason, now);
            } else if let Some(client) = self.cx.media.take_woken() {
                self.run_queued(client, now);
            } else if let Some(publication) = self.cx.effects.demand.take_changed() {
                self.camera_demand_changed(publication, now);
            } else if !self.offer_next(now) {
                return;
            }
        }
    }

    pub(crate) fn seat_of(&self, client: ClientId) -> Option<Seat> {
        match &self.cx.clients.get(client)?.presence {
            Presence::Joined(seat) => Some(seat.clone()),
            Presence::NotJoined | Presence::Left { .. } => None,
        }
    }
}
