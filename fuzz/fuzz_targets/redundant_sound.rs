//! Sound with frames that were sent before, and what is put back out of it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testbed::fuzz::redundant_sound::run(data));
