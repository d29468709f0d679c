//! What an ACME authority is answered while it looks whether a name is ours.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::sign::CertifiedKey;

/// The open questions.
#[derive(Debug, Default)]
pub struct Challenges(Mutex<OpenChallenges>);

#[derive(Debug, Default)]
struct OpenChallenges {
    /// By name: TLS-ALPN-01 (RFC 8737).
    certificates: HashMap<String, Arc<CertifiedKey>>,
    /// By token: HTTP-01 (RFC 8555 §8.3).
    texts: HashMap<String, String>,
}

/// Takes its answers back when dropped.
pub(super) struct ChallengeAnswer<'a> {
    challenges: &'a Challenges,
    name: String,
    token: String,
}

impl Challenges {
    /// OpenChallenges both kinds of questions about `name`: by `text`, and by a certificate with its SHA-256.
    pub(super) fn answer(
        &self,
        name: &str,
        token: &str,
        text: String,
        digest: &[u8],
    ) -> io::Result<ChallengeAnswer<'_>> {
        let certificate = certificate(name, digest)?;
        let mut answers = self.lock();
        answers.certificates.insert(name.to_owned(), Arc::new(certificate));
        answers.texts.insert(token.to_owned(), text);
        Ok(ChallengeAnswer { challenges: self, name: name.to_owned(), token: token.to_owned() })
    }

    /// For a handshake that asks for `name`.
    pub(super) fn certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.lock().certificates.get(name).cloned()
    }

    /// For a request of `/.well-known/acme-challenge/<token>`.
    pub fn text(&self, token: &str) -> Option<String> {
        self.lock().texts.get(token).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, OpenChallenges> {
        // Whoever panicked meanwhile can have left out an answer, but not made up one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ChallengeAnswer<'_> {
    fn drop(&mut self) {
        let mut answers = self.challenges.lock();
        answers.certificates.remove(&self.name);
        answers.texts.remove(&self.token);
    }
}

/// Not checked like others: its critical extension is known to authorities only.
fn certificate(name: &str, digest: &[u8]) -> io::Result<CertifiedKey> {
    let mut params = CertificateParams::new([name.to_owned()]).map_err(io::Error::other)?;
    params.custom_extensions.push(CustomExtension::new_acme_identifier(digest));
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let certificate = params.self_signed(&key).map_err(io::Error::other)?;
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let signing = any_supported_type(&key.into()).map_err(io::Error::other)?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], signing))
}
