//! Listing and opening CDR files, for `GET /openvidu/cdr` and `GET /openvidu/cdr/<file>.log`.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// What a name looks like; `0` stands for any digit.
const PATTERN: &[u8] = b"CDR.0000-00-00_00-00-00.log";

/// Names of all CDR files, oldest first. A folder that does not exist has none.
pub fn list(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        other => other?,
    };
    let mut names = vec![];
    for entry in entries {
        if let Ok(name) = entry?.file_name().into_string()
            && is_name(&name)
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Opens one for reading. `None`: there is no such file; so it is for anything that is not the name of a CDR file, such
/// as a path that leads out of the folder.
pub fn open(folder: &Path, name: &str) -> io::Result<Option<File>> {
    if !is_name(name) {
        return Ok(None);
    }
    match File::open(folder.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

fn is_name(name: &str) -> bool {
    let fits = |(&is, &should): (&u8, &u8)| if should == b'0' { is.is_ascii_digit() } else { is == should };
    name.len() == PATTERN.len() && name.as_bytes().iter().zip(PATTERN).all(fits)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn only_cdr_files_are_listed_oldest_first() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["CDR.2026-11-21_10-00-00.log", "CDR.2026-11-20_10-00-00.log", "secret.log", "CDR.log"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(list(folder.path()).unwrap(), ["CDR.2026-11-20_10-00-00.log", "CDR.2026-11-21_10-00-00.log"]);
    }

    #[test]
    fn a_missing_folder_has_no_files() {
        let folder = tempfile::tempdir().unwrap();
        assert!(list(&folder.path().join("none")).unwrap().is_empty());
    }

    #[test]
    fn a_file_is_opened_by_its_name_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("CDR.2026-11-21_10-00-00.log"), "line\n").unwrap();
        fs::write(folder.path().join("secret.log"), "").unwrap();
        let mut text = String::new();
        let file = open(folder.path(), "CDR.2026-11-21_10-00-00.log").unwrap();
        file.unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "line\n");
        for name in [
            "CDR.2026-11-22_10-00-00.log",
            "secret.log",
            "../CDR.2026-11-21_10-00-00.log",
            "/etc/passwd",
            "",
            "CDR.2026-11-21_10-00-0é.log",
            "CDR.2026/11/21_10-00-00.log",
        ] {
            assert!(open(folder.path(), name).unwrap().is_none(), "{name}");
        }
    }
}
