//! Encoders of what is composed.

use protocol::transcoder::Picture;

use super::picture::Canvas;
use super::sound::StereoSample;
use crate::CompositionError;
use crate::mp4::{self, EncodedSample};
use crate::stage::{Stage, StageOutput};

/// Seconds between key frames: where one can seek to.
const KEY_FRAME_INTERVAL: u32 = 2;
/// Bits a second of a picture's pixel, at most: slides full of text take that.
const BITS_PER_PIXEL: f64 = 0.15;
/// The same where it is sent at once: what services advise, 2.8 Mbit/s for 1280x720.
const LIVE_BITS_PER_PIXEL: f64 = 0.12;
/// Samples in a packet of AAC.
pub(crate) const AAC_BLOCK: usize = 1024;
/// Blocks after which an encoder of AAC does not show any more that it was started in the middle: it takes the first one
/// for a bang.
const WARM_UP: u64 = 8;
/// Samples in a packet of Opus.
pub(crate) const OPUS_BLOCK: usize = 960;
/// Parameter sets apart, and one picture at a time.
const AVC: &str = "capsfilter caps=video/x-h264,stream-format=avc,alignment=au";
/// Encoders of AAC, and how many samples each puts before what went in.
const AAC: [(&str, u32); 2] = [("avenc_aac bitrate=128000", 1024), ("voaacenc bitrate=128000", 1600)];

/// Pictures in, H264 out, in the same order and number.
#[derive(Debug)]
pub(crate) struct PictureEncoder(Stage);

impl PictureEncoder {
    pub(crate) fn new(picture: &Picture) -> Result<Self, CompositionError> {
        let caps = Canvas::caps(picture.width, picture.height, picture.frame_rate);
        let key_frames = KEY_FRAME_INTERVAL * picture.frame_rate;
        let kilobits = (rate(picture) * BITS_PER_PIXEL / 1000.0).ceil().max(200.0) as u32;
        let x264 = format!(
            "x264enc speed-preset=ultrafast pass=qual quantizer=25 bitrate={kilobits} key-int-max={key_frames} \
             bframes=0 rc-lookahead=0 ! {AVC}"
        );
        let openh264 =
            format!("openh264enc gop-size={key_frames} bitrate={} complexity=low ! h264parse ! {AVC}", kilobits * 500);
        Stage::new(&x264, &caps).or_else(|_| Stage::new(&openh264, &caps)).map(Self)
    }

    /// The same for whoever watches at once: no picture is kept back, and none takes more than its share of a line.
    pub(crate) fn live(picture: &Picture) -> Result<Self, CompositionError> {
        let caps = Canvas::caps(picture.width, picture.height, picture.frame_rate);
        let key_frames = KEY_FRAME_INTERVAL * picture.frame_rate;
        let kilobits = (rate(picture) * LIVE_BITS_PER_PIXEL / 1000.0).ceil().clamp(300.0, 9000.0) as u32;
        let x264 = format!(
            "x264enc tune=zerolatency speed-preset=superfast threads=2 bitrate={kilobits} vbv-buf-capacity=1000 \
             key-int-max={key_frames} ! {AVC}"
        );
        let openh264 = format!(
            "openh264enc rate-control=bitrate complexity=low gop-size={key_frames} bitrate={} ! h264parse ! {AVC}",
            kilobits * 1000
        );
        Stage::new(&x264, &caps).or_else(|_| Stage::new(&openh264, &caps)).map(Self)
    }

    /// The next picture can be decoded without those before it.
    pub(crate) fn force_key_frame(&mut self) {
        self.0.send(gst_video::DownstreamForceKeyUnitEvent::builder().all_headers(true).build());
    }

    /// What comes out, as it is.
    pub(crate) fn pop_output(&mut self) -> Option<StageOutput> {
        self.0.pop()
    }

    /// The `number`th of `frame_rate` a second.
    pub(crate) fn push(
        &mut self,
        mut buffer: gst::Buffer,
        number: u64,
        frame_rate: u32,
    ) -> Result<(), CompositionError> {
        let time = |number: u64| gst::ClockTime::from_nseconds(number * 1_000_000_000 / u64::from(frame_rate));
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(time(number));
            buffer.set_duration(time(number + 1) - time(number));
        }
        self.0.push(buffer)
    }

    pub(crate) fn finish(&mut self) {
        self.0.finish();
    }

    pub(crate) fn pop(&mut self) -> Result<Option<EncodedSample>, CompositionError> {
        self.0.pop().as_ref().map(sample).transpose()
    }

    /// `AVCDecoderConfigurationRecord` of what an encoder like this makes.
    pub(crate) fn configuration(picture: &Picture) -> Result<Vec<u8>, CompositionError> {
        let mut encoder = Self::new(picture)?;
        encoder.push(Canvas::new(picture.width, picture.height)?.picture()?, 0, picture.frame_rate)?;
        encoder.finish();
        encoder
            .0
            .pop()
            .as_ref()
            .and_then(codec_data)
            .ok_or_else(|| CompositionError::Codec("no picture was encoded".to_owned()))
    }
}

