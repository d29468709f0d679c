//! Offers and answers of a client, as a publisher, as a subscriber that offers and as one that answers.
#![no_main]

libfuzzer_sys::fuzz_target!(|sdp: &str| testbed::fuzz::sdp_offer::run(sdp));
