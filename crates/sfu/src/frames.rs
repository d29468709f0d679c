//! The frames of one stream, as its packets tell of them: numbered, and with what each of them needs. A stream without layers
//! that could be left out has none, and costs nothing here.

use std::sync::Arc;

use payload::{dependency, vp8, vp9};

use crate::layered_frame::LayeredFrame;

/// Where numbers begin, so that those of late packets are not below zero.
const FIRST: u64 = 1 << 32;
/// Temporal layers of VP8.
const LAYERS: usize = 4;
/// Who needs an unknown number of frames before it needs all of so many.
const ALL_BEFORE: u128 = u64::MAX as u128;

/// Numbers of frames of VP9 that belong to one picture.
const SIZES: u64 = 8;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// It is one of several, of different sizes: layers of that kind in it are not told apart.
    is_simulcast: bool,
    pictures: Option<Pictures>,
    /// There is more than one layer.
    is_layered: bool,
    /// The newest frame.
    newest: Option<LayeredFrame>,
    /// The newest frames of VP8's temporal layers.
    latest: [Option<u64>; LAYERS],
    /// VP9's group of pictures, and where it began.
    group: Option<(vp9::Group, u64)>,
    /// Of dependency descriptors, and the packet that it came with.
    structure: Option<(Arc<dependency::Structure>, u64)>,
    /// Their decode targets that the publisher sends, and the packet that said so.
    active: (u32, u64),
}

/// Numbers of pictures that do not wrap.
#[derive(Clone, Copy, Debug)]
struct Pictures {
    number: u64,
    id: u16,
    /// Of the newest packet.
    sequence: u64,
}

impl Frames {
    /// Of one of so many streams.
    pub(crate) fn of(streams: usize) -> Self {
        Self { is_simulcast: streams > 1, ..Self::default() }
    }

    /// A packet of VP8.
    pub(crate) fn vp8(
        &mut self,
        descriptor: &vp8::Descriptor,
        begins_key_frame: bool,
        sequence: u64,
    ) -> Option<LayeredFrame> {
        let (layer, id) = (descriptor.temporal?, descriptor.numbers.picture_id?);
        self.is_layered |= layer.id > 0;
        if !self.is_layered {
            return None;
        }
        let number = Pictures::count(&mut self.pictures, id.value, id.mask, sequence);
        if let Some(newest) = self.newest.filter(|newest| newest.number == number) {
            return Some(newest);
        }
        let temporal = usize::from(layer.id);
        let is_newest = self.newest.is_none_or(|newest| newest.number < number);
        if is_newest && begins_key_frame {
            self.latest = [None; LAYERS];
        }
        let references = if temporal == 0 || layer.is_sync {
            // The lowest layer is never left out.
            0
        } else if is_newest {
            let back = self.latest[1..=temporal].iter().flatten().map(|latest| number - latest - 1);
            back.filter(|back| *back < 128).fold(0, |references, back| references | 1 << back)
        } else {
            ALL_BEFORE
        };
        let frame = LayeredFrame {
            number,
            spatial: 0,
            temporal: layer.id,
            references,
            is_key: begins_key_frame,
            is_skippable: false,
            is_end: false,
        };
        if is_newest {
            self.latest[temporal] = Some(number);
            self.newest = Some(frame);
        }
        Some(frame)
    }

    /// A packet of VP9.
    pub(crate) fn vp9(&mut self, descriptor: &vp9::Descriptor, sequence: u64) -> Option<LayeredFrame> {
        let (layer, id) = (descriptor.layer?, descriptor.picture_id?);
        let is_predicted = descriptor.is_predicted;
        let picture = Pictures::count(&mut self.pictures, id.value, id.mask, sequence);
        if let Some(group) = descriptor.group {
            self.group = Some((group, picture));
        }
        self.is_layered |= layer.temporal > 0 || layer.spatial > 0;
        if !self.is_layered {
            return None;
        }
        let number = picture * SIZES + u64::from(layer.spatial);
        let known = descriptor.references.or_else(|| {
            let (group, begin) = &self.group?;
            group.references(picture.checked_sub(*begin)?)
        });
        let mut references = u128::from(layer.needs_smaller && layer.spatial > 0);
        if is_predicted {
            let back = known.iter().flat_map(|references| references.back()).map(|back| u64::from(back) * SIZES);
            references |= back.filter(|back| (1..=128).contains(back)).fold(0, |all, back| all | 1 << (back - 1));
        }
        // Of a picture whose smallest frame is late or lost, another one may be the first.
        let is_first = layer.spatial == 0 || self.newest.is_none_or(|newest| newest.number / SIZES < picture);
        let has_sizes = !self.is_simulcast;
        let frame = LayeredFrame {
            number,
            spatial: if has_sizes { layer.spatial } else { 0 },
            // Where nobody says what needs what, all is needed.
            temporal: if is_predicted && known.is_none() { 0 } else { layer.temporal },
            references,
            is_key: !is_predicted && is_first,
            is_skippable: has_sizes && descriptor.is_skippable,
            is_end: has_sizes && descriptor.ends_frame,
        };
        if self.newest.is_none_or(|newest| newest.number < number) {
            self.newest = Some(frame);
        }
        Some(frame)
    }

