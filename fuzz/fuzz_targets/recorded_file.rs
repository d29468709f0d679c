//! Any bytes behind the beginning of a recorded file, as a disk may leave them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testbed::fuzz::recorded_file::run(data));
