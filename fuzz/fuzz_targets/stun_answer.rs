//! What claims to be a STUN or TURN server's answer to questions of ours.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testbed::fuzz::stun_answer::run(data));
