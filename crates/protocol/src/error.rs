//! The one table of error codes that clients see (`. Code: N` at the end of a message).

/// An OpenVidu error code. The names are those of the original's enumeration.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ErrorCode {
    /// Any failure inside, or parameters that cannot be read (the JSON-RPC layer's own code).
    Internal,
    /// A rule about users without a code of its own.
    UserGeneric,
    /// The connection does not exist.
    UserNotFound,
    /// The connection does not publish.
    UserNotStreaming,
    /// The connection publishes already.
    UserAlreadyStreaming,
    /// The session does not exist.
    RoomNotFound,
    /// The session is closed or closing.
    RoomClosed,
    /// There is no media capacity.
    RoomCannotBeCreated,
    /// SDP could not be read or generated.
    MediaSdp,
    /// The publisher's endpoint is gone.
    MediaEndpoint,
    /// The role or the token does not allow it.
    UserUnauthorized,
    /// No filter is applied, or it is not allowed.
    FilterNotApplied,
    /// A signal that is not the JSON it should be.
    SignalFormatInvalid,
    /// A signal to somebody who is not there.
    SignalToInvalid,
    /// The session's codec is not in the client's offer.
    ForcedCodecNotFound,
    /// The method does not exist or may not be called now.
    TransportResponse,
    /// A call before joinRoom.
    Transport,
    /// Speech is not recognised here, or not now.
    SpeechToText,
    /// The deployment recognises no speech.
    SpeechToTextOff,
    /// `connect` with an RPC session that is unknown or has expired.
    ReconnectionError,
}

impl ErrorCode {
    const ALL: [Self; 20] = [
        Self::Internal,
        Self::UserGeneric,
        Self::UserNotFound,
        Self::UserNotStreaming,
        Self::UserAlreadyStreaming,
        Self::RoomNotFound,
        Self::RoomClosed,
        Self::RoomCannotBeCreated,
        Self::MediaSdp,
        Self::MediaEndpoint,
        Self::UserUnauthorized,
        Self::FilterNotApplied,
        Self::SignalFormatInvalid,
        Self::SignalToInvalid,
        Self::ForcedCodecNotFound,
        Self::TransportResponse,
        Self::Transport,
        Self::SpeechToText,
        Self::SpeechToTextOff,
        Self::ReconnectionError,
    ];

    /// The code with this number, if there is one.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.number() == number)
    }

    /// The number on the wire.
    pub const fn number(self) -> i32 {
        match self {
            Self::Internal => -1,
            Self::UserGeneric => 10,
            Self::UserNotFound => 102,
            Self::UserNotStreaming => 105,
            Self::UserAlreadyStreaming => 106,
            Self::SpeechToText => 201,
            Self::RoomNotFound => 202,
            Self::RoomClosed => 203,
            Self::RoomCannotBeCreated => 204,
            Self::MediaSdp => 302,
            Self::MediaEndpoint => 303,
            Self::UserUnauthorized => 401,
            Self::FilterNotApplied => 406,
            Self::SignalFormatInvalid => 600,
            Self::SignalToInvalid => 601,
            Self::ForcedCodecNotFound => 800,
            Self::TransportResponse => 802,
            Self::Transport => 803,
            Self::SpeechToTextOff => 996,
            Self::ReconnectionError => 40007,
        }
    }
}
