//! The browser's process.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, PipeReader, PipeWriter, Read as _};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use command_fds::{CommandFdExt as _, FdMapping};
use tempfile::TempDir;

use crate::{PageError, PageOptions};

/// What it is called by those who package it.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
/// Where it reads orders, and where it answers.
const ORDERS_FD: i32 = 3;
const ANSWERS_FD: i32 = 4;

/// What is kept of its complaints: lines, and bytes of each.
const WORDS: usize = 5;
const LONGEST_WORDS: u64 = 1000;
/// For the last of them, once it has ended: its children may have its output open.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// For a page that nobody sits in front of.
const FLAGS: [&str; 20] = [
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-service-autorun",
    "--password-store=basic",
    "--disable-extensions",
    "--disable-sync",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-breakpad",
    // Shared memory is small in containers.
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
    "--auto-accept-this-tab-capture",
    "--hide-scrollbars",
    // A page from elsewhere may connect to this server although it has a private address; and all media may stay here.
    "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets,LocalNetworkAccessChecksWebRTC",
    "--allow-loopback-in-peer-connection",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
];

/// An installed Chromium, if there is one in `PATH`.
pub fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let places = std::env::split_paths(&path).flat_map(|folder| NAMES.map(|name| folder.join(name)));
    places.into_iter().find(|place| place.is_file())
}

/// Ends with this, its children and its files too; and when its pipes end, however this process does.
#[derive(Debug)]
pub(crate) struct Browser {
    child: Child,
    /// Its last complaints, once it has ended.
    words: Option<Receiver<String>>,
    _profile: TempDir,
}

impl Browser {
    /// Starts one of its own, with an empty profile.
    pub(crate) fn start(options: &PageOptions) -> Result<(Self, PipeWriter, PipeReader), PageError> {
        let failed = |source| PageError::Browser { program: options.program.display().to_string(), source };
        let confinement = &options.confinement;
        let folder = confinement.folder(options.folder.clone()).map_err(failed)?;
        let profile = TempDir::with_prefix_in("page-", folder).map_err(failed)?;
        confinement.give(profile.path()).map_err(failed)?;
        let (orders_out, orders) = io::pipe().map_err(failed)?;
        let (answers, answers_in) = io::pipe().map_err(failed)?;
        let mut command = confinement.command(&options.program, profile.path());
        command.args(FLAGS).arg(format!("--user-data-dir={}", profile.path().display()));
        command.args(network_flags(options));
        // Chromium refuses to run sandboxed as root.
        if confinement.is_root() {
            command.arg("--no-sandbox");
        }
        command.arg("about:blank").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mappings = vec![
            FdMapping { parent_fd: orders_out.into(), child_fd: ORDERS_FD },
            FdMapping { parent_fd: answers_in.into(), child_fd: ANSWERS_FD },
        ];
        command.fd_mappings(mappings).map_err(|error| failed(io::Error::other(error)))?;
        let mut child = command.spawn().map_err(failed)?;
        let words = child.stderr.take().map(listen);
        Ok((Self { child, words, _profile: profile }, orders, answers))
    }

    /// Why it has ended, in its own words. It has not been told of any page yet: there are no secrets in them.
    pub(crate) fn last_words(&mut self) -> String {
        let _ = self.child.kill();
        self.words.take().and_then(|words| words.recv_timeout(LAST_WORDS).ok()).unwrap_or_default()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

/// Reads what it complains of to the end, and tells the last of it.
fn listen(complaints: ChildStderr) -> Receiver<String> {
    let (tell, told) = sync_channel(1);
    thread::spawn(move || {
        let mut complaints = BufReader::new(complaints);
        let mut latest = VecDeque::new();
        let mut line = vec![];
        while let Ok(1..) = (&mut complaints).take(LONGEST_WORDS).read_until(b'\n', &mut line) {
            latest.push_back(String::from_utf8_lossy(line.trim_ascii()).into_owned());
            if latest.len() > WORDS {
                latest.pop_front();
            }
            line.clear();
        }
        // Most are never asked for.
        let _ = tell.send(Vec::from(latest).join("; "));
    });
    told
}

fn network_flags(options: &PageOptions) -> impl Iterator<Item = String> {
    let keys = &options.trusted_keys;
    let keys = (!keys.is_empty()).then(|| format!("--ignore-certificate-errors-spki-list={}", keys.join(",")));
    let rules: Vec<_> = options.hosts.iter().map(|(from, to)| format!("MAP {from} {to}")).collect();
    let rules = (!rules.is_empty()).then(|| format!("--host-resolver-rules={}", rules.join(",")));
    let insecure = &options.insecure_origin;
    let insecure = insecure.as_ref().map(|origin| format!("--unsafely-treat-insecure-origin-as-secure={origin}"));
    [keys, rules, insecure].into_iter().flatten()
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its children end when they miss it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
