//! A file on the disk that two threads have in hand: one writes, one forces it to the disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

/// How files are made; tests have other disks.
pub(super) type Create = fn(&Path) -> io::Result<File>;

/// Never overwrites: what is recorded is not lost to a name that is used twice.
pub(super) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).open(path)
}

/// The writing end. Unbuffered: what comes is a cluster, or a few bytes at the end.
#[derive(Clone, Debug)]
pub(super) struct Disk(pub(super) Arc<File>);

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.0).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Disk {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(bytes)
    }
}

impl Seek for Disk {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        (&*self.0).seek(to)
    }
}
