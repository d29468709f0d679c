//! H.264 (RFC 6184, packetisation mode 1: single units, STAP-A and FU-A), and frames of units with four-byte lengths as
//! ISO/IEC 14496-15 has them.

mod parameter_set;

use crate::depacketiser::{Frame, PictureFormat};
use crate::{UnreadablePayload, byte, split};

/// Types of units.
const IDR: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;
const FILLER: u8 = 12;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
/// Parameter sets larger than this are not kept: a file's description has room for some hundred bytes.
const MAX_PARAMETER_SET: usize = 255;

/// What a payload holds, RFC 6184 §5.2.
#[derive(Clone, Debug)]
pub enum Payload<'a> {
    /// Whole units, one or several.
    Units(Units<'a>),
    /// A part of a unit.
    Fragment(Fragment<'a>),
}

/// Whole units, each with its header. Ends after an error.
#[derive(Clone, Debug)]
pub struct Units<'a> {
    rest: &'a [u8],
    is_aggregated: bool,
}

/// A part of a unit that did not fit a packet (FU-A).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fragment<'a> {
    /// The header of the whole unit.
    pub header: u8,
    /// Its first part.
    pub is_first: bool,
    /// Its last part.
    pub is_last: bool,
    /// Of the unit, without its header.
    pub data: &'a [u8],
}

impl<'a> Payload<'a> {
    /// Reads the payload's header. What is in another packetisation mode is unreadable.
    pub fn read(payload: &'a [u8]) -> Result<Self, UnreadablePayload> {
        let (first, rest) = byte(payload)?;
        match unit_type(first) {
            1..STAP_A => Ok(Self::Units(Units { rest: payload, is_aggregated: false })),
            STAP_A => Ok(Self::Units(Units { rest, is_aggregated: true })),
            FU_A => {
                let (header, data) = byte(rest)?;
                let (is_first, is_last) = (header & 0x80 != 0, header & 0x40 != 0);
                let header = first & 0xe0 | unit_type(header);
                Ok(Self::Fragment(Fragment { header, is_first, is_last, data }))
            }
            _ => Err(UnreadablePayload),
        }
    }
}

impl<'a> Units<'a> {
    fn split_off(&mut self) -> Result<&'a [u8], UnreadablePayload> {
        if !self.is_aggregated {
            return Ok(std::mem::take(&mut self.rest));
        }
        let (size, rest) = self.rest.split_first_chunk().ok_or(UnreadablePayload)?;
        let (unit, rest) = split(rest, usize::from(u16::from_be_bytes(*size)))?;
        self.rest = rest;
        if unit.is_empty() { Err(UnreadablePayload) } else { Ok(unit) }
    }
}

impl<'a> Iterator for Units<'a> {
    /// Never empty.
    type Item = Result<&'a [u8], UnreadablePayload>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let unit = self.split_off();
        if unit.is_err() {
            self.rest = &[];
        }
        Some(unit)
    }
}

/// A packet with a sequence parameter set, or the first one of an IDR slice when the set came earlier.
pub fn starts_key_frame(payload: &[u8]) -> bool {
    match Payload::read(payload) {
        Ok(Payload::Units(mut units)) => {
            units.any(|unit| unit.is_ok_and(|unit| matches!(unit_type(unit[0]), SPS | IDR)))
        }
        Ok(Payload::Fragment(fragment)) => fragment.is_first && unit_type(fragment.header) == IDR,
        Err(UnreadablePayload) => false,
    }
}

fn unit_type(header: u8) -> u8 {
    header & 0x1f
}

/// The picture being gathered, and the parameter sets seen.
#[derive(Debug, Default)]
pub(crate) struct H264Gathering {
    data: Vec<u8>,
    /// Where the fragmented unit's length is to be written.
    fragment: Option<usize>,
    has_idr: bool,
    sps: Option<Vec<u8>>,
    pps: Option<Vec<u8>>,
}

impl H264Gathering {
    pub(crate) fn push(&mut self, payload: &[u8]) -> Result<(), UnreadablePayload> {
        match Payload::read(payload)? {
            Payload::Fragment(fragment) => self.fragment(fragment),
            Payload::Units(_) if self.fragment.is_some() => Err(UnreadablePayload),
            Payload::Units(mut units) => units.try_for_each(|unit| self.unit(unit?)),
        }
    }

    pub(crate) fn take(&mut self) -> Result<Frame, UnreadablePayload> {
        let is_whole = self.fragment.is_none() && !self.data.is_empty();
        let data = std::mem::take(&mut self.data);
        let has_idr = std::mem::take(&mut self.has_idr);
        self.fragment = None;
        if !is_whole {
            return Err(UnreadablePayload);
        }
        let format = if has_idr { self.format() } else { None };
        Ok(Frame { key: format.is_some(), data, format })
    }

    /// Parameter sets stay: they need not be sent again.
    pub(crate) fn clear(&mut self) {
        self.data.clear();
        self.fragment = None;
        self.has_idr = false;
    }

    pub(crate) fn gathered(&self) -> usize {
        self.data.len()
    }

