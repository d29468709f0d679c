//! What is asked of the registry, in the words of sessions. Each command gets exactly one [`crate::Reply`] or
//! [`crate::Refusal`], now or later, by an [`crate::Effect::Reply`].
//!
//! Plain data without any front door's words: an adapter (the crate `openvidu`) makes them of what arrives, and they could
//! as well come from another machine.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::effect::PeerInfo;

pub use application::{ApplicationCommand, CameraProperties, ConnectionUpdate, ServerSignal};
pub use client::{
    ClientCommand, ClientSignal, FilterAction, FilterCommand, FilterRequest, HiddenClient, Join, Publish,
    PublishedFilter, Rejection, RenewalSdp, StreamChange, StreamChangeMeaning, StreamProperties, UnusableOptions,
};

mod application;
mod client;

/// A socket, numbered by the shell; never reused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct SocketId(pub u64);

/// A call without a socket, numbered by the shell; never reused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct CallId(pub u64);

/// Who gets the answer to a command.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Asker {
    /// A request on a socket.
    Socket {
        /// Which socket.
        socket: SocketId,
        /// The client's own number for the request; not looked at.
        request: i64,
    },
    /// A call, which is answered once.
    Call(CallId),
}

/// The name by which a client is found again, on another socket or by a call. Whoever knows it *is* that client: a secret.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientHandle(Arc<str>);

impl ClientHandle {
    /// The text that the client is given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ClientHandle {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for ClientHandle {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl std::borrow::Borrow<str> for ClientHandle {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientHandle(…)")
    }
}

/// A client without a socket.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Caller {
    /// One that wants to join.
    New(PeerInfo),
    /// One that has.
    Known(ClientHandle),
}

/// What is asked, and by whom.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Command {
    /// A client asks, on its socket.
    Socket {
        /// Which must be open.
        socket: SocketId,
        /// Of [`Asker::Socket`].
        request: i64,
        /// What it asks.
        command: ClientCommand,
    },
    /// Be this client again, on this socket; or, without a client, only answer.
    Resume {
        /// Which must be open.
        socket: SocketId,
        /// Of [`Asker::Socket`].
        request: i64,
        /// Who has lost its socket, or leaves it.
        client: Option<ClientHandle>,
    },
    /// A client without a socket asks. It hears no notifications.
    Call {
        /// Of [`Asker::Call`].
        call: CallId,
        /// Which client.
        caller: Caller,
        /// What it asks.
        command: ClientCommand,
    },
    /// The application asks, about any session.
    Application {
        /// Of [`Asker::Call`].
        call: CallId,
        /// What it asks.
        command: ApplicationCommand,
    },
}
