//! Bits per second as a type, so that nobody takes them for bytes.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;
use std::time::Duration;

/// A rate in bits per second. Arithmetic saturates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bitrate(u64);

impl Bitrate {
    /// Nothing at all.
    pub const ZERO: Self = Self(0);
    /// More than any network has.
    pub const MAX: Self = Self(u64::MAX);

    /// Of bits per second.
    pub const fn bps(bits: u64) -> Self {
        Self(bits)
    }

    /// Of thousands of bits per second.
    pub const fn kbps(kilobits: u64) -> Self {
        Self(kilobits.saturating_mul(1000))
    }

    /// In bits per second.
    pub const fn as_bps(self) -> u64 {
        self.0
    }

    /// What is left of it without `other`.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// A multiple. Factors below zero, and what is no number, give zero.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self::from_f64(self.0 as f64 * factor)
    }

    /// How many bytes that is within `time`, rounded down.
    pub fn bytes_in(self, time: Duration) -> u64 {
        (self.0 as f64 * time.as_secs_f64() / 8.0) as u64
    }

    /// How long `bytes` take at this rate. At no rate at all: [`Duration::MAX`].
    pub fn time_for(self, bytes: u64) -> Duration {
        Duration::try_from_secs_f64(bytes as f64 * 8.0 / self.0 as f64).unwrap_or(Duration::MAX)
    }

    pub(crate) fn from_f64(bits: f64) -> Self {
        // `as` saturates, and takes what is no number for zero.
        Self(bits as u64)
    }

    pub(crate) fn as_f64(self) -> f64 {
        self.0 as f64
    }
}

impl Add for Bitrate {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Bitrate {
    fn sum<I: Iterator<Item = Self>>(rates: I) -> Self {
        rates.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Debug for Bitrate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Bitrate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bit/s", self.0)
    }
}
