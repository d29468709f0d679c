//! Typed identifiers. The textual ones are shared (`Arc<str>`): they stand in many tables and messages.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }
        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// `ses_…`, or what the application chose (`[a-zA-Z0-9_-]+`).
    SessionId
}
text_id! {
    /// `con_…`: public name of a connection, fixed when its token is made.
    ConnectionId
}
text_id! {
    /// `str_CAM_…_con_…`: a published stream.
    StreamId
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);
    };
}

/// One media worker. A small number, because ICE user names hold it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkerId(pub u16);

/// A room inside a media worker. It lives and ends there, so its id says where that is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct RouterId {
    /// Unique among all workers; rooms are ordered by it.
    pub number: u64,
    /// Where it is.
    pub worker: WorkerId,
}

number_id! {
    /// One peer connection, as a media worker sees it.
    TransportId
}
number_id! {
    /// What one client sends: at most one audio and one video producer. Outlives the transport that
    /// carries it (a client that reconnects brings a new transport for the same publication).
    PublicationId
}
number_id! {
    /// One client as those see it who send to it: all its sending transports have the same.
    SubscriberId
}
number_id! {
    /// Pairs a [`crate::media::MediaCommand`] with the [`crate::media::MediaEvent`] that settles it.
    MediaRequestId
}

number_id! {
    /// One recording, from the request to its last event; what applications call its id is found later.
    RecordingKey
}
number_id! {
    /// A copy of what a publication receives, on its way to a recording or a job.
    TapId
}
number_id! {
    /// Live work with media in a process of its own.
    JobId
}
