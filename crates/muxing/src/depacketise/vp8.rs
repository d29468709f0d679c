//! VP8, RFC 7741 and RFC 6386 §9.1: the payload descriptors are taken off, that is all.

use super::{Format, Frame, Unreadable, byte, split};

/// The frame being gathered.
#[derive(Debug, Default)]
pub(crate) struct Vp8 {
    data: Vec<u8>,
}

impl Vp8 {
    pub(crate) fn push(&mut self, payload: &[u8]) -> Result<(), Unreadable> {
        let (first, rest) = byte(payload)?;
        let data = if first & 0x80 != 0 { extension(rest)? } else { rest };
        let begins = first & 0x10 != 0 && first & 0x07 == 0;
        if begins != self.data.is_empty() || data.is_empty() {
            return Err(Unreadable);
        }
        self.data.extend_from_slice(data);
        Ok(())
    }

    pub(crate) fn take(&mut self) -> Result<Frame, Unreadable> {
        let data = std::mem::take(&mut self.data);
        let key = data.first().ok_or(Unreadable)? & 0x01 == 0;
        let format = if key { Some(format(&data)?) } else { None };
        Ok(Frame { key, data, format })
    }

    pub(crate) fn gathered(&self) -> usize {
        self.data.len()
    }
}

/// What follows the extended control bits.
fn extension(payload: &[u8]) -> Result<&[u8], Unreadable> {
    let (present, mut rest) = byte(payload)?;
    if present & 0x80 != 0 {
        let (picture_id, _) = byte(rest)?;
        (_, rest) = split(rest, if picture_id & 0x80 != 0 { 2 } else { 1 })?;
    }
    if present & 0x40 != 0 {
        (_, rest) = byte(rest)?;
    }
    if present & 0x30 != 0 {
        (_, rest) = byte(rest)?;
    }
    Ok(rest)
}

pub(crate) fn format(frame: &[u8]) -> Result<Format, Unreadable> {
    let Some([0x9d, 0x01, 0x2a, w0, w1, h0, h1]) = frame.get(3..10) else {
        return Err(Unreadable);
    };
    // The two highest bits are how to scale it.
    let size = |low: &u8, high: &u8| u16::from_le_bytes([*low, *high]) & 0x3fff;
    Ok(Format { width: size(w0, w1), height: size(h0, h1), private: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_frame_is_put_together_of_its_packets() {
        let mut vp8 = Vp8::default();
        vp8.push(&[0x90, 0xe0, 0x81, 0x02, 0x07, 0x20, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a]).unwrap();
        vp8.push(&[0x80, 0x80, 0x03, 0x80, 0x02, 0xe0, 0x01, 0xaa]).unwrap();
        let frame = vp8.take().unwrap();
        assert!(frame.key);
        assert_eq!(frame.data, [0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01, 0xaa]);
        assert_eq!(frame.format, Some(Format { width: 640, height: 480, private: vec![] }));
    }

    #[test]
    fn other_partitions_go_on_and_a_second_beginning_does_not_fit() {
        let mut vp8 = Vp8::default();
        assert_eq!(vp8.push(&[0x01, 0x55]), Err(Unreadable), "the beginning is missing");
        vp8.push(&[0x10, 0x01]).unwrap();
        vp8.push(&[0x11, 0x55]).unwrap();
        assert_eq!(vp8.push(&[0x10, 0x01]), Err(Unreadable));
        assert_eq!(vp8.take(), Ok(Frame { key: false, data: vec![0x01, 0x55], format: None }));
    }

    #[test]
    fn a_cut_descriptor_is_unreadable() {
        let whole = [0x90, 0xf0, 0x81, 0x02, 0x07, 0x20];
        for end in 0..=whole.len() {
            assert_eq!(Vp8::default().push(&whole[..end]), Err(Unreadable));
        }
    }
}
