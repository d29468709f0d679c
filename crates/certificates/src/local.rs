//! The certificate made here, for development and for networks without a public name. An authority of this server's own
//! signs it, so that a phone that trusts the authority once accepts whatever certificate follows.
//!
//! The authority can sign for nothing but this server's name and private addresses (RFC 5280 §4.2.1.10): whoever steals
//! its key cannot pretend to be any other site.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints, date_time_ymd,
};

use super::pair::{self, Pair};
use super::{Options, ServedCertificate};

const AUTHORITY: &str = "authority.pem";
const AUTHORITY_KEY: &str = "authority.key.pem";
/// What it may sign for besides private addresses, one a line.
const AUTHORITY_NAMES: &str = "authority.names";
const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "certificate.key.pem";
/// The authority, then subject names, one a line: tells whether the certificate still fits.
const NAMES: &str = "certificate.names";

/// Phones are told once to trust the authority.
const AUTHORITY_LIFETIME: Duration = Duration::from_secs(20 * 365 * DAY);
/// Apple's devices accept 825 days at most.
const LIFETIME: Duration = Duration::from_secs(800 * DAY);
/// For clients whose clock is behind.
const BACKDATED: Duration = Duration::from_secs(7 * DAY);
const DAY: u64 = 24 * 60 * 60;
/// From one look at the addresses of this machine and the age of its certificate to the next.
const LOOK: Duration = Duration::from_secs(60);
/// Addresses that a certificate keeps though the machine has them no more: they come and go.
const MOST_NAMES: usize = 64;

/// What is private (RFC 1918, RFC 3927, RFC 4193, RFC 4291 §2.5.6), and loopback.
const PRIVATE_V4: [(Ipv4Addr, u8); 5] = [
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
];
const PRIVATE_V6: [(Ipv6Addr, u8); 3] = [
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::LOCALHOST, 128),
];

/// Signs this server's certificates.
struct Authority {
    certificate: String,
    key: KeyPair,
    /// What it may sign for besides private addresses.
    names: Vec<String>,
}

/// The certificate, its authority, and where both are kept.
pub(super) struct Local {
    folder: PathBuf,
    public: Option<String>,
    authority: Authority,
    /// In use, with its names; also where it cannot be kept.
    current: Option<(Pair, Vec<String>)>,
}

impl Local {
    /// Reads the authority, or makes one if there is none for this public name.
    pub(super) fn open(options: &Options) -> io::Result<Self> {
        let (folder, public) = (options.folder.clone(), options.public_host.clone());
        let authority = match Authority::read(&folder)? {
            Some(authority) if public.as_ref().is_none_or(|public| authority.may_sign_for(public)) => authority,
            _ => {
                let own: Vec<_> = public.iter().cloned().chain(addresses().map(|ip| ip.to_string())).collect();
                let authority = Authority::make(own)?;
                // Read-only installations work too; browsers then ask again after every start.
                if let Err(error) = authority.keep(&folder) {
                    tracing::warn!(folder = %folder.display(), %error, "the certificate's authority cannot be kept");
                }
                authority
            }
        };
        Ok(Self { folder, public, authority, current: None })
    }

    /// What clients have to trust.
    pub(super) fn authority(&self) -> &str {
        &self.authority.certificate
    }

    /// The certificate in use or kept, or a new one if it does not fit any more.
    pub(super) fn pair(&mut self) -> io::Result<Pair> {
        let wanted = self.names();
        let former = match self.current.take() {
            Some(current) => Some(current),
            None => self.kept()?,
        };
        if let Some((pair, names)) = &former
            && wanted.iter().all(|name| names.contains(name))
            && pair.validity().is_ok_and(|validity| SystemTime::now() < validity.renewal())
        {
            let pair = pair.clone();
            self.current = former;
            return Ok(pair);
        }
        let mut names = wanted;
        for name in former.map(|(_, names)| names).unwrap_or_default() {
            if !names.contains(&name) && names.len() < MOST_NAMES && self.authority.may_sign_for(&name) {
                names.push(name);
            }
        }
        let pair = self.authority.sign(&names)?;
        if let Err(error) = self.keep_pair(&pair, &names) {
            tracing::warn!(folder = %self.folder.display(), %error, "the self-signed certificate cannot be kept");
        }
        self.current = Some((pair.clone(), names));
        Ok(pair)
    }

    /// Follows the addresses of this machine and the years, for ever.
    pub(super) async fn keep(mut self, shown: &ServedCertificate) {
        let mut last = self.pair().ok();
        loop {
            tokio::time::sleep(LOOK).await;
            let renewed = self.pair().and_then(|pair| Ok((pair.certified()?, pair)));
            match renewed {
                Ok((_, pair)) if last.as_ref() == Some(&pair) => {}
                Ok((certificate, pair)) => {
                    shown.replace(certificate);
                    tracing::info!("a new self-signed certificate is in use: addresses or time have changed");
                    last = Some(pair);
                }
                Err(error) => tracing::warn!(%error, "the self-signed certificate cannot be renewed"),
            }
        }
    }

