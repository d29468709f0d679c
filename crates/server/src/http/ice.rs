//! TURN users made up from a secret that their server shares with us (draft-uberti-behave-turn-rest).

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::model::{ConnectionProperties, IceServer};
use protocol::rest::request::{IceCredentials, RequestedIceServer};
use rand::Rng as _;
use rand::distr::Alphanumeric;
use session::Time;

use crate::Config;

/// How long a user is valid.
const LIFETIME_SECONDS: u64 = 86_400;

/// Connections without servers of their own get the configured ones.
pub(super) fn fill_in(properties: &mut ConnectionProperties, config: &Config, now: Time) {
    if properties.custom_ice_servers.is_empty() {
        let configured = config.openvidu_webrtc_ice_servers.iter().cloned();
        properties.custom_ice_servers = configured.map(|server| complete(server, now)).collect();
    }
}

/// What clients are shown: never the secret.
pub(super) fn complete(requested: RequestedIceServer, now: Time) -> IceServer {
    let (username, credential) = match requested.credentials {
        IceCredentials::None => (None, None),
        IceCredentials::Given { username, credential } => (Some(username), Some(credential)),
        IceCredentials::SharedSecret(secret) => {
            let label: String = rand::rng().sample_iter(Alphanumeric).take(8).map(char::from).collect();
            let username = format!("{}:{label}", now.as_millis() / 1000 + LIFETIME_SECONDS);
            let credential = credential(&secret, &username);
            (Some(username), Some(credential))
        }
    };
    IceServer { url: requested.url, username, credential }
}

fn credential(secret: &str, username: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    STANDARD.encode(hmac::sign(&key, username.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_becomes_a_user_who_is_valid_for_a_day() {
        let requested =
            RequestedIceServer { url: "turn:h".into(), credentials: IceCredentials::SharedSecret("secret".into()) };
        let server = complete(requested, Time::from_millis(1_000_999));
        let username = server.username.unwrap();
        let (expiry, label) = username.split_once(':').unwrap();
        assert_eq!(expiry, "87400");
        assert!(label.len() == 8 && label.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(server.credential.unwrap(), credential("secret", &username));
    }

    #[test]
    fn the_password_is_what_turn_servers_compute() {
        // RFC 2202, test case 2.
        assert_eq!(credential("Jefe", "what do ya want for nothing?"), "7/zfauXrL6LSdBbV8YTfnCWafHk=");
    }
}
