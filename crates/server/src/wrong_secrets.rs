//! How often one network may be wrong about the secret before it has to wait.
//!
//! Everybody's guesses are slowed down the same, also those from near: a silent proxy makes a neighbour of anybody. Nobody's
//! secret is looked at beyond the rate, or being told that it is right would be worth as much as a guess. Whoever has the
//! right one behind the same address is not locked out all the same:
//!
//! * right ones cost nothing, however many they are;
//! * a connection on which it was shown is known, until a secret that came over it was wrong beyond the rate;
//! * a network where it was shown within a day has the same allowance once more;
//! * and whoever has to wait a little is answered after it instead of being refused.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::allowance::Allowance;
use crate::limits::Rate;
use crate::network::Network;

/// How long a network is known by the right secret.
const KNOWN_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Known networks at a time. Only those who have the secret can fill this.
const MAX_KNOWN: usize = 1000;
/// How long a request waits for its turn: clients give up after 30 s. At one a second this many wait, too.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct WrongSecrets {
    allowance: Allowance,
    /// For known networks, beyond that.
    spare: Allowance,
    /// When each was last right.
    known: Mutex<HashMap<Network, Instant>>,
    /// Attempts that were wrong.
    wrong: AtomicU64,
    /// Those that had to wait too long to be looked at.
    held_up: AtomicU64,
}

/// On one connection: who has shown the right secret. A proxy may carry several networks on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ShownSecret(Arc<Mutex<Option<Network>>>);

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

/// That a secret may be looked at, once `wait` is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Turn {
    wait: Duration,
    paid_from: Purse,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Purse {
    Common,
    Spare,
    /// Nothing was paid: the connection is known.
    Connection,
}

impl ShownSecret {
    fn knows(&self, network: Network) -> bool {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) == Some(network)
    }

    fn set(&self, network: Option<Network>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = network;
    }
}

