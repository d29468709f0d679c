//! Whether the pictures that a subscriber gets are one stream without a seam, whichever layers they were put together from, and
//! which layers these were. Pure: it sees packets as they come, and looks at them in the order of their sequence numbers.
//!
//! A receiver knows nothing of layers: to it timestamps go forward, and picture ids of VP8 count pictures. It can go on decoding at a
//! change of layer only if the first picture of the new one is a key frame. That the last picture of the old one is cut off there
//! does no harm, because nothing needs it any more; it is counted, and no seam. Where a packet is lost
//! for good, what stands on both sides of it is not compared, but for the timestamps. Loss itself is [`crate::track_check`]'s.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use payload::vp8::{PictureNumbers, picture_numbers};

use crate::layer::MAX_LAYERS;
use crate::options::PictureCodec;
use crate::report::Seams;
use crate::stamp::Stamp;

/// Packets that wait for one before them, which then is given up: some seconds of a picture.
const MOST_EARLY: usize = 512;

/// A packet of a picture, as it came.
#[derive(Clone, Copy)]
pub(crate) struct PicturePacket<'a> {
    /// RTP's, with those that it has wrapped around.
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) payload: &'a [u8],
    pub(crate) stamp: Stamp,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct PictureStream {
    codec: PictureCodec,
    /// The last one that was looked at: all before it have been, or were given up.
    last: Option<Seen>,
    /// Those that came before one that is missing.
    early: BTreeMap<u64, Seen>,
    /// The newest, in its order.
    newest: Seen,
    began: Instant,
    ended: Instant,
    result: PictureResult,
}

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct PictureResult {
    /// Packets of each layer.
    pub(crate) packets: [u64; MAX_LAYERS],
    /// Changes of layer.
    pub(crate) switches: u64,
    /// Those in the middle of a picture.
    pub(crate) cut_off: u64,
    pub(crate) seams: Seams,
    /// From the first packet to the last.
    pub(crate) lasted: Duration,
    /// At the end.
    pub(crate) layer: usize,
    /// The highest that there was.
    pub(crate) highest: usize,
}

/// What is kept of a packet.
#[derive(Clone, Copy, Debug)]
struct Seen {
    sequence: u64,
    timestamp: u32,
    marker: bool,
    layer: u8,
    frame: u32,
    number: u32,
    begins_picture: bool,
    starts_key_frame: bool,
    numbers: PictureNumbers,
}

impl Seen {
    fn of(packet: PicturePacket<'_>, codec: PictureCodec) -> Self {
        let PicturePacket { sequence, timestamp, marker, payload, stamp } = packet;
        let numbers = match codec {
            PictureCodec::Vp8 => picture_numbers(payload),
            PictureCodec::H264 => PictureNumbers::default(),
        };
        let begins_picture = stamp.part == 0;
        Self {
            sequence,
            timestamp,
            marker,
            layer: stamp.layer,
            frame: stamp.frame,
            number: stamp.number,
            begins_picture,
            starts_key_frame: begins_picture && payload::starts_key_frame(codec.payload(), payload),
            numbers,
        }
    }
}

impl PictureStream {
    /// It begins with what comes first.
    pub(crate) fn new(first: PicturePacket<'_>, codec: PictureCodec, now: Instant) -> Self {
        let newest = Seen::of(first, codec);
        let mut stream = Self {
            codec,
            last: None,
            early: BTreeMap::new(),
            newest,
            began: now,
            ended: now,
            result: PictureResult::default(),
        };
        stream.take(first, now);
        stream
    }

    /// A further packet, which has not come before.
    pub(crate) fn take(&mut self, packet: PicturePacket<'_>, now: Instant) {
        let seen = Seen::of(packet, self.codec);
        self.ended = now;
        let layer = usize::from(seen.layer).min(MAX_LAYERS - 1);
        self.result.packets[layer] += 1;
        self.result.highest = self.result.highest.max(layer);
        if seen.sequence >= self.newest.sequence {
            self.newest = seen;
        }
        match self.last {
            // Given up, or before the first.
            Some(last) if seen.sequence <= last.sequence => return,
            Some(last) if seen.sequence > last.sequence + 1 => {
                self.early.insert(seen.sequence, seen);
                if self.early.len() > MOST_EARLY {
                    self.give_up();
                }
                return;
            }
            last => self.follow(last, seen),
        }
        self.catch_up();
    }