    /// Public name first, then what reaches this machine from itself and from its networks.
    fn names(&self) -> Vec<String> {
        let local = ["localhost".to_owned(), Ipv4Addr::LOCALHOST.to_string(), Ipv6Addr::LOCALHOST.to_string()];
        let mut names = vec![];
        for name in self.public.iter().cloned().chain(local).chain(addresses().map(|ip| ip.to_string())) {
            if !names.contains(&name) && self.authority.may_sign_for(&name) {
                names.push(name);
            }
        }
        names
    }

    /// With its names, if this authority signed it.
    fn kept(&self) -> io::Result<Option<(Pair, Vec<String>)>> {
        let pair = kept(&self.folder)?;
        let (Some(pair), Some(names)) = (pair, pair::read(&self.folder.join(NAMES))?) else { return Ok(None) };
        let mut lines = names.lines().map(str::to_owned);
        if lines.next().as_deref() != Some(&self.authority.name()) {
            return Ok(None);
        }
        let named = |error| io::Error::other(format!("{CERTIFICATE}: {error} (delete the file to make a new one)"));
        pair.certified().map_err(named)?;
        Ok(Some((pair, lines.collect())))
    }

    fn keep_pair(&self, pair: &Pair, names: &[String]) -> io::Result<()> {
        pair::write(&self.folder.join(KEY), &pair.key)?;
        pair::write(&self.folder.join(CERTIFICATE), &pair.certificate)?;
        // Last: without it the others do not count.
        let authority = [self.authority.name()];
        let lines = [&authority[..], names].concat();
        pair::write(&self.folder.join(NAMES), &lines.join("\n"))
    }
}

/// What is kept in `folder`, whoever signed it.
pub(super) fn kept(folder: &Path) -> io::Result<Option<Pair>> {
    Pair::read(&folder.join(CERTIFICATE), &folder.join(KEY))
}

impl Authority {
    fn make(names: Vec<String>) -> io::Result<Self> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut params = params(&key);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let permitted_subtrees = subtrees(&names);
        params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: vec![] });
        valid_for(&mut params, AUTHORITY_LIFETIME);
        let certificate = params.self_signed(&key).map_err(io::Error::other)?.pem();
        Ok(Self { certificate, key, names })
    }

    fn read(folder: &Path) -> io::Result<Option<Self>> {
        let pair = Pair::read(&folder.join(AUTHORITY), &folder.join(AUTHORITY_KEY))?;
        let (Some(pair), Some(names)) = (pair, pair::read(&folder.join(AUTHORITY_NAMES))?) else { return Ok(None) };
        let named = |error| io::Error::other(format!("{AUTHORITY}: {error} (delete the file to make a new one)"));
        pair.certified().map_err(named)?;
        let key = KeyPair::from_pem(&pair.key).map_err(|error| named(io::Error::other(error)))?;
        Ok(Some(Self { certificate: pair.certificate, key, names: names.lines().map(str::to_owned).collect() }))
    }

    fn keep(&self, folder: &Path) -> io::Result<()> {
        pair::write(&folder.join(AUTHORITY_KEY), &self.key.serialize_pem())?;
        pair::write(&folder.join(AUTHORITY), &self.certificate)?;
        pair::write(&folder.join(AUTHORITY_NAMES), &self.names.join("\n"))
    }

    fn may_sign_for(&self, name: &str) -> bool {
        let always = match name.parse::<IpAddr>() {
            Ok(ip) => is_private(ip),
            Err(_) => name == "localhost",
        };
        always || self.names.iter().any(|own| own == name)
    }

    fn name(&self) -> String {
        authority_name(&self.key)
    }

    /// The certificate for `names` with this one behind it.
    fn sign(&self, names: &[String]) -> io::Result<Pair> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        params.distinguished_name.push(DnType::CommonName, names.first().map_or("localhost", String::as_str));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        valid_for(&mut params, LIFETIME);
        let issuer = Issuer::new(self::params(&self.key), &self.key);
        let certificate = params.signed_by(&key, &issuer).map_err(io::Error::other)?;
        Ok(Pair { certificate: certificate.pem() + &self.certificate, key: key.serialize_pem() })
    }
}

