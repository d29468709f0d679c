//! Trains that the kernel had no room for: they wait, in order and for a moment, so that whoever sends does not. What finds no
//! room here either is lost, as on a network: media that waits is worth nothing.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};

/// Bytes that wait: 8 ms of a full gigabit, 0.8 s of ten megabits. The kernel's own buffer is full by then.
const ROOM: usize = 1024 * 1024;

/// Datagrams of `segment` bytes each to one destination, the last one perhaps shorter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Train<'a> {
    pub(super) source: IpAddr,
    pub(super) destination: SocketAddr,
    pub(super) contents: &'a [u8],
    pub(super) segment: usize,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    trains: VecDeque<(IpAddr, SocketAddr, usize, Vec<u8>)>,
    bytes: usize,
    /// Since the kernel last had room.
    lost: u64,
}

impl Unsent {
    pub(super) fn is_empty(&self) -> bool {
        self.trains.is_empty()
    }

    /// Sends a train by `send`, which says [`io::ErrorKind::WouldBlock`] when there is no room, or keeps it. Never waits.
    pub(super) fn send(&mut self, train: &Train<'_>, send: impl FnMut(&Train<'_>) -> io::Result<()>) {
        let mut send = send;
        if self.trains.is_empty() && !is_refused(send(train)) {
            return;
        }
        if self.bytes + train.contents.len() > ROOM {
            self.lost += 1;
            return;
        }
        self.bytes += train.contents.len();
        self.trains.push_back((train.source, train.destination, train.segment, train.contents.to_vec()));
    }

    /// Sends what waits, as far as there is room. Returns how many trains were lost, once nothing waits any more.
    pub(super) fn flush(&mut self, mut send: impl FnMut(&Train<'_>) -> io::Result<()>) -> Option<u64> {
        while let Some((source, destination, segment, contents)) = self.trains.front() {
            let (source, destination, segment) = (*source, *destination, *segment);
            if is_refused(send(&Train { source, destination, contents, segment })) {
                return None;
            }
            self.bytes -= contents.len();
            self.trains.pop_front();
        }
        Some(std::mem::take(&mut self.lost)).filter(|lost| *lost > 0)
    }
}

/// For want of room. What the network refuses is lost, as datagrams may be.
fn is_refused(sent: io::Result<()>) -> bool {
    match sent {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => true,
        Err(error) => {
            tracing::trace!(%error, "not sent");
            false
        }
        Ok(()) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn train(contents: &[u8]) -> Train<'_> {
        let destination = "192.0.2.1:9".parse().unwrap();
        Train { source: [127, 0, 0, 1].into(), destination, contents, segment: 1000 }
    }

    fn full(_: &Train<'_>) -> io::Result<()> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    #[test]
    fn a_full_socket_delays_what_goes_out_keeps_its_order_and_bounds_it() {
        let mut unsent = Unsent::default();
        let mut sent = vec![];
        unsent.send(&train(&[0]), |train| {
            sent.push(train.contents[0]);
            Ok(())
        });
        assert_eq!((sent.len(), unsent.is_empty()), (1, true));
        let contents: Vec<_> = (0..40).map(|number| vec![number; 64_000]).collect();
        for contents in &contents {
            unsent.send(&train(contents), full);
        }
        let room = ROOM / 64_000;
        assert_eq!((unsent.trains.len(), unsent.lost), (room, 40 - room as u64), "it never waits and forgets the rest");
        assert_eq!(unsent.flush(full), None);
        // There is room for some; what comes now still stands behind what waits.
        let mut order = vec![];
        let mut places = 3;
        let mut some = |train: &Train<'_>| {
            if places == 0 {
                return full(train);
            }
            places -= 1;
            order.push((train.contents[0], train.segment));
            Ok(())
        };
        assert_eq!(unsent.flush(&mut some), None);
        unsent.send(&train(&[99]), &mut some);
        assert_eq!(order, [(0, 1000), (1, 1000), (2, 1000)]);
        let mut last = 0;
        let lost = unsent.flush(|train| {
            last = train.contents[0];
            Ok(())
        });
        assert_eq!((last, lost), (99, Some(40 - room as u64)));
        assert_eq!((unsent.bytes, unsent.is_empty(), unsent.flush(full)), (0, true, None));
    }

    #[test]
    fn what_the_network_refuses_is_lost_and_holds_up_nothing() {
        let mut unsent = Unsent::default();
        unsent.send(&train(&[1]), |_| Err(io::Error::other("network is unreachable")));
        assert!(unsent.is_empty());
    }
}
