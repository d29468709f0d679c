//! OpenVidu as a front door: turns what its clients and applications send into commands of the crate `session`, and what
//! sessions answer and tell back into OpenVidu's frames, codes, texts and views.
//!
//! What it is not: it decides nothing (who may do what is `session`'s), it is pure and keeps no state, and it reads and
//! writes no JSON itself (`protocol` does). Another front door is another crate like this one.
//!
//! | from | to | where |
//! |---|---|---|
//! | [`protocol::rpc::ClientRequest`] | [`session::ClientCommand`] | [`request`] |
//! | [`session::Reply`] | [`protocol::rpc::ClientReply`] | [`reply`] |
//! | [`session::Refusal`] | [`protocol::rpc::RpcError`]: code and text | [`refusal`], the one table |
//! | [`session::Notification`] | [`protocol::rpc::ServerNotification`] | [`notification`] |
//! | [`session::snapshot`] | [`protocol::rest::view`], [`protocol::rest::web_rtc`] | [`view`] |

pub mod notification;
pub mod refusal;
pub mod reply;
pub mod request;
pub mod token;
mod version;
pub mod view;
mod web_rtc;

pub use reply::Dialect;
