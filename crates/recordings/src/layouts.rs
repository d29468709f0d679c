//! Layouts of the application's own: which page shows a session, and how a browser of ours gets there.
//!
//! The page is a client like others. It finds this server at the address that everybody uses, but by way of this machine
//! alone, so that neither a proxy nor the way back from outside has to work; and it need not know who has signed our
//! certificate, whose key is enough for it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use confinement::{Confinement, Refusal};
use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::event::Composition;
use protocol::recording::PagePass;
use webpage::PageOptions;

use crate::inside::leads_inside;
use crate::processes::Unavailable;

/// The user of the REST API.
const USER: &str = "OPENVIDUAPP";
/// What browsers leave as it is (RFC 3986 §2.3).
const UNSAFE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What the page of a layout is called.
const PAGE: &str = "index.html";

/// What pages are shown, and how a browser of ours gets to them.
#[derive(Clone)]
pub struct LayoutOptions {
    /// Chromium; empty: wherever it is in `PATH`.
    pub chromium: PathBuf,
    /// How it shall run, or why it must not.
    pub confinement: Result<Confinement, Refusal>,
    /// For the browser, while it runs.
    pub scratch: PathBuf,
    /// Of the layouts: one folder each, with an `index.html`.
    pub folder: PathBuf,
    /// Where clients find this server, without a slash at its end.
    pub public_url: String,
    /// Where the browser does; empty: in the same place.
    pub composed_url: String,
    /// The page's address says name and password, too.
    pub with_password: bool,
    /// Of the REST API.
    pub secret: String,
    /// Pages elsewhere must not be in the operator's own network.
    pub refuses_inside: bool,
    /// Where this server listens.
    pub address: SocketAddr,
    /// The key of the certificate that this server shows at present, which is trusted as it is.
    pub trusted_key: TrustedKey,
}

/// SHA-256 of a certificate's `SubjectPublicKeyInfo` (RFC 7469 §2.4), in base64.
pub type TrustedKey = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// Without the secret.
impl fmt::Debug for LayoutOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chromium, folder, public_url, composed_url, address, .. } = self;
        f.debug_struct("LayoutOptions")
            .field("chromium", chromium)
            .field("folder", folder)
            .field("public_url", public_url)
            .field("composed_url", composed_url)
            .field("address", address)
            .finish_non_exhaustive()
    }
}

/// The pages of this server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Layouts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// If there is one.
    browser: Option<PathBuf>,
    options: LayoutOptions,
}

impl Layouts {
    /// Looks for the browser.
    pub fn new(options: LayoutOptions) -> Self {
        let chosen = Some(options.chromium.clone()).filter(|program| !program.as_os_str().is_empty());
        let browser = chosen.or_else(webpage::find).filter(|program| program.is_file());
        let composed_url = options.composed_url.trim_end_matches('/').to_owned();
        Self(Arc::new(Inner { browser, options: LayoutOptions { composed_url, ..options } }))
    }

    /// Removes what browsers have left behind that could not do it themselves any more.
    pub fn tidy(&self) {
        let removed = std::fs::remove_dir_all(&self.0.options.scratch);
        if let Err(error) = removed.or_else(crate::store::unless_gone) {
            tracing::warn!(path = %self.0.options.scratch.display(), %error, "what a browser has left behind stays");
        }
    }

    /// Whether a page can be recorded at all.
    pub fn availability(&self) -> Result<(), Unavailable> {
        if let Err(refusal) = &self.0.options.confinement {
            return Err(Unavailable::NoBrowser(refusal.to_string()));
        }
        if self.0.browser.is_some() {
            return Ok(());
        }
        let is_chosen = !self.0.options.chromium.as_os_str().is_empty();
        let where_to = if is_chosen { "is not where MADANG_CHROMIUM says" } else { "is not in the PATH" };
        Err(Unavailable::NoBrowser(format!(
            "they take Chromium, which {where_to} (on Debian: apt-get install chromium)"
        )))
    }

