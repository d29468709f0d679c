//! Frames of a stream's file, decoded.

use muxing::{Codec, FileFrame, VideoTrack};

use super::picture::Picture;
use super::sound::StereoSample;
use crate::CompositionError;
use crate::stage::Stage;

/// Elements in the order in which they are preferred.
fn decoders(codec: Codec) -> &'static [&'static str] {
    match codec {
        Codec::Opus => &["opusdec"],
        Codec::Vp8 => &["vp8dec threads=1"],
        Codec::Vp9 => &["vp9dec threads=1"],
        // With more threads it would keep pictures back.
        Codec::H264 => &["avdec_h264 max-threads=1", "h264parse ! openh264dec"],
        Codec::Av1 => &["av1dec"],
    }
}

fn first_of(descriptions: &[String], caps: &gst::Caps) -> Result<Stage, CompositionError> {
    let mut result = Err(CompositionError::Codec("there is no decoder".to_owned()));
    for description in descriptions {
        result = Stage::new(description, caps);
        if result.is_ok() {
            break;
        }
    }
    result
}

fn buffer(frame: FileFrame) -> gst::Buffer {
    let time = gst::ClockTime::from_mseconds(frame.time);
    let mut buffer = gst::Buffer::from_mut_slice(frame.data);
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(time);
        if !frame.key {
            buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
        }
    }
    buffer
}

/// Decodes the sound of a stream.
#[derive(Debug, Default)]
pub(crate) struct SoundDecoder(Option<Stage>);

impl SoundDecoder {
    pub(crate) fn decode(&mut self, frame: FileFrame) -> Result<Vec<StereoSample>, CompositionError> {
        if self.0.is_none() {
            let caps = gst::Caps::builder("audio/x-opus")
                .field("channel-mapping-family", 0)
                .field("channels", 2)
                .field("rate", 48_000)
                .build();
            let elements = decoders(Codec::Opus).iter().map(|name| {
                format!(
                    "{name} ! audioconvert ! capsfilter caps=audio/x-raw,format=S16LE,channels=2,layout=interleaved"
                )
            });
            self.0 = Some(first_of(&elements.collect::<Vec<_>>(), &caps)?);
        }
        let Some(stage) = &mut self.0 else { return Ok(vec![]) };
        if let Err(error) = stage.push(buffer(frame)) {
            self.0 = None;
            return Err(error);
        }
        let mut samples = Vec::new();
        while let Some(output) = stage.pop() {
            if let Ok(map) = output.buffer.map_readable() {
                samples.extend(map.chunks_exact(4).map(|b| [[b[0], b[1]], [b[2], b[3]]].map(i16::from_le_bytes)));
            }
        }
        Ok(samples)
    }
}

/// Decodes the pictures of a stream, and sets them upright.
#[derive(Debug, Default)]
pub(crate) struct PictureDecoder {
    stage: Option<Stage>,
    /// Nothing can be decoded until a key frame comes.
    is_open: bool,
}

impl PictureDecoder {
    /// An error says that this frame and those that need it are lost.
    pub(crate) fn decode(&mut self, frame: FileFrame, track: &VideoTrack) -> Result<Option<Picture>, CompositionError> {
        if !self.is_open && !frame.key {
            return Ok(None);
        }
        self.is_open = true;
        if self.stage.is_none() {
            self.stage = Some(first_of(&elements(track), &caps(track))?);
        }
        let Some(stage) = &mut self.stage else { return Ok(None) };
        if let Err(error) = stage.push(buffer(frame)) {
            *self = Self::default();
            return Err(error);
        }
        let last = std::iter::from_fn(|| stage.pop()).last();
        Ok(last.as_ref().and_then(Picture::new))
    }
}

fn elements(track: &VideoTrack) -> Vec<String> {
    let upright = match track.quarter_turns % 4 {
        0 => "",
        1 => " ! videoflip video-direction=90r",
        2 => " ! videoflip video-direction=180",
        _ => " ! videoflip video-direction=90l",
    };
    decoders(track.codec).iter().map(|name| format!("{name}{upright}")).collect()
}

fn caps(track: &VideoTrack) -> gst::Caps {
    let builder = match track.codec {
        Codec::Vp9 => gst::Caps::builder("video/x-vp9"),
        Codec::H264 => gst::Caps::builder("video/x-h264")
            .field("stream-format", "avc")
            .field("alignment", "au")
            .field("codec_data", gst::Buffer::from_slice(track.private.clone())),
        Codec::Av1 => gst::Caps::builder("video/x-av1").field("stream-format", "obu-stream").field("alignment", "tu"),
        Codec::Opus | Codec::Vp8 => gst::Caps::builder("video/x-vp8"),
    };
    builder.build()
}
