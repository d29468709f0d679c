//! Packets that left together count once: what they wait for each other is not the network's doing.

/// Microseconds within which packets leave together, and a burst arrives (draft-ietf-rmcat-gcc-02 §5.2).
const BURST: u64 = 5_000;
/// A burst is no longer than this, so that a path that always delivers in bursts is measured, too.
const LONGEST_BURST: u64 = 100_000;
/// After so many groups that arrive before the one ahead of them, measuring begins anew.
const REORDERED: u8 = 3;

#[derive(Clone, Copy, Debug)]
struct Group {
    first_sent: u64,
    last_sent: u64,
    first_arrival: u64,
    last_arrival: u64,
}

/// How much later one group arrived than the one before, and how much later it was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Step {
    /// Microseconds, on the sender's clock.
    pub(crate) sent: u64,
    /// Microseconds, on the receiver's clock.
    pub(crate) arrival: u64,
    /// When the later one had arrived.
    pub(crate) at: u64,
}

/// See the module. All times in microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Groups {
    previous: Option<Group>,
    current: Option<Group>,
    reordered: u8,
}

impl Groups {
    /// The next packet, in the order of sending. Gives a step when a group has ended that has another before it.
    pub(crate) fn add(&mut self, sent: u64, arrival: u64) -> Option<Step> {
        let single = Group { first_sent: sent, last_sent: sent, first_arrival: arrival, last_arrival: arrival };
        let Some(current) = &mut self.current else {
            self.current = Some(single);
            return None;
        };
        // Told of late: its group is over.
        if sent < current.first_sent {
            return None;
        }
        let late = arrival.saturating_sub(current.last_arrival);
        let in_burst = late < BURST
            && arrival.saturating_sub(current.first_arrival) < LONGEST_BURST
            && late < sent.saturating_sub(current.last_sent);
        if sent - current.first_sent <= BURST || in_burst {
            current.last_sent = current.last_sent.max(sent);
            current.last_arrival = current.last_arrival.max(arrival);
            return None;
        }
        let ended = std::mem::replace(current, single);
        let previous = self.previous.replace(ended)?;
        if ended.last_arrival < previous.last_arrival {
            self.reordered += 1;
            if self.reordered >= REORDERED {
                *self = Self { current: self.current, ..Self::default() };
            }
            return None;
        }
        self.reordered = 0;
        Some(Step {
            sent: ended.last_sent.saturating_sub(previous.last_sent),
            arrival: ended.last_arrival - previous.last_arrival,
            at: ended.last_arrival,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_between_the_last_packets_of_groups() {
        let mut groups = Groups::default();
        assert_eq!(groups.add(0, 50_000), None);
        assert_eq!(groups.add(4_000, 56_000), None);
        assert_eq!(groups.add(20_000, 72_000), None);
        assert_eq!(groups.add(40_000, 99_000), Some(Step { sent: 16_000, arrival: 16_000, at: 72_000 }));
        assert_eq!(groups.add(60_000, 119_000), Some(Step { sent: 20_000, arrival: 27_000, at: 99_000 }));
    }

    #[test]
    fn what_arrives_in_a_burst_is_one_group() {
        let mut groups = Groups::default();
        for (sent, arrival) in [(0, 50_000), (20_000, 70_000), (40_000, 72_000), (60_000, 73_000)] {
            assert_eq!(groups.add(sent, arrival), None);
        }
        assert_eq!(groups.add(80_000, 130_000), Some(Step { sent: 60_000, arrival: 23_000, at: 73_000 }));
    }
}
