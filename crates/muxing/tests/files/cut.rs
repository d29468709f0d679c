//! A file cut off at any byte can be repaired, and loses no more than its last second.

use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};

use muxing::{Codec, FileSummary, Packet, RepairError, StreamFile, repair};
use proptest::prelude::*;
use testbed::publisher::{Recorded, Stream, feed, merged, ms, pictures, record, sound, start};

fn packets() -> Vec<Packet> {
    let audio = Stream::new(Codec::Opus, 1).packets(&sound(160), start(), 0);
    let video = Stream::new(Codec::Vp8, 1).packets(&pictures(80, 40), start() + ms(10), 0);
    merged([audio, video])
}

fn call() -> Recorded {
    record(packets())
}

/// Repairs, and cuts what stands behind.
fn repaired(bytes: &[u8]) -> Result<(FileSummary, Vec<u8>), RepairError> {
    let mut file = Cursor::new(bytes.to_vec());
    let summary = repair(&mut file)?;
    let mut bytes = file.into_inner();
    bytes.truncate(summary.size as usize);
    Ok((summary, bytes))
}

/// Every element of the segment is whole, and blocks are where cues say.
fn assert_well_formed(bytes: &[u8]) {
    let mut rest = bytes;
    let mut clusters = 0;
    let take = |rest: &mut &[u8], id_length: usize| -> (Vec<u8>, u64) {
        let (id, after) = rest.split_at(id_length);
        let length = after[0].leading_zeros() as usize + 1;
        let (size, after) = after.split_at(length);
        let value = size.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte)) & ((1 << (7 * length)) - 1);
        *rest = after;
        (id.to_vec(), value)
    };
    let (_, size) = take(&mut rest, 4);
    rest = &rest[size as usize..];
    let (_, size) = take(&mut rest, 4);
    assert_eq!(size, rest.len() as u64, "the segment is the rest of the file");
    while !rest.is_empty() {
        let id_length = rest[0].leading_zeros() as usize + 1;
        let (id, size) = take(&mut rest, id_length);
        clusters += usize::from(id == [0x1f, 0x43, 0xb6, 0x75]);
        rest = &rest[size as usize..];
    }
    assert!(clusters > 0);
}

#[test]
fn a_file_cut_anywhere_is_repaired() {
    let Recorded { file, unfinished, summary, .. } = call();
    assert_well_formed(&file);
    for bytes in [&file, &unfinished] {
        let mut duration = 0;
        for cut in 0..=bytes.len() {
            match repaired(&bytes[..cut]) {
                Ok((found, bytes)) => {
                    assert_well_formed(&bytes);
                    assert!(found.duration >= duration, "cut at {cut}");
                    assert!(found.duration <= summary.duration);
                    assert_eq!((found.start, found.end), (summary.start, summary.start + found.duration));
                    assert_eq!(found.size, bytes.len() as u64);
                    let (again, same) = repaired(&bytes).unwrap();
                    assert_eq!((again, same == bytes), (found, true), "repairing twice changes nothing");
                    duration = found.duration;
                }
                Err(RepairError::Nothing) => assert_eq!(duration, 0, "cut at {cut}"),
                Err(RepairError::Io(error)) => panic!("cut at {cut}: {error}"),
            }
        }
        assert!(duration + 1000 >= summary.duration, "{duration} of {}", summary.duration);
    }
    let (found, _) = repaired(&file).unwrap();
    assert_eq!(found, FileSummary { losses: None, ..summary });
}

#[test]
fn what_is_written_is_never_older_than_a_second() {
    let Recorded { unfinished, summary, .. } = call();
    let (found, _) = repaired(&unfinished).unwrap();
    assert!(found.duration + 1000 >= summary.duration, "{} of {}", found.duration, summary.duration);
}

#[test]
fn a_size_that_leaves_frames_out_is_not_believed() {
    let Recorded { mut file, summary, .. } = call();
    file[53..60].fill(0);
    let (found, bytes) = repaired(&file).unwrap();
    assert_eq!(found.duration, summary.duration);
    assert_well_formed(&bytes);
}

/// A disk with room for so many bytes.
struct SmallDisk(Cursor<Vec<u8>>, u64);

impl Write for SmallDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.1.saturating_sub(self.0.position()) as usize;
        match self.0.write(&bytes[..bytes.len().min(room)])? {
            0 => Err(io::ErrorKind::StorageFull.into()),
            written => Ok(written),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for SmallDisk {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

impl Read for SmallDisk {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

#[test]
fn what_a_full_disk_took_can_be_repaired_on_it() {
    let whole = call();
    let mut disk = SmallDisk(Cursor::new(Vec::new()), whole.unfinished.len() as u64 - 100);
    let mut file = StreamFile::new(&mut disk, true, true);
    let error = feed(&mut file, packets()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    drop(file);
    let summary = repair(&mut disk).unwrap();
    assert!(summary.duration + 2000 >= whole.summary.duration, "{summary:?}");
    let mut bytes = disk.0.into_inner();
    bytes.truncate(summary.size as usize);
    assert_well_formed(&bytes);
}

proptest! {
    #[test]
    fn garbage_is_refused_or_repaired(
        cut in 0usize..6000, changes in proptest::collection::vec((0usize..6000, any::<u8>()), 0..40),
    ) {
        let mut bytes = call().unfinished;
        bytes.truncate(cut);
        for (at, value) in changes {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        let _ = repaired(&bytes);
    }
}
