//! A call in frames of WebSockets, through the front door into the rules.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testbed::fuzz::signalling::run(data));