    /// Those that have waited for this one.
    fn catch_up(&mut self) {
        while let Some(last) = self.last
            && let Some(next) = self.early.remove(&(last.sequence + 1))
        {
            self.follow(Some(last), next);
        }
    }

    /// What is missing before the first that waits.
    fn give_up(&mut self) {
        let Some((_, next)) = self.early.pop_first() else { return };
        if let Some(last) = self.last {
            self.result.seams.timestamps += u64::from(back(last.timestamp, next.timestamp));
            self.result.switches += u64::from(last.layer != next.layer);
        }
        self.last = Some(next);
        self.catch_up();
    }

    /// `next` comes right after `last`, if there is one.
    fn follow(&mut self, last: Option<Seen>, next: Seen) {
        self.last = Some(next);
        let Some(last) = last else { return };
        let seams = &mut self.result.seams;
        let is_next_packet = next.layer == last.layer && next.number == last.number.wrapping_add(1);
        if (next.layer, next.frame) == (last.layer, last.frame) {
            seams.timestamps += u64::from(next.timestamp != last.timestamp);
            seams.picture_ids += u64::from(next.numbers != last.numbers);
            seams.torn += u64::from(!is_next_packet);
            return;
        }
        seams.timestamps += u64::from(next.timestamp == last.timestamp || back(last.timestamp, next.timestamp));
        seams.picture_ids += u64::from(!counts_on(last.numbers, next.numbers));
        // A server may pause a layer, and go on with it later: with a key frame, as with another layer.
        seams.key_frames += u64::from(!is_next_packet && !next.starts_key_frame);
        let is_switch = next.layer != last.layer;
        seams.torn += u64::from(!is_switch && !last.marker || !next.begins_picture);
        self.result.switches += u64::from(is_switch);
        self.result.cut_off += u64::from(is_switch && !last.marker);
    }

    /// The highest sequence number, and which packet of which layer has it.
    pub(crate) fn newest(&self) -> (u64, usize, u32) {
        (self.newest.sequence, usize::from(self.newest.layer), self.newest.number)
    }

    /// What waits is looked at first.
    pub(crate) fn result(mut self) -> PictureResult {
        while !self.early.is_empty() {
            self.give_up();
        }
        let lasted = self.ended.saturating_duration_since(self.began);
        PictureResult { lasted, layer: usize::from(self.newest.layer).min(MAX_LAYERS - 1), ..self.result }
    }
}

/// Whether time goes back; timestamps wrap around.
fn back(from: u32, to: u32) -> bool {
    to.wrapping_sub(from) > u32::MAX / 2
}

