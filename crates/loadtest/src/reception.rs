//! What one subscriber has received of one publisher, and whether that is right: one leg. Pure: it gets packets and the time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::layer::MAX_LAYERS;
use crate::ledger::{Identity, Ledger, Trace};
use crate::options::{MediaOptions, PictureCodec};
use crate::packet::Track;
use crate::picture_stream::{PicturePacket, PictureResult, PictureStream};
use crate::source::LastNumbers;
use crate::stamp::{self, Stamp};
use crate::track_check::{Arrival, TrackCheck, TrackResult};

/// See the module.
#[derive(Debug)]
pub(crate) struct Reception {
    room: u32,
    codec: PictureCodec,
    /// Layers of its pictures: of several each has numbers of its own, and what is missing only RTP's sequence numbers say.
    layers: usize,
    /// When the subscriber began to want it.
    began: Instant,
    publisher: Option<u32>,
    /// Of its publisher, if that sends from files.
    ledger: Option<Arc<Ledger>>,
    traces: [Trace; 2],
    tracks: [Option<TrackCheck>; 2],
    first_packet: Option<Duration>,
    first_picture: Option<Duration>,
    /// The key frame that is being put together: which, and how many packets of it are here.
    key_frame: Option<(u32, u8, u16)>,
    pictures: Option<PictureStream>,
    first_best: Option<Duration>,
    /// Packets that belong into another room or to another publisher.
    misdirected: u64,
}

/// A packet as it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received<'a> {
    pub(crate) track: Track,
    /// RTP's, with those that it has wrapped around.
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) payload: &'a [u8],
}

/// What is told of a packet at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Receipt {
    /// From its sending; nothing for what does not count: strangers' and doubled packets.
    pub(crate) delay: Option<Duration>,
    /// How many packets are missing more (or less) than before.
    pub(crate) missing: i64,
    /// Of pictures: the size.
    pub(crate) layer: Option<usize>,
}

/// What became of a leg.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LegResult {
    /// From wanting it.
    pub(crate) first_packet: Option<Duration>,
    /// The first whole key frame.
    pub(crate) first_picture: Option<Duration>,
    /// The first packet of the best layer.
    pub(crate) first_best: Option<Duration>,
    pub(crate) misdirected: u64,
    pub(crate) audio: Option<TrackResult>,
    pub(crate) video: Option<TrackResult>,
    pub(crate) pictures: Option<PictureResult>,
}

impl Reception {
    pub(crate) fn new(room: u32, media: MediaOptions, began: Instant) -> Self {
        Self {
            room,
            codec: media.codec,
            layers: media.layers().len(),
            began,
            publisher: None,
            ledger: None,
            traces: [Trace::default(); 2],
            tracks: [None, None],
            first_packet: None,
            first_picture: None,
            key_frame: None,
            pictures: None,
            first_best: None,
            misdirected: 0,
        }
    }

    /// Its publisher sends from files, and this is what it has sent.
    pub(crate) fn of_ledger(self, ledger: Option<Arc<Ledger>>) -> Self {
        Self { ledger, ..self }
    }

    /// Whether packets of this track have no stamps.
    pub(crate) fn is_unstamped(&self, track: Track) -> bool {
        self.ledger.as_ref().is_some_and(|ledger| ledger.has(track))
    }

    /// Whose it is, once something has come.
    pub(crate) fn publisher(&self) -> Option<u32> {
        self.publisher
    }

    /// Whether there are packets of every track, and a whole picture if there is video.
    pub(crate) fn is_complete(&self, audio: bool, video: bool) -> bool {
        (!audio || self.tracks[Track::Audio as usize].is_some()) && (!video || self.first_picture.is_some())
    }

