//! Packets of one input become frames in a pipeline, encoded or decoded.
//!
//! Order, losses and times are the business of [`StreamFrames`]; here whole frames go into decoders. Whatever cannot be decoded
//! without another frame is left out, and a key frame asked for: at the beginning, after losses, if a decoder or what comes after
//! it says so, and when frames had to be dropped because decoding is too slow. What a decoder dies of costs the frames up to the
//! next key frame.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_app::AppSrc;
use muxing::{Codec, Packet, SenderReport, Source, StreamFrames, TimedFrame};
use protocol::job::{FromJob, MediaPacket};
use protocol::media::{MediaKind, VideoCodec};

use super::JobError;
use super::link::Link;
use super::pipeline::{LivePipeline, chain, link, now, pad};
use crate::codec::{Decoder, caps};

/// Sound is not sent again, only overtaken.
const AUDIO_PATIENCE: Duration = Duration::from_millis(60);
/// A retransmission, if the publisher is not far away. Longer waiting would be seen.
const VIDEO_PATIENCE: Duration = Duration::from_millis(250);
/// Between two requests for a key frame.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// Frames before a decoder. More than this is a delay that everybody would see.
const WAITING: u64 = 15;
/// Of a decoder that may have several.
const THREADS: u32 = 2;
/// Sources whose late packets are told apart.
const SOURCES: usize = 4;
/// What comes out of sound that is decoded.
pub(crate) const SOUND: &str = "audio/x-raw,format=S16LE,rate=48000,channels=2,layout=interleaved";

/// In which form frames are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// As they came: `audio/x-opus`, `video/x-vp8`…, H264 as `avc`.
    Encoded,
    /// Raw: [`SOUND`], or upright pictures as the decoder makes them, whose size may change.
    Decoded,
}

/// One input.
#[derive(Debug)]
pub(crate) struct Input {
    number: u16,
    link: Link,
    epoch: Duration,
    frames: StreamFrames,
    sources: [Sources; 2],
    audio: Option<Track>,
    video: Option<Track>,
    /// Somebody downstream has asked for a key frame.
    wanted: Arc<AtomicBool>,
    asked: Option<Instant>,
}

impl Input {
    /// Puts into `pipeline` what makes frames of the packets with this number; see [`Input::audio`] and [`Input::video`].
    pub(crate) fn new(
        number: u16,
        audio: Option<Form>,
        video: Option<Form>,
        pipeline: &LivePipeline,
        link: &Link,
    ) -> Result<Self, JobError> {
        let track = |kind, form: Option<Form>| -> Result<Option<Track>, JobError> {
            let Some(form) = form else { return Ok(None) };
            let track = Track::new(kind, form)?;
            pipeline.add(&track.elements)?;
            Ok(Some(track))
        };
        Ok(Self {
            number,
            link: link.clone(),
            epoch: pipeline.epoch(),
            frames: StreamFrames::new(AUDIO_PATIENCE, VIDEO_PATIENCE),
            sources: Default::default(),
            audio: track(MediaKind::Audio, audio)?,
            video: track(MediaKind::Video, video)?,
            wanted: Arc::default(),
            asked: None,
        })
    }

    /// An element with the pad `src`, if sound is wanted.
    pub(crate) fn audio(&self) -> Option<&gst::Bin> {
        self.audio.as_ref().map(|track| &track.elements)
    }

    /// An element with the pad `src`, if pictures are wanted.
    pub(crate) fn video(&self) -> Option<&gst::Bin> {
        self.video.as_ref().map(|track| &track.elements)
    }

    /// A packet with its number came.
    pub(crate) fn handle(&mut self, packet: &MediaPacket<'_>) -> Result<(), JobError> {
        let codec = match (packet.kind, packet.codec) {
            (MediaKind::Audio, _) => Codec::Opus,
            (MediaKind::Video, Some(VideoCodec::Vp8)) => Codec::Vp8,
            (MediaKind::Video, Some(VideoCodec::Vp9)) => Codec::Vp9,
            (MediaKind::Video, Some(VideoCodec::H264)) => Codec::H264,
            (MediaKind::Video, Some(VideoCodec::Av1)) => Codec::Av1,
            (MediaKind::Video, None) => return Ok(()),
        };
        let is_wanted = if codec == Codec::Opus { self.audio.is_some() } else { self.video.is_some() };
        if !is_wanted {
            return Ok(());
        }
        let source = self.sources[usize::from(codec != Codec::Opus)].number(packet.source);
        // The server has read the sender's reports already.
        let report = (packet.captured_us > 0)
            .then(|| SenderReport { ntp_nanos: i128::from(packet.captured_us) * 1000, timestamp: packet.timestamp });
        let packet = Packet {
            codec,
            source,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            marker: packet.marker,
            quarter_turns: Some(packet.quarter_turns),
            payload: Arc::from(packet.payload),
            arrival: Duration::from_micros(packet.arrived_us),
            report,
        };
        self.frames.handle_packet(packet, now());
        self.take_frames()
    }

