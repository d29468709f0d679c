//! Layouts of the application's own: which page shows a session, and how a browser of ours gets there.
//!
//! The page is a client like others. It finds this server at the address that everybody uses, but by way of this machine
//! alone, so that neither a proxy nor the way back from outside has to work; and it need not know who has signed our
//! certificate, whose key is enough for it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use axum::http::Uri;
use certificates::Shown;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::event::Composition;
use settings::{Config, Secret};
use webpage::Options;

use crate::jobs::Unavailable;

/// The user of the REST API.
const USER: &str = "OPENVIDUAPP";
/// What browsers leave as it is (RFC 3986 §2.3).
const UNSAFE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What the page of a layout is called.
const PAGE: &str = "index.html";

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Layouts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// If there is one.
    browser: Option<PathBuf>,
    /// It was named by a setting.
    is_chosen: bool,
    /// For the browser, while it runs.
    scratch: PathBuf,
    folder: PathBuf,
    /// Where clients find this server, without a slash at its end.
    public_url: String,
    /// Where the browser does, if elsewhere.
    composed_url: String,
    with_password: bool,
    secret: Secret,
    /// Where this server listens.
    address: SocketAddr,
    certificate: Arc<Shown>,
}

impl Layouts {
    /// As it is set. `address` is where the server listens.
    pub(crate) fn new(config: &Config, public_url: String, address: SocketAddr, certificate: Arc<Shown>) -> Self {
        let chosen = Some(PathBuf::from(&config.madang_chromium)).filter(|program| !program.as_os_str().is_empty());
        let is_chosen = chosen.is_some();
        Self(Arc::new(Inner {
            browser: chosen.or_else(webpage::find).filter(|program| program.is_file()),
            is_chosen,
            scratch: config.madang_data_dir.join("browser"),
            folder: config.openvidu_recording_custom_layout.clone(),
            public_url,
            composed_url: config.openvidu_recording_composed_url.trim_end_matches('/').to_owned(),
            with_password: config.openvidu_recording_composed_basicauth,
            secret: config.openvidu_secret.clone(),
            address,
            certificate,
        }))
    }

    /// Removes what browsers have left behind that could not do it themselves any more.
    pub(crate) fn tidy(&self) {
        let removed = std::fs::remove_dir_all(&self.0.scratch);
        if let Err(error) = removed.or_else(super::store::unless_gone) {
            tracing::warn!(path = %self.0.scratch.display(), %error, "what a browser has left behind stays");
        }
    }

    /// Whether a page can be recorded at all.
    pub(crate) fn availability(&self) -> Result<(), Unavailable> {
        if self.0.browser.is_some() {
            return Ok(());
        }
        let where_to = if self.0.is_chosen { "is not where MADANG_CHROMIUM says" } else { "is not in the PATH" };
        Err(Unavailable::NoBrowser(format!(
            "they take Chromium, which {where_to} (on Debian: apt-get install chromium)"
        )))
    }

    /// What a browser shall record for a session.
    pub(super) fn page(&self, composition: &Composition, session: &str, has_audio: bool) -> Result<Options, String> {
        self.availability().map_err(|unavailable| unavailable.to_string())?;
        let picture = super::composing::picture(composition, false)?;
        let url = self.url(&composition.custom_layout, session)?;
        let shown: Uri = url.split('?').next().unwrap_or_default().parse().map_err(|_| no_url())?;
        Ok(Options {
            program: self.0.browser.clone().unwrap_or_default(),
            folder: self.0.scratch.clone(),
            insecure_origin: (shown.scheme_str() == Some("http"))
                .then(|| format!("http://{}", authority(&shown).unwrap_or_default())),
            url,
            hosts: self.hosts(),
            trusted_keys: self.0.certificate.key_digest().into_iter().collect(),
            // As they are composed: colours are stored for two by two pixels.
            width: picture.width / 2 * 2,
            height: picture.height / 2 * 2,
            frame_rate: picture.frame_rate,
            audio: has_audio,
        })
    }

    /// The page's address, with what it needs to join the session.
    fn url(&self, layout: &str, session: &str) -> Result<String, String> {
        let encoded = |text| utf8_percent_encode(text, UNSAFE);
        let secret = self.0.secret.expose();
        let parameters = format!("sessionId={}&secret={}", encoded(session), encoded(secret));
        if ["http://", "https://"].iter().any(|scheme| layout.starts_with(scheme)) {
            return elsewhere(layout, &parameters);
        }
        let base = if self.0.composed_url.is_empty() { &self.0.public_url } else { &self.0.composed_url };
        let (scheme, rest) = base.split_once("://").ok_or_else(no_url)?;
        let password = if self.0.with_password { format!("{USER}:{}@", encoded(secret)) } else { String::new() };
        let path = self.path(layout)?;
        Ok(format!("{scheme}://{password}{rest}/openvidu/layouts/{path}{PAGE}?{parameters}"))
    }

