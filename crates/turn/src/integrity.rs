//! MESSAGE-INTEGRITY (HMAC-SHA1) and FINGERPRINT (CRC-32) of RFC 8489 §14.5 and §14.7.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};

/// Bytes of the HMAC.
pub(crate) const INTEGRITY: usize = 20;

/// The long-term key of a user: MD5 of name, realm and password (RFC 8489 §9.2.2).
#[derive(Clone, Copy)]
pub(crate) struct Key([u8; 16]);

impl Key {
    /// From the digest.
    pub(crate) fn new(digest: &[u8]) -> Self {
        let mut key = [0; 16];
        for (to, from) in key.iter_mut().zip(digest) {
            *to = *from;
        }
        Self(key)
    }

    /// The HMAC over the message `before` the attribute; the header's length must count the attribute already.
    pub(crate) fn sign(&self, length: [u8; 2], before: &[u8]) -> [u8; INTEGRITY] {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let mut context = hmac::Context::with_key(&key);
        // Bytes 2 and 3 are the length.
        context.update(before.get(..2).unwrap_or_default());
        context.update(&length);
        context.update(before.get(4..).unwrap_or_default());
        let mut tag = [0; INTEGRITY];
        for (to, from) in tag.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        tag
    }

    /// In constant time.
    pub(crate) fn verify(&self, length: [u8; 2], before: &[u8], tag: &[u8; INTEGRITY]) -> bool {
        constant_time::verify_slices_are_equal(&self.sign(length, before), tag).is_ok()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(*)")
    }
}

/// CRC-32 (ISO 3309), made different from other uses of it.
pub(crate) fn fingerprint(parts: &[&[u8]]) -> u32 {
    const MASK: u32 = 0x5354_554e;
    let crc = parts.iter().copied().flatten().fold(u32::MAX, |crc, byte| {
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
        assert_eq!(fingerprint(&[b"1234", b"56789"]) ^ 0x5354_554e, 0xcbf4_3926);
    }
}
