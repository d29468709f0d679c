//! What leaves by one port: gathered while the loop turns, handed to the kernel at the end of the turn in as few calls as can
//! be, and kept in order for a moment when the kernel has no room, so that whoever sends never waits. What finds no room here
//! either is lost, as on a network: media that waits is worth nothing.
//!
//! It knows the rules of trains, and no system call: whoever flushes says how a run of them is sent.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};

use sfu::Transmit;

/// Bytes that wait while the kernel has no room: 8 ms of a full gigabit, 0.8 s of ten megabits. The kernel's own buffer is
/// full by then. Also what is gathered at most before it is sent.
const ROOM: usize = 1024 * 1024;
/// Trains that one call takes. More would hardly save anything: the call itself is by then a hundredth of what it costs.
pub(super) const BATCH: usize = 64;
/// The kernel's limit for a train is that of an IP packet, headers included.
const MOST_BYTES: usize = 65_000;
/// Buffers of our own that are kept for what is put together next.
const KEPT: usize = 64;

/// See the module.
#[derive(Debug)]
pub(super) struct SendQueue {
    waiting: VecDeque<Waiting>,
    /// Bytes of all that waits.
    bytes: usize,
    /// Bytes of the first one that the kernel has already.
    sent: usize,
    /// The kernel had no room.
    is_blocked: bool,
    /// Trains, since the kernel last had room.
    lost: u64,
    /// Datagrams that the kernel takes as one train; 1: it knows no trains.
    longest: usize,
    /// The kernel did not take the first one as a train: it is tried once datagram by datagram, to see whether it is for that.
    on_trial: bool,
    own: Vec<Vec<u8>>,
    spent: Vec<Vec<u8>>,
}

/// Datagrams of `segment` bytes each to one destination, the last one perhaps shorter.
#[derive(Debug)]
struct Waiting {
    source: IpAddr,
    destination: SocketAddr,
    contents: Vec<u8>,
    segment: usize,
    /// The buffer is one of ours, not of the SFU.
    is_own: bool,
}

/// A part of what waits that the kernel may take as one train.
struct Train<'a> {
    source: IpAddr,
    destination: SocketAddr,
    contents: &'a [u8],
    segment: usize,
}

/// Trains that may leave by one call: from one address of ours and, if they have several datagrams, with one length of them.
pub(super) struct Run<'a> {
    queue: &'a SendQueue,
    pub(super) count: usize,
    pub(super) source: IpAddr,
    /// Bytes of a datagram; `None`: every train is one datagram.
    pub(super) segment: Option<usize>,
}

impl<'a> Run<'a> {
    /// Destination and contents of each.
    pub(super) fn trains(&self) -> impl Iterator<Item = (SocketAddr, &'a [u8])> {
        self.queue.trains().take(self.count).map(|train| (train.destination, train.contents))
    }
}

impl SendQueue {
    /// For a kernel that takes so many datagrams as one train.
    pub(super) fn new(longest: usize) -> Self {
        Self {
            waiting: VecDeque::new(),
            bytes: 0,
            sent: 0,
            is_blocked: false,
            lost: 0,
            longest: longest.max(1),
            on_trial: false,
            own: vec![],
            spent: vec![],
        }
    }

    /// The kernel had no room for what waits.
    pub(super) fn is_blocked(&self) -> bool {
        self.is_blocked
    }

    /// So much has been gathered that it should be sent before more comes.
    pub(super) fn is_due(&self) -> bool {
        !self.is_blocked && self.bytes >= ROOM
    }

    /// Takes a train of the SFU, and its buffer until that is [`Self::spent`].
    pub(super) fn push(&mut self, transmit: Transmit) {
        let Transmit { source, destination, contents, segment, .. } = transmit;
        let (source, segment) = (source.ip(), segment.clamp(1, contents.len().max(1)));
        let is_single = segment == contents.len();
        if contents.is_empty()
            || !self.has_room(contents.len())
            || is_single && self.join(source, destination, [&contents])
        {
            return self.spent.push(contents);
        }
        self.bytes += contents.len();
        self.waiting.push_back(Waiting { source, destination, contents, segment, is_own: false });
    }

    /// Puts a datagram together.
    pub(super) fn push_pieces(&mut self, source: IpAddr, destination: SocketAddr, pieces: [&[u8]; 3]) {
        let segment = pieces.iter().map(|piece| piece.len()).sum();
        if segment == 0 || !self.has_room(segment) || self.join(source, destination, pieces) {
            return;
        }
        let mut contents = self.own.pop().unwrap_or_default();
        pieces.iter().for_each(|piece| contents.extend_from_slice(piece));
        self.bytes += segment;
        self.waiting.push_back(Waiting { source, destination, contents, segment, is_own: true });
    }

    fn has_room(&mut self, length: usize) -> bool {
        let has_room = !self.is_blocked || self.bytes + length <= ROOM;
        self.lost += u64::from(!has_room);
        has_room
    }

