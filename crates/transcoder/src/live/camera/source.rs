//! One attempt to play a camera: a pipeline from its address to packets.
//!
//! Elements that find out what comes are run by threads of GStreamer's; what they find is told over a channel, and waits, blocked,
//! until the main loop has put in what it needs. So everything is decided in one thread. Of several sounds or
//! pictures the first one is played.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use gst::prelude::*;
use protocol::job::OutputVideo;
use protocol::media::VideoCodec;

use super::address::{Address, Kind};
use crate::live::JobError;
use crate::live::input::Form;
use crate::live::link::Link;
use crate::live::output::Output;
use crate::live::pipeline::{LivePipeline, link as join};

/// What a picture is made to fit that is encoded here: more would take a core and more.
const LARGEST_PICTURE: (i32, i32) = (1280, 720);
/// Between two of those, nanoseconds: 30 a second.
const PICTURE_INTERVAL: u64 = 33_333_333;
/// By which they may come early, nanoseconds.
const PICTURE_JITTER: u64 = 8_000_000;
/// Frames that come after one that is shown later: more than this is no accident.
const REORDERED: u32 = 3;
/// Until RTSP gives up UDP, microseconds; the same for connections.
const RTSP_TIMEOUT: u64 = 5_000_000;
/// Until HTTP gives up, seconds.
const HTTP_TIMEOUT: u32 = 10;

/// How pictures are treated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    /// What browsers can take is not decoded.
    pub(super) passes: bool,
    /// The output must have this codec.
    pub(super) settled: Option<VideoCodec>,
    /// Milliseconds by which packets of RTP may come late.
    pub(super) network_cache: u32,
}

/// Why there is no more to come of an attempt.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The stream has ended.
    Over,
    /// It cannot be played, or not any more.
    Broken(String),
    /// Its pictures come in another order than they are shown, which browsers cannot take: it must be encoded.
    Reordered,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Source {
    pipeline: LivePipeline,
    link: Link,
    policy: Policy,
    kind: Kind,
    news: Receiver<News>,
    teller: Sender<News>,
    video: Option<Video>,
    video_output: Option<Output>,
    audio_output: Option<Output>,
    frames: Arc<AtomicU64>,
    sounds: Arc<AtomicU64>,
    reordered: Arc<AtomicU32>,
}

/// What is made of the pictures.
#[derive(Debug)]
struct Video {
    output: OutputVideo,
    passes: bool,
}

/// What elements have found.
#[derive(Debug)]
enum News {
    /// The server of the camera says that it has pictures, and if they are H.264, of this kind.
    Described(Option<Profile>),
    /// Packets of RTP.
    Packets(Held),
    /// Frames.
    Frames(Held),
}

/// What is between frames and an output.
#[derive(Debug)]
struct Way<'a> {
    /// As `gst-launch` describes it.
    elements: &'a str,
    /// It is played at the speed of its times.
    is_paced: bool,
    count: &'a Arc<AtomicU64>,
    /// Counts frames that come in another order than they are shown, where that matters.
    reordered: Option<Arc<AtomicU32>>,
    /// No more pictures come out than are wanted.
    is_thinned: bool,
}

/// A pad that waits to be linked.
#[derive(Debug)]
struct Held {
    pad: gst::Pad,
    probe: Option<gst::PadProbeId>,
}

impl Held {
    fn new(pad: &gst::Pad) -> Self {
        let probe = pad.add_probe(gst::PadProbeType::BLOCK_DOWNSTREAM, |_, _| gst::PadProbeReturn::Ok);
        Self { pad: pad.clone(), probe }
    }

    fn release(mut self) {
        if let Some(probe) = self.probe.take() {
            self.pad.remove_probe(probe);
        }
    }
}

/// H.264 that every browser decodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Profile {
    /// The first four digits of `profile-level-id`.
    id: &'static str,
    /// Ten times the level's number.
    level: u8,
}

impl Profile {
    /// By a sequence parameter set (H.264 §7.3.2.1.1), with its header.
    fn of_parameter_set(sps: &[u8]) -> Option<Self> {
        let &[_, profile, _, level, ..] = sps else { return None };
        let id = match profile {
            // What baseline has beyond constrained baseline, no encoder makes.
            66 => "42e0",
            77 => "4d00",
            _ => return None,
        };
        Some(Self { id, level })
    }

