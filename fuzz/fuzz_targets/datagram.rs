//! Datagrams from a stranger and from the address of a client, while a publication and a subscription wait for their
//! peers: STUN, DTLS, SRTP, anything.
#![no_main]

#[path = "../targets/datagram.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::run(data));
