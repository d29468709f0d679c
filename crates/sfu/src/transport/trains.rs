//! Trains of datagrams for one destination, which the kernel takes in one call, and the buffers they are written to: those
//! are used again and again, so that a steady call allocates none. What only a burst needed is given back.

use protocol::media::MediaPath;

use super::Sink;

/// Buffers kept: those of one turn of a large room. More are given back to the allocator.
const KEPT: usize = 1024;
/// Buffers taken between two looks at how many are needed, and how large.
const REVIEW: usize = 4096;
/// Larger ones than all but so small a share needs are not kept: what a key frame takes, or what a newcomer gets at once, would
/// otherwise be held for every leg sooner or later.
const RARE: usize = 16;
/// Room that is always kept: a picture at 2 Mbit/s.
const USUAL: usize = 16 * 1024;
/// Of two, up to the longest train.
const POWERS: usize = 18;
/// Datagrams of a train: what every kernel takes.
const LONGEST: usize = 64;
/// The kernel's limit for a train is that of an IP packet, headers included.
const MOST_BYTES: usize = 65_000;

/// Buffers that nobody uses. The one used last is taken first, so that those that are not needed are the first ones.
#[derive(Debug)]
pub(crate) struct Trains {
    free: Vec<Vec<u8>>,
    /// Larger ones are given back.
    most: usize,
    /// Since the last look: buffers taken, the fewest that were free, and how many came back with so many bytes (as powers of two).
    taken: usize,
    idle: usize,
    lengths: [u32; POWERS],
}

impl Default for Trains {
    fn default() -> Self {
        Self { free: Vec::new(), most: USUAL, taken: 0, idle: 0, lengths: [0; POWERS] }
    }
}

impl Trains {
    /// An empty buffer.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.taken += 1;
        if self.taken == REVIEW {
            self.review();
        }
        let buffer = self.free.pop().unwrap_or_default();
        self.idle = self.idle.min(self.free.len());
        buffer
    }

    /// One that was sent.
    pub(crate) fn reuse(&mut self, mut buffer: Vec<u8>) {
        self.lengths[power(buffer.len())] += 1;
        if self.free.len() < KEPT && buffer.capacity() <= self.most {
            buffer.clear();
            self.free.push(buffer);
        }
    }

    fn review(&mut self) {
        self.free.drain(..self.idle.min(self.free.len()));
        let mut larger = 0;
        let needed = (0..self.lengths.len()).rev().find(|power| {
            larger += self.lengths[*power] as usize;
            larger > REVIEW / RARE
        });
        // A buffer that grows has up to twice the room that it needs. Turns of sound between those of pictures say little.
        let needed = needed.map_or(0, |power| 2_usize << power);
        self.most = needed.max(self.most / 2).max(USUAL);
        (self.taken, self.idle, self.lengths) = (0, self.free.len(), [0; POWERS]);
    }
}

/// The smallest power of two that is more.
fn power(length: usize) -> usize {
    ((usize::BITS - length.leading_zeros()) as usize).min(POWERS - 1)
}

/// The train that is being put together.
#[derive(Debug, Default)]
pub(super) struct OpenTrain {
    contents: Vec<u8>,
    /// Bytes of its first datagram: no other has more.
    segment: usize,
    count: usize,
    /// A shorter datagram ends a train.
    is_complete: bool,
}

impl OpenTrain {
    /// Where a datagram of so many bytes is to be appended. A train that it does not fit leaves first.
    pub(super) fn datagram(&mut self, length: usize, path: MediaPath, sink: &mut Sink) -> &mut Vec<u8> {
        let fits = length <= self.segment
            && !self.is_complete
            && self.count < LONGEST
            && self.contents.len() + length <= MOST_BYTES;
        if self.count > 0 && !fits {
            self.leave(path, sink);
        }
        if self.count == 0 {
            self.contents = sink.trains.take();
            self.segment = length;
        }
        self.count += 1;
        self.is_complete = length < self.segment;
        &mut self.contents
    }

    /// The last datagram is none after all. What was before it stays as it is.
    pub(super) fn take_back(&mut self, begin: usize) {
        self.contents.truncate(begin);
        self.count -= 1;
        self.is_complete = false;
    }

