//! H264 as a byte stream (ITU-T H.264 annex B): units behind start codes, and no times.
//!
//! Only the baseline profile is taken: it is what browsers agree upon in calls, and in it pictures are shown in the order in which
//! they are sent, so that times can be given to them.

use super::{FileFrame, Flaw};

const CLOCK: u32 = 90_000;
const BASELINE: u8 = 66;
/// Of units (§7.4.1).
const SLICE: u8 = 1;
pub(super) const IDR: u8 = 5;
const SEI: u8 = 6;
pub(super) const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;

/// Whether it can be one at all.
pub(super) fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0, 0, 1]) || bytes.starts_with(&[0, 0, 0, 1])
}

/// Its pictures. What says nothing of them, such as delimiters and filling, is left out.
pub(super) fn read(bytes: &[u8], frame_rate: u32) -> Result<Vec<FileFrame<'_>>, Flaw> {
    let ticks = CLOCK / frame_rate.max(1);
    let mut frames = vec![];
    // The picture that is being put together, and whether a part of the picture itself is in it.
    let mut open = FileFrame { offset: 0, units: vec![], ticks };
    let mut has_slice = false;
    for (offset, unit) in units(bytes) {
        let Some(header) = unit.first() else {
            return Err(Flaw::at(offset, "a unit must have a byte at least"));
        };
        if header & 0x80 != 0 {
            return Err(Flaw::at(offset, "the first bit of a unit must be 0"));
        }
        let kind = header & 0x1f;
        let begins_picture = match kind {
            // Where its first macroblock is 0, which is one bit.
            SLICE | IDR => unit.get(1).is_some_and(|byte| byte & 0x80 != 0),
            SEI | SPS | PPS | DELIMITER => true,
            2..=4 => return Err(Flaw::at(offset, "partitions of data (units 2 to 4) are not sent in calls")),
            _ => false,
        };
        if kind == SPS && unit.get(1) != Some(&BASELINE) {
            let found = unit.get(1).map_or("none".to_owned(), u8::to_string);
            return Err(Flaw::at(offset, format!("the profile must be baseline ({BASELINE}), and this is {found}")));
        }
        if has_slice && begins_picture {
            frames.push(std::mem::replace(&mut open, FileFrame { offset, units: vec![], ticks }));
            has_slice = false;
        }
        if matches!(kind, SLICE | IDR | SEI | SPS | PPS) {
            if open.units.is_empty() {
                open.offset = offset;
            }
            open.units.push(unit.into());
        }
        has_slice |= matches!(kind, SLICE | IDR);
    }
    if has_slice {
        frames.push(open);
    }
    Ok(frames)
}

/// Each with its place. Zeros at the end of one belong to the next start code.
fn units(bytes: &[u8]) -> Vec<(usize, &[u8])> {
    let mut begins = vec![];
    let mut at = 0;
    while let Some(window) = bytes.get(at..at + 3) {
        if window == [0, 0, 1] {
            begins.push(at + 3);
            at += 3;
        } else {
            at += 1;
        }
    }
    let ends = begins.iter().skip(1).map(|begin| begin - 3).chain([bytes.len()]);
    let unit = |(begin, end): (&usize, usize)| {
        let mut unit = &bytes[*begin..end];
        while let [rest @ .., 0] = unit {
            unit = rest;
        }
        (*begin, unit)
    };
    begins.iter().zip(ends).map(unit).collect()
}
