//! The browser's process.

use std::fs;
use std::io::{self, PipeReader, PipeWriter};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use command_fds::{CommandFdExt as _, FdMapping};
use tempfile::TempDir;

use crate::{Error, Options};

/// What it is called by those who package it.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
/// Where it reads orders, and where it answers.
const ORDERS_FD: i32 = 3;
const ANSWERS_FD: i32 = 4;

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
    _profile: TempDir,
}

impl Browser {
    /// Starts one of its own, with an empty profile.
    pub(crate) fn start(options: &Options) -> Result<(Self, PipeWriter, PipeReader), Error> {
        let failed = |source| Error::Browser { program: options.program.display().to_string(), source };
        fs::create_dir_all(&options.folder).map_err(failed)?;
        let profile = TempDir::with_prefix_in("page-", &options.folder).map_err(failed)?;
        let (orders_out, orders) = io::pipe().map_err(failed)?;
        let (answers, answers_in) = io::pipe().map_err(failed)?;
        let mut command = Command::new(&options.program);
        command.args(FLAGS).arg(format!("--user-data-dir={}", profile.path().display()));
        command.args(network_flags(options));
        // Chromium refuses to run sandboxed as root.
        if rustix::process::geteuid().is_root() {
            command.arg("--no-sandbox");
        }
        command.arg("about:blank").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mappings = vec![
            FdMapping { parent_fd: orders_out.into(), child_fd: ORDERS_FD },
            FdMapping { parent_fd: answers_in.into(), child_fd: ANSWERS_FD },
        ];
        command.fd_mappings(mappings).map_err(|error| failed(io::Error::other(error)))?;
        let child = command.spawn().map_err(failed)?;
        Ok((Self { child, _profile: profile }, orders, answers))
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

fn network_flags(options: &Options) -> impl Iterator<Item = String> {
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
