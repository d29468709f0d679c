//! VP9 (RFC 9628): the payload descriptor, and frames in which the spatial layers of one picture make a superframe (VP9
//! bitstream specification, annex B).

mod frame_header;

use crate::depacketiser::Frame;
pub use crate::vp8::PictureId;
use crate::{UnreadablePayload, byte, split};

const MAX_LAYERS: usize = 8;

/// Pictures of a group that are told of; of a longer one nothing is.
pub const MAX_GROUP: usize = 16;
/// Pictures that one may be predicted from.
const MAX_REFERENCES: usize = 3;

/// The payload descriptor, RFC 9628 §4.2, as far as somebody here needs it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Descriptor {
    /// B: the first packet of a layer's frame.
    pub begins_frame: bool,
    /// E: the last one.
    pub ends_frame: bool,
    /// P: needs an earlier picture.
    pub is_predicted: bool,
    /// Z: no larger frame of the same picture needs this one.
    pub is_skippable: bool,
    /// Counts pictures.
    pub picture_id: Option<PictureId>,
    /// Where it stands among the layers, if it is told.
    pub layer: Option<FrameLayer>,
    /// F with its P_DIFFs: how many pictures back those are that it is predicted from. Else, the group tells.
    pub references: Option<References>,
    /// The group of pictures that begins here: what each is predicted from.
    pub group: Option<Group>,
}

/// Layer indices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameLayer {
    /// SID: 0 is the smallest picture.
    pub spatial: u8,
    /// TID: 0 has the fewest pictures.
    pub temporal: u8,
    /// D: it needs the frame of the next smaller picture.
    pub needs_smaller: bool,
}

/// How many pictures back something is that is needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct References {
    count: u8,
    back: [u8; MAX_REFERENCES],
}

/// Pictures that are predicted from each other in the same way again and again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Group {
    length: u8,
    pictures: [References; MAX_GROUP],
}

impl References {
    /// Each of them.
    pub fn back(&self) -> impl Iterator<Item = u8> {
        self.back.into_iter().take(usize::from(self.count))
    }

    /// With one more; `None` if there are too many.
    fn with(mut self, back: u8) -> Option<Self> {
        *self.back.get_mut(usize::from(self.count))? = back;
        self.count += 1;
        Some(self)
    }
}

impl Group {
    /// Of the picture that is so many after the one that the group was told with.
    pub fn references(&self, after: u64) -> Option<References> {
        let position = after.checked_rem(u64::from(self.length))?;
        self.pictures.get(position as usize).copied()
    }
}

impl Descriptor {
    /// The descriptor, and what follows it.
    pub fn read(payload: &[u8]) -> Result<(Self, &[u8]), UnreadablePayload> {
        let (first, mut rest) = byte(payload)?;
        let has = |bit: u8| first & bit != 0;
        let (has_id, is_predicted, has_layers, is_flexible) = (has(0x80), has(0x40), has(0x20), has(0x10));
        let mut next = || {
            let (next, after) = byte(rest)?;
            rest = after;
            Ok(next)
        };
        let mut descriptor = Self {
            begins_frame: has(0x08),
            ends_frame: has(0x04),
            is_predicted,
            is_skippable: has(0x01),
            picture_id: None,
            layer: None,
            references: None,
            group: None,
        };
        if has_id {
            let high = next()?;
            descriptor.picture_id = Some(if high & 0x80 != 0 {
                PictureId { value: u16::from(high & 0x7f) << 8 | u16::from(next()?), mask: 0x7fff }
            } else {
                PictureId { value: u16::from(high), mask: 0x7f }
            });
        }
        if has_layers {
            let indices = next()?;
            descriptor.layer = Some(FrameLayer {
                spatial: indices >> 1 & 0x07,
                temporal: indices >> 5,
                needs_smaller: indices & 0x01 != 0,
            });
            if !is_flexible {
                // TL0PICIDX.
                next()?;
            }
        }
        if is_flexible {
            let mut references = References::default();
            let mut goes_on = is_predicted;
            while goes_on {
                let reference = next()?;
                goes_on = reference & 0x01 != 0;
                references = references.with(reference >> 1).ok_or(UnreadablePayload)?;
            }
            descriptor.references = Some(references);
        }
        if has(0x02) {
            (descriptor.group, rest) = scalability_structure(rest)?;
        }
        Ok((descriptor, rest))
    }

