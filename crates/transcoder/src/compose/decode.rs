//! Frames of a stream's file, decoded.

use muxing::{Codec, FileFrame, VideoTrack};

use super::picture::Picture;
use super::sound::StereoSample;
use crate::CompositionError;
use crate::codec::{Decoder, caps};
use crate::stage::Stage;

/// Of a decoder that may have several: composing has all the time that it needs, and others the rest.
const THREADS: u32 = 1;

/// The first decoder that can be started, with what stands behind it. `configuration`: of [`caps`].
pub(super) fn open(codec: Codec, configuration: &[u8], end: &str) -> Result<Stage, CompositionError> {
    let caps = caps(codec, configuration);
    let mut result = Err(CompositionError::Codec("there is no decoder".to_owned()));
    for decoder in Decoder::all(codec) {
        result = Stage::new(&format!("{}{end}", decoder.description(THREADS, "")), &caps);
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
            let samples = "audio/x-raw,format=S16LE,channels=2,layout=interleaved";
            let end = format!(" ! audioconvert ! capsfilter caps={samples}");
            self.0 = Some(open(Codec::Opus, &[], &end)?);
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
            self.stage = Some(open(track.codec, &track.private, upright(track))?);
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

fn upright(track: &VideoTrack) -> &'static str {
    match track.quarter_turns % 4 {
        0 => "",
        1 => " ! videoflip video-direction=90r",
        2 => " ! videoflip video-direction=180",
        _ => " ! videoflip video-direction=90l",
    }
}