    /// By what an RTSP server says of the stream.
    fn described(caps: &gst::StructureRef) -> Option<Self> {
        let sets = caps.get::<&str>("sprop-parameter-sets").ok();
        let first = sets.and_then(|sets| sets.split(',').next());
        match first.filter(|set| !set.is_empty()) {
            Some(set) => Self::of_parameter_set(&gst::glib::base64_decode(set)),
            None => {
                let id = caps.get::<&str>("profile-level-id").ok()?;
                let id = u32::from_str_radix(id.get(..6)?, 16).ok()?.to_be_bytes();
                Self::of_parameter_set(&[0, id[1], id[2], id[3]])
            }
        }
    }

    /// By what a parser says of its frames.
    fn parsed(caps: &gst::StructureRef) -> Option<Self> {
        let id = match caps.get::<&str>("profile").ok()? {
            "constrained-baseline" | "baseline" => "42e0",
            "main" => "4d00",
            _ => return None,
        };
        let level = caps.get::<&str>("level").ok().and_then(|level| {
            let number: f32 = level.parse().ok()?;
            Some((number * 10.0).round() as u8)
        });
        Some(Self { id, level: level.unwrap_or(31) })
    }

    fn output(self) -> OutputVideo {
        let Self { id, level } = self;
        OutputVideo::h264(&format!("{id}{level:02x}"))
    }
}

impl Policy {
    fn decide(self, profile: Option<Profile>) -> Video {
        match (self.settled, profile.filter(|_| self.passes)) {
            (None | Some(VideoCodec::H264), Some(profile)) => Video { output: profile.output(), passes: true },
            (settled, _) => Video { output: OutputVideo::encoded(settled.unwrap_or(VideoCodec::Vp8)), passes: false },
        }
    }
}

impl Source {
    /// Begins an attempt.
    pub(super) fn open(address: &Address, policy: Policy, link: &Link) -> Result<Self, JobError> {
        let (teller, news) = channel();
        let source = Self {
            pipeline: LivePipeline::start()?,
            link: link.clone(),
            policy,
            kind: address.kind,
            news,
            teller,
            video: None,
            video_output: None,
            audio_output: None,
            frames: Arc::default(),
            sounds: Arc::default(),
            reordered: Arc::default(),
        };
        match address.kind {
            Kind::Rtsp => source.open_rtsp(address)?,
            Kind::Http => {
                let element = make("souphttpsrc")?;
                element.set_property("location", &address.location);
                // What comes is stamped with when it came: pictures of a camera have no times of their own.
                element.set_property("is-live", true);
                element.set_property("do-timestamp", true);
                element.set_property("timeout", HTTP_TIMEOUT);
                set_credentials(&element, address);
                source.open_stream(&element)?;
            }
            Kind::File => {
                let unreadable = |error| JobError::Impossible(format!("the file cannot be read: {error}"));
                std::fs::File::open(&address.location).map_err(unreadable)?;
                let element = make("filesrc")?;
                element.set_property("location", &address.location);
                source.open_stream(&element)?;
            }
        }
        Ok(source)
    }

    fn open_rtsp(&self, address: &Address) -> Result<(), JobError> {
        let element = make("rtspsrc")?;
        element.set_property("location", &address.location);
        element.set_property("latency", self.policy.network_cache);
        element.set_property("drop-on-latency", true);
        element.set_property("timeout", RTSP_TIMEOUT);
        element.set_property("tcp-timeout", RTSP_TIMEOUT);
        set_credentials(&element, address);
        let (teller, has_video, has_audio) = (self.teller.clone(), AtomicBool::new(false), AtomicBool::new(false));
        element.connect("select-stream", false, move |values| {
            let caps = values.get(2).and_then(|caps| caps.get::<gst::Caps>().ok());
            let caps = caps.as_ref().and_then(|caps| caps.structure(0));
            let selected = match caps.and_then(|caps| Some((caps, caps.get::<&str>("media").ok()?))) {
                Some((caps, "video")) if !has_video.swap(true, Ordering::Relaxed) => {
                    let is_h264 = caps.get::<&str>("encoding-name").is_ok_and(|name| name == "H264");
                    // The main loop has gone if nobody listens.
                    let _ = teller.send(News::Described(Profile::described(caps).filter(|_| is_h264)));
                    true
                }
                Some((_, "audio")) => !has_audio.swap(true, Ordering::Relaxed),
                _ => false,
            };
            Some(selected.to_value())
        });
        let teller = self.teller.clone();
        element.connect_pad_added(move |_, pad| {
            let _ = teller.send(News::Packets(Held::new(pad)));
        });
        self.pipeline.add(&element)
    }

