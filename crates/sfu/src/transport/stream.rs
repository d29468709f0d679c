//! One stream that is sent: the header its packets get, what it has sent, and under which number what of it is kept. It
//! seals nothing and knows no time but that it is told.

use std::time::Instant;

use payload::dependency::{Forwardable, Layer, Rewrite};
use protocol::media::StreamStatistics;

use super::rtcp::{Reception, Sent};
use super::wall_clock::{self, WallClock};
use super::{Report, dependency};
use crate::packet::{Extensions, MediaKind, OutgoingHeader, Packet, Place, Vp8Rewrite};
use crate::smoothness::Smoothness;

/// Without extensions (RFC 3550 §5.1).
const FIXED_HEADER: usize = 12;
/// Of the header extensions' own header (RFC 8285 §4.2, §4.3), and what it begins with.
const EXTENSION_HEADER: usize = 4;
const SHORT_FORM: [u8; 2] = [0xbe, 0xde];
const LONG_FORM: [u8; 2] = [0x10, 0x00];
/// Sent packets whose number is remembered: a second of 1080p at most, and at first so many. What is older than a second is
/// kept nowhere, so room is made for a second of what is sent.
const REMEMBERED: usize = 512;
const FEWEST_REMEMBERED: usize = 32;
/// Ticks of pictures' clock.
const SECOND: u32 = 90_000;
/// Bytes of retransmissions allowed for each byte sent: a hostile NACK must not multiply traffic, a lossy Wi-Fi must work.
const SHARE: f32 = 0.5;
/// Saved up, so that a burst of losses can be repaired.
const ALLOWANCE: f32 = 128.0 * 1024.0;

/// Of the header extensions, those that were agreed on. Each is 1 to 14.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct ExtensionIds {
    pub(crate) mid: Option<u8>,
    pub(crate) audio_level: Option<u8>,
    pub(crate) send_time: Option<u8>,
    pub(crate) transport_sequence: Option<u8>,
    pub(crate) video_orientation: Option<u8>,
    /// Of AV1, for whoever reads the two-byte form, too.
    pub(crate) dependency: Option<u8>,
}

/// What was agreed on for a stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct StreamFormat {
    pub(crate) kind: MediaKind,
    pub(crate) pt: u8,
    /// Payload type of sound with the frames before it (RFC 2198).
    pub(crate) red: Option<u8>,
    pub(crate) ssrc: u32,
    /// Payload type and source of retransmissions (RFC 4588).
    pub(crate) rtx: Option<(u8, u32)>,
    /// The section's name on packets: at most 16 bytes.
    pub(crate) mid: String,
    pub(crate) extensions: ExtensionIds,
}

/// What is new on every packet of a transport.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    pub(super) transport_sequence: u16,
    /// 24 bits.
    pub(super) send_time: u32,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Stream {
    format: StreamFormat,
    /// The extensions that every packet has; and where there are dependency descriptors, the same in the two-byte form.
    constant: Constant,
    constant_long: Option<Constant>,
    packets: u32,
    octets: u32,
    /// The newest packet: its timestamp, and when that was.
    newest: Option<(u32, Instant)>,
    rtx_sequence: u64,
    allowance: f32,
    /// A power of two of them, or none; a packet's place is the low bits of its number.
    remembered: Vec<Remembered>,
    /// The newest number in there.
    last_sequence: u16,
    counts: Counts,
    smoothness: Smoothness,
    /// What was last heard of its way, in 65536ths of a second.
    round_trip: Option<u32>,
    /// Up to which number the receiver has reported.
    reported: Option<u32>,
}

/// Header extensions that all packets of a stream have: transport sequence number, time of sending, mid.
#[derive(Debug)]
struct Constant {
    bytes: Vec<u8>,
    /// Where in those the first two are.
    sequence_at: Option<usize>,
    time_at: Option<usize>,
}

