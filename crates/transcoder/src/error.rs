//! Why a composition stops.

use std::io;

/// Why a composition stops. What is in the output file stays, and can be continued.
#[derive(Debug, thiserror::Error)]
pub enum CompositionError {
    /// The manifest says nothing that can be composed: trying again is of no use.
    #[error("the manifest cannot be used: {0}")]
    Manifest(String),
    /// GStreamer has not what it takes, or something in it broke.
    #[error("GStreamer: {0}")]
    Codec(String),
    /// A file cannot be read or written.
    #[error("{0}: {1}")]
    File(String, io::Error),
}

impl CompositionError {
    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        move |error| Self::File(name, error)
    }
}
