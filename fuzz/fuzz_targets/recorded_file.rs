//! Any bytes behind the beginning of a recorded file, as a disk may leave them.
#![no_main]

#[path = "../targets/recorded_file.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::run(data));
