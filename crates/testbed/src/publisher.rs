//! What a publisher sends, as it comes to the recorder: packets with times, under a clock of the test's.

use std::io::{Cursor, Seek, Write};
use std::sync::Arc;
use std::time::Duration;

use muxing::{Codec, FileSummary, Packet, SenderReport, Source, StreamFile, StreamFileEvent, StreamTime, Time};

/// The publisher's clock is elsewhere.
const THEIR_OFFSET: i128 = 5_000_000_000_000;

pub fn start() -> Time {
    Duration::from_millis(1_800_000_000_000)
}

pub fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A packet as an encoder made it.
#[derive(Clone, Debug)]
pub struct EncodedPacket {
    /// Since the stream began.
    pub captured: Duration,
    pub marker: bool,
    pub payload: Vec<u8>,
}

/// One stream of packets.
pub struct Stream {
    pub codec: Codec,
    pub source: Source,
    pub first_timestamp: u32,
    /// On the network.
    pub delay: Duration,
    pub reports: bool,
}

impl Stream {
    pub fn new(codec: Codec, generation: u32) -> Self {
        let is_audio = codec == Codec::Opus;
        Self {
            codec,
            source: Source { generation, ssrc: if is_audio { 1 } else { 2 } },
            first_timestamp: if is_audio { u32::MAX - 20_000 } else { u32::MAX - 5_000 },
            delay: ms(if is_audio { 20 } else { 60 }),
            reports: true,
        }
    }

    /// Captured from `begin` on; sequence numbers from `sequence` on.
    pub fn packets(&self, made: &[EncodedPacket], begin: Time, sequence: u64) -> Vec<Packet> {
        let rate = if self.codec == Codec::Opus { 48_000 } else { 90_000 };
        let packet = |(n, made): (usize, &EncodedPacket)| {
            let captured = begin + made.captured;
            let ticks = |time: Duration| (time.as_nanos() * rate / 1_000_000_000) as u32;
            let report = self.reports.then(|| SenderReport {
                ntp_nanos: begin.as_nanos() as i128 + THEIR_OFFSET,
                timestamp: self.first_timestamp,
            });
            Packet {
                codec: self.codec,
                source: self.source,
                sequence: sequence + n as u64,
                timestamp: self.first_timestamp.wrapping_add(ticks(made.captured)),
                marker: made.marker,
                quarter_turns: None,
                payload: Arc::from(&made.payload[..]),
                arrival: captured + self.delay,
                report,
            }
        };
        made.iter().enumerate().map(packet).collect()
    }
}

/// Pictures that no decoder would take, but with headers a parser does: `every` ms, a key frame first.
pub fn pictures(count: u64, every: u64) -> Vec<EncodedPacket> {
    (0..count)
        .flat_map(|n| {
            let head: &[u8] =
                if n == 0 { &[0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 64, 0, 48, 0] } else { &[0x10, 0x11, n as u8] };
            let packet =
                |payload: &[u8], marker| EncodedPacket { captured: ms(n * every), marker, payload: payload.to_vec() };
            [packet(head, false), packet(&[0x00, 0x55, n as u8], true)]
        })
        .collect()
}

/// Sound in packets of 20 ms.
pub fn sound(count: u64) -> Vec<EncodedPacket> {
    (0..count).map(|n| EncodedPacket { captured: ms(n * 20), marker: false, payload: vec![0x78, n as u8, 3] }).collect()
}

/// By arrival.
pub fn merged(streams: impl IntoIterator<Item = Vec<Packet>>) -> Vec<Packet> {
    let mut packets: Vec<Packet> = streams.into_iter().flatten().collect();
    packets.sort_by_key(|packet| packet.arrival);
    packets
}

/// A recorder fed with packets, woken whenever it wants to be.
pub struct Recorded {
    pub file: Vec<u8>,
    /// What was in the file after each write, before it was finished.
    pub unfinished: Vec<u8>,
    pub summary: FileSummary,
    pub events: Vec<StreamFileEvent>,
}

pub fn record(packets: Vec<Packet>) -> Recorded {
    let shared = Shared::default();
    let mut file = StreamFile::new(shared.clone(), true, true);
    let (now, events) = feed(&mut file, packets).unwrap();
    let unfinished = shared.bytes();
    let summary = file.finish(now).unwrap();
    Recorded { file: shared.bytes(), unfinished, summary, events }
}

/// Files of one stream, which is recorded from and until each of these.
pub fn record_again(packets: &[Packet], spans: &[(Time, Time)]) -> Vec<FileSummary> {
    let mut time = StreamTime::default();
    let mut summaries = Vec::new();
    for (from, until) in spans {
        let heard = packets.iter().filter(|packet| (*from..*until).contains(&packet.arrival));
        let mut file = StreamFile::after(time, Shared::default(), true, true);
        feed(&mut file, heard.cloned().collect()).unwrap();
        let summary;
        (summary, time) = file.interrupt(*until).unwrap();
        summaries.push(summary);
    }
    summaries
}

/// The time at the end, and what was told.
pub fn feed<W: Write + Seek>(
    file: &mut StreamFile<W>,
    packets: Vec<Packet>,
) -> std::io::Result<(Time, Vec<StreamFileEvent>)> {
    let mut events = Vec::new();
    let mut now = start();
    for packet in packets {
        let arrival = packet.arrival;
        while let Some(at) = file.poll_timeout().filter(|at| *at <= arrival) {
            now = now.max(at);
            file.handle_timeout(now)?;
        }
        now = now.max(arrival);
        file.handle_packet(packet, now)?;
        events.extend(std::iter::from_fn(|| file.poll_event()));
    }
    Ok((now, events))
}

/// A file in memory that can be looked at while it is written.
#[derive(Clone, Default)]
pub struct Shared(std::rc::Rc<std::cell::RefCell<Cursor<Vec<u8>>>>);

impl Shared {
    fn bytes(&self) -> Vec<u8> {
        self.0.borrow().get_ref().clone()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Seek for Shared {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.0.borrow_mut().seek(to)
    }
}
