//! What claims to be a STUN or TURN server's answer to questions of ours.
#![no_main]

#[path = "../targets/stun_answer.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::run(data));
