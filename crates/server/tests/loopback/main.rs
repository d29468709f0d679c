//! The real server over loopback.

mod events;
mod golden;
mod observers;
mod ports;
mod rest;
mod signalling;
mod turn;
