//! A transport to a subscriber: one audio and one video stream out. It writes headers, seals and gathers trains by itself;
//! of the engine it takes only what finds the way and agrees on keys. Which packets it sends is decided elsewhere, and
//! what may be asked for again is kept by the publication.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use protocol::media::{IceCredentials, MediaPath, TransportStatistics};

use super::connection::{Connection, ConnectionError};
use super::rtcp::{self, Feedback};
use super::srtp::{RtcpOpener, Sealer};
use super::stream::{HeaderFields, Stamp, Stream, StreamFormat};
use super::trains::OpenTrain;
use super::wall_clock::{self, WallClock};
use super::{Departed, Shared, Sink, TransportEvent};
use crate::packet::{Extensions, MediaKind, OutgoingHeader, Packet};
use crate::retransmission::Kept;
use crate::sdp::RemoteTransport;
use crate::slots::Slot;
use crate::{Datagram, ice};

/// Packets that are sent at once for nothing but to see how they arrive.
const MOST_PROBES: usize = 64;
/// Of one of them: the most that its last byte can say.
const PADDING: u8 = 255;
/// Between two sender reports.
const REPORTS: Duration = Duration::from_secs(1);
/// Reports that are due leave with the next packet of media, which costs no turn of its own; where none comes they wait no longer.
const NEXT_PACKET: Duration = Duration::from_millis(100);

/// To a subscriber.
pub(crate) struct Sending {
    slot: Slot,
    /// `None` after it has failed.
    live: Option<Box<Live>>,
    deadline: Option<Instant>,
}

impl std::fmt::Debug for Sending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sending").field("slot", &self.slot).field("lives", &self.live.is_some()).finish()
    }
}

/// What there is while it works.
struct Live {
    connection: Connection,
    keys: Option<(Sealer, RtcpOpener)>,
    streams: Vec<Stream>,
    cname: String,
    clock: WallClock,
    transport_sequence: u16,
    /// Once something was sent.
    next_reports: Option<Instant>,
    statistics: Option<Period>,
}

/// Of statistics.
#[derive(Clone, Copy, Debug)]
struct Period {
    length: Duration,
    began: Instant,
}

impl Sending {
    /// Waits for [`Self::set_remote`], which the streams come with.
    pub(crate) fn new(shared: &Shared, slot: Slot, credentials: &IceCredentials, cname: String, now: Instant) -> Self {
        let connection = Connection::new(shared, slot, credentials, now)
            .inspect_err(|error| tracing::error!(%error, "a transport cannot be made"))
            .ok();
        let live = |connection| {
            Box::new(Live {
                connection,
                keys: None,
                streams: Vec::new(),
                cname,
                clock: shared.clock,
                transport_sequence: 0,
                next_reports: None,
                statistics: shared.statistics.map(|length| Period { length, began: now }),
            })
        };
        Self { slot, live: connection.map(live), deadline: None }
    }

