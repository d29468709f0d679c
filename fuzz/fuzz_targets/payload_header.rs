//! Payload headers of every codec, and a forwarder fed with them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testbed::fuzz::payload_header::run(data));
