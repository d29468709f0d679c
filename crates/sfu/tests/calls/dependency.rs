//! What is written beside packets of AV1: dependency descriptors (AV1 RTP payload specification 1.0, appendix A).
//! Each frame tells itself what it needs; the templates are there for its layers alone.

use str0m::rtp::{Extension, ExtensionSerializer, ExtensionValues};

use crate::scalable::{Coded, Structure};

const URI: &str = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
/// The number of the first template.
const OFFSET: u32 = 7;

/// The descriptor of a packet.
#[derive(Debug)]
pub(crate) struct Described(pub(crate) Vec<u8>);

#[derive(Debug)]
struct Writer;

/// How engines write and read it.
pub(crate) fn extension() -> Extension {
    Extension::with_serializer(URI, Writer)
}

impl ExtensionSerializer for Writer {
    fn write_to(&self, out: &mut [u8], values: &ExtensionValues) -> usize {
        values.user_values.get::<Described>().map_or(0, |Described(bytes)| {
            out[..bytes.len()].copy_from_slice(bytes);
            bytes.len()
        })
    }

    fn parse_value(&self, bytes: &[u8], values: &mut ExtensionValues) -> bool {
        values.user_values.set(Described(bytes.to_vec()));
        true
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }

    fn requires_two_byte_form(&self, values: &ExtensionValues) -> bool {
        values.user_values.get::<Described>().is_some_and(|Described(bytes)| bytes.len() > 16)
    }
}

#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        self.0.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
    }
}

impl Described {
    /// Of a packet that is, or is not, the first and the last of its frame.
    pub(crate) fn new(
        structure: Structure,
        coded: &Coded,
        number: u16,
        spatial: u8,
        key: bool,
        (first, last): (bool, bool),
    ) -> Self {
        let (sizes, times) = (u32::from(structure.spatial), u32::from(structure.temporal));
        let (spatial, temporal) = (u32::from(spatial), u32::from(coded.temporal));
        let has_structure = key && first && spatial == 0;
        let mut bits = Bits::default();
        bits.put(first.into(), 1);
        bits.put(last.into(), 1);
        bits.put(OFFSET + spatial * times + temporal, 6);
        bits.put(number.into(), 16);
        // Structure, no active targets, own indications and references, no chains.
        bits.put(u32::from(has_structure) << 4 | 0b0110, 5);
        if has_structure {
            bits.put(OFFSET, 6);
            bits.put(sizes * times - 1, 5);
            for template in 1..=sizes * times {
                let next = if template == sizes * times {
                    3
                } else if template % times == 0 {
                    2
                } else {
                    1
                };
                bits.put(next, 2);
            }
            for template in 0..sizes * times {
                bits.indicate(structure, template / times, template % times, true);
            }
            // No references, no chains, no sizes in pixels.
            bits.put(0, sizes * times);
            bits.put(0, (sizes * times + 1).ilog2());
            bits.put(0, 1);
        }
        bits.indicate(structure, spatial, temporal, key);
        let before = coded.back.iter().map(|back| back * sizes);
        for back in before.chain(coded.needs_smaller.then_some(1)) {
            bits.put(2, 2);
            bits.put(back - 1, 8);
        }
        bits.put(0, 2);
        let byte = |bits: &[bool]| bits.iter().enumerate().fold(0, |all, (at, bit)| all | u8::from(*bit) << (7 - at));
        Self(bits.0.chunks(8).map(byte).collect())
    }
}

impl Bits {
    /// Which decode targets a frame is in.
    fn indicate(&mut self, structure: Structure, spatial: u32, temporal: u32, key: bool) {
        for size in 0..u32::from(structure.spatial) {
            for time in 0..u32::from(structure.temporal) {
                let is_below = size > spatial && (key || !structure.is_key_only);
                let is_in = (size == spatial || is_below) && time >= temporal;
                self.put(if is_in { 3 } else { 0 }, 2);
            }
        }
    }
}