    /// Of bytes.
    fn open_stream(&self, element: &gst::Element) -> Result<(), JobError> {
        self.pipeline.add_chain(&[element, &self.parser()?])
    }

    /// Finds the frames in what comes.
    fn parser(&self) -> Result<gst::Element, JobError> {
        let parser = make("parsebin")?;
        let teller = self.teller.clone();
        parser.connect_pad_added(move |_, pad| {
            let _ = teller.send(News::Frames(Held::new(pad)));
        });
        Ok(parser)
    }

    /// What has happened; `Some`: nothing more will. To be called every few milliseconds.
    pub(super) fn poll(&mut self) -> Result<Option<Trouble>, JobError> {
        while let Ok(news) = self.news.try_recv() {
            let done = match news {
                News::Described(profile) => {
                    self.decide(profile);
                    Ok(())
                }
                News::Packets(held) => self.take_packets(held),
                News::Frames(held) => self.take_frames(held),
            };
            match done {
                // What a camera sends that cannot be played here may be another tomorrow.
                Err(JobError::Impossible(why)) => return Ok(Some(Trouble::Broken(why))),
                other => other?,
            }
        }
        while let Some(message) = self.pipeline.pop_message() {
            match message.view() {
                gst::MessageView::Error(error) => return Ok(Some(Trouble::Broken(reason(error)))),
                gst::MessageView::Eos(_) => return Ok(Some(Trouble::Over)),
                _ => {}
            }
        }
        let is_reordered = self.reordered.load(Ordering::Relaxed) >= REORDERED;
        Ok(is_reordered.then_some(Trouble::Reordered))
    }

    fn decide(&mut self, profile: Option<Profile>) {
        self.video = Some(self.policy.decide(profile));
    }

    fn take_packets(&mut self, held: Held) -> Result<(), JobError> {
        let parser = self.parser()?;
        self.pipeline.add(&parser)?;
        let sink = parser.static_pad("sink").ok_or_else(|| JobError::Broken("a parser without a pad".to_owned()))?;
        held.pad.link(&sink).map_err(|error| JobError::Impossible(format!("packets that cannot be read: {error}")))?;
        held.release();
        Ok(())
    }

    fn take_frames(&mut self, held: Held) -> Result<(), JobError> {
        let caps = held.pad.current_caps().unwrap_or_else(|| held.pad.query_caps(None));
        let caps = caps.structure(0).ok_or_else(|| JobError::Broken("frames of no kind".to_owned()))?;
        let name = caps.name().as_str();
        if name.starts_with("audio/") && self.audio_output.is_none() {
            self.take_sound(held, caps)
        } else if (name.starts_with("video/") || name == "image/jpeg") && self.video_output.is_none() {
            self.take_pictures(held, caps)
        } else {
            held.release();
            Ok(())
        }
    }

    fn take_sound(&mut self, held: Held, caps: &gst::StructureRef) -> Result<(), JobError> {
        let is_opus = caps.name() == "audio/x-opus" && caps.get::<i32>("channel-mapping-family").unwrap_or(0) == 0;
        let (form, elements) = if is_opus {
            (Form::Encoded, "identity")
        } else {
            (Form::Decoded, "decodebin ! audioconvert ! capsfilter caps=audio/x-raw,channels=[1,2]")
        };
        let output = Output::new(Some(form), None, &self.pipeline, &self.link)?;
        let sink = output.audio().ok_or_else(|| JobError::Broken("no output".to_owned()))?;
        let (is_paced, count) = (self.is_paced(caps), &self.sounds);
        let way = Way { elements, is_paced, count, reordered: None, is_thinned: false };
        self.lead(held, way, sink)?;
        self.audio_output = Some(output);
        Ok(())
    }

