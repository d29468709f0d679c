//! How much of a publication a subscriber gets.

use serde::{Deserialize, Serialize};

use super::BitrateLimits;
use crate::id::{SubscriberId, TransportId};

/// What a subscriber wants of one publication. The default is all of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Reception {
    /// Sound is not sent.
    pub audio_paused: bool,
    /// Pictures are not sent.
    pub video_paused: bool,
    /// The best picture that is of use.
    pub limit: LayerLimit,
    /// What the picture may take. A publisher's smallest layer is sent although it takes more.
    pub bitrate: BitrateLimits,
    /// Among the legs of one subscriber, more is more important, where there is not enough for all.
    pub priority: u8,
    /// The picture is a shared screen: it comes before faces.
    pub is_screen: bool,
}

/// The highest layer wanted. Where a publisher does not send what is below, it is no reason to send nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LayerLimit {
    /// Size of the picture: 0 is the smallest, of simulcast or of a stream with layers. `None`: the best there is.
    pub spatial: Option<u8>,
    /// Frames per second: 0 is the fewest. `None`: all. It counts where a stream has layers in time.
    pub temporal: Option<u8>,
}

/// Which of a room's sending transports.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Legs {
    /// One.
    Transport(TransportId),
    /// All of one client.
    Subscriber(SubscriberId),
}

/// A quality of one publication.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Layer {
    /// Size of the picture, 0 is the smallest.
    pub spatial: u8,
}
