//! Packets of every codec with any numbers, times and reports, into a file; which can then be repaired.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testbed::fuzz::recorded_packets::run(data));
