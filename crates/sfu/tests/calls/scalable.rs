//! Streams with layers: which frame needs which, and whether somebody who got some of them can decode those.

use std::collections::{HashMap, HashSet};

use crate::call::Received;
use crate::camera::{Camera, stamp};

/// Layers of a stream, named as W3C does: L for sizes, T for frames per second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Structure {
    pub(crate) spatial: u8,
    pub(crate) temporal: u8,
    /// Larger pictures need the smaller ones at key frames only.
    pub(crate) is_key_only: bool,
    /// VP9: each frame tells what it needs; else key frames tell it of all.
    pub(crate) is_flexible: bool,
}

impl Default for Structure {
    fn default() -> Self {
        Self { spatial: 1, temporal: 1, is_key_only: false, is_flexible: true }
    }
}

/// A frame of one layer.
#[derive(Clone, Debug)]
pub(crate) struct Coded {
    pub(crate) temporal: u8,
    /// It needs nothing above the lowest layer in time.
    pub(crate) is_sync: bool,
    /// It needs the picture of the size below.
    pub(crate) needs_smaller: bool,
    /// It needs the pictures so many before this one, of its own size.
    pub(crate) back: Vec<u32>,
}

/// Layer of a picture, and what it needs: in cycles that synchronise, and in the others.
type Place = (u8, &'static [u32], &'static [u32]);

/// Pictures that come again and again, of one to three layers in time.
const CYCLES: [&[Place]; 3] = [
    &[(0, &[1], &[1])],
    &[(0, &[2], &[2]), (1, &[1], &[1, 2])],
    &[(0, &[4], &[4]), (2, &[1], &[1]), (1, &[2], &[2, 4]), (2, &[1, 2], &[1, 2])],
];

impl Structure {
    pub(crate) fn new(spatial: u8, temporal: u8) -> Self {
        Self { spatial, temporal, ..Self::default() }
    }

    /// The frames of the picture that is so many after a key frame. Every second cycle synchronises.
    pub(crate) fn coded(&self, since_key: u32) -> Vec<Coded> {
        let cycle = CYCLES[usize::from(self.temporal) - 1];
        let length = cycle.len() as u32;
        let (temporal, syncing, others) = cycle[(since_key % length) as usize];
        let back = if self.is_flexible && since_key / length % 2 == 1 { others } else { syncing };
        let of_layer = |spatial: u8| Coded {
            temporal,
            is_sync: temporal == 0 || back.len() == 1,
            needs_smaller: spatial > 0 && (since_key == 0 || !self.is_key_only),
            back: if since_key == 0 { Vec::new() } else { back.to_vec() },
        };
        (0..self.spatial).map(of_layer).collect()
    }

    pub(crate) fn has_layers(&self) -> bool {
        self.spatial > 1 || self.temporal > 1
    }

    /// The payload descriptor of VP9 (RFC 9628 §4.2) of a packet that is, or is not, the first and the last of its frame.
    pub(crate) fn vp9(
        &self,
        coded: &Coded,
        picture_id: u16,
        tl0: u8,
        spatial: u8,
        key: bool,
        (first, last): (bool, bool),
    ) -> Vec<u8> {
        let bit = |is_set: bool, at: u8| u8::from(is_set) << at;
        let is_top = spatial + 1 == self.spatial;
        let is_skippable = is_top || self.is_key_only && !key;
        let has_structure = key && first && spatial == 0;
        let mut out = vec![
            0xa0 | bit(!key, 6)
                | bit(self.is_flexible, 4)
                | bit(first, 3)
                | bit(last, 2)
                | bit(has_structure, 1)
                | bit(is_skippable, 0),
        ];
        out.extend((0x8000 | picture_id).to_be_bytes());
        out.push(coded.temporal << 5 | bit(coded.is_sync, 4) | spatial << 1 | bit(coded.needs_smaller, 0));
        if !self.is_flexible {
            out.push(tl0);
        }
        if self.is_flexible && !key {
            let last = coded.back.len() - 1;
            out.extend(coded.back.iter().enumerate().map(|(n, back)| (*back as u8) << 1 | bit(n != last, 0)));
        }
        if has_structure {
            let cycle = CYCLES[usize::from(self.temporal) - 1];
            let tells_group = !self.is_flexible;
            out.push((self.spatial - 1) << 5 | bit(true, 4) | bit(tells_group, 3));
            for size in 1..=u16::from(self.spatial) {
                out.extend([(320 * size).to_be_bytes(), (180 * size).to_be_bytes()].concat());
            }
            if tells_group {
                out.push(cycle.len() as u8);
                for (temporal, back, _) in cycle {
                    out.push(temporal << 5 | (back.len() as u8) << 2);
                    out.extend(back.iter().map(|back| *back as u8));
                }
            }
        }
        out
    }
}

/// What arrived of one stream, as its receiver sees it.
pub(crate) struct Arrived {
    /// Layer of simulcast, picture, and layer within the stream.
    frames: HashSet<(u8, u32, u8)>,
}

impl Arrived {
    /// All frames of which every packet came.
    pub(crate) fn of(video: &[&Received], packets: impl Fn(u8) -> usize) -> Self {
        let mut came: HashMap<(u8, u32, u8), HashSet<u8>> = HashMap::new();
        for packet in video.iter().filter(|packet| !packet.payload.is_empty()) {
            let stamp = stamp(&packet.payload);
            came.entry((stamp.layer, stamp.frame, stamp.packet >> 4)).or_default().insert(stamp.packet & 15);
        }
        let is_whole = |((layer, ..), parts): &(&(u8, u32, u8), &HashSet<u8>)| parts.len() == packets(*layer);
        Self { frames: came.iter().filter(is_whole).map(|(frame, _)| *frame).collect() }
    }

    /// Those of a layer of simulcast that cannot be decoded, since something is missing that they need.
    pub(crate) fn undecodable(&self, camera: &Camera, layer: u8) -> Vec<(u32, u8)> {
        let mut decodable: HashSet<(u32, u8)> = HashSet::new();
        let mut broken = Vec::new();
        for (index, picture) in camera.coded.iter().enumerate() {
            let number = index as u32 + 1;
            for (spatial, frame) in picture.iter().enumerate() {
                let spatial = spatial as u8;
                if !self.frames.contains(&(layer, number, spatial)) {
                    continue;
                }
                let smaller = frame.needs_smaller.then(|| (number, spatial.wrapping_sub(1)));
                let before = frame.back.iter().map(|back| (number - back, spatial));
                if before.chain(smaller).all(|needed| decodable.contains(&needed)) {
                    decodable.insert((number, spatial));
                } else {
                    broken.push((number, spatial));
                }
            }
        }
        broken
    }

    /// How many frames came of each layer in time and size.
    pub(crate) fn counts(&self, camera: &Camera, layer: u8, since: u32) -> HashMap<(u8, u8), usize> {
        let mut counts = HashMap::new();
        for (_, number, spatial) in self.frames.iter().filter(|(of, number, _)| *of == layer && *number > since) {
            let temporal = camera.coded[*number as usize - 1][usize::from(*spatial)].temporal;
            *counts.entry((*spatial, temporal)).or_default() += 1;
        }
        counts
    }
}