    /// A packet with a dependency descriptor.
    pub(crate) fn described(&mut self, came: &mut dependency::Forwardable, sequence: u64) -> Option<LayeredFrame> {
        let known = self.structure.as_ref().map(|(structure, _)| structure);
        let descriptor = dependency::Descriptor::read(came.bytes(), known)?;
        let structure = descriptor.structure.clone().or_else(|| known.cloned())?;
        if descriptor.structure.is_some() && self.structure.as_ref().is_none_or(|(_, since)| *since <= sequence) {
            self.structure = Some((structure.clone(), sequence));
        }
        // It holds for what comes after it.
        if let Some(active) = descriptor.active.filter(|_| self.active.1 <= sequence) {
            self.active = (active, sequence);
        }
        came.was_read(&descriptor, &structure, descriptor.active.unwrap_or(self.active.0));
        self.is_layered |= structure.has_layers();
        let number = Pictures::count(&mut self.pictures, descriptor.frame_number, u16::MAX, sequence);
        let has_sizes = !self.is_simulcast;
        self.is_layered.then_some(LayeredFrame {
            number,
            spatial: if has_sizes { descriptor.spatial } else { 0 },
            temporal: descriptor.temporal,
            references: descriptor.references,
            is_key: descriptor.is_independent && descriptor.spatial == 0,
            is_skippable: has_sizes && descriptor.is_skippable,
            is_end: has_sizes && descriptor.ends_frame,
        })
    }
}

impl Pictures {
    /// The number of the picture with this id. Ids of packets that come in order only grow, in steps of any size.
    fn count(known: &mut Option<Self>, id: u16, mask: u16, sequence: u64) -> u64 {
        let pictures = known.get_or_insert(Self { number: FIRST, id, sequence });
        if sequence >= pictures.sequence {
            let ahead = id.wrapping_sub(pictures.id) & mask;
            *pictures = Self { number: pictures.number + u64::from(ahead), id, sequence };
            pictures.number
        } else {
            pictures.number.saturating_sub(u64::from(pictures.id.wrapping_sub(id) & mask))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use payload::vp8::{Descriptor, PictureId, PictureNumbers, TemporalLayer};

    /// Picture ids of seven bits, so that they wrap.
    fn vp8(frames: &mut Frames, id: u16, temporal: u8, is_sync: bool, key: bool, sequence: u64) -> LayeredFrame {
        let descriptor = Descriptor {
            begins_frame: true,
            numbers: PictureNumbers {
                picture_id: Some(PictureId { value: id & 0x7f, mask: 0x7f }),
                tl0_pic_idx: Some(0),
            },
            temporal: Some(TemporalLayer { id: temporal, is_sync }),
        };
        frames.vp8(&descriptor, key, sequence).expect("layers")
    }

    #[test]
    fn a_stream_of_one_layer_has_no_frames() {
        let mut frames = Frames::default();
        let descriptor = |temporal| Descriptor { begins_frame: true, numbers: PictureNumbers::default(), temporal };
        for temporal in
            [None, Some(TemporalLayer { id: 0, is_sync: true }), Some(TemporalLayer { id: 1, is_sync: true })]
        {
            assert_eq!(
                frames.vp8(&descriptor(temporal), false, 1),
                None,
                "without picture ids nothing can be left out"
            );
        }
    }

    /// Of a picture id in one byte, with layer indices.
    fn vp9(frames: &mut Frames, payload: &[u8], sequence: u64) -> LayeredFrame {
        frames.vp9(&vp9::Descriptor::read(payload).unwrap().0, sequence).expect("layers")
    }

    #[test]
    fn frames_of_vp9_need_what_they_say_or_what_their_group_says() {
        let mut frames = Frames::default();
        // Flexible: the second size of a key picture, and of one that needs the picture before.
        let key = vp9(&mut frames, &[0xbc, 0x05, 0x03], 1);
        assert_eq!((key.spatial, key.references, key.is_key, key.is_end), (1, 1, true, true));
        let next = vp9(&mut frames, &[0xf9, 0x06, 0x22, 0x02], 2);
        assert_eq!((next.number, next.temporal, next.references), (key.number + SIZES, 1, 1 << 7));
        assert!(next.is_skippable && !next.is_key && !next.is_end);
        // A group of two pictures, told with the first one.
        let mut frames = Frames::default();
        let structure = [0x08, 0x02, 0x04, 0x02, 0x24, 0x01];
        let first = [&[0xae, 0x05, 0x00, 0x00][..], &structure].concat();
        assert_eq!(frames.vp9(&vp9::Descriptor::read(&first).unwrap().0, 1), None, "one layer so far");
        assert_eq!(vp9(&mut frames, &[0xec, 0x06, 0x20, 0x00], 2).references, 1 << 7);
        assert_eq!(vp9(&mut frames, &[0xec, 0x07, 0x00, 0x01], 3).references, 1 << 15);
        let early = vp9(&mut frames, &[0xec, 0x04, 0x20, 0x00], 0);
        assert_eq!((early.temporal, early.references), (0, 0), "from before the group");
    }

    #[test]
    fn frames_of_vp8_need_the_latest_of_their_layer_and_those_below_unless_they_synchronise() {
        let mut frames = Frames::default();
        let first = vp8(&mut frames, 126, 2, true, false, 1);
        assert_eq!(first.references, 0);
        assert_eq!(vp8(&mut frames, 127, 1, true, false, 2).references, 0);
        let next = vp8(&mut frames, 128, 2, false, false, 3);
        assert_eq!((next.number, next.references), (first.number + 2, 0b11));
        assert_eq!(vp8(&mut frames, 129, 0, false, false, 4).references, 0);
        assert_eq!(vp8(&mut frames, 131, 1, false, false, 6).references, 0b1000);
        let late = vp8(&mut frames, 130, 2, false, false, 5);
        assert_eq!((late.number, late.references), (first.number + 4, ALL_BEFORE));
        vp8(&mut frames, 132, 0, false, true, 7);
        assert_eq!(vp8(&mut frames, 133, 2, false, false, 8).references, 0, "nothing from before a key frame");
    }
}
