//! The real server over loopback.

mod events;
mod faults;
mod golden;
mod observers;
mod ports;
mod rest;
mod signalling;
mod strangers;
mod turn;
