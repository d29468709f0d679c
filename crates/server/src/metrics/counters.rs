//! What is counted from the start of the server on, of what passes the control loop: observations of media, events, refusals.
//! Nothing in it is about one session or person, and nothing is counted per packet: media workers tell of periods.

use std::collections::BTreeMap;

use protocol::event::{Closing, Event, Reason, RecordingStatus};
use protocol::media::{MediaKind, PathProtocol, StreamStatistics, TransportObservation, TransportStatistics};
use session::refusal::MediaDirection;
use session::{MediaObservation, Noticed, Refusal};

use super::distribution::{Distribution, JITTER, LOSS, ROUND_TRIP};

/// All of it.
#[derive(Clone, Debug)]
pub(super) struct Counters {
    /// By what they come from: publishers, subscribers.
    pub(super) directions: [Direction; 2],
    pub(super) paths: BTreeMap<(&'static str, &'static str), u64>,
    pub(super) layer_changes: u64,
    pub(super) silences: u64,
    pub(super) stills: u64,
    /// Media workers whose threads have ended.
    pub(super) workers_lost: u64,
    pub(super) sessions_created: u64,
    pub(super) sessions_destroyed: BTreeMap<&'static str, u64>,
    pub(super) joined: u64,
    pub(super) left: BTreeMap<&'static str, u64>,
    pub(super) recordings: BTreeMap<&'static str, u64>,
    pub(super) refusals: BTreeMap<&'static str, u64>,
}

/// Of peer connections one way.
#[derive(Clone, Debug)]
pub(super) struct Direction {
    /// Peer connections that began on our side.
    pub(super) negotiated: u64,
    /// Of these, those whose client was heard.
    pub(super) reached: u64,
    pub(super) connected: u64,
    pub(super) disconnected: u64,
    /// Sound, pictures.
    pub(super) kinds: [Traffic; 2],
    pub(super) round_trip: Distribution,
}

/// Of one kind.
#[derive(Clone, Debug)]
pub(super) struct Traffic {
    pub(super) bytes: u64,
    pub(super) packets: u64,
    pub(super) nacks: u64,
    pub(super) key_frame_requests: u64,
    pub(super) frames: u64,
    pub(super) freezes: u64,
    pub(super) frozen_ms: u64,
    pub(super) loss: Distribution,
    pub(super) jitter: Distribution,
}

impl Default for Counters {
    fn default() -> Self {
        const TRAFFIC: Traffic = Traffic {
            bytes: 0,
            packets: 0,
            nacks: 0,
            key_frame_requests: 0,
            frames: 0,
            freezes: 0,
            frozen_ms: 0,
            loss: Distribution::over(&LOSS),
            jitter: Distribution::over(&JITTER),
        };
        const DIRECTION: Direction = Direction {
            negotiated: 0,
            reached: 0,
            connected: 0,
            disconnected: 0,
            kinds: [TRAFFIC; 2],
            round_trip: Distribution::over(&ROUND_TRIP),
        };
        Self {
            directions: [DIRECTION; 2],
            paths: BTreeMap::new(),
            layer_changes: 0,
            silences: 0,
            stills: 0,
            workers_lost: 0,
            sessions_created: 0,
            sessions_destroyed: zeros(Reason::WORDS),
            joined: 0,
            left: zeros(Reason::WORDS),
            recordings: zeros(RecordingStatus::WORDS),
            refusals: zeros(&REFUSALS),
        }
    }
}

