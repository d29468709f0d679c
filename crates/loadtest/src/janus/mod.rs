//! Janus' `VideoRoom` plugin over its WebSocket, as its demonstration pages use it: whoever takes part joins as a publisher, which
//! tells of the others, and attaches one more handle for each stream that it receives, with a peer connection of its own.

mod api;
pub(crate) mod participant;
pub(crate) mod rooms;
