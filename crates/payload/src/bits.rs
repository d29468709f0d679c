//! Bits of a codec's header, most significant first.

/// Reads until the bytes end.
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// `count` bits, 32 at most.
    pub(crate) fn take(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0u32, |value, _| Some(value << 1 | u32::from(self.flag()?)))
    }

    pub(crate) fn skip(&mut self, count: u32) -> Option<()> {
        (0..count).try_for_each(|_| self.flag().map(drop))
    }

    /// How many bits have been read.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Exp-Golomb code `ue(v)`, H.264 §9.1; `uvlc()` of AV1 §4.10.3 is the same.
    pub(crate) fn exp_golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let suffix = self.take(zeros)?;
        ((1u32 << zeros) - 1).checked_add(suffix)
    }

    /// `se(v)`, H.264 §9.1.1.
    pub(crate) fn signed_exp_golomb(&mut self) -> Option<i64> {
        let code = i64::from(self.exp_golomb()?);
        Some(if code % 2 == 0 { -(code / 2) } else { code / 2 + 1 })
    }
}

/// Writes behind whole bytes, and fills the last one up with zeros.
pub(crate) struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    /// Those that are no whole byte yet, and how many.
    bits: u8,
    count: u32,
}

impl<'a> BitWriter<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, bits: 0, count: 0 }
    }

    /// The lowest `count` bits of `value`, 32 at most.
    pub(crate) fn put(&mut self, value: u32, count: u32) {
        let mut left = count;
        while left > 0 {
            let now = left.min(8 - self.count);
            left -= now;
            let part = (value >> left) & ((1 << now) - 1);
            self.bits |= (part << (8 - self.count - now)) as u8;
            self.count += now;
            if self.count == 8 {
                self.out.push(std::mem::take(&mut self.bits));
                self.count = 0;
            }
        }
    }

    pub(crate) fn finish(self) {
        if self.count > 0 {
            self.out.push(self.bits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_golomb_codes_are_read() {
        // 1 | 010 | 011 | 00100 | 00101
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_0010, 0b1000_0000]);
        let codes: Vec<_> = (0..5).map_while(|_| bits.exp_golomb()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4]);
        let mut bits = Bits::new(&[0b0100_1100]);
        assert_eq!((bits.signed_exp_golomb(), bits.signed_exp_golomb()), (Some(1), Some(-1)));
    }

    #[test]
    fn what_is_written_is_read() {
        let mut out = vec![0xaa];
        let mut writer = BitWriter::new(&mut out);
        let values = [(1, 1), (0x5a5, 11), (0, 3), (u32::MAX, 32), (2, 2)];
        values.iter().for_each(|(value, count)| writer.put(*value, *count));
        writer.finish();
        assert_eq!(out.len(), 1 + 7);
        let mut bits = Bits::new(&out[1..]);
        assert_eq!(values.map(|(_, count)| bits.take(count)), values.map(|(value, _)| Some(value)));
        assert_eq!((bits.position(), bits.take(7)), (49, Some(0)));
    }

    #[test]
    fn bits_end_with_the_bytes() {
        let mut bits = Bits::new(&[0xff]);
        assert_eq!(bits.take(8), Some(255));
        assert_eq!(bits.flag(), None);
        assert_eq!(Bits::new(&[0; 8]).exp_golomb(), None);
    }
}