    /// Hands out what was gathered.
    pub(super) fn leave(&mut self, path: MediaPath, sink: &mut Sink) {
        let Self { contents, segment, count, .. } = std::mem::take(self);
        if count > 0 {
            sink.outputs.push_back(super::train(path, contents, Some(segment)));
        } else if contents.capacity() > 0 {
            sink.trains.reuse(contents);
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::media::PathProtocol;

    use super::*;
    use crate::Output;

    fn path() -> MediaPath {
        let address = "192.0.2.1:9".parse().unwrap();
        MediaPath { protocol: PathProtocol::Udp, local: address, remote: address, relayed: false }
    }

    /// The lengths of the datagrams of each train that these make.
    fn trains(lengths: &[usize]) -> Vec<Vec<usize>> {
        let mut sink = Sink::new(false);
        let mut train = OpenTrain::default();
        for (number, length) in lengths.iter().enumerate() {
            let datagram = train.datagram(*length, path(), &mut sink);
            datagram.resize(datagram.len() + length, number as u8);
        }
        train.leave(path(), &mut sink);
        let mut number = 0;
        let trains = sink.outputs.drain(..).map(|output| {
            let Output::Transmit(transmit) = output else { panic!("{output:?}") };
            let check = |datagram: &[u8]| {
                assert!(datagram.iter().all(|byte| *byte == number as u8), "in order and whole");
                number += 1;
                datagram.len()
            };
            transmit.datagrams().map(check).collect()
        });
        trains.collect()
    }

    #[test]
    fn a_train_has_equal_datagrams_and_a_shorter_last_one() {
        assert_eq!(trains(&[1000, 1000, 10]), [vec![1000, 1000, 10]]);
        assert_eq!(trains(&[1000, 10, 10, 1000]), [vec![1000, 10], vec![10], vec![1000]]);
        assert_eq!(trains(&[1000, 1001, 1001]), [vec![1000], vec![1001, 1001]]);
        assert!(trains(&[]).is_empty());
    }

    #[test]
    fn a_train_has_limits() {
        assert_eq!(trains(&[100; 130]).iter().map(Vec::len).collect::<Vec<_>>(), [64, 64, 2]);
        assert_eq!(trains(&[1500; 60]).iter().map(Vec::len).collect::<Vec<_>>(), [43, 17]);
    }

    #[test]
    fn a_datagram_that_was_none_leaves_no_trace() {
        let mut sink = Sink::new(false);
        let mut train = OpenTrain::default();
        train.datagram(100, path(), &mut sink).resize(100, 1);
        train.datagram(50, path(), &mut sink).resize(150, 2);
        train.take_back(100);
        train.datagram(100, path(), &mut sink).resize(200, 3);
        train.leave(path(), &mut sink);
        let Some(Output::Transmit(transmit)) = sink.outputs.pop_front() else { panic!() };
        assert_eq!((transmit.contents.len(), transmit.segment, sink.outputs.len()), (200, 100, 0));
        train.datagram(70, path(), &mut sink);
        train.take_back(0);
        train.leave(path(), &mut sink);
        assert!(sink.outputs.is_empty());
    }

    /// Sends so many trains of so many bytes at once.
    fn turn(trains: &mut Trains, count: usize, length: usize) {
        let mut buffers: Vec<_> = (0..count).map(|_| trains.take()).collect();
        buffers.iter_mut().for_each(|buffer| buffer.resize(length, 1));
        buffers.into_iter().for_each(|buffer| trains.reuse(buffer));
    }

    #[test]
    fn buffers_come_back() {
        let mut trains = Trains::default();
        for _ in 0..20 {
            turn(&mut trains, 3, 5000);
        }
        let again = trains.take();
        assert!(again.is_empty() && again.capacity() >= 5000);
        assert_eq!(trains.free.len(), 2);
    }

    #[test]
    fn what_only_a_burst_needs_is_given_back() {
        let mut trains = Trains::default();
        let room = |trains: &Trains| trains.free.iter().map(Vec::capacity).sum::<usize>();
        for _ in 0..2 * REVIEW / 50 {
            turn(&mut trains, 50, 5000);
        }
        assert!((50 * 5000..=50 * 10_000).contains(&room(&trains)), "{}", room(&trains));
        turn(&mut trains, 50, 60_000);
        assert_eq!(room(&trains), 0, "those of a key frame");
        turn(&mut trains, 800, 5000);
        assert_eq!(trains.free.len(), 800);
        for _ in 0..2 * REVIEW / 20 + 1 {
            turn(&mut trains, 20, 5000);
        }
        assert_eq!(trains.free.len(), 20, "those of a crowd that has gone");
    }

    #[test]
    fn large_pictures_that_are_usual_need_no_new_buffers() {
        let mut trains = Trains::default();
        let picture = |trains: &mut Trains| {
            // A turn of pictures, and some of sound.
            turn(trains, 50, 40_000);
            let kept = trains.free.len();
            (0..3).for_each(|_| turn(trains, 50, 100));
            kept
        };
        for _ in 0..REVIEW / 200 + 1 {
            picture(&mut trains);
        }
        for _ in 0..3 * REVIEW / 200 {
            assert_eq!(picture(&mut trains), 50);
        }
    }
}
