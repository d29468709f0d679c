//! Messages of a stranger and of a client with an allocation to the STUN and TURN server.
#![no_main]

#[path = "../targets/turn.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::run(data));