    /// The other side is known, and what is sent to it: ICE and DTLS start.
    pub(crate) fn set_remote(
        &mut self,
        shared: &Shared,
        remote: &RemoteTransport,
        we_offered: bool,
        streams: impl IntoIterator<Item = (StreamFormat, u16)>,
        now: Instant,
        sink: &mut Sink,
    ) {
        self.drive(now, sink, |live, _| {
            live.streams.extend(streams.into_iter().map(|(format, rtx_sequence)| Stream::new(format, rtx_sequence)));
            live.connection.set_remote(shared, remote, we_offered);
            Ok(())
        });
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(super) fn accepts(&self, datagram: &Datagram<'_>) -> bool {
        self.live.as_ref().is_some_and(|live| live.connection.accepts(datagram))
    }

    pub(super) fn handle_datagram(&mut self, datagram: &Datagram<'_>, now: Instant, sink: &mut Sink) {
        let slot = self.slot;
        let Some(first) = datagram.contents.first() else {
            return;
        };
        // RFC 7983 §7.
        match first {
            _ if ice::is_stun(datagram.contents) => self.drive(now, sink, |live, _| {
                live.connection.handle_check(datagram, now);
                Ok(())
            }),
            20..=63 => self.drive(now, sink, |live, _| live.connection.handle_record(datagram.contents, now)),
            // Feedback moves neither ICE nor DTLS.
            128..=191 => self.guarded(sink, |live, sink| {
                live.hear(slot, datagram.contents, now, sink);
                Ok(())
            }),
            _ => {}
        }
    }

    pub(super) fn remove_remote(&mut self, source: SocketAddr, now: Instant, sink: &mut Sink) {
        self.drive(now, sink, |live, _| {
            live.connection.remove_remote(source);
            Ok(())
        });
    }

    pub(super) fn add_remote_candidate(&mut self, shared: &Shared, line: &str, now: Instant, sink: &mut Sink) {
        self.drive(now, sink, |live, _| {
            live.connection.add_remote_candidate(shared, line);
            Ok(())
        });
    }

    pub(super) fn restart_ice(
        &mut self,
        ours: &IceCredentials,
        theirs: &IceCredentials,
        now: Instant,
        sink: &mut Sink,
    ) {
        self.drive(now, sink, |live, _| {
            live.connection.restart_ice(ours, theirs, now);
            Ok(())
        });
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, sink: &mut Sink) {
        self.drive(now, sink, |_, _| Ok(()));
    }

    /// Sends the packets that `write` puts on the leg, sealed and in trains.
    pub(super) fn send(&mut self, now: Instant, sink: &mut Sink, write: impl FnOnce(&mut TrainLeg<'_>)) {
        let reports = |live: &Live| live.next_reports;
        let before = self.live.as_deref().and_then(reports);
        self.guarded(sink, |live, sink| {
            if let Some(mut leg) = live.leg(now, sink) {
                write(&mut leg);
            }
            live.report(now, sink);
            Ok(())
        });
        if self.live.as_deref().and_then(reports) != before {
            self.deadline = self.live.as_mut().and_then(|live| live.deadline());
        }
    }

    /// Sends again what the receiver lacks, so many times each, as far as it is kept.
    pub(crate) fn repeat(&mut self, missing: &[u16], copies: usize, kept: &Kept, now: Instant, sink: &mut Sink) {
        self.guarded(sink, |live, sink| {
            if let Some(mut leg) = live.leg(now, sink) {
                for sequence in missing.iter().flat_map(|sequence| std::iter::repeat_n(*sequence, copies)) {
                    leg.repeat(sequence, kept, false);
                }
            }
            Ok(())
        });
    }

    /// Whether the receiver can say when packets came, of any stream.
    pub(crate) fn is_numbered(&self) -> bool {
        self.live.as_ref().is_some_and(|live| live.streams.iter().any(Stream::is_numbered))
    }

    /// See [`Stream::pictures_pause`].
    pub(crate) fn pictures_pause(&mut self) {
        if let Some(live) = &mut self.live {
            live.streams.iter_mut().for_each(Stream::pictures_pause);
        }
    }

    /// Sends at least `bytes` that the receiver does not need, so that it can tell how they came: packets that it has already, or
    /// else, or if packets are to be small, padding. Nothing where there is no stream for it.
    pub(crate) fn probe(&mut self, bytes: usize, is_small: bool, kept: &Kept, now: Instant, sink: &mut Sink) {
        self.guarded(sink, |live, sink| {
            if let Some(mut leg) = live.leg(now, sink) {
                leg.probe(bytes, is_small, kept);
            }
            Ok(())
        });
    }

    /// Says goodbye (RTCP BYE, DTLS close).
    pub(super) fn close(mut self, now: Instant, sink: &mut Sink) {
        self.guarded(sink, |live, sink| {
            if live.connection.is_up() {
                live.control(now, sink, rtcp::write_goodbye);
                live.connection.close(sink);
            }
            Ok(())
        });
    }

    /// Applies a change, then does what follows from it and what is due.
    fn drive(
        &mut self,
        now: Instant,
        sink: &mut Sink,
        change: impl FnOnce(&mut Live, &mut Sink) -> Result<(), ConnectionError>,
    ) {
        let slot = self.slot;
        self.guarded(sink, |live, sink| {
            change(live, sink)?;
            live.poll(slot, now, sink)
        });
        self.deadline = self.live.as_mut().and_then(|live| live.deadline());
    }

    /// Whatever goes wrong ends this transport and no other.
    fn guarded(&mut self, sink: &mut Sink, run: impl FnOnce(&mut Live, &mut Sink) -> Result<(), ConnectionError>) {
        let Some(mut live) = self.live.take() else {
            return;
        };
        let was_up = live.connection.is_up();
        // What a panic leaves half done is dropped with the transport.
        let result = catch_unwind(AssertUnwindSafe(|| run(&mut live, sink)));
        let is_up = match result {
            Ok(Ok(())) => {
                let is_up = live.connection.is_up();
                self.live = Some(live);
                is_up
            }
            Ok(Err(error)) => {
                tracing::debug!(slot = self.slot.0, %error, "transport ended");
                false
            }
            Err(_) => {
                tracing::error!(slot = self.slot.0, "defect in a transport: it is dropped");
                // Its parts may be inconsistent, so that dropping them can panic again.
                let _ = catch_unwind(AssertUnwindSafe(move || drop(live)));
                false
            }
        };
        let failed = self.live.is_none();
        if failed {
            self.deadline = None;
        }
        match (was_up, is_up) {
            (false, true) => sink.event(self.slot, TransportEvent::Connected),
            (true, false) => sink.event(self.slot, TransportEvent::Disconnected),
            (false, false) if failed => sink.event(self.slot, TransportEvent::Disconnected),
            _ => {}
        }
    }
}

impl Live {
    fn poll(&mut self, slot: Slot, now: Instant, sink: &mut Sink) -> Result<(), ConnectionError> {
        if let Some(keys) = self.connection.poll(now, sink)? {
            self.keys = Some((keys.sending, keys.receiving));
        }
        self.report(now, sink);
        if let Some(period) = self.statistics.filter(|period| period.began + period.length <= now) {
            self.statistics = Some(Period { began: now, ..period });
            let statistics = self.measure(now.saturating_duration_since(period.began));
            sink.event(slot, TransportEvent::Statistics(statistics));
        }
        Ok(())
    }

    fn deadline(&mut self) -> Option<Instant> {
        let statistics = self.statistics.map(|period| period.began + period.length);
        [self.connection.deadline(), self.latest_reports(), statistics].into_iter().flatten().min()
    }

    /// When the next reports leave, whether media does or not.
    fn latest_reports(&self) -> Option<Instant> {
        self.next_reports.map(|at| at + NEXT_PACKET)
    }

    /// Where packets are written, once they can be sealed and there is a way.
    fn leg<'a>(&'a mut self, now: Instant, sink: &'a mut Sink) -> Option<TrainLeg<'a>> {
        let path = self.connection.path().filter(|_| self.connection.is_up())?;
        let (sealer, _) = self.keys.as_ref()?;
        Some(TrainLeg {
            streams: &mut self.streams,
            sealer,
            path,
            send_time: wall_clock::send_time(self.clock.ntp(now)),
            transport_sequence: &mut self.transport_sequence,
            next_reports: &mut self.next_reports,
            now,
            train: OpenTrain::default(),
            sink,
        })
    }

    /// Sends the sender reports that are due.
    fn report(&mut self, now: Instant, sink: &mut Sink) {
        if self.next_reports.is_some_and(|at| at <= now) {
            self.next_reports = Some(now + REPORTS);
            self.control(now, sink, rtcp::write_reports);
        }
    }

    fn control(&mut self, now: Instant, sink: &mut Sink, write: fn(&mut Vec<u8>, &[rtcp::Sent], &str)) {
        let streams: Vec<_> = self.streams.iter().filter_map(|stream| stream.report(&self.clock, now)).collect();
        let (Some((sealer, _)), Some(path)) = (&mut self.keys, self.connection.path()) else {
            return;
        };
        if streams.is_empty() {
            return;
        }
        let mut packet = sink.trains.take();
        write(&mut packet, &streams, &self.cname);
        if sealer.rtcp(&mut packet).is_ok() {
            sink.outputs.push_back(super::train(path, packet, None));
        }
    }

    /// What the receiver says.
    fn hear(&mut self, slot: Slot, datagram: &[u8], now: Instant, sink: &mut Sink) {
        let Some((_, opener)) = self.keys.as_mut().filter(|_| is_rtcp(datagram)) else {
            return;
        };
        let mut plain = sink.trains.take();
        if opener.open(datagram, &mut plain).is_some() {
            let (streams, clock) = (&mut self.streams, &self.clock);
            let (mut missing, mut tells_path) = (Vec::new(), false);
            rtcp::read(&plain, |feedback| {
                let (Feedback::Reception { ssrc, .. }
                | Feedback::Missing { ssrc, .. }
                | Feedback::Nack { ssrc }
                | Feedback::KeyFrame { ssrc }) = feedback
                else {
                    tells_path = true;
                    return;
                };
                let Some(stream) = streams.iter_mut().find(|stream| stream.ssrc() == ssrc) else {
                    return;
                };
                match feedback {
                    Feedback::Reception { reception, .. } => {
                        let report = stream.heard(reception, clock, now);
                        sink.events.push_back((slot, TransportEvent::Reception(report)));
                    }
                    Feedback::Missing { sequence, .. } if stream.rtx().is_some() => missing.push(sequence),
                    Feedback::Missing { .. } => {}
                    Feedback::Nack { .. } => stream.nacked(),
                    Feedback::KeyFrame { .. } if stream.kind() == MediaKind::Video => {
                        stream.wanted_key_frame();
                        sink.events.push_back((slot, TransportEvent::KeyFrameRequested));
                    }
                    Feedback::KeyFrame { .. } | Feedback::Path => {}
                }
            });
            if !missing.is_empty() {
                sink.event(slot, TransportEvent::Missing(missing));
            }
            if tells_path {
                return sink.event(slot, TransportEvent::PathFeedback(plain));
            }
        }
        sink.trains.reuse(plain);
    }

    fn measure(&mut self, period: Duration) -> TransportStatistics {
        let told = self.streams.iter().filter_map(Stream::round_trip).min();
        let told = told.map(wall_clock::duration).or_else(|| self.connection.round_trip());
        let mut sent: Vec<_> = self.streams.iter_mut().filter_map(|s| s.statistics(period.as_secs_f64())).collect();
        sent.sort_by_key(|stream| stream.kind);
        TransportStatistics {
            period_ms: period.as_millis().try_into().unwrap_or(u32::MAX),
            round_trip_us: told.map(|time| time.as_micros().try_into().unwrap_or(u32::MAX)),
            sent,
            ..TransportStatistics::default()
        }
    }
}

/// RFC 5761 §4.
fn is_rtcp(datagram: &[u8]) -> bool {
    datagram.get(1).is_some_and(|kind| (192..=223).contains(kind))
}

/// Where packets for one subscriber are written. What it has gathered leaves when it is dropped.
pub(crate) struct TrainLeg<'a> {
    streams: &'a mut [Stream],
    sealer: &'a Sealer,
    path: MediaPath,
    send_time: u32,
    transport_sequence: &'a mut u16,
    next_reports: &'a mut Option<Instant>,
    now: Instant,
    train: OpenTrain,
    sink: &'a mut Sink,
}

impl TrainLeg<'_> {
    /// Sends a packet. Without a stream of its kind it is dropped.
    pub(crate) fn write(&mut self, packet: &Packet, header: OutgoingHeader) {
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.kind() == packet.kind) else {
            return;
        };
        let stamp = Stamp { transport_sequence: *self.transport_sequence, send_time: self.send_time };
        let red = stream.red().filter(|_| header.redundant && packet.primary_at > 0);
        let payload = match red {
            _ if header.is_empty => &[],
            Some(_) => &packet.payload[..],
            None => packet.primary(),
        };
        let fields = HeaderFields {
            pt: red.unwrap_or_else(|| stream.pt()),
            ssrc: stream.ssrc(),
            sequence: header.sequence as u16,
            timestamp: header.timestamp,
            marker: header.marker,
        };
        let described = stream.described(packet, header.described);
        let head = stream.header_length(&header.extensions, described);
        let length = head + payload.len() + self.sealer.tag();
        let datagram = self.train.datagram(length, self.path, self.sink);
        let begin = datagram.len();
        stream.write_header(datagram, head, fields, &header.extensions, described, stamp);
        datagram.extend_from_slice(payload);
        if red.is_some() {
            payload::red::renumber(&mut datagram[begin + head..], stream.pt());
        }
        if let Some(vp8) = header.vp8 {
            payload::vp8::renumber(&mut datagram[begin + head..], vp8.picture_id, vp8.tl0_pic_idx);
        }
        datagram.resize(begin + length, 0);
        if self.sealer.rtp(&mut datagram[begin..], head, fields.ssrc, header.sequence).is_err() {
            return self.train.take_back(begin);
        }
        stream.sent(&header, packet, payload.len());
        let is_numbered = stream.is_numbered();
        self.departed(length, is_numbered);
        if self.next_reports.is_none() {
            // The first ones at once: sound and pictures are put together by them.
            *self.next_reports = Some(self.now);
        }
    }

    /// Sends a packet again that was sent under this number.
    fn repeat(&mut self, sequence: u16, kept: &Kept, is_probe: bool) {
        let stream = self.streams.iter_mut().find_map(|stream| Some((stream.rtx()?, stream)));
        let Some(((pt, ssrc), stream)) = stream else {
            return;
        };
        let Some((repetition, packet)) = stream.repetition(sequence).and_then(|r| Some((r, kept.get(r.place)?))) else {
            return;
        };
        let described = stream.described(packet, repetition.described);
        let head = stream.header_length(&packet.extensions, described);
        let length = head + 2 + packet.payload.len() + self.sealer.tag();
        let index = if is_probe { Some(stream.probe(length)) } else { stream.repeat(length) };
        let Some(index) = index else {
            return;
        };
        let stamp = Stamp { transport_sequence: *self.transport_sequence, send_time: self.send_time };
        let fields = HeaderFields {
            pt,
            ssrc,
            sequence: index as u16,
            timestamp: repetition.timestamp,
            marker: repetition.marker,
        };
        let datagram = self.train.datagram(length, self.path, self.sink);
        let begin = datagram.len();
        stream.write_header(datagram, head, fields, &packet.extensions, described, stamp);
        // The original number comes first (RFC 4588 §4).
        datagram.extend_from_slice(&repetition.sequence.to_be_bytes());
        datagram.extend_from_slice(&packet.payload);
        if let Some(vp8) = repetition.vp8 {
            payload::vp8::renumber(&mut datagram[begin + head + 2..], vp8.picture_id, vp8.tl0_pic_idx);
        }
        datagram.resize(begin + length, 0);
        if self.sealer.rtp(&mut datagram[begin..], head, ssrc, index).is_err() {
            return self.train.take_back(begin);
        }
        let is_numbered = stream.is_numbered();
        self.departed(length, is_numbered);
    }

    fn departed(&mut self, size: usize, is_numbered: bool) {
        if is_numbered {
            self.sink.departed.push(Departed { sequence: *self.transport_sequence, size });
            *self.transport_sequence = self.transport_sequence.wrapping_add(1);
        }
    }

    fn probe(&mut self, bytes: usize, is_small: bool, kept: &Kept) {
        let of_pictures = self.streams.iter().position(|stream| stream.rtx().is_some() && stream.is_numbered());
        let Some(index) = of_pictures else {
            return;
        };
        let sent = |leg: &Self, before: usize| Departed::bytes(&leg.sink.departed[before..]);
        let before = self.sink.departed.len();
        let numbers: Vec<u16> = self.streams[index].repeatable().take(if is_small { 0 } else { MOST_PROBES }).collect();
        for number in numbers {
            if sent(self, before) >= bytes {
                return;
            }
            self.repeat(number, kept, true);
        }
        for _ in 0..MOST_PROBES {
            if sent(self, before) >= bytes {
                return;
            }
            self.pad(index);
        }
    }

    /// Sends a packet of nothing but padding (RFC 3550 §5.1), among the retransmissions, whose numbers may have holes.
    fn pad(&mut self, index: usize) {
        let stream = &mut self.streams[index];
        let Some((pt, ssrc)) = stream.rtx() else {
            return;
        };
        let head = stream.header_length(&Extensions::default(), None);
        let length = head + usize::from(PADDING) + self.sealer.tag();
        let number = stream.probe(length);
        let stamp = Stamp { transport_sequence: *self.transport_sequence, send_time: self.send_time };
        let timestamp = stream.newest_timestamp().unwrap_or_default();
        let fields = HeaderFields { pt, ssrc, sequence: number as u16, timestamp, marker: false };
        let datagram = self.train.datagram(length, self.path, self.sink);
        let begin = datagram.len();
        stream.write_header(datagram, head, fields, &Extensions::default(), None, stamp);
        datagram[begin] |= 0x20;
        datagram.resize(begin + head + usize::from(PADDING) - 1, 0);
        datagram.push(PADDING);
        datagram.resize(begin + length, 0);
        if self.sealer.rtp(&mut datagram[begin..], head, ssrc, number).is_err() {
            return self.train.take_back(begin);
        }
        self.departed(length, true);
    }
}

impl Drop for TrainLeg<'_> {
    fn drop(&mut self) {
        self.train.leave(self.path, self.sink);
    }
}