    /// What a browser shall record for a session.
    ///
    /// # Errors
    /// Why there is no such page.
    pub fn page(
        &self,
        composition: &Composition,
        session: &str,
        pass: Option<&PagePass>,
        has_audio: bool,
    ) -> Result<PageOptions, String> {
        self.availability().map_err(|unavailable| unavailable.to_string())?;
        let picture = protocol::transcoder::Picture::new(composition, false)?;
        let url = self.url(&composition.custom_layout, session, pass)?;
        let shown: Uri = url.split('?').next().unwrap_or_default().parse().map_err(|_| no_url())?;
        Ok(PageOptions {
            program: self.0.browser.clone().unwrap_or_default(),
            confinement: self.0.options.confinement.clone().map_err(|refusal| refusal.to_string())?,
            folder: self.0.options.scratch.clone(),
            insecure_origin: (shown.scheme_str() == Some("http"))
                .then(|| format!("http://{}", authority(&shown).unwrap_or_default())),
            url,
            hosts: self.hosts(),
            trusted_keys: (self.0.options.trusted_key)().into_iter().collect(),
            // As they are composed: colours are stored for two by two pixels.
            width: picture.width / 2 * 2,
            height: picture.height / 2 * 2,
            frame_rate: picture.frame_rate,
            audio: has_audio,
        })
    }

    /// The page's address, with what it needs to join the session: ours gets the secret, one elsewhere what lets it in this
    /// once, under the same name.
    fn url(&self, layout: &str, session: &str, pass: Option<&PagePass>) -> Result<String, String> {
        let encoded = |text| utf8_percent_encode(text, UNSAFE);
        let secret = self.0.options.secret.as_str();
        let parameters = |secret| format!("sessionId={}&secret={}", encoded(session), encoded(secret));
        if ["http://", "https://"].iter().any(|scheme| layout.starts_with(scheme)) {
            if self.0.options.refuses_inside && is_inside(layout) {
                return Err(format!(
                    "customLayout {layout:?} is in a private network (setting MADANG_REFUSE_PRIVATE_TARGETS)"
                ));
            }
            return elsewhere(layout, &parameters(pass.map(PagePass::expose).unwrap_or_default()));
        }
        let parameters = parameters(secret);
        let base = if self.0.options.composed_url.is_empty() {
            &self.0.options.public_url
        } else {
            &self.0.options.composed_url
        };
        let (scheme, rest) = base.split_once("://").ok_or_else(no_url)?;
        let password =
            if self.0.options.with_password { format!("{USER}:{}@", encoded(secret)) } else { String::new() };
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
        let page = self.0.options.folder.join(path).join(PAGE);
        if !encoded.is_empty() && !page.is_file() {
            return Err(format!("customLayout {layout:?} has no {PAGE} (setting OPENVIDU_RECORDING_CUSTOM_LAYOUT)"));
        }
        if page.is_file() && !is_below(&page, &self.0.options.folder) {
            return Err(format!("customLayout {layout:?} leads out of OPENVIDU_RECORDING_CUSTOM_LAYOUT by a link"));
        }
        Ok(encoded)
    }

