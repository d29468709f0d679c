//! AV1, by the AV1 RTP payload specification 1.0, to the low-overhead format that Matroska stores: units with their
//! size, without temporal delimiters.

use super::{Format, Frame, Unreadable, byte, split};
use crate::bits::Bits;

const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const TILE_LIST: u8 = 8;
const PADDING: u8 = 15;
/// Larger sequence headers are not kept: the track's description has room for some hundred bytes.
const MAX_SEQUENCE_HEADER: usize = 255;

/// The picture being gathered, and the last sequence header.
#[derive(Debug, Default)]
pub(crate) struct Av1 {
    data: Vec<u8>,
    /// A unit that goes on in the next packet.
    fragment: Vec<u8>,
    begun: bool,
    /// The first packet of a coded video sequence.
    is_new_sequence: bool,
    sequence_header: Option<Vec<u8>>,
}

impl Av1 {
    pub(crate) fn push(&mut self, payload: &[u8]) -> Result<(), Unreadable> {
        let (header, mut rest) = byte(payload)?;
        let (goes_on, to_be_continued) = (header & 0x80 != 0, header & 0x40 != 0);
        let count = usize::from(header >> 4 & 0x03);
        if goes_on == self.fragment.is_empty() || rest.is_empty() {
            return Err(Unreadable);
        }
        if !self.begun {
            self.begun = true;
            self.is_new_sequence = header & 0x08 != 0;
        }
        let mut element = 0;
        while !rest.is_empty() {
            element += 1;
            let unit;
            (unit, rest) = if element == count { (rest, &[][..]) } else { sized(rest)? };
            self.fragment.extend_from_slice(unit);
            if !rest.is_empty() || !to_be_continued {
                self.unit()?;
            }
        }
        if count > 0 && element != count { Err(Unreadable) } else { Ok(()) }
    }

    pub(crate) fn take(&mut self) -> Result<Frame, Unreadable> {
        let is_whole = self.fragment.is_empty() && !self.data.is_empty();
        let data = std::mem::take(&mut self.data);
        let is_new_sequence = self.is_new_sequence;
        self.clear();
        if !is_whole {
            return Err(Unreadable);
        }
        let format = if is_new_sequence { self.format() } else { None };
        Ok(Frame { key: format.is_some(), data, format })
    }

    /// The sequence header stays: it need not be sent again.
    pub(crate) fn clear(&mut self) {
        self.data.clear();
        self.fragment.clear();
        self.begun = false;
        self.is_new_sequence = false;
    }

    pub(crate) fn gathered(&self) -> usize {
        self.data.len() + self.fragment.len()
    }

    /// Takes over a whole unit, AV1 §5.3.
    fn unit(&mut self) -> Result<(), Unreadable> {
        let unit = std::mem::take(&mut self.fragment);
        let (header, rest) = byte(&unit)?;
        let (kind, has_extension, has_size) = (header >> 3 & 0x0f, header & 0x04 != 0, header & 0x02 != 0);
        let (extension, rest) = split(rest, usize::from(has_extension))?;
        let body = if has_size { sized(rest)?.0 } else { rest };
        if matches!(kind, TEMPORAL_DELIMITER | TILE_LIST | PADDING) {
            return Ok(());
        }
        let mut stored = vec![header | 0x02];
        stored.extend_from_slice(extension);
        push_leb128(&mut stored, body.len());
        stored.extend_from_slice(body);
        if kind == SEQUENCE_HEADER && stored.len() <= MAX_SEQUENCE_HEADER {
            self.sequence_header = Some(stored.clone());
        }
        self.data.append(&mut stored);
        Ok(())
    }

    /// With `AV1CodecConfigurationRecord`.
    fn format(&self) -> Option<Format> {
        let stored = self.sequence_header.as_ref()?;
        let body = unit_body(stored)?;
        let sequence = Sequence::parse(body)?;
        let flags = |bits: &[bool]| bits.iter().fold(0u8, |byte, bit| byte << 1 | u8::from(*bit));
        let color = &sequence.color;
        let mut private = vec![
            0x81,
            sequence.profile << 5 | sequence.level,
            flags(&[sequence.tier, color.high_depth, color.twelve_bit, color.mono, color.half_x, color.half_y]) << 2
                | color.position,
            0,
        ];
        private.extend_from_slice(stored);
        Some(Format { width: sequence.width, height: sequence.height, private })
    }
}

/// An element with its size before it.
fn sized(bytes: &[u8]) -> Result<(&[u8], &[u8]), Unreadable> {
    let mut size = 0usize;
    let mut rest = bytes;
    for n in 0..4 {
        let (next, after) = byte(rest)?;
        rest = after;
        size |= usize::from(next & 0x7f) << (7 * n);
        if next & 0x80 == 0 {
            return split(rest, size);
        }
    }
    Err(Unreadable)
}