    /// To be called every few milliseconds.
    pub(crate) fn poll(&mut self) -> Result<(), JobError> {
        let now = now();
        if self.frames.poll_timeout().is_some_and(|due| due <= now) {
            self.frames.handle_timeout(now);
            self.take_frames()?;
        }
        let is_due = self.asked.is_none_or(|asked| asked.elapsed() >= ASK_AGAIN);
        if is_due && self.wanted.swap(false, Ordering::Relaxed) {
            self.asked = Some(Instant::now());
            self.link.tell(&FromJob::KeyFrameWanted { number: self.number });
        }
        Ok(())
    }

    /// Whether an error is of one of its decoders, which then starts anew.
    pub(crate) fn recovers(&mut self, error: &gst::message::Error) -> bool {
        let Some(source) = error.src() else { return false };
        let mut recovered = false;
        for track in self.audio.iter_mut().chain(&mut self.video) {
            if track.head.as_ref().is_some_and(|head| source.has_as_ancestor(&head.elements)) {
                track.close();
                self.wanted.store(true, Ordering::Relaxed);
                recovered = true;
            }
        }
        recovered
    }

    /// Takes its elements out of the pipeline.
    pub(crate) fn remove(self, pipeline: &LivePipeline) {
        for track in self.audio.iter().chain(&self.video) {
            pipeline.remove(&track.elements);
        }
    }

