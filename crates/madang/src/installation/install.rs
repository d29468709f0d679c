//! `madang install`: makes the folder, or brings the program in it up to date. What an operator may have changed is never
//! touched.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use rustix::process::geteuid;
use serde_json::json;
use server::Config;

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
    if options.json {
        screen.show_json(&installation, dotenv == FileChange::New);
    } else {
        screen.show(&installation, dotenv == FileChange::New);
    }
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
    rows: Vec<(String, FileChange)>,
}

impl Screen {
    fn row(&mut self, name: &str, change: FileChange) {
        self.rows.push((name.to_owned(), change));
    }

    fn show(&self, installation: &Installation, dotenv_is_new: bool) {
        let folder = installation.folder.display();
        let word = |change: FileChange| match change {
            FileChange::New => "new",
            FileChange::Replaced => "replaced",
            FileChange::Unchanged => "kept as it is",
            FileChange::SetAside => "new; the other one is now openvidu.old",
        };
        let rows: String = self.rows.iter().map(|(name, change)| format!("  {name:<17} {}\n", word(*change))).collect();
        let mut text = format!("\nMadang {} is installed in {folder}\n\n{rows}\n", env!("CARGO_PKG_VERSION"));
        if dotenv_is_new {
            text.push_str(
                "OPENVIDU_SECRET was made up at random and is in .env: your application needs it.\n\
                 Set DOMAIN_OR_PUBLIC_IP there, to what your users will reach this server by.\n\n",
            );
        }
        match server::load_settings(&installation.sources()) {
            Ok(config) => {
                let (tcp, udp) = ports(&config);
                text.push_str(&format!("Open in your firewall:  {} and {udp}\n", tcp.join(", ")));
                text.push_str(&format!("Start it:               {folder}/openvidu start\n"));
            }
            Err(error) => text.push_str(&format!("Before it can start:\n\n{error}\n")),
        }
        let _ = write!(io::stdout(), "{text}");
    }

    /// For programs. What keeps it from starting is in `faults`.
    fn show_json(&self, installation: &Installation, dotenv_is_new: bool) {
        let word = |change: FileChange| match change {
            FileChange::New => "new",
            FileChange::Replaced => "replaced",
            FileChange::Unchanged => "kept",
            FileChange::SetAside => "set-aside",
        };
        let rows = self.rows.iter().map(|(name, change)| json!({ "name": name, "state": word(*change) }));
        let rows: Vec<_> = rows.collect();
        let loaded = server::load_settings(&installation.sources());
        let open = loaded.as_ref().ok().map(ports).map(|(tcp, udp)| [tcp, vec![udp]].concat());
        let faults = loaded.err().map(|error| error.0).unwrap_or_default();
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        let document = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "folder": installation.folder,
            "files": rows,
            "secretMadeUp": dotenv_is_new,
            "ports": open,
            "faults": faults,
            "start": format!("{}/openvidu start", installation.folder.display()),
        });
        let _ = writeln!(io::stdout(), "{document:#}");
    }
}

/// What a firewall must let through: TCP, and UDP.
fn ports(config: &Config) -> (Vec<String>, String) {
    let tcp = [config.http_port, config.https_port].into_iter().flatten();
    (tcp.map(|port| format!("{port}/tcp")).collect(), format!("{}/udp", config.madang_udp_port))
}
