//! The media of one publisher: what is due, and which packets that makes. Pure: it gets the time. It is synthetic, but for the
//! tracks that come from files ([`crate::playback`]).
//!
//! Pictures look like VP8 to whoever looks no further than a server does (RFC 7741, and the header of RFC 6386 §9.1), or like
//! H264 in packetisation mode 1 (RFC 6184), sound like Opus; what follows is not decodable. All pictures of a layer have the same
//! size, so that the load is even.
//!
//! With simulcast each layer has picture ids and timestamps of its own, as an encoder of its own would have, and key frames come
//! where they are asked for. What the server lets a publisher send ([`Source::limit`]) is heeded as browsers do it: the best layer
//! is lowered, or stopped. Without simulcast it is not: what was asked for is sent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::layer::{Layer, MAX_LAYERS};
use crate::ledger::Ledger;
use crate::options::{MediaOptions, PictureCodec};
use crate::packet::{MAX_PAYLOAD, MediaPacket, Track, VP8_DESCRIPTOR, h264_fragment, vp8_descriptor};
use crate::playback::{Clips, Playback};
use crate::stamp::{self, Stamp};

/// Of sound, as browsers send it.
const SOUND_PERIOD: Duration = Duration::from_millis(20);
/// Ticks of the RTP clocks.
const SOUND_TICKS: u32 = 960;
const VIDEO_CLOCK: u32 = 90_000;
/// The longest start of a packet: payload descriptor, and header of a key frame.
const HEADER: usize = 40;
/// Picture parameter set of H264, as x264 writes it; it goes with those of [`Layer`].
const PPS: [u8; 5] = [0x68, 0xcb, 0x83, 0xcb, 0x20];
/// Headers of units of H264, RFC 6184 §1.3: a whole picture of its own, one that needs others, and words of no use to a decoder.
const IDR: u8 = 0x65;
const SLICE: u8 = 0x41;
const SEI: u8 = 0x66;
/// Less than this share of its rate, in per cent, and a layer is not sent.
const LEAST: u32 = 50;
/// Around each packet's payload: what a server means with a limit has it in it, and sound.
const HEADERS: usize = 54;
/// kbit/s, with them.
const SOUND_KBPS: u32 = 53;
/// Per cent of what it may that an encoder aims at: it does not keep to a rate exactly.
const FILLED: u64 = 95;
/// Layers are encoders of their own: what they count begins somewhere else.
const PICTURES_APART: u16 = 10_007;
const TICKS_APART: u32 = 1_234_567_890;
/// Everybody speaks for a tenth of the time: each in turn, of ten publishers, for so many packets (two seconds).
const SPEAKERS: u32 = 10;
const UTTERANCE: u32 = 100;
/// Of speech, and of nothing, in dBov.
const LOUD: i8 = -30;
const SILENT: i8 = -80;
/// A second of Opus has an even rate, 32 kbit/s.
const SOUND_PAYLOAD: usize = 80;

/// See the module.
#[derive(Debug)]
pub(crate) struct Source {
    room: u32,
    publisher: u32,
    options: MediaOptions,
    sound: Option<Clock>,
    picture: Option<Clock>,
    /// In place of them, by track.
    played: [Option<Playback>; 2],
    /// From the smallest layer on.
    encodings: Vec<Encoding>,
    /// The number of the next packet of sound.
    next_sound: u32,
    /// What fell due while this process was late.
    pub(crate) omitted: u64,
}

/// The pictures of one layer.
#[derive(Debug)]
struct Encoding {
    layer: &'static Layer,
    /// As long as nobody says that it is too much.
    full_kbps: u32,
    /// Nothing is sent without any.
    kbps: u32,
    key_frame_wanted: bool,
    /// Pictures since the last key frame.
    since_key_frame: u32,
    picture_id: u16,
    /// The number of the next packet.
    next: u32,
}

/// Numbers of the last packets of a publisher, of what it has sent.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct LastNumbers {
    pub(crate) sound: Option<u32>,
    /// From the smallest layer on.
    pub(crate) pictures: [Option<u32>; MAX_LAYERS],
}

