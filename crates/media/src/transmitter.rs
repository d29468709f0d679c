//! Gathers consecutive datagrams to one destination into trains that take one system call.

use std::net::SocketAddr;

use super::udp::Ports;
use super::unsent::Train;

/// The kernel's limit for a train is that of an IP packet, headers included.
const MOST_BYTES: usize = 65_000;

/// A datagram to send, in pieces.
#[derive(Clone, Copy)]
pub(super) struct Outgoing<'a> {
    /// Which of our addresses it should leave from.
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    pub(super) pieces: [&'a [u8]; 3],
}

impl Outgoing<'_> {
    fn len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.len()).sum()
    }
}

/// The train that is being put together.
#[derive(Default)]
pub(super) struct Transmitter {
    ends: Option<(SocketAddr, SocketAddr)>,
    contents: Vec<u8>,
    segment: usize,
    count: usize,
    /// A shorter datagram ends a train.
    complete: bool,
}

impl Transmitter {
    /// Takes a datagram; sends the train before it if it does not fit.
    pub(super) fn push(&mut self, outgoing: Outgoing<'_>, ports: &mut Ports) {
        let length = outgoing.len();
        if length == 0 {
            return;
        }
        if !self.fits(&outgoing, ports.at(outgoing.source.port()).longest_train()) {
            self.flush(ports);
        }
        if self.count == 0 {
            self.ends = Some((outgoing.source, outgoing.destination));
            self.segment = length;
        }
        self.complete = length < self.segment;
        for piece in outgoing.pieces {
            self.contents.extend_from_slice(piece);
        }
        self.count += 1;
    }

    fn fits(&self, outgoing: &Outgoing<'_>, longest: usize) -> bool {
        self.count > 0
            && self.count < longest
            && !self.complete
            && self.ends == Some((outgoing.source, outgoing.destination))
            && outgoing.len() <= self.segment
            && self.contents.len() + outgoing.len() <= MOST_BYTES
    }

    /// Sends what has been gathered.
    pub(super) fn flush(&mut self, ports: &mut Ports) {
        if let Some((source, destination)) = self.ends.take() {
            let (contents, segment) = (&self.contents[..], self.segment);
            ports.at_mut(source.port()).send(&Train { source: source.ip(), destination, contents, segment });
        }
        self.contents.clear();
        self.count = 0;
        self.complete = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In two pieces.
    fn outgoing(destination: &str, length: usize) -> Outgoing<'static> {
        static CONTENTS: [u8; 2000] = [7; 2000];
        let (head, rest) = CONTENTS[..length].split_at(length / 3);
        let source = "127.0.0.1:40000".parse().unwrap();
        Outgoing { source, destination: destination.parse().unwrap(), pieces: [head, rest, &[]] }
    }

    /// A train of datagrams of these lengths; what `fits` says of the next one.
    fn accepts(train: &[usize], next: &Outgoing<'_>, longest: usize) -> bool {
        let first = outgoing("127.0.0.1:1", 0);
        let transmitter = Transmitter {
            ends: Some((first.source, first.destination)),
            contents: vec![0; train.iter().sum()],
            segment: train[0],
            count: train.len(),
            complete: train.last() < train.first(),
        };
        transmitter.fits(next, longest)
    }

    #[test]
    fn a_train_takes_equal_datagrams_and_a_shorter_last_one() {
        assert!(accepts(&[1000], &outgoing("127.0.0.1:1", 1000), 64));
        assert!(accepts(&[1000, 1000], &outgoing("127.0.0.1:1", 10), 64));
        assert!(!accepts(&[1000, 10], &outgoing("127.0.0.1:1", 10), 64), "it ended with the shorter one");
        assert!(!accepts(&[1000], &outgoing("127.0.0.1:1", 1001), 64));
    }

    #[test]
    fn a_train_has_one_destination_and_limits() {
        assert!(!accepts(&[1000], &outgoing("127.0.0.1:2", 1000), 64));
        assert!(!accepts(&[1000], &outgoing("127.0.0.1:1", 1000), 1));
        assert!(!accepts(&[1200; 54], &outgoing("127.0.0.1:1", 1200), 64));
    }
}
