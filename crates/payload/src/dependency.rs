//! The dependency descriptor (AV1 RTP payload specification 1.0, appendix A): a header extension that says of each packet to
//! which frame it belongs, in which layers that is, and which others it needs. Key frames bring a *structure*, a table of kinds
//! of frames, that the packets after them refer to: whoever reads those needs it.

use crate::bits::Bits;

/// Kinds of frames in a structure, by the bits of their number.
const MAX_TEMPLATES: usize = 64;
/// Sizes of a picture.
const MAX_SIZES: usize = 4;
/// Bits of an indication, one for each decode target.
const INDICATION: u32 = 2;

/// The descriptor of a packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Descriptor {
    /// The first packet of its frame.
    pub begins_frame: bool,
    /// The last one.
    pub ends_frame: bool,
    /// Counts frames.
    pub frame_number: u16,
    /// Size of the picture: 0 is the smallest.
    pub spatial: u8,
    /// Frames per second: 0 is the fewest.
    pub temporal: u8,
    /// Bit n: it needs frame `frame_number - 1 - n`. What is further back is not told.
    pub references: u128,
    /// It needs no frame.
    pub is_independent: bool,
    /// Nobody who shows a larger picture needs it.
    pub is_skippable: bool,
    /// The structure that holds from this frame on.
    pub structure: Option<Structure>,
}

/// Kinds of frames.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Structure {
    /// The number of the first template.
    offset: u8,
    /// Decode targets: combinations of layers that somebody may want.
    targets: u32,
    /// For each size, the indications of those that show a larger one.
    larger: [u64; MAX_SIZES],
    templates: Vec<Template>,
}

/// A kind of frame.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
struct Template {
    spatial: u8,
    temporal: u8,
    /// What it is to each decode target: two bits, the first target's are the lowest. 0: it is not in there.
    indications: u64,
    references: u128,
    is_independent: bool,
}

impl Descriptor {
    /// Reads the extension; `known` is the structure of the last packet that had one. `None`: it breaks a rule, or refers to a
    /// structure that is not known.
    pub fn read(extension: &[u8], known: Option<&Structure>) -> Option<Self> {
        let mut bits = Bits::new(extension);
        let (begins_frame, ends_frame) = (bits.flag()?, bits.flag()?);
        let (template, frame_number) = (bits.take(6)?, bits.take(16)?);
        let is_extended = extension.len() > 3;
        let mut next = || if is_extended { bits.flag() } else { Some(false) };
        let (has_structure, has_active) = (next()?, next()?);
        let (has_indications, has_references, _has_chains) = (next()?, next()?, next()?);
        let own = if has_structure { Some(Structure::read(&mut bits)?) } else { None };
        let structure = own.as_ref().or(known)?;
        if has_active {
            bits.skip(structure.targets)?;
        }
        let index = (template + 64 - u32::from(structure.offset)) % 64;
        let mut frame = structure.templates.get(index as usize)?.clone();
        if has_indications {
            frame.indications = indications(&mut bits, structure.targets)?;
        }
        if has_references {
            (frame.references, frame.is_independent) = (0, true);
            loop {
                let size = bits.take(2)?;
                if size == 0 {
                    break;
                }
                frame.refer(bits.take(4 * size)?);
            }
        }
        // Custom chains follow, which matter to nobody here.
        Some(Self {
            begins_frame,
            ends_frame,
            frame_number: frame_number as u16,
            spatial: frame.spatial,
            temporal: frame.temporal,
            references: frame.references,
            is_independent: frame.is_independent,
            is_skippable: !structure.is_needed_above(&frame),
            structure: own,
        })
    }
}

impl Template {
    /// It needs the frame that is so many before the one before it.
    fn refer(&mut self, back: u32) {
        self.is_independent = false;
        self.references |= 1_u128.checked_shl(back).unwrap_or(0);
    }
}

impl Structure {
    fn read(bits: &mut Bits<'_>) -> Option<Self> {
        let (offset, targets) = (bits.take(6)? as u8, bits.take(5)? + 1);
        let mut templates = Vec::new();
        let (mut spatial, mut temporal) = (0_u8, 0_u8);
        loop {
            if templates.len() == MAX_TEMPLATES {
                return None;
            }
            templates.push(Template { spatial, temporal, is_independent: true, ..Template::default() });
            match bits.take(2)? {
                0 => {}
                1 => temporal += 1,
                2 => (spatial, temporal) = (spatial + 1, 0),
                _ => break,
            }
        }
        // What the fields of both are made for; a stranger's numbers are used as places.
        if templates.iter().any(|template| usize::from(template.spatial) >= MAX_SIZES || template.temporal > 7) {
            return None;
        }
        for template in &mut templates {
            template.indications = indications(bits, targets)?;
        }
        for template in &mut templates {
            while bits.flag()? {
                template.refer(bits.take(4)?);
            }
        }
        let chains = non_symmetric(bits, targets + 1)?;
        if chains > 0 {
            for _ in 0..targets {
                non_symmetric(bits, chains)?;
            }
            bits.skip(4 * chains * templates.len() as u32)?;
        }
        if bits.flag()? {
            // Width and height of each size.
            bits.skip(32 * (u32::from(spatial) + 1))?;
        }
        let mut larger = [0; MAX_SIZES];
        for target in (0..targets).map(|number| 3 << (INDICATION * number)) {
            let members = templates.iter().filter(|template| template.indications & target != 0);
            let size = members.map(|template| usize::from(template.spatial)).max().unwrap_or(0);
            larger[..size].iter_mut().for_each(|larger| *larger |= target);
        }
        Some(Self { offset, targets, larger, templates })
    }

