//! Trains of datagrams for one destination, which the kernel takes in one call, and the buffers they are written to: those
//! are used again and again, so that a steady call allocates none.

use protocol::media::MediaPath;

use super::Sink;

/// Buffers kept: those of one turn of a large room. More are given back to the allocator.
const KEPT: usize = 1024;
/// Datagrams of a train: what every kernel takes.
const LONGEST: usize = 64;
/// The kernel's limit for a train is that of an IP packet, headers included.
const MOST_BYTES: usize = 65_000;

/// Buffers that nobody uses.
#[derive(Debug, Default)]
pub(crate) struct Trains {
    free: Vec<Vec<u8>>,
}

impl Trains {
    /// An empty buffer.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.free.pop().unwrap_or_default()
    }

    /// One that was sent.
    pub(crate) fn reuse(&mut self, mut buffer: Vec<u8>) {
        if self.free.len() < KEPT {
            buffer.clear();
            self.free.push(buffer);
        }
    }
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

    #[test]
    fn buffers_come_back() {
        let mut trains = Trains::default();
        let mut buffer = trains.take();
        buffer.resize(5000, 1);
        trains.reuse(buffer);
        let again = trains.take();
        assert!(again.is_empty() && again.capacity() >= 5000);
    }
}
