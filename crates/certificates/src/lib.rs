//! The server's certificate: which one is shown in TLS handshakes, where it comes from, and how it is replaced while the
//! server runs.
//!
//! * [`local`]: made and signed here, by an authority of this server's own.
//! * [`own`]: the operator's files.
//! * [`acme`]: got from an authority such as Let's Encrypt, and renewed.
//!
//! It opens no port and speaks no HTTP, but to an authority. Ports have an acceptor, whose every handshake asks [`ServedCertificate`];
//! what an authority asks for by plain HTTP is found in [`Challenges`].

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;
use x509_cert::der::{Decode as _, Encode as _};

use acme::Acme;
pub use challenges::Challenges;
use local::Local;
use own::Own;
use pair::Pair;
pub use pair::Validity;

mod acme;
mod acme_client;
mod challenges;
mod local;
mod own;
mod pair;
pub mod unverified;
pub mod verified;

/// Protocols by their names in ALPN (RFC 7301, RFC 7443).
const HTTP: &[u8] = b"http/1.1";
const TURN: &[u8] = b"stun.turn";
/// The protocol by which an ACME authority asks for its answer (RFC 8737 §4).
const ACME_TLS: &[u8] = b"acme-tls/1";

/// Where the certificate comes from, and where what is made or got is kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder of what is kept here.
    pub folder: PathBuf,
    /// How the server is called from outside: a name, or an IP address without brackets.
    pub public_host: Option<String>,
    /// Whose it is.
    pub origin: Origin,
}

/// Where a certificate comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// It is made here.
    SelfSigned,
    /// It is the operator's, in two files of this folder.
    Own(PathBuf),
    /// It is an ACME authority's.
    Acme(AcmeOptions),
}

/// Which ACME authority is asked, and how.
#[derive(Clone, Debug)]
pub struct AcmeOptions {
    /// Address of its directory (RFC 8555 §7.1.1).
    pub directory: String,
    /// File of the one authority that is trusted while it is asked; `None`: those that browsers trust.
    pub root: Option<PathBuf>,
    /// Whom it writes to.
    pub email: String,
    /// Whether the certificate is for `www.` and the public name, too.
    pub www: bool,
}

/// Why there is no certificate to begin with.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// What is kept here cannot be used, or nothing can be made.
    #[error("{}: {cause}", folder.display())]
    Folder {
        /// Of [`Options`].
        folder: PathBuf,
        /// What is wrong.
        cause: io::Error,
    },
    /// The operator's files cannot be used.
    #[error("{}: {cause}", folder.display())]
    Own {
        /// Of [`Origin::Own`].
        folder: PathBuf,
        /// What is wrong.
        cause: io::Error,
    },
}

/// The certificate in use, and what the rest of a server needs of it.
pub struct Certificates {
    /// For connections.
    pub acceptor: TlsAcceptor,
    /// What clients must trust, if the certificate was signed here: PEM.
    pub authority: Option<String>,
    /// What ACME authorities are answered by plain HTTP.
    pub challenges: Arc<Challenges>,
    /// Which certificate connections are shown.
    pub shown: Arc<ServedCertificate>,
    keeper: Keeper,
}

enum Keeper {
    Local(Local),
    Own(Own, Pair),
    Acme(Acme),
}

