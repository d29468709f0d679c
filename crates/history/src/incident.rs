//! What goes wrong before somebody is in a session, so that it stands in nobody's story: browsers that do not trust the certificate,
//! tokens that open nothing, secrets that are wrong.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::story::Millis;

/// So many are remembered, of each kind and address one.
const MOST: usize = 100;
/// What has not happened again for so long is over.
const OVER: Millis = 60 * 60 * 1000;

/// Something that went wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Incident {
    /// What.
    pub trouble: Trouble,
    /// With whom.
    pub ip: IpAddr,
}

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Trouble {
    /// A client ended the TLS handshake, since it does not trust the certificate.
    CertificateRefused,
    /// A token that opens nothing, or nothing any more.
    TokenRefused,
    /// A session that is not there.
    SessionUnknown,
    /// A wrong secret.
    SecretWrong,
}

impl Trouble {
    /// For programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::CertificateRefused => "certificate-refused",
            Self::TokenRefused => "token-refused",
            Self::SessionUnknown => "session-unknown",
            Self::SecretWrong => "secret-wrong",
        }
    }
}

/// Those of one kind and address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Incidents {
    /// What, with whom.
    pub incident: Incident,
    /// The first time.
    pub since: Millis,
    /// The last time.
    pub at: Millis,
    /// How often.
    pub count: u32,
}

/// The latest ones.
#[derive(Debug, Default)]
pub(crate) struct Troubles(Vec<Incidents>);

impl Troubles {
    pub(crate) fn add(&mut self, incident: Incident, at: Millis) {
        self.0.retain(|known| at < known.at + OVER);
        if let Some(known) = self.0.iter_mut().find(|known| known.incident == incident) {
            (known.at, known.count) = (at, known.count + 1);
            return;
        }
        if self.0.len() == MOST
            && let Some(oldest) = (0..MOST).min_by_key(|n| self.0[*n].at)
        {
            self.0.remove(oldest);
        }
        self.0.push(Incidents { incident, since: at, at, count: 1 });
    }

    /// The latest first.
    pub(crate) fn list(&self, now: Millis) -> Vec<Incidents> {
        let mut list: Vec<_> = self.0.iter().filter(|known| now < known.at + OVER).copied().collect();
        list.sort_by_key(|known| std::cmp::Reverse(known.at));
        list
    }
}
