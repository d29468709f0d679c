//! Programs that work for this server: `madang-transcoder`, one for each recording that is composed (and, elsewhere, for each job
//! with live media), and a browser for each that shows a page of the application's ([`page_capture`]).
//!
//! Codecs are in a process of their own, so that none of them can end a call. It is found beside the server, in the PATH
//! or where MADANG_TRANSCODER says; without it the server does everything else. [`composer`] starts it and listens to it.

mod composer;
mod page_capture;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use confinement::{Confinement, Refusal};
use protocol::recording::RecordingFailure;
use rustix::process::{Pid, Resource, Rlimit};

pub(crate) use composer::{ComposerEvent, ComposerProcess};
pub(crate) use page_capture::{PageCaptureProcess, PageEvent, PageFailure, PageFailureKind};

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
    confinement: Confinement,
    /// Its own, where GStreamer remembers what it has: looking for that takes longer than a start may.
    home: PathBuf,
    memory: u64,
    checking: Duration,
    silence: Duration,
    limit: usize,
    running: AtomicUsize,
    /// It is being found out, or has been.
    is_checked: AtomicBool,
    /// Why it cannot be used; set once that is known.
    lacks: OnceLock<Option<String>>,
}

/// Bytes of address space: what runs wild shall not take the server with it.
const MEMORY: u64 = 6 << 30;
/// Without a word while there is something to compose, after which it hangs. One that works says so every second of
/// media, and while it reads or waits for a slow disk every few seconds; but a machine may be so busy with calls that it
/// hardly gets on.
pub(crate) const COMPOSER_SILENCE: Duration = Duration::from_secs(120);
/// For it to say what it lacks. GStreamer looks at its plugins for some seconds, on a slow machine for a minute.
const CHECKING: Duration = Duration::from_secs(180);

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

impl From<Unavailable> for RecordingFailure {
    fn from(unavailable: Unavailable) -> Self {
        let why = unavailable.to_string();
        if unavailable == Unavailable::Overloaded { Self::Overloaded(why) } else { Self::Broken(why) }
    }
}

impl Unavailable {
    /// The same of live work with media.
    pub fn for_jobs(&self) -> String {
        match self {
            Self::Missing(what) => format!("What works with live media is not available: {what}"),
            Self::NoBrowser(_) | Self::Overloaded => self.to_string(),
        }
    }
}

impl Transcoder {
    /// The program at `setting`, or if that is empty wherever it is; and how it shall run, or why it must not. `data` is a
    /// folder for what shall be remembered.
    pub fn find(setting: &Path, data: &Path, limit: usize, confinement: Result<Confinement, Refusal>) -> Self {
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
        if let Err(refusal) = &confinement {
            lacks.get_or_init(|| Some(refusal.to_string()));
        }
        // Of one that is refused nothing is started.
        let confinement = confinement.unwrap_or_else(|_| Confinement::none());
        let home = data.join("transcoder");
        let program = program.unwrap_or_default();
        Self(Arc::new(Inner {
            program,
            confinement,
            home,
            memory: MEMORY,
            checking: CHECKING,
            silence: COMPOSER_SILENCE,
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
                Some(why) => tracing::warn!(%why, "recordings cannot be composed, and nothing can work with live media"),
                None => tracing::info!(program = %transcoder.0.program.display(), "recordings can be composed, and live media worked with"),
            }
            transcoder.0.lacks.get_or_init(|| lacks);
        });
        self.0.is_checked.store(checking.is_ok(), Ordering::Relaxed);
    }

    /// Waits until that is known: two that look at GStreamer's plugins for the first time take twice as long.
    pub fn await_check(&self) -> Result<(), Unavailable> {
        self.missing()?;
        if !self.0.is_checked.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.0.lacks.wait().clone().map_or(Ok(()), |why| Err(Unavailable::Missing(why)))
    }

    /// Whether another composition may begin.
    pub fn availability(&self) -> Result<(), Unavailable> {
        self.missing()?;
        if self.0.running.load(Ordering::Relaxed) >= self.0.limit { Err(Unavailable::Overloaded) } else { Ok(()) }
    }

    /// Whether there is a program, as far as is known.
    pub fn is_there(&self) -> bool {
        !matches!(self.0.lacks.get(), Some(Some(_)))
    }

    fn look(&self) -> Option<String> {
        let mut command = self.command();
        command.arg("--check").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = match composer::output(command, self.0.checking) {
            Ok(output) if output.status.success() => return None,
            Ok(output) => output,
            Err(error) => return Some(self.0.confinement.not_started(&self.0.program, &error)),
        };
        let told = String::from_utf8_lossy(&output.stdout);
        let missing: Vec<&str> = told.lines().collect();
        if missing.is_empty() {
            return Some(format!("{NAME} fails: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        Some(format!("GStreamer lacks {} (on Debian: apt-get install {PACKAGES})", missing.join(", ")))
    }

    /// To start one of its processes.
    pub fn command(&self) -> Command {
        let Inner { program, confinement, home, .. } = &*self.0;
        if let Err(error) = confinement.folder(home.clone()) {
            tracing::warn!(path = %home.display(), %error, "the transcoder has no folder to remember anything in");
        }
        let mut command = confinement.command(program, home);
        command.env("GST_REGISTRY_1_0", home.join("gstreamer.registry"));
        command
    }

    /// Lets its processes write to a recording's folder.
    fn give(&self, folder: &Path) -> io::Result<()> {
        self.0.confinement.give(folder)
    }

    /// One of its processes comes after others, and may take so much memory and no more.
    pub fn restrain(&self, process: Pid, niceness: i32) -> io::Result<()> {
        rustix::process::setpriority_process(Some(process), niceness)?;
        let memory = Rlimit { current: Some(self.0.memory), maximum: Some(self.0.memory) };
        rustix::process::prlimit(Some(process), Resource::As, memory)?;
        Ok(())
    }

    /// For how long one of its processes may say nothing although it has something to do.
    pub(crate) fn silence(&self) -> Duration {
        self.0.silence
    }

    /// Another patience with its processes.
    #[cfg(test)]
    pub(crate) fn with_silence(mut self, silence: Duration) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.silence = silence;
        }
        self
    }

    /// So many are at work.
    pub(crate) fn set_running(&self, running: usize) {
        self.0.running.store(running, Ordering::Relaxed);
    }

    /// How many may be.
    pub(crate) fn limit(&self) -> usize {
        self.0.limit
    }

    /// Why it can be of no use, as far as is known.
    pub fn missing(&self) -> Result<(), Unavailable> {
        match self.0.lacks.get() {
            Some(Some(why)) => Err(Unavailable::Missing(why.clone())),
            _ => Ok(()),
        }
    }
}

fn look_around() -> Option<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|server| Some(server.parent()?.join(NAME)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let elsewhere = std::env::split_paths(&path).map(|folder| folder.join(NAME)).collect::<Vec<_>>();
    beside.into_iter().chain(elsewhere).find(|program| program.is_file())
}