fn push_leb128(bytes: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Of a unit as it is stored.
fn unit_body(stored: &[u8]) -> Option<&[u8]> {
    let extension = usize::from(stored.first()? & 0x04 != 0);
    sized(stored.get(1 + extension..)?).ok().map(|(body, _)| body)
}

struct Sequence {
    profile: u8,
    level: u8,
    tier: bool,
    width: u16,
    height: u16,
    color: Color,
}

#[derive(Default)]
struct Color {
    high_depth: bool,
    twelve_bit: bool,
    mono: bool,
    half_x: bool,
    half_y: bool,
    position: u8,
}

impl Sequence {
    /// AV1 §5.5.1.
    fn parse(body: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(body);
        let profile = bits.take(3)? as u8;
        bits.flag()?;
        let is_reduced = bits.flag()?;
        let (level, tier) = if is_reduced { (bits.take(5)? as u8, false) } else { operating_points(&mut bits)? };
        let (width_bits, height_bits) = (bits.take(4)? + 1, bits.take(4)? + 1);
        let (width, height) = (bits.take(width_bits)? + 1, bits.take(height_bits)? + 1);
        if !is_reduced && bits.flag()? {
            bits.skip(7)?;
        }
        bits.skip(3)?;
        if !is_reduced {
            tools(&mut bits)?;
        }
        bits.skip(3)?;
        let color = Color::parse(&mut bits, profile)?;
        Some(Self { profile, level, tier, width: width.try_into().ok()?, height: height.try_into().ok()?, color })
    }
}

/// Timing, decoder model and operating points; the level and tier of the first.
fn operating_points(bits: &mut Bits<'_>) -> Option<(u8, bool)> {
    let mut delay_bits = None;
    if bits.flag()? {
        bits.skip(64)?;
        if bits.flag()? {
            bits.exp_golomb()?;
        }
        if bits.flag()? {
            delay_bits = Some(bits.take(5)? + 1);
            bits.skip(42)?;
        }
    }
    let has_display_delay = bits.flag()?;
    let mut first = None;
    for _ in 0..=bits.take(5)? {
        bits.skip(12)?;
        let level = bits.take(5)? as u8;
        let tier = level > 7 && bits.flag()?;
        if let Some(delay_bits) = delay_bits
            && bits.flag()?
        {
            bits.skip(2 * delay_bits + 1)?;
        }
        if has_display_delay && bits.flag()? {
            bits.skip(4)?;
        }
        first.get_or_insert((level, tier));
    }
    first
}

fn tools(bits: &mut Bits<'_>) -> Option<()> {
    bits.skip(4)?;
    let order_hint = bits.flag()?;
    if order_hint {
        bits.skip(2)?;
    }
    let screen_content = bits.flag()? || bits.flag()?;
    if screen_content && !bits.flag()? {
        bits.skip(1)?;
    }
    if order_hint { bits.skip(3) } else { Some(()) }
}

impl Color {
    /// AV1 §5.5.2.
    fn parse(bits: &mut Bits<'_>, profile: u8) -> Option<Self> {
        const SRGB: [u32; 3] = [1, 13, 0];
        let mut color = Self { high_depth: bits.flag()?, ..Self::default() };
        color.twelve_bit = profile == 2 && color.high_depth && bits.flag()?;
        color.mono = profile != 1 && bits.flag()?;
        let mut description = None;
        if bits.flag()? {
            description = Some([bits.take(8)?, bits.take(8)?, bits.take(8)?]);
        }
        if color.mono {
            (color.half_x, color.half_y) = (true, true);
            return Some(color);
        }
        if description == Some(SRGB) {
            return Some(color);
        }
        bits.flag()?;
        (color.half_x, color.half_y) = match profile {
            0 => (true, true),
            1 => (false, false),
            _ if color.twelve_bit => {
                let half_x = bits.flag()?;
                (half_x, half_x && bits.flag()?)
            }
            _ => (true, false),
        };
        if color.half_x && color.half_y {
            color.position = bits.take(2)? as u8;
        }
        Some(color)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_put_together_and_get_their_size() {
        let mut av1 = Av1::default();
        // Two elements: a temporal delimiter, and the beginning of a frame that goes on.
        av1.push(&[0x60, 0x01, 0x10, 0x30, 1, 2]).unwrap();
        av1.push(&[0x90, 3, 4]).unwrap();
        let frame = av1.take().unwrap();
        assert_eq!(frame, Frame { key: false, data: vec![0x32, 4, 1, 2, 3, 4], format: None });
    }

    #[test]
    fn elements_may_all_have_sizes() {
        let mut av1 = Av1::default();
        av1.push(&[0x00, 0x02, 0x30, 1, 0x03, 0x30, 2, 3]).unwrap();
        assert_eq!(av1.take().unwrap().data, [0x32, 1, 1, 0x32, 2, 2, 3]);
    }

    #[test]
    fn fragments_must_fit() {
        assert_eq!(Av1::default().push(&[0x90, 1]), Err(Unreadable), "its beginning is missing");
        let mut av1 = Av1::default();
        av1.push(&[0x50, 0x30, 1]).unwrap();
        assert_eq!(av1.take(), Err(Unreadable), "its end is missing");
        assert_eq!(av1.push(&[0x00, 0x05, 1]), Err(Unreadable), "cut");
        assert_eq!(Av1::default().push(&[0x20, 0x01, 0x30]), Err(Unreadable), "two were announced");
    }
}