    /// Makes a datagram part of the train before it: a copy is much cheaper than a train. A shorter datagram ends a train.
    fn join<const N: usize>(&mut self, source: IpAddr, destination: SocketAddr, pieces: [&[u8]; N]) -> bool {
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        let Some(last) = self.waiting.back_mut() else { return false };
        let fits = last.destination == destination
            && last.source == source
            && length <= last.segment
            && last.contents.len().is_multiple_of(last.segment)
            && last.contents.len() / last.segment < self.longest
            && last.contents.len() + length <= MOST_BYTES;
        if fits {
            pieces.iter().for_each(|piece| last.contents.extend_from_slice(piece));
            self.bytes += length;
        }
        fits
    }

    /// Hands everything over by `send`, which says how many of a run's trains the kernel took, or
    /// [`io::ErrorKind::WouldBlock`] when it has no room. Returns how many trains were lost, once nothing waits any more.
    pub(super) fn flush(&mut self, mut send: impl FnMut(&Run<'_>) -> io::Result<usize>) -> Option<u64> {
        self.is_blocked = false;
        while let Some(run) = self.run() {
            let (sent, has_trains) = (send(&run), run.segment.is_some());
            match sent {
                Ok(count) => {
                    if std::mem::take(&mut self.on_trial) {
                        tracing::warn!("the network takes no trains of datagrams (UDP GSO): from now on one by one");
                        self.longest = 1;
                    }
                    self.took(count.max(1));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.is_blocked = true;
                    self.shorten();
                    return None;
                }
                Err(error) if has_trains && may_be_for_trains(&error) => self.on_trial = true,
                // What the network refuses is lost, as datagrams may be.
                Err(error) => {
                    tracing::trace!(%error, "not sent");
                    self.on_trial = false;
                    self.took_first();
                }
            }
        }
        Some(std::mem::take(&mut self.lost)).filter(|lost| *lost > 0)
    }

    /// Buffers of the SFU that are not needed any more.
    pub(super) fn spent(&mut self) -> impl Iterator<Item = Vec<u8>> {
        self.spent.drain(..)
    }

    /// What leaves by the next call.
    fn run(&self) -> Option<Run<'_>> {
        let source = self.waiting.front()?.source;
        let (mut count, mut segment, mut single) = (0, None, 0);
        let most = if self.on_trial { 1 } else { BATCH };
        for train in self.trains().take(most) {
            let length = train.contents.len();
            let fits = if length > train.segment {
                let fits = segment.is_none_or(|segment| segment == train.segment) && single <= train.segment;
                segment = segment.or(Some(train.segment).filter(|_| fits));
                fits
            } else {
                single = single.max(length);
                segment.is_none_or(|segment| length <= segment)
            };
            if !fits || train.source != source {
                break;
            }
            count += 1;
        }
        Some(Run { queue: self, count, source, segment })
    }

    /// What waits, in parts that the kernel may take as trains.
    fn trains(&self) -> impl Iterator<Item = Train<'_>> {
        self.waiting.iter().enumerate().flat_map(|(place, waiting)| {
            let Waiting { source, destination, segment, ref contents, .. } = *waiting;
            let rest = contents.get(if place == 0 { self.sent } else { 0 }..).unwrap_or_default();
            let parts = rest.chunks(self.part(segment));
            parts.map(move |contents| Train { source, destination, contents, segment })
        })
    }

    /// Bytes of a train that the kernel takes.
    fn part(&self, segment: usize) -> usize {
        let longest = if self.on_trial { 1 } else { self.longest };
        segment * (MOST_BYTES / segment).min(longest).max(1)
    }

    /// The kernel has so many trains.
    fn took(&mut self, count: usize) {
        for _ in 0..count {
            let Some(first) = self.waiting.front() else { return };
            let (length, segment) = (first.contents.len(), first.segment);
            self.sent += self.part(segment);
            if self.sent >= length {
                self.took_first();
            }
        }
    }

    fn took_first(&mut self) {
        self.sent = 0;
        if let Some(first) = self.waiting.pop_front() {
            self.recycle(first);
        }
    }

    /// Forgets what came last, as far as there is no room for it.
    fn shorten(&mut self) {
        while self.bytes > ROOM && self.waiting.len() > 1 {
            if let Some(last) = self.waiting.pop_back() {
                self.lost += 1;
                self.recycle(last);
            }
        }
    }

    fn recycle(&mut self, waiting: Waiting) {
        let Waiting { mut contents, is_own, .. } = waiting;
        self.bytes -= contents.len();
        if !is_own {
            self.spent.push(contents);
        } else if self.own.len() < KEPT {
            contents.clear();
            self.own.push(contents);
        }
    }
}

/// What Linux says to a train that the way to its destination cannot take (udp(7)), and to other things.
fn may_be_for_trains(error: &io::Error) -> bool {
    /// Have no `ErrorKind` that is theirs alone; the numbers are those of every Unix.
    const EIO: i32 = 5;
    const EINVAL: i32 = 22;
    [Some(EIO), Some(EINVAL)].contains(&error.raw_os_error())
}

#[cfg(test)]
mod tests;
