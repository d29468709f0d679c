//! Why a connection or a stream ended, in the words that applications see.

/// A reason on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reason {
    /// The client left.
    Disconnect,
    /// The client's socket was lost and did not come back.
    NetworkDisconnect,
    /// A moderator put it out.
    ForceDisconnectByUser,
    /// REST put it out.
    ForceDisconnectByServer,
    /// Its session was closed by REST.
    SessionClosedByServer,
    /// Its session ended because everybody else had left.
    LastParticipantLeft,
    /// The publisher ended its stream.
    Unpublish,
    /// A moderator ended the stream.
    ForceUnpublishByUser,
    /// REST ended the stream.
    ForceUnpublishByServer,
}

impl Reason {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Disconnect => "disconnect",
            Self::NetworkDisconnect => "networkDisconnect",
            Self::ForceDisconnectByUser => "forceDisconnectByUser",
            Self::ForceDisconnectByServer => "forceDisconnectByServer",
            Self::SessionClosedByServer => "sessionClosedByServer",
            Self::LastParticipantLeft => "lastParticipantLeft",
            Self::Unpublish => "unpublish",
            Self::ForceUnpublishByUser => "forceUnpublishByUser",
            Self::ForceUnpublishByServer => "forceUnpublishByServer",
        }
    }
}
