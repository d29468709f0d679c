//! What follows from several settings together.

use std::net::IpAddr;

use super::{Config, IceTcp};

/// Whichever is free.
const ANY: u16 = 0;

impl Config {
    /// Where clients find this server, if nobody asks who reaches it differently; without a slash at its end. `fallback_host`: as it
    /// stands in a URL.
    pub fn public_url(&self, fallback_host: &str) -> String {
        let host = self.domain_or_public_ip.for_url().unwrap_or_else(|| fallback_host.to_owned());
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
    pub fn ice_tcp_port(&self) -> Option<u16> {
        match self.madang_ice_tcp {
            IceTcp::Auto => (self.https_port() == self.server_port).then_some(self.server_port),
            IceTcp::Off => None,
            IceTcp::Port(port) => Some(port),
        }
    }

    /// Port on which requests are only sent on to HTTPS. A proxy in front has its own, and the port that speaks everything
    /// needs none.
    pub fn redirecting_port(&self) -> Option<u16> {
        let public_itself = self.https_port.is_none_or(|port| port == self.server_port);
        let is_other = |port: u16| port == ANY || port != self.server_port;
        self.http_port.filter(|port| is_other(*port) && public_itself && !self.force_plain_http)
    }
}

/// As it stands in a URL.
pub fn bracketed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConfigError, Sources};

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
        assert_eq!(redirecting(&[("HTTP_PORT", "4443"), ("SERVER_PORT", "4443")]), None, "one port speaks both");
        assert_eq!(redirecting(&[("HTTP_PORT", "443"), ("HTTPS_PORT", "443")]), None);
        assert_eq!(redirecting(&[&ports[..], &[("FORCE_PLAIN_HTTP", "true")]].concat()), None);
    }
}