impl Constant {
    fn new(format: &StreamFormat, is_long: bool) -> Self {
        let mut bytes = Vec::new();
        let mut place = |id: Option<u8>, length: usize| {
            extension(&mut bytes, id?, length, is_long);
            bytes.extend(std::iter::repeat_n(0, length));
            Some(bytes.len() - length)
        };
        let sequence_at = place(format.extensions.transport_sequence, 2);
        let time_at = place(format.extensions.send_time, 3);
        let mid = format.mid.as_bytes();
        if !mid.is_empty()
            && let Some(at) = place(format.extensions.mid, mid.len())
        {
            bytes[at..].copy_from_slice(mid);
        }
        Self { bytes, sequence_at, time_at }
    }
}

/// What stands before the bytes of an extension; in the one-byte form there are 1 to 16 of them.
fn extension(out: &mut Vec<u8>, id: u8, length: usize, is_long: bool) {
    if is_long {
        out.extend_from_slice(&[id, length as u8]);
    } else {
        out.push(id << 4 | (length - 1) as u8);
    }
}

/// The dependency descriptor of a packet, as it goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Described<'a> {
    descriptor: &'a Forwardable,
    rewrite: Rewrite,
    length: usize,
}

/// A packet that was sent.
#[derive(Clone, Copy, Default, Debug)]
struct Remembered {
    place: Place,
    timestamp: u32,
    /// Of VP8, where they are others than the kept packet's; or the number of the frame in the dependency descriptor.
    picture_id: u16,
    sequence: u16,
    /// Of VP8; or the layer that the descriptor tells, sizes in the upper half.
    tl0_pic_idx: u8,
    /// What of the above counts: [`IS_SET`], [`HAS_PICTURE_ID`], [`HAS_TL0`], [`HAS_FRAME_NUMBER`], [`HAS_LAYER`]; and [`HAS_MARKER`].
    flags: u8,
}

const IS_SET: u8 = 1;
const HAS_PICTURE_ID: u8 = 2;
const HAS_TL0: u8 = 4;
const HAS_MARKER: u8 = 8;
const HAS_FRAME_NUMBER: u8 = 16;
const HAS_LAYER: u8 = 32;

/// For statistics: since the last ones.
#[derive(Clone, Copy, Default, Debug)]
struct Counts {
    bytes: u64,
    packets: u32,
    nacks: u32,
    key_frame_requests: u32,
    /// Of the receiver's reports: how many, and all their shares of losses in 256ths.
    reports: u32,
    lost: u32,
    /// The last of them, in ticks.
    jitter: u32,
}

/// A packet to be sent again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repetition {
    pub(super) place: Place,
    /// What it was sent as.
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    pub(super) vp8: Option<Vp8Rewrite>,
    pub(super) described: Option<Rewrite>,
}

impl Stream {
    /// `rtx_sequence` is where the numbers of retransmissions begin.
    pub(super) fn new(format: StreamFormat, rtx_sequence: u16) -> Self {
        Self {
            constant: Constant::new(&format, false),
            constant_long: format.extensions.dependency.map(|_| Constant::new(&format, true)),
            format,
            packets: 0,
            octets: 0,
            newest: None,
            // Below 32768, as with media: the first roll-over must not be missed (RFC 3711 §3.3.1).
            rtx_sequence: u64::from(rtx_sequence & 0x7fff),
            allowance: ALLOWANCE / 4.0,
            remembered: Vec::new(),
            last_sequence: 0,
            counts: Counts::default(),
            smoothness: Smoothness::default(),
            round_trip: None,
            reported: None,
        }
    }

    pub(super) fn kind(&self) -> MediaKind {
        self.format.kind
    }

    pub(super) fn ssrc(&self) -> u32 {
        self.format.ssrc
    }

    pub(super) fn pt(&self) -> u8 {
        self.format.pt
    }

    /// Payload type of redundant sound.
    pub(super) fn red(&self) -> Option<u8> {
        self.format.red
    }

    pub(super) fn rtx(&self) -> Option<(u8, u32)> {
        self.format.rtx
    }

