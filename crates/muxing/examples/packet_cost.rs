//! What one packet of a recorded stream costs: 30 pictures of six packets and 50 packets of sound a second, in order,
//! into memory that forgets. `packet_cost SECONDS`; under `valgrind --tool=callgrind` the difference of two runs is the
//! number of instructions.

use std::io::{self, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use muxing::{Codec, Packet, SenderReport, Source, StreamFile};

/// Takes everything and keeps nothing.
struct Nowhere(u64);

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Nowhere {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        if let SeekFrom::Start(at) = to {
            self.0 = at;
        }
        Ok(self.0)
    }
}

fn packet(codec: Codec, sequence: u64, captured: Duration, payload: &Arc<[u8]>, marker: bool) -> Packet {
    let (rate, ssrc) = if codec == Codec::Opus { (48_000, 1) } else { (90_000, 2) };
    Packet {
        codec,
        source: Source { generation: 1, ssrc },
        sequence,
        timestamp: (captured.as_micros() * rate / 1_000_000) as u32,
        marker,
        quarter_turns: None,
        payload: Arc::clone(payload),
        arrival: Duration::from_secs(1_800_000_000) + captured,
        report: Some(SenderReport { ntp_nanos: 1_000_000_000, timestamp: 0 }),
    }
}

fn main() -> io::Result<()> {
    let seconds: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(600);
    let padded = |head: &[u8], length: usize| {
        Arc::from(head.iter().copied().chain([0x55]).cycle().take(length).collect::<Vec<u8>>())
    };
    let key: Arc<[u8]> = padded(&[0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 0, 5, 0xd0, 2], 1100);
    let (first, more, sound) = (padded(&[0x10, 0x11, 0], 1100), padded(&[0], 1100), padded(&[0x78], 80));
    let mut stream = StreamFile::new(Nowhere(0), true, true);
    let (mut packets, mut pictures, mut sounds) = (0u64, 0, 0);
    let mut feed = |packet: Packet| {
        let now = packet.arrival;
        packets += 1;
        stream.handle_packet(packet, now)?;
        if stream.poll_timeout().is_some_and(|at| at <= now) { stream.handle_timeout(now) } else { Ok(()) }
    };
    let started = Instant::now();
    for hundredth in 0..seconds * 100 {
        let captured = Duration::from_millis(hundredth * 10);
        if hundredth % 2 == 0 {
            feed(packet(Codec::Opus, sounds, captured, &sound, true))?;
            sounds += 1;
        }
        // 30 of 100.
        if hundredth * 3 / 10 != (hundredth + 1) * 3 / 10 {
            for n in 0..6 {
                let payload = if n > 0 {
                    &more
                } else if pictures == 0 {
                    &key
                } else {
                    &first
                };
                feed(packet(Codec::Vp8, pictures * 6 + n, captured, payload, n == 5))?;
            }
            pictures += 1;
        }
    }
    let elapsed = started.elapsed();
    println!("{packets} packets, {:.0} ns each", elapsed.as_nanos() as f64 / packets as f64);
    Ok(())
}
