//! Frames become packets for the server: sound and pictures of one publication.
//!
//! Raw frames are encoded first, at once and without looking ahead; of pictures that come faster than they are encoded the older
//! ones are left out. Numbers of packets go on as long as the process lives. A packet's time is that of its frame, so that sound
//! and pictures stay as they were towards each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use gst::prelude::*;
use gst_app::{AppSink, AppSinkCallbacks};
use protocol::job::{FromJob, MediaPacket, OutputVideo};
use protocol::media::{MediaKind, VideoCodec};

use super::JobError;
use super::input::Form;
use super::link::Link;
use super::pipeline::{LivePipeline, chain, now, pad};

/// Bytes of the largest packet with its RTP header: what the server adds fits a path of 1280.
const LARGEST_PACKET: u32 = 1200;
/// Bits a second that each pixel of a picture gets if nothing else was said: 2.3 Mbit/s of 1280x720.
const BITS_PER_PIXEL: f64 = 2.5;
/// Bits a second.
const LEAST_BITRATE: f64 = 200_000.0;
/// Bits a second.
const MOST_BITRATE: f64 = 4_000_000.0;
/// Of a stream's first pictures, whose size is not known yet.
const FIRST_BITRATE: u32 = 800_000;
/// Nobody has said how loud it is.
const NO_LEVEL: u8 = 255;
/// Frames. They come when somebody asks for them; this is for whoever cannot.
const KEY_FRAME_INTERVAL: u32 = 3000;

/// Sound and pictures that go to the server.
#[derive(Debug)]
pub(crate) struct Output {
    audio: Option<gst::Bin>,
    video: Option<VideoOutput>,
    sent: Arc<Sent>,
    level: Arc<AtomicU8>,
}

/// Packets so far.
#[derive(Debug, Default)]
struct Sent {
    audio: AtomicU64,
    video: AtomicU64,
}

#[derive(Debug)]
struct VideoOutput {
    codec: VideoCodec,
    elements: gst::Bin,
    encoder: Option<Encoder>,
    /// What comes in here is encoded.
    encoded: gst::Pad,
    /// Bits a second that were asked for; 0 if none were.
    bitrate: Arc<AtomicU32>,
}

#[derive(Clone, Debug)]
struct Encoder {
    element: gst::Element,
    property: &'static str,
    /// Bits of the property's unit.
    unit: u32,
}

impl Output {
    /// Puts into `pipeline` what makes packets of frames that come in this form; see [`Output::audio`] and [`Output::video`].
    pub(crate) fn new(
        audio: Option<Form>,
        video: Option<(VideoCodec, Form)>,
        pipeline: &LivePipeline,
        link: &Link,
    ) -> Result<Self, JobError> {
        let sent = Arc::new(Sent::default());
        let source = u64::try_from(now().as_nanos()).unwrap_or_default();
        let level = Arc::new(AtomicU8::new(NO_LEVEL));
        let sender = |kind, codec| Sender {
            level: Arc::clone(&level),
            link: link.clone(),
            sent: Arc::clone(&sent),
            epoch: pipeline.epoch(),
            source,
            kind,
            codec,
            sequence: 0,
            message: vec![],
        };
        let audio = audio.map(|form| sound(form, sender(MediaKind::Audio, None))).transpose()?;
        let video = video
            .map(|(codec, form)| VideoOutput::new(codec, form, link, sender(MediaKind::Video, Some(codec))))
            .transpose()?;
        audio.iter().chain(video.as_ref().map(|video| &video.elements)).try_for_each(|bin| pipeline.add(bin))?;
        Ok(Self { audio, video, sent, level })
    }

    /// An element with the pad `sink`, if it has sound.
    pub(crate) fn audio(&self) -> Option<&gst::Bin> {
        self.audio.as_ref()
    }

    /// An element with the pad `sink`, if it has pictures.
    pub(crate) fn video(&self) -> Option<&gst::Bin> {
        self.video.as_ref().map(|video| &video.elements)
    }

    /// What the server is told of it.
    pub(crate) fn ready(&self) -> FromJob {
        let video = self.video.as_ref().map(|video| OutputVideo::encoded(video.codec));
        FromJob::Ready { audio: self.audio.is_some(), video }
    }

    /// Something of each kind that has to come, or of `kind` alone, has gone out.
    pub(crate) fn has_sent(&self, kind: MediaKind) -> bool {
        let count = match kind {
            MediaKind::Audio => &self.sent.audio,
            MediaKind::Video => &self.sent.video,
        };
        count.load(Ordering::Relaxed) > 0
    }

    /// How loud the sound is that goes in (RFC 6464): packets say so from now on.
    pub(crate) fn set_level(&self, level: u8) {
        self.level.store(level, Ordering::Relaxed);
    }

    /// The next picture needs no other. If pictures are not encoded here, whoever made them is asked.
    pub(crate) fn key_frame(&self) {
        if let Some(video) = &self.video {
            let event = gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true).build();
            // Before the first picture there is nobody who would hear it, and no need to.
            let _ = video.encoded.push_event(event);
        }
    }

    /// What pictures are to take from now on, in bits a second.
    pub(crate) fn set_bitrate(&self, bps: u32) {
        if let Some(video) = &self.video {
            video.bitrate.store(bps.max(1), Ordering::Relaxed);
            if let Some(encoder) = &video.encoder {
                encoder.set_bitrate(bps);
            }
        }
    }
}