impl Certificates {
    /// Reads or makes a certificate, so that there is one from the first connection on.
    ///
    /// # Errors
    /// What is there cannot be used, or what is made cannot be.
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        let failed = |cause| OpenError::Folder { folder: options.folder.clone(), cause };
        let (keeper, pair) = match &options.origin {
            Origin::SelfSigned => {
                let mut local = Local::open(options).map_err(failed)?;
                let pair = local.pair().map_err(failed)?;
                (Keeper::Local(local), pair)
            }
            Origin::Own(folder) => {
                let own = Own::new(folder);
                let failed = |cause| OpenError::Own { folder: folder.clone(), cause };
                let pair = own.read().map_err(failed)?;
                (Keeper::Own(own, pair.clone()), pair)
            }
            Origin::Acme(authority) => {
                let acme = Acme::new(options, authority).map_err(failed)?;
                let pair = match acme.kept() {
                    Some(pair) => pair,
                    // Until the first one has come.
                    None => Local::open(options).and_then(|mut local| local.pair()).map_err(failed)?,
                };
                (Keeper::Acme(acme), pair)
            }
        };
        let challenges = Arc::new(Challenges::default());
        let certificate = RwLock::new(Arc::new(pair.certified().map_err(failed)?));
        let shown = Arc::new(ServedCertificate { certificate, challenges: challenges.clone() });
        let authority = match &keeper {
            Keeper::Local(local) => Some(local.authority().to_owned()),
            Keeper::Own(..) | Keeper::Acme(_) => None,
        };
        let acceptor = acceptor(shown.clone(), matches!(keeper, Keeper::Acme(_))).map_err(failed)?;
        Ok(Self { acceptor, authority, challenges, shown, keeper })
    }

    /// Replaces the certificate whenever it has to be, for ever.
    pub async fn keep(self) {
        let Self { shown, challenges, keeper, .. } = self;
        match keeper {
            Keeper::Local(local) => local.keep(&shown).await,
            Keeper::Own(own, first) => own.keep(first, &shown).await,
            Keeper::Acme(acme) => acme.keep(&shown, &challenges).await,
        }
    }
}

/// The newest certificate there is: what the files hold, whether or not it is in use already. `None` if it is kept nowhere.
///
/// # Errors
/// The files cannot be read or used.
pub fn newest(options: &Options) -> io::Result<Option<CertificateDer<'static>>> {
    let local = || local::kept(&options.folder);
    let pair = match &options.origin {
        Origin::SelfSigned => local()?,
        Origin::Own(folder) => Some(Own::new(folder).read()?),
        Origin::Acme(authority) => match Acme::new(options, authority)?.kept() {
            Some(pair) => Some(pair),
            None => local()?,
        },
    };
    pair.map(|pair| pair.own()).transpose()
}

/// From when and until when a certificate is valid.
///
/// # Errors
/// It is not X.509.
pub fn validity(certificate: &CertificateDer<'_>) -> io::Result<Validity> {
    pair::validity(certificate)
}

fn acceptor(shown: Arc<ServedCertificate>, acme: bool) -> io::Result<TlsAcceptor> {
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
pub struct ServedCertificate {
    certificate: RwLock<Arc<CertifiedKey>>,
    challenges: Arc<Challenges>,
}

impl ServedCertificate {
    /// Of the key in the certificate: SHA-256 of its `SubjectPublicKeyInfo` (RFC 7469 §2.4), in base64.
    pub fn key_digest(&self) -> Option<String> {
        let certificate = self.certificate.read().unwrap_or_else(PoisonError::into_inner).clone();
        let certificate = x509_cert::Certificate::from_der(certificate.end_entity_cert().ok()?).ok()?;
        let key = certificate.tbs_certificate().subject_public_key_info().to_der().ok()?;
        Some(BASE64_STANDARD.encode(digest(&SHA256, &key)))
    }

    /// From when and until when it is valid; `None` if it cannot be read.
    pub fn validity(&self) -> Option<Validity> {
        let certificate = self.certificate.read().unwrap_or_else(PoisonError::into_inner).clone();
        validity(certificate.end_entity_cert().ok()?).ok()
    }

    /// From the next handshake on.
    fn replace(&self, certificate: CertifiedKey) {
        *self.certificate.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certificate);
    }
}

impl ResolvesServerCert for ServedCertificate {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let from_authority = hello.alpn().is_some_and(|mut protocols| protocols.any(|protocol| protocol == ACME_TLS));
        if from_authority {
            return self.challenges.certificate(hello.server_name()?);
        }
        Some(self.certificate.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}