    fn take_frames(&mut self) -> Result<(), JobError> {
        while let Some(frame) = self.frames.poll_frame() {
            let track = if frame.codec == Codec::Opus { &mut self.audio } else { &mut self.video };
            if let Some(track) = track
                && !track.push(frame, self.epoch, &self.wanted)?
            {
                self.link.count_dropped(1);
            }
        }
        if self.frames.take_request() {
            self.wanted.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Sources of one kind of media, as short numbers.
#[derive(Debug, Default)]
struct Sources {
    known: VecDeque<(u64, u32)>,
    next: u32,
}

impl Sources {
    /// All share the sender's clock.
    fn number(&mut self, source: u64) -> Source {
        let known = self.known.iter().find(|(known, _)| *known == source).map(|(_, number)| *number);
        let ssrc = known.unwrap_or_else(|| {
            let number = self.next;
            self.next = self.next.wrapping_add(1);
            self.known.push_back((source, number));
            if self.known.len() > SOURCES {
                self.known.pop_front();
            }
            number
        });
        Source { generation: 0, ssrc }
    }
}

/// Frames of one kind. What reads a codec (the head) is replaced when that changes; the rest stays, and so does the pad.
#[derive(Debug)]
struct Track {
    form: Form,
    elements: gst::Bin,
    tail: gst::Bin,
    head: Option<Head>,
    awaits_key_frame: bool,
    quarter_turns: u8,
}

#[derive(Debug)]
struct Head {
    codec: Codec,
    elements: gst::Bin,
    source: AppSrc,
    /// Of H264 and AV1.
    configuration: Vec<u8>,
}

impl Track {
    fn new(kind: MediaKind, form: Form) -> Result<Self, JobError> {
        let tail = match (kind, form) {
            (_, Form::Encoded) => chain("identity")?,
            (MediaKind::Audio, Form::Decoded) => {
                chain(&format!("audioconvert ! audioresample ! capsfilter caps={SOUND}"))?
            }
            // Turns with the tags that come before the frames they are about.
            (MediaKind::Video, Form::Decoded) => chain("videoflip video-direction=auto")?,
        };
        let elements = gst::Bin::new();
        let failed = |error: gst::glib::BoolError| JobError::Broken(error.to_string());
        elements.add(&tail).map_err(failed)?;
        let output = gst::GhostPad::builder_with_target(&pad(&tail, "src")?).map_err(failed)?.name("src").build();
        elements.add_pad(&output).map_err(failed)?;
        let awaits_key_frame = kind == MediaKind::Video;
        Ok(Self { form, elements, tail, head: None, awaits_key_frame, quarter_turns: 0 })
    }

    /// Whether the frame could be taken.
    fn push(&mut self, frame: TimedFrame, epoch: Duration, wanted: &Arc<AtomicBool>) -> Result<bool, JobError> {
        if self.head.as_ref().is_none_or(|head| head.codec != frame.codec) {
            self.close();
            self.head = Some(self.open(frame.codec, wanted)?);
        }
        let Some(head) = &mut self.head else { return Ok(false) };
        let is_video = frame.codec != Codec::Opus;
        if head.source.current_level_buffers() >= WAITING {
            self.awaits_key_frame = is_video;
        }
        if self.awaits_key_frame && !(frame.key && head.source.current_level_buffers() < WAITING) {
            wanted.store(is_video, Ordering::Relaxed);
            return Ok(false);
        }
        if head.source.current_level_buffers() >= WAITING {
            return Ok(false);
        }
        if frame.key && is_video {
            self.awaits_key_frame = false;
            wanted.store(false, Ordering::Relaxed);
            if let Some(format) = frame.format.filter(|format| format.configuration != head.configuration) {
                head.configuration = format.configuration;
                head.source.set_caps(Some(&caps(frame.codec, &head.configuration)));
            }
        }
        if self.form == Form::Decoded && is_video && frame.quarter_turns != self.quarter_turns {
            self.quarter_turns = frame.quarter_turns;
            head.source.send_event(orientation(frame.quarter_turns));
        }
        let mut buffer = gst::Buffer::from_mut_slice(frame.data);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(clock_time(frame.time.saturating_sub(epoch)));
            if !frame.key {
                buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
            }
        }
        // It does not take any if its decoder has just died, of which the bus will tell.
        Ok(head.source.push_buffer(buffer).is_ok())
    }

    fn open(&self, codec: Codec, wanted: &Arc<AtomicBool>) -> Result<Head, JobError> {
        let decoder = match self.form {
            Form::Encoded => String::new(),
            Form::Decoded => format!(" ! {}", decoder(codec)?),
        };
        let elements = chain(&format!("appsrc name=source is-live=true format=time{decoder}"))?;
        let source = elements.by_name("source").and_then(|source| source.downcast::<AppSrc>().ok());
        let source = source.ok_or_else(|| JobError::Broken("no appsrc".to_owned()))?;
        source.set_caps(Some(&caps(codec, &[])));
        let wanted = Arc::clone(wanted);
        pad(&source, "src")?.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
            let asks = info.event().is_some_and(|event| gst_video::UpstreamForceKeyUnitEvent::parse(event).is_ok());
            if !asks {
                return gst::PadProbeReturn::Ok;
            }
            wanted.store(true, Ordering::Relaxed);
            gst::PadProbeReturn::Handled
        });
        let failed = |error: gst::glib::BoolError| JobError::Broken(error.to_string());
        self.elements.add(&elements).map_err(failed)?;
        link(&elements, &self.tail)?;
        elements.sync_state_with_parent().map_err(failed)?;
        Ok(Head { codec, elements, source, configuration: vec![] })
    }

    fn close(&mut self) {
        if let Some(head) = self.head.take() {
            let _ = head.elements.set_state(gst::State::Null);
            let _ = self.elements.remove(&head.elements);
        }
        self.quarter_turns = 0;
        self.awaits_key_frame = true;
    }
}

/// Of GStreamer.
pub(crate) fn clock_time(time: Duration) -> gst::ClockTime {
    gst::ClockTime::from_nseconds(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX - 1))
}

/// What decodes it; a broken frame is told, and survived.
fn decoder(codec: Codec) -> Result<String, JobError> {
    let found = Decoder::find(codec);
    let decoder = found.map_err(|lacks| JobError::Impossible(format!("GStreamer has no {lacks}")))?;
    let careful = match codec {
        Codec::Opus => "max-errors=-1",
        _ => "max-errors=-1 automatic-request-sync-points=true",
    };
    Ok(decoder.description(THREADS, careful))
}

/// Says how pictures from now on are to be turned.
fn orientation(quarter_turns: u8) -> gst::Event {
    let turns = ["rotate-0", "rotate-90", "rotate-180", "rotate-270"][usize::from(quarter_turns % 4)];
    let mut tags = gst::TagList::new();
    if let Some(tags) = tags.get_mut() {
        tags.add::<gst::tags::ImageOrientation>(&turns, gst::TagMergeMode::Replace);
        tags.set_scope(gst::TagScope::Stream);
    }
    gst::event::Tag::new(tags)
}
