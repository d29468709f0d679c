//! Requests to the media worker that a client waits for: who asked, what for, and how it ends: with the worker's report,
//! too late, or because the asker went away.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use protocol::filter::{Filter, FilterCall};
use protocol::id::{MediaRequestId, PublicationId, RouterId, SessionId, StreamId, TransportId};
use protocol::media::{IceCredentials, Kinds, MediaEvent, MediaFailure, MediaOperation, VideoCodec};

use crate::client::{Origin, Seat};
use crate::context::Context;
use crate::id::{ClientId, ParticipantId};
use crate::observation::{MediaLeg, MediaObservation};
use crate::publish::Publishing;
use crate::refusal::MediaDirection;
use crate::request::{Decision, impossible};
use crate::session::Session;
use crate::timer::Timer;
use crate::{Attempt, Noticed, Refusal, Registry, Reply, Time};

/// What the worker made of a request.
pub(crate) type MediaResult = Result<MediaAgreement, MediaFailure>;

/// What the worker has agreed to.
#[derive(Debug)]
pub(crate) enum MediaAgreement {
    /// To a client's offer.
    Answer { sdp: String, kinds: Kinds },
    /// To be answered by the client.
    Offer { sdp: String },
    /// The client's answer.
    Accepted,
    /// To begin ICE anew.
    Restarted { credentials: IceCredentials, candidates: Vec<String> },
}

impl MediaAgreement {
    pub(crate) fn sdp(self) -> Option<String> {
        match self {
            Self::Answer { sdp, .. } | Self::Offer { sdp } => Some(sdp),
            Self::Accepted | Self::Restarted { .. } => None,
        }
    }
}

/// What is asked of the media worker on behalf of one client's request.
#[derive(Debug)]
pub(crate) struct MediaRequest {
    pub(crate) origin: Origin,
    pub(crate) seat: Seat,
    pub(crate) router: RouterId,
    pub(crate) task: MediaTask,
}

/// What the worker was asked for.
#[derive(Debug)]
pub(crate) enum MediaTask {
    /// A new stream.
    Publish { transport: TransportId, publishing: Publishing },
    /// A filter, of whose stream what follows is to be published.
    PrepareFilter(Publishing),
    /// The first picture of a filter for a stream that is there.
    ApplyFilter { publisher: ParticipantId, stream: StreamId, filter: Filter },
    /// A method of a filter.
    CallFilter { publisher: ParticipantId, stream: StreamId, call: FilterCall },
    /// A new peer connection for a stream that goes on.
    Republish { stream: StreamId, transport: TransportId, offer: Arc<str> },
    /// Our offer to a subscriber, or with the client's `offer` our answer.
    Subscribe {
        publisher: ParticipantId,
        stream: StreamId,
        /// Into which it is transcoded, if it is.
        codec: Option<VideoCodec>,
        transport: TransportId,
        offer: Option<Arc<str>>,
    },
    /// Beginning ICE anew; without a publisher, of the client's own stream.
    RestartIce { publisher: Option<ParticipantId>, transport: TransportId, remote_ufrag: String },
    /// Taking a subscriber's answer.
    Accept { publisher: ParticipantId, transport: TransportId, answer: Arc<str> },
}

impl MediaTask {
    /// What the worker has done, or will do, shall have no effect: it works in order.
    fn roll_back(&self, router: RouterId, cx: &mut Context) {
        match *self {
            Self::Publish { transport, ref publishing } => {
                let publication = publishing.publication;
                cx.effects.media(router, MediaOperation::ClosePublication { publication });
                cx.effects.media(router, MediaOperation::CloseTransport { transport });
                publishing.discard(cx);
            }
            Self::PrepareFilter(ref publishing) => publishing.discard(cx),
            // It goes on, whoever waits.
            Self::ApplyFilter { .. } | Self::CallFilter { .. } => {}
            Self::Republish { transport, .. } | Self::Subscribe { transport, .. } | Self::Accept { transport, .. } => {
                cx.effects.media(router, MediaOperation::CloseTransport { transport });
            }
            // Whatever its credentials are: it is what it was.
            Self::RestartIce { .. } => {}
        }
    }
}

