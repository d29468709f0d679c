//! Transport-wide feedback and bandwidth estimates that subscribers send.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testbed::fuzz::arrivals::run(data));
