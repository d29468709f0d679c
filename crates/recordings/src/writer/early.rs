//! Packets that come before it is known where they are to be written.
//!
//! A stream's packets and the order to write them come from different sides, and nobody says which is first. So packets of
//! a tap that was never heard of are held until its file is started: as many as one can do with, and not for ever.

use std::collections::HashMap;
use std::time::Duration;

use muxing::Time;
use protocol::id::TapId;
use sfu::TapPacket;

/// Of one tap: some seconds of one stream.
pub(crate) const MAX_EARLY: usize = 2048;
/// Of all taps together, some 40 MB.
const MAX_HELD: usize = 16 * MAX_EARLY;
/// Until nobody is expected to ask for a tap's packets any more: longer than anybody waits for a recording to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct EarlyPackets {
    taps: HashMap<TapId, Held>,
    /// Of all of them.
    count: usize,
}

#[derive(Debug)]
struct Held {
    packets: Vec<TapPacket>,
    since: Time,
}

impl EarlyPackets {
    /// Holds a packet. There may be no room: then it is for the caller to count it.
    pub(super) fn hold(&mut self, packet: TapPacket, now: Time) -> Result<(), TapId> {
        let tap = packet.tap;
        let is_full = self.count >= MAX_HELD;
        let held = self.expect(tap, now);
        if is_full || held.packets.len() >= MAX_EARLY {
            return Err(tap);
        }
        held.packets.push(packet);
        self.count += 1;
        Ok(())
    }

    /// A tap whose packets found no room so far is one whose file may still be started.
    pub(super) fn remember(&mut self, tap: TapId, now: Time) {
        self.expect(tap, now);
    }

    /// What came for a tap, in its order. It is not held for any longer.
    pub(super) fn take(&mut self, tap: TapId) -> Vec<TapPacket> {
        let packets = self.taps.remove(&tap).map(|held| held.packets).unwrap_or_default();
        self.count -= packets.len();
        packets
    }

    /// Gives up the taps that nobody has asked for in time, and says which.
    pub(super) fn expire(&mut self, now: Time) -> Vec<TapId> {
        let is_late = |held: &Held| now.saturating_sub(held.since) >= PATIENCE;
        let late: Vec<_> = self.taps.iter().filter(|(_, held)| is_late(held)).map(|(tap, _)| *tap).collect();
        late.iter().for_each(|tap| drop(self.take(*tap)));
        late
    }

    pub(super) fn is_empty(&self) -> bool {
        self.taps.is_empty()
    }

    pub(super) fn holds(&self, tap: TapId) -> bool {
        self.taps.contains_key(&tap)
    }

    fn expect(&mut self, tap: TapId, now: Time) -> &mut Held {
        self.taps.entry(tap).or_insert_with(|| Held { packets: vec![], since: now })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use protocol::id::{RouterId, WorkerId};
    use sfu::{TapCodec, TapSource};

    use super::*;

    fn packet(tap: u64, sequence: u64) -> TapPacket {
        TapPacket {
            router: RouterId { number: 1, worker: WorkerId(0) },
            tap: TapId(tap),
            codec: TapCodec::Opus,
            source: TapSource { generation: 1, ssrc: 1 },
            sequence,
            timestamp: 0,
            marker: true,
            quarter_turns: None,
            level: None,
            payload: Arc::from([0_u8; 3]),
            arrival: Instant::now(),
            report: None,
        }
    }

    #[test]
    fn no_tap_and_not_all_of_them_together_take_more_than_their_share() {
        let mut early = EarlyPackets::default();
        let now = Duration::from_secs(1);
        let held = (0..MAX_EARLY as u64 + 10).filter(|n| early.hold(packet(1, *n), now).is_ok()).count();
        assert_eq!(held, MAX_EARLY);
        for tap in 2..100 {
            for n in 0..MAX_EARLY as u64 {
                let _ = early.hold(packet(tap, n), now);
            }
        }
        assert_eq!(early.count, MAX_HELD);
        assert_eq!(early.take(TapId(1)).iter().map(|packet| packet.sequence).max(), Some(MAX_EARLY as u64 - 1));
        assert!(early.hold(packet(50, 0), now).is_ok(), "there is room again");
    }

    #[test]
    fn packets_that_nobody_asks_for_are_given_up() {
        let mut early = EarlyPackets::default();
        let start = Duration::from_secs(1);
        early.hold(packet(1, 0), start).unwrap();
        early.hold(packet(2, 0), start + PATIENCE / 2).unwrap();
        early.hold(packet(1, 1), start + PATIENCE / 2).unwrap();
        assert_eq!(early.expire(start + PATIENCE), [TapId(1)]);
        assert!(early.take(TapId(1)).is_empty() && early.holds(TapId(2)));
        assert_eq!(early.expire(start + PATIENCE * 2), [TapId(2)]);
        assert!(early.is_empty() && early.count == 0);
    }
}