    /// Of a layout in the folder, with a slash at its end if it has a name.
    fn path(&self, layout: &str) -> Result<String, String> {
        let path = Path::new(layout);
        let mut encoded = String::new();
        for component in path.components() {
            let Component::Normal(name) = component else {
                return Err(format!("customLayout {layout:?} is no folder below OPENVIDU_RECORDING_CUSTOM_LAYOUT"));
            };
            encoded.extend(utf8_percent_encode(&name.to_string_lossy(), UNSAFE));
            encoded.push('/');
        }
        if !encoded.is_empty() && !self.0.folder.join(path).join(PAGE).is_file() {
            return Err(format!("customLayout {layout:?} has no {PAGE} (setting OPENVIDU_RECORDING_CUSTOM_LAYOUT)"));
        }
        Ok(encoded)
    }

    /// Our own address leads to our own port, on this machine.
    fn hosts(&self) -> Vec<(String, String)> {
        let Ok(public) = self.0.public_url.parse::<Uri>() else { return vec![] };
        let Some(host) = public.host() else { return vec![] };
        let standard = if public.scheme_str() == Some("http") { 80 } else { 443 };
        let own = self.0.address.port();
        let ip = match self.0.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let there = SocketAddr::new(ip, own).to_string();
        let port = public.port_u16().unwrap_or(standard);
        // Applications know the port behind a proxy, too.
        let mut ports = vec![port, own];
        ports.dedup();
        ports.into_iter().map(|port| (format!("{host}:{port}"), there.clone())).collect()
    }
}

/// An application's page on another server is told of the session only if it asks to be told anything.
fn elsewhere(layout: &str, parameters: &str) -> Result<String, String> {
    let (address, fragment) = layout.split_once('#').map_or((layout, None), |(address, rest)| (address, Some(rest)));
    let uri: Uri = address.parse().map_err(|_| no_url())?;
    authority(&uri).ok_or_else(no_url)?;
    let mut url = address.to_owned();
    if let Some((_, query)) = address.split_once('?') {
        if !query.is_empty() {
            url.push('&');
        }
        url.push_str(parameters);
    }
    if let Some(fragment) = fragment {
        url.push('#');
        url.push_str(fragment);
    }
    Ok(url)
}

/// Host and port, without a password.
fn authority(uri: &Uri) -> Option<&str> {
    let authority = uri.authority()?.as_str();
    Some(authority.rsplit_once('@').map_or(authority, |(_, host)| host))
}

fn no_url() -> String {
    "customLayout, or the setting OPENVIDU_RECORDING_COMPOSED_URL, is no address of a page".to_owned()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn layouts(config: Config, public_url: &str) -> Layouts {
        let config = Config { openvidu_secret: "s&cret/".parse().unwrap(), ..config };
        Layouts::new(&config, public_url.to_owned(), ([0, 0, 0, 0], 4443).into(), Arc::new(Shown::nobody()))
    }

    #[test]
    fn a_layout_is_a_page_of_ours() {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir_all(folder.path().join("a b/c")).unwrap();
        std::fs::write(folder.path().join("a b/c/index.html"), "").unwrap();
        let config = Config { openvidu_recording_custom_layout: folder.path().to_owned(), ..Config::default() };
        let ours = layouts(config.clone(), "https://ov.example.com");
        let end = "index.html?sessionId=room%201&secret=s%26cret%2F";
        let with = |layout| ours.url(layout, "room 1");
        let start = "https://OPENVIDUAPP:s%26cret%2F@ov.example.com/openvidu/layouts/";
        assert_eq!(with("a b/c"), Ok(format!("{start}a%20b/c/{end}")));
        assert_eq!(with("a b//c/"), Ok(format!("{start}a%20b/c/{end}")));
        assert_eq!(with(""), Ok(format!("{start}{end}")));
        for bad in ["a b", "nothing", "../x", "a b/../../x", "/etc", "."] {
            assert!(with(bad).is_err(), "{bad}");
        }
        let config = Config {
            openvidu_recording_composed_url: "http://10.0.0.1:5443/".to_owned(),
            openvidu_recording_composed_basicauth: false,
            ..config
        };
        let url = layouts(config, "https://ov.example.com").url("a b/c", "room 1");
        assert_eq!(url, Ok(format!("http://10.0.0.1:5443/openvidu/layouts/a%20b/c/{end}")));
    }

    #[test]
    fn a_page_elsewhere_is_told_of_the_session_if_it_has_a_query() {
        let layouts = layouts(Config::default(), "https://ov.example.com");
        let url = |layout| layouts.url(layout, "room").unwrap();
        let parameters = "sessionId=room&secret=s%26cret%2F";
        assert_eq!(url("https://example.com/page"), "https://example.com/page");
        assert_eq!(url("https://example.com/page?"), format!("https://example.com/page?{parameters}"));
        assert_eq!(url("http://example.com/p?a=b#c"), format!("http://example.com/p?a=b&{parameters}#c"));
        assert!(layouts.url("https://", "room").is_err());
    }

    #[test]
    fn our_own_address_leads_to_this_machine() {
        let found = |url| layouts(Config::default(), url).hosts();
        let rule = |host: &str| (host.to_owned(), "127.0.0.1:4443".to_owned());
        assert_eq!(found("https://ov.example.com"), [rule("ov.example.com:443"), rule("ov.example.com:4443")]);
        assert_eq!(found("http://[2001:db8::1]:4443"), [rule("[2001:db8::1]:4443")]);
    }
}
