//! Payload headers of every codec, and a forwarder fed with them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sfu::fuzzing::payload(data));
