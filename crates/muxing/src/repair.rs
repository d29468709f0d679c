//! Files that were cut off while they were written: the process was killed, the disk was full, the machine lost its
//! power. Whatever is whole in them is kept.

use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};

use crate::cluster::TrackNumber;
use crate::ebml::{Header, wide_size};
use crate::frame_file::Extent;
use crate::matroska::{
    self, CLUSTER, CLUSTERS_AT, Cue, DATE, EBML, EBML_LENGTH, INFO, MILLENNIUM, SEGMENT, SEGMENT_AT, SIMPLE_BLOCK,
    TIMESTAMP, complete,
};
use crate::summary::FileSummary;

/// Identifier and size of a cluster as they are written here, bytes.
const CLUSTER_HEADER: u64 = 12;

/// Why a file cannot be repaired.
#[derive(Debug)]
pub enum RepairError {
    /// It was not written by this crate, or ends before its first frame.
    Nothing,
    /// It cannot be read or written.
    Io(io::Error),
}

impl std::fmt::Display for RepairError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => f.write_str("there is not one frame in it"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RepairError {}

impl From<io::Error> for RepairError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Makes a file that was cut off whole and seekable, in place, and tells what is in it. The caller cuts what stands
/// behind [`FileSummary::size`]. A file that is whole already is only looked at.
pub fn repair<F: Read + Write + Seek>(file: &mut F) -> Result<FileSummary, RepairError> {
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(0))?;
    let mut head = [0; EBML_LENGTH];
    file.read_exact(&mut head).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => RepairError::Nothing,
        _ => RepairError::Io(error),
    })?;
    file.seek(SeekFrom::Start(0))?;
    let mut scan = Scan { reader: BufReader::new(&mut *file), at: 0, length, found: WholeClusters::default() };
    let is_whole = scan.file()?;
    let found = scan.found;
    let Some(end) = found.end.filter(|_| found.has_audio || found.has_video) else {
        return Err(RepairError::Nothing);
    };
    let duration = found.extent.duration();
    // One that does not tell any more begins when dates do: it tells that from now on.
    let start = found.start.max(MILLENNIUM);
    let size = match is_whole {
        Some(size) => size,
        None => {
            if let Some((size_at, size)) = found.cut {
                file.seek(SeekFrom::Start(size_at))?;
                file.write_all(&wide_size(size))?;
            }
            complete(file, start, duration, &found.cues, [found.has_audio, found.has_video], end)?
        }
    };
    Ok(FileSummary {
        start,
        end: start.saturating_add(duration),
        duration,
        size,
        has_audio: found.has_audio,
        has_video: found.has_video,
        container: matroska::container(&head),
        losses: None,
    })
}

/// What is whole in a file.
#[derive(Debug, Default)]
struct WholeClusters {
    /// ms since 1970.
    start: u64,
    cues: Vec<Cue>,
    extent: Extent,
    has_audio: bool,
    has_video: bool,
    /// Behind the last whole block.
    end: Option<u64>,
    /// Of the last cluster, if it was cut: where its size stands, and what it should be.
    cut: Option<(u64, u64)>,
}

struct Scan<R> {
    reader: BufReader<R>,
    at: u64,
    length: u64,
    found: WholeClusters,
}

impl<R: Read + Seek> Scan<R> {
    /// Where the segment ends, if it is whole.
    fn file(&mut self) -> Result<Option<u64>, RepairError> {
        self.expect(EBML)?;
        let segment = self.header()?.filter(|h| h.id == SEGMENT && self.at == SEGMENT_AT);
        let segment = segment.ok_or(RepairError::Nothing)?;
        let whole = segment.size.and_then(|size| SEGMENT_AT.checked_add(size)).filter(|end| *end <= self.length);
        if self.length < CLUSTERS_AT {
            return Err(RepairError::Nothing);
        }
        self.head()?;
        while let Some(header) = self.header()? {
            let Some(end) = header.size.and_then(|size| self.at.checked_add(size)) else {
                break;
            };
            let is_whole = match header.id {
                CLUSTER if header.length == CLUSTER_HEADER => self.cluster(end)?,
                _ => end <= self.length,
            };
            if !is_whole {
                break;
            }
            self.go_to(end)?;
        }
        // A segment that ends before its blocks was not written so.
        Ok(whole.filter(|end| self.found.end.is_some_and(|last| last <= *end)))
    }

