//! Any bytes as a recorded file, read while it grows.

use std::io::Cursor;

use muxing::Follower;

/// One input.
pub fn run(data: &[u8]) {
    let mut whole = Follower::new(Cursor::new(data));
    while let Ok(Some(_)) = whole.poll_frame() {}
    // From wherever it is sought to, frames come that were there anyway.
    let _ = whole.seek(data.len() as u64);
    while let Ok(Some(_)) = whole.poll_frame() {}
    let _ = Follower::new(Cursor::new(&data[..data.len() / 2])).poll_frame();
}
