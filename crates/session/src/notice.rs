//! What happens to a connection and is neither an event for applications nor a notification for clients: places that are made,
//! requests that are refused, sockets that are lost. For those who tell later why a call went as it did. Nothing follows from
//! it here, and it may be dropped.

use protocol::id::{ConnectionId, SessionId, StreamId};
use protocol::model::Role;
use serde::{Deserialize, Serialize};

use crate::client::{Origin, Presence, Seat};
use crate::command::{ClientCommand, StreamChangeMeaning};
use crate::context::Context;
use crate::media::MediaTask;
use crate::refusal::MediaDirection;
use crate::request::Decision;
use crate::session::Session;
use crate::{Effect, QualityLevel, Refusal, Registry, Time};

/// Something that happened to somebody. Hidden participants have none.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Notice {
    /// In which session.
    pub session: SessionId,
    /// To whom.
    pub whom: Whom,
    /// What.
    pub what: Noticed,
}

/// To whom something happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Whom {
    /// A connection, joined or not.
    Connection(ConnectionId),
    /// A client that has not become one: its address.
    Stranger {
        /// `X-Real-IP`, else the socket's address.
        ip: String,
    },
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Noticed {
    /// An application has made a place: the token is there.
    Invited {
        /// What it will be.
        role: Role,
        /// What the application says of it.
        data: String,
    },
    /// The place was taken back before anybody came.
    Withdrawn,
    /// Somebody came to it. The event says who.
    Entered {
        /// When the place was made.
        made_at: Time,
        /// What it may do.
        role: Role,
    },
    /// Its socket is gone; it may come back.
    SocketLost,
    /// It is on a socket again.
    SocketBack,
    /// It may do something else from now on.
    RoleChanged(Role),
    /// It asked for something and did not get it.
    Refused {
        /// What it wanted.
        attempt: Attempt,
        /// Why not.
        refusal: Box<Refusal>,
    },
    /// It publishes a stream: which of it is switched on at first.
    Published {
        /// Which.
        stream: StreamId,
        /// The microphone.
        audio_active: Option<bool>,
        /// The camera.
        video_active: Option<bool>,
    },
    /// It has switched something of its stream.
    Switched {
        /// Which.
        stream: StreamId,
        /// What.
        meaning: StreamChangeMeaning,
    },
    /// A peer connection is there on our side: an offer was made, or an answer.
    Negotiating {
        /// What it carries.
        stream: StreamId,
        /// Which way.
        direction: MediaDirection,
    },
    /// It tells an address of its own, for the peer connection with this one (its own id: for what it publishes).
    Candidate {
        /// Whose stream the peer connection carries.
        publisher: ConnectionId,
        /// `candidate:…`, as it was sent.
        candidate: String,
    },
    /// Its network is rated otherwise from now on.
    QualityChanged(QualityLevel),
}

/// What somebody wanted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Attempt {
    /// To come in.
    Join,
    /// To publish.
    Publish,
    /// To receive a stream.
    Receive {
        /// As it was sent.
        stream: String,
    },
    /// Something else.
    Other,
}

impl Attempt {
    pub(crate) fn of(command: &ClientCommand) -> Self {
        match command {
            ClientCommand::Join(_) | ClientCommand::Rejected { of_join: true, .. } => Self::Join,
            ClientCommand::Publish(_) => Self::Publish,
            ClientCommand::RequestOffer { stream }
            | ClientCommand::Subscribe { stream, .. }
            | ClientCommand::AnswerOffer { stream, .. } => Self::Receive { stream: stream.clone() },
            _ => Self::Other,
        }
    }

    pub(crate) fn of_task(task: &MediaTask) -> Self {
        match task {
            MediaTask::Publish { .. } | MediaTask::PrepareFilter(_) | MediaTask::Republish { .. } => Self::Publish,
            MediaTask::Subscribe { stream, .. } => Self::Receive { stream: stream.to_string() },
            MediaTask::Accept { .. }
            | MediaTask::ApplyFilter { .. }
            | MediaTask::CallFilter { .. }
            | MediaTask::RestartIce { .. } => Self::Other,
        }
    }
}

impl Context {
    pub(crate) fn notice(&mut self, session: &SessionId, connection: &ConnectionId, what: Noticed) {
        let whom = Whom::Connection(connection.clone());
        self.effects.push(Effect::Noticed(Notice { session: session.clone(), whom, what }));
    }
}

impl Session {
    /// The same of a participant, unless nobody sees it.
    pub(crate) fn notice(&self, who: crate::id::ParticipantId, what: Noticed, cx: &mut Context) {
        if let Some(participant) = self.participant(who).filter(|participant| !participant.is_hidden()) {
            cx.notice(&self.id, &participant.connection, what);
        }
    }
}

impl Registry {
    /// Of somebody who is in a session.
    pub(crate) fn notice(&mut self, seat: &Seat, what: Noticed) {
        if let Some(session) = self.sessions.get(&seat.session) {
            session.notice(seat.participant, what, &mut self.cx);
        }
    }

    /// If a request was refused.
    pub(crate) fn notice_refusal(&mut self, seat: &Seat, attempt: Attempt, decision: &Decision) {
        if let Err(refusal) = decision {
            self.notice(seat, Noticed::Refused { attempt, refusal: Box::new(refusal.clone()) });
        }
    }

    /// If somebody could not come in.
    pub(crate) fn notice_stranger(&mut self, origin: Origin, session: &SessionId, decision: &Decision) {
        let Err(refusal) = decision else { return };
        let Some(client) = self.cx.clients.get(origin.client) else { return };
        if !matches!(client.presence, Presence::NotJoined) {
            return;
        }
        let whom = Whom::Stranger { ip: client.peer.ip.clone() };
        let what = Noticed::Refused { attempt: Attempt::Join, refusal: Box::new(refusal.clone()) };
        self.cx.effects.push(Effect::Noticed(Notice { session: session.clone(), whom, what }));
    }
}
