//! Why a command is not carried out: what happened, with what a text about it needs. The texts and codes are the front
//! door's.

use protocol::id::{ConnectionId, SessionId, StreamId};
use protocol::model::ForcedVideoCodec;
use serde::{Deserialize, Serialize};

use crate::command::{ClientHandle, FilterAction, Rejection, UnusableOptions};
use crate::registry::{NotFound, SessionExists, SignalRefusal, UnpublishRefusal};
use crate::{
    BroadcastRefusal, BroadcastStartFailure, GuestRefusal, RecordingStartFailure, SignalLimits, SpeechRefusal,
    StartRefusal, StopRefusal,
};

/// Why not. Clients' first, then applications'.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Refusal {
    /// A state that should be impossible: a defect of ours. It is logged with its context where it is found.
    Internal,
    /// The front door's own answer.
    Rejected(Rejection),
    /// Too many of the client's requests wait.
    TooManyRequests,
    /// The client has not joined a session.
    NotJoined {
        /// Of the client.
        client: ClientHandle,
    },
    /// It has joined one already.
    AlreadyJoined,
    /// It is in the session no longer.
    NoLongerJoined {
        /// Which connection it was.
        connection: ConnectionId,
        /// In which session.
        session: SessionId,
    },
    /// It was put out while its request waited for media.
    RemovedMeanwhile {
        /// Which connection it was.
        connection: ConnectionId,
        /// In which session.
        session: SessionId,
    },
    /// Nobody has this handle, or has it any more.
    UnknownClient,
    /// There is no such session to join.
    UnknownSession {
        /// As it was sent.
        session: String,
    },
    /// The token opens nothing, or nothing any more.
    InvalidToken {
        /// What it shall open.
        session: SessionId,
        /// As it was sent.
        token: String,
    },
    /// The role does not let the client publish.
    MayNotPublish,
    /// Who joined by secret may, but there is no token to publish with.
    NoTokenToPublish,
    /// It publishes already.
    AlreadyPublishing {
        /// Who.
        connection: ConnectionId,
        /// Where.
        session: SessionId,
    },
    /// The filter that a stream shall be published with cannot be read.
    PublishedFilterUnreadable {
        /// Why.
        why: String,
    },
    /// The publisher may not publish with this filter.
    MayNotPublishFiltered {
        /// Who publishes.
        connection: ConnectionId,
        /// `GStreamerFilter`…
        kind: String,
    },
    /// There is no program for filters, or it lacks something.
    PublishedFilterUnavailable {
        /// Who publishes.
        connection: ConnectionId,
        /// What is missing.
        why: String,
    },
    /// Media cannot take the publisher's offer.
    OfferUnusable {
        /// Who publishes.
        connection: ConnectionId,
    },
    /// The session's one codec is not in the client's SDP.
    CodecMissing {
        /// Which must be.
        codec: ForcedVideoCodec,
        /// Who.
        connection: ConnectionId,
        /// What it wanted to do.
        direction: MediaDirection,
        /// Where.
        session: SessionId,
        /// The client's.
        sdp: String,
    },
    /// The caller has no stream to end.
    NotPublishing {
        /// Who.
        connection: ConnectionId,
    },
    /// The caller has no stream that could change.
    NoStreamToChange {
        /// Who.
        connection: ConnectionId,
    },
    /// There is no such stream.
    UnknownStream {
        /// As it was sent.
        stream: String,
        /// Where.
        session: SessionId,
    },
    /// The id of a stream was expected.
    NotAStream {
        /// As it was sent.
        stream: String,
    },
    /// The publisher that the stream's id names is not there.
    PublisherNotThere {
        /// The connection id in what was sent.
        publisher: String,
        /// Where.
        session: SessionId,
    },
    /// It is there and publishes nothing, or nothing any more.
    NotStreaming {
        /// The connection id in what was sent.
        publisher: String,
        /// Where.
        session: SessionId,
    },
    /// The caller's own stream cannot be received so.
    OwnStream,
    /// Media cannot offer the stream, or cannot answer the client's offer.
    SubscriptionFailed {
        /// Who wants to receive.
        connection: ConnectionId,
        /// From whom.
        publisher: ConnectionId,
        /// Who offers.
        offerer: Offerer,
    },
    /// There is no offer to answer.
    NothingOffered,
    /// Media cannot take the subscriber's answer.
    AnswerUnusable {
        /// Of whom.
        connection: ConnectionId,
    },
    /// There is no peer connection on which ICE could begin anew, or none any more.
    NothingToRestart,
    /// The stream ended before the subscriber had answered.
    StreamEnded,
    /// The subscription of nobody's stream cannot be given up.
    UnknownPublisher {
        /// As it was sent.
        publisher: String,
        /// Where.
        session: SessionId,
    },
    /// A new peer connection was asked for without SDP.
    NothingToRenewWith,
    /// The role does not let the client throw others out.
    MayNotDisconnect,
    /// Whom to throw out is not there.
    UnknownConnection,
    /// The role does not let the client end others' streams.
    MayNotUnpublish,
    /// A camera's stream ends with its connection only.
    StreamOfCamera,
    /// The role does not let the client do this with filters.
    MayNotFilter {
        /// What.
        action: FilterAction,
    },
    /// The stream to be filtered is not there.
    UnknownFilteredStream {
        /// What was to be done.
        action: FilterAction,
        /// As it was sent.
        stream: String,
        /// Where.
        session: SessionId,
    },
    /// The options of a filter cannot be used.
    FilterOptions(UnusableOptions),
    /// There is no program for filters, or it lacks something.
    FilterUnavailable {
        /// Of which stream.
        stream: String,
        /// What is missing.
        why: String,
    },
    /// A filter is what the program does not know, or a method of it is; or it broke.
    FilterFailed {
        /// Why.
        why: String,
    },
    /// The stream has a filter already.
    AlreadyFiltered {
        /// Whose it is.
        connection: ConnectionId,
        /// Where.
        session: SessionId,
    },
    /// No filter is applied.
    NoFilter {
        /// Whose stream it is.
        connection: ConnectionId,
        /// Where.
        session: SessionId,
    },
    /// The filter does not tell of such a thing.
    UnknownFilterEvent {
        /// Of which stream.
        stream: String,
        /// `GStreamerFilter`…
        kind: String,
        /// As it was sent.
        event: String,
    },
    /// Nobody listens to that.
    NoFilterListener {
        /// Of which stream.
        stream: String,
        /// `GStreamerFilter`…
        kind: String,
    },
    /// An entry of a signal's addressees is none.
    AddresseeMissing,
    /// An addressee of a signal is not there.
    UnknownAddressee,
    /// A signal has more bytes than one may have.
    SignalTooLong {
        /// As many.
        bytes: usize,
        /// What one may have.
        longest: usize,
    },
    /// A participant makes others hear too much.
    TooManySignals {
        /// How much it may.
        limits: SignalLimits,
    },
    /// Something about speech: of a client, or of an application.
    Speech(SpeechRefusal),

    /// What an application asked about does not exist.
    NotFound(NotFound),
    /// The id is taken.
    SessionExists,
    /// An application's signal was not sent.
    Signal(SignalRefusal),
    /// A recording does not start.
    StartRecording(StartRefusal),
    /// A recording does not stop.
    StopRecording(StopRefusal),
    /// A visitor gets no place in a room of the call page.
    GuestPlace(GuestRefusal),
    /// A recording was started and does not run.
    RecordingFailed(RecordingStartFailure),
    /// A broadcast is not started, or not stopped.
    Broadcast(BroadcastRefusal),
    /// A broadcast was started and does not run.
    BroadcastFailed(BroadcastStartFailure),
}