    /// What tells of the file. Whatever became of it, clusters begin behind it.
    fn head(&mut self) -> io::Result<()> {
        while self.at < CLUSTERS_AT
            && let Some(header) = self.header()?
        {
            let end = self.at.saturating_add(header.size.unwrap_or(0)).min(CLUSTERS_AT);
            if header.id == INFO {
                self.info(end)?;
            }
            self.go_to(end)?;
        }
        // What is no element was read in part.
        self.at = self.reader.seek(SeekFrom::Start(CLUSTERS_AT))?;
        Ok(())
    }

    fn info(&mut self, end: u64) -> io::Result<()> {
        while self.at < end
            && let Some(header) = self.header()?
        {
            if header.id == DATE && header.size == Some(8) {
                let mut date = [0; 8];
                self.read(&mut date)?;
                self.found.start = (u64::from_be_bytes(date) / 1_000_000).saturating_add(MILLENNIUM);
            } else {
                self.go_to(self.at.saturating_add(header.size.unwrap_or(0)).min(end))?;
            }
        }
        Ok(())
    }

    /// `false` if it is not whole.
    fn cluster(&mut self, end: u64) -> io::Result<bool> {
        let content_at = self.at;
        let mut time = None;
        let mut cue_wanted = true;
        while self.at < end.min(self.length) {
            let Some(header) = self.header()? else {
                break;
            };
            let Some(element_end) = header.size.and_then(|size| self.at.checked_add(size)) else {
                break;
            };
            if element_end > end.min(self.length) {
                break;
            }
            match (header.id, time) {
                (TIMESTAMP, None) if header.size == Some(8) => {
                    let mut bytes = [0; 8];
                    self.read(&mut bytes)?;
                    time = Some(u64::from_be_bytes(bytes));
                }
                (SIMPLE_BLOCK, Some(time)) => {
                    self.block(time, element_end, content_at - CLUSTER_HEADER, &mut cue_wanted)?;
                    self.found.end = Some(element_end);
                }
                _ => {}
            }
            self.go_to(element_end)?;
        }
        let is_whole = self.found.end == Some(end);
        if let Some(last) = self.found.end.filter(|last| !is_whole && *last > content_at) {
            self.found.cut = Some((content_at - 8, last - content_at));
        }
        Ok(is_whole)
    }

    fn block(&mut self, cluster_time: u64, end: u64, cluster_at: u64, cue_wanted: &mut bool) -> io::Result<()> {
        // Track, relative time, flags, and of sound the bytes that tell its duration.
        let mut bytes = [0; 6];
        let length = bytes.len().min((end - self.at) as usize);
        self.read(&mut bytes[..length])?;
        let [track, t0, t1, flags, data @ ..] = bytes;
        if length < 4 {
            return Ok(());
        }
        let time = cluster_time.saturating_add_signed(i16::from_be_bytes([t0, t1]).into());
        let is_key = flags & 0x80 != 0;
        let track = match track {
            0x81 => TrackNumber::Audio,
            0x82 => TrackNumber::Video,
            _ => return Ok(()),
        };
        match track {
            TrackNumber::Audio => {
                self.found.has_audio = true;
                self.found.extent.audio(time, &data[..length - 4]);
            }
            TrackNumber::Video => {
                self.found.has_video = true;
                self.found.extent.video(time);
            }
        }
        let wanted = is_key && (track == TrackNumber::Video) == self.found.has_video;
        if wanted && *cue_wanted && Cue::is_due(track, time, self.found.cues.last()) {
            *cue_wanted = false;
            self.found.cues.push(Cue { time, track: track as u8, at: cluster_at });
        }
        Ok(())
    }

    fn expect(&mut self, id: u32) -> Result<(), RepairError> {
        let header = self.header()?.filter(|header| header.id == id).ok_or(RepairError::Nothing)?;
        let end = header.size.and_then(|size| self.at.checked_add(size)).filter(|end| *end <= self.length);
        self.go_to(end.ok_or(RepairError::Nothing)?)?;
        Ok(())
    }

    fn header(&mut self) -> io::Result<Option<Header>> {
        let header = Header::read(&mut self.reader)?;
        if let Some(header) = header {
            self.at += header.length;
        }
        Ok(header)
    }

    fn read(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.reader.read_exact(bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Positions are within the file.
    fn go_to(&mut self, position: u64) -> io::Result<()> {
        let step = position.cast_signed().wrapping_sub(self.at.cast_signed());
        self.at = position;
        self.reader.seek_relative(step)
    }
}