/// What an issuer is known by, the same each time.
fn params(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, authority_name(key));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Tells several servers' apart in a list.
fn authority_name(key: &KeyPair) -> String {
    let digest = digest::digest(&digest::SHA256, key.public_key_raw());
    let short: String = digest.as_ref()[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("Madang {short}")
}

fn valid_for(params: &mut CertificateParams, lifetime: Duration) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + now.saturating_sub(BACKDATED);
    params.not_after = epoch + now + lifetime - BACKDATED;
}

fn subtrees(names: &[String]) -> Vec<GeneralSubtree> {
    let v4 = PRIVATE_V4.map(|(ip, prefix)| GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix(ip.octets(), prefix)));
    let v6 = PRIVATE_V6.map(|(ip, prefix)| GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(ip.octets(), prefix)));
    let own = names.iter().map(|name| match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix(ip.octets(), 32)),
        Ok(IpAddr::V6(ip)) => GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(ip.octets(), 128)),
        Err(_) => GeneralSubtree::DnsName(name.clone()),
    });
    v4.into_iter().chain(v6).chain(own).chain([GeneralSubtree::DnsName("localhost".to_owned())]).collect()
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => PRIVATE_V4.iter().any(|(range, prefix)| {
            let outside = 32 - u32::from(*prefix);
            ip.to_bits() >> outside == range.to_bits() >> outside
        }),
        IpAddr::V6(ip) => PRIVATE_V6.iter().any(|(range, prefix)| {
            let outside = 128 - u32::from(*prefix);
            ip.to_bits() >> outside == range.to_bits() >> outside
        }),
    }
}

/// Of the network interfaces: IPv4, which people type.
fn addresses() -> impl Iterator<Item = IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default().into_iter().map(|interface| interface.ip());
    interfaces.filter(|ip| matches!(ip, IpAddr::V4(ip) if !ip.is_loopback()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

    use super::*;
    use crate::Origin;

    /// As a client sees it that trusts `authority`.
    fn verify(authority: &Authority, pair: &Pair, name: &str) -> Result<(), rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.certificate.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(pair.certificate.as_bytes()).collect::<Result<_, _>>().unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        verifier.verify_server_cert(&chain[0], &chain[1..], &name, &[], UnixTime::now()).map(drop)
    }

    fn texts(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn whoever_trusts_the_authority_accepts_its_names_and_private_addresses() {
        let authority = Authority::make(texts(&["call.example.org", "203.0.113.5"])).unwrap();
        let names = ["call.example.org", "203.0.113.5", "localhost", "192.168.0.7", "10.1.2.3", "fd00::7", "127.0.0.1"];
        let pair = authority.sign(&texts(&names)).unwrap();
        for name in names {
            assert!(authority.may_sign_for(name), "{name}");
            assert_eq!(verify(&authority, &pair, name), Ok(()), "{name}");
        }
        assert!(verify(&authority, &pair, "192.168.0.8").is_err(), "not in the certificate");
        let other = Authority::make(vec![]).unwrap();
        assert!(verify(&other, &pair, "localhost").is_err(), "another authority");
    }

    #[test]
    fn the_authority_is_worth_nothing_for_other_sites() {
        let authority = Authority::make(texts(&["call.example.org"])).unwrap();
        for name in ["www.example.com", "example.org", "198.51.100.1", "2001:db8::1"] {
            assert!(!authority.may_sign_for(name), "{name}");
            let forged = authority.sign(&texts(&[name])).unwrap();
            let error = verify(&authority, &forged, name).unwrap_err();
            assert!(format!("{error:?}").contains("NameConstraintViolation"), "{name}: {error:?}");
        }
    }

    #[test]
    fn a_certificate_that_cannot_be_kept_stays_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "in the way").unwrap();
        let options = Options { folder: file.join("data"), public_host: None, origin: Origin::SelfSigned };
        let mut local = Local::open(&options).unwrap();
        assert!(local.pair().unwrap() == local.pair().unwrap());
    }

    #[test]
    fn an_authority_is_the_same_after_it_was_kept() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::make(texts(&["call.example.org"])).unwrap();
        authority.keep(folder.path()).unwrap();
        let read = Authority::read(folder.path()).unwrap().unwrap();
        assert!(read.name() == authority.name() && read.names == authority.names);
        let pair = read.sign(&texts(&["call.example.org"])).unwrap();
        assert_eq!(verify(&authority, &pair, "call.example.org"), Ok(()));
    }

    #[test]
    fn apples_devices_accept_how_long_it_is_valid() {
        let authority = Authority::make(vec![]).unwrap();
        let validity = authority.sign(&texts(&["localhost"])).unwrap().validity().unwrap();
        assert!(validity.until.duration_since(validity.from).unwrap() <= Duration::from_secs(825 * DAY));
        assert!(validity.from < SystemTime::now() && SystemTime::now() < validity.renewal());
    }
}
