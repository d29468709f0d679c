//! JSON-RPC 2.0 as OpenVidu's clients speak it over the WebSocket `/openvidu`.
//!
//! [`Incoming`] is a parsed frame of a client, [`ClientRequest`] its typed content; [`ClientReply`], [`RpcError`] and
//! [`ServerNotification`] are what goes back. Who may do what is not decided here.

mod frame;
mod notification;
mod params;
mod reply;
mod request;
mod signal;

pub use frame::{Incoming, error_frame, error_frame_without_id, notification_frame, parse, pong_frame, reply_frame};
pub use notification::ServerNotification;
pub use reply::{ClientReply, Joined, JoinedRecording, LegacyTurn, RemoteParticipant, RpcError, StreamDescription};
pub use request::{ClientRequest, InvalidParams, JoinRoom, PublishVideo, PublishedFilter, SubscribeSdp};
pub use signal::{Signal, SignalFault};
