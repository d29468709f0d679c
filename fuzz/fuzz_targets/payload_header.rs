//! Payload headers of every codec, and a forwarder fed with them.
#![no_main]

#[path = "../targets/payload_header.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::run(data));
