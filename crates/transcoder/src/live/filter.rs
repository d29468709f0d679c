//! A filter: the sound or the pictures of one input, changed; the other kind passes as it came.
//!
//! Each kind of filter has a file below; here is what they share: the way of frames, and when the output can take the place of the
//! input. A filter reads no file and no network but pictures to draw, and those only where the deployment allows it ([`image`]).

mod barcode;
mod chroma;
mod command;
mod element;
mod face;
mod image;
mod overlay;
mod parameters;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use protocol::job::{FilterSpec, FromJob, MediaPacket, ToJob};
use protocol::media::{MediaKind, VideoCodec};
use serde_json::Value;

use self::image::ImageSource;
use super::input::{Form, Input};
use super::link::Link;
use super::output::Output;
use super::pipeline::{LivePipeline, complaint, link as join};
use super::{Job, JobError};

/// A publisher whose camera and microphone are off sends nothing; its filter is there all the same.
const FIRST_FRAME: Duration = Duration::from_secs(2);

/// Said to have been executed when there is such a filter.
const MADE: u64 = 0;

/// What is done to frames of one kind.
trait Effect {
    /// Which.
    fn medium(&self) -> MediaKind;

    /// Elements with the pads `sink` and `src`, for raw frames.
    fn elements(&self) -> &gst::Bin;

    /// A method of it. An error says why nothing has changed.
    fn execute(&mut self, method: &str, params: &Value) -> Result<(), String>;

    /// One of its elements says something; whether the filter's users are told.
    fn hear(&mut self, _message: &gst::Message) -> Option<FromJob> {
        None
    }
}

/// See [`protocol::job::JobSpec::Filter`].
pub(super) struct Filter {
    link: Link,
    effect: Box<dyn Effect>,
    has_audio: bool,
    has_video: bool,
    number: Option<u16>,
    begun: Option<Instant>,
    /// As soon as it is known in which codec pictures come, or that none do. Another codec makes another one.
    way: Option<Way>,
    bitrate: Option<u32>,
}

/// From the input through the filter to the output.
struct Way {
    codec: Option<VideoCodec>,
    // Before the pipeline: what is in it goes first.
    input: Input,
    output: Output,
    pipeline: LivePipeline,
    is_ready: bool,
}

impl Filter {
    /// Says at once that there is such a filter.
    pub(super) fn new(
        filter: &FilterSpec,
        video: bool,
        audio: bool,
        images: Option<PathBuf>,
        link: &Link,
    ) -> Result<Self, JobError> {
        let effect = effect(filter, images)?;
        link.tell(&FromJob::Executed { request: MADE, error: None });
        Ok(Self {
            link: link.clone(),
            effect,
            has_audio: audio,
            has_video: video,
            number: None,
            begun: None,
            way: None,
            bitrate: None,
        })
    }

    fn add(&mut self, number: u16) -> Result<(), JobError> {
        self.number = Some(number);
        self.begun = Some(Instant::now());
        if self.has_video { Ok(()) } else { self.open(None) }
    }

    fn close(&mut self) {
        if let Some(way) = self.way.take() {
            way.pipeline.remove(self.effect.elements());
        }
    }

    fn open(&mut self, codec: Option<VideoCodec>) -> Result<(), JobError> {
        self.close();
        let Some(number) = self.number else { return Ok(()) };
        if codec == Some(VideoCodec::Av1) {
            return Err(JobError::Impossible("streams whose pictures are AV1 cannot be filtered".to_owned()));
        }
        let medium = self.effect.medium();
        let form = |kind| if medium == kind { Form::Decoded } else { Form::Encoded };
        let audio = self.has_audio.then(|| form(MediaKind::Audio));
        let video = codec.map(|codec| (codec, form(MediaKind::Video)));
        let pipeline = LivePipeline::start()?;
        let output = Output::new(audio, video, &pipeline, &self.link)?;
        let input = Input::new(number, audio, video.map(|(_, form)| form), &pipeline, &self.link)?;
        let ways =
            [(MediaKind::Audio, input.audio(), output.audio()), (MediaKind::Video, input.video(), output.video())];
        for (kind, from, to) in ways {
            let (Some(from), Some(to)) = (from, to) else { continue };
            if kind == medium {
                let effect = self.effect.elements();
                pipeline.add(effect)?;
                join(effect, to)?;
                join(from, effect)?;
            } else {
                join(from, to)?;
            }
        }
        if let Some(bps) = self.bitrate {
            output.set_bitrate(bps);
        }
        self.way = Some(Way { codec, input, output, pipeline, is_ready: false });
        Ok(())
    }

