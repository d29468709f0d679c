//! `madang install`: makes the folder, or brings the program in it up to date. What an operator may have changed is never
//! touched.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, lchown};
use std::path::Path;
use std::process::Command;

use rand::Rng as _;
use rand::distr::Alphanumeric;
use rustix::process::geteuid;
use settings::report::template;

use super::{DEBUG_INFORMATION, Installation, systemd};
use crate::command_line::InstallArguments;

type Failure = Box<dyn std::error::Error>;

/// Folders that users look for, and whether only the server and root may look into them.
const FOLDERS: [(&str, bool); 6] = [
    ("owncert", true),
    ("recordings", false),
    ("cdr", true),
    ("custom-layout", false),
    ("logs", true),
    (".madang", true),
];

/// Calls the program beside it, from wherever it is called itself.
const SCRIPT: &str = "\
#!/bin/sh
# Made by `madang install`. ./openvidu help lists the commands.
cd \"$(dirname \"$(readlink -f \"$0\")\")\" || exit
exec ./madang openvidu \"$@\"
";

/// Carries it out.
pub(crate) fn run(options: &InstallArguments) -> Result<(), Failure> {
    let with_systemd = options.unit_folder.is_some() || wants_systemd(options)?;
    fs::create_dir_all(&options.folder).map_err(|error| unwritable(&options.folder, &error))?;
    let installation = Installation::in_folder(&options.folder)?;
    // Looked at before anything is changed.
    let unit = if with_systemd { Some(systemd::unit(&installation, &options.user)?) } else { None };
    let unit_file = options.unit_folder.as_deref().unwrap_or(Path::new(systemd::UNITS)).join(systemd::UNIT);
    if unit.is_some() && systemd::is_of(&unit_file, &installation) == Some(false) {
        return Err(
            format!("{} belongs to another installation; --no-systemd leaves it alone", unit_file.display()).into()
        );
    }

    let mut screen = Screen::default();
    for (name, private) in FOLDERS {
        let path = installation.folder.join(name);
        let made = folder(&path, private).map_err(|error| unwritable(&path, &error))?;
        screen.row(&format!("{name}/"), made);
    }
    let copied = copy_program(&installation.program()).map_err(|error| unwritable(&installation.program(), &error))?;
    screen.row("madang", copied);
    let debug = installation.debug_information();
    if let Some(copied) = copy_debug_information(&debug).map_err(|error| unwritable(&debug, &error))? {
        screen.row(DEBUG_INFORMATION, copied);
    }
    let written = write_script(&installation.script()).map_err(|error| unwritable(&installation.script(), &error))?;
    screen.row("openvidu", written);
    let dotenv = write_dotenv(&installation).map_err(|error| unwritable(&installation.dotenv(), &error))?;
    screen.row(".env", dotenv);
    if let Some(unit) = unit {
        if options.unit_folder.is_none() {
            give_to(&installation, &options.user, dotenv == Outcome::New)?;
        }
        let written = write_unit(&unit_file, &unit).map_err(|error| unwritable(&unit_file, &error))?;
        screen.row(&unit_file.display().to_string(), written);
        if options.unit_folder.is_none() {
            enable()?;
        }
    }
    screen.show(&installation, dotenv == Outcome::New);
    Ok(())
}

fn wants_systemd(options: &InstallArguments) -> Result<bool, Failure> {
    let is_root = geteuid().is_root();
    match options.systemd() {
        Some(true) if !is_root => Err("only root can make a service of systemd: run it with sudo".into()),
        Some(true) if !systemd::is_present() => Err("systemd does not run this machine: leave out --systemd".into()),
        Some(wanted) => Ok(wanted),
        None => Ok(is_root && systemd::is_present()),
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let hint = match error.kind() {
        io::ErrorKind::PermissionDenied => ". Run it as root (sudo), or name a folder of yours: madang install FOLDER",
        _ => "",
    };
    format!("cannot write {}: {error}{hint}", path.display()).into()
}

/// What became of a file or folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    New,
    Replaced,
    Kept,
    /// Replaced; the other's is beside it under another name.
    SetAside,
}

fn folder(path: &Path, private: bool) -> io::Result<Outcome> {
    if path.is_dir() {
        return Ok(Outcome::Kept);
    }
    fs::create_dir(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(if private { 0o750 } else { 0o755 }))?;
    Ok(Outcome::New)
}

/// Copies the running program. The old one may be running: it is replaced by name, not written into.
fn copy_program(to: &Path) -> io::Result<Outcome> {
    let from = std::env::current_exe()?;
    let outcome = if to.exists() { Outcome::Replaced } else { Outcome::New };
    if is_same(&from, to) {
        return Ok(Outcome::Kept);
    }
    replace(to, &mut File::open(from)?, 0o755)?;
    Ok(outcome)
}

