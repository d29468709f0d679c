//! What a media worker is asked for.

use serde::{Deserialize, Serialize};

use super::{BitrateLimits, CodecChoice, IceCredentials, Kinds, Legs, LocalFormats, Reception, Selection};
use crate::id::{MediaRequestId, PublicationId, RouterId, SubscriberId, TapId, TransportId, WorkerId};

/// Something to be done in one room.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MediaCommand {
    /// The room, and with it the worker.
    pub router: RouterId,
    /// What to do there. What it names is looked for in this room and in no other.
    pub op: MediaOperation,
}

/// Ordered per router. Those with a `request` are settled by exactly one event with the same id; what is said of an
/// unknown id is ignored otherwise.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum MediaOperation {
    /// Opens the room.
    CreateRouter,
    /// Closes the room with all its transports.
    CloseRouter,
    /// A client offers media. Settled by [`super::MediaEvent::Answered`] or [`super::MediaEvent::Failed`].
    ///
    /// If `publication` exists already, its old transport is replaced once the new one is answered; subscribers go on
    /// on their own transports (sequence numbers and timestamps are re-based, a key frame is asked for).
    Publish {
        /// Settled under this id.
        request: MediaRequestId,
        /// New or existing publication.
        publication: PublicationId,
        /// Id for the new receiving transport.
        transport: TransportId,
        /// SDP offer, `sendonly` (or `sendrecv` with `loopback`).
        offer: String,
        /// What the client says it sends. Nothing else is taken from the offer.
        kinds: Kinds,
        /// Video codec rule.
        codecs: CodecChoice,
        /// What the client is asked to keep to. Of simulcast, the best layer.
        bitrate: BitrateLimits,
        /// Send the publication back on the same transport.
        loopback: bool,
    },
    /// A publication whose packets are made on this machine: they are handed to the worker beside its commands, and key frames are asked
    /// for there. Given again, it consists of something else from now on. Never settled.
    PublishLocal {
        /// New, or local already.
        publication: PublicationId,
        /// `None`: that is not known yet, and who subscribes waits until it is.
        formats: Option<LocalFormats>,
    },
    /// What a client publishes goes elsewhere from now on: to a new publication, which nobody subscribes to. The one that all
    /// know keeps its subscribers and its formats, and is local ([`MediaOperation::PublishLocal`]). The client's next transport
    /// ([`MediaOperation::Publish`] names the publication that all know) goes there, too, but for what it is sent back. Never settled.
    Interpose {
        /// Of a client.
        publication: PublicationId,
        /// New.
        behind: PublicationId,
        /// Taps of it that go along.
        taps: Vec<TapId>,
    },
    /// Undoes [`MediaOperation::Interpose`]. The taps of the publication behind end; nothing is told of them. Never settled.
    Withdraw {
        /// Local because of that.
        publication: PublicationId,
    },
    /// A client wants to receive a publication. Without `offer` the worker offers ([`super::MediaEvent::Offered`]) and
    /// expects an [`MediaOperation::AcceptAnswer`]; with `offer` it answers ([`super::MediaEvent::Answered`]).
    Subscribe {
        /// Settled under this id.
        request: MediaRequestId,
        /// What to receive.
        publication: PublicationId,
        /// The worker that has it: in its room of the same number. What is in another one comes through a pipe.
        source: WorkerId,
        /// Who receives; all transports of one client have the same.
        subscriber: SubscriberId,
        /// Id for the new sending transport.
        transport: TransportId,
        /// How much of the publication.
        reception: Reception,
        /// SDP offer of the client, `recvonly`.
        offer: Option<String>,
    },
    /// Subscribers want more or less from now on. A picture that was paused goes on with a key frame, which is asked
    /// for. Never settled.
    ChangeReception {
        /// Whose.
        legs: Legs,
        /// Replaces what was wanted before.
        reception: Reception,
    },
    /// A subscriber wants so many publications of this room at a time, and these in any case: replaces what it wanted before,
    /// also for publications that it subscribes to later. What is not chosen is paused, as with
    /// [`MediaOperation::ChangeReception`], until it is. Never settled.
    Select {
        /// Whose.
        subscriber: SubscriberId,
        /// Replaces what was wanted before; [`Selection::default`] when the subscriber has left.
        selection: Selection,
    },
    /// The answer to an [`super::MediaEvent::Offered`]. Settled by [`super::MediaEvent::Accepted`] or
    /// [`super::MediaEvent::Failed`].
    AcceptAnswer {
        /// Settled under this id.
        request: MediaRequestId,
        /// The transport that was offered.
        transport: TransportId,
        /// SDP answer.
        answer: String,
    },
    /// A trickled remote candidate (the `candidate:…` line). Never settled: what cannot be used is skipped.
    AddRemoteCandidate {
        /// The peer connection.
        transport: TransportId,
        /// May be empty (end of candidates), a `.local` name, TCP…
        candidate: String,
    },
    /// A client begins ICE anew on a transport that goes on: DTLS and media stay as they are, and what is sent goes where it went
    /// until there is another way. Settled by [`super::MediaEvent::Restarted`] or [`super::MediaEvent::Failed`].
    RestartIce {
        /// Settled under this id.
        request: MediaRequestId,
        /// The peer connection.
        transport: TransportId,
        /// The client's from now on.
        credentials: IceCredentials,
    },
    /// Closes one transport; a publication loses its media with its receiving transport.
    CloseTransport {
        /// The peer connection.
        transport: TransportId,
    },
    /// Ends a publication and every sending transport in this room that receives it.
    ClosePublication {
        /// The publication.
        publication: PublicationId,
    },
    /// Hands out a copy of every packet that a publication receives (of simulcast, of the best layer) from the next key
    /// frame on, which it asks for. It outlives the publisher's transports and ends with the publication, which
    /// [`super::MediaEvent::TapEnded`] tells; an unknown publication has ended already.
    SetTap {
        /// New id; one that is in use moves here.
        tap: TapId,
        /// What to copy.
        publication: PublicationId,
        /// Copies sound.
        audio: bool,
        /// Copies pictures.
        video: bool,
    },
    /// Ends a tap. Nothing is told.
    RemoveTap {
        /// The tap.
        tap: TapId,
    },
    /// Whoever takes a tap's packets cannot go on without a key frame.
    RequestKeyFrame {
        /// The tap.
        tap: TapId,
    },
}

impl MediaOperation {
    /// The id under which it has to be settled, if it has to be.
    pub fn request(&self) -> Option<MediaRequestId> {
        match self {
            Self::Publish { request, .. }
            | Self::Subscribe { request, .. }
            | Self::AcceptAnswer { request, .. }
            | Self::RestartIce { request, .. } => Some(*request),
            Self::CreateRouter
            | Self::CloseRouter
            | Self::PublishLocal { .. }
            | Self::Interpose { .. }
            | Self::Withdraw { .. }
            | Self::ChangeReception { .. }
            | Self::Select { .. }
            | Self::AddRemoteCandidate { .. }
            | Self::CloseTransport { .. }
            | Self::ClosePublication { .. }
            | Self::SetTap { .. }
            | Self::RemoveTap { .. }
            | Self::RequestKeyFrame { .. } => None,
        }
    }

    /// Addressed.
    pub fn at(self, router: RouterId) -> MediaCommand {
        MediaCommand { router, op: self }
    }
}
