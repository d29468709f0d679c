//! A TCP connection that carries media, or claims to, cut into pieces: the framing of ICE and of TURN.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testbed::fuzz::stream::run(data));
