//! A recording's folder, as the server leaves it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use muxing::{Codec, StreamFile};
use protocol::recording::Measured;
use protocol::transcoder::{ComposedStream, Composition, Entry, Layout, MANIFEST, Picture, VERSION};
use testbed::encoder::encode_from;
use testbed::publisher::{EncodedPacket, Stream, feed, merged, ms, start};
use transcoder::compose::{Composer, StepOutcome};

use crate::film::Film;

pub(crate) const WIDTH: u32 = 320;
pub(crate) const HEIGHT: u32 = 180;
pub(crate) const FRAME_RATE: u32 = 25;

/// When the composition begins, ms since 1970.
pub(crate) fn begin() -> u64 {
    start().as_millis() as u64
}

/// Pictures of one colour.
pub(crate) fn colour(codec: Codec, colour: &str, size: &str, seconds: u32) -> Vec<EncodedPacket> {
    let source = format!("color=c={colour}:s={size}:r={}", if codec == Codec::Av1 { 15 } else { 25 });
    encode_from(codec, &source, seconds)
}

pub(crate) fn tone(hertz: u32, seconds: u32) -> Vec<EncodedPacket> {
    encode_from(Codec::Opus, &format!("sine=frequency={hertz}:sample_rate=48000"), seconds)
}

pub(crate) struct Room {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) composition: Composition,
}

impl Room {
    pub(crate) fn new() -> Self {
        let picture = Picture {
            width: WIDTH,
            height: HEIGHT,
            frame_rate: FRAME_RATE,
            layout: Layout::BestFit,
            has_captions: false,
        };
        let composition = Composition {
            version: VERSION,
            start: begin(),
            output: "room.mp4".to_owned(),
            thumbnail: Some("room.jpg".to_owned()),
            has_audio: true,
            picture: Some(picture),
        };
        Self { folder: tempfile::tempdir().unwrap(), composition }
    }

    pub(crate) fn with_layout(mut self, layout: Layout) -> Self {
        self.composition.picture.as_mut().unwrap().layout = layout;
        self
    }

    pub(crate) fn with_captions(mut self) -> Self {
        self.composition.picture.as_mut().unwrap().has_captions = true;
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Records a stream whose pictures and sound are captured from `at` on.
    pub(crate) fn record(&self, name: &str, at: u64, pictures: (Codec, &[EncodedPacket]), sound: &[EncodedPacket]) {
        self.record_turned(name, at, pictures, sound, None);
    }

    pub(crate) fn record_turned(
        &self,
        name: &str,
        at: u64,
        (codec, pictures): (Codec, &[EncodedPacket]),
        sound: &[EncodedPacket],
        turns: Option<u8>,
    ) {
        let stream = |codec| Stream { delay: ms(0), reports: false, ..Stream::new(codec, 1) };
        let mut video = stream(codec).packets(pictures, start() + ms(at), 0);
        video.iter_mut().for_each(|packet| packet.quarter_turns = turns);
        let audio = stream(Codec::Opus).packets(sound, start() + ms(at), 0);
        let mut file = StreamFile::new(File::create(self.path(name)).unwrap(), true, true);
        let (now, _) = feed(&mut file, merged([video, audio])).unwrap();
        file.finish(now).unwrap();
    }

    pub(crate) fn add(&self, file: &str, at: u64) -> Entry {
        Entry::Add(self.stream(file, at))
    }

    pub(crate) fn stream(&self, file: &str, at: u64) -> ComposedStream {
        ComposedStream {
            file: file.to_owned(),
            at: begin() + at,
            name: None,
            is_screen: false,
            has_audio: true,
            has_video: true,
            audio_active: true,
            video_active: true,
        }
    }

    pub(crate) fn add_named(&self, file: &str, name: &str) -> Entry {
        Entry::Add(ComposedStream { name: Some(name.to_owned()), ..self.stream(file, 0) })
    }

    pub(crate) fn microphone(&self, file: &str, at: u64, audio_active: bool) -> Entry {
        Entry::Change { file: file.to_owned(), at: begin() + at, audio_active, video_active: true }
    }

    pub(crate) fn remove(&self, file: &str, at: u64) -> Entry {
        Entry::Remove { file: file.to_owned(), at: begin() + at }
    }

    pub(crate) fn camera(&self, file: &str, at: u64, video_active: bool) -> Entry {
        Entry::Change { file: file.to_owned(), at: begin() + at, audio_active: true, video_active }
    }

    pub(crate) fn end(&self, at: u64) -> Entry {
        Entry::End { at: begin() + at }
    }

    /// Appends to the manifest.
    pub(crate) fn write(&self, entries: &[Entry]) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(MANIFEST)).unwrap();
        for entry in entries {
            writeln!(file, "{}", serde_json::to_string(entry).unwrap()).unwrap();
        }
    }

    pub(crate) fn open(&self) -> Composer {
        gst::init().unwrap();
        Composer::open(self.folder.path(), self.composition.clone()).unwrap()
    }

    /// Composes all of it.
    pub(crate) fn compose(&self, entries: impl IntoIterator<Item = Entry>) -> (Measured, Film) {
        let mut composer = self.open();
        entries.into_iter().for_each(|entry| composer.push(entry));
        to_its_end(&mut composer);
        let (measured, lost) = composer.finish().unwrap();
        assert_eq!(lost, protocol::transcoder::CompositionLosses::default());
        (measured, Film::decode(&self.path(&self.composition.output)))
    }
}

/// Composes all that there is. It ends long before so many steps.
pub(crate) fn to_its_end(composer: &mut Composer) {
    const STEPS: usize = 100_000;
    let is_over = (0..STEPS).any(|_| composer.step().unwrap() == StepOutcome::Over);
    assert!(is_over, "not over after {STEPS} steps");
}
