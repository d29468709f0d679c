//! AV1 (AV1 RTP payload specification 1.0), and frames in the low-overhead format that files store: units with their size,
//! without temporal delimiters.

mod sequence_header;

use self::sequence_header::SequenceHeader;
use crate::depacketiser::{Frame, PictureFormat};
use crate::{UnreadablePayload, byte, split};

/// Types of units (OBUs).
const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;
const TILE_LIST: u8 = 8;
const PADDING: u8 = 15;
/// Larger sequence headers are not kept: a file's description has room for some hundred bytes.
const MAX_SEQUENCE_HEADER: usize = 255;

/// What a payload holds, behind the aggregation header of §4.4.
#[derive(Clone, Debug)]
pub struct Payload<'a> {
    /// Z: the first element goes on with a unit of the packet before.
    pub continues: bool,
    /// Y: the last element goes on in the next packet.
    pub is_continued: bool,
    /// N: the packet is the first of a coded video sequence.
    pub starts_sequence: bool,
    /// Units and parts of units.
    pub elements: Elements<'a>,
}

/// Units and parts of units. Ends after an error.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    rest: &'a [u8],
    /// How many there are, if the header says so: then the last one has no size of its own. Otherwise 0.
    count: u8,
    read: u8,
}

impl<'a> Payload<'a> {
    /// Reads the aggregation header.
    pub fn read(payload: &'a [u8]) -> Result<Self, UnreadablePayload> {
        let (header, rest) = byte(payload)?;
        if rest.is_empty() {
            return Err(UnreadablePayload);
        }
        Ok(Self {
            continues: header & 0x80 != 0,
            is_continued: header & 0x40 != 0,
            starts_sequence: header & 0x08 != 0,
            elements: Elements { rest, count: header >> 4 & 0x03, read: 0 },
        })
    }
}

impl Elements<'_> {
    /// Whether the last one has been taken.
    pub fn is_exhausted(&self) -> bool {
        self.rest.is_empty()
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<&'a [u8], UnreadablePayload>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            // Fewer than were announced.
            let is_short = self.read < self.count;
            self.count = 0;
            return is_short.then_some(Err(UnreadablePayload));
        }
        self.read = self.read.saturating_add(1);
        if self.read == self.count {
            return Some(Ok(std::mem::take(&mut self.rest)));
        }
        match sized(self.rest) {
            Ok((element, rest)) => {
                self.rest = rest;
                Some(Ok(element))
            }
            Err(error) => {
                (self.rest, self.count) = (&[], 0);
                Some(Err(error))
            }
        }
    }
}

/// The first packet of a coded video sequence.
pub fn starts_key_frame(payload: &[u8]) -> bool {
    Payload::read(payload).is_ok_and(|payload| payload.starts_sequence)
}

/// The picture being gathered, and the last sequence header.
#[derive(Debug, Default)]
pub(crate) struct Av1Gathering {
    data: Vec<u8>,
    /// A unit that goes on in the next packet.
    fragment: Vec<u8>,
    has_begun: bool,
    /// The first packet of a coded video sequence.
    is_new_sequence: bool,
    sequence_header: Option<Vec<u8>>,
}

impl Av1Gathering {
    pub(crate) fn push(&mut self, payload: &[u8]) -> Result<(), UnreadablePayload> {
        let Payload { continues, is_continued, starts_sequence, mut elements } = Payload::read(payload)?;
        if continues == self.fragment.is_empty() {
            return Err(UnreadablePayload);
        }
        if !self.has_begun {
            self.has_begun = true;
            self.is_new_sequence = starts_sequence;
        }
        while let Some(element) = elements.next() {
            self.fragment.extend_from_slice(element?);
            if !elements.is_exhausted() || !is_continued {
                self.unit()?;
            }
        }
        Ok(())
    }

    pub(crate) fn take(&mut self) -> Result<Frame, UnreadablePayload> {
        let is_whole = self.fragment.is_empty() && !self.data.is_empty();
        let data = std::mem::take(&mut self.data);
        let is_new_sequence = self.is_new_sequence;
        self.clear();
        if !is_whole {
            return Err(UnreadablePayload);
        }
        let format = if is_new_sequence { self.format() } else { None };
        Ok(Frame { key: format.is_some(), data, format })
    }

    /// The sequence header stays: it need not be sent again.
    pub(crate) fn clear(&mut self) {
        self.data.clear();
        self.fragment.clear();
        self.has_begun = false;
        self.is_new_sequence = false;
    }

