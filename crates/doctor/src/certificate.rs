//! Whether a browser would take the certificate that is served: its name, its time, who signed it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;
use certificates::verified;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, RootCertStore};

use super::finding::{Authority, Finding};

const DAY: u64 = 24 * 60 * 60;

/// Whom to believe.
#[derive(Clone)]
pub(super) struct Trust {
    /// From those that everybody believes to those that few do.
    by_authority: [(Authority, Arc<RootCertStore>); 3],
}

impl Trust {
    /// What browsers and this machine trust; `given`, which the doctor was told to; the server's `own` authority.
    pub(super) fn new(given: &[CertificateDer<'static>], own: &[CertificateDer<'static>]) -> Self {
        let roots = verified::roots_of_machine();
        let with = |more: &[CertificateDer<'static>]| {
            let mut all = roots.clone();
            all.add_parsable_certificates(more.iter().cloned());
            Arc::new(all)
        };
        let by_authority =
            [(Authority::Public, with(&[])), (Authority::Given, with(given)), (Authority::Own, with(own))];
        Self { by_authority }
    }

    /// Who vouches for a certificate, or what is wrong with it.
    fn verify(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &str,
        now: SystemTime,
    ) -> Result<Authority, CertificateError> {
        for (authority, roots) in &self.by_authority {
            match verify(own, intermediates, host, roots.clone(), now) {
                Ok(()) => return Ok(*authority),
                Err(CertificateError::UnknownIssuer) => {}
                Err(error) => return Err(error),
            }
        }
        Err(CertificateError::UnknownIssuer)
    }
}

/// SHA-256, as [`protocol::checkup::SelfDescription`] has it.
pub(super) fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let digest = digest::digest(&digest::SHA256, certificate);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is to be said of a certificate that was shown for `host`; `newest` is the fingerprint of what should be.
pub(super) fn judge(
    chain: &[CertificateDer<'static>],
    host: &str,
    newest: Option<&str>,
    trust: &Trust,
    now: SystemTime,
) -> Finding {
    let Some((own, intermediates)) = chain.split_first() else {
        return Finding::CertificateBroken { error: "none was shown".to_owned() };
    };
    let validity = match certificates::validity(own) {
        Ok(validity) => validity,
        Err(error) => return Finding::CertificateBroken { error: error.to_string() },
    };
    let authority = match trust.verify(own, intermediates, host, now) {
        Ok(authority) => authority,
        Err(error) => return wrong(error, validity, intermediates, host),
    };
    if newest.is_some_and(|newest| newest != fingerprint(own)) {
        return Finding::NotNewest;
    }
    let left = validity.until.duration_since(now).unwrap_or(Duration::ZERO);
    let lifetime = validity.until.duration_since(validity.from).unwrap_or(Duration::ZERO);
    let days = left.as_secs() / DAY;
    // It should have been renewed long ago: authorities recommend to do it two thirds through.
    if left < lifetime / 6 {
        return Finding::ExpiresSoon { days };
    }
    Finding::Trusted { name: host.to_owned(), days, authority }
}

fn verify(
    own: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    host: &str,
    roots: Arc<RootCertStore>,
    now: SystemTime,
) -> Result<(), CertificateError> {
    let broken = || CertificateError::BadEncoding;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider).build().map_err(|_| broken())?;
    let name = ServerName::try_from(host).map_err(|_| broken())?;
    let now = UnixTime::since_unix_epoch(now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default());
    match verifier.verify_server_cert(own, intermediates, &name, &[], now) {
        Ok(_) => Ok(()),
        Err(rustls::Error::InvalidCertificate(error)) => Err(error),
        Err(_) => Err(broken()),
    }
}

fn wrong(
    error: CertificateError,
    validity: certificates::Validity,
    intermediates: &[CertificateDer<'_>],
    host: &str,
) -> Finding {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            Finding::Expired { until: validity.until }
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Finding::NotYetValid { from: validity.from }
        }
        CertificateError::NotValidForName => Finding::WrongName { name: host.to_owned(), holds: vec![] },
        CertificateError::NotValidForNameContext { presented, .. } => {
            Finding::WrongName { name: host.to_owned(), holds: presented }
        }
        CertificateError::UnknownIssuer => Finding::Untrusted { alone: intermediates.is_empty() },
        other => Finding::CertificateBroken { error: format!("{other:?}") },
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};

    use super::*;

    struct Signed {
        root: CertificateDer<'static>,
        certificate: CertificateDer<'static>,
    }

    fn signed() -> Signed {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap();
        let own = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new(["call.example.org".to_owned()]).unwrap();
        leaf.not_before = date_time_ymd(2030, 1, 1);
        leaf.not_after = date_time_ymd(2030, 4, 1);
        let certificate = leaf.signed_by(&own, &Issuer::new(params, &key)).unwrap();
        Signed { root: root.into(), certificate: certificate.into() }
    }

    fn at(year: i32, month: u8, day: u8) -> SystemTime {
        SystemTime::from(date_time_ymd(year, month, day))
    }

    #[test]
    fn what_is_wrong_is_told_apart() {
        let Signed { root, certificate } = signed();
        let trust = Trust::new(std::slice::from_ref(&root), &[]);
        let chain = [certificate.clone()];
        let newest = fingerprint(&certificate);
        let judge = |host, now| judge(&chain, host, Some(&newest), &trust, now);
        let good = judge("call.example.org", at(2030, 1, 30));
        assert!(matches!(good, Finding::Trusted { days: 61, authority: Authority::Given, .. }), "{good:?}");
        assert!(matches!(judge("call.example.org", at(2030, 3, 25)), Finding::ExpiresSoon { days: 7 }));
        assert!(matches!(judge("call.example.org", at(2030, 5, 1)), Finding::Expired { .. }));
        assert!(matches!(judge("call.example.org", at(2029, 5, 1)), Finding::NotYetValid { .. }));
        let Finding::WrongName { holds, .. } = judge("other.example.org", at(2030, 1, 30)) else { panic!("taken") };
        assert!(holds.iter().any(|name| name.contains("call.example.org")), "{holds:?}");
        let other = super::judge(&chain, "call.example.org", Some("00"), &trust, at(2030, 1, 30));
        assert!(matches!(other, Finding::NotNewest));
        let of_server = Trust::new(&[], &[root]);
        let signed_there = super::judge(&chain, "call.example.org", None, &of_server, at(2030, 1, 30));
        assert!(matches!(signed_there, Finding::Trusted { authority: Authority::Own, .. }));
        let stranger = super::judge(&chain, "call.example.org", None, &Trust::new(&[], &[]), at(2030, 1, 30));
        assert!(matches!(stranger, Finding::Untrusted { alone: true }));
        assert!(matches!(super::judge(&[], "a", None, &trust, at(2030, 1, 1)), Finding::CertificateBroken { .. }));
        let garbage = [CertificateDer::from(vec![0x30, 0x03, 1, 2, 3])];
        assert!(matches!(super::judge(&garbage, "a", None, &trust, at(2030, 1, 1)), Finding::CertificateBroken { .. }));
    }
}
