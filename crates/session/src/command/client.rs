//! What clients ask.

use protocol::filter::{Filter, FilterCall};
use protocol::media::IceCredentials;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What clients ask. Requests of one client are done one after the other, in the order of their arrival.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ClientCommand {
    /// Enter a session.
    Join(Box<Join>),
    /// Leave it.
    Leave,
    /// Publish the caller's one stream.
    Publish(Box<Publish>),
    /// End it.
    Unpublish,
    /// Offer me this stream. A subscription that is there already is replaced.
    RequestOffer {
        /// Stream id; only the connection id at its end counts.
        stream: String,
    },
    /// My offer to receive this stream.
    Subscribe {
        /// Stream id; only the connection id at its end counts.
        stream: String,
        /// SDP.
        offer: String,
    },
    /// My answer to the offer of this stream.
    AnswerOffer {
        /// Stream id; only the connection id at its end counts.
        stream: String,
        /// SDP.
        answer: String,
    },
    /// I want to receive this publisher's stream no longer.
    Unsubscribe {
        /// Connection id.
        publisher: String,
    },
    /// I want the picture of this stream, or only its sound, until I say otherwise.
    WantPicture {
        /// Stream id; only the connection id at its end counts.
        stream: String,
        /// Whether I want it.
        wanted: bool,
    },
    /// A candidate that was trickled.
    AddCandidate {
        /// Connection id: the caller's own means its publication, another one the subscription to that publisher.
        endpoint: String,
        /// `candidate:…`; may be empty.
        candidate: String,
    },
    /// ICE begins anew on a peer connection that goes on.
    RestartIce {
        /// As of [`ClientCommand::AddCandidate`].
        endpoint: String,
        /// The client's from now on.
        credentials: IceCredentials,
    },
    /// A new peer connection for my stream or for one that I receive.
    RenewConnection {
        /// Stream id.
        stream: String,
        /// What the client sent, if anything.
        sdp: Option<RenewalSdp>,
    },
    /// Send a signal.
    Signal(ClientSignal),
    /// A property of my stream is different now.
    ChangeStream(Box<StreamChange>),
    /// Throw somebody out.
    ForceDisconnect {
        /// Connection id.
        connection: String,
    },
    /// End somebody's stream.
    ForceUnpublish {
        /// Stream id.
        stream: String,
    },
    /// Something with the filter of a stream.
    Filter(Box<FilterRequest>),
    /// Tell me what somebody says.
    SubscribeToSpeech {
        /// Connection id.
        connection: String,
        /// In which language.
        language: String,
    },
    /// No longer.
    UnsubscribeFromSpeech {
        /// Connection id.
        connection: String,
    },
    /// The client's own figures; answered and otherwise ignored.
    Report,
    /// Is anybody there? Answered at once, whatever waits.
    Echo,
    /// A request that the front door cannot make a command of: refused with [`crate::Refusal::Rejected`] when it is its
    /// turn, if the client may ask anything at all.
    Rejected {
        /// What the client is told.
        rejection: Rejection,
        /// It was meant to be a [`ClientCommand::Join`].
        of_join: bool,
    },
}

impl ClientCommand {
    /// Roughly how much memory it holds, in bytes: the texts that the client chose, and something for the rest.
    pub(crate) fn weight(&self) -> usize {
        let chosen = match self {
            Self::Join(join) => {
                [&join.session, &join.token, &join.token_as_sent, &join.secret, &join.client_data, &join.platform]
                    .map(String::len)
                    .iter()
                    .sum()
            }
            Self::Publish(publish) => publish.offer.len() + publish.properties.bytes(),
            Self::RequestOffer { stream } | Self::ForceUnpublish { stream } | Self::WantPicture { stream, .. } => {
                stream.len()
            }
            Self::Subscribe { stream, offer: sdp } | Self::AnswerOffer { stream, answer: sdp } => {
                stream.len() + sdp.len()
            }
            Self::Unsubscribe { publisher: connection }
            | Self::ForceDisconnect { connection }
            | Self::UnsubscribeFromSpeech { connection } => connection.len(),
            Self::SubscribeToSpeech { connection, language } => connection.len() + language.len(),
            Self::AddCandidate { endpoint, candidate } => endpoint.len() + candidate.len(),
            Self::RestartIce { endpoint, credentials } => {
                endpoint.len() + credentials.ufrag.len() + credentials.password.len()
            }
            Self::RenewConnection { stream, sdp } => {
                let (Some(RenewalSdp::Usual(sdp) | RenewalSdp::Offer(sdp)), stream) = (sdp, stream) else {
                    return stream.len() + OVERHEAD;
                };
                stream.len() + sdp.len()
            }
            Self::Filter(request) => request.bytes(),
            Self::Signal(signal) => signal.bytes() + signal.to.len() * size_of::<Option<String>>(),
            Self::ChangeStream(change) => change.bytes(),
            Self::Rejected { rejection, .. } => rejection.text.len(),
            Self::Leave | Self::Unpublish | Self::Report | Self::Echo => 0,
        };
        chosen + OVERHEAD
    }
}

/// What a request takes besides its texts.
const OVERHEAD: usize = 200;

/// What a front door says itself: only carried back to it, so that answers keep their order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Rejection {
    /// The front door's number for it.
    pub code: i32,
    /// The whole text.
    pub text: String,
}

