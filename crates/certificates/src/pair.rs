//! A certificate with its key, as PEM: read, checked, kept.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_cert::der::{Decode as _, Encode as _};

/// PEM texts. Not checked before [`Pair::certified`].
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Pair {
    /// The server's own first, then those that signed it.
    pub(super) certificate: String,
    pub(super) key: String,
}

/// From when and until when a certificate is valid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Validity {
    /// Inclusive.
    pub from: SystemTime,
    /// Inclusive.
    pub until: SystemTime,
}

impl Pair {
    /// Read from two files; `None` if one is missing.
    pub(super) fn read(certificate: &Path, key: &Path) -> io::Result<Option<Self>> {
        let (Some(certificate), Some(key)) = (read(certificate)?, read(key)?) else { return Ok(None) };
        Ok(Some(Self { certificate, key }))
    }

    /// Ready for handshakes, if both can be read and belong together.
    pub(super) fn certified(&self) -> io::Result<CertifiedKey> {
        let chain = self.chain()?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes())
            .map_err(|error| invalid(format_args!("the key is not PEM of an unencrypted private key: {error}")))?;
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key)
            .map_err(|error| invalid(format_args!("the key cannot be used: {error}")))?;
        // Not by rustls, which reads no certificates of version 1 (`openssl x509 -req` without extensions): those are shown
        // like others, and whether clients like them is theirs to say.
        let own = parsed(&chain[0])?;
        let belongs = own.tbs_certificate().subject_public_key_info().to_der();
        let belongs = belongs.map_err(|error| invalid(format_args!("the certificate cannot be read: {error}")))?;
        if key.public_key().is_some_and(|public| public.as_ref() != belongs) {
            return Err(invalid("the key does not belong to the certificate"));
        }
        Ok(CertifiedKey::new(chain, key))
    }

    /// Of the server's own certificate.
    pub(super) fn validity(&self) -> io::Result<Validity> {
        validity(&self.own()?)
    }

    /// The server's own certificate.
    pub(super) fn own(&self) -> io::Result<CertificateDer<'static>> {
        Ok(self.chain()?.swap_remove(0))
    }

    /// Never empty.
    fn chain(&self) -> io::Result<Vec<CertificateDer<'static>>> {
        let chain = CertificateDer::pem_slice_iter(self.certificate.as_bytes()).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| invalid(format_args!("the certificate is not PEM: {error}")))?;
        if chain.is_empty() { Err(invalid("the certificate's file holds none")) } else { Ok(chain) }
    }
}

impl Validity {
    /// When a new one should be had: two thirds through, as authorities recommend.
    pub(super) fn renewal(&self) -> SystemTime {
        let lifetime = self.until.duration_since(self.from).unwrap_or(Duration::ZERO);
        self.from + lifetime * 2 / 3
    }
}

pub(super) fn validity(certificate: &CertificateDer<'_>) -> io::Result<Validity> {
    let certificate = parsed(certificate)?;
    let validity = certificate.tbs_certificate().validity();
    let [from, until] = [validity.not_before, validity.not_after].map(|time| UNIX_EPOCH + time.to_unix_duration());
    Ok(Validity { from, until })
}

fn parsed(certificate: &CertificateDer<'_>) -> io::Result<x509_cert::Certificate> {
    x509_cert::Certificate::from_der(certificate)
        .map_err(|error| invalid(format_args!("the certificate cannot be read: {error}")))
}

fn invalid(why: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_string())
}

/// The text of a file; `None` if there is none.
pub(super) fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
    }
}

/// Makes the folder if there is none.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    durable::replace(path, text)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn pair() -> Pair {
        let mut params = CertificateParams::new(["call.example.org".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2030, 1, 1);
        params.not_after = date_time_ymd(2030, 3, 31);
        let key = KeyPair::generate().unwrap();
        Pair { certificate: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
    }

    #[test]
    fn what_does_not_fit_together_is_named() {
        let (one, other) = (pair(), pair());
        assert!(one.certified().is_ok());
        let broken = |certificate: &str, key: &str| {
            let pair = Pair { certificate: certificate.to_owned(), key: key.to_owned() };
            pair.certified().unwrap_err().to_string()
        };
        assert_eq!(broken(&one.certificate, &other.key), "the key does not belong to the certificate");
        assert_eq!(broken("", &one.key), "the certificate's file holds none");
        assert!(broken(&one.certificate, "").starts_with("the key is not PEM"));
        assert!(broken(&one.certificate, &one.certificate).starts_with("the key is not PEM"));
        let cut = &one.certificate[..one.certificate.len() / 2];
        assert!(broken(cut, &one.key).starts_with("the certificate is not PEM"));
    }

    #[test]
    fn a_certificate_is_renewed_two_thirds_through() {
        let validity = pair().validity().unwrap();
        let day = Duration::from_secs(24 * 60 * 60);
        assert_eq!(validity.until.duration_since(validity.from).unwrap(), day * 89);
        assert_eq!(validity.renewal().duration_since(validity.from).unwrap(), day * 89 * 2 / 3);
    }
}