/// Whether those of a picture are one more than those of the picture before it.
fn counts_on(last: PictureNumbers, next: PictureNumbers) -> bool {
    let id = match (last.picture_id, next.picture_id) {
        (Some(last), Some(next)) => next.mask == last.mask && next.value == last.value.wrapping_add(1) & last.mask,
        (last, next) => last == next,
    };
    id && next.tl0_pic_idx == last.tl0_pic_idx.map(|index| index.wrapping_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{MediaOptions, Share};
    use crate::packet::MediaPacket;
    use crate::source::Source;

    const OPTIONS: MediaOptions = MediaOptions {
        audio: false,
        video: true,
        codec: PictureCodec::Vp8,
        video_kbps: 1500,
        frame_rate: 30,
        key_frame_interval: 1,
        simulcast: true,
        loss: Share::NONE,
    };

    /// A server that does it right: of each second one layer, renumbered.
    fn forwarded(layers: &[usize]) -> Vec<MediaPacket> {
        let begin = Instant::now();
        let mut source = Source::new(0, 0, OPTIONS, begin);
        let (mut out, mut picture, mut last) = (Vec::<MediaPacket>::new(), 40_u16, None);
        for millisecond in 0..1000 * u64::try_from(layers.len()).unwrap() {
            let second = usize::try_from(millisecond / 1000).unwrap();
            source.packets(begin + Duration::from_millis(millisecond), |mut packet| {
                // Layers begin where they have a key frame: on the second.
                let wanted = layers[second];
                if packet.layer != wanted {
                    return;
                }
                let stamp = Stamp::read(&packet.payload).unwrap();
                packet.timestamp = stamp.frame * 3000;
                picture += u16::from(last.replace(stamp.frame) != Some(stamp.frame));
                payload::vp8::renumber(&mut packet.payload, Some(picture), Some(picture as u8));
                out.push(packet);
            });
        }
        out
    }

    fn looked_at(packets: &[(u64, &MediaPacket)]) -> PictureResult {
        let begin = Instant::now();
        let of = |(sequence, packet): &(u64, &MediaPacket)| {
            let stamp = Stamp::read(&packet.payload).unwrap();
            (*sequence, packet.timestamp, packet.marker, packet.payload.clone(), stamp)
        };
        let mut stream: Option<PictureStream> = None;
        for (sequence, timestamp, marker, payload, stamp) in packets.iter().map(of) {
            let packet = PicturePacket { sequence, timestamp, marker, payload: &payload, stamp };
            match &mut stream {
                Some(stream) => stream.take(packet, begin),
                None => stream = Some(PictureStream::new(packet, PictureCodec::Vp8, begin)),
            }
        }
        stream.unwrap().result()
    }

    fn numbered(packets: &[MediaPacket]) -> Vec<(u64, &MediaPacket)> {
        (65_000..).zip(packets).collect()
    }

    #[test]
    fn changes_of_layer_at_key_frames_leave_no_seam() {
        let packets = forwarded(&[0, 2, 1, 2]);
        let result = looked_at(&numbered(&packets));
        assert_eq!((result.seams, result.switches), (Seams::default(), 3));
        assert_eq!((result.layer, result.highest), (2, 2));
        assert!(result.packets[2] > result.packets[1] && result.packets[1] > result.packets[0]);
    }

    #[test]
    fn order_does_not_matter_and_what_is_lost_is_no_seam() {
        let packets = forwarded(&[0, 2]);
        let mut mixed = numbered(&packets);
        mixed.swap(50, 53);
        mixed.swap(90, 91);
        mixed.remove(70);
        assert_eq!(looked_at(&mixed).seams, Seams::default());
    }

    #[test]
    fn what_is_cut_off_by_a_change_of_layer_is_no_seam() {
        let mut packets = forwarded(&[0, 2]);
        let change = packets.iter().position(|packet| packet.layer == 2).unwrap();
        packets[change - 1].marker = false;
        let result = looked_at(&numbered(&packets));
        assert_eq!((result.seams, result.switches, result.cut_off), (Seams::default(), 1, 1));
    }

    #[test]
    fn each_kind_of_seam_is_told() {
        let packets = forwarded(&[0, 2]);
        let change = packets.iter().position(|packet| packet.layer == 2).unwrap();
        let altered = |alter: &dyn Fn(&mut Vec<MediaPacket>)| {
            let mut packets = forwarded(&[0, 2]);
            alter(&mut packets);
            looked_at(&numbered(&packets)).seams
        };
        let back = altered(&|packets| packets[change..].iter_mut().for_each(|packet| packet.timestamp -= 90_000));
        assert_eq!(back, Seams { timestamps: 1, ..Seams::default() });
        let ids = altered(&|packets| {
            packets[change..]
                .iter_mut()
                .for_each(|packet| payload::vp8::renumber(&mut packet.payload, Some(7), Some(7)));
        });
        assert!(ids.picture_ids > 0 && ids.timestamps == 0, "{ids:?}");
        // Without its key frame the new layer cannot be decoded.
        let per_picture = packets[change..].iter().position(|packet| packet.marker).unwrap() + 1;
        let no_key = altered(&|packets| drop(packets.drain(change..change + per_picture)));
        assert_eq!((no_key.key_frames, no_key.torn), (1, 0), "{no_key:?}");
        let torn = altered(&|packets| packets[change - 2].marker = false);
        assert_eq!(torn, Seams { torn: 1, ..Seams::default() });
        // A packet is left out, and the numbers go on as if it had not been.
        let hidden = altered(&|packets| drop(packets.remove(change + per_picture + 1)));
        assert_eq!(hidden, Seams { torn: 1, ..Seams::default() });
    }
}