/// A thing that happens again and again.
#[derive(Debug)]
struct Clock {
    period: Duration,
    due: Instant,
    /// How often it fell due, whether it happened or not.
    count: u32,
}

impl Clock {
    /// Whether it happens; what was missed is left out, and the phase stays.
    fn strike(&mut self, now: Instant) -> Option<u32> {
        let late = now.checked_duration_since(self.due)?;
        let periods = u32::try_from(late.as_nanos() / self.period.as_nanos()).unwrap_or(u32::MAX - 1) + 1;
        self.due += self.period * periods;
        self.count = self.count.wrapping_add(periods);
        Some(periods - 1)
    }
}

impl Source {
    /// Publishers are not in step with each other: `publisher` decides about the phase.
    pub(crate) fn new(room: u32, publisher: u32, options: MediaOptions, now: Instant) -> Self {
        let phase = phase(publisher);
        let clock = |period: Duration| Clock { period, due: now + period.mul_f64(phase), count: 0 };
        let picture_period = Duration::from_secs(1) / options.frame_rate.max(1);
        Self {
            room,
            publisher,
            options,
            sound: options.audio.then(|| clock(SOUND_PERIOD)),
            picture: options.video.then(|| clock(picture_period)),
            played: [None, None],
            encodings: options
                .layers()
                .iter()
                .zip(0..)
                .map(|(layer, index)| Encoding::new(layer, index, options))
                .collect(),
            next_sound: 0,
            omitted: 0,
        }
    }

    /// What there are files of is sent from them, and written into the ledger.
    pub(crate) fn playing(mut self, clips: &Clips, ledger: &Arc<Ledger>, now: Instant) -> Self {
        self.played = clips.play(ledger, phase(self.publisher), now);
        let [sound, picture] = self.played.each_ref().map(Option::is_some);
        self.sound = self.sound.filter(|_| !sound);
        self.picture = self.picture.filter(|_| !picture);
        self
    }

    pub(crate) fn publisher(&self) -> u32 {
        self.publisher
    }

    /// The next picture is one: of the layer with this rid, or of all where none is told.
    pub(crate) fn want_key_frame(&mut self, rid: Option<&str>) {
        for encoding in &mut self.encodings {
            encoding.key_frame_wanted |= rid.is_none() || encoding.layer.rid == rid;
        }
        if let Some(playback) = &mut self.played[Track::Video as usize] {
            playback.want_key_frame();
        }
    }

    /// The server lets it send so much, all that it sends together. From the smallest layer on each gets what it needs; where that
    /// is not left for one, it gets what is left, or nothing if that is too little.
    pub(crate) fn limit(&mut self, kbps: u32) {
        if self.encodings.len() < 2 {
            return;
        }
        let left = kbps.saturating_sub(if self.options.audio { SOUND_KBPS } else { 0 });
        let mut left = u64::from(left) * MAX_PAYLOAD as u64 * FILLED / ((MAX_PAYLOAD + HEADERS) as u64 * 100);
        for (index, encoding) in self.encodings.iter_mut().enumerate() {
            let here = u32::try_from(left).map_or(encoding.full_kbps, |left| encoding.full_kbps.min(left));
            let is_sent = index == 0 || here >= encoding.full_kbps * LEAST / 100;
            // An encoder that begins anew begins with one.
            encoding.key_frame_wanted |= encoding.kbps == 0;
            encoding.kbps = if is_sent { here.max(1) } else { 0 };
            left = left.saturating_sub(encoding.full_kbps.into());
        }
    }