/// What a client does with media.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum MediaDirection {
    /// It sends.
    Publishing,
    /// It receives.
    Subscribing,
}

/// Who offers in a subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Offerer {
    /// We do.
    Server,
    /// The subscriber does.
    Client,
}

impl From<NotFound> for Refusal {
    fn from(not_found: NotFound) -> Self {
        Self::NotFound(not_found)
    }
}

impl From<UnpublishRefusal> for Refusal {
    fn from(refusal: UnpublishRefusal) -> Self {
        match refusal {
            UnpublishRefusal::NotFound(what) => Self::NotFound(what),
            UnpublishRefusal::OfCamera => Self::StreamOfCamera,
        }
    }
}

impl From<SessionExists> for Refusal {
    fn from(_: SessionExists) -> Self {
        Self::SessionExists
    }
}

impl From<SignalRefusal> for Refusal {
    fn from(refusal: SignalRefusal) -> Self {
        Self::Signal(refusal)
    }
}

impl From<StartRefusal> for Refusal {
    fn from(refusal: StartRefusal) -> Self {
        Self::StartRecording(refusal)
    }
}

impl From<StopRefusal> for Refusal {
    fn from(refusal: StopRefusal) -> Self {
        Self::StopRecording(refusal)
    }
}

impl From<BroadcastRefusal> for Refusal {
    fn from(refusal: BroadcastRefusal) -> Self {
        Self::Broadcast(refusal)
    }
}

/// The refusal of a subscriber whose publisher's stream has gone meanwhile.
pub(crate) fn stream_gone(stream: &StreamId, session: &SessionId) -> Refusal {
    let publisher = crate::connection::owner_in(stream.as_str()).unwrap_or(stream.as_str()).to_owned();
    Refusal::NotStreaming { publisher, session: session.clone() }
}
