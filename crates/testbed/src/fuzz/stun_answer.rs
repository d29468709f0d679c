//! What claims to be a STUN or TURN server's answer to questions of ours.

use ::turn::SharedSecret;
use ::turn::client::TurnClient;
use stun::binding;

/// One input.
pub fn run(data: &[u8]) {
    if let Some((transaction, answer)) = data.split_first_chunk() {
        let _ = binding::mapped_address(answer, *transaction);
        let _ = TurnClient::received(answer);
        let mut client = TurnClient::new(SharedSecret::new("s").issue(1, "a"));
        // The second time it has been told a realm and a nonce.
        for _ in 0..2 {
            let _ = client.answer(*transaction, answer);
            let _ = client.allocate(*transaction, false);
        }
    }
}
