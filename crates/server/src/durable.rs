//! Files that must be whole: replaced in one step, so that a crash leaves the old text or the new one.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::path::Path;

const OWNER: u32 = 0o600;
/// As far as the process' mask allows.
const EVERYBODY: u32 = 0o666;

/// Writes a file that only its owner may read, whether there was one or not.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    put(path, text, OWNER, None)
}

/// Writes a file for everybody whom the folder and the process' mask let read it.
pub(crate) fn replace_shared(path: &Path, text: &str) -> io::Result<()> {
    put(path, text, EVERYBODY, None)
}

/// Makes what was created, renamed or removed in a folder outlive a power cut.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Writes somebody else's file: permissions stay, and a link stays one. A file that was not there is its owner's alone.
pub(crate) fn update(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let permissions = fs::metadata(&path).ok().map(|metadata| metadata.permissions());
    put(&path, text, OWNER, permissions)
}

fn put(path: &Path, text: &str, mode: u32, permissions: Option<Permissions>) -> io::Result<()> {
    let unfinished = path.with_added_extension("new");
    // One that was left behind may have other permissions.
    let _ = fs::remove_file(&unfinished);
    let written = write_new(&unfinished, text, mode, permissions).and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

fn write_new(path: &Path, text: &str, mode: u32, permissions: Option<Permissions>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.sync_all()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_kept_file_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "zero").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        replace(&path, "one").unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("one", 0o600));
    }

    #[test]
    fn a_file_of_somebody_else_stays_what_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        update(&path, "one").unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("one", 0o600));
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        update(&link, "two").unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("two", 0o640));
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing unfinished is left");
    }

    #[test]
    fn a_file_that_cannot_be_replaced_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("folder");
        fs::create_dir_all(path.join("inside")).unwrap();
        assert!(replace(&path, "text").is_err());
        assert!(path.join("inside").is_dir() && fs::read_dir(folder.path()).unwrap().count() == 1);
    }
}
