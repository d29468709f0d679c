//! Packets of every codec with any numbers, times and reports, into a file; which can then be repaired.
#![no_main]

#[path = "../targets/recorded_packets.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::run(data));
