//! What follows from several settings together, in the terms of the parts that use it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use bucket::Bucket;
use protocol::model::{IceServer, MediaServer};
use session::{RecordingSettings, Settings};

use super::{COMPATIBLE_VERSION, Config, Fault, IceTcp, RecordingStorage, Secret};
use crate::webhooks::Destination;

/// How long a connection outlives its socket, as in the original: clients retry every 3 s.
const RECONNECTION_GRACE: Duration = Duration::from_secs(10);
/// How long a socket stays open after its connection ended, as in the original.
const LINGER: Duration = Duration::from_secs(10);
/// Clients give up after 10 s and never hear why; an error has to reach them before.
const MEDIA_TIMEOUT: Duration = Duration::from_secs(5);

/// The usual one (RFC 8489 §8.1).
const STUN_PORT: u16 = 3478;

/// As in the original: openvidu-java-client waits for 30 s.
const RECORDING_START_TIMEOUT: Duration = Duration::from_secs(10);
const PAGE_START_TIMEOUT: Duration = Duration::from_secs(30);
/// As in the original: creating the session again waits as long.
const RECORDING_PROCESSING_TIMEOUT: Duration = Duration::from_secs(15);

impl Config {
    /// Where events are sent, if anywhere.
    pub(crate) fn webhook(&self) -> Result<Option<Destination>, Fault> {
        if !self.openvidu_webhook {
            return Ok(None);
        }
        let fault =
            |name, value: &str, rule| Fault { name: Some(name), value: "*".repeat(value.chars().count()), rule };
        let endpoint = self.openvidu_webhook_endpoint.expose();
        if endpoint.is_empty() {
            return Err(fault("OPENVIDU_WEBHOOK_ENDPOINT", endpoint, "Cannot be empty.".to_owned()));
        }
        let headers = &self.openvidu_webhook_headers.0;
        let destination = Destination::new(endpoint, headers, self.openvidu_webhook_events.clone());
        destination.map(Some).map_err(|error| fault(error.setting(), "*", error.to_string()))
    }

    /// The bucket that recordings are kept in, if they are.
    pub(crate) fn bucket(&self) -> Result<Option<Bucket>, Fault> {
        if self.openvidu_pro_recording_storage == RecordingStorage::Local {
            return Ok(None);
        }
        let fault = |name, value: &str, rule: String| Fault { name: Some(name), value: value.to_owned(), rule };
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let [key, secret] = [&self.openvidu_pro_aws_access_key, &self.openvidu_pro_aws_secret_key].map(Secret::expose);
        let credentials = match (given(key), given(secret)) {
            (Some(key), Some(secret)) => Some((key, secret)),
            (None, None) => None,
            (Some(_), None) => {
                return Err(fault("OPENVIDU_PRO_AWS_SECRET_KEY", "", "Must be set with the access key.".to_owned()));
            }
            (None, Some(_)) => {
                return Err(fault("OPENVIDU_PRO_AWS_ACCESS_KEY", "", "Must be set with the secret key.".to_owned()));
            }
        };
        let headers: BTreeMap<String, String> =
            serde_json::from_str(self.openvidu_pro_aws_s3_headers.expose()).unwrap_or_default();
        let settings = bucket::Settings {
            bucket: self.openvidu_pro_aws_s3_bucket.clone(),
            endpoint: given(&self.openvidu_pro_aws_s3_service_endpoint),
            path_style: self.openvidu_pro_aws_s3_with_path_style_access,
            region: given(&self.openvidu_pro_aws_region),
            credentials,
            headers: headers.into_iter().collect(),
        };
        let broken = |error: bucket::Error| {
            fault("OPENVIDU_PRO_AWS_S3_BUCKET", &self.openvidu_pro_aws_s3_bucket, format!("{error}."))
        };
        Bucket::open(&settings).map(Some).map_err(broken)
    }

    /// Where clients find this server, if nobody asks who reaches it differently; without a slash at its end.
    pub(crate) fn public_url(&self, fallback_host: IpAddr) -> String {
        let host = self.domain_or_public_ip.for_url().unwrap_or_else(|| bracketed(fallback_host));
        let (scheme, standard) = if self.force_plain_http { ("http", 80) } else { ("https", 443) };
        match self.https_port() {
            port if port == standard => format!("{scheme}://{host}"),
            port => format!("{scheme}://{host}:{port}"),
        }
    }

    /// Port in public URLs.
    pub fn https_port(&self) -> u16 {
        self.https_port.unwrap_or(self.server_port)
    }

    /// Where clients may open connections for media, as seen from outside.
    pub(crate) fn ice_tcp_port(&self) -> Option<u16> {
        match self.madang_ice_tcp {
            IceTcp::Auto => (self.https_port() == self.server_port).then_some(self.server_port),
            IceTcp::Off => None,
            IceTcp::Port(port) => Some(port),
        }
    }

    /// Port on which requests are only sent on to HTTPS. A proxy in front has its own.
    pub(crate) fn redirecting_port(&self) -> Option<u16> {
        let public_itself = self.https_port.is_none_or(|port| port == self.server_port);
        self.http_port.filter(|_| public_itself && !self.force_plain_http)
    }

