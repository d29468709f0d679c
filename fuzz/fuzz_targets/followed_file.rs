//! Any bytes as a recorded file, read while it grows.
#![no_main]

#[path = "../targets/followed_file.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::run(data));