/// Pixels a second.
fn rate(picture: &Picture) -> f64 {
    f64::from(picture.width) * f64::from(picture.height) * f64::from(picture.frame_rate)
}

/// Blocks of sound in, AAC out: a packet for each, and some more at the end.
#[derive(Debug)]
pub(crate) struct AacEncoder {
    stage: Stage,
    delay: u32,
    /// Packets of what was encoded before, which only warms up the encoder.
    unwanted: u64,
}

impl AacEncoder {
    /// What comes out first is packet `wanted`, when blocks go in from [`AacEncoder::first_block`] on.
    pub(crate) fn new(wanted: u64) -> Result<Self, CompositionError> {
        let caps = sound_caps();
        let mut result = Err(CompositionError::Codec("there is no encoder of AAC".to_owned()));
        for (encoder, delay) in AAC {
            let description =
                format!("audioconvert ! {encoder} ! capsfilter caps=audio/mpeg,mpegversion=4,stream-format=raw");
            result = Stage::new(&description, &caps).map(|stage| (stage, delay));
            if result.is_ok() {
                break;
            }
        }
        let (stage, delay) = result?;
        Ok(Self { stage, delay, unwanted: wanted - Self::first_block(wanted) })
    }

    /// Packets depend on some blocks before theirs.
    pub(crate) fn first_block(wanted: u64) -> u64 {
        wanted.saturating_sub(WARM_UP)
    }

    pub(crate) fn push(
        &mut self,
        block: u64,
        samples: impl Iterator<Item = StereoSample>,
    ) -> Result<(), CompositionError> {
        self.stage.push(sound_buffer(block * AAC_BLOCK as u64, samples))
    }

    pub(crate) fn finish(&mut self) {
        self.stage.finish();
    }

    pub(crate) fn pop(&mut self) -> Result<Option<EncodedSample>, CompositionError> {
        while let Some(output) = self.stage.pop() {
            if self.unwanted == 0 {
                return Ok(Some(EncodedSample { key: true, ..sample(&output)? }));
            }
            self.unwanted -= 1;
        }
        Ok(None)
    }

    /// What comes out, as it is.
    pub(crate) fn pop_output(&mut self) -> Option<StageOutput> {
        self.stage.pop()
    }

    /// How many samples there are before what went in.
    pub(crate) fn delay(&self) -> u32 {
        self.delay
    }

    /// What the file says of the sound.
    pub(crate) fn description() -> Result<mp4::AacTrack, CompositionError> {
        let mut encoder = Self::new(0)?;
        (0..4).try_for_each(|block| encoder.push(block, std::iter::repeat_n([0, 0], AAC_BLOCK)))?;
        encoder.finish();
        let config = encoder.stage.pop().as_ref().and_then(codec_data);
        let config = config.ok_or_else(|| CompositionError::Codec("no sound was encoded".to_owned()))?;
        Ok(mp4::AacTrack { config, delay: encoder.delay })
    }
}

/// Blocks of sound in, Opus out.
#[derive(Debug)]
pub(crate) struct OpusEncoder(Stage);

impl OpusEncoder {
    pub(crate) fn new() -> Result<Self, CompositionError> {
        Stage::new("audioconvert ! opusenc bitrate=64000 frame-size=20", &sound_caps()).map(Self)
    }

    pub(crate) fn push(
        &mut self,
        block: u64,
        samples: impl Iterator<Item = StereoSample>,
    ) -> Result<(), CompositionError> {
        self.0.push(sound_buffer(block * OPUS_BLOCK as u64, samples))
    }

    pub(crate) fn finish(&mut self) {
        self.0.finish();
    }

    pub(crate) fn pop(&mut self) -> Result<Option<Vec<u8>>, CompositionError> {
        self.0.pop().as_ref().map(|output| Ok(sample(output)?.data)).transpose()
    }
}

fn sound_caps() -> gst::Caps {
    gst::Caps::builder("audio/x-raw")
        .field("format", "S16LE")
        .field("rate", 48_000)
        .field("channels", 2)
        .field("channel-mask", gst::Bitmask::new(0x3))
        .field("layout", "interleaved")
        .build()
}

fn sound_buffer(at: u64, samples: impl Iterator<Item = StereoSample>) -> gst::Buffer {
    let bytes: Vec<u8> = samples.flatten().flat_map(i16::to_le_bytes).collect();
    let count = bytes.len() as u64 / 4;
    let time = |samples: u64| gst::ClockTime::from_nseconds(samples * 1_000_000_000 / 48_000);
    let mut buffer = gst::Buffer::from_mut_slice(bytes);
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(time(at));
        buffer.set_duration(time(at + count) - time(at));
    }
    buffer
}

fn sample(output: &StageOutput) -> Result<EncodedSample, CompositionError> {
    let map = output.buffer.map_readable().map_err(|error| CompositionError::Codec(error.to_string()))?;
    let key = !output.buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
    Ok(EncodedSample { data: map.to_vec(), key })
}

fn codec_data(output: &StageOutput) -> Option<Vec<u8>> {
    let data = output.caps.structure(0)?.get::<gst::Buffer>("codec_data").ok()?;
    Some(data.map_readable().ok()?.to_vec())
}
