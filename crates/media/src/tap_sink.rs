//! Where copies of recorded packets go.

use sfu::TapPacket;

/// Takes what taps hand out. It is called in the media thread, for every packet: it never waits, and drops (and counts) what
/// it has no room for.
pub trait TapSink: Send + 'static {
    /// One packet; those of one tap in order.
    fn take(&self, packet: TapPacket);
}
