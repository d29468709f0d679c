//! TURN users made up from a secret that their server shares with us (draft-uberti-behave-turn-rest).

use protocol::model::{ConnectionProperties, IceServer};
use protocol::rest::request::{IceCredentials, RequestedIceServer};
use rand::Rng as _;
use rand::distr::Alphanumeric;
use session::Time;
use settings::Config;
use turn::SharedSecret;

/// Connections without servers of their own get the configured ones.
pub(crate) fn fill_in(properties: &mut ConnectionProperties, config: &Config, now: Time) {
    if properties.custom_ice_servers.is_empty() {
        properties.custom_ice_servers = configured(config, now);
    }
}

/// Those of this server.
pub(crate) fn configured(config: &Config, now: Time) -> Vec<IceServer> {
    config.openvidu_webrtc_ice_servers.iter().cloned().map(|server| complete(server, now)).collect()
}

/// What clients are shown: never the secret.
pub(crate) fn complete(requested: RequestedIceServer, now: Time) -> IceServer {
    let (username, credential) = match requested.credentials {
        IceCredentials::None => (None, None),
        IceCredentials::Given { username, credential } => (Some(username), Some(credential)),
        IceCredentials::SharedSecret(secret) => {
            let label: String = rand::rng().sample_iter(Alphanumeric).take(8).map(char::from).collect();
            let user = SharedSecret::new(&secret).issue(now.as_millis() / 1000, &label);
            (Some(user.username), Some(user.password))
        }
    };
    IceServer { url: requested.url, username, credential }
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
        assert_eq!(server.credential.unwrap(), SharedSecret::new("secret").issue(1_000, label).password);
    }
}
