//! Sequence headers of AV1 (AV1 bitstream specification §5.5), as far as a file has to repeat what they say.

use crate::bits::Bits;

pub(super) struct SequenceHeader {
    pub(super) profile: u8,
    pub(super) level: u8,
    pub(super) tier: bool,
    pub(super) width: u16,
    pub(super) height: u16,
    pub(super) color: Color,
}

#[derive(Default)]
pub(super) struct Color {
    pub(super) high_depth: bool,
    pub(super) twelve_bit: bool,
    pub(super) mono: bool,
    pub(super) half_x: bool,
    pub(super) half_y: bool,
    pub(super) position: u8,
}

impl SequenceHeader {
    /// AV1 §5.5.1.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
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
