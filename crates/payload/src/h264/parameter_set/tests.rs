//! Sizes of parameter sets made up here, and what another implementation reads in the same bytes.

use h264_reader::nal::sps::SeqParameterSet;
use h264_reader::rbsp::{BitReader, decode_nal};
use proptest::prelude::*;

use super::*;

/// As cameras and browsers send them, with headers.
#[test]
fn sets_of_real_encoders_are_read() {
    let libx264 = [
        0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00,
        0x00, 0x03, 0x00, 0x32, 0x0f, 0x16, 0x2d, 0x96,
    ];
    assert_eq!(picture_size(&libx264), Some((640, 360)));
    assert_eq!(picture_size(&libx264), theirs(&libx264));
    // A camera that repeats its last byte: unreadable for who wants the whole set.
    let camera = [
        0x67, 0x64, 0x00, 0x33, 0xac, 0x15, 0x14, 0xa0, 0xa0, 0x3d, 0xa1, 0x00, 0x00, 0x04, 0xf6, 0x00, 0x00, 0x63,
        0x38, 0x04, 0x04,
    ];
    assert_eq!((picture_size(&camera), theirs(&camera)), (Some((640, 480)), None));
}

#[derive(Clone, Debug)]
struct Set {
    profile: u8,
    chroma: u32,
    /// Deltas of the lists that are there.
    scaling: Option<Vec<Option<Vec<i32>>>>,
    order: Order,
    columns: u32,
    rows: u32,
    is_progressive: bool,
    crop: Option<[u32; 4]>,
}

#[derive(Clone, Debug)]
enum Order {
    Lsb,
    Cycle(Vec<i32>),
    None,
}

#[derive(Default)]
struct Bits {
    bits: Vec<bool>,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) -> &mut Self {
        self.bits.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    fn ue(&mut self, value: u32) -> &mut Self {
        let length = 32 - (value + 1).leading_zeros();
        self.put(0, length - 1).put(value + 1, length)
    }

    fn se(&mut self, value: i32) -> &mut Self {
        self.ue(if value > 0 { value as u32 * 2 - 1 } else { value.unsigned_abs() * 2 })
    }

    fn finish(mut self) -> Vec<u8> {
        self.put(1, 1);
        let bytes = self.bits.chunks(8);
        bytes.map(|byte| byte.iter().enumerate().fold(0, |sum, (at, bit)| sum | u8::from(*bit) << (7 - at))).collect()
    }
}

impl Set {
    fn has_chroma(&self) -> bool {
        self.profile >= 100
    }

    fn written(&self) -> Vec<u8> {
        let mut bits = Bits::default();
        bits.ue(0);
        if self.has_chroma() {
            bits.ue(self.chroma);
            if self.chroma == 3 {
                bits.put(0, 1);
            }
            bits.ue(0).ue(0).put(0, 1).put(u32::from(self.scaling.is_some()), 1);
            for (at, list) in self.scaling.iter().flatten().enumerate().take(if self.chroma == 3 { 12 } else { 8 }) {
                bits.put(u32::from(list.is_some()), 1);
                if let Some(deltas) = list {
                    scaling_list(&mut bits, deltas, if at < 6 { 16 } else { 64 });
                }
            }
        }
        bits.ue(0);
        match &self.order {
            Order::Lsb => bits.ue(0).ue(2),
            Order::Cycle(offsets) => {
                bits.ue(1).put(0, 1).se(-1).se(1).ue(offsets.len() as u32);
                offsets.iter().fold(&mut bits, |bits, offset| bits.se(*offset))
            }
            Order::None => bits.ue(2),
        };
        bits.ue(1).put(0, 1).ue(self.columns - 1).ue(self.rows - 1).put(u32::from(self.is_progressive), 1);
        if !self.is_progressive {
            bits.put(0, 1);
        }
        // Direct inference, which interlaced pictures need.
        bits.put(1, 1).put(u32::from(self.crop.is_some()), 1);
        for edge in self.crop.iter().flatten() {
            bits.ue(*edge);
        }
        // No VUI.
        bits.put(0, 1);
        let mut unit = vec![0x67, self.profile, 0, 62];
        let mut zeros = 0;
        for byte in bits.finish() {
            if zeros == 2 && byte <= 3 {
                unit.push(3);
                zeros = 0;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            unit.push(byte);
        }
        unit
    }

    fn size(&self) -> Option<(u16, u16)> {
        let fields = if self.is_progressive { 1 } else { 2 };
        let chroma = if self.has_chroma() { self.chroma } else { 1 };
        let (x, y) = [(1, 1), (2, 2), (2, 1), (1, 1)][chroma as usize];
        let [left, right, top, bottom] = self.crop.unwrap_or_default();
        let width = (self.columns * 16).checked_sub((left + right) * x)?;
        let height = (self.rows * 16 * fields).checked_sub((top + bottom) * y * fields)?;
        Some((width.try_into().ok()?, height.try_into().ok()?))
    }
}

/// Deltas repeat until the list is full, or a scale of 0 ends it.
fn scaling_list(bits: &mut Bits, deltas: &[i32], size: usize) {
    let mut last = 8;
    for delta in deltas.iter().cycle().take(size) {
        bits.se(*delta);
        let next = (last + delta).rem_euclid(256);
        if next == 0 {
            return;
        }
        last = next;
    }
}

/// What the other implementation reads.
fn theirs(unit: &[u8]) -> Option<(u16, u16)> {
    let body = decode_nal(unit).ok()?;
    let set = SeqParameterSet::from_bits(BitReader::new(&*body)).ok()?;
    let (width, height) = set.pixel_dimensions().ok()?;
    Some((width.try_into().ok()?, height.try_into().ok()?))
}

fn set() -> impl Strategy<Value = Set> {
    let list = proptest::option::of(proptest::collection::vec(-20..20, 1..20));
    let scaling = proptest::option::of(proptest::collection::vec(list, 12));
    let offsets = proptest::collection::vec(-300..300, 0..20);
    let order = prop_oneof![Just(Order::Lsb), offsets.prop_map(Order::Cycle), Just(Order::None)];
    let crop = proptest::option::of(proptest::array::uniform4(0_u32..8));
    let profile = proptest::sample::select(vec![66, 77, 88, 100, 110, 122, 244]);
    (profile, 0_u32..4, scaling, order, 1_u32..300, 1_u32..150, any::<bool>(), crop).prop_map(
        |(profile, chroma, scaling, order, columns, rows, is_progressive, crop)| Set {
            profile,
            chroma,
            scaling,
            order,
            columns,
            rows,
            is_progressive,
            crop,
        },
    )
}

proptest! {
    #[test]
    fn the_size_is_the_one_that_was_written(set in set()) {
        let unit = set.written();
        prop_assert_eq!(picture_size(&unit), set.size());
        prop_assert_eq!(theirs(&unit), set.size());
    }

    /// Its limits are stricter than ours; where it says anything, we say the same.
    #[test]
    fn another_implementation_reads_the_same_size(set in set(), at in 0_usize..60, bits: u8, damaged: bool) {
        let mut unit = set.written();
        if damaged && at > 3 && let Some(byte) = unit.get_mut(at) {
            *byte ^= bits;
        }
        let theirs = std::panic::catch_unwind(|| theirs(&unit));
        if let Ok(Some(size)) = theirs {
            prop_assert_eq!(picture_size(&unit), Some(size));
        }
    }

    #[test]
    fn no_set_is_too_strange_to_read(unit in proptest::collection::vec(any::<u8>(), 0..80)) {
        picture_size(&unit);
    }
}