impl WrongSecrets {
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            allowance: Allowance::new(rate),
            spare: Allowance::new(rate),
            known: Mutex::default(),
            wrong: AtomicU64::default(),
            held_up: AtomicU64::default(),
        }
    }

    /// So many attempts were wrong.
    pub(crate) fn wrong(&self) -> u64 {
        self.wrong.load(Ordering::Relaxed)
    }

    /// So many were not looked at, since there were too many before them.
    pub(crate) fn held_up(&self) -> u64 {
        self.held_up.load(Ordering::Relaxed)
    }

    /// Judges an attempt on a connection, as soon as it is its turn; `is_right` must take constant time.
    pub(crate) async fn judge_in_turn(
        &self,
        network: Network,
        connection: &ShownSecret,
        is_right: impl FnOnce() -> bool,
    ) -> SecretVerdict {
        match self.admit(network, connection, PATIENCE, Instant::now()) {
            Ok(turn) => {
                if !turn.wait.is_zero() {
                    sleep(turn.wait).await;
                }
                self.settle(turn, network, connection, is_right(), Instant::now())
            }
            Err(retry_after) => self.hold_up(retry_after),
        }
    }

    /// The same at once, for those who cannot wait and have no connection of their own to be known by.
    pub(crate) fn judge(&self, network: Network, now: Instant, is_right: impl FnOnce() -> bool) -> SecretVerdict {
        let nobody = ShownSecret::default();
        match self.admit(network, &nobody, Duration::ZERO, now) {
            Ok(turn) => self.settle(turn, network, &nobody, is_right(), now),
            Err(retry_after) => self.hold_up(retry_after),
        }
    }

    fn hold_up(&self, retry_after: Duration) -> SecretVerdict {
        self.held_up.fetch_add(1, Ordering::Relaxed);
        SecretVerdict::TooMany { retry_after }
    }

    /// Whether it may be looked at; paid beforehand, so that many at once do not get more.
    fn admit(
        &self,
        network: Network,
        connection: &ShownSecret,
        patience: Duration,
        now: Instant,
    ) -> Result<Turn, Duration> {
        let at_once = |paid_from| Turn { wait: Duration::ZERO, paid_from };
        if connection.knows(network) {
            return Ok(at_once(Purse::Connection));
        }
        if self.allowance.spend(network, now).is_ok() {
            return Ok(at_once(Purse::Common));
        }
        if self.knows(network, now) && self.spare.spend(network, now).is_ok() {
            return Ok(at_once(Purse::Spare));
        }
        self.allowance.book(network, patience, now).map(|wait| Turn { wait, paid_from: Purse::Common })
    }

    fn settle(
        &self,
        turn: Turn,
        network: Network,
        connection: &ShownSecret,
        is_right: bool,
        now: Instant,
    ) -> SecretVerdict {
        if is_right {
            match turn.paid_from {
                Purse::Common => self.allowance.give_back(network, now),
                Purse::Spare => self.spare.give_back(network, now),
                Purse::Connection => {}
            }
            self.remember(network, now);
            connection.set(Some(network));
            return SecretVerdict::Right;
        }
        self.wrong.fetch_add(1, Ordering::Relaxed);
        let beyond = match turn.paid_from {
            Purse::Common => None,
            Purse::Spare => self.allowance.available(network, now).err(),
            Purse::Connection => self.allowance.spend(network, now).err().inspect(|_| connection.set(None)),
        };
        beyond.map_or(SecretVerdict::Wrong, |retry_after| SecretVerdict::TooMany { retry_after })
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

    fn is_looked_at(secrets: &WrongSecrets, network: Network, at: Instant) -> bool {
        let mut looked_at = false;
        secrets.judge(network, at, || {
            looked_at = true;
            false
        });
        looked_at
    }

    #[test]
    fn a_guesser_learns_nothing_but_once_per_interval() {
        // Whether he comes from far away or, as through a silent proxy, from near.
        for guesser in ["192.0.2.1", "127.0.0.1", "::1", "172.17.0.1"].map(network) {
            let (secrets, now) = (secrets(), Instant::now());
            exhaust(&secrets, guesser, now);
            assert!(!is_looked_at(&secrets, guesser, now));
            let tenths = (0..3600_u32).map(|tenth| now + Duration::from_millis(100) * tenth);
            assert_eq!(tenths.filter(|at| is_looked_at(&secrets, guesser, *at)).count(), 359);
        }
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
    fn a_network_that_has_shown_the_secret_has_the_same_once_more_and_no_more_than_that() {
        let (secrets, now, shared) = (secrets(), Instant::now(), network("192.0.2.1"));
        assert_eq!(secrets.judge(shared, now, || true), SecretVerdict::Right);
        exhaust(&secrets, shared, now);
        for _ in 0..1000 {
            assert_eq!(secrets.judge(shared, now, || true), SecretVerdict::Right, "right ones cost nothing");
        }
        let spare = (0..1000).filter(|_| is_looked_at(&secrets, shared, now)).count();
        assert_eq!(spare, BURST as usize - 1, "one was spent above");
        assert!(matches!(secrets.judge(shared, now, || true), SecretVerdict::TooMany { .. }));
        let later = now + KNOWN_FOR + KNOWN_FOR / 2;
        exhaust(&secrets, shared, later);
        assert!(matches!(secrets.judge(shared, later, || true), SecretVerdict::TooMany { .. }), "not known any more");
    }

    #[test]
    fn a_connection_that_has_shown_the_secret_is_never_locked_out_and_gives_one_guess_away() {
        let (secrets, now, shared) = (secrets(), Instant::now(), network("127.0.0.1"));
        let connection = ShownSecret::default();
        let attempt = |network, is_right| {
            let turn = secrets.admit(network, &connection, Duration::ZERO, now)?;
            Ok::<_, Duration>(secrets.settle(turn, network, &connection, is_right, now))
        };
        assert_eq!(attempt(shared, true), Ok(SecretVerdict::Right));
        while is_looked_at(&secrets, shared, now) {}
        for _ in 0..1000 {
            assert_eq!(attempt(shared, true), Ok(SecretVerdict::Right));
        }
        let other = network("192.0.2.1");
        while is_looked_at(&secrets, other, now) {}
        assert!(attempt(other, true).is_err(), "whom a proxy carries on the same connection");
        assert!(matches!(attempt(shared, false), Ok(SecretVerdict::TooMany { .. })));
        assert!(attempt(shared, true).is_err(), "it was somebody else's, too");
    }

    #[test]
    fn who_has_to_wait_a_little_is_looked_at_in_turn() {
        let (secrets, now, shared) = (secrets(), Instant::now(), network("192.0.2.1"));
        while is_looked_at(&secrets, shared, now) {}
        let connection = ShownSecret::default();
        let admit = || secrets.admit(shared, &connection, PATIENCE, now);
        let waits: Vec<_> = std::iter::from_fn(|| admit().ok()).map(|turn| turn.wait).collect();
        let expected: Vec<_> = (1..=PATIENCE.as_secs()).map(Duration::from_secs).collect();
        assert_eq!(waits, expected);
        let turn = Turn { wait: INTERVAL, paid_from: Purse::Common };
        assert_eq!(secrets.settle(turn, shared, &connection, true, now + INTERVAL), SecretVerdict::Right);
        assert_eq!(admit(), Ok(Turn { wait: Duration::ZERO, paid_from: Purse::Connection }));
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