    /// The packet is the first one of a picture that needs no other.
    pub fn starts_key_frame(&self) -> bool {
        self.begins_frame && !self.is_predicted && self.layer.is_none_or(|layer| layer.spatial == 0)
    }
}

/// The group of the scalability structure, if it tells of one, and what follows.
fn scalability_structure(payload: &[u8]) -> Result<(Option<Group>, &[u8]), UnreadablePayload> {
    let (first, mut rest) = byte(payload)?;
    if first & 0x10 != 0 {
        let layers = usize::from(first >> 5) + 1;
        (_, rest) = split(rest, 4 * layers)?;
    }
    if first & 0x08 == 0 {
        return Ok((None, rest));
    }
    let (length, after) = byte(rest)?;
    rest = after;
    let mut group = Group { length, ..Group::default() };
    for number in 0..usize::from(length) {
        let (picture, after) = byte(rest)?;
        let (back, after) = split(after, usize::from(picture >> 2 & 0x03))?;
        rest = after;
        if let Some(references) = group.pictures.get_mut(number) {
            references.count = back.len() as u8;
            references.back[..back.len()].copy_from_slice(back);
        }
    }
    Ok((Some(group).filter(|_| usize::from(length) <= MAX_GROUP), rest))
}

/// The first packet of a frame that is not predicted from an earlier picture, in the lowest spatial layer.
pub fn starts_key_frame(payload: &[u8]) -> bool {
    Descriptor::read(payload).is_ok_and(|(descriptor, _)| descriptor.starts_key_frame())
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
    fn layers_and_what_a_frame_needs_are_read() {
        let (flexible, rest) = Descriptor::read(&[0xf5, 0x81, 0x02, 0x53, 0x03, 0x08, 0x77]).unwrap();
        assert_eq!(flexible.picture_id, Some(PictureId { value: 0x102, mask: 0x7fff }));
        assert_eq!(flexible.layer, Some(FrameLayer { spatial: 1, temporal: 2, needs_smaller: true }));
        assert_eq!(flexible.references.unwrap().back().collect::<Vec<_>>(), [1, 4]);
        assert_eq!((flexible.begins_frame, flexible.ends_frame, flexible.is_skippable), (false, true, true));
        assert_eq!(rest, [0x77]);
        let four = [0xf0, 0x01, 0x00, 0x03, 0x03, 0x03, 0x02];
        assert_eq!(Descriptor::read(&four), Err(UnreadablePayload), "three at most");
    }

    #[test]
    fn a_group_of_pictures_goes_round() {
        // Two layers in time; no sizes.
        let (descriptor, rest) =
            Descriptor::read(&[0x8a, 0x05, 0x08, 0x02, 0x04, 0x02, 0x28, 0x01, 0x02, 0x77]).unwrap();
        assert_eq!(rest, [0x77]);
        let group = descriptor.group.unwrap();
        let back = |after| group.references(after).unwrap().back().collect::<Vec<_>>();
        assert_eq!([back(0), back(1), back(2), back(3)], [vec![2], vec![1, 2], vec![2], vec![1, 2]]);
        assert_eq!(Group::default().references(3), None, "an empty one");
        let long = [&[0x8a, 0x05, 0x08, 17][..], &[0; 17], &[0x77]].concat();
        assert_eq!(Descriptor::read(&long).map(|(descriptor, rest)| (descriptor.group, rest)), Ok((None, &[0x77][..])));
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
