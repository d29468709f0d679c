//! RTP packets of one published stream in, one Matroska file out, without transcoding.
//!
//! [`StreamFile`] takes [`Packet`]s and the time, puts packets in order, frames together and sound and pictures on one
//! timeline, and writes a file that can be played up to its last cluster (a second at most) wherever it is cut off.
//! [`StreamFile::finish`] makes it seekable; [`repair()`] does the same for a file that was cut off; a [`Follower`] reads it
//! while it grows. It is WebM for VP8, VP9 and AV1, Matroska for H264. A [`FrameFile`] is the same of frames that are whole
//! already, such as those that a [`LiveWebm`] reads of what a browser has recorded. [`StreamFrames`] hands the same frames out with
//! their times instead, for whoever decodes them at once.
//!
//! There is no network, no clock and no thread here: it writes through [`std::io::Write`] and [`std::io::Seek`], and
//! time is an argument. It knows nothing of sessions, nor of how recordings are named and gathered.

#![warn(missing_docs)]

use std::sync::Arc;
use std::time::Duration;

mod cluster;
mod ebml;
mod follow;
mod frame_file;
mod lane;
mod live;
mod matroska;
mod reorder;
mod repair;
mod stream_file;
mod stream_frames;
mod summary;
mod timeline;

pub use follow::{FileFrame, FollowError, Follower, VideoTrack};
pub use frame_file::FrameFile;
pub use live::{LiveWebm, NotWebm};
pub use payload::{Codec, PictureFormat};
pub use repair::{RepairError, repair};
pub use stream_file::{StreamFile, StreamFileEvent};
pub use stream_frames::{StreamFrames, TimedFrame};
pub use summary::{Container, FileSummary, Losses};
pub use timeline::StreamTime;

/// A point in time: since 1970, on a clock of the caller's that never goes back.
pub type Time = Duration;

/// A received RTP packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packet {
    /// How to read the payload.
    pub codec: Codec,
    /// What its timestamp and report belong to.
    pub source: Source,
    /// Goes on over changes of the source, in sound and pictures each. A hole is a loss.
    pub sequence: u64,
    /// RTP timestamp: 48 kHz for sound, 90 kHz for pictures.
    pub timestamp: u32,
    /// Last of a frame.
    pub marker: bool,
    /// How many quarter turns clockwise set the picture upright, if the publisher says so.
    pub quarter_turns: Option<u8>,
    /// RTP payload; padding is empty.
    pub payload: Arc<[u8]>,
    /// When it came.
    pub arrival: Time,
    /// The last report for its source.
    pub report: Option<SenderReport>,
}

/// One stream of packets: the timestamps of two have nothing in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Source {
    /// Grows with each connection of the publisher; the reports of one connection share a clock.
    pub generation: u32,
    /// Of the stream within it.
    pub ssrc: u32,
}

/// A sender report's point in time (RFC 3550 §6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SenderReport {
    /// Publisher's clock, nanoseconds since 1970.
    pub ntp_nanos: i128,
    /// The same in the units and with the offset of its RTP timestamps.
    pub timestamp: u32,
}
