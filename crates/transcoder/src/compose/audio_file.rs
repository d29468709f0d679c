//! The composed file without pictures: Opus, written as streams are recorded. It is made anew after a crash: that takes
//! a hundredth of the time.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use muxing::{Codec, Packet, Source, StreamFile};
use protocol::recording::Measured;

use super::encode::{OPUS_BLOCK, OpusEncoder};
use super::sound::StereoSample;
use crate::CompositionError;

/// Blocks between two times that everything is forced to the disk: a second.
const FORCED_EVERY: u64 = 50;

/// A composed file without pictures.
#[derive(Debug)]
pub(crate) struct AudioFile {
    path: PathBuf,
    /// When it begins, ms since 1970.
    start: u64,
    disk: File,
    file: StreamFile<File>,
    encoder: OpusEncoder,
    next_block: u64,
    packets: u64,
}

impl AudioFile {
    pub(crate) fn open(path: &Path, start: u64) -> Result<Self, CompositionError> {
        let disk = File::options().read(true).write(true).create(true).truncate(true).open(path);
        let disk = disk.map_err(CompositionError::file(path))?;
        let file = StreamFile::new(disk.try_clone().map_err(CompositionError::file(path))?, true, false);
        let encoder = OpusEncoder::new()?;
        Ok(Self { path: path.to_owned(), start, disk, file, encoder, next_block: 0, packets: 0 })
    }

    /// Where the next block of sound lies, in samples since the beginning.
    pub(crate) fn next_block(&self) -> (u64, usize) {
        (self.next_block * OPUS_BLOCK as u64, OPUS_BLOCK)
    }

    /// Tells whether everything was forced to the disk.
    pub(crate) fn push_block(&mut self, samples: impl Iterator<Item = StereoSample>) -> Result<bool, CompositionError> {
        self.encoder.push(self.next_block, samples)?;
        self.next_block += 1;
        self.write()?;
        let is_due = self.next_block.is_multiple_of(FORCED_EVERY);
        if is_due {
            self.disk.sync_data().map_err(CompositionError::file(&self.path))?;
        }
        Ok(is_due)
    }

    pub(crate) fn finish(mut self) -> Result<Measured, CompositionError> {
        self.encoder.finish();
        self.write()?;
        let now = self.time(self.packets);
        let summary = self.file.finish(now).map_err(CompositionError::file(&self.path))?;
        self.disk.sync_all().map_err(CompositionError::file(&self.path))?;
        Ok(Measured {
            size: summary.size,
            duration: summary.duration as f64 / 1000.0,
            has_audio: summary.has_audio,
            has_video: false,
            ..Measured::default()
        })
    }

    fn write(&mut self) -> Result<(), CompositionError> {
        while let Some(payload) = self.encoder.pop()? {
            // What the encoder makes of nothing, at its end, is not sound.
            if self.packets == self.next_block {
                break;
            }
            let time = self.time(self.packets);
            let packet = Packet {
                codec: Codec::Opus,
                source: Source { generation: 1, ssrc: 1 },
                sequence: self.packets,
                timestamp: (self.packets * OPUS_BLOCK as u64) as u32,
                marker: true,
                quarter_turns: None,
                payload: Arc::from(payload),
                arrival: time,
                report: None,
            };
            self.packets += 1;
            let written = self.file.handle_packet(packet, time).and_then(|()| self.file.handle_timeout(time));
            written.map_err(CompositionError::file(&self.path))?;
        }
        Ok(())
    }

    fn time(&self, packet: u64) -> Duration {
        Duration::from_millis(self.start + packet * 20)
    }
}