    fn take_pictures(&mut self, held: Held, caps: &gst::StructureRef) -> Result<(), JobError> {
        let profile = Profile::parsed(caps).filter(|_| caps.name() == "video/x-h264");
        let video = match self.video.take() {
            // It is not what was said of it.
            Some(video) if video.passes && profile.is_none() => {
                Policy { passes: false, settled: Some(video.output.codec), ..self.policy }.decide(None)
            }
            Some(video) => video,
            None => self.policy.decide(profile),
        };
        let (form, elements) = if video.passes {
            (
                Form::Encoded,
                "h264parse ! capsfilter caps=video/x-h264,stream-format=byte-stream,alignment=au".to_owned(),
            )
        } else {
            let (width, height) = LARGEST_PICTURE;
            let elements = format!(
                "decodebin ! videoscale ! capsfilter \
                 caps=video/x-raw,width=[1,{width}],height=[1,{height}],pixel-aspect-ratio=1/1"
            );
            (Form::Decoded, elements)
        };
        let output = Output::new(None, Some((video.output.codec, form)), &self.pipeline, &self.link)?;
        let sink = output.video().ok_or_else(|| JobError::Broken("no output".to_owned()))?;
        let reordered = video.passes.then(|| Arc::clone(&self.reordered));
        let (is_paced, count) = (self.is_paced(caps), &self.frames);
        let way = Way { elements: &elements, is_paced, count, reordered, is_thinned: !video.passes };
        self.lead(held, way, sink)?;
        (self.video, self.video_output) = (Some(video), Some(output));
        Ok(())
    }

    /// What is not live is played at the speed of its times.
    fn is_paced(&self, caps: &gst::StructureRef) -> bool {
        match self.kind {
            Kind::Rtsp => false,
            Kind::Http => caps.name() != "image/jpeg",
            Kind::File => true,
        }
    }

    fn lead(&self, held: Held, way: Way<'_>, output: &gst::Bin) -> Result<(), JobError> {
        let Way { elements, is_paced, count, reordered, is_thinned } = way;
        // Behind it, times are running times.
        let end = format!("identity name=end single-segment=true sync={is_paced}");
        let description = format!("queue name=begin ! {elements} ! {end}");
        let missing =
            |error: &dyn std::fmt::Display| JobError::Impossible(format!("it cannot be played here: {error}"));
        let elements = gst::parse::bin_from_description(&description, false).map_err(|error| missing(&error))?;
        // Whether it is ready does not stop the others.
        elements.set_property("async-handling", true);
        for (element, pad) in [("begin", "sink"), ("end", "src")] {
            let target = elements.by_name(element).and_then(|element| element.static_pad(pad));
            let target = target.ok_or_else(|| missing(&element))?;
            let ghost = gst::GhostPad::builder_with_target(&target).map_err(|error| missing(&error))?.name(pad).build();
            elements.add_pad(&ghost).map_err(|error| missing(&error))?;
        }
        if is_thinned {
            let source = elements.static_pad("src").ok_or_else(|| missing(&"it has no end"))?;
            thin_out(&source);
        }
        self.pipeline.add(&elements)?;
        join(&elements, output)?;
        let sink = elements.static_pad("sink").ok_or_else(|| missing(&"it has no beginning"))?;
        observe(&sink, Arc::clone(count), reordered);
        held.pad.link(&sink).map_err(|error| missing(&error))?;
        held.release();
        Ok(())
    }

    /// What its pictures become, once that is known.
    pub(super) fn video(&self) -> Option<&OutputVideo> {
        self.video.as_ref().map(|video| &video.output)
    }

    /// What is decided from now on is decided for this codec.
    pub(super) fn settle(&mut self, codec: VideoCodec) {
        self.policy.settled = Some(codec);
    }

    /// How many frames have come: pictures, if there are any.
    pub(super) fn frames(&self) -> u64 {
        let counted = if self.video.is_some() { &self.frames } else { &self.sounds };
        counted.load(Ordering::Relaxed)
    }

    /// Somebody needs a key frame. A camera may not know how to be asked for one.
    pub(super) fn key_frame(&self) {
        if let Some(output) = &self.video_output {
            output.key_frame();
        }
    }