    pub(crate) fn take(&mut self, packet: Received<'_>, now: Instant) -> Receipt {
        let Received { track, sequence, timestamp, marker, payload } = packet;
        let stamp = match self.identify(packet) {
            Identity::Known(stamp) => stamp,
            Identity::Ambiguous => return Receipt::default(),
            Identity::Stranger => {
                self.misdirected += 1;
                return Receipt::default();
            }
        };
        if stamp.room != self.room || *self.publisher.get_or_insert(stamp.publisher) != stamp.publisher {
            self.misdirected += 1;
            return Receipt::default();
        }
        let age = now.saturating_duration_since(self.began);
        self.first_packet.get_or_insert(age);
        let number = if self.is_numbered_by_rtp(track) { short(sequence) } else { stamp.number };
        let missing = match &mut self.tracks[track as usize] {
            Some(check) => match check.take(number) {
                Arrival::New { skipped } => i64::from(skipped),
                Arrival::Late => -1,
                Arrival::Duplicate => return Receipt::default(),
            },
            none => {
                *none = Some(TrackCheck::new(number));
                0
            }
        };
        let layer = (track == Track::Video).then_some(usize::from(stamp.layer));
        if layer.is_some() {
            let packet = PicturePacket { sequence, timestamp, marker, payload, stamp };
            match &mut self.pictures {
                Some(pictures) => pictures.take(packet, now),
                none => *none = Some(PictureStream::new(packet, self.codec, now)),
            }
        }
        if layer.is_some_and(|layer| layer + 1 == self.layers) {
            self.first_best.get_or_insert(age);
        }
        if track == Track::Video && self.first_picture.is_none() && self.completes_key_frame(&stamp, payload) {
            self.first_picture = Some(age);
        }
        Receipt { delay: Some(stamp::on_clock(now).saturating_sub(stamp.sent)), missing, layer }
    }

    /// Which packet it is. Padding is none.
    fn identify(&mut self, packet: Received<'_>) -> Identity {
        let Received { track, sequence, payload, .. } = packet;
        match &self.ledger {
            Some(ledger) if ledger.has(track) && !payload.is_empty() => {
                ledger.identify(track, sequence, payload, &mut self.traces[track as usize])
            }
            _ => Stamp::read(payload).map_or(Identity::Ambiguous, Identity::Known),
        }
    }

    fn is_numbered_by_rtp(&self, track: Track) -> bool {
        track == Track::Video && self.layers > 1
    }

    /// Its first packet says that it is one; the others may come in any order after it.
    fn completes_key_frame(&mut self, stamp: &Stamp, payload: &[u8]) -> bool {
        if stamp.part == 0 {
            self.key_frame =
                payload::starts_key_frame(self.codec.payload(), payload).then_some((stamp.frame, stamp.layer, 0));
        }
        match &mut self.key_frame {
            Some((frame, layer, parts)) if (*frame, *layer) == (stamp.frame, stamp.layer) => {
                *parts += 1;
                *parts == stamp.parts
            }
            _ => false,
        }
    }

    /// `last`: of its publisher, if the leg was there to the end.
    pub(crate) fn result(mut self, last: LastNumbers) -> LegResult {
        let last_picture =
            if self.is_numbered_by_rtp(Track::Video) { self.last_sequence(last.pictures) } else { last.pictures[0] };
        let [audio, video] = [last.sound, last_picture];
        let result = |track: Track, last| self.tracks[track as usize].as_ref().map(|check| check.result(last));
        LegResult {
            first_packet: self.first_packet,
            first_picture: self.first_picture,
            first_best: self.first_best,
            misdirected: self.misdirected,
            audio: result(Track::Audio, audio),
            video: result(Track::Video, video),
            pictures: self.pictures.take().map(PictureStream::result),
        }
    }

    /// That of the last packet of the layer that came in the end.
    fn last_sequence(&self, last: [Option<u32>; MAX_LAYERS]) -> Option<u32> {
        let (sequence, layer, number) = self.pictures.as_ref()?.newest();
        let last = last.get(layer).copied().flatten()?;
        Some(short(sequence).saturating_add(last.saturating_sub(number)))
    }
}

