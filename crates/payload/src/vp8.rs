//! VP8 (RFC 7741): the payload descriptor, and what a key frame says of itself (RFC 6386 §9.1).

use crate::depacketiser::{Frame, PictureFormat};
use crate::{UnreadablePayload, byte};

/// The payload descriptor, RFC 7741 §4.2, as far as somebody here needs it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Descriptor {
    /// S with a partition index of 0: the first packet of a frame.
    pub begins_frame: bool,
    /// What it counts.
    pub numbers: PictureNumbers,
    /// TID and Y, if they are told.
    pub temporal: Option<TemporalLayer>,
}

/// Where a frame stands among the temporal layers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TemporalLayer {
    /// TID: 0 is the lowest.
    pub id: u8,
    /// Y: it needs nothing but the latest frame of the lowest one.
    pub is_sync: bool,
}

/// Numbers in the descriptor that must go on without a jump when the source changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PictureNumbers {
    /// Its width says where it wraps.
    pub picture_id: Option<PictureId>,
    /// TL0PICIDX: counts frames of the lowest temporal layer.
    pub tl0_pic_idx: Option<u8>,
}

/// PictureID in its 7- or 15-bit form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PictureId {
    /// At most `mask`.
    pub value: u16,
    /// All bits of the form it has.
    pub mask: u16,
}

impl Descriptor {
    /// The descriptor, and what follows it.
    pub fn read(payload: &[u8]) -> Result<(Self, &[u8]), UnreadablePayload> {
        let (first, mut rest) = byte(payload)?;
        let mut next = || {
            let (next, after) = byte(rest)?;
            rest = after;
            Ok(next)
        };
        let mut numbers = PictureNumbers::default();
        let mut temporal = None;
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
                let layer = next()?;
                let is_told = extension & 0x20 != 0;
                temporal = is_told.then_some(TemporalLayer { id: layer >> 6, is_sync: layer & 0x20 != 0 });
            }
        }
        Ok((Self { begins_frame: first & 0x10 != 0 && first & 0x07 == 0, numbers, temporal }, rest))
    }

    /// The packet is the first one of a key frame; `data` is what follows the descriptor.
    pub fn starts_key_frame(&self, data: &[u8]) -> bool {
        self.begins_frame && is_key_frame(data)
    }
}

/// What the descriptor counts; empty if it cannot be read.
pub fn picture_numbers(payload: &[u8]) -> PictureNumbers {
    Descriptor::read(payload).map(|(descriptor, _)| descriptor.numbers).unwrap_or_default()
}

/// Writes other numbers over those that a payload has, in the form that they have. Where it has none, or cannot be read,
/// nothing is written.
pub fn renumber(payload: &mut [u8], picture_id: Option<u16>, tl0_pic_idx: Option<u8>) {
    let Ok((Descriptor { numbers, .. }, _)) = Descriptor::read(payload) else {
        return;
    };
    // Behind the two bytes that say what follows; reading has shown that all of it is there.
    let mut at = 2;
    if let Some(PictureId { mask, .. }) = numbers.picture_id {
        let long = mask > 0x7f;
        if let Some(id) = picture_id {
            let [high, low] = (id & mask).to_be_bytes();
            if long {
                payload[at] = 0x80 | high;
                payload[at + 1] = low;
            } else {
                payload[at] = low;
            }
        }
        at += 1 + usize::from(long);
    }
    if numbers.tl0_pic_idx.is_some()
        && let Some(index) = tl0_pic_idx
    {
        payload[at] = index;
    }
}

/// The first packet of a key frame.
pub fn starts_key_frame(payload: &[u8]) -> bool {
    Descriptor::read(payload).is_ok_and(|(descriptor, data)| descriptor.starts_key_frame(data))
}

/// The inverse key frame bit is the lowest of a frame's first byte.
fn is_key_frame(frame: &[u8]) -> bool {
    frame.first().is_some_and(|byte| byte & 0x01 == 0)
}

/// What a key frame says of its pictures; nothing of any other frame.
pub fn picture_format(frame: &[u8]) -> Option<PictureFormat> {
    let Some([0x9d, 0x01, 0x2a, w0, w1, h0, h1]) = frame.get(3..10) else {
        return None;
    };
    // The two highest bits are how to scale it.
    let size = |low: &u8, high: &u8| u16::from_le_bytes([*low, *high]) & 0x3fff;
    Some(PictureFormat { width: size(w0, w1), height: size(h0, h1), configuration: Vec::new() })
}

/// The frame being gathered: the descriptors are taken off, that is all.
#[derive(Debug, Default)]
pub(crate) struct Vp8Gathering {
    data: Vec<u8>,
}

