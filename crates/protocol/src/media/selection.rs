//! Which publications of a big room a subscriber gets.

use serde::{Deserialize, Serialize};

use crate::id::PublicationId;

/// How many publications a subscriber gets at a time, and which in any case. The default is all of them. Its transports stay as they
/// are: what is not chosen is not forwarded on them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Selection {
    /// Pictures of so many: of those who spoke last. 0: of all. Shared screens are forwarded beside them.
    pub last_n: u8,
    /// Sound of so many: of the loudest. 0: of all.
    pub loudest: u8,
    /// What the subscriber publishes itself: it takes none of these places.
    pub own: Option<PublicationId>,
    /// Forwarded beside those.
    pub pinned: Vec<PublicationId>,
}

impl Selection {
    /// Nothing is left out.
    pub fn is_everything(&self) -> bool {
        self.last_n == 0 && self.loudest == 0
    }
}
