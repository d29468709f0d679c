//! The client's side of TLS as browsers have it: the other end must show a certificate that an authority signed.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Trusts the authorities that browsers trust, and those in this PEM file.
///
/// # Errors
/// The file cannot be read, or holds no certificate that could be trusted.
pub fn client(authorities: Option<&Path>) -> io::Result<ClientConfig> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = authorities {
        let (mut found, certificates) = (false, CertificateDer::pem_file_iter(path).map_err(io::Error::other)?);
        for certificate in certificates {
            roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
            found = true;
        }
        if !found {
            return Err(io::Error::other("there is no certificate in it"));
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
