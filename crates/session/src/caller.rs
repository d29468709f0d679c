//! Clients without a socket, who make calls: those of WHIP and WHEP. They come with a token as everybody does, hear nothing but the
//! answers to their calls, and nothing tells that they have gone. So it is their media that keeps them: who does not begin, whose
//! media is cut and does not come back, or who has nothing left to send or receive is put out.
//!
//! They may not come back: there is no socket on which they would be known again, and a token lets one in once.

use std::sync::Arc;
use std::time::Duration;

use protocol::event::Reason;
use protocol::id::{ConnectionId, StreamId};
use protocol::media::TransportObservation;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::command::ClientHandle;
use crate::connection::{Access, Participant};
use crate::context::Context;
use crate::id::ClientId;
use crate::observation::MediaLeg;
use crate::peer_connection::PeerConnection;
use crate::session::Session;
use crate::timer::Timer;
use crate::{Registry, Time};

/// From joining until media is connected. Afterwards it is looked as often whether it still is, in case a report was lost.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a token opens that is not used yet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Prospect {
    /// Its holder may publish.
    pub may_publish: bool,
    /// What is published in the session, the longest first.
    pub streams: Vec<StreamId>,
}

/// Why a token opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum NoProspect {
    /// There is no such session.
    UnknownSession,
    /// It is none of this session's, or none any more.
    InvalidToken,
    /// Somebody has come in with it, and is there.
    TokenInUse,
}

/// Somebody who calls, as far as a front door has to know it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CallerView {
    /// By which it calls.
    pub client: ClientHandle,
    /// Whose stream its peer connection carries: the name of that peer connection to candidates. None: it has none.
    pub endpoint: Option<ConnectionId>,
    /// How often ICE was begun anew there.
    pub restarts: u32,
    /// What the client offered.
    pub remote_sdp: Arc<str>,
    /// Its name in ICE since that was begun anew.
    pub remote_ufrag: Option<String>,
}

/// Why nobody is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum NoCaller {
    /// There is no such connection that calls, or none any more.
    NotThere,
    /// It came in with another token.
    WrongToken,
}

impl Context {
    /// Somebody has joined.
    pub(crate) fn expect_media_of_caller(&mut self, client: ClientId, now: Time) {
        if self.is_only_calling(client) {
            self.timers.set(Timer::Caller(client), now + PATIENCE);
        }
    }

    /// Something that it has sent or received is over: it is looked after as soon as all that follows from that is done.
    pub(crate) fn review_caller(&mut self, client: ClientId, now: Time) {
        if self.is_only_calling(client) {
            self.timers.set(Timer::Caller(client), now);
        }
    }
}

impl Registry {
    /// A media worker has seen something on somebody's peer connection.
    pub(crate) fn notice_caller(&mut self, leg: &MediaLeg, what: &TransportObservation, now: Time) {
        let patience = match what {
            TransportObservation::Connected => PATIENCE,
            // It may find another way, or begin ICE anew.
            TransportObservation::Disconnected => self.cx.settings.reconnection_grace,
            _ => return,
        };
        let Some(session) = self.sessions.get(&leg.session) else { return };
        let participant = session.active(leg.connection.as_str()).and_then(|id| session.participant(id));
        if let Some(client) = participant.map(|participant| participant.client)
            && self.cx.is_only_calling(client)
        {
            self.cx.timers.set(Timer::Caller(client), now + patience);
        }
    }

    /// Puts a caller out that has no media any more.
    pub(crate) fn look_after_caller(&mut self, client: ClientId, now: Time) {
        if !self.cx.is_only_calling(client) {
            return;
        }
        let Some(seat) = self.seat_of(client) else { return };
        let participant = self.sessions.get(&seat.session).and_then(|session| session.participant(seat.participant));
        let Some(participant) = participant else { return };
        let has_nothing = participant.peer_connections().next().is_none();
        if participant.is_connected(&self.cx) {
            self.cx.timers.set(Timer::Caller(client), now + PATIENCE);
        } else {
            let reason = if has_nothing { Reason::Disconnect } else { Reason::NetworkDisconnect };
            self.evict(&seat, reason, now);
        }
    }

    /// What a token opens.
    pub(crate) fn prospect(&self, session: &str, token: &str) -> Result<Prospect, NoProspect> {
        self.sessions.get(session).ok_or(NoProspect::UnknownSession)?.prospect(token)
    }

    /// Who calls as this connection, and has come in with this token.
    pub(crate) fn caller(&self, session: &str, connection: &str, token: &str) -> Result<CallerView, NoCaller> {
        let session = self.sessions.get(session).ok_or(NoCaller::NotThere)?;
        let id = session.visible(connection).ok_or(NoCaller::NotThere)?;
        let participant = session.participant(id).ok_or(NoCaller::NotThere)?;
        let client = self.cx.clients.get(participant.client).ok_or(NoCaller::NotThere)?;
        if !self.cx.is_only_calling(participant.client) {
            return Err(NoCaller::NotThere);
        }
        if !participant.came_with(token) {
            return Err(NoCaller::WrongToken);
        }
        let own = participant.stream.as_ref().map(|_| participant.connection.clone());
        let received = || {
            let publisher = participant.subscriptions.keys().next()?;
            Some(session.participant(*publisher)?.connection.clone())
        };
        let (client, endpoint) = (client.handle.clone(), own.or_else(received));
        let peer_connection = participant.peer_connections().next();
        let (restarts, remote_ufrag) = peer_connection.map(PeerConnection::restarts).unwrap_or_default();
        let (remote_ufrag, offered) =
            (remote_ufrag.map(str::to_owned), peer_connection.map(|it| it.remote_sdp.clone()));
        Ok(CallerView {
            client,
            endpoint,
            restarts,
            remote_sdp: offered.unwrap_or_else(|| Arc::from("")),
            remote_ufrag,
        })
    }
}

impl Session {
    fn prospect(&self, token: &str) -> Result<Prospect, NoProspect> {
        let Some(pending) = self.pending_by_token(token) else {
            let is_used = self.participants().any(|(_, participant)| participant.came_with(token));
            return Err(if is_used { NoProspect::TokenInUse } else { NoProspect::InvalidToken });
        };
        let published = self.participants().filter_map(|(_, participant)| participant.stream.as_ref());
        let mut streams: Vec<_> = published.map(|stream| &stream.description).collect();
        streams.sort_by_key(|stream| stream.created_at);
        let streams = streams.into_iter().map(|stream| stream.id.clone()).collect();
        Ok(Prospect { may_publish: pending.may_publish(), streams })
    }
}

impl Participant {
    fn came_with(&self, given: &str) -> bool {
        match &self.access {
            Access::Token { token, .. } => token.value.as_bytes().ct_eq(given.as_bytes()).into(),
            Access::Secret(_) | Access::Page(_) | Access::Viewer | Access::Camera(_) => false,
        }
    }

    /// One of its peer connections is up.
    fn is_connected(&self, cx: &Context) -> bool {
        self.peer_connections().any(|peer_connection| {
            cx.legs.condition(peer_connection.transport).is_some_and(|condition| condition.is_connected)
        })
    }
}