/// A series has to be there before the first event: of one that begins with 1, Prometheus does not know that it has grown.
fn zeros(labels: &[&'static str]) -> BTreeMap<&'static str, u64> {
    labels.iter().map(|label| (*label, 0)).collect()
}

impl Counters {
    fn direction(&mut self, direction: MediaDirection) -> &mut Direction {
        match direction {
            MediaDirection::Publishing => &mut self.directions[0],
            MediaDirection::Subscribing => &mut self.directions[1],
        }
    }

    pub(super) fn noticed(&mut self, what: &Noticed) {
        if let Noticed::Negotiating { direction, .. } = what {
            self.direction(*direction).negotiated += 1;
        }
    }

    pub(super) fn saw(&mut self, observation: &MediaObservation) {
        let direction = self.direction(observation.leg.direction);
        match &observation.what {
            TransportObservation::Connected => direction.connected += 1,
            TransportObservation::Disconnected => direction.disconnected += 1,
            TransportObservation::Statistics(statistics) => direction.measured(statistics),
            TransportObservation::Path(path) => {
                let protocol = match path.protocol {
                    PathProtocol::Udp => "udp",
                    PathProtocol::Tcp => "tcp",
                };
                let relayed = if path.relayed { "true" } else { "false" };
                *self.paths.entry((protocol, relayed)).or_default() += 1;
            }
            TransportObservation::LayerChanged { .. } => self.layer_changes += 1,
            TransportObservation::Silent => self.silences += 1,
            TransportObservation::Still => self.stills += 1,
            TransportObservation::Checked => direction.reached += 1,
            TransportObservation::KeyFrameRequested { .. }
            | TransportObservation::FirstPacket { .. }
            | TransportObservation::FirstKeyFrame => {}
        }
    }

    pub(super) fn happened(&mut self, event: &Event) {
        let why = |closing: &Closing| closing.reason.map_or("none", |reason| reason.as_str());
        match event {
            Event::SessionCreated(_) => self.sessions_created += 1,
            Event::SessionDestroyed(closing) => *self.sessions_destroyed.entry(why(closing)).or_default() += 1,
            Event::ParticipantJoined(_) => self.joined += 1,
            Event::ParticipantLeft(left) => *self.left.entry(why(&left.closing)).or_default() += 1,
            Event::RecordingStatusChanged(recording) => {
                *self.recordings.entry(recording.status.as_str()).or_default() += 1;
            }
            _ => {}
        }
    }

    pub(super) fn refused(&mut self, refusal: &Refusal) {
        *self.refusals.entry(reason(refusal)).or_default() += 1;
    }
}

impl Direction {
    fn measured(&mut self, statistics: &TransportStatistics) {
        if let Some(micros) = statistics.round_trip_us {
            self.round_trip.add(f64::from(micros) / 1e6);
        }
        for stream in statistics.received.iter().chain(&statistics.sent) {
            self.kinds[usize::from(stream.kind == MediaKind::Video)].measured(stream);
        }
    }
}

impl Traffic {
    fn measured(&mut self, stream: &StreamStatistics) {
        self.bytes += stream.bytes;
        self.packets += u64::from(stream.packets);
        self.nacks += u64::from(stream.nacks);
        self.key_frame_requests += u64::from(stream.key_frame_requests);
        self.frames += u64::from(stream.pictures.frames);
        self.freezes += u64::from(stream.pictures.freezes);
        self.frozen_ms += u64::from(stream.pictures.frozen_ms);
        if stream.packets == 0 {
            return;
        }
        if let Some(permille) = stream.lost_permille {
            self.loss.add(f64::from(permille) / 1000.0);
        }
        if let Some(micros) = stream.jitter_us {
            self.jitter.add(f64::from(micros) / 1e6);
        }
    }
}

/// Every [`reason`].
const REFUSALS: [&str; 20] = [
    "already_joined",
    "broadcast_failed",
    "broadcast_refused",
    "codec_missing",
    "guest_place",
    "internal",
    "invalid_token",
    "not_allowed",
    "not_found",
    "not_joined",
    "other",
    "recording_failed",
    "recording_refused",
    "session_exists",
    "subscription_failed",
    "too_many_requests",
    "too_many_signals",
    "unknown_client",
    "unknown_session",
    "unusable_sdp",
];

/// What an operator can do something about has a name of its own.
pub(crate) fn reason(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Internal => "internal",
        Refusal::InvalidToken { .. } => "invalid_token",
        Refusal::UnknownSession { .. } => "unknown_session",
        Refusal::AlreadyJoined => "already_joined",
        Refusal::NotJoined { .. } | Refusal::NoLongerJoined { .. } | Refusal::RemovedMeanwhile { .. } => "not_joined",
        Refusal::UnknownClient => "unknown_client",
        Refusal::TooManyRequests => "too_many_requests",
        Refusal::SignalTooLong { .. } | Refusal::TooManySignals { .. } => "too_many_signals",
        Refusal::OfferUnusable { .. } | Refusal::AnswerUnusable { .. } => "unusable_sdp",
        Refusal::CodecMissing { .. } => "codec_missing",
        Refusal::SubscriptionFailed { .. } => "subscription_failed",
        Refusal::MayNotPublish
        | Refusal::NoTokenToPublish
        | Refusal::MayNotDisconnect
        | Refusal::MayNotUnpublish
        | Refusal::MayNotFilter { .. } => "not_allowed",
        Refusal::StartRecording(_) | Refusal::StopRecording(_) => "recording_refused",
        Refusal::RecordingFailed(_) => "recording_failed",
        Refusal::Broadcast(_) => "broadcast_refused",
        Refusal::BroadcastFailed(_) => "broadcast_failed",
        Refusal::GuestPlace(_) => "guest_place",
        Refusal::NotFound(_) => "not_found",
        Refusal::SessionExists => "session_exists",
        _ => "other",
    }
}
