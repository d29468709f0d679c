//! What is whole in a file of ours. Whatever else stands in it ends the reading: nothing is believed about lengths.

use std::io::{self, Read, Seek, SeekFrom};

use super::atom::children;
use super::{AUDIO_TRACK, COVER_LENGTH, DEPENDS_ON_NONE, SampleTable, VIDEO_TRACK};

/// Descriptions of a second's samples are not longer.
const MAX_MOOF: u64 = 1 << 20;

/// What was found.
pub(super) struct WholeFragments {
    pub(super) tracks: [SampleTable; 2],
    pub(super) fragments: u32,
    /// Behind the last whole fragment.
    pub(super) end: u64,
}

/// Nothing if the file does not begin like `beginning`, of which what stands at `cover_at` may differ.
pub(super) fn read(
    file: &mut (impl Read + Seek),
    beginning: &[u8],
    cover_at: u64,
) -> io::Result<Option<WholeFragments>> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut found = WholeFragments { tracks: Default::default(), fragments: 0, end: beginning.len() as u64 };
    if length < found.end {
        return Ok(None);
    }
    let mut bytes = vec![0; beginning.len()];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut bytes)?;
    let cover = cover_at as usize..(cover_at + COVER_LENGTH) as usize;
    bytes[cover.clone()].copy_from_slice(&beginning[cover]);
    if bytes != beginning {
        return Ok(None);
    }
    while let Some(moof) = found.moof(file, length)? {
        let data_at = found.end + moof.len() as u64 + 8;
        let Some(size) = head(file, data_at, length)?.filter(|(kind, _)| kind == b"mdat").map(|(_, size)| size) else {
            break;
        };
        if !found.take(&moof, found.end, data_at + 8..data_at + size) {
            break;
        }
        found.fragments += 1;
        found.end = data_at + size;
    }
    Ok(Some(found))
}

/// Kind and size of the box at `at`, if all of it is there.
fn head(file: &mut (impl Read + Seek), at: u64, length: u64) -> io::Result<Option<([u8; 4], u64)>> {
    if length < at.saturating_add(8) {
        return Ok(None);
    }
    let mut bytes = [0; 8];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut bytes)?;
    let [a, b, c, d, kind @ ..] = bytes;
    let size = u64::from(u32::from_be_bytes([a, b, c, d]));
    Ok(Some((kind, size)).filter(|(_, size)| *size >= 8 && at + size <= length))
}

impl WholeFragments {
    /// The content of the description that stands at the end of what was found.
    fn moof(&self, file: &mut (impl Read + Seek), length: u64) -> io::Result<Option<Vec<u8>>> {
        let head = head(file, self.end, length)?.filter(|(kind, size)| kind == b"moof" && *size <= MAX_MOOF);
        let Some((_, size)) = head else { return Ok(None) };
        let mut content = vec![0; size as usize - 8];
        file.read_exact(&mut content)?;
        Ok(Some(content))
    }

    /// `false`, and nothing is taken, unless every sample is in `media`.
    fn take(&mut self, moof: &[u8], moof_at: u64, media: std::ops::Range<u64>) -> bool {
        let before = self.tracks.clone();
        let is_whole = children(moof, b"traf").all(|traf| self.run(traf, moof_at, &media).is_some());
        if !is_whole {
            self.tracks = before;
        }
        is_whole
    }

    fn run(&mut self, traf: &[u8], moof_at: u64, media: &std::ops::Range<u64>) -> Option<()> {
        let track = match numbers(children(traf, b"tfhd").next()?).nth(1)? {
            VIDEO_TRACK => &mut self.tracks[0],
            AUDIO_TRACK => &mut self.tracks[1],
            _ => return None,
        };
        let mut run = numbers(children(traf, b"trun").next()?).skip(1);
        let (count, offset) = (run.next()?, run.next()?);
        let mut at = moof_at + u64::from(offset);
        track.chunks.push((at, count));
        for _ in 0..count {
            let (size, flags) = (run.next()?, run.next()?);
            at += u64::from(size);
            track.sizes.push(size);
            if flags == DEPENDS_ON_NONE {
                track.keys.push(track.sizes.len() as u32);
            }
        }
        (media.start <= moof_at + u64::from(offset) && at <= media.end).then_some(())
    }
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.chunks_exact(4).map(|four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]))
}
