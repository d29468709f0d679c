//! What people send to those who help them: versions, machine, settings, what the doctor finds, end of the log. `madang
//! report` prints it anywhere; `./openvidu report` writes it into its installation.
//!
//! Nothing secret may be in it. The settings are shown masked, and then every text is searched for what must not be there,
//! wherever it may have come from.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use ::settings::{Sources, report as settings};
use doctor::Language;
use jiff::Zoned;
use rustix::fs::statvfs;
use serde_json::{Value, json};

use crate::CommandResult;

/// What is told of one server.
pub(crate) struct Report {
    made_at: Zoned,
    /// Lines of names and values.
    pub(crate) version: String,
    system: String,
    /// Of an installation: elsewhere the folder is somebody's own.
    pub(crate) files: String,
    sources: Sources,
    /// As people and as programs read it.
    doctor: (String, Value),
    pub(crate) log: String,
}

/// What is said of a report in a file.
pub(crate) fn written(file: &Path) -> String {
    format!("{} was written. Read it before you give it to anybody\n", file.display())
}

/// Readable by its owner only. One that is there gives way: what is in it may be read by others.
pub(crate) fn write(path: &Path, text: &str) -> CommandResult {
    let _ = fs::remove_file(path);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| format!("cannot write {}: {error}", path.display()).into())
}

impl Report {
    /// Without version, files and log, which are known to whoever runs the server. `folder`: where its `.env` is. `ntp`: who is
    /// asked for the time.
    pub(crate) async fn new(folder: &Path, sources: Sources, ntp: &str) -> Self {
        let doctor = examine(&sources, ntp).await;
        Self {
            made_at: Zoned::now(),
            version: String::new(),
            system: system(folder),
            files: String::new(),
            sources,
            doctor,
            log: String::new(),
        }
    }

    pub(crate) fn made_at(&self) -> &Zoned {
        &self.made_at
    }

    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("OpenVidu report of {}\n", self.made_at.strftime("%Y-%m-%d %H:%M:%S %Z"));
        section(&mut text, "Version", &self.version);
        section(&mut text, "System", &self.system);
        if !self.files.is_empty() {
            section(&mut text, "Files", &self.files);
        }
        section(&mut text, "Settings", &in_force(&self.sources));
        section(&mut text, "Doctor", &self.doctor.0);
        section(&mut text, "Log", &self.log);
        without(&text, &self.sources.secrets())
    }

    pub(crate) fn to_json(&self) -> Value {
        let faults = server::load_settings(&self.sources).err().map(|error| error.0).unwrap_or_default();
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        let mut document = json!({
            "madeAt": self.made_at.timestamp().as_millisecond(),
            "version": lines(&self.version),
            "system": lines(&self.system),
            "files": lines(&self.files),
            "settings": settings::list(&self.sources),
            "remarks": settings::remarks(&self.sources),
            "faults": faults,
            "doctor": self.doctor.1,
            "log": lines(&self.log),
        });
        mask(&mut document, &self.sources.secrets());
        document
    }
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

/// In every text of a document: once it is JSON, a secret would be written otherwise.
fn mask(value: &mut Value, secrets: &[String]) {
    match value {
        Value::String(text) => *text = without(text, secrets),
        Value::Array(items) => items.iter_mut().for_each(|item| mask(item, secrets)),
        Value::Object(members) => members.values_mut().for_each(|member| mask(member, secrets)),
        _ => {}
    }
}

/// What the doctor finds on this machine, in text and as JSON; or why it could not look.
async fn examine(sources: &Sources, ntp: &str) -> (String, Value) {
    let options = doctor::command::Options {
        url: None,
        language: Language::English,
        json: false,
        trust: None,
        insecure: false,
        ntp: ntp.to_owned(),
    };
    match doctor::command::checkup(&options, || server::load_settings(sources)).await {
        Ok(checkup) => {
            let json = serde_json::to_value(&checkup).unwrap_or_default();
            (doctor::command::page(&checkup, Language::English), json)
        }
        Err(error) => (format!("{error}\n"), json!({ "error": error.to_string() })),
    }
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

fn system(folder: &Path) -> String {
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
    if let Ok(disk) = statvfs(folder) {
        let free = disk.f_bavail.saturating_mul(disk.f_frsize) / (1024 * 1024);
        line("Disk free", &format!("{free} MB in {}", folder.display()));
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
pub(crate) fn files(folder: &Path) -> io::Result<String> {
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

    #[test]
    fn a_secret_with_quotes_is_masked_in_json_as_well() {
        let secrets = ["hun\"ter\\2".to_owned()];
        let mut document = json!({ "log": ["a hun\"ter\\2 b"], "settings": { "value": "tok_Abc" } });
        mask(&mut document, &secrets);
        assert_eq!(document, json!({ "log": ["a ******** b"], "settings": { "value": "tok_********" } }));
    }
}
