//! How programs run that work for this server, such as a browser that shows pages of strangers: without the server's
//! environment, which holds its secrets, and not as root.
//!
//! What they are for, and when they are started and ended, is the caller's.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, lchown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What they get of the environment: where programs, libraries, plugins and fonts are, and how people write.
const KEPT: [&str; 20] = [
    "PATH",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "LC_MESSAGES",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "XDG_DATA_DIRS",
    "FONTCONFIG_FILE",
    "FONTCONFIG_PATH",
    "GST_PLUGIN_PATH",
    "GST_PLUGIN_PATH_1_0",
    "GST_PLUGIN_SYSTEM_PATH",
    "GST_PLUGIN_SYSTEM_PATH_1_0",
    "GST_PLUGIN_SCANNER",
    "GST_DEBUG",
    "RUST_LOG",
    "RUST_BACKTRACE",
];

/// Where the names of users are.
const USERS: &str = "/etc/passwd";

/// Whom they run as.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Confinement(RunsAs);

#[derive(Clone, PartialEq, Eq, Debug)]
enum RunsAs {
    /// As this process.
    Us,
    User {
        uid: u32,
        gid: u32,
    },
}

/// Why they run as nobody.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// Nobody said whom.
    #[error(
        "this server runs as root, and programs that work for it shall not: say in MADANG_HELPER_USER as whom they shall \
         run, such as nobody, or root if that is meant"
    )]
    Root,
    /// There is no such user.
    #[error("there is no user {0:?} in {USERS} (setting MADANG_HELPER_USER)")]
    Unknown(String),
    /// Only root can do this.
    #[error("programs cannot run as {0:?} because this server does not run as root (setting MADANG_HELPER_USER)")]
    NotRoot(String),
}

impl Confinement {
    /// As `user` says: a name, `uid:gid`, or empty for whoever runs this process, unless that is root, which must be named.
    pub fn of(user: &str) -> Result<Self, Refusal> {
        let us = rustix::process::geteuid();
        Self::chosen(user, us.as_raw(), || fs::read_to_string(USERS).unwrap_or_default())
    }

    /// As whoever runs this process, though it be root: for tests.
    pub fn none() -> Self {
        Self(RunsAs::Us)
    }

    fn chosen(user: &str, us: u32, users: impl FnOnce() -> String) -> Result<Self, Refusal> {
        if user.is_empty() {
            return if us == 0 { Err(Refusal::Root) } else { Ok(Self(RunsAs::Us)) };
        }
        let unknown = || Refusal::Unknown(user.to_owned());
        let (uid, gid) = numbers(user).or_else(|| look_up(user, &users())).ok_or_else(unknown)?;
        match us {
            _ if uid == us => Ok(Self(RunsAs::Us)),
            0 => Ok(Self(RunsAs::User { uid, gid })),
            _ => Err(Refusal::NotRoot(user.to_owned())),
        }
    }

    /// To start `program`, whose home is in `home`.
    pub fn command(&self, program: &Path, home: &Path) -> Command {
        self.command_with(program, home, |name| std::env::var_os(name))
    }

    fn command_with(&self, program: &Path, home: &Path, variable: impl Fn(&str) -> Option<OsString>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", home);
        command.envs(KEPT.iter().filter_map(|name| Some((OsStr::new(name), variable(name)?))));
        if let RunsAs::User { uid, gid } = self.0 {
            // Further groups of ours are left behind, too.
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Says that `program` could not be started. What we can reach, another user perhaps cannot.
    pub fn not_started(&self, program: &Path, error: &io::Error) -> String {
        let program = program.display();
        match self.0 {
            RunsAs::User { uid, .. } if error.kind() == io::ErrorKind::PermissionDenied => format!(
                "{program} cannot be run by user {uid} (setting MADANG_HELPER_USER), who may not reach it: {error}"
            ),
            _ => format!("{program} cannot be run: {error}"),
        }
    }

    /// A folder that they may write to, made if it is missing.
    pub fn folder(&self, path: PathBuf) -> io::Result<PathBuf> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        self.give(&path)?;
        Ok(path)
    }

    /// Lets them write to a folder of ours and to the files in it. Links are not followed.
    pub fn give(&self, path: &Path) -> io::Result<()> {
        let RunsAs::User { uid, gid } = self.0 else { return Ok(()) };
        lchown(path, Some(uid), Some(gid))?;
        for entry in fs::read_dir(path)? {
            lchown(entry?.path(), Some(uid), Some(gid))?;
        }
        Ok(())
    }

    /// Whether they run as root.
    pub fn is_root(&self) -> bool {
        match self.0 {
            RunsAs::Us => rustix::process::geteuid().is_root(),
            RunsAs::User { uid, .. } => uid == 0,
        }
    }
}

fn numbers(user: &str) -> Option<(u32, u32)> {
    let (uid, gid) = user.split_once(':')?;
    Some((uid.parse().ok()?, gid.parse().ok()?))
}

/// passwd(5).
fn look_up(user: &str, users: &str) -> Option<(u32, u32)> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let is_it = fields.next() == Some(user);
        let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        is_it.then_some((uid, gid))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "root:x:0:0:root:/root:/bin/sh\n+\nnobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin\n";