    /// The rules' settings, for a server whose media port is `udp_port`. `fallback_host` is how clients of the local
    /// network reach it when no public name is set.
    pub(crate) fn settings(&self, fallback_host: IpAddr, udp_port: u16) -> Settings {
        // Never empty: clients without a list ask third parties for their address. Never the media port either: Chromium
        // takes whatever comes from a STUN server's address and port for its answers, connectivity checks included, so
        // that no path to it would work. Nothing has to answer at this one: we are reached without clients' candidates.
        let host = self.domain_or_public_ip.for_url().unwrap_or_else(|| bracketed(fallback_host));
        let port = if udp_port == STUN_PORT { STUN_PORT + 1 } else { STUN_PORT };
        let stun = IceServer { url: format!("stun:{host}:{port}"), username: None, credential: None };
        Settings {
            media_server: self.openvidu_enterprise_media_server,
            video_simulcast: self.openvidu_webrtc_simulcast
                && self.openvidu_enterprise_media_server == MediaServer::Mediasoup,
            compatible_version: COMPATIBLE_VERSION.to_owned(),
            secret: self.openvidu_secret.expose().to_owned(),
            ice_servers: vec![stun],
            turn: None,
            reconnection_grace: RECONNECTION_GRACE,
            linger: LINGER,
            media_timeout: MEDIA_TIMEOUT,
            garbage_interval: Duration::from_secs(self.openvidu_sessions_garbage_interval.into()),
            garbage_threshold: Duration::from_secs(self.openvidu_sessions_garbage_threshold.into()),
            recording: RecordingSettings {
                enabled: self.openvidu_recording,
                notification: self.openvidu_recording_notification,
                auto_stop: Duration::from_secs(self.openvidu_recording_autostop_timeout.into()),
                max_streams: usize::try_from(self.madang_recorded_streams).unwrap_or(usize::MAX),
                start_timeout: RECORDING_START_TIMEOUT,
                page_start_timeout: PAGE_START_TIMEOUT,
                processing_timeout: RECORDING_PROCESSING_TIMEOUT,
            },
        }
    }
}

/// As it stands in a URL.
pub(crate) fn bracketed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigError, LOCALHOST, Sources};

    fn load(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::load(&Sources::of(pairs))
    }

    #[test]
    fn media_over_tcp_is_offered_where_nothing_stands_in_front() {
        let port = |pairs: &[(&str, &str)]| load(pairs).unwrap().ice_tcp_port();
        assert_eq!(port(&[]), Some(4443));
        assert_eq!(port(&[("HTTPS_PORT", "443")]), Some(443));
        assert_eq!(port(&[("HTTPS_PORT", "443"), ("SERVER_PORT", "5443")]), None);
        assert_eq!(port(&[("HTTPS_PORT", "443"), ("SERVER_PORT", "5443"), ("MADANG_ICE_TCP", "443")]), Some(443));
        assert_eq!(port(&[("MADANG_ICE_TCP", "off")]), None);
        assert!(load(&[("MADANG_ICE_TCP", "on")]).unwrap_err().to_string().contains("MADANG_ICE_TCP=on. Must be"));
    }

    #[test]
    fn the_server_redirects_only_to_itself() {
        let redirecting = |pairs: &[(&str, &str)]| load(pairs).unwrap().redirecting_port();
        let ports = [("HTTP_PORT", "80"), ("HTTPS_PORT", "443")];
        assert_eq!(redirecting(&[]), None);
        assert_eq!(redirecting(&ports), Some(80));
        assert_eq!(redirecting(&[("HTTP_PORT", "80"), ("SERVER_PORT", "4443")]), Some(80));
        assert_eq!(redirecting(&[&ports[..], &[("SERVER_PORT", "5443")]].concat()), None, "behind a proxy");
        assert_eq!(redirecting(&[&ports[..], &[("FORCE_PLAIN_HTTP", "true")]].concat()), None);
    }

    #[test]
    fn clients_are_never_pointed_at_the_media_port_for_stun() {
        let url = |pairs: &[(&str, &str)]| load(pairs).unwrap().settings(LOCALHOST, 40000).ice_servers[0].url.clone();
        assert_eq!(url(&[]), "stun:127.0.0.1:3478");
        assert_eq!(url(&[("DOMAIN_OR_PUBLIC_IP", "call.example.org")]), "stun:call.example.org:3478");
        assert_eq!(url(&[("DOMAIN_OR_PUBLIC_IP", "2001:db8::1")]), "stun:[2001:db8::1]:3478");
        let same = Config::default().settings(LOCALHOST, 3478).ice_servers[0].url.clone();
        assert_eq!(same, "stun:127.0.0.1:3479");
    }

    #[test]
    fn simulcast_is_announced_with_mediasoup_only() {
        let announced = |server: &str| {
            let pairs = [("OPENVIDU_WEBRTC_SIMULCAST", "TRUE"), ("OPENVIDU_ENTERPRISE_MEDIA_SERVER", server)];
            load(&pairs).unwrap().settings(LOCALHOST, 1).video_simulcast
        };
        assert!(announced("mediasoup") && !announced("kurento"));
    }
}
