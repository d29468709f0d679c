//! Sound with frames that were sent before, and what is put back out of it.

/// One input.
pub fn run(data: &[u8]) {
    sfu::fuzzing::redundancy(data);
}
