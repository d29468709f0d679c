//! Who is in a call and what may they do: every rule about sessions, connections, tokens and streams.
//!
//! [`Registry`] is a pure state machine. It takes calls together with the current [`Time`] and hands out [`Effect`]s in
//! the order in which they must happen. It opens no socket, reads no clock, starts no task and parses no SDP, so that
//! hours of a call run in a test within milliseconds.
//!
//! The contract with its shell:
//! 1. After *every* call, take [`Registry::poll_effect`] until it is empty, and carry the effects out in that order.
//!    That order is what keeps the promises of `signaling.md` §10 (a reply before the notifications that follow from it…).
//! 2. Call [`Registry::handle_timeout`] once [`Registry::poll_timeout`] has passed.
//! 3. Every [`Effect::Media`] that carries a request id is settled by one [`Registry::handle_media`].

pub use effect::{Effect, PeerInfo, SocketId};
pub use registry::Registry;
pub use settings::Settings;
pub use time::Time;

mod effect;
pub mod registry;
mod settings;
mod time;
