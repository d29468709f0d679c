//! H.264, RFC 6184 (single units, STAP-A and FU-A: packetisation mode 1), to units with four-byte lengths as
//! ISO/IEC 14496-15 has them.

use super::{Format, Frame, Unreadable, byte, split};
use crate::bits::Bits;

const IDR: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;
const FILLER: u8 = 12;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
/// Parameter sets larger than this are not kept: the track's description has room for some hundred bytes.
const MAX_PARAMETER_SET: usize = 255;

/// The picture being gathered, and the parameter sets seen.
#[derive(Debug, Default)]
pub(crate) struct H264 {
    data: Vec<u8>,
    /// Where the fragmented unit's length is to be written.
    fragment: Option<usize>,
    has_idr: bool,
    sps: Option<Vec<u8>>,
    pps: Option<Vec<u8>>,
}

impl H264 {
    pub(crate) fn push(&mut self, payload: &[u8]) -> Result<(), Unreadable> {
        let (first, rest) = byte(payload)?;
        let kind = first & 0x1f;
        if kind == FU_A {
            return self.fragment(first, rest);
        }
        if self.fragment.is_some() {
            return Err(Unreadable);
        }
        match kind {
            1..STAP_A => self.unit(payload),
            STAP_A => self.aggregate(rest),
            _ => Err(Unreadable),
        }
    }

    pub(crate) fn take(&mut self) -> Result<Frame, Unreadable> {
        let is_whole = self.fragment.is_none() && !self.data.is_empty();
        let data = std::mem::take(&mut self.data);
        let has_idr = std::mem::take(&mut self.has_idr);
        self.fragment = None;
        if !is_whole {
            return Err(Unreadable);
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

    fn aggregate(&mut self, mut rest: &[u8]) -> Result<(), Unreadable> {
        while !rest.is_empty() {
            let (size, after) = split(rest, 2)?;
            let (unit, after) = split(after, usize::from(u16::from_be_bytes([size[0], size[1]])))?;
            self.unit(unit)?;
            rest = after;
        }
        Ok(())
    }

    fn unit(&mut self, unit: &[u8]) -> Result<(), Unreadable> {
        let (first, _) = byte(unit)?;
        match first & 0x1f {
            // Matroska wants neither.
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

    fn fragment(&mut self, indicator: u8, rest: &[u8]) -> Result<(), Unreadable> {
        let (header, data) = byte(rest)?;
        let (begins, ends) = (header & 0x80 != 0, header & 0x40 != 0);
        if begins != self.fragment.is_none() {
            return Err(Unreadable);
        }
        let length_at = *self.fragment.get_or_insert(self.data.len());
        if begins {
            self.has_idr |= header & 0x1f == IDR;
            self.data.extend_from_slice(&[0, 0, 0, 0, indicator & 0xe0 | header & 0x1f]);
        }
        self.data.extend_from_slice(data);
        if ends {
            let length = (self.data.len() - length_at - 4) as u32;
            self.data[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
            self.fragment = None;
        }
        Ok(())
    }

    /// With `AVCDecoderConfigurationRecord`.
    fn format(&self) -> Option<Format> {
        let (sps, pps) = (self.sps.as_ref()?, self.pps.as_ref()?);
        let (width, height) = picture_size(sps)?;
        let mut private = vec![1, sps[1], sps[2], sps[3], 0xff, 0xe1];
        private.extend_from_slice(&(sps.len() as u16).to_be_bytes());
        private.extend_from_slice(sps);
        private.push(1);
        private.extend_from_slice(&(pps.len() as u16).to_be_bytes());
        private.extend_from_slice(pps);
        Some(Format { width, height, private })
    }
}

/// Of a sequence parameter set, H.264 §7.3.2.1.1.
fn picture_size(sps: &[u8]) -> Option<(u16, u16)> {
    let body = without_emulation_prevention(sps.get(4..)?);
    let profile = sps[1];
    let mut bits = Bits::new(&body);
    bits.exp_golomb()?;
    let mut chroma = 1;
    if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135) {
        chroma = bits.exp_golomb()?;
        if chroma == 3 {
            bits.flag()?;
        }
        bits.exp_golomb()?;
        bits.exp_golomb()?;
        bits.flag()?;
        if bits.flag()? {
            scaling_lists(&mut bits, if chroma == 3 { 12 } else { 8 })?;
        }
    }
    bits.exp_golomb()?;
    match bits.exp_golomb()? {
        0 => drop(bits.exp_golomb()?),
        1 => {
            bits.flag()?;
            bits.signed_exp_golomb()?;
            bits.signed_exp_golomb()?;
            let count = bits.exp_golomb()?;
            for _ in 0..count.min(256) {
                bits.signed_exp_golomb()?;
            }
        }
        _ => {}
    }
    bits.exp_golomb()?;
    bits.flag()?;
    let (columns, rows) = (u64::from(bits.exp_golomb()?) + 1, u64::from(bits.exp_golomb()?) + 1);
    let fields = if bits.flag()? { 1 } else { 2 };
    if fields == 2 {
        bits.flag()?;
    }
    bits.flag()?;
    let mut crop = [0; 4];
    if bits.flag()? {
        for edge in &mut crop {
            *edge = u64::from(bits.exp_golomb()?);
        }
    }
    let [left, right, top, bottom] = crop;
    let (x, y) = match chroma {
        1 => (2, 2),
        2 => (2, 1),
        _ => (1, 1),
    };
    let width = (columns * 16).checked_sub((left + right) * x)?;
    let height = (rows * 16 * fields).checked_sub((top + bottom) * y * fields)?;
    Some((u16::try_from(width).ok()?, u16::try_from(height).ok()?))
}

fn scaling_lists(bits: &mut Bits<'_>, count: usize) -> Option<()> {
    for list in 0..count {
        if !bits.flag()? {
            continue;
        }
        let size = if list < 6 { 16 } else { 64 };
        let (mut last, mut next) = (8, 8);
        for _ in 0..size {
            if next != 0 {
                next = (last + bits.signed_exp_golomb()?).rem_euclid(256);
            }
            last = if next == 0 { last } else { next };
        }
    }
    Some(())
}

fn without_emulation_prevention(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut zeros = 0;
    for byte in bytes {
        if zeros >= 2 && *byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        plain.push(*byte);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Constrained baseline, 640x480.
    const SPS_640: [u8; 9] = [0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xf6, 0x40];
    const PPS_1: [u8; 4] = [0x68, 0xce, 0x38, 0x80];

    #[test]
    fn parameter_sets_and_fragments_make_a_key_frame() {
        let mut h264 = H264::default();
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
        let private = [&[1, 0x42, 0xc0, 0x1e, 0xff, 0xe1, 0, 9][..], &SPS_640, &[1, 0, 4], &PPS_1].concat();
        assert_eq!(format.private, private);
    }

    #[test]
    fn a_picture_without_parameter_sets_is_no_place_to_begin() {
        let mut h264 = H264::default();
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
        let mut h264 = H264::default();
        assert_eq!(h264.push(&[0x7c, 0x05, 1]), Err(Unreadable), "its beginning is missing");
        h264.push(&[0x7c, 0x85, 1]).unwrap();
        assert_eq!(h264.push(&[0x41, 1]), Err(Unreadable), "its end is missing");
        assert_eq!(h264.take(), Err(Unreadable));
        assert_eq!(h264.push(&[0x78, 0xff, 0xff, 1]), Err(Unreadable));
    }
}
