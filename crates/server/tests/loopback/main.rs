//! The real server over loopback.

mod events;
mod golden;
mod ports;
mod rest;
mod signalling;
mod turn;
