//! The `b=` line of a section that we receive (RFC 8866 §5.8): one, since there are clients, str0m among them, that read no
//! section with two, in the form that the client heeds.

use std::fmt;

/// What the section's media shall take at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bandwidth {
    kbps: u32,
    is_tias: bool,
}

impl Bandwidth {
    /// As whoever wrote this offer understands it: Firefox heeds `TIAS` (RFC 3890) and not `AS`, Chromium heeds both, and
    /// older clients know only `AS`.
    pub(crate) fn new(offer: &str, kbps: u32) -> Self {
        Self { kbps, is_tias: offer.lines().any(|line| line.starts_with("o=mozilla")) }
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_tias {
            true => write!(f, "TIAS:{}", u64::from(self.kbps) * 1000),
            false => write!(f, "AS:{}", self.kbps),
        }
    }
}