    pub(crate) fn gathered(&self) -> usize {
        self.data.len() + self.fragment.len()
    }

    /// Takes over a whole unit, AV1 §5.3.
    fn unit(&mut self) -> Result<(), UnreadablePayload> {
        let unit = std::mem::take(&mut self.fragment);
        let (header, rest) = byte(&unit)?;
        let (kind, has_extension, has_size) = (header >> 3 & 0x0f, header & 0x04 != 0, header & 0x02 != 0);
        let (extension, rest) = split(rest, usize::from(has_extension))?;
        let body = if has_size { sized(rest)?.0 } else { rest };
        if matches!(kind, TEMPORAL_DELIMITER | TILE_LIST | PADDING) {
            return Ok(());
        }
        let mut stored = vec![header | 0x02];
        stored.extend_from_slice(extension);
        push_leb128(&mut stored, body.len());
        stored.extend_from_slice(body);
        if kind == SEQUENCE_HEADER && stored.len() <= MAX_SEQUENCE_HEADER {
            self.sequence_header = Some(stored.clone());
        }
        self.data.append(&mut stored);
        Ok(())
    }

    /// With `AV1CodecConfigurationRecord`.
    fn format(&self) -> Option<PictureFormat> {
        let stored = self.sequence_header.as_ref()?;
        let sequence = SequenceHeader::parse(unit_body(stored)?)?;
        let flags = |bits: &[bool]| bits.iter().fold(0u8, |byte, bit| byte << 1 | u8::from(*bit));
        let color = &sequence.color;
        let mut configuration = vec![
            0x81,
            sequence.profile << 5 | sequence.level,
            flags(&[sequence.tier, color.high_depth, color.twelve_bit, color.mono, color.half_x, color.half_y]) << 2
                | color.position,
            0,
        ];
        configuration.extend_from_slice(stored);
        Some(PictureFormat { width: sequence.width, height: sequence.height, configuration })
    }
}

/// An element with its size before it.
fn sized(bytes: &[u8]) -> Result<(&[u8], &[u8]), UnreadablePayload> {
    let mut size = 0usize;
    let mut rest = bytes;
    for n in 0..4 {
        let (next, after) = byte(rest)?;
        rest = after;
        size |= usize::from(next & 0x7f) << (7 * n);
        if next & 0x80 == 0 {
            return split(rest, size);
        }
    }
    Err(UnreadablePayload)
}

fn push_leb128(bytes: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Of a unit as it is stored.
fn unit_body(stored: &[u8]) -> Option<&[u8]> {
    let extension = usize::from(stored.first()? & 0x04 != 0);
    sized(stored.get(1 + extension..)?).ok().map(|(body, _)| body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_coded_video_sequence_starts_a_key_frame() {
        assert!(starts_key_frame(&[0x18, 0x0a]));
        assert!(!starts_key_frame(&[0x10, 0x32]));
        assert!(!starts_key_frame(&[0x08]));
        assert!(!starts_key_frame(&[]));
    }

    #[test]
    fn units_are_put_together_and_get_their_size() {
        let mut av1 = Av1Gathering::default();
        // Two elements: a temporal delimiter, and the beginning of a frame that goes on.
        av1.push(&[0x60, 0x01, 0x10, 0x30, 1, 2]).unwrap();
        av1.push(&[0x90, 3, 4]).unwrap();
        let frame = av1.take().unwrap();
        assert_eq!(frame, Frame { key: false, data: vec![0x32, 4, 1, 2, 3, 4], format: None });
    }

    #[test]
    fn elements_may_all_have_sizes() {
        let mut av1 = Av1Gathering::default();
        av1.push(&[0x00, 0x02, 0x30, 1, 0x03, 0x30, 2, 3]).unwrap();
        assert_eq!(av1.take().unwrap().data, [0x32, 1, 1, 0x32, 2, 2, 3]);
    }

    #[test]
    fn fragments_must_fit() {
        assert_eq!(Av1Gathering::default().push(&[0x90, 1]), Err(UnreadablePayload), "its beginning is missing");
        let mut av1 = Av1Gathering::default();
        av1.push(&[0x50, 0x30, 1]).unwrap();
        assert_eq!(av1.take(), Err(UnreadablePayload), "its end is missing");
        assert_eq!(av1.push(&[0x00, 0x05, 1]), Err(UnreadablePayload), "cut");
        assert_eq!(Av1Gathering::default().push(&[0x20, 0x01, 0x30]), Err(UnreadablePayload), "two were announced");
    }
}