    /// The receiver can say when a packet came.
    pub(super) fn is_numbered(&self) -> bool {
        self.constant.sequence_at.is_some()
    }

    /// Numbers under which packets were sent that can be repeated, newest first.
    pub(super) fn repeatable(&self) -> impl Iterator<Item = u16> {
        let last = self.last_sequence;
        (0..self.remembered.len() as u16).map(move |back| last.wrapping_sub(back))
    }

    /// The timestamp of the newest packet.
    pub(super) fn newest_timestamp(&self) -> Option<u32> {
        self.newest.map(|(timestamp, _)| timestamp)
    }

    /// The number of the next packet that is sent for no other purpose than to see whether it arrives.
    pub(super) fn probe(&mut self, length: usize) -> u64 {
        self.counts.bytes += length as u64;
        let sequence = self.rtx_sequence;
        self.rtx_sequence += 1;
        sequence
    }

    /// The descriptor that goes with a packet, if the receiver reads it.
    pub(super) fn described<'a>(&self, packet: &'a Packet, rewrite: Option<Rewrite>) -> Option<Described<'a>> {
        self.format.extensions.dependency?;
        let (descriptor, rewrite) = packet.descriptor.as_deref().zip(rewrite)?;
        Some(Described { descriptor, rewrite, length: descriptor.length(rewrite) })
    }

    /// Bytes of a packet's header.
    pub(super) fn header_length(&self, extensions: &Extensions, described: Option<Described<'_>>) -> usize {
        let (constant, is_long) = self.form(described);
        let ids = &self.format.extensions;
        let element = 1 + usize::from(is_long);
        let level = ids.audio_level.and(extensions.audio_level).map_or(0, |_| element + 1);
        let orientation = ids.video_orientation.and(extensions.video_orientation).map_or(0, |_| element + 1);
        let descriptor = described.map_or(0, |described| element + described.length);
        match constant.bytes.len() + level + orientation + descriptor {
            0 => FIXED_HEADER,
            length => FIXED_HEADER + EXTENSION_HEADER + length.next_multiple_of(4),
        }
    }

    /// What all packets have, in the form that this one needs; `true`: the two-byte form.
    fn form(&self, described: Option<Described<'_>>) -> (&Constant, bool) {
        let is_long = described.is_some_and(|described| described.length > dependency::LONGEST_SHORT);
        let long = self.constant_long.as_ref().filter(|_| is_long);
        (long.unwrap_or(&self.constant), long.is_some())
    }

    /// Appends a header of `length` bytes, which is its [`Self::header_length`].
    pub(super) fn write_header(
        &self,
        out: &mut Vec<u8>,
        length: usize,
        fields: HeaderFields,
        extensions: &Extensions,
        described: Option<Described<'_>>,
        stamp: Stamp,
    ) {
        let begin = out.len();
        let ids = &self.format.extensions;
        let has_extensions = length > FIXED_HEADER;
        out.extend_from_slice(&[0x80 | u8::from(has_extensions) << 4, u8::from(fields.marker) << 7 | fields.pt]);
        out.extend_from_slice(&fields.sequence.to_be_bytes());
        out.extend_from_slice(&fields.timestamp.to_be_bytes());
        out.extend_from_slice(&fields.ssrc.to_be_bytes());
        if !has_extensions {
            return;
        }
        let (constant, is_long) = self.form(described);
        let words = ((length - FIXED_HEADER - EXTENSION_HEADER) / 4) as u16;
        out.extend_from_slice(if is_long { &LONG_FORM } else { &SHORT_FORM });
        out.extend_from_slice(&words.to_be_bytes());
        let first = out.len();
        out.extend_from_slice(&constant.bytes);
        if let Some(at) = constant.sequence_at {
            out[first + at..first + at + 2].copy_from_slice(&stamp.transport_sequence.to_be_bytes());
        }
        if let Some(at) = constant.time_at {
            out[first + at..first + at + 3].copy_from_slice(&stamp.send_time.to_be_bytes()[1..]);
        }
        if let (Some(id), Some((level, voice))) = (ids.audio_level, extensions.audio_level) {
            extension(out, id, 1, is_long);
            // In -dBov (RFC 6464 §3).
            out.push(u8::from(voice) << 7 | level.unsigned_abs().min(127));
        }
        if let (Some(id), Some(orientation)) = (ids.video_orientation, extensions.video_orientation) {
            extension(out, id, 1, is_long);
            out.push(orientation);
        }
        if let (Some(id), Some(described)) = (ids.dependency, described) {
            extension(out, id, described.length, is_long);
            described.descriptor.write(described.rewrite, out);
        }
        out.resize(begin + length, 0);
    }

    /// A packet was sent, so much of its payload.
    pub(super) fn sent(&mut self, header: &OutgoingHeader, packet: &Packet, payload: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload as u32);
        self.counts.packets += 1;
        self.counts.bytes += payload as u64;
        if self.format.kind == MediaKind::Video {
            self.smoothness.passed(header.sequence, header.marker, packet.key_frame_start, packet.arrival);
        }
        if self.newest.is_none_or(|(timestamp, _)| header.timestamp.wrapping_sub(timestamp) as i32 >= 0) {
            self.newest = Some((header.timestamp, header.wallclock));
        }
        self.allowance = (self.allowance + SHARE * payload as f32).min(ALLOWANCE);
        if let (Some(_), Some(place), false) = (self.format.rtx, packet.kept, header.is_empty) {
            self.remember(header, place);
        }
    }

    /// Pictures are not sent for a while, or are again: that is no freeze.
    pub(super) fn pictures_pause(&mut self) {
        self.smoothness.pause();
    }

    fn remember(&mut self, header: &OutgoingHeader, place: Place) {
        self.make_room(header);
        self.last_sequence = header.sequence as u16;
        let vp8 = header.vp8.unwrap_or(Vp8Rewrite { picture_id: None, tl0_pic_idx: None });
        let frame_number = header.described.map(|rewrite| rewrite.frame_number);
        let highest = header.described.and_then(|rewrite| rewrite.highest);
        let layer = highest.map(|layer| layer.spatial << 4 | layer.temporal.min(15));
        let has = |present: bool, flag: u8| if present { flag } else { 0 };
        let slot = self.slot(header.sequence as u16);
        self.remembered[slot] = Remembered {
            place,
            timestamp: header.timestamp,
            picture_id: vp8.picture_id.or(frame_number).unwrap_or_default(),
            sequence: header.sequence as u16,
            tl0_pic_idx: vp8.tl0_pic_idx.or(layer).unwrap_or_default(),
            flags: IS_SET
                | has(vp8.picture_id.is_some(), HAS_PICTURE_ID)
                | has(vp8.tl0_pic_idx.is_some(), HAS_TL0)
                | has(frame_number.is_some(), HAS_FRAME_NUMBER)
                | has(layer.is_some(), HAS_LAYER)
                | has(header.marker, HAS_MARKER),
        };
    }

    /// So that no packet takes the place of one that may still be asked for.
    fn make_room(&mut self, header: &OutgoingHeader) {
        let length = self.remembered.len();
        let is_recent =
            |there: &Remembered| there.flags & IS_SET != 0 && header.timestamp.wrapping_sub(there.timestamp) < SECOND;
        let is_full = self.remembered.get(self.slot(header.sequence as u16)).is_none_or(is_recent);
        if length >= REMEMBERED || !is_full {
            return;
        }
        let longer = vec![Remembered::default(); (2 * length).max(FEWEST_REMEMBERED)];
        for there in std::mem::replace(&mut self.remembered, longer) {
            let slot = self.slot(there.sequence);
            if there.flags & IS_SET != 0 {
                self.remembered[slot] = there;
            }
        }
    }

    fn slot(&self, sequence: u16) -> usize {
        usize::from(sequence) & self.remembered.len().saturating_sub(1)
    }

    /// What was sent under a number, if that is remembered.
    pub(super) fn repetition(&self, sequence: u16) -> Option<Repetition> {
        let remembered = self.remembered.get(self.slot(sequence))?;
        if remembered.flags & IS_SET == 0 || remembered.sequence != sequence {
            return None;
        }
        let has = |flag: u8| remembered.flags & flag != 0;
        let vp8 = Vp8Rewrite {
            picture_id: has(HAS_PICTURE_ID).then_some(remembered.picture_id),
            tl0_pic_idx: has(HAS_TL0).then_some(remembered.tl0_pic_idx),
        };
        let is_changed = vp8.picture_id.is_some() || vp8.tl0_pic_idx.is_some();
        let Remembered { place, timestamp, picture_id, tl0_pic_idx, .. } = *remembered;
        let highest = || Layer { spatial: tl0_pic_idx >> 4, temporal: tl0_pic_idx & 15 };
        let described =
            has(HAS_FRAME_NUMBER).then(|| Rewrite { frame_number: picture_id, highest: has(HAS_LAYER).then(highest) });
        let marker = has(HAS_MARKER);
        Some(Repetition { place, sequence, timestamp, marker, vp8: is_changed.then_some(vp8), described })
    }

    /// The number of the next retransmission, with the count of roll-overs, if so many bytes may be sent again.
    pub(super) fn repeat(&mut self, length: usize) -> Option<u64> {
        if self.allowance < length as f32 {
            return None;
        }
        self.allowance -= length as f32;
        self.counts.bytes += length as u64;
        let sequence = self.rtx_sequence;
        self.rtx_sequence += 1;
        Some(sequence)
    }

    /// For a sender report, once something was sent.
    pub(super) fn report(&self, clock: &WallClock, now: Instant) -> Option<Sent> {
        let (timestamp, at) = self.newest?;
        let ticks = now.saturating_duration_since(at).as_nanos() * u128::from(self.clock_rate()) / 1_000_000_000;
        Some(Sent {
            ssrc: self.format.ssrc,
            ntp: clock.ntp(now),
            timestamp: timestamp.wrapping_add(ticks as u32),
            packets: self.packets,
            octets: self.octets,
        })
    }

    /// The receiver has reported how it receives: what that says of the path.
    pub(super) fn heard(&mut self, reception: Reception, clock: &WallClock, now: Instant) -> Report {
        self.counts.reports += 1;
        self.counts.lost += u32::from(reception.lost);
        self.counts.jitter = reception.jitter;
        // From the last sender report to this answer, without the time that the receiver took.
        let since = wall_clock::middle(clock.ntp(now)).wrapping_sub(reception.last_report);
        let is_answer = reception.last_report != 0;
        let round_trip = since.checked_sub(reception.since_report).filter(|_| is_answer);
        self.round_trip = round_trip.or(self.round_trip);
        let before = self.reported.replace(reception.highest);
        Report {
            lost: reception.lost,
            packets: before.map_or(0, |before| reception.highest.saturating_sub(before)),
            round_trip: round_trip.map(wall_clock::duration),
        }
    }

    pub(super) fn nacked(&mut self) {
        self.counts.nacks += 1;
    }

    pub(super) fn wanted_key_frame(&mut self) {
        self.counts.key_frame_requests += 1;
    }

    /// From a sender report to its answer, in 65536ths of a second.
    pub(super) fn round_trip(&self) -> Option<u32> {
        self.round_trip
    }

    /// What was counted in a period of so many seconds; counting begins anew. `None` before anything was sent.
    pub(super) fn statistics(&mut self, period: f64) -> Option<StreamStatistics> {
        self.newest?;
        let counts = std::mem::take(&mut self.counts);
        let jitter = u64::from(counts.jitter) * 1_000_000 / u64::from(self.clock_rate());
        Some(StreamStatistics {
            kind: self.format.kind,
            layer: None,
            rate_bps: if period > 0.0 { (8.0 * counts.bytes as f64 / period) as u64 } else { 0 },
            bytes: counts.bytes,
            packets: counts.packets,
            lost_permille: (counts.lost * 1000).checked_div(counts.reports * 256).map(|share| share as u16),
            jitter_us: (counts.reports > 0).then(|| jitter.try_into().unwrap_or(u32::MAX)),
            nacks: counts.nacks,
            key_frame_requests: counts.key_frame_requests,
            pictures: self.smoothness.take(),
        })
    }

    fn clock_rate(&self) -> u32 {
        match self.format.kind {
            MediaKind::Audio => 48_000,
            MediaKind::Video => 90_000,
        }
    }
}

