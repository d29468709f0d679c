//! Who has shown the secret to the dashboard: browsers then send a cookie instead, by themselves. A cookie opens what the secret
//! opens, but only to pages of our own origin (see [`crate::http`]), and for some hours; it is void after a restart.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngCore as _;

const NAME: &str = "madang_dashboard";
/// Since it was last used.
const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);
/// At a time. Only those who have the secret can fill this.
const MOST: usize = 1000;

/// Of what browsers keep, only the digest is kept here: finding it takes the same time, whatever was guessed.
type Digest = [u8; 32];

/// All that are good.
#[derive(Debug, Default)]
pub(crate) struct Logins(Mutex<HashMap<Digest, Instant>>);

impl Logins {
    /// A new one, as the header that makes the browser keep it.
    pub(crate) fn open(&self, secure: bool, now: Instant) -> HeaderValue {
        let mut chance = [0; 32];
        rand::rng().fill_bytes(&mut chance);
        let value = URL_SAFE_NO_PAD.encode(chance);
        let mut logins = self.lock();
        logins.retain(|_, used| now < *used + LIFETIME);
        if logins.len() >= MOST
            && let Some(oldest) = logins.iter().min_by_key(|(_, used)| **used).map(|(digest, _)| *digest)
        {
            logins.remove(&oldest);
        }
        logins.insert(digest_of(&value), now);
        header(&value, LIFETIME.as_secs(), secure)
    }

    /// Whether a request carries one; it lasts longer by that.
    pub(crate) fn has(&self, headers: &HeaderMap, now: Instant) -> bool {
        let Some(value) = sent(headers) else { return false };
        let mut logins = self.lock();
        let used = logins.get_mut(&digest_of(value)).filter(|used| now < **used + LIFETIME);
        used.map(|used| *used = now).is_some()
    }

    /// The one that a request carries is void; the header that makes the browser forget it.
    pub(crate) fn close(&self, headers: &HeaderMap, secure: bool) -> HeaderValue {
        if let Some(value) = sent(headers) {
            self.lock().remove(&digest_of(value));
        }
        header("", 0, secure)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Instant>> {
        // Nothing that panics is done while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Not for scripts, and never sent by pages of other sites.
fn header(value: &str, seconds: u64, secure: bool) -> HeaderValue {
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{NAME}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::try_from(text).expect("letters, digits and marks that headers may have")
}

fn sent(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|list| list.split(';')).find_map(|cookie| cookie.trim().strip_prefix(NAME)?.strip_prefix('='))
}

fn digest_of(value: &str) -> Digest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, value.as_bytes()).as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carrying(set: &HeaderValue) -> HeaderMap {
        let cookie = set.to_str().unwrap().split(';').next().unwrap().to_owned();
        [(header::COOKIE, format!("other=1; {cookie}").parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn a_login_is_good_until_it_is_closed_or_not_used_for_long() {
        let (logins, now) = (Logins::default(), Instant::now());
        let first = carrying(&logins.open(true, now));
        let second = carrying(&logins.open(true, now));
        assert!(logins.has(&first, now) && logins.has(&second, now + LIFETIME / 2));
        assert!(!logins.has(&first, now + LIFETIME));
        assert!(logins.has(&second, now + LIFETIME), "it was used");
        logins.close(&second, true);
        assert!(!logins.has(&second, now + LIFETIME / 2));
    }

    #[test]
    fn what_was_made_up_is_none() {
        let (logins, now) = (Logins::default(), Instant::now());
        assert!(!logins.has(&HeaderMap::new(), now));
        for cookie in ["madang_dashboard=", "madang_dashboard=x", "madang_dashboard", "x_madang_dashboard=1"] {
            let headers = [(header::COOKIE, cookie.parse().unwrap())].into_iter().collect();
            assert!(!logins.has(&headers, now), "{cookie}");
        }
    }

    #[test]
    fn pages_of_others_and_scripts_never_get_it() {
        let set = Logins::default().open(true, Instant::now());
        let set = set.to_str().unwrap();
        assert!(set.contains("; HttpOnly; SameSite=Strict; Secure"), "{set}");
        assert!(!Logins::default().open(false, Instant::now()).to_str().unwrap().contains("Secure"));
    }

    #[test]
    fn no_more_are_kept_than_may_be() {
        let (logins, now) = (Logins::default(), Instant::now());
        let first = carrying(&logins.open(true, now));
        for n in 1..=MOST {
            logins.open(true, now + Duration::from_millis(n as u64));
        }
        assert_eq!(logins.lock().len(), MOST);
        assert!(!logins.has(&first, now + Duration::from_secs(2)));
    }
}
