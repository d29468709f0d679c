//! How often each network may do something: a token bucket per network, in bounded memory.
//!
//! The clock is an argument. What is done is decided elsewhere.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::limits::Rate;
use crate::network::Network;

/// Networks remembered at a time, some 100 bytes each. Beyond it the one that has spent least is forgotten: whoever
/// commands this many networks gains little by that.
const CAPACITY: usize = 10_000;

/// What each network has left.
#[derive(Debug)]
pub(crate) struct Allowance {
    rate: Rate,
    spent: Mutex<Spent>,
}

/// When each network will have its whole burst again; those who have it are not listed.
#[derive(Debug, Default)]
struct Spent {
    whole_at: HashMap<Network, Instant>,
    by_time: BTreeSet<(Instant, Network)>,
}

impl Allowance {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, spent: Mutex::default() }
    }

    /// Takes one, or says how long to wait for the next.
    pub(crate) fn spend(&self, network: Network, now: Instant) -> Result<(), Duration> {
        let mut spent = self.lock();
        let whole_at = spent.of(network, now) + self.rate.interval;
        self.check(whole_at, now)?;
        spent.set(network, whole_at);
        Ok(())
    }

    /// Takes one that is due before `patience` is over: says how long until then, or how long to wait for the next.
    pub(crate) fn book(&self, network: Network, patience: Duration, now: Instant) -> Result<Duration, Duration> {
        let mut spent = self.lock();
        let whole_at = spent.of(network, now) + self.rate.interval;
        let wait = self.check(whole_at, now).err().unwrap_or_default();
        if wait > patience {
            return Err(wait);
        }
        spent.set(network, whole_at);
        Ok(wait)
    }

    /// Gives back what was taken.
    pub(crate) fn give_back(&self, network: Network, now: Instant) {
        let mut spent = self.lock();
        let whole_at = spent.of(network, now).checked_sub(self.rate.interval).unwrap_or(now).max(now);
        spent.set(network, whole_at);
    }

    /// Whether one could be taken.
    pub(crate) fn available(&self, network: Network, now: Instant) -> Result<(), Duration> {
        self.check(self.lock().of(network, now) + self.rate.interval, now)
    }

    fn check(&self, whole_at: Instant, now: Instant) -> Result<(), Duration> {
        match whole_at.saturating_duration_since(now).saturating_sub(self.rate.interval * self.rate.burst) {
            Duration::ZERO => Ok(()),
            wait => Err(wait),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Spent> {
        // Whoever panicked meanwhile can have left one network with too much or too little.
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spent {
    /// Forgets who has everything again.
    fn of(&mut self, network: Network, now: Instant) -> Instant {
        while let Some(&(at, whole)) = self.by_time.first()
            && at <= now
        {
            self.forget(at, whole);
        }
        self.whole_at.get(&network).copied().unwrap_or(now)
    }

    fn set(&mut self, network: Network, whole_at: Instant) {
        if let Some(before) = self.whole_at.insert(network, whole_at) {
            self.by_time.remove(&(before, network));
        }
        self.by_time.insert((whole_at, network));
        if self.whole_at.len() > CAPACITY
            && let Some(&(at, least)) = self.by_time.first()
        {
            self.forget(at, least);
        }
    }

    fn forget(&mut self, at: Instant, network: Network) {
        self.by_time.remove(&(at, network));
        self.whole_at.remove(&network);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn per_second(burst: u32) -> Allowance {
        Allowance::new(Rate { burst, interval: SECOND })
    }

    fn network(number: u32) -> Network {
        IpAddr::from(Ipv4Addr::from(number)).into()
    }

    #[test]
    fn after_a_burst_there_is_one_per_interval() {
        let allowance = per_second(3);
        let start = Instant::now();
        let spent = |network, at| (0..10).take_while(|_| allowance.spend(network, at).is_ok()).count();
        assert_eq!(spent(network(1), start), 3);
        assert_eq!(allowance.spend(network(1), start + SECOND / 4), Err(SECOND * 3 / 4));
        assert_eq!(spent(network(1), start + SECOND), 1);
        assert_eq!(spent(network(2), start + SECOND), 3, "others have their own");
        assert_eq!(spent(network(1), start + SECOND * 60), 3, "no more than the burst is saved up");
    }

    #[test]
    fn asking_costs_nothing_and_neither_does_being_refused() {
        let allowance = per_second(1);
        let start = Instant::now();
        for _ in 0..5 {
            assert_eq!(allowance.available(network(1), start), Ok(()));
        }
        assert_eq!(allowance.spend(network(1), start), Ok(()));
        for _ in 0..5 {
            assert_eq!(allowance.spend(network(1), start), Err(SECOND));
            assert_eq!(allowance.available(network(1), start), Err(SECOND));
        }
        assert_eq!(allowance.spend(network(1), start + SECOND), Ok(()));
    }

    #[test]
    fn what_is_booked_is_due_in_turn_and_can_be_given_back() {
        let allowance = per_second(1);
        let start = Instant::now();
        let book = || allowance.book(network(1), SECOND * 2, start);
        assert_eq!((book(), book(), book()), (Ok(Duration::ZERO), Ok(SECOND), Ok(SECOND * 2)));
        assert_eq!(book(), Err(SECOND * 3));
        allowance.give_back(network(1), start);
        assert_eq!((book(), book()), (Ok(SECOND * 2), Err(SECOND * 3)));
        for _ in 0..10 {
            allowance.give_back(network(1), start);
        }
        assert_eq!((book(), book()), (Ok(Duration::ZERO), Ok(SECOND)), "no more than the burst is had");
    }

    #[test]
    fn networks_are_forgotten_once_they_have_everything_again() {
        let allowance = per_second(5);
        let start = Instant::now();
        for number in 0..100 {
            allowance.spend(network(number), start).unwrap();
        }
        assert_eq!(allowance.lock().whole_at.len(), 100);
        allowance.available(network(7), start + SECOND).unwrap();
        assert!(allowance.lock().whole_at.is_empty() && allowance.lock().by_time.is_empty());
    }

    #[test]
    fn memory_is_bounded_and_who_has_spent_most_is_remembered() {
        let allowance = per_second(2);
        let start = Instant::now();
        let guesser = network(u32::MAX);
        while allowance.spend(guesser, start).is_ok() {}
        for number in 0..3 * CAPACITY as u32 {
            allowance.spend(network(number), start).unwrap();
        }
        let spent = allowance.lock();
        assert_eq!((spent.whole_at.len(), spent.by_time.len()), (CAPACITY, CAPACITY));
        drop(spent);
        assert!(allowance.spend(guesser, start).is_err());
    }

    proptest::proptest! {
        /// Whatever is tried when, no network gets more than its burst and one per interval.
        #[test]
        fn nobody_gets_more_than_is_due(tries in proptest::collection::vec((0_u32..3, 0_u64..700), 1..300)) {
            let allowance = per_second(4);
            let start = Instant::now();
            let mut now = start;
            let mut granted = [0_u32; 3];
            for (number, pause) in tries {
                now += Duration::from_millis(pause);
                granted[number as usize] += u32::from(allowance.spend(network(number), now).is_ok());
                let due = 4 + (now - start).as_secs() as u32;
                proptest::prop_assert!(granted[number as usize] <= due);
            }
        }
    }
}