impl Vp8Gathering {
    pub(crate) fn push(&mut self, payload: &[u8]) -> Result<(), UnreadablePayload> {
        let (descriptor, data) = Descriptor::read(payload)?;
        if descriptor.begins_frame != self.data.is_empty() || data.is_empty() {
            return Err(UnreadablePayload);
        }
        self.data.extend_from_slice(data);
        Ok(())
    }

    pub(crate) fn take(&mut self) -> Result<Frame, UnreadablePayload> {
        let data = std::mem::take(&mut self.data);
        if data.is_empty() {
            return Err(UnreadablePayload);
        }
        let key = is_key_frame(&data);
        let format = if key { Some(picture_format(&data).ok_or(UnreadablePayload)?) } else { None };
        Ok(Frame { key, data, format })
    }

    pub(crate) fn gathered(&self) -> usize {
        self.data.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_numbers_are_written_in_the_form_that_is_there() {
        let renumbered = |payload: &[u8]| {
            let mut payload = payload.to_vec();
            renumber(&mut payload, Some(0x1234), Some(9));
            payload
        };
        assert_eq!(renumbered(&[0x90, 0xc0, 0x81, 0x02, 7, 0x55]), [0x90, 0xc0, 0x92, 0x34, 9, 0x55]);
        assert_eq!(renumbered(&[0x90, 0xc0, 0x02, 7, 0x55]), [0x90, 0xc0, 0x34, 9, 0x55], "seven bits");
        assert_eq!(renumbered(&[0x90, 0x40, 7, 0x55]), [0x90, 0x40, 9, 0x55]);
        assert_eq!(renumbered(&[0x90, 0x80, 0x81, 0x02, 0x55]), [0x90, 0x80, 0x92, 0x34, 0x55]);
        for unchanged in [&[0x10, 0x55][..], &[0x90], &[0x90, 0xc0, 0x81, 0x02], &[], &[0x90, 0x20, 1, 0x55]] {
            assert_eq!(renumbered(unchanged), unchanged);
        }
    }

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
    fn the_temporal_layer_is_read_where_it_is_told() {
        let temporal = |payload: &[u8]| Descriptor::read(payload).unwrap().0.temporal;
        assert_eq!(temporal(&[0x90, 0x20, 0xa0, 0x01]), Some(TemporalLayer { id: 2, is_sync: true }));
        assert_eq!(temporal(&[0x90, 0xe0, 0x81, 0x02, 7, 0x40, 0x01]), Some(TemporalLayer { id: 1, is_sync: false }));
        assert_eq!(temporal(&[0x90, 0x10, 0xa0, 0x01]), None, "only the key index");
        assert_eq!(temporal(&[0x10, 0x01]), None);
    }

    #[test]
    fn a_cut_descriptor_is_nothing() {
        let whole = [0x90, 0xf0, 0x81, 0x02, 0x07, 0x20, 0x00];
        for end in 0..6 {
            assert!(!starts_key_frame(&whole[..end]));
        }
    }

    #[test]
    fn a_key_frame_is_put_together_of_its_packets() {
        let mut vp8 = Vp8Gathering::default();
        vp8.push(&[0x90, 0xe0, 0x81, 0x02, 0x07, 0x20, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a]).unwrap();
        vp8.push(&[0x80, 0x80, 0x03, 0x80, 0x02, 0xe0, 0x01, 0xaa]).unwrap();
        let frame = vp8.take().unwrap();
        assert!(frame.key);
        assert_eq!(frame.data, [0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01, 0xaa]);
        assert_eq!(frame.format, Some(PictureFormat { width: 640, height: 480, configuration: vec![] }));
    }

    #[test]
    fn other_partitions_go_on_and_a_second_beginning_does_not_fit() {
        let mut vp8 = Vp8Gathering::default();
        assert_eq!(vp8.push(&[0x01, 0x55]), Err(UnreadablePayload), "the beginning is missing");
        vp8.push(&[0x10, 0x01]).unwrap();
        vp8.push(&[0x11, 0x55]).unwrap();
        assert_eq!(vp8.push(&[0x10, 0x01]), Err(UnreadablePayload));
        assert_eq!(vp8.take(), Ok(Frame { key: false, data: vec![0x01, 0x55], format: None }));
    }

    #[test]
    fn a_cut_descriptor_is_unreadable() {
        let whole = [0x90, 0xf0, 0x81, 0x02, 0x07, 0x20];
        for end in 0..=whole.len() {
            assert_eq!(Vp8Gathering::default().push(&whole[..end]), Err(UnreadablePayload));
        }
    }
}
