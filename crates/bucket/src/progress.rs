//! What of a large file has been sent: a small file beside it, replaced after each part.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{fs, io};

use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Progress {
    key: String,
    /// Of the file, in bytes.
    pub(crate) size: u64,
    /// Of the file, ms since 1970.
    modified: u64,
    /// Of all parts but the last, in bytes.
    pub(crate) part: u64,
    /// The service's name for it.
    pub(crate) upload: String,
    /// The service's names for what has been sent, in order.
    pub(crate) parts: Vec<String>,
}

impl Progress {
    pub(crate) fn new(key: &str, size: u64, part: u64, modified: SystemTime) -> Self {
        let modified = milliseconds(modified);
        Self { key: key.to_owned(), size, modified, part, upload: String::new(), parts: Vec::new() }
    }

    /// Of an upload that is not finished; nothing if it cannot be read.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// Whether it tells of this file as it is now.
    pub(crate) fn is_of(&self, key: &str, size: u64, part: u64, modified: SystemTime) -> bool {
        let parts = self.parts.len() as u64;
        (self.key.as_str(), self.size, self.part, self.modified) == (key, size, part, milliseconds(modified))
            && parts <= size.div_ceil(part)
    }

    pub(crate) fn sent(&self) -> u64 {
        (self.parts.len() as u64 * self.part).min(self.size)
    }

    /// Not forced to the disk: what is lost is sent again.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let unfinished = path.with_added_extension("new");
        fs::write(&unfinished, serde_json::to_vec(self)?)?;
        fs::rename(unfinished, path)
    }
}

fn milliseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