    /// A frame is part of a decode target that shows a larger picture.
    fn is_needed_above(&self, frame: &Template) -> bool {
        let above = self.larger.get(usize::from(frame.spatial)).copied().unwrap_or(0);
        frame.indications & above != 0
    }

    /// The number of decode targets.
    pub fn targets(&self) -> u32 {
        self.targets
    }
}

fn indications(bits: &mut Bits<'_>, targets: u32) -> Option<u64> {
    (0..targets).try_fold(0, |all, number| Some(all | u64::from(bits.take(INDICATION)?) << (INDICATION * number)))
}

/// `ns(n)` of AV1 §4.10.7: a value below `count`.
fn non_symmetric(bits: &mut Bits<'_>, count: u32) -> Option<u32> {
    let width = count.checked_ilog2()? + 1;
    let short = (1 << width) - count;
    let value = bits.take(width - 1)?;
    if value < short { Some(value) } else { Some((value << 1) - short + bits.take(1)?) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bits as text, filled up to whole bytes.
    fn bytes(text: &str) -> Vec<u8> {
        let bits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).map(|byte| byte - b'0').collect();
        bits.chunks(8).map(|byte| byte.iter().enumerate().fold(0, |all, (at, bit)| all | bit << (7 - at))).collect()
    }

    /// Two sizes, two layers in time, larger pictures need smaller ones at key frames only. Decode targets: both sizes, each with
    /// few frames and with all.
    const L2T2_KEY: &str = "
        1 1 000011 0000000000000101  1 0 0 0 0
        000011 00011
        00 01 10 00 01 11
        11 11 11 11  11 11 00 00  00 11 00 00  00 00 11 11  00 00 11 11  00 00 00 11
        0  1 0011 0  1 0001 0  1 0000 0  1 0011 0  1 0001 0
        00 0 0";

    #[test]
    fn a_structure_tells_what_frames_need() {
        let key = Descriptor::read(&bytes(L2T2_KEY), None).unwrap();
        assert_eq!((key.spatial, key.temporal, key.frame_number), (0, 0, 5));
        assert!(key.is_independent && !key.is_skippable && key.begins_frame && key.ends_frame);
        let structure = key.structure.unwrap();
        assert_eq!(structure.targets(), 4);
        let frame = |template: u8, number: u8| {
            let descriptor = Descriptor::read(&[0x80 | template, 0, number], Some(&structure)).unwrap();
            assert!(descriptor.begins_frame != descriptor.ends_frame && descriptor.structure.is_none());
            (descriptor.spatial, descriptor.temporal, descriptor.references, descriptor.is_skippable)
        };
        assert_eq!(frame(4, 9), (0, 0, 0b1000, true), "larger pictures do without it");
        assert_eq!(frame(5, 7), (0, 1, 0b10, true));
        assert_eq!(frame(6, 6), (1, 0, 0b1, true), "there is nothing above it");
        assert_eq!(frame(8, 8), (1, 1, 0b10, true));
        assert_eq!(Descriptor::read(&[0x80 | 9, 0, 9], Some(&structure)), None, "no such template");
        assert_eq!(Descriptor::read(&[0x84, 0, 9], None), None, "no structure");
    }

    #[test]
    fn a_frame_may_differ_from_its_template() {
        let structure = Descriptor::read(&bytes(L2T2_KEY), None).unwrap().structure.unwrap();
        let custom = bytes("1 0 000100 0000000000001001  0 1 1 1 0  1111  00 00 00 11  01 0001 10 10000000 00");
        let frame = Descriptor::read(&custom, Some(&structure)).unwrap();
        assert_eq!(frame.references, 0b10, "the other one is too far back");
        assert!(!frame.is_skippable && !frame.is_independent);
    }

    #[test]
    fn a_cut_descriptor_is_nothing() {
        let whole = bytes(L2T2_KEY);
        for length in 0..whole.len() {
            assert_eq!(Descriptor::read(&whole[..length], None), None, "{length}");
        }
    }

    #[test]
    fn values_below_a_limit_are_read() {
        let read = |text: &str, count| non_symmetric(&mut Bits::new(&bytes(text)), count);
        // AV1 §4.10.7: of five values three have two bits, the others three.
        assert_eq!(["00", "01", "10", "110", "111"].map(|text| read(text, 5)), [0, 1, 2, 3, 4].map(Some));
        assert_eq!(read("0", 1), Some(0));
        assert_eq!(read("0", 0), None);
    }

    proptest! {
        #[test]
        fn no_descriptor_is_too_strange_to_read(first in proptest::collection::vec(any::<u8>(), 0..80),
            second in proptest::collection::vec(any::<u8>(), 0..20)) {
            let known = Descriptor::read(&first, None).and_then(|descriptor| descriptor.structure);
            Descriptor::read(&second, known.as_ref());
        }
    }
}
