//! Requests to the media worker that a client waits for: who asked, what for, and how it ends: with the worker's report,
//! too late, or because the asker went away.

use std::collections::HashMap;
use std::sync::Arc;

use protocol::error::ErrorCode;
use protocol::id::{MediaRequestId, PublicationId, StreamId, TransportId};
use protocol::media::{MediaCommand, MediaEvent, MediaFailure};
use protocol::rpc::{ClientReply, PublishVideo, RpcError};

use crate::client::{Origin, Seat};
use crate::id::{ClientId, ParticipantId};
use crate::request::{Answer, Answered};
use crate::timer::Timer;
use crate::{Registry, Time};

/// The worker's outcome: its SDP (none when it accepted an answer), or why not.
pub(crate) type Outcome = Result<Option<String>, MediaFailure>;

/// What is asked of the media worker on behalf of one client's request.
#[derive(Debug)]
pub(crate) struct MediaRequest {
    pub(crate) origin: Origin,
    pub(crate) seat: Seat,
    pub(crate) task: Task,
}

/// What the worker was asked for.
#[derive(Debug)]
pub(crate) enum Task {
    /// A new stream.
    Publish { publication: PublicationId, transport: TransportId, request: Box<PublishVideo> },
    /// A new peer connection for a stream that goes on.
    Republish { stream: StreamId, transport: TransportId, offer: Arc<str> },
    /// Our offer to a subscriber, or with the client's `offer` our answer.
    Subscribe { publisher: ParticipantId, stream: StreamId, transport: TransportId, offer: Option<Arc<str>> },
    /// Taking a subscriber's answer.
    Accept { publisher: ParticipantId, transport: TransportId, answer: Arc<str> },
}

/// All that are open.
#[derive(Debug, Default)]
pub(crate) struct MediaRequests {
    open: HashMap<MediaRequestId, MediaRequest>,
    /// Clients whose request was settled: the next one in their queue may go on.
    woken: Vec<ClientId>,
}

impl MediaRequests {
    pub(crate) fn take_woken(&mut self) -> Vec<ClientId> {
        std::mem::take(&mut self.woken)
    }

    pub(crate) fn count(&self) -> usize {
        self.open.len()
    }
}

impl Registry {
    /// Notes who waits for `id`. The caller sends the command.
    pub(crate) fn await_media(&mut self, id: MediaRequestId, request: MediaRequest, now: Time) -> Answered {
        if let Some(client) = self.clients.get_mut(request.origin.client) {
            client.waiting = Some(id);
        }
        self.timers.set(Timer::Media(id), now + self.settings.media_timeout);
        self.media.open.insert(id, request);
        Ok(Answer::Later)
    }

    pub(crate) fn take_media_event(&mut self, event: MediaEvent, now: Time) {
        let (id, outcome) = match event {
            MediaEvent::Answered { request, sdp } | MediaEvent::Offered { request, sdp } => (request, Ok(Some(sdp))),
            MediaEvent::Accepted { request } => (request, Ok(None)),
            MediaEvent::Failed { request, why } => (request, Err(why)),
            MediaEvent::Connected { transport } => {
                tracing::debug!(?transport, "media connected");
                return;
            }
            MediaEvent::Disconnected { transport } => {
                tracing::debug!(?transport, "media disconnected");
                return;
            }
            MediaEvent::TapEnded { tap } => {
                self.tap_ended(tap, now);
                return;
            }
        };
        let Some(request) = self.settle_media(id) else {
            // Too late: it has been rolled back when the client was told so.
            tracing::debug!(request = ?id, "media worker answered a request that nobody waits for");
            return;
        };
        self.complete(request, outcome, now);
    }

    /// The worker was too slow. What it does from now on is undone at once: it works in order.
    pub(crate) fn give_up_media(&mut self, id: MediaRequestId, now: Time) {
        let Some(request) = self.settle_media(id) else { return };
        tracing::warn!(session = %request.seat.session, "media worker did not answer in time");
        self.roll_back(&request.task);
        self.complete(request, Err(MediaFailure::Internal), now);
    }

    /// The asker went away: it gets this answer, and the worker's is undone.
    pub(crate) fn abandon_media(&mut self, id: MediaRequestId, result: Result<ClientReply, RpcError>) {
        let Some(request) = self.settle_media(id) else { return };
        self.roll_back(&request.task);
        self.clients.reply(request.origin, result);
    }

    fn settle_media(&mut self, id: MediaRequestId) -> Option<MediaRequest> {
        let request = self.media.open.remove(&id)?;
        self.timers.cancel(Timer::Media(id));
        if let Some(client) = self.clients.get_mut(request.origin.client) {
            client.waiting = None;
        }
        self.media.woken.push(request.origin.client);
        Some(request)
    }

    fn complete(&mut self, request: MediaRequest, outcome: Outcome, now: Time) {
        let MediaRequest { origin, seat, task } = request;
        let answered = match task {
            Task::Publish { publication, transport, request } => {
                self.published(origin, &seat, publication, transport, *request, outcome, now)
            }
            Task::Republish { stream, transport, offer } => self.republished(&seat, &stream, transport, offer, outcome),
            Task::Subscribe { publisher, stream, transport, offer } => {
                self.subscribed(origin, &seat, publisher, stream, transport, offer, outcome, now)
            }
            Task::Accept { publisher, transport, answer } => {
                self.accepted(&seat, publisher, transport, answer, outcome, now)
            }
        };
        match answered {
            Ok(Answer::Reply(reply)) => self.clients.reply(origin, Ok(reply)),
            Ok(Answer::Given | Answer::Later) => {}
            Err(error) => self.clients.reply(origin, Err(error)),
        }
    }

    fn roll_back(&mut self, task: &Task) {
        match *task {
            Task::Publish { publication, transport, .. } => {
                self.command(MediaCommand::ClosePublication { publication });
                self.command(MediaCommand::CloseTransport { transport });
            }
            Task::Republish { transport, .. } | Task::Subscribe { transport, .. } | Task::Accept { transport, .. } => {
                self.command(MediaCommand::CloseTransport { transport });
            }
        }
    }
}

/// 302.
pub(crate) fn sdp_error(text: impl std::fmt::Display) -> RpcError {
    RpcError::new(ErrorCode::MediaSdp, text)
}
