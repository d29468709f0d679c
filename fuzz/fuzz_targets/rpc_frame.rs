//! A text frame of a WebSocket, which anybody may send.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testbed::fuzz::rpc_frame::run(data));
