//! Any bytes behind the beginning of a recorded file, as a disk may leave them.

use std::io::{Cursor, Write};
use std::sync::Arc;
use std::time::Duration;

use muxing::{Codec, Packet, Source, StreamFile, repair};

/// A whole file of one packet.
fn small() -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let mut stream = StreamFile::new(&mut file, true, true);
    let now = Duration::from_secs(1_800_000_000);
    let packet = Packet {
        codec: Codec::Opus,
        source: Source { generation: 1, ssrc: 1 },
        sequence: 1,
        timestamp: 1,
        marker: true,
        quarter_turns: None,
        payload: Arc::from([0x78, 1]),
        arrival: now,
        report: None,
    };
    stream.handle_packet(packet, now).expect("memory takes everything");
    stream.finish(now).expect("memory takes everything");
    file.into_inner()
}

/// One input.
pub fn run(data: &[u8]) {
    let (at, garbage) = match data {
        [high, low, garbage @ ..] => (u64::from(u16::from_be_bytes([*high, *low])) % 1400, garbage),
        _ => return,
    };
    let mut file = Cursor::new(small());
    file.set_position(at);
    file.write_all(garbage).expect("memory takes everything");
    if let Ok(first) = repair(&mut file) {
        let mut bytes = file.into_inner();
        bytes.truncate(first.size as usize);
        let second = repair(&mut Cursor::new(bytes)).expect("it has been repaired");
        assert_eq!(first, second);
    }
}
