//! Packets of a publication that may be asked for again: one copy, however many receive it. What each of them got under
//! which number is known where it was sent.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::packet::{Packet, Place};

/// Who has not asked for a packet by then has asked for a key frame.
const AGE: Duration = Duration::from_secs(1);
/// A second of all layers of a large picture.
const MOST: usize = 2048;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// The place of the oldest.
    first: Place,
    packets: VecDeque<Packet>,
}

impl Kept {
    /// Keeps a packet.
    pub(crate) fn push(&mut self, packet: &Packet) -> Place {
        self.expire(packet.arrival);
        if self.packets.len() == MOST {
            self.drop_oldest();
        }
        let place = self.first.wrapping_add(self.packets.len() as Place);
        self.packets.push_back(packet.clone());
        place
    }

    /// What is kept at a place, if it still is.
    pub(crate) fn get(&self, place: Place) -> Option<&Packet> {
        self.packets.get(place.wrapping_sub(self.first) as usize)
    }

    /// Everything from the last packet on that `begins`, up to the place `end`; nothing without such a packet.
    pub(crate) fn since(&self, begins: impl Fn(&Packet) -> bool, end: Option<Place>) -> Vec<Packet> {
        let end = end.map_or(self.packets.len(), |end| (end.wrapping_sub(self.first) as usize).min(self.packets.len()));
        let known = self.packets.range(..end);
        let Some(begin) = known.clone().rposition(begins) else {
            return Vec::new();
        };
        let placed = |(number, packet): (usize, &Packet)| {
            let place = self.first.wrapping_add(number as Place);
            Packet { kept: Some(place), ..packet.clone() }
        };
        known.enumerate().skip(begin).map(placed).collect()
    }

    fn expire(&mut self, now: Instant) {
        while self.packets.front().is_some_and(|packet| now.saturating_duration_since(packet.arrival) > AGE) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if self.packets.pop_front().is_some() {
            self.first = self.first.wrapping_add(1);
        }
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::packet::{MediaKind, Source};

    fn packet(sequence: u64, arrival: Instant) -> Packet {
        Packet::bare(MediaKind::Video, Source { generation: 1, layer: 0, ssrc: 1 }, sequence, &[0; 3], arrival)
    }

    #[test]
    fn a_packet_is_found_until_it_is_old_or_one_of_too_many() {
        let start = Instant::now();
        let mut kept = Kept { first: Place::MAX - 10, ..Kept::default() };
        let mut places = Vec::new();
        for number in 0..3000_u64 {
            places.push(kept.push(&packet(number, start + Duration::from_micros(number))));
        }
        for (number, place) in places.iter().enumerate() {
            let found = kept.get(*place).map(|packet| packet.sequence);
            assert_eq!(found, (number >= 3000 - MOST).then_some(number as u64));
        }
        let late = kept.push(&packet(7, start + Duration::from_secs(2)));
        assert_eq!(kept.packets.len(), 1);
        assert_eq!(kept.get(late).map(|packet| packet.sequence), Some(7));
        assert!(kept.get(late.wrapping_add(1)).is_none() && kept.get(late.wrapping_sub(1)).is_none());
    }
}
