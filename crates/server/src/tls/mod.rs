//! The server's certificate: which one is shown in TLS handshakes, and how it is replaced while the server runs.
//!
//! * [`local`]: made and signed here, by an authority of this server's own.
//! * [`own`]: the operator's files.
//! * [`acme`]: got from an authority such as Let's Encrypt, and renewed.
//!
//! The port knows nothing of it: it has an acceptor, and every handshake asks [`Shown`].

use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use settings::{CertificateType, Config};
use tokio_rustls::TlsAcceptor;
use x509_cert::der::{Decode as _, Encode as _};

use crate::{StartError, Stopping};
use acme::Acme;
pub(crate) use challenges::Challenges;
use local::Local;
use own::Own;
use pair::Pair;
pub(crate) use pair::Validity;

mod acme;
mod acme_client;
mod challenges;
mod local;
mod own;
mod pair;
pub(crate) mod unverified;

/// Protocols by their names in ALPN (RFC 7301, RFC 7443).
const HTTP: &[u8] = b"http/1.1";
const TURN: &[u8] = b"stun.turn";
/// The protocol by which an ACME authority asks for its answer (RFC 8737 §4).
const ACME_TLS: &[u8] = b"acme-tls/1";

/// Everything about TLS that the rest of the server needs.
pub(crate) struct Tls {
    /// For connections.
    pub(crate) acceptor: TlsAcceptor,
    /// What clients must trust, if the certificate was signed here: PEM.
    pub(crate) authority: Option<String>,
    /// What ACME authorities are answered by plain HTTP.
    pub(crate) challenges: Arc<Challenges>,
    /// Which certificate connections are shown.
    pub(crate) shown: Arc<Shown>,
    keeper: Keeper,
}

enum Keeper {
    Local(Local),
    Own(Own, Pair),
    Acme(Acme),
}

impl Tls {
    /// Reads or makes a certificate, so that there is one from the first connection on.
    pub(crate) fn open(config: &Config) -> Result<Self, StartError> {
        let folder = &config.madang_data_dir;
        let failed = |cause| StartError::Certificate { path: folder.clone(), cause };
        let (keeper, pair) = match config.certificate_type {
            CertificateType::SelfSigned => {
                let mut local = Local::open(config).map_err(failed)?;
                let pair = local.pair().map_err(failed)?;
                (Keeper::Local(local), pair)
            }
            CertificateType::Own => {
                let own = Own::new(&config.madang_owncert_dir);
                let failed = |cause| StartError::OwnCertificate { path: config.madang_owncert_dir.clone(), cause };
                let pair = own.read().map_err(failed)?;
                (Keeper::Own(own, pair.clone()), pair)
            }
            CertificateType::LetsEncrypt => {
                let acme = Acme::new(config).map_err(failed)?;
                let pair = match acme.kept() {
                    Some(pair) => pair,
                    // Until the first one has come.
                    None => Local::open(config).and_then(|mut local| local.pair()).map_err(failed)?,
                };
                (Keeper::Acme(acme), pair)
            }
        };
        let challenges = Arc::new(Challenges::default());
        let certificate = RwLock::new(Arc::new(pair.certified().map_err(failed)?));
        let shown = Arc::new(Shown { certificate, challenges: challenges.clone() });
        let authority = match &keeper {
            Keeper::Local(local) => Some(local.authority().to_owned()),
            Keeper::Own(..) | Keeper::Acme(_) => None,
        };
        let acceptor = acceptor(shown.clone(), matches!(keeper, Keeper::Acme(_))).map_err(failed)?;
        Ok(Self { acceptor, authority, challenges, shown, keeper })
    }

    /// Replaces the certificate whenever it has to be, until the server stops.
    pub(crate) fn keep(self, mut stopping: Stopping) {
        let Self { shown, challenges, keeper, .. } = self;
        tokio::spawn(async move {
            let keep = async {
                match keeper {
                    Keeper::Local(local) => local.keep(&shown).await,
                    Keeper::Own(own, first) => own.keep(first, &shown).await,
                    Keeper::Acme(acme) => acme.keep(&shown, &challenges).await,
                }
            };
            tokio::select! {
                () = keep => {}
                () = stopping.requested() => {}
            }
        });
    }
}

/// The newest certificate there is: what the files hold, whether or not it is in use already. `None` if it is kept nowhere.
pub(crate) fn newest(config: &Config) -> io::Result<Option<CertificateDer<'static>>> {
    let local = || local::kept(&config.madang_data_dir);
    let pair = match config.certificate_type {
        CertificateType::SelfSigned => local()?,
        CertificateType::Own => Some(Own::new(&config.madang_owncert_dir).read()?),
        CertificateType::LetsEncrypt => match Acme::new(config)?.kept() {
            Some(pair) => Some(pair),
            None => local()?,
        },
    };
    pair.map(|pair| pair.own()).transpose()
}

/// From when and until when a certificate is valid.
pub(crate) fn validity(certificate: &CertificateDer<'_>) -> io::Result<Validity> {
    pair::validity(certificate)
}

fn acceptor(shown: Arc<Shown>, acme: bool) -> io::Result<TlsAcceptor> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_cert_resolver(shown);
    config.alpn_protocols = [HTTP, TURN].map(Vec::from).into();
    if acme {
        config.alpn_protocols.push(ACME_TLS.to_vec());
    }
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The certificate of the next handshake.
#[derive(Debug)]
pub(crate) struct Shown {
    certificate: RwLock<Arc<CertifiedKey>>,
    challenges: Arc<Challenges>,
}

impl Shown {
    /// Of the key in the certificate: SHA-256 of its `SubjectPublicKeyInfo` (RFC 7469 §2.4), in base64.
    pub(crate) fn key_digest(&self) -> Option<String> {
        let certificate = self.certificate.read().unwrap_or_else(PoisonError::into_inner).clone();
        let certificate = x509_cert::Certificate::from_der(certificate.end_entity_cert().ok()?).ok()?;
        let key = certificate.tbs_certificate().subject_public_key_info().to_der().ok()?;
        Some(BASE64_STANDARD.encode(digest(&SHA256, &key)))
    }

    /// A certificate that nobody asks for.
    #[cfg(test)]
    pub(crate) fn nobody() -> Self {
        let made = rcgen::generate_simple_self_signed([String::new()]).expect("a certificate");
        let pair = Pair { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() };
        let certificate = pair.certified().expect("a pair");
        Self { certificate: RwLock::new(Arc::new(certificate)), challenges: Arc::default() }
    }

    /// From the next handshake on.
    fn replace(&self, certificate: CertifiedKey) {
        *self.certificate.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certificate);
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let from_authority = hello.alpn().is_some_and(|mut protocols| protocols.any(|protocol| protocol == ACME_TLS));
        if from_authority {
            return self.challenges.certificate(hello.server_name()?);
        }
        Some(self.certificate.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}
