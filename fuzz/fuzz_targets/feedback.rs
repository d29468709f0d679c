//! RTCP that subscribers send.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testbed::fuzz::feedback::run(data));
