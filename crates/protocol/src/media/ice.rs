//! What ICE agents know each other by.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Of one side of a peer connection (RFC 8839 §5.4).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceCredentials {
    /// The user name fragment.
    pub ufrag: String,
    /// The password: a secret.
    pub password: String,
}

impl fmt::Debug for IceCredentials {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceCredentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}