/// No test has as many packets on one leg.
fn short(sequence: u64) -> u32 {
    u32::try_from(sequence).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Share;
    use crate::packet::MediaPacket;
    use crate::report::Seams;
    use crate::source::Source;

    const OPTIONS: MediaOptions = MediaOptions {
        audio: true,
        video: true,
        codec: PictureCodec::Vp8,
        video_kbps: 1500,
        frame_rate: 30,
        key_frame_interval: 2,
        simulcast: false,
        loss: Share::NONE,
    };

    /// A second of a publisher in this room.
    fn second(room: u32, publisher: u32, begin: Instant) -> (Source, Vec<(Instant, MediaPacket)>) {
        let mut source = Source::new(room, publisher, OPTIONS, begin);
        let mut packets = vec![];
        for millisecond in 0..1000 {
            let now = begin + Duration::from_millis(millisecond);
            source.packets(now, |packet| packets.push((now, packet)));
        }
        (source, packets)
    }

    /// Over a network, numbered as they were sent.
    fn arrived(packet: &MediaPacket) -> Received<'_> {
        let MediaPacket { track, payload, timestamp, marker, .. } = packet;
        let sequence = Stamp::read(payload).unwrap().number.into();
        Received { track: *track, sequence, timestamp: *timestamp, marker: *marker, payload }
    }

    fn received(room: u32, source: &Source, packets: &[&(Instant, MediaPacket)], began: Instant) -> LegResult {
        received_with(OPTIONS, room, source, packets, began)
    }

    fn received_with(
        options: MediaOptions,
        room: u32,
        source: &Source,
        packets: &[&(Instant, MediaPacket)],
        began: Instant,
    ) -> LegResult {
        let mut reception = Reception::new(room, options, began);
        for (at, packet) in packets {
            reception.take(arrived(packet), *at + Duration::from_millis(3));
        }
        reception.result(source.last())
    }

    #[test]
    fn a_leg_that_gets_everything_is_told_so() {
        let begin = Instant::now();
        let (source, packets) = second(1, 4, begin);
        let leg = received(1, &source, &packets.iter().collect::<Vec<_>>(), begin);
        let video = packets.iter().filter(|(_, packet)| packet.track == Track::Video).count() as u64;
        assert_eq!(leg.video, Some(TrackResult { received: video, duplicated: 0, late: 0, missing: 0 }));
        assert_eq!(leg.audio.unwrap().missing, 0);
        assert_eq!(leg.misdirected, 0);
        assert!(leg.first_picture >= leg.first_packet && leg.first_packet.is_some());
    }

    #[test]
    fn delays_are_those_of_the_way() {
        let begin = Instant::now();
        stamp::on_clock(begin);
        let (_, packets) = second(1, 4, begin + Duration::from_secs(1));
        let (at, packet) = &packets[0];
        let receipt = Reception::new(1, OPTIONS, begin).take(arrived(packet), *at + Duration::from_micros(1700));
        let layer = (packet.track == Track::Video).then_some(0);
        assert_eq!(receipt, Receipt { delay: Some(Duration::from_micros(1700)), missing: 0, layer });
    }

    #[test]
    fn a_lost_a_doubled_and_a_late_packet_are_told_as_such() {
        let begin = Instant::now();
        let (source, packets) = second(1, 4, begin);
        let video: Vec<_> = packets.iter().filter(|(_, packet)| packet.track == Track::Video).collect();
        let mut altered = video.clone();
        altered.remove(20);
        altered.insert(30, video[29]);
        altered.swap(50, 51);
        let leg = received(1, &source, &altered, begin);
        let video = leg.video.unwrap();
        assert_eq!((video.missing, video.duplicated, video.late), (1, 1, 1));
        assert_eq!(leg.pictures.unwrap().seams, Seams::default());
    }

    #[test]
    fn of_several_layers_what_is_missing_is_told_by_sequence_numbers_and_by_the_layer_at_the_end() {
        let begin = Instant::now();
        let options = MediaOptions { simulcast: true, audio: false, ..OPTIONS };
        let mut source = Source::new(1, 4, options, begin);
        let mut packets = vec![];
        source.packets(begin + Duration::from_millis(999), |packet| packets.push((begin, packet)));
        source.packets(begin + Duration::from_millis(1999), |packet| packets.push((begin, packet)));
        // The middle layer from its first packet on, without one, and without its last.
        let mut middle: Vec<_> = packets.iter().filter(|(_, packet)| packet.layer == 1).collect();
        assert_eq!(middle.len(), 4);
        middle.pop();
        middle.remove(1);
        let leg = received_with(options, 1, &source, &middle, begin);
        assert_eq!(leg.video.unwrap().missing, 2);
        assert_eq!((leg.first_best, leg.pictures.unwrap().highest), (None, 1));
    }

    #[test]
    fn what_belongs_elsewhere_is_misdirected() {
        let begin = Instant::now();
        let (source, ours) = second(1, 4, begin);
        let (_, of_another) = second(1, 5, begin);
        let (_, of_another_room) = second(2, 4, begin);
        let mixed: Vec<_> = ours.iter().chain(&of_another[..7]).chain(&of_another_room[..5]).collect();
        assert_eq!(received(1, &source, &mixed, begin).misdirected, 12);
    }

    #[test]
    fn a_picture_is_there_when_all_of_a_key_frame_is() {
        let begin = Instant::now();
        let (source, packets) = second(1, 4, begin);
        let video: Vec<_> = packets.iter().filter(|(_, packet)| packet.track == Track::Video).collect();
        // Without one packet of the only key frame there is none.
        let altered: Vec<_> = video.iter().enumerate().filter(|(at, _)| *at != 3).map(|(_, packet)| *packet).collect();
        assert_eq!(received(1, &source, &altered, begin).first_picture, None);
        assert!(received(1, &source, &video, begin).first_picture.is_some());
    }
}
