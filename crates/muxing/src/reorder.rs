//! Packets in the order they were sent. Behind a hole it waits for the retransmission, for a limited time and number of
//! packets; then the hole is a loss.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Packet, Time};

/// Three seconds of an 8 Mbit/s stream.
const MAX_WAITING: usize = 2048;

/// One stream of sequence numbers.
#[derive(Debug)]
pub(crate) struct ReorderWindow {
    /// How long a hole is kept open.
    patience: Duration,
    next: Option<u64>,
    generation: u32,
    waiting: BTreeMap<u64, Packet>,
}

/// The next packet.
#[derive(Debug)]
pub(crate) struct Ordered {
    pub(crate) packet: Packet,
    /// Packets before it that did not come.
    pub(crate) missing: u64,
}

impl ReorderWindow {
    pub(crate) fn new(patience: Duration) -> Self {
        Self { patience, next: None, generation: 0, waiting: BTreeMap::new() }
    }

    /// Takes a packet. `false` if it comes twice, or too late.
    pub(crate) fn push(&mut self, packet: Packet) -> bool {
        let starts_anew = packet.source.generation > self.generation
            && self.waiting.is_empty()
            && self.next.is_some_and(|next| packet.sequence < next);
        if starts_anew {
            self.next = None;
        }
        if self.next.is_some_and(|next| packet.sequence < next) || self.waiting.contains_key(&packet.sequence) {
            return false;
        }
        self.generation = self.generation.max(packet.source.generation);
        self.waiting.insert(packet.sequence, packet);
        true
    }

    /// The next packet in order, if it is there or no longer waited for.
    pub(crate) fn pop(&mut self, now: Time) -> Option<Ordered> {
        let first = self.waiting.first_entry()?;
        let missing = self.next.map_or(0, |next| first.key() - next);
        let given_up = first.get().arrival + self.patience <= now;
        if missing > 0 && !given_up && self.waiting.len() <= MAX_WAITING {
            return None;
        }
        self.take(missing)
    }

    /// The next packet, whatever is missing.
    pub(crate) fn pop_last(&mut self) -> Option<Ordered> {
        let first = *self.waiting.first_key_value()?.0;
        self.take(self.next.map_or(0, |next| first - next))
    }

    /// When [`Self::pop`] gives up on a hole.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.waiting.first_key_value().map(|(_, packet)| packet.arrival + self.patience)
    }

    fn take(&mut self, missing: u64) -> Option<Ordered> {
        let (sequence, packet) = self.waiting.pop_first()?;
        self.next = Some(sequence.saturating_add(1));
        Some(Ordered { packet, missing })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::{Codec, Source};

    const PATIENCE: Duration = Duration::from_millis(500);

    fn packet(sequence: u64, ms: u64) -> Packet {
        Packet {
            codec: Codec::Vp8,
            source: Source { generation: 1, ssrc: 1 },
            sequence,
            timestamp: 0,
            marker: true,
            quarter_turns: None,
            payload: Arc::from([1u8]),
            arrival: Duration::from_millis(ms),
            report: None,
        }
    }

    fn popped(window: &mut ReorderWindow, ms: u64) -> Vec<(u64, u64)> {
        let now = Duration::from_millis(ms);
        std::iter::from_fn(|| window.pop(now)).map(|o| (o.packet.sequence, o.missing)).collect()
    }

    #[test]
    fn a_hole_is_waited_for_and_then_given_up() {
        let mut window = ReorderWindow::new(PATIENCE);
        for (sequence, ms) in [(10, 0), (12, 10), (13, 20)] {
            assert!(window.push(packet(sequence, ms)));
        }
        assert_eq!(popped(&mut window, 20), [(10, 0)]);
        assert_eq!(window.deadline(), Some(Duration::from_millis(510)));
        assert_eq!(popped(&mut window, 509), []);
        assert_eq!(popped(&mut window, 510), [(12, 1), (13, 0)]);
        assert!(!window.push(packet(11, 520)), "too late");
        assert!(window.push(packet(14, 530)));
        assert!(!window.push(packet(14, 530)), "twice");
    }

    #[test]
    fn a_hole_before_too_many_packets_is_given_up_at_once() {
        let mut window = ReorderWindow::new(PATIENCE);
        window.push(packet(0, 0));
        popped(&mut window, 0);
        for sequence in 2..=MAX_WAITING as u64 + 1 {
            window.push(packet(sequence, 0));
        }
        assert_eq!(popped(&mut window, 0), []);
        window.push(packet(MAX_WAITING as u64 + 2, 0));
        assert_eq!(popped(&mut window, 0).first(), Some(&(2, 1)));
    }

    #[test]
    fn numbers_may_start_anew_with_a_new_connection() {
        let mut window = ReorderWindow::new(PATIENCE);
        window.push(packet(700, 0));
        popped(&mut window, 0);
        let mut again = packet(3, 10);
        again.source.generation = 2;
        assert!(window.push(again));
        assert_eq!(popped(&mut window, 10), [(3, 0)]);
    }

    proptest! {
        #[test]
        fn what_comes_out_is_in_order_and_adds_up(
            delays in proptest::collection::vec(proptest::option::weighted(0.9, 0u64..700), 1..300),
        ) {
            let mut window = ReorderWindow::new(PATIENCE);
            let mut arrivals: Vec<(u64, u64)> = delays
                .iter()
                .enumerate()
                .filter_map(|(n, delay)| delay.map(|delay| (n as u64 * 10 + delay, n as u64)))
                .collect();
            arrivals.sort_unstable();
            let mut out = Vec::new();
            for (at, sequence) in &arrivals {
                window.push(packet(*sequence, *at));
                out.extend(popped(&mut window, *at));
            }
            out.extend(std::iter::from_fn(|| window.pop_last()).map(|o| (o.packet.sequence, o.missing)));
            prop_assert!(out.windows(2).all(|w| w[1].0 == w[0].0 + w[1].1 + 1));
            // Nothing is lost that came in time.
            let lost: u64 = out.iter().map(|(_, missing)| missing).sum();
            let never = delays.iter().filter(|d| d.is_none()).count() as u64;
            let late = delays.iter().flatten().filter(|d| **d >= 500).count() as u64;
            prop_assert!(lost <= never + late);
        }
    }
}
