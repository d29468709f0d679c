//! The user that systemd runs the server as: made if missing, and given what the server writes.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown};
use std::path::Path;
use std::process::Command;

use super::Installation;
use super::install::FOLDERS;
use crate::CommandResult;

/// Lets `user` read the settings and write where the server writes.
pub(super) fn give_to(installation: &Installation, user: &str, dotenv_is_new: bool) -> CommandResult {
    let (uid, gid) = match ids(user)? {
        Some(ids) => ids,
        None => {
            make_user(user, &installation.folder)?;
            ids(user)?.ok_or_else(|| format!("the user {user} could not be made"))?
        }
    };
    for (name, _) in FOLDERS {
        let path = installation.folder.join(name);
        // Later, what is in it is the user's, who could lead us elsewhere by links.
        if fs::metadata(&path)?.uid() == uid {
            continue;
        }
        hand_over(&path, uid, gid).map_err(|error| format!("cannot give {name} to {user}: {error}"))?;
    }
    // So that the server can replace its settings (POST /restart), but nothing that is root's: the program above all.
    lchown(&installation.folder, None, Some(gid))?;
    fs::set_permissions(&installation.folder, fs::Permissions::from_mode(0o1775))?;
    let dotenv = installation.dotenv();
    if dotenv_is_new {
        lchown(&dotenv, Some(uid), Some(gid))?;
    } else if fs::metadata(&dotenv)?.permissions().mode() & 0o004 == 0 {
        // It has its owner for a reason; readable is enough.
        let rights = fs::metadata(&dotenv)?.permissions().mode() & 0o7777;
        lchown(&dotenv, None, Some(gid))?;
        fs::set_permissions(&dotenv, fs::Permissions::from_mode(rights | 0o040))?;
    }
    Ok(())
}

fn ids(user: &str) -> CommandResult<Option<(u32, u32)>> {
    let id = |what: &str| -> CommandResult<Option<u32>> {
        let output = Command::new("id").args([what, "--", user]).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().parse().ok().filter(|_| output.status.success()))
    };
    Ok(id("-u")?.zip(id("-g")?))
}

fn make_user(user: &str, home: &Path) -> CommandResult {
    let made = Command::new("useradd")
        .args(["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", "--home-dir"])
        .arg(home)
        .arg(user)
        .status();
    match made {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!("useradd could not make the user {user}: make it yourself, or choose one with --user").into()),
    }
}

/// A folder with everything in it; links are not followed.
fn hand_over(path: &Path, uid: u32, gid: u32) -> io::Result<()> {
    lchown(path, Some(uid), Some(gid))?;
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            hand_over(&entry?.path(), uid, gid)?;
        }
    }
    Ok(())
}
