//! A transport to a subscriber: one audio and one video stream out. It keeps what was sent for retransmission and makes
//! sender reports; which packets those are is decided elsewhere.

use std::time::Instant;

use super::engine::{Engine, Formats, Leg, OutgoingStream};
use super::{IceCredentials, Shared, Sink};
use crate::packet::MediaKind;
use crate::sdp::{AudioFormat, OFFERED_AUDIO, OFFERED_VIDEO, OutgoingIds, RemoteTransport, SubscribePlan, VideoFormat};
use crate::slots::Slot;

/// To a subscriber.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(super) engine: Engine,
    audio: Option<OutgoingStream>,
    video: Option<OutgoingStream>,
}

impl Sending {
    /// For an offer of ours; waits for [`Self::accept`].
    pub(crate) fn offering(
        shared: &Shared,
        slot: Slot,
        credentials: &IceCredentials,
        audio: Option<(&str, &AudioFormat)>,
        video: Option<(&str, &VideoFormat)>,
        ids: &OutgoingIds,
        now: Instant,
    ) -> Self {
        let extensions = OFFERED_AUDIO.iter().chain(OFFERED_VIDEO).copied().collect();
        let formats = Formats { audio: audio.map(|a| a.1), video: video.map(|v| v.1), extensions };
        Self::new(Engine::new(shared, slot, credentials, &formats, now), audio, video, ids)
    }

    /// The subscriber's answer has come.
    pub(crate) fn accept(&mut self, shared: &Shared, remote: &RemoteTransport, now: Instant, sink: &mut Sink) {
        self.engine.set_remote(shared, remote, true, now, sink);
    }

    /// For an offer of the subscriber; starts at once.
    pub(crate) fn answering(
        shared: &Shared,
        slot: Slot,
        credentials: &IceCredentials,
        plan: &SubscribePlan,
        ids: &OutgoingIds,
        now: Instant,
        sink: &mut Sink,
    ) -> Self {
        let audio = plan.audio().map(|(mid, _, format)| (mid, format));
        let video = plan.video().map(|(mid, _, format)| (mid, format));
        let formats =
            Formats { audio: audio.map(|a| a.1), video: video.map(|v| v.1), extensions: plan.extensions().collect() };
        let mut sending = Self::new(Engine::new(shared, slot, credentials, &formats, now), audio, video, ids);
        sending.engine.set_remote(shared, &plan.remote, false, now, sink);
        sending
    }

    fn new(
        mut engine: Engine,
        audio: Option<(&str, &AudioFormat)>,
        video: Option<(&str, &VideoFormat)>,
        ids: &OutgoingIds,
    ) -> Self {
        let audio = audio.map(|(mid, format)| {
            let stream = OutgoingStream { pt: format.pt, ssrc: ids.audio_ssrc };
            engine.declare_stream(mid, MediaKind::Audio, stream, None);
            stream
        });
        let video = video.map(|(mid, format)| {
            let stream = OutgoingStream { pt: format.pt, ssrc: ids.video_ssrc };
            engine.declare_stream(mid, MediaKind::Video, stream, format.rtx.map(|_| ids.video_rtx_ssrc));
            stream
        });
        Self { engine, audio, video }
    }

    pub(super) fn send(&mut self, now: Instant, sink: &mut Sink, write: impl FnOnce(&mut Leg<'_>)) {
        self.engine.send(self.audio, self.video, now, sink, write);
    }
}