    fn unit(&mut self, unit: &[u8]) -> Result<(), UnreadablePayload> {
        let (first, _) = byte(unit)?;
        match unit_type(first) {
            // Files want neither.
            DELIMITER | FILLER => return Ok(()),
            SPS if unit.len() <= MAX_PARAMETER_SET => self.sps = Some(unit.to_vec()),
            PPS if unit.len() <= MAX_PARAMETER_SET => self.pps = Some(unit.to_vec()),
            IDR => self.has_idr = true,
            _ => {}
        }
        self.data.extend_from_slice(&(unit.len() as u32).to_be_bytes());
        self.data.extend_from_slice(unit);
        Ok(())
    }

    fn fragment(&mut self, fragment: Fragment<'_>) -> Result<(), UnreadablePayload> {
        let Fragment { header, is_first, is_last, data } = fragment;
        if is_first != self.fragment.is_none() {
            return Err(UnreadablePayload);
        }
        let length_at = *self.fragment.get_or_insert(self.data.len());
        if is_first {
            self.has_idr |= unit_type(header) == IDR;
            self.data.extend_from_slice(&[0, 0, 0, 0, header]);
        }
        self.data.extend_from_slice(data);
        if is_last {
            let length = (self.data.len() - length_at - 4) as u32;
            self.data[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
            self.fragment = None;
        }
        Ok(())
    }

    /// With `AVCDecoderConfigurationRecord`.
    fn format(&self) -> Option<PictureFormat> {
        let (sps, pps) = (self.sps.as_ref()?, self.pps.as_ref()?);
        let (width, height) = parameter_set::picture_size(sps)?;
        let mut configuration = vec![1, sps[1], sps[2], sps[3], 0xff, 0xe1];
        configuration.extend_from_slice(&(sps.len() as u16).to_be_bytes());
        configuration.extend_from_slice(sps);
        configuration.push(1);
        configuration.extend_from_slice(&(pps.len() as u16).to_be_bytes());
        configuration.extend_from_slice(pps);
        Some(PictureFormat { width, height, configuration })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Constrained baseline, 640x480.
    const SPS_640: [u8; 9] = [0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xf6, 0x40];
    const PPS_1: [u8; 4] = [0x68, 0xce, 0x38, 0x80];

    #[test]
    fn a_key_frame_starts_with_parameter_sets_or_an_idr_slice() {
        assert!(starts_key_frame(&[0x67, 0x42]));
        assert!(starts_key_frame(&[0x65, 0x88]));
        assert!(starts_key_frame(&[0x7c, 0x85, 0x88]));
        assert!(!starts_key_frame(&[0x7c, 0x05, 0x88]), "not the first fragment");
        assert!(!starts_key_frame(&[0x41, 0x9a]));
        assert!(starts_key_frame(&[0x78, 0, 2, 0x09, 0x10, 0, 2, 0x67, 0x42]), "aggregated behind a delimiter");
        assert!(!starts_key_frame(&[0x78, 0xff, 0xff, 0x09]));
        assert!(!starts_key_frame(&[0x78]));
    }

    #[test]
    fn parameter_sets_and_fragments_make_a_key_frame() {
        let mut h264 = H264Gathering::default();
        h264.push(&[&[0x78, 0, 9][..], &SPS_640, &[0, 4], &PPS_1].concat()).unwrap();
        h264.push(&[0x7c, 0x85, 1, 2]).unwrap();
        h264.push(&[0x7c, 0x05, 3]).unwrap();
        h264.push(&[0x7c, 0x45, 4]).unwrap();
        let frame = h264.take().unwrap();
        assert!(frame.key);
        let expected = [&[0, 0, 0, 9][..], &SPS_640, &[0, 0, 0, 4], &PPS_1, &[0, 0, 0, 5, 0x65, 1, 2, 3, 4]].concat();
        assert_eq!(frame.data, expected);
        let format = frame.format.unwrap();
        assert_eq!((format.width, format.height), (640, 480));
        let configuration = [&[1, 0x42, 0xc0, 0x1e, 0xff, 0xe1, 0, 9][..], &SPS_640, &[1, 0, 4], &PPS_1].concat();
        assert_eq!(format.configuration, configuration);
    }

    #[test]
    fn a_picture_without_parameter_sets_is_no_place_to_begin() {
        let mut h264 = H264Gathering::default();
        h264.push(&[0x65, 0x88]).unwrap();
        assert!(!h264.take().unwrap().key);
        h264.push(&SPS_640).unwrap();
        h264.push(&PPS_1).unwrap();
        h264.clear();
        h264.push(&[0x65, 0x88]).unwrap();
        assert!(h264.take().unwrap().key, "they were sent earlier");
    }

    #[test]
    fn fragments_must_fit() {
        let mut h264 = H264Gathering::default();
        assert_eq!(h264.push(&[0x7c, 0x05, 1]), Err(UnreadablePayload), "its beginning is missing");
        h264.push(&[0x7c, 0x85, 1]).unwrap();
        assert_eq!(h264.push(&[0x41, 1]), Err(UnreadablePayload), "its end is missing");
        assert_eq!(h264.take(), Err(UnreadablePayload));
        assert_eq!(h264.push(&[0x78, 0xff, 0xff, 1]), Err(UnreadablePayload));
    }
}
