//! The dependency descriptor (AV1 RTP payload specification 1.0, appendix A): a header extension that says of each packet to
//! which frame it belongs, in which layers that is, and which others it needs. Key frames bring a *structure*, a table of kinds
//! of frames, that the packets after them refer to: whoever reads those needs it.
//!
//! Whoever leaves out layers sends descriptors on with other frame numbers where streams are joined, and says which *decode targets*
//! there still are (§A.4): see [`Forwardable`].

use std::sync::Arc;

use crate::bits::{BitWriter, Bits};

/// Kinds of frames in a structure, by the bits of their number.
const MAX_TEMPLATES: usize = 64;
/// Sizes of a picture.
const MAX_SIZES: usize = 4;
/// Bits of an indication, one for each decode target.
const INDICATION: u32 = 2;
/// Bytes that every descriptor has, and where in them the number of the frame is. After them there are flags, or nothing.
const MANDATORY: usize = 3;
const FRAME_NUMBER: std::ops::Range<usize> = 1..3;
const FLAGS: u32 = 5;
/// Of the flags, that active decode targets are told.
const TELLS_ACTIVE: u32 = 0b01000;

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
    pub structure: Option<Arc<Structure>>,
    /// Which decode targets there are from this packet on, if it says so: bit n is target n.
    pub active: Option<u32>,
    /// Where that stands, or would.
    place: Place,
}

/// Bits of a descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Place {
    /// Before the active decode targets.
    before: u32,
    /// Of all but the padding.
    all: u32,
}

/// Kinds of frames.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Structure {
    /// The number of the first template.
    offset: u8,
    /// Decode targets: combinations of layers that somebody may want.
    targets: u32,
    /// The layer of each.
    layers: Vec<Layer>,
    /// For each size, the indications of those that show a larger one.
    larger: [u64; MAX_SIZES],
    templates: Vec<Template>,
    chains: u32,
}

/// What of a stream there is at most.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Layer {
    /// Size of the picture.
    pub spatial: u8,
    /// Frames per second.
    pub temporal: u8,
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
    pub fn read(extension: &[u8], known: Option<&Arc<Structure>>) -> Option<Self> {
        let mut bits = Bits::new(extension);
        let (begins_frame, ends_frame) = (bits.flag()?, bits.flag()?);
        let (template, frame_number) = (bits.take(6)?, bits.take(16)?);
        let is_extended = extension.len() > MANDATORY;
        let mut next = || if is_extended { bits.flag() } else { Some(false) };
        let (has_structure, has_active) = (next()?, next()?);
        let (has_indications, has_references, has_chains) = (next()?, next()?, next()?);
        let own = if has_structure { Some(Arc::new(Structure::read(&mut bits)?)) } else { None };
        let structure = own.as_ref().or(known)?;
        let before = bits.position();
        let active = if has_active { Some(bits.take(structure.targets)?) } else { None };
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
        if has_chains {
            bits.skip(8 * structure.chains)?;
        }
        let place = Place { before: before as u32, all: bits.position() as u32 };
        Some(Self {
            begins_frame,
            ends_frame,
            frame_number: frame_number as u16,
            spatial: frame.spatial,
            temporal: frame.temporal,
            references: frame.references,
            is_independent: frame.is_independent,
            is_skippable: !structure.is_needed_above(&frame),
            // With a structure there are all of them, unless it is told otherwise.
            active: active.or_else(|| own.as_ref().map(|structure| structure.all())),
            structure: own,
            place,
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
        let mut layers = Vec::new();
        for target in (0..targets).map(|number| 3 << (INDICATION * number)) {
            let members = || templates.iter().filter(|template| template.indications & target != 0);
            let spatial = members().map(|template| template.spatial).max().unwrap_or(0);
            let temporal = members().map(|template| template.temporal).max().unwrap_or(0);
            layers.push(Layer { spatial, temporal });
            larger[..usize::from(spatial)].iter_mut().for_each(|larger| *larger |= target);
        }
        Some(Self { offset, targets, layers, larger, templates, chains })
    }

    /// All decode targets.
    fn all(&self) -> u32 {
        u32::MAX >> (32 - self.targets)
    }

    /// Those that have nothing above a layer.
    fn within(&self, highest: Layer) -> u32 {
        let is_within = |layer: &Layer| layer.spatial <= highest.spatial && layer.temporal <= highest.temporal;
        self.layers.iter().rev().fold(0, |all, layer| all << 1 | u32::from(is_within(layer)))
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

    /// There is something that could be left out.
    pub fn has_layers(&self) -> bool {
        self.layers.iter().any(|layer| *layer != Layer::default())
    }
}

/// A descriptor as it came, which can be written for whoever gets less of the stream, or gets it after another one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Forwardable {
    bytes: Box<[u8]>,
    /// Of one that could be read.
    targets: Option<Targets>,
}

/// The decode targets of a packet.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Targets {
    structure: Arc<Structure>,
    /// The publisher sends these.
    active: u32,
    /// The descriptor says so.
    is_told: bool,
    place: Place,
}

