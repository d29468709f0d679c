//! The manifest of a folder, read while it grows.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use protocol::transcoder::{Entry, MANIFEST};

use crate::CompositionError;

/// A manifest being read.
#[derive(Debug)]
pub struct Manifest {
    file: File,
    /// Behind the last whole line.
    at: u64,
}

impl Manifest {
    /// Opens that of a folder.
    pub fn open(folder: &Path) -> Result<Self, CompositionError> {
        let path = folder.join(MANIFEST);
        Ok(Self { file: File::open(&path).map_err(CompositionError::file(&path))?, at: 0 })
    }

    /// What it says since the last time. A line that was cut off when the server crashed is passed over.
    pub fn read(&mut self) -> Result<Vec<Entry>, CompositionError> {
        let mut text = Vec::new();
        let read = self.file.seek(SeekFrom::Start(self.at)).and_then(|_| self.file.read_to_end(&mut text));
        read.map_err(CompositionError::file(Path::new(MANIFEST)))?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        self.at += whole as u64;
        let lines = text[..whole].split(|byte| *byte == b'\n');
        Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }
}
