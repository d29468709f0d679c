//! What a leg sent under which transport-wide number, until it is told what became of it.

/// Packets a leg has room for at first, and at least.
const FEWEST: usize = 32;
/// And at most: at 5 Mbit/s, some eight seconds.
const MOST: usize = 4096;
/// Microseconds after which nobody will tell any more what became of a packet: room is not made for it.
const FORGOTTEN: u32 = 4_000_000;
/// Microseconds between two looks at whether less room would do.
const REVIEW: u32 = 10_000_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Fate {
    #[default]
    Empty,
    InFlight,
    Lost,
    Received,
}

/// The low bits of its time are enough: it is forgotten long before they come round.
#[derive(Clone, Copy, Debug, Default)]
struct Packet {
    sent: u32,
    sequence: u16,
    size: u16,
    cluster: u8,
    fate: Fate,
}

/// A packet that the other side said something new about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Resolved {
    /// Microseconds.
    pub(crate) sent: u64,
    pub(crate) size: u16,
    /// The probe it was part of, 0 if of none.
    pub(crate) cluster: u8,
    /// It had been said to be lost.
    pub(crate) was_lost: bool,
}

/// A ring by sequence number: everything is O(1), and nothing is allocated but when it grows, which it does while
/// packets that nothing was heard of would be overwritten.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// A power of two of them, or none before the first packet.
    packets: Vec<Packet>,
    reviewed: u32,
    /// The newest that something was said about: those before it, of which nothing was, were in feedback that was lost.
    newest: Option<u16>,
}

impl History {
    /// `now` is in microseconds.
    pub(crate) fn push(&mut self, sequence: u16, size: u16, cluster: u8, now: u64) {
        let now = now as u32;
        if self.packets.is_empty() {
            self.packets = vec![Packet::default(); FEWEST];
            self.reviewed = now;
        }
        let newest = self.newest;
        let waiting = |packet: &Packet| {
            packet.fate == Fate::InFlight
                && now.wrapping_sub(packet.sent) < FORGOTTEN
                && newest.is_none_or(|newest| is_after(packet.sequence, newest))
        };
        if waiting(&self.packets[self.slot(sequence)]) && self.packets.len() < MOST {
            self.resize(self.packets.len() * 2);
        } else if now.wrapping_sub(self.reviewed) > REVIEW {
            self.reviewed = now;
            let used = self.packets.iter().filter(|packet| waiting(packet)).count();
            if self.packets.len() > FEWEST && used < self.packets.len() / 8 {
                self.resize(self.packets.len() / 2);
            }
        }
        let slot = self.slot(sequence);
        self.packets[slot] = Packet { sent: now, sequence, size, cluster, fate: Fate::InFlight };
    }

    /// `None`: unknown, or nothing new.
    pub(crate) fn resolve(&mut self, sequence: u16, received: bool, now: u64) -> Option<Resolved> {
        if self.packets.is_empty() {
            return None;
        }
        let slot = self.slot(sequence);
        let packet = &mut self.packets[slot];
        let news = match packet.fate {
            Fate::InFlight => true,
            // It came late, after all.
            Fate::Lost => received,
            Fate::Empty | Fate::Received => false,
        };
        if packet.sequence != sequence || !news {
            return None;
        }
        if self.newest.is_none_or(|newest| is_after(sequence, newest)) {
            self.newest = Some(sequence);
        }
        let was_lost = packet.fate == Fate::Lost;
        packet.fate = if received { Fate::Received } else { Fate::Lost };
        let age = (now as u32).wrapping_sub(packet.sent);
        let sent = now.saturating_sub(u64::from(age));
        Some(Resolved { sent, size: packet.size, cluster: packet.cluster, was_lost })
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> usize {
        self.packets.capacity() * size_of::<Packet>()
    }

    fn slot(&self, sequence: u16) -> usize {
        usize::from(sequence) & (self.packets.len() - 1)
    }

    /// Of two packets for one place, the one that was sent later stays.
    fn resize(&mut self, length: usize) {
        let old = std::mem::replace(&mut self.packets, vec![Packet::default(); length]);
        for packet in old.into_iter().filter(|packet| packet.fate != Fate::Empty) {
            let slot = self.slot(packet.sequence);
            let there = &mut self.packets[slot];
            if there.fate == Fate::Empty || packet.sent.wrapping_sub(there.sent) < u32::MAX / 2 {
                *there = packet;
            }
        }
    }
}

/// Within half of all numbers.
fn is_after(one: u16, other: u16) -> bool {
    one != other && one.wrapping_sub(other) < 1 << 15
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_resolved_once_and_may_come_late() {
        let mut history = History::default();
        assert_eq!(history.resolve(3, true, 0), None);
        history.push(65_535, 1200, 0, 1_000);
        history.push(0, 100, 7, 2_000);
        let late = Resolved { sent: 1_000, size: 1200, cluster: 0, was_lost: false };
        assert_eq!(history.resolve(65_535, false, 50_000), Some(late));
        assert_eq!(history.resolve(65_535, false, 51_000), None);
        assert_eq!(history.resolve(65_535, true, 52_000), Some(Resolved { was_lost: true, ..late }));
        assert_eq!(history.resolve(65_535, true, 53_000), None);
        let probe = Resolved { sent: 2_000, size: 100, cluster: 7, was_lost: false };
        assert_eq!(history.resolve(0, true, 53_000), Some(probe));
        assert_eq!(history.resolve(1, true, 53_000), None);
    }

    #[test]
    fn feedback_that_was_lost_does_not_make_it_grow() {
        let mut history = History::default();
        for n in 0..5_000_u64 {
            history.push(n as u16, 1200, 0, n * 1000);
            if n % 40 == 39 && !(n / 40).is_multiple_of(3) {
                (n - 39..=n).for_each(|n| assert!(history.resolve(n as u16, true, n * 1000).is_some()));
            }
        }
        assert!(history.packets.len() <= 128, "{}", history.packets.len());
    }

    #[test]
    fn it_grows_while_nothing_is_heard_and_shrinks_again() {
        let mut history = History::default();
        for n in 0..10_000_u64 {
            history.push(n as u16, 1200, 0, n * 1000);
        }
        assert_eq!(history.packets.len(), MOST);
        assert_eq!(history.resolve(9_000, true, 10_000_000).map(|packet| packet.sent), Some(9_000_000));
        assert_eq!(history.resolve(5_000, true, 10_000_000), None);
        for n in 10_000..300_000_u64 {
            history.push(n as u16, 1200, 0, n * 1000);
            history.resolve(n as u16, true, n * 1000);
        }
        assert_eq!(history.packets.len(), FEWEST);
        assert!(history.memory() <= FEWEST * 12);
    }
}
