//! IVF, the file of one VP8 stream that encoders write: a header of 32 bytes, then each frame behind its length and time.

use super::{FileFrame, Flaw, array};

pub(super) const MAGIC: &[u8] = b"DKIF";
const HEADER: usize = 32;
/// Length (32 bits) and time (64).
const FRAME_HEADER: usize = 12;
const CLOCK: u128 = 90_000;

/// Its frames; how long the last one lasts nobody says: as long as the one before it.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<FileFrame<'_>>, Flaw> {
    let cut_off = |offset, what: &str| Flaw::at(offset, format!("{what} is cut off"));
    let header: [u8; HEADER] = array(bytes, 0).ok_or_else(|| cut_off(0, "the header"))?;
    let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    if header[4..8] != [0, 0, 32, 0] {
        return Err(Flaw::at(4, "the version must be 0, and the header must have 32 bytes"));
    }
    if header[8..12] != *b"VP80" {
        let found = header[8..12].escape_ascii();
        return Err(Flaw::at(8, format!("the codec must be VP80 (VP8), and this is {found}")));
    }
    // A second has `rate / scale` of the file's ticks.
    let (rate, scale) = (word(16), word(20));
    if rate == 0 || scale == 0 {
        return Err(Flaw::at(16, "neither number of the time base may be 0"));
    }
    let ticks = |time: u64| u128::from(time) * CLOCK * u128::from(scale) / u128::from(rate);
    let mut frames = Vec::<(FileFrame<'_>, u64)>::new();
    let mut offset = HEADER;
    while offset < bytes.len() {
        let length: [u8; 4] = array(bytes, offset).ok_or_else(|| cut_off(offset, "the header of a frame"))?;
        let time: [u8; 8] = array(bytes, offset + 4).ok_or_else(|| cut_off(offset, "the header of a frame"))?;
        let (length, time) = (u32::from_le_bytes(length) as usize, u64::from_le_bytes(time));
        if length == 0 {
            return Err(Flaw::at(offset, "a frame must have a byte at least"));
        }
        let begin = offset + FRAME_HEADER;
        let rest = &bytes[begin..];
        let Some(frame) = rest.get(..length) else {
            return Err(Flaw::at(
                offset,
                format!("the frame is cut off: it has {length} bytes, and {} are left", rest.len()),
            ));
        };
        if let Some((last, since)) = frames.last_mut() {
            if time <= *since {
                return Err(Flaw::at(offset, format!("time must go forward: {time} is not after {since}")));
            }
            // More than can be is found out with all others.
            last.ticks = u32::try_from(ticks(time) - ticks(*since)).unwrap_or(u32::MAX);
        }
        frames.push((FileFrame { offset, units: vec![frame.into()], ticks: 0 }, time));
        offset = begin + length;
    }
    let mut frames: Vec<_> = frames.into_iter().map(|(frame, _)| frame).collect();
    let before = frames.len().checked_sub(2).map(|place| frames[place].ticks);
    match (frames.last_mut(), before) {
        (Some(last), Some(ticks)) => last.ticks = ticks,
        _ => return Err(Flaw::at(HEADER, "there must be two frames at least")),
    }
    Ok(frames)
}
