//! Packets of every codec with any numbers, times and reports, into a file; which can then be repaired.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use muxing::{Codec, FileSummary, Packet, SenderReport, Source, StreamFile, repair};

const CODECS: [Codec; 5] = [Codec::Opus, Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1];

/// One input.
pub fn run(data: &[u8]) {
    let Some((&choice, mut rest)) = data.split_first() else {
        return;
    };
    let video = CODECS[1 + usize::from(choice) % 4];
    let middle = rest.len() / 2;
    let mut first = None;
    let mut file = Cursor::new(Vec::new());
    let mut stream = StreamFile::new(&mut file, true, true);
    let mut now = Duration::from_secs(1_800_000_000);
    let mut sequence = 1000u64;
    // Each packet has eight bytes of circumstances and up to 63 of payload.
    while let Some((head, tail)) = rest.split_at_checked(8) {
        let (payload, tail) = tail.split_at(tail.len().min(usize::from(head[0] & 0x3f)));
        rest = tail;
        now += Duration::from_millis(u64::from(head[1]));
        sequence = sequence.wrapping_add_signed(i64::from(head[2] as i8) / 32 + 1);
        let timestamp = u32::from_be_bytes([head[3], head[4], head[5], 0]);
        let report = (head[6] & 0x80 != 0)
            .then(|| SenderReport { ntp_nanos: i128::from(head[7]) << (head[6] & 0x7f), timestamp: timestamp ^ 0xff });
        let packet = Packet {
            codec: if head[0] & 0x40 != 0 { Codec::Opus } else { video },
            source: Source { generation: u32::from(head[6] >> 4 & 0x03), ssrc: u32::from(head[6] & 0x03) },
            sequence,
            timestamp,
            marker: head[0] & 0x80 != 0,
            quarter_turns: Some(head[7]),
            payload: Arc::from(payload),
            arrival: now,
            report,
        };
        stream.handle_packet(packet, now).expect("memory takes everything");
        stream.handle_timeout(now).expect("memory takes everything");
        while stream.poll_event().is_some() {}
        // It goes on in another file.
        if first.is_none() && rest.len() < middle {
            let (summary, time) = stream.interrupt(now).expect("memory takes everything");
            check(&mut file, &summary);
            first = Some(summary);
            file = Cursor::new(Vec::new());
            stream = StreamFile::after(time, &mut file, true, true);
        }
    }
    let summary = stream.finish(now).expect("memory takes everything");
    check(&mut file, &summary);
    if let Some(first) = first.filter(|_| summary.size > 0) {
        assert!(first.end <= summary.start, "{first:?} {summary:?}");
    }
}

fn check(file: &mut Cursor<Vec<u8>>, summary: &FileSummary) {
    if summary.size > 0 {
        let repaired = repair(file).expect("it is whole");
        assert_eq!((repaired.duration, repaired.size), (summary.duration, summary.size));
    }
}