    fn chosen(user: &str, us: u32) -> Result<RunsAs, Refusal> {
        Confinement::chosen(user, us, || FILE.to_owned()).map(|confinement| confinement.0)
    }

    #[test]
    fn nothing_runs_as_root_unless_that_is_said() {
        assert_eq!(chosen("", 0), Err(Refusal::Root));
        assert_eq!(chosen("root", 0), Ok(RunsAs::Us));
        assert_eq!(chosen("", 1000), Ok(RunsAs::Us));
    }

    #[test]
    fn a_user_is_a_name_or_numbers() {
        let nobody = RunsAs::User { uid: 65534, gid: 65533 };
        assert_eq!(chosen("nobody", 0), Ok(nobody.clone()));
        assert_eq!(chosen("65534:65533", 0), Ok(nobody));
        assert_eq!(chosen("somebody", 0), Err(Refusal::Unknown("somebody".to_owned())));
        assert_eq!(chosen("nobody", 1000), Err(Refusal::NotRoot("nobody".to_owned())));
        assert_eq!(chosen("1000:1000", 1000), Ok(RunsAs::Us));
    }

    #[test]
    fn a_program_that_another_user_cannot_reach_is_told_as_such() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let nobody = Confinement(RunsAs::User { uid: 65534, gid: 65534 });
        let told = nobody.not_started(Path::new("/root/it"), &denied);
        assert!(told.starts_with("/root/it cannot be run by user 65534 (setting MADANG_HELPER_USER)"), "{told}");
        let told = Confinement::none().not_started(Path::new("/root/it"), &denied);
        assert!(told.starts_with("/root/it cannot be run: "), "{told}");
    }

    #[test]
    fn they_get_nothing_of_the_environment_but_what_they_need() {
        let variable = |name: &str| match name {
            "PATH" => std::env::var_os("PATH"),
            "LANG" => Some("C.UTF-8".into()),
            _ => None,
        };
        let mut command = Confinement::none().command_with(Path::new("env"), Path::new("/somewhere"), variable);
        let told = String::from_utf8(command.env("OWN", "1").output().unwrap().stdout).unwrap();
        let mut told: Vec<_> = told.lines().filter(|line| !line.starts_with("PATH=")).collect();
        told.sort_unstable();
        assert_eq!(told, ["HOME=/somewhere", "LANG=C.UTF-8", "OWN=1"]);
        // None of ours is among them, whatever is added.
        let is_ours = |name: &&&str| ["MADANG", "OPENVIDU", "COTURN"].iter().any(|prefix| name.starts_with(prefix));
        assert_eq!(KEPT.iter().find(is_ours), None);
    }

    #[test]
    fn who_is_dropped_to_is_neither_root_nor_of_its_groups() {
        if !rustix::process::geteuid().is_root() {
            return; // Nobody else can.
        }
        let confinement = Confinement(RunsAs::User { uid: 65534, gid: 65533 });
        let folder = tempfile::tempdir().unwrap();
        let told =
            confinement.command(Path::new("sh"), folder.path()).args(["-c", "id -u; id -g; id -G"]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&told.stdout), "65534\n65533\n65533\n");
        let given = confinement.folder(folder.path().join("given")).unwrap();
        assert_eq!(std::os::unix::fs::MetadataExt::uid(&fs::metadata(given).unwrap()), 65534);
    }
}
