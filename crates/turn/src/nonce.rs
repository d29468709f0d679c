//! Nonces that need no memory: when they were given out, and a MAC of ours over that and over whom they were given to.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::{Client, Transport};

/// RFC 8656 §5 recommends at most an hour.
const LIFETIME: Duration = Duration::from_secs(1800);
const TIME: usize = 4;
/// Enough against guessing, and the answer that carries it stays short.
const TAG: usize = 8;
/// As text.
pub(crate) const LENGTH: usize = 16;

#[derive(Debug)]
pub(crate) struct Nonces {
    key: hmac::Key,
    start: Instant,
}

impl Nonces {
    pub(crate) fn new(seed: &[u8; 32], start: Instant) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, seed), start }
    }

    pub(crate) fn issue(&self, client: &Client, now: Instant) -> String {
        let time = (self.seconds(now) as u32).to_be_bytes();
        let mut nonce = [0; TIME + TAG];
        nonce[..TIME].copy_from_slice(&time);
        nonce[TIME..].copy_from_slice(&self.tag(time, client));
        URL_SAFE_NO_PAD.encode(nonce)
    }

    pub(crate) fn accepts(&self, nonce: &[u8], client: &Client, now: Instant) -> bool {
        let mut bytes = [0; TIME + TAG];
        if nonce.len() != LENGTH || URL_SAFE_NO_PAD.decode_slice(nonce, &mut bytes) != Ok(TIME + TAG) {
            return false;
        }
        let time = [bytes[0], bytes[1], bytes[2], bytes[3]];
        let age = self.seconds(now).checked_sub(u64::from(u32::from_be_bytes(time)));
        age.is_some_and(|age| age <= LIFETIME.as_secs())
            && constant_time::verify_slices_are_equal(&self.tag(time, client), &bytes[TIME..]).is_ok()
    }

    fn seconds(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.start).as_secs()
    }

    fn tag(&self, time: [u8; TIME], client: &Client) -> [u8; TAG] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&time);
        context.update(&[u8::from(client.transport == Transport::Stream)]);
        context.update(&client.remote.port().to_be_bytes());
        match client.remote.ip() {
            IpAddr::V4(ip) => context.update(&ip.octets()),
            IpAddr::V6(ip) => context.update(&ip.octets()),
        }
        let mut tag = [0; TAG];
        for (to, from) in tag.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(port: u16) -> Client {
        Client { transport: Transport::Udp, remote: ([192, 0, 2, 7], port).into(), local: ([192, 0, 2, 1], 1).into() }
    }

    #[test]
    fn a_nonce_is_good_for_its_client_and_time() {
        let start = Instant::now();
        let nonces = Nonces::new(&[1; 32], start);
        let issued = start + Duration::from_secs(100);
        let nonce = nonces.issue(&client(1), issued);
        assert_eq!(nonce.len(), LENGTH);
        assert!(nonces.accepts(nonce.as_bytes(), &client(1), issued + LIFETIME));
        assert!(!nonces.accepts(nonce.as_bytes(), &client(1), issued + LIFETIME + Duration::from_secs(1)));
        assert!(!nonces.accepts(nonce.as_bytes(), &client(1), start), "from the future");
        assert!(!nonces.accepts(nonce.as_bytes(), &client(2), issued));
        assert!(!nonces.accepts(nonce.as_bytes(), &Client { transport: Transport::Stream, ..client(1) }, issued));
        assert!(!Nonces::new(&[2; 32], start).accepts(nonce.as_bytes(), &client(1), issued));
        for wrong in ["", "AAAAAAAAAAAAAAAA", "????????????????", "AAAAAAAAAAAAAAAAAAAA"] {
            assert!(!nonces.accepts(wrong.as_bytes(), &client(1), issued), "{wrong}");
        }
    }
}
