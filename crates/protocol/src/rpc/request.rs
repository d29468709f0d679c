//! Client → server methods with their parameters (`signaling.md` §8). Values are coerced as the original does: numbers
//! and booleans pass where a text is expected and the reverse.

/// A request other than `ping` and `connect`, which belong to the socket and not to a participant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientRequest {
    /// Enters a session with a token (or the deployment's secret).
    JoinRoom(Box<JoinRoom>),
    /// Leaves it.
    LeaveRoom,
    /// Publishes the caller's one stream.
    PublishVideo(Box<PublishVideo>),
    /// Ends it.
    UnpublishVideo,
    /// Asks for an offer to receive a stream.
    PrepareReceiveVideoFrom {
        /// Stream id.
        sender: String,
        /// Drop the existing subscription first.
        reconnect: bool,
    },
    /// Receives a stream: the answer to an offer, or an offer.
    ReceiveVideoFrom {
        /// Stream id.
        sender: String,
        /// The client's SDP; absent = an error to be answered.
        sdp: Option<SubscribeSdp>,
    },
    /// Ends a subscription.
    UnsubscribeFromVideo {
        /// *Connection* id of the publisher.
        sender: String,
    },
    /// Trickled candidate.
    OnIceCandidate {
        /// Own connection id = the publishing peer connection; else the publisher's.
        endpoint_name: String,
        /// May be empty.
        candidate: String,
    },
    /// A new peer connection for an existing publication or subscription.
    ReconnectStream {
        /// Stream id.
        stream: String,
        /// `sdpString`: an offer of the publisher, or the answer of a subscriber.
        sdp_string: Option<String>,
        /// `sdpOffer`: the offer of a subscriber.
        sdp_offer: Option<String>,
    },
    /// Sends a signal.
    SendMessage {
        /// JSON text, see [`super::Signal`].
        message: String,
    },
    /// Tells the others that a property of the caller's stream changed.
    StreamPropertyChanged {
        /// Any name.
        property: String,
        /// JSON *text* of the value that was sent.
        new_value: String,
        /// Any text.
        reason: String,
    },
    /// A moderator throws somebody out.
    ForceDisconnect {
        /// Whom.
        connection_id: String,
    },
    /// A moderator ends a stream.
    ForceUnpublish {
        /// Which.
        stream_id: String,
    },
    /// A client's own report on its video; answered and otherwise ignored.
    VideoData,
    /// Is anybody there?
    Echo,
    /// `applyFilter`, `execFilterMethod`, `removeFilter`, `addFilterEventListener`, `removeFilterEventListener`.
    Filter {
        /// The method's name.
        method: &'static str,
        /// The stream it is about.
        stream_id: String,
    },
    /// `subscribeToSpeechToText`, `unsubscribeFromSpeechToText`.
    SpeechToText,
    /// A method that does not exist; it gets an error, where the original stays silent.
    Unknown {
        /// Its name.
        method: String,
    },
}

/// `joinRoom`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JoinRoom {
    /// Full token URL (or the bare `tok_…`).
    pub token: String,
    /// Session id.
    pub session: String,
    /// Free text such as `Chrome 126.0.0.0 on Linux 64-bit`.
    pub platform: String,
    /// Absent in 2.20; may be no semver.
    pub sdk_version: Option<String>,
    /// Client data.
    pub metadata: String,
    /// The deployment's secret, or anything.
    pub secret: String,
    /// The composed recorder's page (only with the secret).
    pub recorder: bool,
    /// The speech-to-text client (only with the secret).
    pub stt: bool,
}

/// `publishVideo`. What the publisher says of itself is relayed as is, also when it does not fit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublishVideo {
    /// SDP offer.
    pub sdp_offer: String,
    /// Send the stream back on the same peer connection.
    pub do_loopback: bool,
    /// Sound is offered.
    pub has_audio: bool,
    /// Pictures are offered.
    pub has_video: bool,
    /// Initially unmuted?
    pub audio_active: Option<bool>,
    /// Initially unmuted?
    pub video_active: Option<bool>,
    /// `CAMERA`, `SCREEN`, `CUSTOM`, or any text; required with video (the parser sees to it).
    pub type_of_video: Option<String>,
    /// −1 = unset.
    pub frame_rate: Option<i64>,
    /// JSON text, unread.
    pub video_dimensions: Option<String>,
    /// Whether a filter was asked for.
    pub filter: bool,
}

/// The SDP of `receiveVideoFrom`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SubscribeSdp {
    /// `sdpOffer`: the client offers.
    Offer(String),
    /// `sdpAnswer`: the client answers our offer.
    Answer(String),
}

/// Parameters that cannot be read; the code is −1.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("Parameter '{parameter}' of method '{method}' {rule}")]
pub struct InvalidParams {
    /// The method called.
    pub method: String,
    /// The parameter at fault.
    pub parameter: String,
    /// What it must be, e.g. "is missing".
    pub rule: &'static str,
}
