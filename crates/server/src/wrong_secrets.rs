//! How often one network may be wrong about the secret before it is not listened to any more.
//!
//! A right secret is never refused where it can be told apart from guessing: networks that have shown it within a day, and
//! local ones, behind which everybody may stand when a proxy does not say whom it speaks for. All others must wait, right
//! or wrong, once they have been wrong too often, or their guesses would not be slowed down at all.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::allowance::Allowance;
use crate::limits::Rate;
use crate::network::Network;

/// How long a network is known by the right secret.
const KNOWN_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Known networks at a time. Only those who have the secret can fill this.
const MAX_KNOWN: usize = 1000;

#[derive(Debug)]
pub(crate) struct WrongSecrets {
    allowance: Allowance,
    /// When each was last right.
    known: Mutex<HashMap<Network, Instant>>,
}

/// What became of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SecretVerdict {
    Right,
    Wrong,
    /// Wrong, or not even looked at.
    TooMany {
        retry_after: Duration,
    },
}

impl WrongSecrets {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { allowance: Allowance::new(rate), known: Mutex::default() }
    }

    /// Judges an attempt; `is_right` must take constant time.
    pub(crate) fn judge(&self, network: Network, now: Instant, is_right: impl FnOnce() -> bool) -> SecretVerdict {
        if !network.is_local()
            && let Err(retry_after) = self.allowance.available(network, now)
            && !self.knows(network, now)
        {
            return SecretVerdict::TooMany { retry_after };
        }
        if is_right() {
            self.remember(network, now);
            return SecretVerdict::Right;
        }
        match self.allowance.spend(network, now) {
            Ok(()) => SecretVerdict::Wrong,
            Err(retry_after) => SecretVerdict::TooMany { retry_after },
        }
    }

    fn knows(&self, network: Network, now: Instant) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&network).is_some_and(|at| *at + KNOWN_FOR > now)
    }

    fn remember(&self, network: Network, now: Instant) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_KNOWN && !known.contains_key(&network) {
            let oldest = known.iter().min_by_key(|(_, at)| **at).map(|(network, _)| *network);
            oldest.map(|network| known.remove(&network));
        }
        known.insert(network, now);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    const BURST: u32 = 100;
    const INTERVAL: Duration = Duration::from_secs(1);

    fn secrets() -> WrongSecrets {
        WrongSecrets::new(Rate { burst: BURST, interval: INTERVAL })
    }

    fn network(ip: &str) -> Network {
        ip.parse::<IpAddr>().unwrap().into()
    }

    fn exhaust(secrets: &WrongSecrets, network: Network, now: Instant) {
        for _ in 0..BURST {
            assert_eq!(secrets.judge(network, now, || false), SecretVerdict::Wrong);
        }
        assert_eq!(secrets.judge(network, now, || false), SecretVerdict::TooMany { retry_after: INTERVAL });
    }

    #[test]
    fn a_guesser_learns_nothing_but_once_per_interval() {
        let (secrets, now, guesser) = (secrets(), Instant::now(), network("192.0.2.1"));
        exhaust(&secrets, guesser, now);
        let looked_at = |at| {
            let mut looked_at = false;
            secrets.judge(guesser, at, || {
                looked_at = true;
                false
            });
            looked_at
        };
        assert!(!looked_at(now));
        let granted = (0..3600_u32).filter(|tenth| looked_at(now + Duration::from_millis(100) * *tenth)).count();
        assert_eq!(granted, 359);
    }

    #[test]
    fn others_are_not_held_up_by_a_guesser() {
        let (secrets, now) = (secrets(), Instant::now());
        exhaust(&secrets, network("2001:db8::1"), now);
        assert_eq!(secrets.judge(network("2001:db8:0:1::1"), now, || true), SecretVerdict::Right);
        assert!(
            matches!(secrets.judge(network("2001:db8::2"), now, || true), SecretVerdict::TooMany { .. }),
            "same network"
        );
    }

    #[test]
    fn an_application_is_never_locked_out_by_others_at_its_address() {
        let (secrets, now, shared) = (secrets(), Instant::now(), network("192.0.2.1"));
        assert_eq!(secrets.judge(shared, now, || true), SecretVerdict::Right);
        exhaust(&secrets, shared, now);
        assert_eq!(secrets.judge(shared, now, || true), SecretVerdict::Right);
        let later = now + KNOWN_FOR + KNOWN_FOR / 2;
        exhaust(&secrets, shared, later);
        assert!(matches!(secrets.judge(shared, later, || true), SecretVerdict::TooMany { .. }), "not known any more");
    }

    #[test]
    fn behind_a_silent_proxy_wrong_secrets_are_limited_and_right_ones_are_not() {
        let (secrets, now) = (secrets(), Instant::now());
        for proxy in ["127.0.0.1", "::1", "172.17.0.1"] {
            exhaust(&secrets, network(proxy), now);
            assert_eq!(secrets.judge(network(proxy), now, || true), SecretVerdict::Right);
        }
    }

    #[test]
    fn a_mended_configuration_works_at_the_next_try() {
        let (secrets, now, application) = (secrets(), Instant::now(), network("192.0.2.1"));
        exhaust(&secrets, application, now);
        assert_eq!(secrets.judge(application, now + INTERVAL, || true), SecretVerdict::Right);
        assert_eq!(secrets.judge(application, now + INTERVAL, || true), SecretVerdict::Right);
    }

    #[test]
    fn known_networks_are_bounded() {
        let (secrets, mut now) = (secrets(), Instant::now());
        for number in 0..2 * MAX_KNOWN as u32 {
            now += Duration::from_millis(1);
            secrets.judge(IpAddr::from(Ipv4Addr::from(number)).into(), now, || true);
        }
        assert_eq!(secrets.known.lock().unwrap().len(), MAX_KNOWN);
        assert!(secrets.knows(IpAddr::from(Ipv4Addr::from(2 * MAX_KNOWN as u32 - 1)).into(), now));
    }
}