/// All that are open.
#[derive(Debug, Default)]
pub(crate) struct MediaRequests {
    open: HashMap<MediaRequestId, MediaRequest>,
    /// Clients whose request was settled: the next one in their queue may go on.
    woken: VecDeque<ClientId>,
}

impl MediaRequests {
    pub(crate) fn open(&mut self, id: MediaRequestId, request: MediaRequest) {
        self.open.insert(id, request);
    }

    pub(crate) fn take_woken(&mut self) -> Option<ClientId> {
        self.woken.pop_front()
    }

    /// Those that somebody in this session waits for.
    pub(crate) fn of_session(&self, session: &SessionId) -> Vec<MediaRequestId> {
        self.open.iter().filter(|(_, request)| request.seat.session == *session).map(|(id, _)| *id).collect()
    }

    /// Codecs in which a publisher's stream is to be received, by those who wait for it.
    pub(crate) fn codecs_wanted(&self, session: &SessionId, of: ParticipantId) -> impl Iterator<Item = VideoCodec> {
        self.open.values().filter(move |request| request.seat.session == *session).filter_map(move |request| {
            match request.task {
                MediaTask::Subscribe { publisher, codec, .. } if publisher == of => codec,
                _ => None,
            }
        })
    }

    pub(crate) fn count(&self) -> usize {
        self.open.len()
    }
}

impl Context {
    /// The asker went away: it gets this answer, and the worker's is undone.
    pub(crate) fn abandon_media(&mut self, id: MediaRequestId, result: Result<Reply, Refusal>) {
        let Some(request) = self.settle_media(id) else { return };
        request.task.roll_back(request.router, self);
        self.reply(request.origin, result);
    }

    fn settle_media(&mut self, id: MediaRequestId) -> Option<MediaRequest> {
        let request = self.media.open.remove(&id)?;
        self.timers.cancel(Timer::Media(id));
        if let Some(client) = self.clients.get_mut(request.origin.client) {
            client.waiting = None;
        }
        self.media.woken.push_back(request.origin.client);
        Some(request)
    }
}

impl Registry {
    pub(crate) fn take_media_event(&mut self, event: MediaEvent, now: Time) {
        let (id, result) = match event {
            MediaEvent::Answered { request, sdp, kinds } => (request, Ok(MediaAgreement::Answer { sdp, kinds })),
            MediaEvent::Offered { request, sdp } => (request, Ok(MediaAgreement::Offer { sdp })),
            MediaEvent::Accepted { request } => (request, Ok(MediaAgreement::Accepted)),
            MediaEvent::Restarted { request, credentials, candidates } => {
                (request, Ok(MediaAgreement::Restarted { credentials, candidates }))
            }
            MediaEvent::Failed { request, why } => (request, Err(why)),
            MediaEvent::Observed { router, transport, observation: what } => {
                // Of one that is closed by now there is nobody to tell.
                if let Some(leg) = self.cx.legs.saw(router, transport, &what, now).cloned() {
                    self.rate(&leg, &what, now);
                    self.notice_caller(&leg, &what, now);
                    self.cx.effects.observed(MediaObservation { leg, what });
                }
                return;
            }
            MediaEvent::WorkerLost { worker } => {
                self.lose_worker(worker, now);
                return;
            }
            MediaEvent::TapEnded { router: _, tap } => {
                self.tap_ended(tap, now);
                self.broadcast_tap_ended(tap);
                self.cx.speech_tap_ended(tap);
                return;
            }
        };
        self.complete_media(id, result, now);
    }

