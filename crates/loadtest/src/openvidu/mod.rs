//! OpenVidu 2: an application's REST, and JSON-RPC over a WebSocket as its browser library speaks it. Each stream has a peer
//! connection of its own.

pub(crate) mod application;
pub(crate) mod participant;
mod signalling;