    /// When there is something to send.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let synthetic = [&self.sound, &self.picture].into_iter().flatten().map(|clock| clock.due);
        synthetic.chain(self.played.iter().flatten().filter_map(Playback::due)).min()
    }

    /// No more of it.
    pub(crate) fn silence(&mut self) {
        self.sound = None;
        self.picture = None;
        self.played.iter_mut().flatten().for_each(Playback::silence);
    }

    pub(crate) fn last(&self) -> LastNumbers {
        let mut pictures = [None; MAX_LAYERS];
        for (last, encoding) in pictures.iter_mut().zip(&self.encodings) {
            *last = encoding.next.checked_sub(1);
        }
        let mut sound = self.next_sound.checked_sub(1);
        let [played_sound, played_pictures] = &self.played;
        if let Some(playback) = played_sound {
            sound = playback.last();
        }
        if let Some(playback) = played_pictures {
            pictures[0] = playback.last();
        }
        LastNumbers { sound, pictures }
    }

    /// What is due.
    pub(crate) fn packets(&mut self, now: Instant, mut send: impl FnMut(MediaPacket)) {
        for playback in self.played.iter_mut().flatten() {
            playback.packets(now, |frame| level(self.publisher, frame), &mut send);
            self.omitted += std::mem::take(&mut playback.omitted);
        }
        if let Some(clock) = &mut self.sound
            && let Some(omitted) = clock.strike(now)
        {
            let frame = clock.count;
            self.omitted += u64::from(omitted);
            let mut payload = vec![0; SOUND_PAYLOAD];
            // An Opus packet begins with its configuration: full band, 20 ms, one frame (RFC 6716 §3.1).
            payload[0] = 0xf8;
            let sent = stamp::on_clock(now);
            let (room, publisher, number) = (self.room, self.publisher, self.next_sound);
            Stamp { room, publisher, layer: 0, number, frame, part: 0, parts: 1, sent }.write(&mut payload);
            self.next_sound += 1;
            let timestamp = frame.wrapping_mul(SOUND_TICKS);
            let level = Some(level(self.publisher, frame));
            send(MediaPacket { track: Track::Audio, layer: 0, payload, timestamp, marker: false, level });
        }
        if let Some(clock) = &mut self.picture
            && let Some(omitted) = clock.strike(now)
        {
            let frame = clock.count;
            self.omitted += u64::from(omitted);
            self.pictures(frame, now, send);
        }
    }

    /// One of each layer that is sent.
    fn pictures(&mut self, frame: u32, now: Instant, mut send: impl FnMut(MediaPacket)) {
        let (room, publisher, options) = (self.room, self.publisher, self.options);
        let ticks = frame.wrapping_mul(VIDEO_CLOCK / options.frame_rate.max(1));
        for (index, encoding) in (0_u8..).zip(&mut self.encodings).filter(|(_, encoding)| encoding.kbps > 0) {
            let is_key_frame = encoding.begin_picture(options);
            let (parts, length) = packetised(encoding.kbps, options.frame_rate);
            for part in 0..parts {
                let mut payload = vec![0x55; length];
                match options.codec {
                    PictureCodec::Vp8 => vp8(&mut payload, encoding, is_key_frame, (part, parts)),
                    PictureCodec::H264 => h264(&mut payload, encoding.layer, is_key_frame, (part, parts)),
                }
                let (layer, number, sent) = (index, encoding.next, stamp::on_clock(now));
                Stamp { room, publisher, layer, number, frame, part, parts, sent }.write(&mut payload);
                encoding.next += 1;
                let timestamp = ticks.wrapping_add(TICKS_APART.wrapping_mul(index.into()));
                let (layer, marker) = (index.into(), part + 1 == parts);
                send(MediaPacket { track: Track::Video, layer, payload, timestamp, marker, level: None });
            }
        }
    }
}

impl Encoding {
    fn new(layer: &'static Layer, index: u16, options: MediaOptions) -> Self {
        let kbps = (options.video_kbps * layer.share / 100).max(1);
        Self {
            layer,
            full_kbps: kbps,
            kbps,
            key_frame_wanted: true,
            since_key_frame: 0,
            picture_id: index * PICTURES_APART,
            next: 0,
        }
    }

    /// Whether the one that begins is a key frame.
    fn begin_picture(&mut self, options: MediaOptions) -> bool {
        let interval = options.key_frame_interval.saturating_mul(options.frame_rate);
        let is_key_frame = std::mem::take(&mut self.key_frame_wanted) || self.since_key_frame >= interval.max(1);
        self.since_key_frame = if is_key_frame { 1 } else { self.since_key_frame + 1 };
        self.picture_id = self.picture_id.wrapping_add(1);
        is_key_frame
    }
}