    /// Bits a second, of pictures that are encoded here.
    pub(super) fn set_bitrate(&self, bps: u32) {
        if let Some(output) = &self.video_output {
            output.set_bitrate(bps);
        }
    }
}

/// Counts what passes, and what comes before a frame that came earlier.
fn observe(pad: &gst::Pad, count: Arc<AtomicU64>, reordered: Option<Arc<AtomicU32>>) {
    let latest = AtomicU64::new(0);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        count.fetch_add(1, Ordering::Relaxed);
        if let (Some(reordered), Some(time)) = (&reordered, info.buffer().and_then(|buffer| buffer.pts())) {
            let before = latest.fetch_max(time.nseconds(), Ordering::Relaxed);
            if time.nseconds() < before {
                reordered.fetch_add(1, Ordering::Relaxed);
            }
        }
        gst::PadProbeReturn::Ok
    });
}

/// Leaves out raw pictures that come faster than they are wanted (`videorate` cannot, of pictures that say no rate), or have no time.
fn thin_out(pad: &gst::Pad) {
    let due = AtomicU64::new(0);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        // One without a time (the first of MJPEG, or of several in one read) makes `vp8enc` lose count of all after it.
        let Some(time) = info.buffer().and_then(|buffer| buffer.pts()).map(gst::ClockTime::nseconds) else {
            return gst::PadProbeReturn::Drop;
        };
        let next = due.load(Ordering::Relaxed);
        if time + PICTURE_JITTER < next {
            return gst::PadProbeReturn::Drop;
        }
        // Regular ones keep their rhythm; after a pause it begins anew.
        let kept = if time < next + PICTURE_INTERVAL { next } else { time };
        due.store(kept + PICTURE_INTERVAL, Ordering::Relaxed);
        gst::PadProbeReturn::Ok
    });
}

fn make(name: &str) -> Result<gst::Element, JobError> {
    gst::ElementFactory::make(name).build().map_err(|_| JobError::Impossible(format!("GStreamer has no {name}")))
}

fn set_credentials(element: &gst::Element, address: &Address) {
    if let Some(user) = &address.user {
        element.set_property("user-id", user);
        element.set_property("user-pw", address.password.as_deref().unwrap_or_default());
    }
}

/// What an element complains of, in its own words.
fn reason(error: &gst::message::Error) -> String {
    // The end of the details says it: before it is where in GStreamer's source that is.
    let details = error.debug().and_then(|details| details.lines().last().map(str::trim).map(str::to_owned));
    let details = details.filter(|details| !details.is_empty() && !details.contains(".c("));
    match details {
        Some(details) => format!("{} {details}", error.error()),
        None => error.error().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(passes: bool, settled: Option<VideoCodec>) -> Policy {
        Policy { passes, settled, network_cache: 0 }
    }

    #[test]
    fn what_browsers_take_is_passed_and_what_is_settled_stays() {
        let main = Profile::of_parameter_set(&[0x67, 77, 0x40, 31]);
        let high = Profile::of_parameter_set(&[0x67, 100, 0, 31]);
        assert_eq!(high, None);
        use VideoCodec::{H264, Vp8, Vp9};
        for (policy, profile, codec, passes) in [
            (policy(true, None), main, H264, true),
            (policy(true, Some(H264)), main, H264, true),
            (policy(true, Some(Vp8)), main, Vp8, false),
            (policy(true, None), high, Vp8, false),
            (policy(false, None), main, Vp8, false),
            (policy(false, Some(H264)), main, H264, false),
            (policy(true, Some(Vp9)), None, Vp9, false),
        ] {
            let video = policy.decide(profile);
            assert_eq!((video.output.codec, video.passes), (codec, passes), "{policy:?} {profile:?}");
        }
    }

    #[test]
    fn profiles_are_those_that_browsers_offer() {
        let parameters = |set: &[u8]| Profile::of_parameter_set(set).map(|profile| profile.output().parameters);
        let written = |id| format!("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={id}");
        assert_eq!(parameters(&[0x67, 66, 0xc0, 21]), Some(written("42e015")));
        assert_eq!(parameters(&[0x67, 66, 0, 40]), Some(written("42e028")));
        assert_eq!(parameters(&[0x67, 77, 0x40, 31]), Some(written("4d001f")));
        assert_eq!(parameters(&[0x67, 66, 0]), None);
    }
}
