//! What claims to be a STUN server's answer about our public address.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some((transaction, answer)) = data.split_first_chunk() {
        let _ = sfu::mapped_address(answer, *transaction);
        let _ = sfu::binding_response(answer, ([192, 0, 2, 1], 1).into());
    }
});