/// Of all publishers, how far this one is from the first: the golden ratio spreads any number of them evenly.
fn phase(publisher: u32) -> f64 {
    (f64::from(publisher) * 0.618_034).fract()
}

/// How loud a piece of sound is said to be.
fn level(publisher: u32, frame: u32) -> i8 {
    let speaks = (frame / UTTERANCE).wrapping_add(publisher).is_multiple_of(SPEAKERS);
    if speaks { LOUD } else { SILENT }
}

/// Packets of a picture, and bytes of each.
fn packetised(kbps: u32, frame_rate: u32) -> (u16, usize) {
    let bytes = kbps as usize * 1000 / 8 / frame_rate.max(1) as usize;
    let parts = bytes.div_ceil(MAX_PAYLOAD).max(1);
    let length = bytes.div_ceil(parts).clamp(HEADER + stamp::LENGTH, MAX_PAYLOAD);
    (u16::try_from(parts).unwrap_or(u16::MAX), length)
}

/// One packet of a picture: of `parts`, which one.
fn vp8(payload: &mut [u8], encoding: &Encoding, is_key_frame: bool, (part, parts): (u16, u16)) {
    let starts = part == 0;
    payload[..VP8_DESCRIPTOR].copy_from_slice(&vp8_descriptor(starts, encoding.picture_id));
    if starts {
        let bytes = u32::from(parts) * u32::try_from(payload.len()).unwrap_or(0);
        vp8_header(&mut payload[VP8_DESCRIPTOR..], encoding.layer, is_key_frame, bytes);
    }
}

/// The same. A picture of its own begins with parameter sets, in one packet with what follows if that is all (STAP-A); what is in
/// several packets is in fragments of one unit (FU-A).
fn h264(payload: &mut [u8], layer: &Layer, is_key_frame: bool, (part, parts): (u16, u16)) {
    if is_key_frame && part == 0 {
        // What fills the packet is a part of the picture only if there is no other packet for it.
        let last = if parts == 1 { IDR } else { SEI };
        let mut rest = &mut payload[..];
        let sets = layer.sps.len() + PPS.len() + 5;
        let filling = u16::try_from(rest.len() - sets - 2).unwrap_or(u16::MAX);
        let (sps, lengths) = (&layer.sps, [layer.sps.len() as u8, PPS.len() as u8]);
        for field in [&[0x78][..], &[0, lengths[0]], sps, &[0, lengths[1]], &PPS, &filling.to_be_bytes(), &[last]] {
            let (here, after) = rest.split_at_mut(field.len());
            here.copy_from_slice(field);
            rest = after;
        }
        return;
    }
    let (unit, first) = if is_key_frame { (IDR, 1) } else { (SLICE, 0) };
    if parts - first == 1 {
        payload[0] = unit;
        return;
    }
    payload[..2].copy_from_slice(&h264_fragment(unit, part == first, part + 1 == parts));
}

