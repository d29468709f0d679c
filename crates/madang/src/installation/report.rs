//! The file that operators send to those who help them: machine, versions, settings, end of the log.
//!
//! Nothing secret may be in it. The settings are shown masked, and then the whole text is searched for what must not be
//! there, wherever it may have come from.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ::settings::{Sources, report as settings};
use jiff::Zoned;
use rustix::fs::statvfs;

use super::Installation;
use super::openvidu::{end_of_log, version};
use crate::CommandResult;

/// Of the log.
const LOG_BYTES: usize = 512 * 1024;

/// Writes it into the installation's folder, readable by its owner only. Returns its path.
pub(super) fn write(installation: &Installation) -> CommandResult<PathBuf> {
    let now = Zoned::now();
    let path = installation.folder.join(format!("openvidu-report-{}.txt", now.strftime("%d-%m-%Y-%H-%M")));
    let text = text(installation, &now)?;
    // One of the same minute gives way; anything else of that name was not ours to write into.
    let _ = fs::remove_file(&path);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(path)
}

fn text(installation: &Installation, now: &Zoned) -> CommandResult<String> {
    let sources = installation.sources();
    let mut text = format!("OpenVidu report of {}\n", now.strftime("%Y-%m-%d %H:%M:%S %Z"));
    section(&mut text, "Version", &version(installation)?);
    section(&mut text, "System", &system(installation));
    section(&mut text, "Files", &files(&installation.folder).unwrap_or_else(|error| error.to_string()));
    section(&mut text, "Settings", &in_force(&sources));
    section(&mut text, "Log", &end_of_log(installation, LOG_BYTES).unwrap_or_else(|error| error.to_string()));
    Ok(without(&text, &sources.secrets()))
}

fn section(text: &mut String, title: &str, body: &str) {
    let _ = write!(text, "\n==== {title} ====\n\n{}\n", body.trim_end());
}

fn in_force(sources: &Sources) -> String {
    let mut text = settings::in_force(sources);
    for remark in settings::remarks(sources) {
        let _ = writeln!(text, "* {remark}");
    }
    if let Err(error) = server::load_settings(sources) {
        let _ = write!(text, "\n{error}\n");
    }
    text
}

fn system(installation: &Installation) -> String {
    let mut text = String::new();
    let mut line = |what: &str, value: &str| {
        let _ = writeln!(text, "{what:<22}{value}");
    };
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    line("Kernel", read("/proc/version").trim());
    line("Distribution", value(&read("/etc/os-release"), "PRETTY_NAME=").trim_matches('"'));
    line("Processors", &std::thread::available_parallelism().map_or_else(|_| String::new(), |count| count.to_string()));
    let memory = read("/proc/meminfo");
    line("Memory", value(&memory, "MemTotal:"));
    line("Memory available", value(&memory, "MemAvailable:"));
    line("Load", read("/proc/loadavg").trim());
    line("Uptime in seconds", read("/proc/uptime").split(' ').next().unwrap_or_default());
    if let Ok(disk) = statvfs(&installation.folder) {
        let free = disk.f_bavail.saturating_mul(disk.f_frsize) / (1024 * 1024);
        line("Disk free", &format!("{free} MB in {}", installation.folder.display()));
    }
    line("Open files", value(&read("/proc/self/limits"), "Max open files"));
    line("Receive buffer", read("/proc/sys/net/core/rmem_max").trim());
    line("Send buffer", read("/proc/sys/net/core/wmem_max").trim());
    for interface in if_addrs::get_if_addrs().unwrap_or_default() {
        line("Address", &format!("{} on {}", interface.ip(), interface.name));
    }
    text
}

/// What follows `name` on its line.
fn value<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim()
}

/// Names, sizes and rights of what is in the folder; no content.
fn files(folder: &Path) -> io::Result<String> {
    use std::os::unix::fs::MetadataExt as _;
    let mut lines = vec![];
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let file = entry.metadata()?;
        let kind = if file.is_dir() { 'd' } else { '-' };
        let rights = file.mode() & 0o7777;
        let name = entry.file_name().to_string_lossy().into_owned();
        lines.push(format!("{name:<28}{kind}{rights:04o} {:>5}:{:<5}{:>12}", file.uid(), file.gid(), file.len()));
    }
    lines.sort_unstable();
    Ok(lines.join("\n"))
}

/// `text` without any of `secrets` and without tokens of clients.
fn without(text: &str, secrets: &[String]) -> String {
    const TOKEN: &str = "tok_";
    const MASK: &str = "********";
    let mut masked = text.to_owned();
    for secret in secrets {
        masked = masked.replace(secret, MASK);
    }
    let mut parts = masked.split(TOKEN);
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|symbol: char| symbol.is_ascii_alphanumeric());
        let token = if rest.len() < part.len() { MASK } else { "" };
        clean = clean + TOKEN + token + rest;
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_tokens_are_masked_wherever_they_are() {
        let secrets = ["hunter2".to_owned(), "p4ss w0rd".to_owned()];
        let text = "a=hunter2 b=hunter2x p4ss w0rd wss://h?sessionId=s&token=tok_Abc123&x=tok_ tok_9";
        let expected = "a=******** b=********x ******** wss://h?sessionId=s&token=tok_********&x=tok_ tok_********";
        assert_eq!(without(text, &secrets), expected);
    }
}
