//! VP9, RFC 9628. Spatial layers of one picture become a superframe (VP9 bitstream specification, annex B).

use super::{Format, Frame, Unreadable, byte, split};
use crate::bits::Bits;

const MAX_LAYERS: usize = 8;

/// The picture being gathered.
#[derive(Debug, Default)]
pub(crate) struct Vp9 {
    data: Vec<u8>,
    /// Where its layers begin.
    layers: Vec<usize>,
    predicted: bool,
}

impl Vp9 {
    pub(crate) fn push(&mut self, payload: &[u8]) -> Result<(), Unreadable> {
        let (first, _) = byte(payload)?;
        let data = descriptor(payload)?;
        let begins = first & 0x08 != 0;
        let has_beginning = begins || !self.data.is_empty();
        if data.is_empty() || !has_beginning || begins && self.layers.len() == MAX_LAYERS {
            return Err(Unreadable);
        }
        if self.data.is_empty() {
            self.predicted = first & 0x40 != 0;
        }
        if begins {
            self.layers.push(self.data.len());
        }
        self.data.extend_from_slice(data);
        Ok(())
    }

    pub(crate) fn take(&mut self) -> Result<Frame, Unreadable> {
        let Self { mut data, layers, predicted } = std::mem::take(self);
        let format = if predicted { None } else { key_frame_format(&data) };
        if data.is_empty() {
            return Err(Unreadable);
        }
        if layers.len() > 1 {
            add_index(&mut data, &layers);
        }
        Ok(Frame { key: format.is_some(), data, format })
    }

    pub(crate) fn gathered(&self) -> usize {
        self.data.len()
    }
}

/// What follows the payload descriptor.
fn descriptor(payload: &[u8]) -> Result<&[u8], Unreadable> {
    let (first, mut rest) = byte(payload)?;
    let has = |bit: u8| first & bit != 0;
    let (picture_id, predicted, layers, flexible, structure) = (has(0x80), has(0x40), has(0x20), has(0x10), has(0x02));
    if picture_id {
        let (id, _) = byte(rest)?;
        (_, rest) = split(rest, if id & 0x80 != 0 { 2 } else { 1 })?;
    }
    if layers {
        (_, rest) = split(rest, if flexible { 1 } else { 2 })?;
    }
    if flexible && predicted {
        for n in 0.. {
            let (reference, after) = byte(rest)?;
            rest = after;
            if reference & 0x01 == 0 {
                break;
            }
            if n == 2 {
                return Err(Unreadable);
            }
        }
    }
    if structure { scalability_structure(rest) } else { Ok(rest) }
}

fn scalability_structure(payload: &[u8]) -> Result<&[u8], Unreadable> {
    let (first, mut rest) = byte(payload)?;
    if first & 0x10 != 0 {
        let layers = usize::from(first >> 5) + 1;
        (_, rest) = split(rest, 4 * layers)?;
    }
    if first & 0x08 != 0 {
        let (pictures, after) = byte(rest)?;
        rest = after;
        for _ in 0..pictures {
            let (picture, after) = byte(rest)?;
            (_, rest) = split(after, usize::from(picture >> 2 & 0x03))?;
        }
    }
    Ok(rest)
}

/// The size, if the uncompressed header is that of a key frame (§6.2).
fn key_frame_format(frame: &[u8]) -> Option<Format> {
    let mut bits = Bits::new(frame);
    if bits.take(2)? != 2 {
        return None;
    }
    let profile = u32::from(bits.flag()?) | u32::from(bits.flag()?) << 1;
    if profile == 3 {
        bits.flag()?;
    }
    let (show_existing, is_inter) = (bits.flag()?, bits.flag()?);
    if show_existing || is_inter {
        return None;
    }
    // Whether to show it, error resilience, sync code.
    bits.skip(2)?;
    if bits.take(24)? != 0x49_83_42 {
        return None;
    }
    color_config(&mut bits, profile)?;
    let (width, height) = (bits.take(16)? + 1, bits.take(16)? + 1);
    Some(Format { width: u16::try_from(width).ok()?, height: u16::try_from(height).ok()?, private: Vec::new() })
}

fn color_config(bits: &mut Bits<'_>, profile: u32) -> Option<()> {
    const SRGB: u32 = 7;
    if profile >= 2 {
        bits.flag()?;
    }
    let is_odd = profile & 1 == 1;
    if bits.take(3)? == SRGB {
        if is_odd { bits.skip(1) } else { Some(()) }
    } else {
        bits.skip(if is_odd { 4 } else { 1 })
    }
}

fn add_index(data: &mut Vec<u8>, layers: &[usize]) {
    let ends = layers.iter().skip(1).copied().chain([data.len()]);
    let sizes: Vec<usize> = layers.iter().zip(ends).map(|(start, end)| end - start).collect();
    // Four bytes a size, and how many.
    let marker = 0b1100_0000 | 3 << 3 | (layers.len() as u8 - 1);
    data.push(marker);
    for size in sizes {
        data.extend_from_slice(&(size as u32).to_le_bytes());
    }
    data.push(marker);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Profile 0, key frame, 320x180.
    const KEY: [u8; 10] = [0x82, 0x49, 0x83, 0x42, 0x20, 0x13, 0xf0, 0x0b, 0x30, 0x00];

    #[test]
    fn a_key_frame_tells_its_size() {
        let mut vp9 = Vp9::default();
        vp9.push(&[&[0x8a, 0x81, 0x02, 0x18, 0x01, 0x40, 0x00, 0xb4, 0x01, 0x04, 0x01][..], &KEY].concat()).unwrap();
        vp9.push(&[0x84, 0x81, 0x02, 0x77]).unwrap();
        let frame = vp9.take().unwrap();
        assert_eq!(frame.data, [&KEY[..], &[0x77]].concat());
        assert_eq!(frame.format, Some(Format { width: 320, height: 180, private: vec![] }));
        assert!(frame.key);
    }

    #[test]
    fn layers_of_a_picture_become_a_superframe() {
        let mut vp9 = Vp9::default();
        vp9.push(&[0xa8, 0x05, 0x00, 0x01, 0x86, 0x11, 0x11]).unwrap();
        vp9.push(&[0xac, 0x05, 0x03, 0x01, 0x86, 0x22]).unwrap();
        let frame = vp9.take().unwrap();
        assert_eq!(frame.data, [0x86, 0x11, 0x11, 0x86, 0x22, 0xd9, 3, 0, 0, 0, 2, 0, 0, 0, 0xd9]);
    }

    #[test]
    fn a_cut_descriptor_is_unreadable() {
        let whole = [0xfa, 0x81, 0x02, 0x00, 0x03, 0x02, 0x18, 0x01, 0x40, 0x00, 0xb4, 0x01, 0x04, 0x11];
        for end in 0..=whole.len() {
            assert_eq!(Vp9::default().push(&whole[..end]), Err(Unreadable), "{end}");
        }
        assert_eq!(Vp9::default().push(&[&whole[..], &[0x86]].concat()), Ok(()));
    }
}
