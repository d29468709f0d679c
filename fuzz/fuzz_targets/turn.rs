//! Messages of a stranger and of a client with an allocation to the STUN and TURN server.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testbed::fuzz::turn::run(data));
