//! Dependency descriptors, and a forwarder fed with frames that they tell of.

/// One input.
pub fn run(data: &[u8]) {
    sfu::fuzzing::descriptors(data);
}
