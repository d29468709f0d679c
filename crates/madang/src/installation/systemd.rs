//! The service unit, and the server under systemd.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus, Output};
use std::time::Duration;

use super::Installation;
use crate::INVALID_SETTINGS;

/// The unit's file.
pub(super) const UNIT: &str = "openvidu.service";
/// Where an administrator's units are.
pub(super) const UNITS: &str = "/etc/systemd/system";

/// How long the server may give no sign of life. A restart by REST, in which there is none, takes less than
/// [`server::STOP_DEADLINE`] and a start.
const WATCHDOG: Duration = Duration::from_secs(60);

/// Whether this machine is run by systemd (sd_booted(3)).
pub(super) fn is_present() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Whether systemd runs the server of this installation.
pub(super) fn runs(installation: &Installation) -> bool {
    is_present() && is_of(&Path::new(UNITS).join(UNIT), installation).unwrap_or(false)
}

/// Whether the unit in `file` is this installation's. `None`: there is none.
pub(super) fn is_of(file: &Path, installation: &Installation) -> Option<bool> {
    let text = fs::read_to_string(file).ok()?;
    let folder = text.lines().find_map(|line| line.strip_prefix("WorkingDirectory="))?;
    Some(Path::new(folder) == installation.folder)
}

/// Runs `systemctl` with these arguments; what it says goes to the terminal.
pub(super) fn control(arguments: &[&str]) -> io::Result<ExitStatus> {
    Command::new("systemctl").args(arguments).status()
}

/// The server's log: the last `lines` or all of it, and what comes if it is to be followed.
pub(super) fn journal(lines: Option<u32>, follow: bool) -> Command {
    let mut command = Command::new("journalctl");
    let lines = lines.map_or_else(|| "all".to_owned(), |lines| lines.to_string());
    command.args(["--unit", UNIT, "--output", "cat", "--no-pager", "--lines", &lines]);
    if follow {
        command.arg("--follow");
    }
    command
}

/// The state in one word, as systemd has it: `active`, `failed`, …
pub(super) fn state() -> io::Result<String> {
    let Output { stdout, .. } = Command::new("systemctl").args(["is-active", UNIT]).output()?;
    Ok(String::from_utf8_lossy(&stdout).trim().to_owned())
}

/// The unit of a server that runs as `user` and may do nothing but its work: open ports (also those below 1024) and
/// write in its own folder.
pub(super) fn unit(installation: &Installation, user: &str) -> Result<String, String> {
    let folder = installation.folder.to_str().filter(|folder| folder.bytes().all(is_plain));
    let folder = folder.ok_or("systemd needs a folder whose name has only letters, digits and / . _ -")?;
    let environment: String =
        installation.defaults().iter().map(|(name, value)| format!("Environment={name}={value}\n")).collect();
    let home = ["/home/", "/root/", "/run/user/"].iter().any(|home| folder.starts_with(home));
    let protect_home = if home { "" } else { "ProtectHome=true\n" };
    let (stop, watchdog) = (server::STOP_DEADLINE.as_secs(), WATCHDOG.as_secs());
    Ok(format!(
        "# Made by `madang install`. Changes of your own: systemctl edit {UNIT}\n\
         [Unit]\n\
         Description=OpenVidu 2 platform (Madang)\n\
         Wants=network-online.target\n\
         After=network-online.target\n\
         \n\
         [Service]\n\
         Type=notify\n\
         User={user}\n\
         WorkingDirectory={folder}\n\
         ExecStart={folder}/madang\n\
         # What .env does not say.\n\
         {environment}\
         # After a watchdog's end, too.\n\
         Restart=on-failure\n\
         RestartSec=2\n\
         # Wrong settings stay wrong.\n\
         RestartPreventExitStatus={INVALID_SETTINGS}\n\
         # The server stops within {stop} s, whatever stands still.\n\
         TimeoutStopSec=30\n\
         # It says that it is alive only while the control loop and the media worker answer.\n\
         WatchdogSec={watchdog}\n\
         LimitNOFILE=1048576\n\
         # Ports below 1024 without being root.\n\
         AmbientCapabilities=CAP_NET_BIND_SERVICE\n\
         CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n\
         NoNewPrivileges=true\n\
         ProtectSystem=strict\n\
         ReadWritePaths={folder}\n\
         {protect_home}\
         PrivateTmp=true\n\
         PrivateDevices=true\n\
         ProtectClock=true\n\
         ProtectControlGroups=true\n\
         ProtectHostname=true\n\
         ProtectKernelLogs=true\n\
         ProtectKernelModules=true\n\
         ProtectKernelTunables=true\n\
         ProtectProc=invisible\n\
         RemoveIPC=true\n\
         RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK\n\
         RestrictNamespaces=true\n\
         RestrictRealtime=true\n\
         RestrictSUIDSGID=true\n\
         LockPersonality=true\n\
         MemoryDenyWriteExecute=true\n\
         SystemCallArchitectures=native\n\
         SystemCallFilter=@system-service\n\
         SystemCallFilter=~@privileged @resources\n\
         SystemCallErrorNumber=EPERM\n\
         UMask=0027\n\
         \n\
         [Install]\n\
         WantedBy=multi-user.target\n"
    ))
}

/// Means only itself in a unit.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/._-".contains(&byte)
}
