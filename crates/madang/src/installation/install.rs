//! `madang install`: makes the folder, or brings the program in it up to date. What an operator may have changed is never
//! touched.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use rustix::process::geteuid;

use super::files::{FileChange, copy_debug_information, copy_program, folder, write_dotenv, write_script, write_unit};
use super::user::give_to;
use super::{DEBUG_INFORMATION, Installation, systemd};
use crate::command_line::InstallArguments;
use crate::{CommandError, CommandResult};

/// Folders that users look for, and whether only the server and root may look into them.
pub(super) const FOLDERS: [(&str, bool); 6] = [
    ("owncert", true),
    ("recordings", false),
    ("cdr", true),
    ("custom-layout", false),
    ("logs", true),
    (".madang", true),
];

/// Carries it out.
pub(crate) fn run(options: &InstallArguments) -> CommandResult {
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
            give_to(&installation, &options.user, dotenv == FileChange::New)?;
        }
        let written = write_unit(&unit_file, &unit).map_err(|error| unwritable(&unit_file, &error))?;
        screen.row(&unit_file.display().to_string(), written);
        if options.unit_folder.is_none() {
            enable()?;
        }
    }
    screen.show(&installation, dotenv == FileChange::New);
    Ok(())
}

fn wants_systemd(options: &InstallArguments) -> CommandResult<bool> {
    let is_root = geteuid().is_root();
    match options.systemd() {
        Some(true) if !is_root => Err("only root can make a service of systemd: run it with sudo".into()),
        Some(true) if !systemd::is_present() => Err("systemd does not run this machine: leave out --systemd".into()),
        Some(wanted) => Ok(wanted),
        None => Ok(is_root && systemd::is_present()),
    }
}

fn unwritable(path: &Path, error: &io::Error) -> CommandError {
    let hint = match error.kind() {
        io::ErrorKind::PermissionDenied => ". Run it as root (sudo), or name a folder of yours: madang install FOLDER",
        _ => "",
    };
    format!("cannot write {}: {error}{hint}", path.display()).into()
}

fn enable() -> CommandResult {
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
    fn row(&mut self, name: &str, change: FileChange) {
        let word = match change {
            FileChange::New => "new",
            FileChange::Replaced => "replaced",
            FileChange::Unchanged => "kept as it is",
            FileChange::SetAside => "new; the other one is now openvidu.old",
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
