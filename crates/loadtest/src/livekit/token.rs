//! What lets a participant in: a JSON Web Token (RFC 7519) signed with the secret of one of the server's keys.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

/// Longer than any test.
const VALID: Duration = Duration::from_secs(24 * 3600);
/// As far the server's clock may be behind.
const BEFORE: Duration = Duration::from_secs(60);

/// What somebody may do.
pub(crate) struct Grant {
    room: String,
    /// One that is there already is put out by another of the same name.
    identity: String,
    publishes: bool,
    now: Duration,
}

impl Grant {
    pub(crate) fn new(room: &str, publishes: bool) -> Self {
        let identity = format!("{:016x}", rand::random::<u64>());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { room: room.to_owned(), identity, publishes, now }
    }
}

pub(crate) fn access_token(key: &str, secret: &str, grant: &Grant) -> String {
    let Grant { room, identity, publishes, now } = grant;
    let claims = json!({
        "iss": key, "sub": identity,
        "nbf": now.saturating_sub(BEFORE).as_secs(), "exp": (*now + VALID).as_secs(),
        "video": { "roomJoin": true, "room": room, "canPublish": publishes, "canSubscribe": true },
    });
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let signed = format!("{}.{}", part(br#"{"alg":"HS256","typ":"JWT"}"#), part(claims.to_string().as_bytes()));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", part(signature.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_who_may_what_and_is_signed_with_the_secret() {
        let grant = Grant {
            room: "r".to_owned(),
            identity: "ann".to_owned(),
            publishes: true,
            now: Duration::from_secs(1_000_000),
        };
        let token = access_token("key", "secret", &grant);
        let parts: Vec<Vec<u8>> = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
        let claims: serde_json::Value = serde_json::from_slice(&parts[1]).unwrap();
        assert_eq!((&claims["iss"], &claims["sub"], &claims["nbf"]), (&json!("key"), &json!("ann"), &json!(999_940)));
        assert_eq!(claims["exp"], 1_086_400);
        assert_eq!((&claims["video"]["room"], &claims["video"]["canPublish"]), (&json!("r"), &json!(true)));
        let signed = token.rsplit_once('.').unwrap().0;
        let verified = |secret: &str| {
            hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes(), &parts[2]).is_ok()
        };
        assert!(verified("secret") && !verified("another"));
    }

    #[test]
    fn everybody_has_a_name_of_their_own() {
        assert_ne!(Grant::new("r", false).identity, Grant::new("r", false).identity);
    }
}
