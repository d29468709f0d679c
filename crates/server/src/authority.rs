//! The authority that has signed this server's certificate, if that was made here: what devices are told to trust.

use aws_lc_rs::digest;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Its certificate.
#[derive(Debug)]
pub(crate) struct OwnAuthority {
    certificate: CertificateDer<'static>,
    /// SHA-256, as browsers and phones show it.
    fingerprint: String,
}

impl OwnAuthority {
    /// Of PEM.
    pub(crate) fn new(pem: &str) -> Option<Self> {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
        let digest = digest::digest(&digest::SHA256, &certificate);
        let bytes: Vec<_> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        Some(Self { certificate, fingerprint: bytes.join(":") })
    }

    /// DER.
    pub(crate) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}
