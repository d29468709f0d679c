//! A transport from a publisher: simulcast layers in, key frame requests out. With loop-back the same transport also
//! sends the publication back.

use std::time::Instant;

use protocol::media::IceCredentials;

use super::engine::{Engine, EngineLeg, Expected, Formats, OutgoingStream};
use super::{Shared, Sink};
use crate::packet::MediaKind;
use crate::sdp::{OutgoingIds, PublishPlan};
use crate::slots::Slot;
use crate::uplink::Uplink;

/// From a publisher.
#[derive(Debug)]
pub(crate) struct Receiving {
    pub(super) engine: Engine,
    video_mid: Option<String>,
    /// What the client is told of how much its pictures shall take.
    uplink: Option<Uplink>,
    /// Loop-back.
    audio: Option<OutgoingStream>,
    video: Option<OutgoingStream>,
}

impl Receiving {
    /// Built from the plan of the answer; starts at once.
    #[allow(clippy::too_many_arguments, reason = "called once; a struct would only rename them")]
    pub(crate) fn new(
        shared: &Shared,
        slot: Slot,
        credentials: &IceCredentials,
        plan: &PublishPlan,
        ids: &OutgoingIds,
        uplink: Option<Uplink>,
        generation: u32,
        now: Instant,
        sink: &mut Sink,
    ) -> Self {
        let (audio, video) = (plan.audio(), plan.video());
        let formats = Formats {
            audio: audio.map(|(.., format)| format),
            video: video.map(|(.., format)| format),
            extensions: plan.extensions().collect(),
        };
        let mut engine = Engine::new(shared, slot, credentials, &formats, now);
        engine.expect(
            generation,
            audio.map(|(mid, a, format)| Expected {
                mid,
                rids: &a.rids,
                sources: &a.sources,
                pt: format.pt,
                red: format.red,
                named: a.is_named(),
            }),
            video.map(|(mid, a, format)| Expected {
                mid,
                rids: &a.rids,
                sources: &a.sources,
                pt: format.pt,
                red: None,
                named: a.is_named(),
            }),
            plan.transport_cc(),
        );
        let audio = audio.filter(|(_, a, _)| a.direction.sends()).map(|(mid, _, format)| {
            let stream = OutgoingStream { pt: format.pt, ssrc: ids.audio_ssrc };
            engine.declare_stream(mid, MediaKind::Audio, stream, None);
            stream
        });
        let loop_video = video.filter(|(_, a, _)| a.direction.sends()).map(|(mid, _, format)| {
            let stream = OutgoingStream { pt: format.pt, ssrc: ids.video_ssrc };
            engine.declare_stream(mid, MediaKind::Video, stream, format.rtx.map(|_| ids.video_rtx_ssrc));
            stream
        });
        engine.set_remote(shared, &plan.remote, false, now, sink);
        let uplink = uplink.filter(|_| video.is_some());
        Self { engine, video_mid: video.map(|(mid, ..)| mid.to_owned()), uplink, audio, video: loop_video }
    }

    /// What comes from now on is of another publication, or of this one anew.
    pub(crate) fn set_generation(&mut self, generation: u32) {
        self.engine.set_generation(generation);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let engine = self.engine.deadline()?;
        Some(self.uplink.as_ref().map_or(engine, |uplink| engine.min(uplink.due())))
    }

    /// It is time to say again how much is wanted of the publisher.
    pub(crate) fn uplink_is_due(&self, now: Instant) -> bool {
        self.uplink.as_ref().is_some_and(|uplink| uplink.due() <= now)
    }

    /// Says it, if it has to be said. `is_watched`: more than the smallest layer is of use to somebody.
    pub(crate) fn review_uplink(&mut self, is_watched: bool, now: Instant, sink: &mut Sink) {
        if let (Some(uplink), Some(mid)) = (&mut self.uplink, &self.video_mid)
            && let Some(most) = uplink.review(is_watched, now)
            && !self.engine.limit(mid, most, now, sink)
        {
            uplink.missed(now);
        }
    }

    pub(super) fn request_key_frame(&mut self, layer: usize, now: Instant, sink: &mut Sink) {
        if let Some(mid) = &self.video_mid {
            self.engine.request_key_frame(mid, layer, now, sink);
        }
    }

    pub(super) fn send(&mut self, now: Instant, sink: &mut Sink, write: impl FnOnce(&mut EngineLeg<'_>)) {
        self.engine.send(self.audio, self.video, now, sink, write);
    }
}