    /// What was asked for is there, or is not.
    pub(crate) fn complete_media(&mut self, id: MediaRequestId, result: MediaResult, now: Time) {
        let Some(request) = self.cx.settle_media(id) else {
            // Too late: it has been rolled back when the client was told so.
            tracing::debug!(request = ?id, "media worker answered a request that nobody waits for");
            return;
        };
        if let (MediaTask::Subscribe { transport, .. }, Err(_)) = (&request.task, &result) {
            self.cx.effects.demand.forget(*transport);
        }
        self.complete(request, result, now);
    }

    /// What was asked for cannot be, for a reason that media knows nothing of.
    pub(crate) fn refuse_media(&mut self, id: MediaRequestId, refusal: Refusal) {
        if let Some(request) = self.cx.settle_media(id) {
            request.task.roll_back(request.router, &mut self.cx);
            let refused = Err(refusal);
            self.notice_refusal(&request.seat, Attempt::of_task(&request.task), &refused);
            self.cx.answer(request.origin, refused);
        }
    }

    /// The worker was too slow. What it does from now on is undone at once: it works in order.
    pub(crate) fn give_up_media(&mut self, id: MediaRequestId, now: Time) {
        let Some(request) = self.cx.settle_media(id) else { return };
        tracing::warn!(session = %request.seat.session, "media worker did not answer in time");
        request.task.roll_back(request.router, &mut self.cx);
        self.complete(request, Err(MediaFailure::Internal), now);
    }

    fn complete(&mut self, request: MediaRequest, result: MediaResult, now: Time) {
        let MediaRequest { origin, seat, router: _, task } = request;
        let attempt = Attempt::of_task(&task);
        let decision = match self.sessions.get_mut(&seat.session) {
            Some(session) => session.complete(origin, seat.participant, task, result, &mut self.cx, now),
            None => Err(impossible("media was asked for a session that has gone", &seat.session, seat.participant)),
        };
        self.notice_refusal(&seat, attempt, &decision);
        self.cx.answer(origin, decision);
    }
}

impl Session {
    /// Names a peer connection that both sides have agreed on.
    pub(crate) fn open_leg(
        &self,
        who: ParticipantId,
        transport: TransportId,
        publication: PublicationId,
        stream: StreamId,
        direction: MediaDirection,
        cx: &mut Context,
    ) {
        let Some(participant) = self.participant(who) else { return };
        self.notice(who, Noticed::Negotiating { stream: stream.clone(), direction }, cx);
        let (session, connection) = (self.id.clone(), participant.connection.clone());
        cx.legs.open(participant.room, transport, publication, MediaLeg { session, connection, stream, direction });
    }

    fn complete(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        task: MediaTask,
        result: MediaResult,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        match task {
            MediaTask::Publish { transport, publishing } => {
                self.published(origin, who, (transport, publishing), result, cx, now)
            }
            MediaTask::PrepareFilter(publishing) => match result {
                Ok(_) => self.offer_to_media(origin, who, publishing, cx, now),
                Err(_) => Err(Refusal::FilterFailed { why: "the filter did not start in time".to_owned() }),
            },
            MediaTask::ApplyFilter { publisher, stream, filter } => {
                self.filter_applied(origin, who, (publisher, stream, filter), &result, cx)
            }
            MediaTask::CallFilter { publisher, stream, call } => {
                self.filter_called(origin, who, (publisher, stream, call), &result, cx)
            }
            MediaTask::Republish { stream, transport, offer } => {
                self.republished(who, &stream, (transport, offer), result, cx, now)
            }
            MediaTask::Subscribe { publisher, stream, codec, transport, offer } => {
                self.subscribed(origin, who, publisher, stream, codec, transport, offer, result, cx, now)
            }
            MediaTask::RestartIce { publisher, transport, remote_ufrag } => {
                self.ice_restarted(who, publisher, transport, remote_ufrag, result)
            }
            MediaTask::Accept { publisher, transport, answer } => {
                self.accepted(who, publisher, transport, answer, result, cx, now)
            }
        }
    }
}
