//! One stream in the composition: its file is followed, and decoded up to a time.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use muxing::{Codec, FileFrame, Follower};
use protocol::transcoder::{ComposedStream, CompositionLosses};

use super::decode::{PictureDecoder, SoundDecoder};
use super::figure::Figure;
use super::sound::RATE;

/// Sound and pictures of one time stand in a file at most this far apart, ms: what they wait for in the recorder.
const APART: u64 = 3000;
/// Decoders of sound need what comes before, too, ms.
const LEAD: u64 = 200;

/// So that there is sound up to a time although packets' times are not quite even, ms.
pub(crate) const AHEAD: u64 = 40;

/// One stream.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) figure: Figure,
    pub(crate) lost: CompositionLosses,
    /// When the composition begins, ms since 1970.
    start: u64,
    /// Before this nothing is needed, except to decode what is.
    from: u64,
    path: PathBuf,
    follower: Option<Follower<File>>,
    /// The file cannot be read on.
    is_broken: bool,
    sounds: VecDeque<FileFrame>,
    pictures: VecDeque<FileFrame>,
    /// Of the latest frame that was read.
    horizon: u64,
    sound_decoder: SoundDecoder,
    picture_decoder: PictureDecoder,
}

impl Member {
    pub(crate) fn new(folder: &Path, stream: ComposedStream, start: u64, from: u64) -> Self {
        Self {
            path: folder.join(&stream.file),
            figure: Figure::recorded(stream),
            lost: CompositionLosses::default(),
            start,
            from,
            follower: None,
            is_broken: false,
            sounds: VecDeque::new(),
            pictures: VecDeque::new(),
            horizon: 0,
            sound_decoder: SoundDecoder::default(),
            picture_decoder: PictureDecoder::default(),
        }
    }

    /// Decodes pictures that were captured up to `until`, ms since 1970, and sound up to [`AHEAD`] of it.
    pub(crate) fn advance(&mut self, until: u64) {
        self.read(until + AHEAD);
        while let Some(frame) = pop_until(&mut self.sounds, until + AHEAD) {
            if frame.time + LEAD >= self.from {
                self.take_sound(frame);
            }
        }
        while let Some(frame) = pop_until(&mut self.pictures, until) {
            self.take_picture(frame);
        }
    }

    /// Reads as far as it takes to know of everything up to `until`, if the file goes that far.
    fn read(&mut self, until: u64) {
        while !self.is_broken && self.horizon < until.saturating_add(APART) {
            match self.next_frame() {
                Ok(Some(frame)) => {
                    self.horizon = self.horizon.max(frame.time);
                    if frame.codec == Codec::Opus { &mut self.sounds } else { &mut self.pictures }.push_back(frame);
                }
                Ok(None) => break,
                Err(error) => {
                    eprintln!("{}: {error}", self.figure.key);
                    self.is_broken = true;
                    self.lost.unreadable_files += 1;
                }
            }
        }
    }

    fn next_frame(&mut self) -> Result<Option<FileFrame>, muxing::FollowError> {
        if self.follower.is_none() {
            let file = match File::open(&self.path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let mut follower = Follower::new(file);
            if self.from > self.start {
                follower.seek(self.from.saturating_sub(LEAD))?;
            }
            self.follower = Some(follower);
        }
        self.follower.as_mut().map_or(Ok(None), Follower::poll_frame)
    }

    fn take_sound(&mut self, frame: FileFrame) {
        let at = (frame.time.cast_signed() - self.start.cast_signed()) * RATE / 1000;
        match self.sound_decoder.decode(frame) {
            Ok(samples) if !samples.is_empty() => self.figure.sound.push(at, &samples),
            Ok(_) => {}
            Err(_) => self.lost.undecodable += 1,
        }
    }

    fn take_picture(&mut self, frame: FileFrame) {
        let Some(track) = self.follower.as_ref().and_then(Follower::video) else { return };
        match self.picture_decoder.decode(frame, track) {
            Ok(Some(picture)) => self.figure.show(picture),
            Ok(None) => {}
            Err(_) => self.lost.undecodable += 1,
        }
    }
}

fn pop_until(frames: &mut VecDeque<FileFrame>, until: u64) -> Option<FileFrame> {
    if frames.front()?.time <= until { frames.pop_front() } else { None }
}
