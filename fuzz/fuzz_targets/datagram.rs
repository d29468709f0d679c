//! Datagrams from a stranger and from the address of a client, while a publication and a subscription wait for their
//! peers: STUN, DTLS, SRTP, anything.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testbed::fuzz::datagram::run(data));
