//! What one peer connection receives: the stream of one publisher, or those of several. Pure: it gets packets and the time.
//!
//! Which of them a packet belongs to its stamp says, not the SDP: so a server that mixes streams up is found out. What publishers
//! send from files has no stamp: only a stream alone on its peer connection can be told then.

use std::sync::Arc;
use std::time::Instant;

use crate::ledger::Ledger;
use crate::options::MediaOptions;
use crate::reception::{Receipt, Received, Reception};
use crate::stamp::Stamp;

/// See the module.
#[derive(Debug)]
pub(crate) struct Bundle {
    room: u32,
    media: MediaOptions,
    legs: Vec<BundledLeg>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct BundledLeg {
    pub(crate) reception: Reception,
    /// Whether it was told that everything that was wanted is there.
    pub(crate) complete: bool,
}

impl Bundle {
    /// `media`: what publishers send.
    pub(crate) fn new(room: u32, media: MediaOptions) -> Self {
        Self { room, media, legs: vec![] }
    }

    /// One more stream is wanted, since `began`; whose it is its first packet says.
    pub(crate) fn expect(&mut self, began: Instant) {
        self.expect_of(began, None);
    }

    /// The same; with a `ledger` it is that publisher's, who sends from files.
    pub(crate) fn expect_of(&mut self, began: Instant, ledger: Option<Arc<Ledger>>) {
        let reception = Reception::new(self.room, self.media, began).of_ledger(ledger);
        self.legs.push(BundledLeg { reception, complete: false });
    }

    pub(crate) fn take(&mut self, packet: Received<'_>, now: Instant) -> Receipt {
        if let Some(leg) = self.legs.iter_mut().find(|leg| leg.reception.is_unstamped(packet.track)) {
            return leg.reception.take(packet, now);
        }
        let Some(stamp) = Stamp::read(packet.payload) else { return Receipt::default() };
        let of = |publisher| self.legs.iter().position(|leg| leg.reception.publisher() == publisher);
        // A stream too many is told of by the first one, which it does not belong to.
        let place = of(Some(stamp.publisher)).or_else(|| of(None)).unwrap_or(0);
        self.legs.get_mut(place).map_or_else(Receipt::default, |leg| leg.reception.take(packet, now))
    }

    /// How many have got, for the first time, everything that is wanted of them.
    pub(crate) fn newly_complete(&mut self) -> u64 {
        let MediaOptions { audio, video, .. } = self.media;
        let mut count = 0;
        for leg in self.legs.iter_mut().filter(|leg| !leg.complete) {
            leg.complete = leg.reception.is_complete(audio, video);
            count += u64::from(leg.complete);
        }
        count
    }

    pub(crate) fn into_legs(self) -> Vec<BundledLeg> {
        self.legs
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::options::{PictureCodec, Share};
    use crate::packet::MediaPacket;
    use crate::source::{LastNumbers, Source};

    const SOUND: MediaOptions = MediaOptions {
        audio: true,
        video: false,
        codec: PictureCodec::Vp8,
        video_kbps: 1,
        frame_rate: 1,
        key_frame_interval: 1,
        simulcast: false,
        loss: Share::NONE,
    };

    fn second_of(publisher: u32, begin: Instant) -> Vec<MediaPacket> {
        let mut source = Source::new(3, publisher, SOUND, begin);
        let mut packets = vec![];
        for millisecond in 0..1000 {
            source.packets(begin + Duration::from_millis(millisecond), |packet| packets.push(packet));
        }
        packets
    }

    fn arrived(packet: &MediaPacket) -> Received<'_> {
        let MediaPacket { track, payload, timestamp, marker, .. } = packet;
        Received { track: *track, sequence: 0, timestamp: *timestamp, marker: *marker, payload }
    }

    #[test]
    fn streams_of_several_publishers_are_told_apart() {
        let begin = Instant::now();
        let mut bundle = Bundle::new(3, SOUND);
        bundle.expect(begin);
        bundle.expect(begin);
        assert_eq!(bundle.newly_complete(), 0);
        let (one, other) = (second_of(7, begin), second_of(9, begin));
        for packet in one.iter().zip(&other).flat_map(|(one, other)| [one, other]) {
            bundle.take(arrived(packet), begin);
        }
        assert_eq!(bundle.newly_complete(), 2);
        assert_eq!(bundle.newly_complete(), 0, "each is told of once");
        let received: Vec<_> = bundle
            .into_legs()
            .into_iter()
            .map(|leg| {
                let publisher = leg.reception.publisher();
                let result = leg.reception.result(LastNumbers::default());
                (publisher, result.misdirected, result.audio.map(|audio| audio.missing))
            })
            .collect();
        assert_eq!(received, [(Some(7), 0, Some(0)), (Some(9), 0, Some(0))]);
    }

    #[test]
    fn a_stream_too_many_is_misdirected() {
        let begin = Instant::now();
        let mut bundle = Bundle::new(3, SOUND);
        bundle.expect(begin);
        for publisher in [7, 9] {
            for packet in second_of(publisher, begin).iter().take(4) {
                bundle.take(arrived(packet), begin);
            }
        }
        assert_eq!(bundle.into_legs().remove(0).reception.result(LastNumbers::default()).misdirected, 4);
    }

    #[test]
    fn what_comes_before_anything_is_wanted_counts_for_nothing() {
        let begin = Instant::now();
        let packet = &second_of(7, begin)[0];
        assert_eq!(Bundle::new(3, SOUND).take(arrived(packet), begin), Receipt::default());
    }
}
