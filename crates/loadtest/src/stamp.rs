//! What every synthetic packet says of itself: whose it is, which one, and when it was sent.
//!
//! It stands at the end of the payload, because a server may write another VP8 descriptor at its start. It is not meant to be
//! understood by anybody else; what a server has to understand of media stands before it ([`crate::source`]).

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Bytes that it takes.
pub(crate) const LENGTH: usize = 33;
/// Tells our packets from padding and from strangers'.
const MARK: [u8; 4] = *b"mdlt";

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stamp {
    pub(crate) room: u32,
    /// Unique in the whole test.
    pub(crate) publisher: u32,
    /// Of pictures: which size, 0 is the smallest that is sent.
    pub(crate) layer: u8,
    /// Counts the packets of one track, of pictures those of one layer, without a gap.
    pub(crate) number: u32,
    /// The picture, or the piece of sound, that it belongs to.
    pub(crate) frame: u32,
    /// Which packet of it, and how many it has.
    pub(crate) part: u16,
    pub(crate) parts: u16,
    /// On this process's clock.
    pub(crate) sent: Duration,
}

impl Stamp {
    /// Over the end of `payload`, which must be long enough.
    pub(crate) fn write(&self, payload: &mut [u8]) {
        let begin = payload.len() - LENGTH;
        let mut rest = &mut payload[begin..];
        let nanoseconds = u64::try_from(self.sent.as_nanos()).unwrap_or(u64::MAX);
        for field in [
            &MARK[..],
            &self.room.to_be_bytes(),
            &self.publisher.to_be_bytes(),
            &[self.layer],
            &self.number.to_be_bytes(),
            &self.frame.to_be_bytes(),
            &self.part.to_be_bytes(),
            &self.parts.to_be_bytes(),
            &nanoseconds.to_be_bytes(),
        ] {
            let (here, after) = rest.split_at_mut(field.len());
            here.copy_from_slice(field);
            rest = after;
        }
    }

    /// Nothing if the packet is not one of ours.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let mut rest = payload.last_chunk::<LENGTH>()?.as_slice();
        if take::<4>(&mut rest)? != MARK {
            return None;
        }
        Some(Self {
            room: u32::from_be_bytes(take(&mut rest)?),
            publisher: u32::from_be_bytes(take(&mut rest)?),
            layer: u8::from_be_bytes(take(&mut rest)?),
            number: u32::from_be_bytes(take(&mut rest)?),
            frame: u32::from_be_bytes(take(&mut rest)?),
            part: u16::from_be_bytes(take(&mut rest)?),
            parts: u16::from_be_bytes(take(&mut rest)?),
            sent: Duration::from_nanos(u64::from_be_bytes(take(&mut rest)?)),
        })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (field, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*field)
}

/// A moment as stamps carry it: publishers and receivers are in one process, so one clock is enough.
pub(crate) fn on_clock(now: Instant) -> Duration {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    now.saturating_duration_since(*BEGIN.get_or_init(Instant::now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_as_it_was_written_whatever_stands_before_it() {
        let stamp = Stamp {
            room: 7,
            publisher: 70_000,
            layer: 2,
            number: u32::MAX,
            frame: 3,
            part: 1,
            parts: 300,
            sent: Duration::from_nanos(1_234_567_890_123),
        };
        for before in [0, 1, 1000] {
            let mut payload = vec![0xaa; before + LENGTH];
            stamp.write(&mut payload);
            assert_eq!(Stamp::read(&payload), Some(stamp));
        }
    }

    #[test]
    fn what_is_not_ours_has_none() {
        assert_eq!(Stamp::read(&[]), None);
        assert_eq!(Stamp::read(&[0; LENGTH - 1]), None);
        assert_eq!(Stamp::read(&[0; 1200]), None);
    }
}
