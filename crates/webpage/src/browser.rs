//! The browser's process.

use std::io::{self, PipeReader, PipeWriter};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use command_fds::{CommandFdExt as _, FdMapping};
use tempfile::TempDir;

use crate::Error;

/// What it is called by those who package it.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
/// Where it reads orders, and where it answers.
const ORDERS_FD: i32 = 3;
const ANSWERS_FD: i32 = 4;

/// An installed Chromium, if there is one in `PATH`.
pub fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let places = std::env::split_paths(&path).flat_map(|folder| NAMES.map(|name| folder.join(name)));
    places.into_iter().find(|place| place.is_file())
}

/// Ends with this, its children and its files too.
#[derive(Debug)]
pub(crate) struct Browser {
    child: Child,
    _profile: TempDir,
}

impl Browser {
    /// Starts one of its own, with an empty profile. `trusted` is an origin that counts as secure, and whose certificate
    /// is not checked.
    pub(crate) fn start(program: &Path, trusted: Option<&str>) -> Result<(Self, PipeWriter, PipeReader), Error> {
        let failed = |source| Error::Browser { program: program.display().to_string(), source };
        let profile = TempDir::with_prefix("madang-page-").map_err(failed)?;
        let (orders_out, orders) = io::pipe().map_err(failed)?;
        let (answers, answers_in) = io::pipe().map_err(failed)?;
        let mut command = Command::new(program);
        command
            .args([
                "--headless=new",
                "--remote-debugging-pipe",
                "--no-first-run",
                "--no-default-browser-check",
                "--disable-extensions",
                "--disable-sync",
                "--disable-component-update",
                "--disable-background-networking",
                // Shared memory is small in containers.
                "--disable-dev-shm-usage",
                // Nobody is there to click.
                "--autoplay-policy=no-user-gesture-required",
                "--auto-accept-this-tab-capture",
                "--hide-scrollbars",
                "--disable-background-timer-throttling",
                "--disable-backgrounding-occluded-windows",
                "--disable-renderer-backgrounding",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()));
        if let Some(origin) = trusted {
            command.arg("--ignore-certificate-errors");
            command.arg(format!("--unsafely-treat-insecure-origin-as-secure={origin}"));
        }
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

impl Drop for Browser {
    fn drop(&mut self) {
        // Its children end when they miss it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
