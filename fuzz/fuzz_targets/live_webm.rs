//! Any bytes as what a browser records.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testbed::fuzz::live_webm::run(data));
