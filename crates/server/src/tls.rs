//! The self-signed certificate: made once, kept, and served.
//!
//! Certificates that others signed are not handled here.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::StartError;
use crate::config::{Config, PublicHost};
use crate::durable;

const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "certificate.key.pem";
/// Subject names, one a line: tells whether the certificate still fits the settings.
const NAMES: &str = "certificate.names";
/// Browsers ask once per certificate, so it should not change often.
const YEARS: i32 = 10;

/// Protocols by their names in ALPN (RFC 7301, RFC 7443).
const HTTP: &[u8] = b"http/1.1";
const TURN: &[u8] = b"stun.turn";

struct Pair {
    certificate: String,
    key: String,
}

/// Takes TLS connections with the kept certificate; makes it first if need be.
pub(crate) fn acceptor(config: &Config) -> Result<TlsAcceptor, StartError> {
    let folder = &config.madang_data_dir;
    let failed = |cause| StartError::Certificate { path: folder.clone(), cause };
    let names = names(&config.domain_or_public_ip);
    let pair = match kept(folder, &config.domain_or_public_ip).map_err(failed)? {
        Some(pair) => pair,
        None => {
            let pair = make(&names).map_err(failed)?;
            // Read-only installations work too; browsers then ask again after every start.
            if let Err(error) = keep(folder, &pair, &names) {
                tracing::warn!(folder = %folder.display(), %error, "the self-signed certificate cannot be kept");
            }
            pair
        }
    };
    server_config(&pair).map(|config| TlsAcceptor::from(Arc::new(config))).map_err(failed)
}

fn server_config(pair: &Pair) -> io::Result<ServerConfig> {
    let invalid = |what: &str, error: &dyn std::fmt::Display| {
        io::Error::new(io::ErrorKind::InvalidData, format!("{what}: {error} (delete the file to make a new one)"))
    };
    let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| invalid(CERTIFICATE, &error))?;
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).map_err(|error| invalid(KEY, &error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| invalid(CERTIFICATE, &error))?;
    config.alpn_protocols = [HTTP, TURN].map(Vec::from).into();
    Ok(config)
}

/// What is on disk, if it is whole and fits the public name.
fn kept(folder: &Path, public: &PublicHost) -> io::Result<Option<Pair>> {
    let read = |name: &str| match fs::read_to_string(folder.join(name)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    };
    let (Some(certificate), Some(key), Some(names)) = (read(CERTIFICATE)?, read(KEY)?, read(NAMES)?) else {
        return Ok(None);
    };
    // Changed addresses of this machine are no reason for a new one: they come and go.
    let fits = match public {
        PublicHost::Unset => true,
        PublicHost::Ip(ip) => names.lines().any(|name| name == ip.to_string()),
        PublicHost::Name(host) => names.lines().any(|name| name == host),
    };
    Ok(fits.then_some(Pair { certificate, key }))
}

fn keep(folder: &Path, pair: &Pair, names: &[String]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    durable::replace(&folder.join(KEY), &pair.key)?;
    durable::replace(&folder.join(CERTIFICATE), &pair.certificate)?;
    // Last: without it the others do not count.
    durable::replace(&folder.join(NAMES), &names.join("\n"))
}

fn make(names: &[String]) -> io::Result<Pair> {
    let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
    params.distinguished_name.push(DnType::CommonName, names.first().map_or("localhost", String::as_str));
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    const SECONDS_PER_YEAR: u64 = 31_556_952;
    let year = 1970 + i32::try_from(seconds / SECONDS_PER_YEAR).unwrap_or_default();
    // From last year on, for clients whose clock is behind.
    params.not_before = date_time_ymd(year - 1, 1, 1);
    params.not_after = date_time_ymd(year + YEARS, 1, 1);
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let certificate = params.self_signed(&key).map_err(io::Error::other)?;
    Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// Public name first, then what reaches this machine from itself and from its networks.
fn names(public: &PublicHost) -> Vec<String> {
    let mut names = match public {
        PublicHost::Unset => vec![],
        PublicHost::Ip(ip) => vec![ip.to_string()],
        PublicHost::Name(name) => vec![name.clone()],
    };
    let local = ["localhost".to_owned(), Ipv4Addr::LOCALHOST.to_string(), Ipv6Addr::LOCALHOST.to_string()];
    let addresses = if_addrs::get_if_addrs().unwrap_or_default().into_iter().map(|interface| interface.ip());
    let lan = addresses.filter(|ip| matches!(ip, IpAddr::V4(ip) if !ip.is_loopback())).map(|ip| ip.to_string());
    for name in local.into_iter().chain(lan) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
