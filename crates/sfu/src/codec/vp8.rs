//! VP8 payload descriptor, RFC 7741 §4.2.

/// Numbers in the descriptor that must go on without a jump when the source changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct PictureNumbers {
    /// Its width says where it wraps.
    pub(crate) picture_id: Option<PictureId>,
    pub(crate) tl0_pic_idx: Option<u8>,
}

/// PictureID in its 7- or 15-bit form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PictureId {
    pub(crate) value: u16,
    pub(crate) mask: u16,
}

struct Descriptor {
    numbers: PictureNumbers,
    starts_partition_zero: bool,
    length: usize,
}

fn descriptor(payload: &[u8]) -> Option<Descriptor> {
    let first = *payload.first()?;
    let mut at = 1;
    let mut next = || {
        let byte = payload.get(at).copied();
        at += 1;
        byte
    };
    let mut numbers = PictureNumbers::default();
    if first & 0x80 != 0 {
        let extension = next()?;
        if extension & 0x80 != 0 {
            let high = next()?;
            numbers.picture_id = Some(if high & 0x80 != 0 {
                PictureId { value: u16::from(high & 0x7f) << 8 | u16::from(next()?), mask: 0x7fff }
            } else {
                PictureId { value: u16::from(high), mask: 0x7f }
            });
        }
        if extension & 0x40 != 0 {
            numbers.tl0_pic_idx = Some(next()?);
        }
        if extension & 0x30 != 0 {
            next()?;
        }
    }
    Some(Descriptor { numbers, starts_partition_zero: first & 0x10 != 0 && first & 0x07 == 0, length: at })
}

/// What the descriptor counts; empty if it cannot be read.
pub(crate) fn picture_numbers(payload: &[u8]) -> PictureNumbers {
    descriptor(payload).map(|d| d.numbers).unwrap_or_default()
}

/// The inverse key frame bit is the lowest of the first byte after the descriptor.
pub(crate) fn starts_key_frame(payload: &[u8]) -> bool {
    descriptor(payload)
        .is_some_and(|d| d.starts_partition_zero && payload.get(d.length).is_some_and(|byte| byte & 0x01 == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_frame_is_told_from_its_first_byte_after_the_descriptor() {
        assert!(starts_key_frame(&[0x10, 0x00]));
        assert!(!starts_key_frame(&[0x10, 0x01]));
        assert!(!starts_key_frame(&[0x00, 0x00]), "not the start of a partition");
        assert!(!starts_key_frame(&[0x11, 0x00]), "not partition 0");
        assert!(starts_key_frame(&[0x90, 0xe0, 0x81, 0x02, 0x07, 0x20, 0x00]));
    }

    #[test]
    fn picture_numbers_are_read_in_both_widths() {
        let long = picture_numbers(&[0x90, 0xe0, 0x81, 0x02, 0x07, 0x20, 0x00]);
        assert_eq!(long.picture_id, Some(PictureId { value: 0x102, mask: 0x7fff }));
        assert_eq!(long.tl0_pic_idx, Some(7));
        let short = picture_numbers(&[0x90, 0x80, 0x11, 0x00]);
        assert_eq!(short.picture_id, Some(PictureId { value: 0x11, mask: 0x7f }));
        assert_eq!(short.tl0_pic_idx, None);
    }

    #[test]
    fn a_cut_descriptor_is_nothing() {
        let whole = [0x90, 0xf0, 0x81, 0x02, 0x07, 0x20, 0x00];
        for end in 0..6 {
            assert!(!starts_key_frame(&whole[..end]));
        }
    }
}
