//! An offer or a fragment of SDP, as clients of WHIP and WHEP send them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testbed::fuzz::sdp_fragment::run(data));
