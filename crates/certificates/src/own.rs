//! The operator's own certificate: two files, shown anew whenever they change.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ServedCertificate;
use super::pair::Pair;

const CERTIFICATE: &str = "certificate.cert";
const KEY: &str = "certificate.key";
/// From one look at the files to the next. They are compared as a whole: other signs of a change fail for linked and
/// mounted files.
const LOOK: Duration = Duration::from_secs(1);

/// The files.
#[derive(Clone)]
pub(super) struct Own {
    certificate: PathBuf,
    key: PathBuf,
}

impl Own {
    /// In `folder`.
    pub(super) fn new(folder: &Path) -> Self {
        Self { certificate: folder.join(CERTIFICATE), key: folder.join(KEY) }
    }

    /// Checked.
    pub(super) fn read(&self) -> io::Result<Pair> {
        let pair = self.look()?;
        pair.certified()?;
        Ok(pair)
    }

    fn look(&self) -> io::Result<Pair> {
        Pair::read(&self.certificate, &self.key)?
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{CERTIFICATE} or {KEY} is missing")))
    }

    /// Shows what the files hold, for ever, beginning with the `first`. What cannot be used is told once, and the one
    /// before stays.
    pub(super) async fn keep(self, first: Pair, shown: &ServedCertificate) {
        let mut watch = Watch::new(first);
        loop {
            let own = self.clone();
            // On a slow or hanging mount it must not hold up anything else.
            let look = tokio::task::spawn_blocking(move || own.look()).await;
            let found = look.unwrap_or_else(|panic| Err(io::Error::other(panic)));
            match watch.settled(found.map_err(|error| error.to_string())) {
                Some(Ok(pair)) => match pair.certified() {
                    Ok(certificate) => {
                        shown.replace(certificate);
                        tracing::info!(file = %self.certificate.display(), "the certificate was read anew");
                    }
                    Err(error) => self.refuse(&error),
                },
                Some(Err(error)) => self.refuse(&error),
                None => {}
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn refuse(&self, error: &dyn std::fmt::Display) {
        let file = self.certificate.display();
        tracing::error!(%file, %error, "the changed certificate cannot be used; the one before stays");
    }
}

/// Finds changes that are over: a certificate is often replaced a moment before its key.
struct Watch {
    last: Result<Pair, String>,
    settled: Result<Pair, String>,
}

impl Watch {
    fn new(first: Pair) -> Self {
        Self { last: Ok(first.clone()), settled: Ok(first) }
    }

    /// What was found, if it is new and was found twice in a row.
    fn settled(&mut self, found: Result<Pair, String>) -> Option<&Result<Pair, String>> {
        let again = self.last == found;
        self.last = found;
        if !again || self.settled == self.last {
            return None;
        }
        self.settled = self.last.clone();
        Some(&self.settled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(certificate: &str, key: &str) -> Pair {
        Pair { certificate: certificate.to_owned(), key: key.to_owned() }
    }

    #[test]
    fn only_a_change_that_is_over_counts_and_only_once() {
        let mut watch = Watch::new(pair("a", "a"));
        let mut settled = |found| watch.settled(found).cloned();
        let missing = || Err("missing".to_owned());
        assert!(settled(Ok(pair("a", "a"))).is_none());
        assert!(settled(Ok(pair("b", "a"))).is_none(), "the key may follow");
        assert!(settled(Ok(pair("b", "b"))).is_none());
        assert!(settled(Ok(pair("b", "b"))) == Some(Ok(pair("b", "b"))));
        assert!(settled(Ok(pair("b", "b"))).is_none());
        assert!(settled(missing()).is_none());
        assert!(settled(missing()) == Some(missing()));
        assert!(settled(missing()).is_none());
        assert!(settled(Ok(pair("b", "b"))).is_none());
        assert!(settled(Ok(pair("b", "b"))).is_some(), "back again");
    }
}
