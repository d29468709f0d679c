//! Programs that work for this server: `madang-transcoder`, one for each recording that is composed, and a browser for each
//! that shows a page of the application's ([`filming`]).
//!
//! Codecs are in a process of their own, so that none of them can end a call. It is found beside the server, in the PATH
//! or where MADANG_TRANSCODER says; without it the server does everything else. [`composition`] starts it, keeps it
//! running and listens to it.

mod composition;
mod filming;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use protocol::recording::Failure;

pub(crate) use composition::{Composition, Made, Progress};
pub(crate) use filming::{Filmed, Filming};

/// Calls come first.
const NICENESS: i32 = 10;

const NAME: &str = "madang-transcoder";
/// What is to be installed on Debian.
const PACKAGES: &str = "gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav";

/// The program that composes, and how often it may run.
#[derive(Clone, Debug)]
pub struct Transcoder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    program: PathBuf,
    /// Where GStreamer remembers what it has: looking for that takes longer than a start may.
    registry: PathBuf,
    restraint: Restraint,
    limit: usize,
    running: AtomicUsize,
    /// It is being found out, or has been.
    is_checked: AtomicBool,
    /// Why it cannot be used; set once that is known.
    lacks: OnceLock<Option<String>>,
}

/// How its processes are kept in check.
#[derive(Clone, Copy, Debug)]
struct Restraint {
    /// Bytes of address space: what runs wild shall not take the server with it.
    memory: u64,
    /// Until one is started again after a crash: the first time. Each time doubled.
    first_delay: Duration,
    /// At most.
    longest_delay: Duration,
}

impl Default for Restraint {
    fn default() -> Self {
        Self { memory: 6 << 30, first_delay: Duration::from_millis(200), longest_delay: Duration::from_secs(30) }
    }
}

/// Why nothing can be composed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unavailable {
    /// There is no program that composes, or it lacks something.
    #[error("Composed recordings are not available: {0}. Individual ones are (outputMode INDIVIDUAL)")]
    Missing(String),
    /// There is no browser that could show a page.
    #[error("Recordings with recordingLayout CUSTOM are not available: {0}. Those with the other layouts are")]
    NoBrowser(String),
    /// All that may be composed at a time are.
    #[error("As many recordings are composed as may be (setting MADANG_COMPOSITIONS)")]
    Overloaded,
}

impl From<Unavailable> for Failure {
    fn from(unavailable: Unavailable) -> Self {
        let why = unavailable.to_string();
        if unavailable == Unavailable::Overloaded { Self::Overloaded(why) } else { Self::Broken(why) }
    }
}

/// One of the compositions that may run at a time, until it is dropped.
#[derive(Debug)]
pub struct Slot(Transcoder);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Transcoder {
    /// The program at `setting`, or if that is empty wherever it is. `data` is a folder for what shall be remembered.
    pub fn find(setting: &Path, data: &Path, limit: usize) -> Self {
        let program = if setting.as_os_str().is_empty() { look_around() } else { Some(setting.to_owned()) };
        let lacks = OnceLock::new();
        let program = program.filter(|program| fs::metadata(program).is_ok_and(|file| file.is_file()));
        if program.is_none() {
            let where_to = if setting.as_os_str().is_empty() {
                "is neither beside this server nor in the PATH"
            } else {
                "is not where MADANG_TRANSCODER says"
            };
            let why = format!("{NAME} {where_to} (from the sources: make build, with GStreamer installed)");
            lacks.get_or_init(|| Some(why));
        }
        let registry = data.join("gstreamer.registry");
        let program = program.unwrap_or_default();
        Self(Arc::new(Inner {
            program,
            registry,
            restraint: Restraint::default(),
            limit,
            running: AtomicUsize::new(0),
            is_checked: AtomicBool::new(false),
            lacks,
        }))
    }

    /// Finds out what it lacks, in a thread: GStreamer takes seconds to look at its plugins for the first time.
    pub fn check(&self) {
        if self.0.lacks.get().is_some() {
            return;
        }
        let transcoder = self.clone();
        let checking = thread::Builder::new().name("transcoder-check".to_owned()).spawn(move || {
            let lacks = transcoder.look();
            match &lacks {
                Some(why) => tracing::warn!(%why, "recordings cannot be composed"),
                None => tracing::info!(program = %transcoder.0.program.display(), "recordings can be composed"),
            }
            transcoder.0.lacks.get_or_init(|| lacks);
        });
        self.0.is_checked.store(checking.is_ok(), Ordering::Relaxed);
    }

    /// Waits until that is known: two that look at GStreamer's plugins for the first time take twice as long.
    fn await_check(&self) -> Result<(), Unavailable> {
        if !self.0.is_checked.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.0.lacks.wait().clone().map_or(Ok(()), |why| Err(Unavailable::Missing(why)))
    }

    /// Whether another composition may begin.
    pub fn availability(&self) -> Result<(), Unavailable> {
        if let Some(Some(why)) = self.0.lacks.get() {
            return Err(Unavailable::Missing(why.clone()));
        }
        if self.0.running.load(Ordering::Relaxed) >= self.0.limit { Err(Unavailable::Overloaded) } else { Ok(()) }
    }

    /// Whether there is a program, as far as is known.
    pub fn is_there(&self) -> bool {
        !matches!(self.0.lacks.get(), Some(Some(_)))
    }

    fn look(&self) -> Option<String> {
        let output = match self.command().arg("--check").stdin(Stdio::null()).output() {
            Ok(output) if output.status.success() => return None,
            Ok(output) => output,
            Err(error) => return Some(format!("{} cannot be run: {error}", self.0.program.display())),
        };
        let told = String::from_utf8_lossy(&output.stdout);
        let missing: Vec<&str> = told.lines().collect();
        if missing.is_empty() {
            return Some(format!("{NAME} fails: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        Some(format!("GStreamer lacks {} (on Debian: apt-get install {PACKAGES})", missing.join(", ")))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.0.program);
        command.env("GST_REGISTRY_1_0", &self.0.registry);
        command
    }

    /// Takes one of the slots, if there is one.
    pub fn slot(&self) -> Result<Slot, Unavailable> {
        self.availability().map(|()| self.extra_slot())
    }

    /// Takes one even beyond the limit.
    pub fn extra_slot(&self) -> Slot {
        self.0.running.fetch_add(1, Ordering::Relaxed);
        Slot(self.clone())
    }
}

fn look_around() -> Option<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|server| Some(server.parent()?.join(NAME)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let elsewhere = std::env::split_paths(&path).map(|folder| folder.join(NAME)).collect::<Vec<_>>();
    beside.into_iter().chain(elsewhere).find(|program| program.is_file())
}
