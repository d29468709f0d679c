//! An authority of the tests' own, and programs that trust it as they do public ones.

use std::fs;
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::job::PROGRAM;

/// Where programs find those that the machine trusts.
const TRUSTED: &str = "/etc/ssl/certs/ca-certificates.crt";

pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// With its certificate.
    folder: TempDir,
}

/// PEM, both of them.
pub(crate) struct Signed {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("root.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), folder }
    }

    /// For a name or an address.
    pub(crate) fn sign(&self, name: &str) -> Signed {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Signed { certificate, key: key.serialize_pem() }
    }

    /// Our program in a file system in which this one alone is trusted, if we may make one.
    pub(crate) fn trusting(&self) -> Option<Command> {
        let root = self.folder.path().join("root.pem");
        let command = |unshare: &[&str], program: &str| {
            let mut command = Command::new("unshare");
            command.args(unshare).args(["--", "sh", "-c", "mount --bind \"$0\" \"$1\" && shift && exec \"$@\""]);
            command.arg(&root).arg(TRUSTED).arg(program);
            command
        };
        let kinds = [&["--mount"][..], &["--map-root-user", "--mount"]];
        let works = |unshare: &&&[&str]| command(unshare, "true").status().is_ok_and(|status| status.success());
        kinds.iter().find(works).map(|unshare| command(unshare, PROGRAM))
    }
}
