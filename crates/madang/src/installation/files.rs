//! The files of an installation: each made or replaced whole, and nothing that an operator may have changed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rand::Rng as _;
use rand::distr::Alphanumeric;
use rustix::process::geteuid;
use settings::report::template;

use super::{DEBUG_INFORMATION, Installation};

/// Calls the program beside it, from wherever it is called itself.
const SCRIPT: &str = "\
#!/bin/sh
# Made by `madang install`. ./openvidu help lists the commands.
cd \"$(dirname \"$(readlink -f \"$0\")\")\" || exit
exec ./madang openvidu \"$@\"
";

/// What became of a file or folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum FileChange {
    New,
    Replaced,
    Unchanged,
    /// Replaced; the other's is beside it under another name.
    SetAside,
}

pub(super) fn folder(path: &Path, private: bool) -> io::Result<FileChange> {
    if path.is_dir() {
        return Ok(FileChange::Unchanged);
    }
    fs::create_dir(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(if private { 0o750 } else { 0o755 }))?;
    Ok(FileChange::New)
}

/// Copies the running program. The old one may be running: it is replaced by name, not written into.
pub(super) fn copy_program(to: &Path) -> io::Result<FileChange> {
    let from = std::env::current_exe()?;
    let change = if to.exists() { FileChange::Replaced } else { FileChange::New };
    if is_same(&from, to) {
        return Ok(FileChange::Unchanged);
    }
    replace(to, &mut File::open(from)?, 0o755)?;
    Ok(change)
}

/// Copies what was taken out of the running program and stands beside it. If nothing does, that of an older program goes:
/// its lines would be wrong.
pub(super) fn copy_debug_information(to: &Path) -> io::Result<Option<FileChange>> {
    let from = std::env::current_exe()?.with_file_name(DEBUG_INFORMATION);
    if is_same(&from, to) {
        return Ok(Some(FileChange::Unchanged));
    }
    let change = if to.exists() { FileChange::Replaced } else { FileChange::New };
    let copied = match File::open(from) {
        Ok(mut content) => replace(to, &mut content, 0o644).map(|()| Some(change)),
        Err(_) => fs::remove_file(to).map(|()| None),
    };
    match copied {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other,
    }
}

/// Whether both are there and one file.
fn is_same(one: &Path, other: &Path) -> bool {
    one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// Puts a file in the place of `path`, whole or not at all. The server's user may write in this folder: a link of its
/// making must not lead us elsewhere.
fn replace(path: &Path, content: &mut impl Read, rights: u32) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    // One that was left behind. What cannot be removed cannot be created either.
    let _ = fs::remove_file(&unfinished);
    let mut file = OpenOptions::new().write(true).create_new(true).open(&unfinished)?;
    io::copy(content, &mut file)?;
    file.set_permissions(fs::Permissions::from_mode(rights))?;
    fs::rename(unfinished, path)
}

/// Another program's script of that name (the original's) is set aside.
pub(super) fn write_script(path: &Path) -> io::Result<FileChange> {
    let change = match fs::read_to_string(path) {
        Ok(text) if text == SCRIPT => return Ok(FileChange::Unchanged),
        Ok(text) if text.contains("./madang openvidu") => FileChange::Replaced,
        Err(error) if error.kind() == io::ErrorKind::NotFound => FileChange::New,
        _ => {
            fs::rename(path, path.with_extension("old"))?;
            FileChange::SetAside
        }
    };
    replace(path, &mut SCRIPT.as_bytes(), 0o755)?;
    Ok(change)
}

pub(super) fn write_dotenv(installation: &Installation) -> io::Result<FileChange> {
    let path = installation.dotenv();
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let mut file = match opened {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(FileChange::Unchanged),
        other => other?,
    };
    let secret: String = rand::rng().sample_iter(&Alphanumeric).take(32).map(char::from).collect();
    let mut set = vec![("DOMAIN_OR_PUBLIC_IP", ""), ("OPENVIDU_SECRET", &secret)];
    // Nobody else can open the ports below 1024.
    if geteuid().is_root() {
        set.extend([("HTTP_PORT", "80"), ("HTTPS_PORT", "443")]);
    } else {
        set.extend([("HTTP_PORT", ""), ("HTTPS_PORT", "4443")]);
    }
    let defaults = installation.defaults();
    let folders = defaults.iter().filter(|(name, value)| name.starts_with("OPENVIDU_") && value.starts_with('/'));
    set.extend(folders.map(|(name, value)| (*name, value.as_str())));
    file.write_all(template(&set).as_bytes())?;
    Ok(FileChange::New)
}

pub(super) fn write_unit(path: &Path, text: &str) -> io::Result<FileChange> {
    let change = match fs::read_to_string(path) {
        Ok(old) if old == text => return Ok(FileChange::Unchanged),
        Ok(_) => FileChange::Replaced,
        Err(_) => FileChange::New,
    };
    fs::write(path, text)?;
    Ok(change)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_was_put_in_the_way_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let victim = folder.path().join("victim");
        fs::write(&victim, "untouched").unwrap();
        std::os::unix::fs::symlink(&victim, folder.path().join("openvidu.new")).unwrap();
        assert_eq!(write_script(&folder.path().join("openvidu")).unwrap(), FileChange::New);
        assert_eq!(fs::read_to_string(victim).unwrap(), "untouched");
    }

    #[test]
    fn a_script_of_somebody_else_is_set_aside_and_ours_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("openvidu");
        fs::write(&script, "#!/bin/bash\ndocker-compose up -d\n").unwrap();
        assert_eq!(write_script(&script).unwrap(), FileChange::SetAside);
        assert!(fs::read_to_string(folder.path().join("openvidu.old")).unwrap().contains("docker-compose"));
        assert_eq!(write_script(&script).unwrap(), FileChange::Unchanged);
        fs::write(&script, SCRIPT.replace("readlink -f", "readlink")).unwrap();
        assert_eq!(write_script(&script).unwrap(), FileChange::Replaced);
    }
}
