//! MESSAGE-INTEGRITY (HMAC-SHA1, RFC 8489 §14.5) with a key of the long-term mechanism.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use md5::{Digest as _, Md5};

/// Bytes of a MESSAGE-INTEGRITY.
pub const INTEGRITY: usize = 20;

/// The long-term key of a user: MD5 of name, realm and password (RFC 8489 §9.2.2).
#[derive(Clone, Copy)]
pub struct LongTermKey([u8; 16]);

impl LongTermKey {
    /// Of a user; `password` is what SASLprep makes of the one that was typed.
    pub fn new(username: &str, realm: &str, password: &str) -> Self {
        let mut md5 = Md5::new();
        for part in [username, ":", realm, ":", password] {
            md5.update(part.as_bytes());
        }
        Self(md5.finalize().into())
    }

    /// The HMAC over the message `before` the attribute; `length` is the header's, which must count the attribute already.
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

impl fmt::Debug for LongTermKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LongTermKey(*)")
    }
}
