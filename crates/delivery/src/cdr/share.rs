//! How much of the disk signals may take in a day, all together and those of one connection: clients make them at will, and the
//! files of many days must not be removed for the chatter of one.
//!
//! Told the day; writes nothing.

use std::hash::{BuildHasher as _, RandomState};

use jiff::civil::Date;
use protocol::id::ConnectionId;

/// Bytes of all signals of a day.
const ALL: u64 = 256 << 20;
/// Bytes of one connection's.
const ONE: u64 = 16 << 20;
/// The same for people.
pub(super) const LIMITS: &str = "256 MiB a day, 16 MiB of one connection";
/// Counters that connections share, so that they take the same memory however many there are. Who shares one with somebody
/// who uses it up loses its signals too: one in so many.
const COUNTERS: usize = 1024;

/// What is left of a day.
#[derive(Debug)]
pub(super) struct SignalShare {
    day: Option<Date>,
    all: u64,
    by_connection: Vec<u64>,
    /// Which connections share a counter cannot be foreseen.
    hasher: RandomState,
}

impl Default for SignalShare {
    fn default() -> Self {
        Self { day: None, all: 0, by_connection: vec![0; COUNTERS], hasher: RandomState::new() }
    }
}

impl SignalShare {
    /// Takes room for a line; `false`: there is none. Those of the application (`from` nobody) count for all only.
    pub(super) fn take(&mut self, from: Option<&ConnectionId>, bytes: usize, today: Date) -> bool {
        if self.day != Some(today) {
            self.day = Some(today);
            self.all = 0;
            self.by_connection.fill(0);
        }
        let bytes = bytes as u64;
        let mut unlimited = 0;
        let one = match from {
            Some(connection) => {
                let counter = self.hasher.hash_one(connection) as usize % COUNTERS;
                &mut self.by_connection[counter]
            }
            None => &mut unlimited,
        };
        if self.all + bytes > ALL || *one + bytes > ONE {
            return false;
        }
        self.all += bytes;
        *one += bytes;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn a_connection_has_a_share_of_each_day_and_all_together_have_one() {
        let mut share = SignalShare::default();
        let day = |day| Date::constant(2026, 11, day);
        let ann = ConnectionId::from("con_ann");
        let mut taken = |from: Option<&ConnectionId>, day| (0..1000).take_while(|_| share.take(from, MIB, day)).count();
        assert_eq!(taken(Some(&ann), day(20)), 16);
        assert_eq!(taken(None, day(20)), 240);
        assert_eq!(taken(Some(&ann), day(21)), 16);
    }
}
