//! The client's side of TLS as browsers have it: the other end must show a certificate that an authority signed.
//!
//! What the server itself calls is verified by the authorities that browsers trust and one that the operator names
//! ([`client`]); what people call from their machines, by what those machines trust, too ([`client_of_machine`]).

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Where Linux distributions keep what this machine trusts, its company's authority included.
const OF_MACHINE: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// Trusts the authorities that browsers trust, and those in this file.
///
/// # Errors
/// As [`read`], or what the file holds is none that could be trusted.
pub fn client(authorities: Option<&Path>) -> io::Result<ClientConfig> {
    trusting(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }, authorities)
}

/// The same, and those that this machine trusts.
///
/// # Errors
/// As [`client`].
pub fn client_of_machine(authorities: Option<&Path>) -> io::Result<ClientConfig> {
    trusting(roots_of_machine(), authorities)
}

/// What browsers and this machine trust.
pub fn roots_of_machine() -> RootCertStore {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for path in OF_MACHINE {
        if let Ok(certificates) = CertificateDer::pem_file_iter(path) {
            roots.add_parsable_certificates(certificates.filter_map(Result::ok));
        }
    }
    roots
}

/// Certificates of a file, PEM or DER.
///
/// # Errors
/// The file cannot be read, or holds something else.
pub fn read(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let bytes = std::fs::read(path)?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&bytes).filter_map(Result::ok).collect();
    let certificates = if certificates.is_empty() { vec![CertificateDer::from(bytes)] } else { certificates };
    match certificates.iter().try_for_each(|certificate| crate::validity(certificate).map(drop)) {
        Ok(()) => Ok(certificates),
        Err(error) => Err(io::Error::other(format!("there is no certificate in it ({error})"))),
    }
}

fn trusting(mut roots: RootCertStore, authorities: Option<&Path>) -> io::Result<ClientConfig> {
    for certificate in authorities.map(read).transpose()?.unwrap_or_default() {
        roots.add(certificate).map_err(io::Error::other)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
