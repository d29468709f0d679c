//! Offers and answers of a client, as a publisher, as a subscriber that offers and as one that answers.
#![no_main]

#[path = "../targets/sdp_offer.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|sdp: &str| target::run(sdp));