    /// Our own address leads to our own port, on this machine.
    fn hosts(&self) -> Vec<(String, String)> {
        let Ok(public) = self.0.options.public_url.parse::<Uri>() else { return vec![] };
        let Some(host) = public.host() else { return vec![] };
        let standard = if public.scheme_str() == Some("http") { 80 } else { 443 };
        let own = self.0.options.address.port();
        let ip = match self.0.options.address.ip() {
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

#[cfg(test)]
impl LayoutOptions {
    /// Without a folder, on a server that nobody listens at.
    pub(crate) fn nowhere(public_url: &str) -> Self {
        Self {
            chromium: PathBuf::new(),
            confinement: Ok(Confinement::none()),
            scratch: PathBuf::new(),
            folder: PathBuf::new(),
            public_url: public_url.to_owned(),
            composed_url: String::new(),
            with_password: false,
            secret: String::new(),
            refuses_inside: false,
            address: ([0, 0, 0, 0], 4443).into(),
            trusted_key: Arc::new(|| None),
        }
    }
}

/// Wherever links lead.
fn is_below(file: &Path, folder: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    real(file).zip(real(folder)).is_some_and(|(file, folder)| file.starts_with(folder))
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

/// What is no address is refused elsewhere.
fn is_inside(layout: &str) -> bool {
    let uri = layout.split(['?', '#']).next().unwrap_or_default().parse::<Uri>();
    uri.is_ok_and(|uri| {
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
        uri.host().is_some_and(|host| leads_inside(host, port))
    })
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

    fn options(public_url: &str) -> LayoutOptions {
        LayoutOptions { secret: "s&cret/".to_owned(), with_password: true, ..LayoutOptions::nowhere(public_url) }
    }

    fn layouts(public_url: &str) -> Layouts {
        Layouts::new(options(public_url))
    }

    #[test]
    fn a_layout_is_a_page_of_ours() {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir_all(folder.path().join("a b/c")).unwrap();
        std::fs::write(folder.path().join("a b/c/index.html"), "").unwrap();
        let options = LayoutOptions { folder: folder.path().to_owned(), ..options("https://ov.example.com") };
        let ours = Layouts::new(options.clone());
        let end = "index.html?sessionId=room%201&secret=s%26cret%2F";
        let with = |layout| ours.url(layout, "room 1", None);
        let start = "https://OPENVIDUAPP:s%26cret%2F@ov.example.com/openvidu/layouts/";
        assert_eq!(with("a b/c"), Ok(format!("{start}a%20b/c/{end}")));
        assert_eq!(with("a b//c/"), Ok(format!("{start}a%20b/c/{end}")));
        assert_eq!(with(""), Ok(format!("{start}{end}")));
        for bad in ["a b", "nothing", "../x", "a b/../../x", "/etc", "."] {
            assert!(with(bad).is_err(), "{bad}");
        }
        let outside = TempDir::new().unwrap();
        std::fs::write(outside.path().join("index.html"), "").unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("folder")).unwrap();
        std::fs::create_dir(folder.path().join("page")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("index.html"), folder.path().join("page/index.html")).unwrap();
        std::os::unix::fs::symlink(folder.path().join("a b"), folder.path().join("inside")).unwrap();
        for link in ["folder", "page"] {
            assert!(with(link).unwrap_err().contains("leads out of"), "{link}");
        }
        assert!(with("inside/c").is_ok());
        let composed_url = "http://10.0.0.1:5443/".to_owned();
        let elsewhere = LayoutOptions { composed_url, with_password: false, ..options };
        let url = Layouts::new(elsewhere).url("a b/c", "room 1", None);
        assert_eq!(url, Ok(format!("http://10.0.0.1:5443/openvidu/layouts/a%20b/c/{end}")));
    }

    #[test]
    fn a_page_elsewhere_is_told_of_the_session_if_it_has_a_query() {
        let layouts = layouts("https://ov.example.com");
        let pass = PagePass::new(&"x".repeat(32)).unwrap();
        let url = |layout| layouts.url(layout, "room", Some(&pass)).unwrap();
        // Never the secret.
        let parameters = format!("sessionId=room&secret={}", pass.expose());
        assert_eq!(url("https://example.com/page"), "https://example.com/page");
        assert_eq!(url("https://example.com/page?"), format!("https://example.com/page?{parameters}"));
        assert_eq!(url("http://example.com/p?a=b#c"), format!("http://example.com/p?a=b&{parameters}#c"));
        assert!(layouts.url("https://", "room", Some(&pass)).is_err());
    }

    #[test]
    fn pages_in_a_private_network_are_refused_if_that_is_set() {
        let strict = Layouts::new(LayoutOptions { refuses_inside: true, ..options("https://ov.example.com") });
        for layout in ["http://169.254.169.254/latest?", "https://user@10.0.0.1:8443/p#x", "http://[::1]/"] {
            assert!(
                strict.url(layout, "room", None).unwrap_err().contains("MADANG_REFUSE_PRIVATE_TARGETS"),
                "{layout}"
            );
            assert!(layouts("https://ov.example.com").url(layout, "room", None).is_ok(), "{layout}");
        }
        assert!(strict.url("https://203.0.113.5/p", "room", None).is_ok());
    }

    #[test]
    fn our_own_address_leads_to_this_machine() {
        let found = |url| layouts(url).hosts();
        let rule = |host: &str| (host.to_owned(), "127.0.0.1:4443".to_owned());
        assert_eq!(found("https://ov.example.com"), [rule("ov.example.com:443"), rule("ov.example.com:4443")]);
        assert_eq!(found("http://[2001:db8::1]:4443"), [rule("[2001:db8::1]:4443")]);
    }
}
