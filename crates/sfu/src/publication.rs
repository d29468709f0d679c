//! What one client sends: its formats, its layers, and who receives it. It outlives the transport that carries it. It
//! moves no packets: it annotates them for the forwarders and says when the publisher owes a key frame.

use std::time::Instant;

use protocol::id::{PublicationId, RouterId, WorkerId};

use crate::codec;
use crate::frames::Frames;
use crate::keyframe::{self, KeyFrameRequests};
use crate::layer_selector::LayerActivity;
use crate::packet::{MediaKind, Packet};
use crate::pipe::{Description, Place, Upstream};
use crate::rates::Rates;
use crate::redundancy::Redundancy;
use crate::retransmission::Kept;
use crate::sdp::{AudioFormat, VideoFormat};
use crate::selection::{Audience, Choice};
use crate::sender_clock::SenderClock;
use crate::slots::Slot;
use crate::tap::Tap;

/// A publication.
#[derive(Debug)]
pub(crate) struct Publication {
    pub(crate) router: RouterId,
    /// The receiving transport, if there is one now.
    pub(crate) transport: Option<Slot>,
    /// Its packets come out of another worker or from this machine, and there is no receiving transport.
    pub(crate) upstream: Option<Upstream>,
    /// Where what its client sends goes instead: this one is made of that.
    pub(crate) behind: Option<PublicationId>,
    /// Workers that get its packets, too.
    pub(crate) downstream: Vec<WorkerId>,
    /// Counts the transports.
    pub(crate) generation: u32,
    pub(crate) audio: Option<AudioFormat>,
    pub(crate) video: Option<VideoFormat>,
    /// Sizes of the picture, from small to large: the streams of simulcast, or the layers of the only stream as far as they have
    /// been seen; none without video.
    pub(crate) layers: Vec<LayerActivity>,
    /// Of each stream.
    frames: Vec<Frames>,
    requests: Vec<KeyFrameRequests>,
    clock: SenderClock,
    /// What its sound and its layers take.
    pub(crate) rates: Rates,
    /// What of its sound came, or was put back.
    pub(crate) redundancy: Redundancy,
    /// Transports that receive it.
    pub(crate) consumers: Vec<Slot>,
    /// How many of those are given anything.
    pub(crate) audience: Audience,
    pub(crate) taps: Vec<Tap>,
    /// Packets to be forwarded, collected until the outputs are taken.
    pub(crate) pending: Vec<Packet>,
    /// What its subscribers may ask for again.
    pub(crate) kept: Kept,
}

impl Publication {
    pub(crate) fn new(router: RouterId, now: Instant) -> Self {
        Self {
            router,
            transport: None,
            upstream: None,
            behind: None,
            downstream: Vec::new(),
            generation: 0,
            audio: None,
            video: None,
            layers: Vec::new(),
            frames: Vec::new(),
            requests: Vec::new(),
            clock: SenderClock::new(now),
            rates: Rates::default(),
            redundancy: Redundancy::default(),
            consumers: Vec::new(),
            audience: Audience::default(),
            taps: Vec::new(),
            pending: Vec::new(),
            kept: Kept::default(),
        }
    }

    /// One whose packets come from elsewhere.
    pub(crate) fn from_elsewhere(router: RouterId, upstream: Upstream, now: Instant) -> Self {
        Self { upstream: Some(upstream), ..Self::new(router, now) }
    }

    /// Another transport receives it, and all of it for now.
    pub(crate) fn add_consumer(&mut self, slot: Slot) {
        self.consumers.push(slot);
        self.audience.add(Choice::ALL);
    }

    /// The pictures since the last key frame of a layer that have been forwarded already: if it is so recent that the publisher
    /// would not be asked for another one yet.
    pub(crate) fn since_key_frame(&self, layer: usize, now: Instant) -> Vec<Packet> {
        let stream = self.layers.get(layer).map(|layer| layer.stream);
        let begins = |packet: &Packet| {
            packet.key_frame_start
                && (Some(packet.source.layer), packet.source.generation) == (stream, self.generation)
                && now.saturating_duration_since(packet.arrival) <= keyframe::SPACING
        };
        self.kept.since(begins, self.pending.iter().find_map(|packet| packet.kept))
    }

