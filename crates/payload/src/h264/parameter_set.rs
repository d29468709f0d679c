//! Sequence parameter sets of H.264, as far as they tell the size of the picture. What follows the size (VUI, trailing bits)
//! is not read, so that a camera which gets that wrong can be recorded.

use crate::bits::Bits;

/// Width and height in pixels, H.264 §7.3.2.1.1. `None` if the set cannot be read or is too large for a file.
pub(super) fn picture_size(sps: &[u8]) -> Option<(u16, u16)> {
    let body = without_emulation_prevention(sps.get(4..)?);
    let profile = sps[1];
    let mut bits = Bits::new(&body);
    bits.exp_golomb()?;
    let mut chroma = 1;
    if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135) {
        chroma = bits.exp_golomb()?;
        if chroma == 3 {
            bits.flag()?;
        }
        bits.exp_golomb()?;
        bits.exp_golomb()?;
        bits.flag()?;
        if bits.flag()? {
            scaling_lists(&mut bits, if chroma == 3 { 12 } else { 8 })?;
        }
    }
    bits.exp_golomb()?;
    match bits.exp_golomb()? {
        0 => drop(bits.exp_golomb()?),
        1 => {
            bits.flag()?;
            bits.signed_exp_golomb()?;
            bits.signed_exp_golomb()?;
            let count = bits.exp_golomb()?;
            for _ in 0..count.min(256) {
                bits.signed_exp_golomb()?;
            }
        }
        _ => {}
    }
    bits.exp_golomb()?;
    bits.flag()?;
    let (columns, rows) = (u64::from(bits.exp_golomb()?) + 1, u64::from(bits.exp_golomb()?) + 1);
    let fields = if bits.flag()? { 1 } else { 2 };
    if fields == 2 {
        bits.flag()?;
    }
    bits.flag()?;
    let mut crop = [0; 4];
    if bits.flag()? {
        for edge in &mut crop {
            *edge = u64::from(bits.exp_golomb()?);
        }
    }
    let [left, right, top, bottom] = crop;
    let (x, y) = match chroma {
        1 => (2, 2),
        2 => (2, 1),
        _ => (1, 1),
    };
    let width = (columns * 16).checked_sub((left + right) * x)?;
    let height = (rows * 16 * fields).checked_sub((top + bottom) * y * fields)?;
    Some((u16::try_from(width).ok()?, u16::try_from(height).ok()?))
}

fn scaling_lists(bits: &mut Bits<'_>, count: usize) -> Option<()> {
    for list in 0..count {
        if !bits.flag()? {
            continue;
        }
        let size = if list < 6 { 16 } else { 64 };
        let (mut last, mut next) = (8, 8);
        for _ in 0..size {
            if next != 0 {
                next = (last + bits.signed_exp_golomb()?).rem_euclid(256);
            }
            last = if next == 0 { last } else { next };
        }
    }
    Some(())
}

fn without_emulation_prevention(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut zeros = 0;
    for byte in bytes {
        if zeros >= 2 && *byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        plain.push(*byte);
    }
    plain
}

#[cfg(test)]
mod tests;
