//! LiveKit's signalling: protobuf over a WebSocket, as its browser library speaks it. A participant has one peer connection to
//! send on, for which it offers, and one to receive everything on, for which the server does, again and again.

mod messages;
pub(crate) mod participant;
mod protobuf;
pub(crate) mod token;
