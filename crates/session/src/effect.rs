//! What the registry wants done by its shell, in the order in which it must be done.

use std::collections::VecDeque;
use std::sync::Arc;

use protocol::event::{Event, EventStamp};
use protocol::id::RouterId;
use protocol::job::JobCommand;
use protocol::media::{MediaCommand, MediaOperation};
use protocol::recording::RecordingCommand;
use serde::{Deserialize, Serialize};

use crate::command::{Asker, ClientHandle, SocketId};
use crate::demand::Demand;
use crate::{MediaObservation, Notice, Notification, Refusal, Reply};

/// What the shell knows of a client when its socket opens, or when it calls for the first time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PeerInfo {
    /// `X-Real-IP`, else the socket's address.
    pub ip: String,
    /// What the client is known by in its own logs: opaque, at most 16 characters.
    pub user_id: String,
}

/// To be carried out in order; those for one socket go through one queue.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// Answers a command.
    Reply {
        /// Who asked.
        asker: Asker,
        /// Which client that is; none if an application asked, or a client that is not known.
        client: Option<ClientHandle>,
        /// What came of it.
        result: Result<Reply, Refusal>,
    },
    /// Tells a client something. The same `Arc` goes to many: serialise it once.
    Notify {
        /// To whom.
        socket: SocketId,
        /// What.
        notification: Arc<Notification>,
    },
    /// Closes a socket with code 1000 and no reason. A later `socket_closed` for it is ignored.
    CloseSocket {
        /// Which.
        socket: SocketId,
    },
    /// The socket's client is in a session from now on: it is no stranger.
    Entered {
        /// Which.
        socket: SocketId,
    },
    /// The socket's client is in no session any more, or has gone on to another socket.
    Departed {
        /// Which.
        socket: SocketId,
    },
    /// For the media worker that its router names.
    Media(MediaCommand),
    /// For whoever watches how media goes. Nothing depends on it: it may be dropped.
    Observed(MediaObservation),
    /// For whoever tells later how a call went. Nothing depends on it: it may be dropped.
    Noticed(Notice),
    /// For the recorder.
    Recording(RecordingCommand),
    /// For who runs live work with media.
    Job(JobCommand),
    /// For CDR files and webhooks.
    Event(Event),
    /// A session that nobody ever joined is gone. Applications are not told; it is for whoever keeps account of the sessions
    /// that there are.
    Collected(EventStamp),
}

/// The queue of what is to be done. It is emptied after every call, and so only bounded by what one call can cause.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    queue: VecDeque<Effect>,
    pub(crate) demand: Demand,
}

impl Effects {
    pub(crate) fn push(&mut self, effect: Effect) {
        self.queue.push_back(effect);
    }

    pub(crate) fn media(&mut self, router: RouterId, op: MediaOperation) {
        self.demand.sent(router, &op);
        self.push(Effect::Media(op.at(router)));
    }

    pub(crate) fn observed(&mut self, observation: MediaObservation) {
        self.push(Effect::Observed(observation));
    }

    pub(crate) fn recording(&mut self, command: RecordingCommand) {
        self.push(Effect::Recording(command));
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.push(Effect::Event(event));
    }

    pub(crate) fn reply(&mut self, asker: Asker, client: Option<ClientHandle>, result: Result<Reply, Refusal>) {
        self.push(Effect::Reply { asker, client, result });
    }

    pub(crate) fn pop(&mut self) -> Option<Effect> {
        self.queue.pop_front()
    }
}
