//! How many answers somebody gets who has proved nothing. Sources of datagrams can be forged, so these answers go to
//! whoever the forger likes; they are short, and here they are few. A table of fixed size, by a hash that nobody outside
//! knows: addresses that share a bucket share its tokens.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::time::Instant;

const BUCKETS: usize = 4096;
/// Answers per second. A whole office may be behind one address: each of its peer connections asks a few times when it
/// starts, and asks again what was not answered.
const RATE: u32 = 200;
/// Answers at once.
const BURST: u32 = 600;

#[derive(Clone, Copy)]
struct TokenBucket {
    tokens: u32,
    /// Milliseconds since the start at which there were that many.
    at: u64,
}

pub(crate) struct Limiter {
    buckets: Vec<TokenBucket>,
    hash: RandomState,
    start: Instant,
}

impl std::fmt::Debug for Limiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limiter").finish_non_exhaustive()
    }
}

impl Limiter {
    pub(crate) fn new(start: Instant) -> Self {
        Self { buckets: vec![TokenBucket { tokens: BURST, at: 0 }; BUCKETS], hash: RandomState::new(), start }
    }

    /// Whether one more answer may go there.
    pub(crate) fn admits(&mut self, ip: IpAddr, now: Instant) -> bool {
        // Who has one IPv6 address has a whole /64.
        let network = match ip {
            IpAddr::V4(ip) => u64::from(ip.to_bits()),
            IpAddr::V6(ip) => (ip.to_bits() >> 64) as u64,
        };
        let index = self.hash.hash_one(network) as usize % BUCKETS;
        let now = now.saturating_duration_since(self.start).as_millis() as u64;
        let Some(bucket) = self.buckets.get_mut(index) else {
            return false;
        };
        let earned = now.saturating_sub(bucket.at).saturating_mul(RATE.into()) / 1000;
        if earned > 0 {
            bucket.tokens = u32::try_from(earned).unwrap_or(BURST).saturating_add(bucket.tokens).min(BURST);
            bucket.at += earned * 1000 / u64::from(RATE);
        }
        let admitted = bucket.tokens > 0;
        bucket.tokens = bucket.tokens.saturating_sub(1);
        admitted
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_source_gets_its_burst_and_then_its_rate() {
        let start = Instant::now();
        let mut limiter = Limiter::new(start);
        let ip = [192, 0, 2, 7].into();
        let admitted = (0..10_000).filter(|_| limiter.admits(ip, start)).count();
        assert_eq!(admitted, BURST as usize);
        // 10 s of a steady flood.
        let later = (0..100_000).filter(|n| limiter.admits(ip, start + Duration::from_micros(n * 100))).count();
        assert!((RATE as usize * 10 - 1..=RATE as usize * 10 + 1).contains(&later), "{later}");
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let start = Instant::now();
        let mut limiter = Limiter::new(start);
        let ip = |host: u16| std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, host).into();
        let admitted = (0..10_000).filter(|host| limiter.admits(ip(*host), start)).count();
        assert_eq!(admitted, BURST as usize);
    }
}
