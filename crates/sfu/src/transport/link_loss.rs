//! What a publisher's packets lose on the way, whether or not they come again: the engine counts what was repaired as received
//! (RFC 3550 §6.4.1 leaves that open), which says how the picture is, not how the link is. Retransmissions have sources of their
//! own, so that only originals are counted here.

/// A jump that is no loss: the source began anew.
const RESTART: u16 = 3000;
/// Sources of a publisher: its sound and three layers, and as many that took their places.
const MAX_SOURCES: usize = 8;

/// Of all sources of a transport.
#[derive(Debug, Default)]
pub(super) struct LinkLoss {
    /// What the datagram that is being taken is, as its header says.
    arriving: Option<(u32, u16)>,
    sources: Vec<Source>,
}

#[derive(Clone, Copy, Debug)]
struct Source {
    ssrc: u32,
    stream: StreamPlace,
    newest: u16,
    expected: u32,
    received: u32,
}

/// Sound, or a layer of the picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum StreamPlace {
    Audio,
    Video(usize),
}

impl LinkLoss {
    /// A datagram with these comes, which nobody has authenticated yet.
    pub(super) fn arrives(&mut self, header: Option<(u32, u16)>) {
        self.arriving = header;
    }

    /// The engine has made a packet of it: with the same source and number, it is no retransmission.
    pub(super) fn taken(&mut self, ssrc: u32, sequence: u16, stream: StreamPlace) {
        if self.arriving.take() != Some((ssrc, sequence)) {
            return;
        }
        let Some(source) = self.sources.iter_mut().find(|source| source.ssrc == ssrc) else {
            if self.sources.len() == MAX_SOURCES {
                self.sources.remove(0);
            }
            self.sources.push(Source { ssrc, stream, newest: sequence, expected: 1, received: 1 });
            return;
        };
        source.received += 1;
        match sequence.wrapping_sub(source.newest) {
            // It came late.
            ahead if ahead >= 1 << 15 => {}
            ahead if ahead > RESTART => {
                source.newest = sequence;
                source.expected += 1;
            }
            ahead => {
                source.newest = sequence;
                source.expected += u32::from(ahead);
            }
        }
    }

    /// In thousandths of what should have come since the last call.
    pub(super) fn take(&mut self, stream: StreamPlace) -> Option<u16> {
        let (mut expected, mut received) = (0, 0);
        for source in self.sources.iter_mut().filter(|source| source.stream == stream) {
            expected += std::mem::take(&mut source.expected);
            received += std::mem::take(&mut source.received);
        }
        let lost = expected.saturating_sub(received);
        (u64::from(lost) * 1000).checked_div(u64::from(expected)).map(|share| share as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: StreamPlace = StreamPlace::Audio;

    fn came(loss: &mut LinkLoss, ssrc: u32, sequence: u16) {
        loss.arrives(Some((ssrc, sequence)));
        loss.taken(ssrc, sequence, SOUND);
    }

    #[test]
    fn what_is_repaired_was_lost_all_the_same() {
        let mut loss = LinkLoss::default();
        for sequence in (65_500..=65_535).chain(0..=63).filter(|sequence| sequence % 10 != 0) {
            came(&mut loss, 1, sequence);
        }
        // The retransmission comes from another source, and the engine gives it the number of what was lost.
        loss.arrives(Some((2, 500)));
        loss.taken(1, 65_510, SOUND);
        // Of 99 numbers from 65 501 to 63, ten were lost.
        assert_eq!(loss.take(SOUND), Some(101));
        assert_eq!(loss.take(SOUND), None, "nothing was to come");
    }

    #[test]
    fn what_comes_late_was_not_lost() {
        let mut loss = LinkLoss::default();
        for sequence in [10, 12, 13, 11, 14] {
            came(&mut loss, 1, sequence);
        }
        assert_eq!(loss.take(SOUND), Some(0));
    }

    #[test]
    fn a_new_beginning_is_no_loss_and_streams_are_told_apart() {
        let mut loss = LinkLoss::default();
        for sequence in [1, 2, 20_000, 20_001] {
            came(&mut loss, 1, sequence);
        }
        loss.arrives(Some((3, 1)));
        loss.taken(3, 1, StreamPlace::Video(1));
        loss.arrives(Some((3, 3)));
        loss.taken(3, 3, StreamPlace::Video(1));
        assert_eq!((loss.take(SOUND), loss.take(StreamPlace::Video(0))), (Some(0), None));
        assert_eq!(loss.take(StreamPlace::Video(1)), Some(333));
    }

    #[test]
    fn sources_without_end_take_no_memory() {
        let mut loss = LinkLoss::default();
        (0..1000).for_each(|ssrc| came(&mut loss, ssrc, 1));
        assert_eq!(loss.sources.len(), MAX_SOURCES);
    }
}