impl Encoder {
    fn set_bitrate(&self, bps: u32) {
        let value = (bps / self.unit).max(1);
        if self.element.has_property_with_type(self.property, u32::static_type()) {
            self.element.set_property(self.property, value);
        } else {
            self.element.set_property(self.property, i32::try_from(value).unwrap_or(i32::MAX));
        }
    }
}

impl VideoOutput {
    fn new(codec: VideoCodec, form: Form, link: &Link, sender: Sender) -> Result<Self, JobError> {
        let (payloader, plain) = match codec {
            VideoCodec::Vp8 => ("rtpvp8pay picture-id-mode=15-bit", "video/x-vp8"),
            VideoCodec::Vp9 => ("rtpvp9pay picture-id-mode=15-bit", "video/x-vp9"),
            VideoCodec::H264 => ("rtph264pay config-interval=-1 aggregate-mode=zero-latency", "video/x-h264"),
            VideoCodec::Av1 => return Err(JobError::Impossible("AV1 is not made here".to_owned())),
        };
        let sink = "appsink name=sink sync=false async=false buffer-list=false";
        let tail = format!("capsfilter name=encoded caps={plain} ! {payloader} mtu={LARGEST_PACKET} ! {sink}");
        let bitrate = Arc::new(AtomicU32::new(0));
        let (elements, encoder) = match form {
            Form::Encoded => (chain(&tail)?, None),
            Form::Decoded => {
                let (description, property, unit) = encoder(codec)?;
                // H264 in I420 has no odd sizes.
                let size = if codec == VideoCodec::H264 { ",width=[16,4096,2],height=[16,4096,2]" } else { "" };
                let elements = chain(&format!(
                    "queue name=waiting leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0 ! videoconvert ! \
                     videoscale ! capsfilter caps=video/x-raw,format=I420{size} ! {description} ! {tail}"
                ))?;
                let element = find(&elements, "encoder")?;
                let encoder = Encoder { element, property, unit };
                follow_size(&encoder, &bitrate)?;
                count_leaks(&elements, link)?;
                (elements, Some(encoder))
            }
        };
        sender.attach(&elements)?;
        let encoded = pad(&find(&elements, "encoded")?, "sink")?;
        Ok(Self { codec, elements, encoder, encoded, bitrate })
    }
}

fn find(elements: &gst::Bin, name: &str) -> Result<gst::Element, JobError> {
    elements.by_name(name).ok_or_else(|| JobError::Broken(format!("there is no {name}")))
}

/// An encoder named `encoder` with what comes directly after it, the property with its bitrate, and the bits of that one's unit.
fn encoder(codec: VideoCodec) -> Result<(String, &'static str, u32), JobError> {
    let has = |name: &str| gst::ElementFactory::find(name).is_some();
    let vpx = |name: &str, speed: i32, more: &str| {
        // Small buffers: what a picture takes too much, the next ones have less.
        format!(
            "{name} name=encoder deadline=1 cpu-used={speed} threads=2 lag-in-frames=0 end-usage=cbr error-resilient=default \
             target-bitrate={FIRST_BITRATE} keyframe-mode=auto keyframe-max-dist={KEY_FRAME_INTERVAL} min-quantizer=2 \
             max-quantizer=56 undershoot=95 overshoot=15 buffer-size=600 buffer-initial-size=300 buffer-optimal-size=400{more}"
        )
    };
    let baseline = "capsfilter caps=video/x-h264,profile=constrained-baseline,alignment=au";
    match codec {
        VideoCodec::Vp8 if has("vp8enc") => Ok((vpx("vp8enc", -10, " static-threshold=1"), "target-bitrate", 1)),
        VideoCodec::Vp9 if has("vp9enc") => Ok((vpx("vp9enc", 8, " row-mt=true"), "target-bitrate", 1)),
        VideoCodec::H264 if has("x264enc") => {
            let kilobits = FIRST_BITRATE / 1000;
            let x264 = format!(
                "x264enc name=encoder tune=zerolatency speed-preset=superfast threads=2 bitrate={kilobits} \
                 vbv-buf-capacity=600 key-int-max={KEY_FRAME_INTERVAL} ! {baseline}"
            );
            Ok((x264, "bitrate", 1000))
        }
        VideoCodec::H264 if has("openh264enc") => {
            let openh264 = format!(
                "openh264enc name=encoder rate-control=bitrate complexity=low gop-size={KEY_FRAME_INTERVAL} \
                 bitrate={FIRST_BITRATE} ! h264parse ! {baseline}"
            );
            Ok((openh264, "bitrate", 1))
        }
        VideoCodec::Vp8 => Err(JobError::Impossible("GStreamer has no vp8enc".to_owned())),
        VideoCodec::Vp9 => Err(JobError::Impossible("GStreamer has no vp9enc".to_owned())),
        VideoCodec::H264 => Err(JobError::Impossible("GStreamer has neither x264enc nor openh264enc".to_owned())),
        VideoCodec::Av1 => Err(JobError::Impossible("AV1 is not made here".to_owned())),
    }
}

