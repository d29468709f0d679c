//! Payload headers of every codec, and a forwarder fed with them.

/// One input.
pub fn run(data: &[u8]) {
    sfu::fuzzing::payload(data);
}
