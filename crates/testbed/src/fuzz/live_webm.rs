//! Any bytes as what a browser records.

use std::io::Cursor;
use std::time::Duration;

use muxing::{FrameFile, LiveWebm};

/// One input.
pub fn run(data: &[u8]) {
    let mut webm = LiveWebm::default();
    let mut file = FrameFile::new(Cursor::new(Vec::new()));
    for piece in data.chunks(data.len() / 3 + 1) {
        if webm.push(piece).is_err() {
            return;
        }
        while let Some(frame) = webm.poll_frame() {
            file.push(frame, Duration::ZERO).expect("memory takes everything");
        }
    }
    file.finish().expect("memory takes everything");
}