    /// It takes the publisher's place as soon as there is something to show.
    fn tell_once_it_is_ready(&mut self) {
        let Some(way) = self.way.as_mut().filter(|way| !way.is_ready) else { return };
        let kind = if way.codec.is_some() { MediaKind::Video } else { MediaKind::Audio };
        let is_late = self.begun.is_some_and(|begun| begun.elapsed() >= FIRST_FRAME);
        if way.output.has_sent(kind) || is_late {
            way.is_ready = true;
            self.link.tell(&way.output.ready());
        }
    }
}

impl Job for Filter {
    fn handle(&mut self, said: ToJob) -> Result<(), JobError> {
        match said {
            ToJob::AddInput { input } => self.add(input.number)?,
            ToJob::RemoveInput { number } if self.number == Some(number) => {
                self.number = None;
                self.close();
            }
            ToJob::KeyFrame => {
                if let Some(way) = &self.way {
                    way.output.key_frame();
                }
            }
            ToJob::Bitrate { bps } => {
                self.bitrate = Some(bps);
                if let Some(way) = &self.way {
                    way.output.set_bitrate(bps);
                }
            }
            ToJob::Execute { request, method, params } => {
                let error = self.effect.execute(&method, &params).err();
                self.link.tell(&FromJob::Executed { request, error });
            }
            ToJob::Begin { .. }
            | ToJob::Finish
            | ToJob::ChangeInput { .. }
            | ToJob::RemoveInput { .. }
            | ToJob::Settle { .. } => {}
        }
        Ok(())
    }

    fn handle_media(&mut self, packet: &MediaPacket<'_>) -> Result<(), JobError> {
        if self.number != Some(packet.input) {
            return Ok(());
        }
        let is_other = packet.codec.is_some() && self.way.as_ref().is_none_or(|way| way.codec != packet.codec);
        if packet.kind == MediaKind::Video && is_other {
            self.open(packet.codec)?;
        }
        let Some(way) = &mut self.way else { return Ok(()) };
        if let Some(level) = packet.level {
            way.output.set_level(level);
        }
        way.input.handle(packet)
    }

    fn poll(&mut self) -> Result<(), JobError> {
        if self.way.is_none() && self.begun.is_some_and(|begun| begun.elapsed() >= FIRST_FRAME) {
            self.open(None)?;
        }
        let Some(way) = &mut self.way else { return Ok(()) };
        way.input.poll()?;
        while let Some(message) = way.pipeline.pop_message() {
            if let Some(found) = self.effect.hear(&message) {
                self.link.tell(&found);
            }
            if let gst::MessageView::Error(error) = message.view()
                && !way.input.recovers(error)
            {
                return Err(JobError::Broken(complaint(error)));
            }
        }
        self.tell_once_it_is_ready();
        Ok(())
    }
}

fn effect(filter: &FilterSpec, images: Option<PathBuf>) -> Result<Box<dyn Effect>, JobError> {
    let images = ImageSource::new(images);
    Ok(match filter.kind.as_str() {
        "GStreamerFilter" => Box::new(element::ElementFilter::new(&filter.options, images)?),
        "ZBarFilter" => Box::new(barcode::BarcodeFilter::new()?),
        "ImageOverlayFilter" => Box::new(overlay::ImageOverlay::new(images)?),
        "FaceOverlayFilter" => Box::new(face::FaceOverlay::new(images)?),
        "ChromaFilter" => Box::new(chroma::ChromaFilter::new(&filter.options, images)?),
        other => return Err(JobError::Impossible(format!("there is no filter '{other}'"))),
    })
}