/// How a client enters a session.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Join {
    /// Session id.
    pub session: String,
    /// `tok_…`.
    pub token: String,
    /// The token with whatever the client sent around it, for the refusal.
    pub token_as_sent: String,
    /// The deployment's secret, or anything.
    pub secret: String,
    /// With the secret: nobody shall see this client.
    pub hidden: Option<HiddenClient>,
    /// What the client says to the others.
    pub client_data: String,
    /// What it runs on: free text.
    pub platform: String,
    /// What the client calls its version; only repeated in the reply.
    pub client_version: Option<String>,
}

/// Clients of the deployment's own that nobody sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum HiddenClient {
    /// The page that a composed recording films.
    Recorder,
    /// The client that transcribes.
    SpeechToText,
}

/// What a client publishes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Publish {
    /// SDP.
    pub offer: String,
    /// Send the stream back on the same peer connection.
    pub loopback: bool,
    /// What the publisher says of the stream.
    pub properties: StreamProperties,
    /// The filter that it shall have from its first picture on.
    pub filter: Option<PublishedFilter>,
}

/// A filter that a stream is published with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PublishedFilter {
    /// As it was described.
    Described(Filter),
    /// It cannot be read, for this reason.
    Unreadable(String),
}

/// What a publisher says of its stream: relayed as is, also when it does not fit, but for kinds that it does not send.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StreamProperties {
    /// There is sound.
    pub has_audio: bool,
    /// There are pictures.
    pub has_video: bool,
    /// Not muted.
    pub audio_active: Option<bool>,
    /// Not muted.
    pub video_active: Option<bool>,
    /// `CAMERA`, `SCREEN`, or any text.
    pub type_of_video: Option<String>,
    /// Frames per second; −1 = unset.
    pub frame_rate: Option<i64>,
    /// Text, unread.
    pub video_dimensions: Option<String>,
}

impl StreamProperties {
    /// What is seen is a screen.
    pub fn is_screen(&self) -> bool {
        self.type_of_video.as_deref() == Some("SCREEN")
    }

    fn bytes(&self) -> usize {
        [&self.type_of_video, &self.video_dimensions].into_iter().flatten().map(String::len).sum()
    }
}

/// The SDP of [`ClientCommand::RenewConnection`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RenewalSdp {
    /// A publisher's offer, or a subscriber's answer.
    Usual(String),
    /// An offer, whoever sends it.
    Offer(String),
}

/// A signal of a client.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ClientSignal {
    /// Connection ids; empty = everybody, the sender included. `None` stands for an entry that is none.
    pub to: Vec<Option<String>>,
    /// Verbatim.
    pub kind: Option<String>,
    /// Verbatim.
    pub data: Option<String>,
    /// How applications are told of its kind; none: they are not told of the signal.
    pub reported_kind: Option<String>,
}

/// A property of a stream that changed: told to the others as it was sent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StreamChange {
    /// Any name.
    pub property: String,
    /// As it was sent.
    pub new_value: String,
    /// Any text.
    pub reason: String,
    /// What it means, for those who join later.
    pub meaning: Option<StreamChangeMeaning>,
}

/// The changes that are understood.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum StreamChangeMeaning {
    /// The microphone was switched.
    AudioActive(bool),
    /// The camera was switched.
    VideoActive(bool),
    /// The picture has another size now.
    VideoDimensions(String),
}

/// Something with the filter of a stream.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FilterRequest {
    /// Stream id.
    pub stream: String,
    /// What.
    pub command: FilterCommand,
}

/// See [`FilterRequest`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum FilterCommand {
    /// Put one on.
    Apply {
        /// `GStreamerFilter`…
        kind: String,
        /// Of that kind: an object; or why there is none.
        options: Result<Value, UnusableOptions>,
    },
    /// Call a method of it.
    Execute(FilterCall),
    /// Take it off.
    Remove,
    /// Tell me when it finds this.
    AddListener {
        /// `CodeFound`…
        event: String,
    },
    /// Tell me no longer.
    RemoveListener {
        /// `CodeFound`…
        event: String,
    },
}

/// Why a filter's options cannot be used. It is told only to who may apply the filter.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum UnusableOptions {
    /// There are none.
    Missing,
    /// They are no JSON, for this reason.
    Unreadable(String),
    /// They are JSON, and no object.
    NoObject,
}

impl FilterRequest {
    fn bytes(&self) -> usize {
        // Of a value its memory is some multiple of its text.
        let chosen = match &self.command {
            FilterCommand::Apply { kind, options } => {
                kind.len() + options.as_ref().map_or(0, |options| 4 * options.to_string().len())
            }
            FilterCommand::Execute(call) => call.method.len() + 4 * call.params.to_string().len(),
            FilterCommand::AddListener { event } | FilterCommand::RemoveListener { event } => event.len(),
            FilterCommand::Remove => 0,
        };
        self.stream.len() + chosen
    }
}

impl FilterCommand {
    /// What it is that may be allowed or not.
    pub fn action(&self) -> FilterAction {
        match self {
            Self::Apply { .. } => FilterAction::Apply,
            Self::Execute(_) => FilterAction::Execute,
            Self::Remove => FilterAction::Remove,
            Self::AddListener { .. } => FilterAction::AddListener,
            Self::RemoveListener { .. } => FilterAction::RemoveListener,
        }
    }
}

/// What can be asked of a filter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum FilterAction {
    /// Put one on.
    Apply,
    /// Call a method of it.
    Execute,
    /// Take it off.
    Remove,
    /// Tell me what it finds.
    AddListener,
    /// Tell me no longer.
    RemoveListener,
}