/// As long as nobody says what pictures are to take, their size does.
fn follow_size(encoder: &Encoder, told: &Arc<AtomicU32>) -> Result<(), JobError> {
    let (encoder, told) = (encoder.clone(), Arc::clone(told));
    let input = pad(&encoder.element, "sink")?;
    input.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(gst::EventView::Caps(caps)) = info.event().map(|event| event.view())
            && let Ok(picture) = gst_video::VideoInfo::from_caps(caps.caps())
            && told.load(Ordering::Relaxed) == 0
        {
            let bits = f64::from(picture.width()) * f64::from(picture.height()) * BITS_PER_PIXEL;
            encoder.set_bitrate(bits.clamp(LEAST_BITRATE, MOST_BITRATE) as u32);
        }
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

/// Pictures that the queue before the encoder lets go are told.
fn count_leaks(elements: &gst::Bin, link: &Link) -> Result<(), JobError> {
    let waiting = find(elements, "waiting")?;
    let link = link.clone();
    // It says so when it is full, and leaves out the older picture.
    waiting.connect("overrun", false, move |_| {
        link.count_dropped(1);
        None
    });
    Ok(())
}

fn sound(form: Form, sender: Sender) -> Result<gst::Bin, JobError> {
    let sink = "appsink name=sink sync=false async=false";
    let elements = match form {
        Form::Encoded => chain(&format!("capsfilter caps=audio/x-opus ! {sink}"))?,
        Form::Decoded => {
            let encoder = "opusenc bitrate=64000 frame-size=20";
            chain(&format!("audioconvert ! audioresample ! {encoder} ! {sink}"))?
        }
    };
    sender.attach(&elements)?;
    Ok(elements)
}

/// When it is to be shown, since the beginning. Encoders may count from elsewhere (x264enc from a thousand hours on), and say so in
/// the segment.
fn running_time(sample: &gst::Sample, buffer: &gst::BufferRef) -> Option<gst::ClockTime> {
    sample.segment()?.downcast_ref::<gst::ClockTime>()?.to_running_time(buffer.pts()?)
}

/// Where a sink's buffers go.
struct Sender {
    link: Link,
    sent: Arc<Sent>,
    epoch: Duration,
    source: u64,
    kind: MediaKind,
    codec: Option<VideoCodec>,
    level: Arc<AtomicU8>,
    sequence: u64,
    /// Used again and again.
    message: Vec<u8>,
}

impl Sender {
    fn attach(mut self, elements: &gst::Bin) -> Result<(), JobError> {
        let sink =
            find(elements, "sink")?.downcast::<AppSink>().map_err(|_| JobError::Broken("no appsink".to_owned()))?;
        let callbacks = AppSinkCallbacks::builder().new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            self.send(&sample);
            Ok(gst::FlowSuccess::Ok)
        });
        sink.set_callbacks(callbacks.build());
        Ok(())
    }

    fn level(&self) -> Option<u8> {
        let level = self.level.load(Ordering::Relaxed);
        (self.kind == MediaKind::Audio && level != NO_LEVEL).then_some(level)
    }

    fn send(&mut self, sample: &gst::Sample) {
        let Some((time, buffer)) = sample.buffer().and_then(|buffer| Some((running_time(sample, buffer)?, buffer)))
        else {
            return;
        };
        let Ok(map) = buffer.map_readable() else { return };
        let captured = self.epoch + Duration::from_nanos(time.nseconds());
        let (marker, payload, rate) = match self.kind {
            // A packet of Opus is nothing but its frame.
            MediaKind::Audio => (false, &map[..], 48_000),
            MediaKind::Video => match rtp(&map) {
                Some((marker, payload)) => (marker, payload, 90_000),
                None => return,
            },
        };
        self.message.clear();
        MediaPacket {
            input: 0,
            kind: self.kind,
            codec: self.codec,
            marker,
            quarter_turns: 0,
            level: self.level(),
            source: self.source,
            sequence: self.sequence,
            // Since 1970, cut off: so it goes on over a restart.
            timestamp: (captured.as_nanos() * rate / 1_000_000_000) as u32,
            captured_us: u64::try_from(captured.as_micros()).unwrap_or_default(),
            arrived_us: u64::try_from(now().as_micros()).unwrap_or_default(),
            payload,
        }
        .write(&mut self.message);
        self.sequence += 1;
        self.link.send_media(&self.message);
        let sent = if self.kind == MediaKind::Audio { &self.sent.audio } else { &self.sent.video };
        sent.store(self.sequence, Ordering::Relaxed);
    }
}

/// Marker and payload of what a payloader has made, which has neither padding nor extensions.
fn rtp(packet: &[u8]) -> Option<(bool, &[u8])> {
    let (header, payload) = packet.split_at_checked(12)?;
    (header[0] == 0x80 && !payload.is_empty()).then_some((header[1] & 0x80 != 0, payload))
}