/// What a descriptor says instead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rewrite {
    /// The number of its frame.
    pub frame_number: u16,
    /// It tells that there are decode targets up to this layer.
    pub highest: Option<Layer>,
}

impl Forwardable {
    /// A descriptor that nobody has read. `None`: it is too short to be one.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (bytes.len() >= MANDATORY).then(|| Self { bytes: bytes.into(), targets: None })
    }

    /// As it came.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// It has been read: these decode targets there are, of that structure.
    pub fn was_read(&mut self, descriptor: &Descriptor, structure: &Arc<Structure>, active: u32) {
        // What is not there is written as if it were.
        let is_extended = self.bytes.len() > MANDATORY;
        let flags = if is_extended { 0 } else { FLAGS };
        let place = Place { before: descriptor.place.before + flags, all: descriptor.place.all + flags };
        let is_told = is_extended && self.flags() & TELLS_ACTIVE != 0;
        self.targets = Some(Targets { structure: structure.clone(), active, is_told, place });
    }

    /// The number of its frame.
    pub fn frame_number(&self) -> u16 {
        u16::from_be_bytes([self.bytes[1], self.bytes[2]])
    }

    /// Some of the decode targets that there are have something above a layer.
    pub fn has_above(&self, highest: Layer) -> bool {
        self.targets.as_ref().is_some_and(|targets| targets.active & !targets.structure.within(highest) != 0)
    }

    /// Bytes of what [`Self::write`] appends.
    pub fn length(&self, rewrite: Rewrite) -> usize {
        match (&self.targets, rewrite.highest) {
            (Some(targets), Some(_)) => {
                let more = if targets.is_told { 0 } else { targets.structure.targets };
                (targets.place.all + more).div_ceil(8) as usize
            }
            _ => self.bytes.len(),
        }
    }

    /// Appends the descriptor, changed.
    pub fn write(&self, rewrite: Rewrite, out: &mut Vec<u8>) {
        let begin = out.len();
        match (&self.targets, rewrite.highest) {
            (Some(targets), Some(highest)) => self.write_targets(targets, highest, out),
            _ => out.extend_from_slice(&self.bytes),
        }
        out[begin..][FRAME_NUMBER].copy_from_slice(&rewrite.frame_number.to_be_bytes());
    }

    fn write_targets(&self, targets: &Targets, highest: Layer, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes[..MANDATORY]);
        let mut bits = Bits::new(&self.bytes[MANDATORY..]);
        let mut writer = BitWriter::new(out);
        let (length, begin) = (targets.structure.targets, 8 * MANDATORY as u32 + FLAGS);
        let told = if targets.is_told { length } else { 0 };
        // Where there are no flags nothing else is, either.
        let _ = bits.skip(FLAGS);
        writer.put(self.flags() | TELLS_ACTIVE, FLAGS);
        copy(&mut bits, &mut writer, targets.place.before - begin);
        writer.put(targets.active & targets.structure.within(highest), length);
        let _ = bits.skip(told);
        copy(&mut bits, &mut writer, targets.place.all - targets.place.before - told);
        writer.finish();
    }

    /// None of them are set where there are none.
    fn flags(&self) -> u32 {
        self.bytes.get(MANDATORY).map_or(0, |byte| u32::from(byte >> (8 - FLAGS)))
    }
}

