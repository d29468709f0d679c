//! VP9 (RFC 9628): the payload descriptor, and frames in which the spatial layers of one picture make a superframe (VP9
//! bitstream specification, annex B).

mod frame_header;

use crate::depacketiser::Frame;
use crate::{UnreadablePayload, byte, split};

const MAX_LAYERS: usize = 8;

/// The payload descriptor, RFC 9628 §4.2, as far as somebody here needs it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Descriptor {
    /// B: the first packet of a layer's frame.
    pub begins_frame: bool,
    /// P: needs an earlier picture.
    pub is_predicted: bool,
    /// SID, if it is told: 0 is the lowest.
    pub spatial_layer: Option<u8>,
}

impl Descriptor {
    /// The descriptor, and what follows it.
    pub fn read(payload: &[u8]) -> Result<(Self, &[u8]), UnreadablePayload> {
        let (first, mut rest) = byte(payload)?;
        let has = |bit: u8| first & bit != 0;
        let (picture_id, is_predicted, layers, flexible) = (has(0x80), has(0x40), has(0x20), has(0x10));
        let (begins_frame, structure) = (has(0x08), has(0x02));
        if picture_id {
            let (id, _) = byte(rest)?;
            (_, rest) = split(rest, if id & 0x80 != 0 { 2 } else { 1 })?;
        }
        let mut spatial_layer = None;
        if layers {
            let (indices, _) = byte(rest)?;
            spatial_layer = Some(indices >> 1 & 0x07);
            // TL0PICIDX follows.
            (_, rest) = split(rest, if flexible { 1 } else { 2 })?;
        }
        if flexible && is_predicted {
            for n in 0.. {
                let (reference, after) = byte(rest)?;
                rest = after;
                if reference & 0x01 == 0 {
                    break;
                }
                if n == 2 {
                    return Err(UnreadablePayload);
                }
            }
        }
        if structure {
            rest = scalability_structure(rest)?;
        }
        Ok((Self { begins_frame, is_predicted, spatial_layer }, rest))
    }
}

/// What follows the scalability structure.
fn scalability_structure(payload: &[u8]) -> Result<&[u8], UnreadablePayload> {
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

/// The first packet of a frame that is not predicted from an earlier picture, in the lowest spatial layer.
pub fn starts_key_frame(payload: &[u8]) -> bool {
    Descriptor::read(payload).is_ok_and(|(descriptor, _)| {
        descriptor.begins_frame && !descriptor.is_predicted && descriptor.spatial_layer.is_none_or(|layer| layer == 0)
    })
}

/// The picture being gathered.
#[derive(Debug, Default)]
pub(crate) struct Vp9Gathering {
    data: Vec<u8>,
    /// Where its layers begin.
    layers: Vec<usize>,
    is_predicted: bool,
}

impl Vp9Gathering {
    pub(crate) fn push(&mut self, payload: &[u8]) -> Result<(), UnreadablePayload> {
        let (Descriptor { begins_frame, is_predicted, .. }, data) = Descriptor::read(payload)?;
        let has_beginning = begins_frame || !self.data.is_empty();
        if data.is_empty() || !has_beginning || begins_frame && self.layers.len() == MAX_LAYERS {
            return Err(UnreadablePayload);
        }
        if self.data.is_empty() {
            self.is_predicted = is_predicted;
        }
        if begins_frame {
            self.layers.push(self.data.len());
        }
        self.data.extend_from_slice(data);
        Ok(())
    }

    pub(crate) fn take(&mut self) -> Result<Frame, UnreadablePayload> {
        let Self { mut data, layers, is_predicted } = std::mem::take(self);
        let format = if is_predicted { None } else { frame_header::key_frame_format(&data) };
        if data.is_empty() {
            return Err(UnreadablePayload);
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

/// The superframe index behind the frames of a picture's layers.
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
    use crate::PictureFormat;

    /// Profile 0, key frame, 320x180.
    const KEY: [u8; 10] = [0x82, 0x49, 0x83, 0x42, 0x20, 0x13, 0xf0, 0x0b, 0x30, 0x00];

    #[test]
    fn a_key_frame_begins_unpredicted_in_the_lowest_layer() {
        assert!(starts_key_frame(&[0x88, 0x05, 0x00]));
        assert!(!starts_key_frame(&[0xc8, 0x05, 0x00]), "predicted");
        assert!(!starts_key_frame(&[0x80, 0x05, 0x00]), "not the beginning");
        assert!(starts_key_frame(&[0xa8, 0x85, 0x01, 0x00, 0x00]), "two-byte picture id, layer 0");
        assert!(!starts_key_frame(&[0xa8, 0x85, 0x01, 0x02, 0x00]), "spatial layer 1");
        assert!(!starts_key_frame(&[0xa8]));
        assert!(!starts_key_frame(&[]));
    }

    #[test]
    fn a_key_frame_tells_its_size() {
        let mut vp9 = Vp9Gathering::default();
        vp9.push(&[&[0x8a, 0x81, 0x02, 0x18, 0x01, 0x40, 0x00, 0xb4, 0x01, 0x04, 0x01][..], &KEY].concat()).unwrap();
        vp9.push(&[0x84, 0x81, 0x02, 0x77]).unwrap();
        let frame = vp9.take().unwrap();
        assert_eq!(frame.data, [&KEY[..], &[0x77]].concat());
        assert_eq!(frame.format, Some(PictureFormat { width: 320, height: 180, configuration: vec![] }));
        assert!(frame.key);
    }

    #[test]
    fn layers_of_a_picture_become_a_superframe() {
        let mut vp9 = Vp9Gathering::default();
        vp9.push(&[0xa8, 0x05, 0x00, 0x01, 0x86, 0x11, 0x11]).unwrap();
        vp9.push(&[0xac, 0x05, 0x03, 0x01, 0x86, 0x22]).unwrap();
        let frame = vp9.take().unwrap();
        assert_eq!(frame.data, [0x86, 0x11, 0x11, 0x86, 0x22, 0xd9, 3, 0, 0, 0, 2, 0, 0, 0, 0xd9]);
    }

    #[test]
    fn a_cut_descriptor_is_unreadable() {
        let whole = [0xfa, 0x81, 0x02, 0x00, 0x03, 0x02, 0x18, 0x01, 0x40, 0x00, 0xb4, 0x01, 0x04, 0x11];
        for end in 0..=whole.len() {
            assert_eq!(Vp9Gathering::default().push(&whole[..end]), Err(UnreadablePayload), "{end}");
        }
        assert_eq!(Vp9Gathering::default().push(&[&whole[..], &[0x86]].concat()), Ok(()));
    }
}
