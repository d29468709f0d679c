//! Any bytes as what a browser records.
#![no_main]

#[path = "../targets/live_webm.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::run(data));
