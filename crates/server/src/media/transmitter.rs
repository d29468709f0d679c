//! Gathers consecutive datagrams to one destination into trains that take one system call.

use std::net::SocketAddr;

use super::udp::Udp;

/// The kernel's limit for a train is that of an IP packet, headers included.
const MOST_BYTES: usize = 65_000;

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
    pub(super) async fn push(&mut self, transmit: &sfu::Transmit, udp: &Udp) {
        if transmit.contents.is_empty() {
            return;
        }
        if !self.fits(transmit, udp.longest_train()) {
            self.flush(udp).await;
        }
        if self.count == 0 {
            self.ends = Some((transmit.source, transmit.destination));
            self.segment = transmit.contents.len();
        }
        self.complete = transmit.contents.len() < self.segment;
        self.contents.extend_from_slice(&transmit.contents);
        self.count += 1;
    }

    fn fits(&self, transmit: &sfu::Transmit, longest: usize) -> bool {
        self.count > 0
            && self.count < longest
            && !self.complete
            && self.ends == Some((transmit.source, transmit.destination))
            && transmit.contents.len() <= self.segment
            && self.contents.len() + transmit.contents.len() <= MOST_BYTES
    }

    /// Sends what has been gathered.
    pub(super) async fn flush(&mut self, udp: &Udp) {
        if let Some((source, destination)) = self.ends.take() {
            udp.send(source.ip(), destination, &self.contents, self.segment).await;
        }
        self.contents.clear();
        self.count = 0;
        self.complete = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transmit(destination: &str, length: usize) -> sfu::Transmit {
        sfu::Transmit {
            protocol: sfu::Protocol::Udp,
            source: "127.0.0.1:40000".parse().unwrap(),
            destination: destination.parse().unwrap(),
            contents: vec![7; length],
        }
    }

    /// A train of datagrams of these lengths; what `fits` says of the next one.
    fn accepts(train: &[usize], next: &sfu::Transmit, longest: usize) -> bool {
        let first = transmit("127.0.0.1:1", 0);
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
        assert!(accepts(&[1000], &transmit("127.0.0.1:1", 1000), 64));
        assert!(accepts(&[1000, 1000], &transmit("127.0.0.1:1", 10), 64));
        assert!(!accepts(&[1000, 10], &transmit("127.0.0.1:1", 10), 64), "it ended with the shorter one");
        assert!(!accepts(&[1000], &transmit("127.0.0.1:1", 1001), 64));
    }

    #[test]
    fn a_train_has_one_destination_and_limits() {
        assert!(!accepts(&[1000], &transmit("127.0.0.1:2", 1000), 64));
        assert!(!accepts(&[1000], &transmit("127.0.0.1:1", 1000), 1));
        assert!(!accepts(&[1200; 54], &transmit("127.0.0.1:1", 1200), 64));
    }
}