/// Copies what was taken out of the running program and stands beside it. If nothing does, that of an older program goes:
/// its lines would be wrong.
fn copy_debug_information(to: &Path) -> io::Result<Option<Outcome>> {
    let from = std::env::current_exe()?.with_file_name(DEBUG_INFORMATION);
    if is_same(&from, to) {
        return Ok(Some(Outcome::Kept));
    }
    let outcome = if to.exists() { Outcome::Replaced } else { Outcome::New };
    let copied = match File::open(from) {
        Ok(mut content) => replace(to, &mut content, 0o644).map(|()| Some(outcome)),
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
fn write_script(path: &Path) -> io::Result<Outcome> {
    let outcome = match fs::read_to_string(path) {
        Ok(text) if text == SCRIPT => return Ok(Outcome::Kept),
        Ok(text) if text.contains("./madang openvidu") => Outcome::Replaced,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Outcome::New,
        _ => {
            fs::rename(path, path.with_extension("old"))?;
            Outcome::SetAside
        }
    };
    replace(path, &mut SCRIPT.as_bytes(), 0o755)?;
    Ok(outcome)
}

fn write_dotenv(installation: &Installation) -> io::Result<Outcome> {
    let path = installation.dotenv();
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let mut file = match opened {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(Outcome::Kept),
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
    Ok(Outcome::New)
}

fn write_unit(path: &Path, text: &str) -> io::Result<Outcome> {
    let outcome = match fs::read_to_string(path) {
        Ok(old) if old == text => return Ok(Outcome::Kept),
        Ok(_) => Outcome::Replaced,
        Err(_) => Outcome::New,
    };
    fs::write(path, text)?;
    Ok(outcome)
}

/// Lets `user` read the settings and write where the server writes.
fn give_to(installation: &Installation, user: &str, dotenv_is_new: bool) -> Result<(), Failure> {
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

fn ids(user: &str) -> Result<Option<(u32, u32)>, Failure> {
    let id = |what: &str| -> Result<Option<u32>, Failure> {
        let output = Command::new("id").args([what, "--", user]).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().parse().ok().filter(|_| output.status.success()))
    };
    Ok(id("-u")?.zip(id("-g")?))
}

fn make_user(user: &str, home: &Path) -> Result<(), Failure> {
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

fn enable() -> Result<(), Failure> {
    for arguments in [&["daemon-reload"][..], &["enable", systemd::UNIT]] {
        if !systemd::control(arguments)?.success() {
            return Err(format!("systemctl {} failed", arguments.join(" ")).into());
        }
    }
    Ok(())
}

/// What is told at the end.
#[derive(Default)]
struct Screen {
    rows: String,
}

impl Screen {
    fn row(&mut self, name: &str, outcome: Outcome) {
        let word = match outcome {
            Outcome::New => "new",
            Outcome::Replaced => "replaced",
            Outcome::Kept => "kept as it is",
            Outcome::SetAside => "new; the other one is now openvidu.old",
        };
        self.rows.push_str(&format!("  {name:<17} {word}\n"));
    }

    fn show(&self, installation: &Installation, dotenv_is_new: bool) {
        let folder = installation.folder.display();
        let mut text = format!("\nMadang {} is installed in {folder}\n\n{}\n", env!("CARGO_PKG_VERSION"), self.rows);
        if dotenv_is_new {
            text.push_str(
                "OPENVIDU_SECRET was made up at random and is in .env: your application needs it.\n\
                 Set DOMAIN_OR_PUBLIC_IP there, to what your users will reach this server by.\n\n",
            );
        }
        match server::load_settings(&installation.sources()) {
            Ok(config) => {
                let tcp = [config.http_port, config.https_port].into_iter().flatten();
                let tcp: Vec<_> = tcp.map(|port| format!("{port}/tcp")).collect();
                let udp = config.madang_udp_port;
                text.push_str(&format!("Open in your firewall:  {} and {udp}/udp\n", tcp.join(", ")));
                text.push_str(&format!("Start it:               {folder}/openvidu start\n"));
            }
            Err(error) => text.push_str(&format!("Before it can start:\n\n{error}\n")),
        }
        let _ = write!(io::stdout(), "{text}");
    }
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
        assert_eq!(write_script(&folder.path().join("openvidu")).unwrap(), Outcome::New);
        assert_eq!(fs::read_to_string(victim).unwrap(), "untouched");
    }

    #[test]
    fn a_script_of_somebody_else_is_set_aside_and_ours_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("openvidu");
        fs::write(&script, "#!/bin/bash\ndocker-compose up -d\n").unwrap();
        assert_eq!(write_script(&script).unwrap(), Outcome::SetAside);
        assert!(fs::read_to_string(folder.path().join("openvidu.old")).unwrap().contains("docker-compose"));
        assert_eq!(write_script(&script).unwrap(), Outcome::Kept);
        fs::write(&script, SCRIPT.replace("readlink -f", "readlink")).unwrap();
        assert_eq!(write_script(&script).unwrap(), Outcome::Replaced);
    }
}