    /// A (new) transport carries it from now on.
    pub(crate) fn take_over(
        &mut self,
        transport: Slot,
        audio: Option<AudioFormat>,
        video: Option<VideoFormat>,
        layers: usize,
        now: Instant,
    ) {
        self.transport = Some(transport);
        // What has been announced is offered to whoever comes later, also while nothing of it is sent: a client that was
        // told of sound does without the picture, too, if it is offered no sound.
        let audio = audio.or(self.audio.take());
        let layers = if video.is_some() { layers.max(1) } else { 0 };
        self.describe(&Description { generation: self.generation.wrapping_add(1), audio, video, layers }, now);
    }

    /// What it is.
    pub(crate) fn description(&self) -> Description {
        let (audio, video) = (self.audio.clone(), self.video.clone());
        Description { generation: self.generation, audio, video, layers: self.requests.len() }
    }

    /// It is something else from now on: what was known of its packets does not count any more.
    pub(crate) fn describe(&mut self, description: &Description, now: Instant) {
        let Description { generation, audio, video, layers } = description.clone();
        self.generation = generation;
        self.audio = audio;
        self.layers = (0..layers).map(LayerActivity::of_stream).collect();
        self.frames = (0..layers).map(|_| Frames::of(layers)).collect();
        self.requests = (0..layers).map(|_| KeyFrameRequests::default()).collect();
        self.video = video;
        self.rates = Rates::new(layers);
        self.clock = SenderClock::new(now);
        let codec = self.video.as_ref().map(|video| video.codec);
        for tap in &mut self.taps {
            tap.start(codec, &self.layers, self.generation, now);
        }
    }

    /// Its packets come out of that worker.
    pub(crate) fn comes_from(&self, worker: WorkerId) -> bool {
        self.upstream.as_ref().and_then(Upstream::worker) == Some(worker)
    }

    /// Its packets are made on this machine.
    pub(crate) fn is_local(&self) -> bool {
        self.upstream.as_ref().is_some_and(|upstream| upstream.place == Place::Local)
    }

    /// There is somebody whom its packets are for.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.consumers.is_empty() || !self.taps.is_empty() || !self.downstream.is_empty()
    }

    /// Takes note of a packet and completes it. `false` if it is not of the current transport.
    pub(crate) fn annotate(&mut self, packet: &mut Packet) -> bool {
        if packet.source.generation != self.generation {
            return false;
        }
        let clock_rate = match packet.kind {
            MediaKind::Audio => 48_000,
            MediaKind::Video => {
                let (Some(frames), Some(video)) = (self.frames.get_mut(packet.source.layer), &self.video) else {
                    return false;
                };
                // Probing with padding says nothing about a layer being sent.
                if !packet.payload.is_empty() {
                    codec::read(video.codec, packet, frames);
                    if packet.key_frame_start {
                        self.requests[packet.source.layer].served();
                    }
                    let index = packet.layer();
                    while self.layers.len() <= index {
                        // Of the only stream: there are none above those of simulcast.
                        self.layers.push(LayerActivity { spatial: self.layers.len() as u8, ..Default::default() });
                    }
                    let layer = &mut self.layers[index];
                    layer.last_packet = Some(packet.arrival);
                    layer.frames += u64::from(packet.marker || packet.frame.is_some_and(|frame| frame.is_end));
                }
                90_000
            }
        };
        self.rates.add(packet);
        packet.captured =
            packet.report.and_then(|report| self.clock.captured(report, packet.timestamp, clock_rate, packet.arrival));
        true
    }

    /// Somebody cannot go on without a key frame; without a layer, of whichever layer there is.
    pub(crate) fn want_key_frame(&mut self, layer: Option<usize>) {
        match layer {
            Some(layer) => {
                let stream = self.layers.get(layer).map(|layer| layer.stream);
                if let Some(requests) = stream.and_then(|stream| self.requests.get_mut(stream)) {
                    requests.want();
                }
            }
            None => self.requests.iter_mut().for_each(KeyFrameRequests::want),
        }
    }

    /// Streams a key frame has to be asked of now.
    pub(crate) fn due_requests(&mut self, now: Instant) -> Vec<usize> {
        (0..self.requests.len()).filter(|layer| self.requests[*layer].take(now)).collect()
    }

    /// When [`Self::due_requests`] has the next one.
    pub(crate) fn next_request(&self) -> Option<Instant> {
        self.requests.iter().filter_map(KeyFrameRequests::due).min()
    }
}
