//! What the control side asks of a media worker, and what the worker reports.
//!
//! Plain data: today it crosses a channel inside the process, it can as well cross a network. Everything is addressed: a
//! room's id names its worker, every command its room, so that whoever hands them on keeps no tables. The worker knows
//! nothing of OpenVidu: sessions are routers, streams are publications, all ids are opaque numbers given by the caller.

mod bitrate;
mod codec;
mod command;
mod event;
mod ice;
mod local;
mod observation;
mod reception;
mod selection;

pub use bitrate::BitrateLimits;
pub use codec::{CodecChoice, Kinds, MediaKind, VideoCodec};
pub use command::{MediaCommand, MediaOperation};
pub use event::{MediaEvent, MediaFailure};
pub use ice::IceCredentials;
pub use local::{LocalFormats, OutputVideo};
pub use observation::{
    MediaPath, PathProtocol, PicturePause, Pictures, StreamStatistics, TransportObservation, TransportStatistics,
};
pub use reception::{Layer, LayerLimit, Legs, Reception};
pub use selection::Selection;
