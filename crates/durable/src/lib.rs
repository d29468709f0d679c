//! Files that are there whole or not at all: replaced in one step, so that a crash or a power cut leaves the old text or
//! the new one.
//!
//! It is not for files that grow, such as recordings and logs, and it knows nothing of what it writes.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

/// Writes a file that only its owner may read, whether there was one or not.
///
/// # Errors
/// Whatever the disk says; the file is then what it was.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    put(path, text, &Access::Owner)
}

/// Writes a file for everybody whom the folder and the process' mask let read it.
///
/// # Errors
/// As [`replace`].
pub fn replace_shared(path: &Path, text: &str) -> io::Result<()> {
    put(path, text, &Access::Everybody)
}

/// Writes somebody else's file: permissions stay, and a link stays one. A file that was not there is its owner's alone.
///
/// # Errors
/// As [`replace`].
pub fn update(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let access = fs::metadata(&path).map_or(Access::Owner, |metadata| Access::AsBefore(metadata.permissions()));
    put(&path, text, &access)
}

/// Makes what was created, renamed or removed in a folder outlive a power cut.
///
/// # Errors
/// Whatever the disk says.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Who may read a file.
enum Access {
    Owner,
    /// As far as the process' mask allows.
    Everybody,
    AsBefore(Permissions),
}

fn put(path: &Path, text: &str, access: &Access) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // In the same folder: a file cannot be renamed from one file system to another.
    let mut builder = tempfile::Builder::new();
    builder.prefix(".unfinished-");
    #[cfg(unix)]
    if let Access::Everybody = access {
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    if let Access::AsBefore(permissions) = access {
        file.as_file().set_permissions(permissions.clone())?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    match sync_folder(folder) {
        // Some file systems, of networks above all, cannot do this for folders. The file is in its place all the same.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        done => done,
    }
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
    fn a_shared_file_may_be_read_as_far_as_any_file_made_here() {
        let folder = tempfile::tempdir().unwrap();
        let [usual, shared] = ["usual", "shared"].map(|name| folder.path().join(name));
        fs::write(&usual, "").unwrap();
        replace_shared(&shared, "one").unwrap();
        replace_shared(&shared, "two").unwrap();
        assert_eq!((fs::read_to_string(&shared).unwrap().as_str(), mode(&shared)), ("two", mode(&usual)));
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
