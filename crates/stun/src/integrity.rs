//! MESSAGE-INTEGRITY (HMAC-SHA1, RFC 8489 §14.5) with the key of either mechanism.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use md5::{Digest as _, Md5};

/// Bytes of a MESSAGE-INTEGRITY.
pub const INTEGRITY: usize = 20;

/// What both sides sign with.
#[derive(Clone)]
pub struct Key(Secret);

/// Small: a relay keeps one for each allocation.
#[derive(Clone)]
enum Secret {
    LongTerm([u8; 16]),
    ShortTerm(Box<[u8]>),
}

impl Key {
    /// Of ICE: the password itself (RFC 8489 §9.1.1), which has nothing that SASLprep would change.
    pub fn short_term(password: &str) -> Self {
        Self(Secret::ShortTerm(password.as_bytes().into()))
    }

    /// Of a user, as with TURN: MD5 of name, realm and password (RFC 8489 §9.2.2); `password` is what SASLprep makes of the
    /// one that was typed.
    pub fn long_term(username: &str, realm: &str, password: &str) -> Self {
        let mut md5 = Md5::new();
        for part in [username, ":", realm, ":", password] {
            md5.update(part.as_bytes());
        }
        Self(Secret::LongTerm(md5.finalize().into()))
    }

    /// The HMAC over the message `before` the attribute; `length` is the header's, which must count the attribute already.
    pub(crate) fn sign(&self, length: [u8; 2], before: &[u8]) -> [u8; INTEGRITY] {
        let secret = match &self.0 {
            Secret::LongTerm(secret) => secret.as_slice(),
            Secret::ShortTerm(secret) => secret,
        };
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
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
