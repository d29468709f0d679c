//! RTCP of a subscriber, as it is once it has been opened.

/// What a datagram can make us hear: a loss takes a sixteenth of four bytes at least, anything else a packet.
pub fn run(data: &[u8]) {
    let heard = sfu::fuzzing::feedback(data);
    assert!(heard <= 1 + data.len() * 17 / 4, "{heard} out of {} bytes", data.len());
}