fn copy(bits: &mut Bits<'_>, writer: &mut BitWriter<'_>, count: u32) {
    let mut left = count;
    while left > 0 {
        let now = left.min(8);
        writer.put(bits.take(now).unwrap_or(0), now);
        left -= now;
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
        assert_eq!(key.active, Some(0b1111));
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

    /// Of a key frame of Chromium 9x with L3T3: nine decode targets and three chains, with sizes in pixels.
    const CHROMIUM: &str = "c1017280081485214eafffaaaa863cf0430c10c302afc0aaa0063c00430010c002a000a80006000040001d954926e0\
                            82b04a0941b820ac1282503157f974000ca864330e222222eca8655304224230eca877530077004200ef008601df010d";

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
    }

    /// The descriptor as it is written for somebody, of a publisher who sends all that `active` says.
    fn rewritten(bytes: &[u8], known: Option<&Arc<Structure>>, active: u32, rewrite: Rewrite) -> Vec<u8> {
        let descriptor = Descriptor::read(bytes, known).unwrap();
        let structure = descriptor.structure.clone().or(known.cloned()).unwrap();
        let mut forwardable = Forwardable::new(bytes).unwrap();
        forwardable.was_read(&descriptor, &structure, active);
        let mut out = vec![0xaa];
        forwardable.write(rewrite, &mut out);
        assert_eq!(out.len(), 1 + forwardable.length(rewrite));
        out.split_off(1)
    }

    const LOWEST: Layer = Layer { spatial: 0, temporal: 1 };

    #[test]
    fn whoever_gets_less_is_told_which_decode_targets_there_are() {
        let key = hex(CHROMIUM);
        let read = Descriptor::read(&key, None).unwrap();
        let structure = read.structure.clone().unwrap();
        assert_eq!((structure.targets, structure.chains, read.active), (9, 3, Some(0x1ff)));
        assert_eq!(
            structure.layers[..4],
            [(0, 0), (0, 1), (0, 2), (1, 0)].map(|(spatial, temporal)| Layer { spatial, temporal })
        );
        let less = Rewrite { frame_number: 9, highest: Some(LOWEST) };
        let out = rewritten(&key, None, 0x1ff, less);
        let there = Descriptor::read(&out, None).unwrap();
        assert_eq!((there.frame_number, there.active), (9, Some(0b11)));
        assert_eq!(there.structure, read.structure);
        // Nine bits more, of which some take the place of padding.
        assert!((key.len() + 1..=key.len() + 2).contains(&out.len()), "{} {}", key.len(), out.len());
        // Of three bytes, without flags.
        let short = [0x80 | key[0] & 0x3f, 1, 0x73];
        let out = rewritten(&short, Some(&structure), 0x1ff, less);
        let there = Descriptor::read(&out, Some(&structure)).unwrap();
        assert_eq!((out.len(), there.active, there.frame_number), (5, Some(0b11), 9));
        let before = Descriptor::read(&short, Some(&structure)).unwrap();
        assert_eq!((there.references, there.spatial, there.temporal), (before.references, 0, before.temporal));
        // A publisher that sends less itself: what it says, and what of that is left.
        let told = rewritten(
            &short,
            Some(&structure),
            0b1001,
            Rewrite { frame_number: 9, highest: Some(Layer { spatial: 2, temporal: 2 }) },
        );
        assert_eq!(Descriptor::read(&told, Some(&structure)).unwrap().active, Some(0b1001));
        let out = rewritten(&told, Some(&structure), 0b1001, less);
        assert_eq!(Descriptor::read(&out, Some(&structure)).unwrap().active, Some(1));
        assert_eq!(out.len(), told.len());
        // The number alone.
        let out = rewritten(&key, None, 0x1ff, Rewrite { frame_number: 0x1234, highest: None });
        assert_eq!((&out[1..3], &out[3..]), (&[0x12, 0x34][..], &key[3..]));
    }

    #[test]
    fn what_a_frame_says_of_itself_stays_whoever_gets_it() {
        let structure = Descriptor::read(&bytes(L2T2_KEY), None).unwrap().structure.unwrap();
        let custom = bytes("1 0 000100 0000000000001001  0 0 1 1 0  00 11 00 11  01 0001 10 10000000 00");
        let before = Descriptor::read(&custom, Some(&structure)).unwrap();
        let less = Rewrite { frame_number: 9, highest: Some(LOWEST) };
        let out = rewritten(&custom, Some(&structure), 0b1111, less);
        let there = Descriptor::read(&out, Some(&structure)).unwrap();
        assert_eq!(there.active, Some(0b0011));
        assert_eq!((there.references, there.is_skippable), (before.references, before.is_skippable));
        let forwardable = |active| {
            let mut forwardable = Forwardable::new(&custom).unwrap();
            forwardable.was_read(&before, &structure, active);
            forwardable
        };
        assert!(forwardable(0b0100).has_above(LOWEST) && !forwardable(0b0011).has_above(LOWEST));
        let unread = Forwardable::new(&custom).unwrap();
        assert!(!unread.has_above(LOWEST));
        assert_eq!((unread.frame_number(), unread.length(less)), (9, custom.len()));
        assert_eq!(Forwardable::new(&[0x80, 0]), None);
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
            let descriptor = Descriptor::read(&second, known.as_ref());
            if let (Some(structure), Some(descriptor)) = (descriptor.as_ref().and_then(|it| it.structure.as_ref()).or(known.as_ref()), &descriptor) {
                let rewrite = Rewrite { frame_number: 7, highest: Some(LOWEST) };
                let out = rewritten(&second, known.as_ref(), u32::MAX, rewrite);
                let there = Descriptor::read(&out, known.as_ref()).unwrap();
                prop_assert_eq!(there.active, Some(structure.within(LOWEST)));
                prop_assert_eq!(there.frame_number, 7);
                prop_assert_eq!((there.references, there.spatial, &there.structure), (descriptor.references, descriptor.spatial, &descriptor.structure));
            }
        }
    }
}
