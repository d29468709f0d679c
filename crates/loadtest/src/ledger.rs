//! What one publisher has sent from files, and when: by it receivers find out which packet has come, because in real media there is
//! no place for a [`crate::stamp`].
//!
//! A receiver knows from signalling whose packets it gets. The first one it finds here by what is in it; from then on RTP's sequence
//! number says which packet must have come, and what is in it whether that is so. Where it is not, as after a pause, it is looked for
//! again. Packets that are equal, such as those of silence, are told apart by their number alone: nothing is begun with them.
//!
//! What it cannot tell: that packets of two publishers were mixed up which send the same file at the same place; and a first packet
//! that is older than the file is long.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clip::{APART, Print};
use crate::packet::Track;
use crate::stamp::Stamp;

/// So many packets of a track are remembered: as many as [`crate::track_check`] looks back.
const REMEMBERED: usize = 4096;

/// See the module. Written where it is sent, read where it is received.
#[derive(Debug)]
pub(crate) struct Ledger {
    room: u32,
    publisher: u32,
    /// Of what comes from a file.
    tracks: [Option<TrackLedger>; 2],
}

#[derive(Debug)]
struct TrackLedger {
    codec: payload::Codec,
    sent: Mutex<Sent>,
}

#[derive(Debug, Default)]
struct Sent {
    last: VecDeque<Entry>,
    /// The number of the next packet.
    next: u32,
}

/// A packet that was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) print: Print,
    pub(crate) frame: u32,
    pub(crate) part: u16,
    pub(crate) parts: u16,
    /// On this process's clock.
    pub(crate) sent: Duration,
}

/// What a receiver knows of a track: by how much RTP's sequence numbers are more than those here, once it has found out.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Trace {
    ahead: Option<i64>,
}

/// Which packet it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Identity {
    Known(Stamp),
    /// One of several equal ones.
    Ambiguous,
    /// Its publisher has sent nothing like it, or long ago.
    Stranger,
}

impl Ledger {
    /// `codecs`: of the tracks that come from files.
    pub(crate) fn new(room: u32, publisher: u32, codecs: [Option<payload::Codec>; 2]) -> Self {
        let tracks = codecs.map(|codec| codec.map(|codec| TrackLedger { codec, sent: Mutex::default() }));
        Self { room, publisher, tracks }
    }

    /// Whether it has packets of this track: others have stamps.
    pub(crate) fn has(&self, track: Track) -> bool {
        self.tracks[track as usize].is_some()
    }

    /// The next packet of a track, which is about to be sent.
    pub(crate) fn note(&self, track: Track, entry: Entry) {
        let Some(track) = &self.tracks[track as usize] else { return };
        let mut sent = track.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.last.len() == REMEMBERED {
            sent.last.pop_front();
        }
        sent.last.push_back(entry);
        sent.next = sent.next.wrapping_add(1);
    }

    /// The number of the last packet of a track.
    pub(crate) fn last(&self, track: Track) -> Option<u32> {
        let sent = self.tracks[track as usize].as_ref()?.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.next.checked_sub(1)
    }

    /// Which packet has come with this sequence number.
    pub(crate) fn identify(&self, track: Track, sequence: u64, payload: &[u8], trace: &mut Trace) -> Identity {
        let Some(track) = &self.tracks[track as usize] else { return Identity::Stranger };
        let Some(print) = Print::of_payload(track.codec, payload) else { return Identity::Stranger };
        let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
        let sent = track.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = i64::from(sent.next) - i64::try_from(sent.last.len()).unwrap_or(i64::MAX);
        let expected = trace.ahead.and_then(|ahead| usize::try_from(sequence - ahead - oldest).ok());
        let place = match expected.filter(|place| sent.last.get(*place).is_some_and(|entry| entry.print == print)) {
            Some(place) => place,
            None => match sent.find(print) {
                Found::One(place) => place,
                Found::Several => return Identity::Ambiguous,
                Found::None => return Identity::Stranger,
            },
        };
        let number = oldest + i64::try_from(place).unwrap_or(i64::MAX);
        trace.ahead = Some(sequence - number);
        let Entry { frame, part, parts, sent: at, .. } = sent.last[place];
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let (room, publisher) = (self.room, self.publisher);
        Identity::Known(Stamp { room, publisher, layer: 0, number, frame, part, parts, sent: at })
    }
}

enum Found {
    One(usize),
    Several,
    None,
}

impl Sent {
    /// The newest packet with this in it; several, if they were sent so close to each other that any of them may have come.
    fn find(&self, print: Print) -> Found {
        let mut equal = self.last.iter().enumerate().rev().filter(|(_, entry)| entry.print == print);
        match (equal.next(), equal.next()) {
            (None, _) => Found::None,
            (Some((_, newest)), Some((_, before))) if newest.sent.saturating_sub(before.sent) < APART => Found::Several,
            (Some((place, _)), _) => Found::One(place),
        }
    }
}
