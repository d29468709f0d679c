//! Users made up from a shared secret (draft-uberti-behave-turn-rest): the name says until when it is valid, the password
//! is computed from the name. So whoever knows the secret can issue and check them, and nothing is stored.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use stun::Key;

use crate::REALM;

/// How long they are valid, in seconds: a day, as in OpenVidu's own deployments.
const LIFETIME: u64 = 86_400;
/// Ours have 19; others who know the secret may have longer labels.
const MAX_NAME: usize = 128;
/// How long guests are valid, in seconds: long enough to try every way once.
const GUEST_LIFETIME: u64 = 60;
/// What labels of guests begin with. Nobody without the secret can leave it out.
const GUEST: &str = "guest-";

/// What TURN servers and those who issue credentials for them both know.
#[derive(Clone)]
pub struct SharedSecret(hmac::Key);

/// A user.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `<seconds since 1970>:<label>`.
    pub username: String,
    /// Base64 of an HMAC-SHA1.
    pub password: String,
}

impl SharedSecret {
    /// From its text.
    pub fn new(secret: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes()))
    }

    /// A user who may make allocations for a day from `now` on (seconds since 1970). `label` tells apart those that are made
    /// at the same time.
    pub fn issue(&self, now: u64, label: &str) -> Credentials {
        let username = format!("{}:{label}", now.saturating_add(LIFETIME));
        let password = self.password(&username);
        Credentials { username, password }
    }

    /// A user for whoever asks: valid for a minute, and so is what it allocates, which is little.
    pub fn issue_for_guest(&self, now: u64, label: &str) -> Credentials {
        let username = format!("{}:{GUEST}{label}", now.saturating_add(GUEST_LIFETIME));
        let password = self.password(&username);
        Credentials { username, password }
    }

    fn password(&self, username: &str) -> String {
        STANDARD.encode(hmac::sign(&self.0, username.as_bytes()))
    }

    /// The key of the user's messages. Whether the name is still valid is another question.
    pub(crate) fn key(&self, username: &str) -> Key {
        Key::long_term(username, REALM, &self.password(username))
    }
}

/// Whether it is the name of a guest.
pub(crate) fn is_guest(username: &str) -> bool {
    username.split_once(':').is_some_and(|(_, label)| label.starts_with(GUEST))
}

/// Until when a name is valid, if it is one of a user made up.
pub(crate) fn expiry(username: &str) -> Option<u64> {
    if username.len() > MAX_NAME {
        return None;
    }
    let seconds = username.split(':').next()?;
    if !seconds.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    seconds.parse().ok()
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(*)")
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_what_turn_servers_compute() {
        // RFC 2202, test case 2.
        assert_eq!(SharedSecret::new("Jefe").password("what do ya want for nothing?"), "7/zfauXrL6LSdBbV8YTfnCWafHk=");
        let issued = SharedSecret::new("Jefe").issue(1_700_000_000, "aB3dE9xZ");
        assert_eq!(issued.username, "1700086400:aB3dE9xZ");
        assert_eq!(issued.password, SharedSecret::new("Jefe").password(&issued.username));
    }

    #[test]
    fn a_name_says_until_when_it_is_valid() {
        assert_eq!(expiry("1700000000:aB3dE9xZ"), Some(1_700_000_000));
        assert_eq!(expiry("1700000000"), Some(1_700_000_000), "a label is not needed");
        for wrong in ["", ":", ":1700000000", "+1:a", "1e9:a", " 1:a", "99999999999999999999:a", "ann:1700000000"] {
            assert_eq!(expiry(wrong), None, "{wrong}");
        }
        assert_eq!(expiry(&format!("1700000000:{}", "x".repeat(MAX_NAME))), None);
    }

    #[test]
    fn a_guest_is_valid_for_a_minute_and_known_as_one() {
        let secret = SharedSecret::new("Jefe");
        let guest = secret.issue_for_guest(1_700_000_000, "aB3dE9xZ");
        assert_eq!(guest.username, "1700000060:guest-aB3dE9xZ");
        assert_eq!(guest.password, secret.password(&guest.username));
        assert!(is_guest(&guest.username) && !is_guest(&secret.issue(1, "aB3dE9xZ").username));
        assert!(!is_guest("1") && !is_guest("guest-1:a"));
    }

    #[test]
    fn neither_secret_nor_password_is_shown() {
        let secret = SharedSecret::new("hush-hush");
        let shown = format!("{secret:?} {:?} {:?}", secret.issue(1, "label"), secret.key("1:label"));
        assert!(!shown.contains("hush") && !shown.contains(&secret.password("1:label")), "{shown}");
    }
}
