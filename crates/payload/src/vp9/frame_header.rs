//! The uncompressed header of a VP9 frame (VP9 bitstream specification §6.2), as far as it tells the size of the picture.

use crate::bits::Bits;
use crate::depacketiser::PictureFormat;

/// The size, if it is the header of a key frame.
pub(super) fn key_frame_format(frame: &[u8]) -> Option<PictureFormat> {
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
    Some(PictureFormat {
        width: u16::try_from(width).ok()?,
        height: u16::try_from(height).ok()?,
        configuration: Vec::new(),
    })
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
