//! FINGERPRINT (RFC 8489 §14.7): the CRC-32 of ISO 3309, made different from other uses of it.

/// Bytes of the value.
pub(crate) const FINGERPRINT: usize = 4;
const MASK: u32 = 0x5354_554e;

/// Of all that stands before the attribute; the header's length must count it already.
pub(crate) fn of(before: &[u8]) -> u32 {
    let crc = before.iter().fold(u32::MAX, |crc, byte| {
        let index = (crc ^ u32::from(*byte)) & 0xff;
        (crc >> 8) ^ CRC_TABLE[index as usize]
    });
    !crc ^ MASK
}

const CRC_TABLE: [u32; 256] = {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let mut table = [0; 256];
    let mut index = 0;
    while index < table.len() {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ POLYNOMIAL } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_is_a_crc_32() {
        // The check value of CRC-32.
        assert_eq!(of(b"123456789") ^ MASK, 0xcbf4_3926);
    }
}