/// RFC 6386 §9.1: the tag of a frame, and what a key frame says of itself.
fn vp8_header(to: &mut [u8], layer: &Layer, is_key_frame: bool, bytes: u32) {
    let first_partition = bytes.min((1 << 19) - 1);
    let shown = 1 << 4;
    let tag = u32::from(!is_key_frame) | shown | first_partition << 5;
    to[..3].copy_from_slice(&tag.to_le_bytes()[..3]);
    if is_key_frame {
        to[3..6].copy_from_slice(&[0x9d, 0x01, 0x2a]);
        to[6..8].copy_from_slice(&layer.width.to_le_bytes());
        to[8..10].copy_from_slice(&layer.height.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer;
    use crate::options::Share;

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

    /// Everything that is sent within `span`, looked for every millisecond, by the time at which it was.
    fn sent(source: &mut Source, begin: Instant, span: Duration) -> Vec<(Duration, MediaPacket)> {
        let mut packets = vec![];
        for millisecond in 0..u64::try_from(span.as_millis()).unwrap() {
            let after = Duration::from_millis(millisecond);
            source.packets(begin + after, |packet| packets.push((after, packet)));
        }
        packets
    }

    #[test]
    fn rates_are_those_asked_for() {
        let begin = Instant::now();
        let mut source = Source::new(0, 3, OPTIONS, begin);
        let packets = sent(&mut source, begin, Duration::from_secs(10));
        let of = |track| packets.iter().filter(move |(_, packet)| packet.track == track);
        assert!((499..=500).contains(&of(Track::Audio).count()));
        let frames = of(Track::Video).filter(|(_, packet)| packet.marker).count();
        assert!((299..=300).contains(&frames), "{frames}");
        let bits = of(Track::Video).map(|(_, packet)| packet.payload.len() * 8).sum::<usize>() / 10;
        assert!((1_480_000..=1_520_000).contains(&bits), "{bits}");
        assert!(of(Track::Video).all(|(_, packet)| packet.payload.len() <= MAX_PAYLOAD));
        assert_eq!(source.omitted, 0);
    }

    #[test]
    fn key_frames_come_by_the_clock_and_when_asked_for() {
        let begin = Instant::now();
        let mut source = Source::new(0, 0, OPTIONS, begin);
        let keys = |packets: &[(Duration, MediaPacket)]| {
            packets
                .iter()
                .filter(|(_, packet)| packet.track == Track::Video && payload::vp8::starts_key_frame(&packet.payload))
                .count()
        };
        let packets = sent(&mut source, begin, Duration::from_millis(5990));
        assert_eq!(keys(&packets), 3);
        source.want_key_frame(None);
        let later = begin + Duration::from_millis(5990);
        // That of the clock at six seconds is the one that was asked for.
        assert_eq!(keys(&sent(&mut source, later, Duration::from_millis(1900))), 1);
    }

    #[test]
    fn a_key_frame_tells_its_size_and_pictures_have_all_their_parts() {
        let begin = Instant::now();
        let mut source = Source::new(5, 9, OPTIONS, begin);
        let packets = sent(&mut source, begin, Duration::from_millis(100));
        let video: Vec<_> = packets.iter().filter(|(_, packet)| packet.track == Track::Video).collect();
        let (descriptor, frame) = payload::vp8::Descriptor::read(&video[0].1.payload).unwrap();
        assert!(descriptor.begins_frame);
        let format = payload::vp8::picture_format(frame).unwrap();
        assert_eq!((format.width, format.height), (1280, 720));
        for (index, (_, packet)) in video.iter().enumerate() {
            let stamp = Stamp::read(&packet.payload).unwrap();
            assert_eq!((stamp.room, stamp.publisher, stamp.number as usize), (5, 9, index));
            assert_eq!(packet.marker, stamp.part + 1 == stamp.parts);
        }
    }

    #[test]
    fn pictures_of_h264_are_whole_units_in_order() {
        for video_kbps in [100, 1500] {
            let begin = Instant::now();
            let options = MediaOptions { codec: PictureCodec::H264, video_kbps, ..OPTIONS };
            let mut source = Source::new(0, 0, options, begin);
            let packets = sent(&mut source, begin, Duration::from_millis(3000));
            let video = packets.iter().map(|(_, packet)| packet).filter(|packet| packet.track == Track::Video);
            let (mut keys, mut open) = (0, None);
            for packet in video {
                match payload::h264::Payload::read(&packet.payload).unwrap() {
                    payload::h264::Payload::Units(units) => {
                        let units: Vec<u8> = units.map(|unit| unit.unwrap()[0] & 0x1f).collect();
                        assert!([&[7, 8, 5][..], &[7, 8, 6], &[5], &[1]].contains(&&units[..]), "{units:?}");
                        assert_eq!(open, None);
                        assert_eq!(packet.marker, units != [7, 8, 6]);
                        keys += usize::from(units[0] == 7);
                    }
                    payload::h264::Payload::Fragment(fragment) => {
                        assert_eq!(fragment.is_first, open.is_none());
                        assert_eq!(*open.get_or_insert(fragment.header), fragment.header);
                        assert_eq!(packet.marker, fragment.is_last);
                        open.take_if(|_| fragment.is_last);
                    }
                }
            }
            assert_eq!(keys, 2);
        }
    }

    #[test]
    fn layers_of_simulcast_tell_their_sizes_and_have_their_shares() {
        for codec in [PictureCodec::Vp8, PictureCodec::H264] {
            let begin = Instant::now();
            let options = MediaOptions { simulcast: true, codec, audio: false, ..OPTIONS };
            let packets = sent(&mut Source::new(0, 0, options, begin), begin, Duration::from_secs(10));
            for (layer, expected) in layer::SIMULCAST.iter().enumerate() {
                let packets: Vec<_> =
                    packets.iter().map(|(_, packet)| packet).filter(|packet| packet.layer == layer).collect();
                let bits = packets.iter().map(|packet| packet.payload.len() * 8).sum::<usize>() / 10;
                let asked = options.video_kbps as usize * 10 * expected.share as usize;
                assert!((asked * 98 / 100..=asked * 102 / 100).contains(&bits), "{layer}: {bits}");
                let stamps: Vec<_> = packets.iter().map(|packet| Stamp::read(&packet.payload).unwrap()).collect();
                assert!(stamps.iter().enumerate().all(|(at, stamp)| stamp.number as usize == at));
                assert!(stamps.iter().all(|stamp| usize::from(stamp.layer) == layer));
                // A key frame in one packet is whole to whoever puts it together.
                let mut depacketiser = payload::Depacketiser::new(codec.payload());
                let picture = packets.iter().take_while(|packet| packet.timestamp == packets[0].timestamp);
                picture.for_each(|packet| depacketiser.push(&packet.payload).unwrap());
                let format = depacketiser.take().unwrap().format.unwrap();
                assert_eq!((format.width, format.height), (expected.width, expected.height));
            }
        }
    }

    #[test]
    fn only_the_layer_that_is_asked_for_has_a_key_frame() {
        let begin = Instant::now();
        let mut source = Source::new(0, 0, MediaOptions { simulcast: true, audio: false, ..OPTIONS }, begin);
        sent(&mut source, begin, Duration::from_millis(200));
        source.want_key_frame(Some("rdiv2"));
        let keys: Vec<usize> = sent(&mut source, begin + Duration::from_millis(200), Duration::from_millis(200))
            .iter()
            .filter(|(_, packet)| payload::vp8::starts_key_frame(&packet.payload))
            .map(|(_, packet)| packet.layer)
            .collect();
        assert_eq!(keys, [1]);
    }

    #[test]
    fn a_limit_lowers_the_best_layer_and_then_stops_it() {
        let begin = Instant::now();
        let mut source = Source::new(0, 0, MediaOptions { simulcast: true, ..OPTIONS }, begin);
        let mut rates = |limit| {
            source.limit(limit);
            source.encodings.iter().map(|encoding| encoding.kbps).collect::<Vec<_>>()
        };
        assert_eq!(rates(100_000), [120, 420, 1500]);
        // What Madang says of itself: 1000 for a picture as somebody sees it, and 750 for the smaller ones.
        assert_eq!(rates(1750), [120, 420, 996]);
        assert_eq!(rates(1200), [120, 420, 0]);
        assert_eq!(rates(300), [120, 0, 0]);
        assert_eq!(rates(10), [1, 0, 0]);
        assert_eq!(rates(2400), [120, 420, 1500]);
        assert!(source.encodings.iter().skip(1).all(|encoding| encoding.key_frame_wanted));
        let mut single = Source::new(0, 0, OPTIONS, begin);
        single.limit(300);
        assert_eq!(single.encodings[0].kbps, 1500);
    }

    #[test]
    fn what_was_missed_is_left_out_and_told() {
        let begin = Instant::now();
        let mut source = Source::new(0, 0, OPTIONS, begin);
        let mut count = 0;
        source.packets(begin, |_| count += 1);
        source.packets(begin + Duration::from_secs(1), |_| count += 1);
        let per_picture = usize::from(packetised(OPTIONS.video_kbps, OPTIONS.frame_rate).0);
        assert_eq!(count, 2 * (1 + per_picture));
        // 50 pieces of sound and 30 pictures fell due after the first ones; one of each was sent.
        assert_eq!(source.omitted, 49 + 29);
        assert!(source.deadline().unwrap() > begin + Duration::from_secs(1));
        source.silence();
        assert_eq!(source.deadline(), None);
    }
}
