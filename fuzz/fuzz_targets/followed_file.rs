//! Any bytes as a recorded file, read while it grows.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testbed::fuzz::followed_file::run(data));
