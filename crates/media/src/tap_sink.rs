//! Where copies of packets go, and requests to those who make some.

use protocol::id::PublicationId;
use sfu::TapPacket;

/// Takes what taps hand out. It is called in the media thread, for every packet: it never waits, and drops (and counts) what
/// it has no room for.
pub trait TapSink: Send + 'static {
    /// One packet; those of one tap in order.
    fn take(&self, packet: TapPacket);

    /// Whoever makes the packets of a local publication is asked for a key frame. Called in the media thread, too; it is asked
    /// again as long as none comes.
    fn want_key_frame(&self, publication: PublicationId);
}