/// Of the fixed header.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeaderFields {
    pub(super) pt: u8,
    pub(super) ssrc: u32,
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::packet::Source;

    fn pictures() -> Stream {
        let format = StreamFormat {
            kind: MediaKind::Video,
            pt: 96,
            red: None,
            ssrc: 1,
            rtx: Some((97, 2)),
            mid: "0".to_owned(),
            extensions: ExtensionIds::default(),
        };
        Stream::new(format, 0)
    }

    /// What is remembered after ten seconds of so many packets a second, and for how many packets there is room.
    fn remembered_of(rate: u32) -> (Vec<u16>, usize) {
        let mut stream = pictures();
        let now = Instant::now();
        let source = Source { generation: 1, layer: 0, ssrc: 1 };
        // Numbers come round in between.
        for number in (0..10 * rate).map(|number| 65_000 + u64::from(number)) {
            let mut packet = Packet::bare(MediaKind::Video, source, number, &[0; 100], now);
            packet.kept = Some(0);
            let timestamp = (number * u64::from(SECOND) / u64::from(rate)) as u32;
            stream.sent(&OutgoingHeader::bare(number, timestamp, now), &packet, 100);
        }
        let remembered = stream.repeatable().take_while(|number| stream.repetition(*number).is_some()).collect();
        (remembered, stream.remembered.len())
    }

    #[test]
    fn a_second_of_what_is_sent_is_remembered_whatever_the_rate() {
        for (rate, room) in [(10, 32), (100, 128), (300, 512), (2000, 512)] {
            let (remembered, length) = remembered_of(rate);
            let last = (65_000 + 10 * rate - 1) as u16;
            assert!(remembered.iter().enumerate().all(|(back, number)| *number == last.wrapping_sub(back as u16)));
            assert!(remembered.len() >= (rate as usize).min(REMEMBERED), "{rate}: {}", remembered.len());
            assert_eq!(length, room, "{rate}");
        }
    }

    #[test]
    fn a_report_says_what_came_since_the_one_before_and_how_long_the_way_is() {
        let begin = Instant::now();
        let clock = WallClock::new(begin, Duration::from_secs(1_700_000_000));
        let mut stream = pictures();
        let silent = Reception { lost: 3, highest: 65_540, jitter: 0, last_report: 0, since_report: 0 };
        let report = stream.heard(silent, &clock, begin);
        assert_eq!(report, Report { lost: 3, packets: 0, round_trip: None }, "no report of ours has come there yet");
        // One of ours left, was answered half a second after it came, and the way there and back took 250 ms.
        let answer = Reception {
            highest: 65_640,
            last_report: wall_clock::middle(clock.ntp(begin)),
            since_report: 1 << 15,
            ..silent
        };
        let report = stream.heard(answer, &clock, begin + Duration::from_millis(750));
        assert_eq!((report.packets, stream.round_trip()), (100, Some(1 << 14)));
        assert_eq!(report.round_trip, Some(Duration::from_millis(250)));
        // Who says that it took longer than there was time says nothing.
        let odd = Reception { since_report: u32::MAX, highest: 5, ..answer };
        let report = stream.heard(odd, &clock, begin + Duration::from_secs(1));
        assert_eq!(report, Report { lost: 3, packets: 0, round_trip: None });
        assert_eq!(stream.round_trip(), Some(1 << 14));
    }
}
