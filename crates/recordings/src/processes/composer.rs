//! One process that composes a recording: started, listened to, woken, ended. When it is started again is the director's to
//! say.
//!
//! It has a group of its own, so that it ends with whatever it has started, and can be killed although it hangs.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, thread};

use protocol::transcoder::Report;
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

use super::{NICENESS, Transcoder};

/// Of a line that is logged or understood.
const LONGEST_LINE: u64 = 2048;

/// What is heard of a composer's process.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum ComposerEvent {
    /// It has been started.
    Started,
    /// A line on its standard output.
    Said(Report),
    /// It has ended, or could not be started: its status, and the last it complained of. Nothing comes after this.
    Exited(String),
    /// There is none that could be started.
    Unavailable(String),
}

/// A process on its way, or at work. When this is dropped it composes what it can, and ends.
#[derive(Debug)]
pub(crate) struct ComposerProcess {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Its standard input.
    input: Option<ChildStdin>,
    /// As long as it has not been waited for: it is nobody else's number.
    group: Option<Pid>,
    /// Nobody waits for it any more.
    is_released: bool,
    is_killed: bool,
}

impl ComposerProcess {
    /// Starts to compose the recording of a folder, whose manifest is there. `tell` is called from another thread;
    /// [`ComposerEvent::Exited`] or [`ComposerEvent::Unavailable`] comes last.
    pub(crate) fn start(
        transcoder: &Transcoder,
        folder: &Path,
        tell: impl Fn(ComposerEvent) + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::<Mutex<Shared>>::default();
        let (transcoder, folder) = (transcoder.clone(), folder.to_owned());
        let process = Process { transcoder, folder, shared: shared.clone() };
        thread::Builder::new().name("composer".to_owned()).spawn(move || process.run(tell))?;
        Ok(Self { shared })
    }

    /// The manifest says more. Never waits.
    pub(crate) fn wake(&self) {
        if let Some(input) = lock(&self.shared).input.as_mut() {
            // If there is no room it has been woken often enough; if it has crashed the next one reads everything.
            let _ = input.write(b"\n");
        }
    }

    /// Ends it without asking.
    pub(crate) fn kill(&self) {
        let mut shared = lock(&self.shared);
        shared.is_killed = true;
        if let Some(group) = shared.group {
            kill(group);
        }
    }
}

impl Drop for ComposerProcess {
    fn drop(&mut self) {
        let mut shared = lock(&self.shared);
        shared.is_released = true;
        shared.input = None;
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Process {
    transcoder: Transcoder,
    folder: PathBuf,
    shared: Arc<Mutex<Shared>>,
}

impl Process {
    fn run(self, tell: impl Fn(ComposerEvent)) {
        if let Err(lacks) = self.transcoder.await_check() {
            return tell(ComposerEvent::Unavailable(lacks.to_string()));
        }
        let why = match self.spawn() {
            Ok(child) => {
                tell(ComposerEvent::Started);
                self.listen(child, &tell)
            }
            Err(error) => error.to_string(),
        };
        tell(ComposerEvent::Exited(why));
    }

    /// To its end; which is its status, and the last that it complained of.
    fn listen(&self, mut child: Child, tell: &impl Fn(ComposerEvent)) -> String {
        let complaints = child.stderr.take().map(|stderr| listen_to_complaints(stderr, &self.folder));
        let mut output = child.stdout.take().map(BufReader::new);
        while let Some(line) = output.as_mut().and_then(next_line) {
            match serde_json::from_str(&line) {
                Ok(report) => tell(ComposerEvent::Said(report)),
                Err(error) => tracing::warn!(%error, "the transcoder says what cannot be understood"),
            }
        }
        let status = self.wait(child).map_or_else(|error| error.to_string(), |status| status.to_string());
        let complaint = complaints.and_then(|thread| thread.join().ok()).flatten();
        complaint.map_or(status.clone(), |complaint| format!("{status}, {complaint}"))
    }

    fn wait(&self, mut child: Child) -> io::Result<ExitStatus> {
        lock(&self.shared).input = None;
        // It may be killed until it has ended; as long as nobody has asked for its status its number is nobody else's.
        let (id, options) = (WaitId::Pid(Pid::from_child(&child)), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        rustix::io::retry_on_intr(|| rustix::process::waitid(id.clone(), options))?;
        if let Some(group) = lock(&self.shared).group.take() {
            // What it has started and left behind.
            kill(group);
        }
        child.wait()
    }

    fn spawn(&self) -> io::Result<Child> {
        let mut command = self.transcoder.command();
        command.arg(&self.folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut shared = lock(&self.shared);
        if shared.is_killed {
            return Err(io::Error::other("it was killed before it was started"));
        }
        self.transcoder.give(&self.folder)?;
        let mut child = command.spawn()?;
        let limited = self.transcoder.restrain(Pid::from_child(&child), NICENESS);
        let input = child.stdin.take().filter(|input| rustix::fs::fcntl_setfl(input, OFlags::NONBLOCK).is_ok());
        shared.input = input.filter(|_| !shared.is_released);
        shared.group = Some(Pid::from_child(&child));
        drop(shared);
        if let Err(error) = limited {
            tracing::warn!(%error, "the transcoder runs without limits");
        }
        Ok(child)
    }
}

fn kill(group: Pid) {
    if let Err(error) = rustix::process::kill_process_group(group, Signal::KILL) {
        tracing::debug!(%error, "there was no process to kill");
    }
}

/// Logs what it complains of; gives the last of it.
fn listen_to_complaints(stderr: ChildStderr, folder: &Path) -> thread::JoinHandle<Option<String>> {
    let folder = folder.to_owned();
    thread::spawn(move || {
        let mut stderr = BufReader::new(stderr);
        let mut last = None;
        while let Some(line) = next_line(&mut stderr) {
            tracing::debug!(folder = %folder.display(), %line, "the transcoder complains");
            last = Some(line);
        }
        last
    })
}

/// A line, or as much of it as is worth while; nothing at the end.
fn next_line(from: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    match from.take(LONGEST_LINE).read_until(b'\n', &mut line) {
        Ok(1..) => Some(String::from_utf8_lossy(&line).trim().to_owned()),
        _ => None,
    }
}

/// What a command says, if it has ended in time; if not it is killed.
pub(super) fn output(mut command: Command, patience: Duration) -> io::Result<Output> {
    let child = command.process_group(0).spawn()?;
    let group = Pid::from_child(&child);
    let (sender, result) = sync_channel(1);
    thread::Builder::new().name("transcoder-output".to_owned()).spawn(move || {
        let _ = sender.send(child.wait_with_output());
    })?;
    result.recv_timeout(patience).unwrap_or_else(|_| {
        // It has not been waited for: its number is its own still, but for an instant.
        kill(group);
        Err(io::Error::new(io::ErrorKind::TimedOut, format!("it did not answer within {} s", patience.as_secs())))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::mpsc;

    use rustix::fs::{FileType, Mode};

    use confinement::Confinement;

    use super::*;
    use crate::processes::Unavailable;

    /// A program in place of the transcoder, which does what the worst of transcoders would.
    fn program(folder: &Path, script: &str) -> Transcoder {
        let path = folder.join("program");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Transcoder::find(&path, folder, 1, Ok(Confinement::none()))
    }

    fn start(transcoder: &Transcoder, folder: &Path) -> (ComposerProcess, mpsc::Receiver<ComposerEvent>) {
        let (sender, told) = mpsc::channel();
        let process = ComposerProcess::start(transcoder, folder, move |event| sender.send(event).unwrap());
        (process.unwrap(), told)
    }

    fn next(told: &mpsc::Receiver<ComposerEvent>) -> ComposerEvent {
        told.recv_timeout(Duration::from_secs(60)).expect("it says something in time")
    }

    fn exit(told: &mpsc::Receiver<ComposerEvent>) -> String {
        match next(told) {
            ComposerEvent::Exited(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn it_is_woken_and_says_how_it_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let script = r#"echo '{"report":"running"}'; read line; echo nonsense >&2; kill -9 $$"#;
        let (process, told) = start(&program(folder.path(), script), folder.path());
        assert_eq!(next(&told), ComposerEvent::Started);
        assert_eq!(next(&told), ComposerEvent::Said(Report::Running));
        process.wake();
        let why = exit(&told);
        assert!(why.contains("signal: 9") && why.contains("nonsense"), "{why}");
        assert!(told.recv().is_err(), "that was the last of it");
    }

    #[test]
    fn one_that_is_not_wanted_any_more_is_told_so() {
        let folder = tempfile::tempdir().unwrap();
        let script = r#"echo '{"report":"running"}'; cat > /dev/null; echo left > "$1/end""#;
        let (process, told) = start(&program(folder.path(), script), folder.path());
        assert_eq!((next(&told), next(&told)), (ComposerEvent::Started, ComposerEvent::Said(Report::Running)));
        drop(process);
        exit(&told);
        assert!(folder.path().join("end").exists(), "the program has ended by itself");
    }

    #[test]
    fn one_that_hangs_is_killed_with_what_it_has_started() {
        let folder = tempfile::tempdir().unwrap();
        // It hears of nothing, and neither does its child, which has its output open.
        let script = r#"trap '' TERM INT HUP; echo '{"report":"running"}'; sleep 1000 & wait; sleep 1000"#;
        let (process, told) = start(&program(folder.path(), script), folder.path());
        assert_eq!((next(&told), next(&told)), (ComposerEvent::Started, ComposerEvent::Said(Report::Running)));
        process.kill();
        assert!(exit(&told).contains("signal: 9"));
    }

    #[test]
    fn one_that_was_killed_before_it_has_started_never_does() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("program.known");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::from(0o600), 0).unwrap();
        let script = r#"[ "$1" = --check ] && { read line < "$0.known"; exit 0; }; touch "$1/started""#;
        let transcoder = program(folder.path(), script);
        transcoder.check();
        let (process, told) = start(&transcoder, folder.path());
        process.kill();
        drop(fs::OpenOptions::new().write(true).open(&pipe).unwrap());
        exit(&told);
        assert!(!folder.path().join("started").exists());
    }

    #[test]
    fn it_waits_until_it_is_known_what_there_is_to_compose_with() {
        let folder = tempfile::tempdir().unwrap();
        let script = |lacking: &str| {
            format!(
                r#"[ "$1" = --check ] && {{ read line < "$0.known"; touch "$0.checked"; {lacking} }}
                [ -e "$0.checked" ] || exit 7
                echo '{{"report":"running"}}'"#
            )
        };
        for (lacking, expected) in [("exit 0;", None), ("echo x264enc; exit 1;", Some("GStreamer lacks x264enc"))] {
            let transcoder = program(folder.path(), &script(lacking));
            let pipe = folder.path().join("program.known");
            rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::from(0o600), 0).unwrap();
            transcoder.check();
            let (_process, told) = start(&transcoder, folder.path());
            drop(fs::OpenOptions::new().write(true).open(&pipe).unwrap());
            match (next(&told), expected) {
                (ComposerEvent::Started, None) => {
                    assert_eq!(next(&told), ComposerEvent::Said(Report::Running));
                    exit(&told);
                }
                (ComposerEvent::Unavailable(why), Some(expected)) => assert!(why.contains(expected), "{why}"),
                (other, _) => panic!("{other:?}"),
            }
            fs::remove_file(&pipe).unwrap();
            fs::remove_file(folder.path().join("program.checked")).unwrap();
        }
    }

    #[test]
    fn one_that_does_not_say_what_it_lacks_is_of_no_use() {
        let folder = tempfile::tempdir().unwrap();
        let mut transcoder = program(folder.path(), "sleep 1000");
        Arc::get_mut(&mut transcoder.0).unwrap().checking = Duration::from_millis(100);
        transcoder.check();
        let (_process, told) = start(&transcoder, folder.path());
        let ComposerEvent::Unavailable(why) = next(&told) else { panic!("it was to be unavailable") };
        assert!(why.contains("did not answer"), "{why}");
        assert!(matches!(transcoder.availability(), Err(Unavailable::Missing(_))));
    }

    #[test]
    fn what_is_missing_is_told_with_what_can_be_done_about_it() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Transcoder::find(&folder.path().join("nothing"), folder.path(), 1, Ok(Confinement::none()));
        let why = missing.availability().unwrap_err().to_string();
        assert!(why.contains("MADANG_TRANSCODER") && why.contains("INDIVIDUAL"), "{why}");
        let busy = program(folder.path(), "exit 0");
        busy.set_running(1);
        assert_eq!(busy.availability(), Err(Unavailable::Overloaded));
    }

    #[test]
    fn one_that_wants_too_much_memory_is_ended() {
        const MEMORY: u64 = 64 << 20;
        let folder = tempfile::tempdir().unwrap();
        // One line without an end: `tail` keeps all of it.
        let script = r#"echo '{"report":"running"}'; read line; ulimit -v > "$1/limit"; exec tail -n 1 /dev/zero"#;
        let mut transcoder = program(folder.path(), script);
        Arc::get_mut(&mut transcoder.0).unwrap().memory = MEMORY;
        let (process, told) = start(&transcoder, folder.path());
        assert_eq!((next(&told), next(&told)), (ComposerEvent::Started, ComposerEvent::Said(Report::Running)));
        process.wake();
        let why = exit(&told);
        assert!(why.contains("memory exhausted"), "{why}");
        assert_eq!(fs::read_to_string(folder.path().join("limit")).unwrap(), format!("{}\n", MEMORY >> 10));
    }

    #[test]
    fn it_sees_nothing_of_the_servers_environment() {
        let folder = tempfile::tempdir().unwrap();
        let transcoder = program(folder.path(), "env > \"$1/environment\"");
        let (_process, events) = start(&transcoder, folder.path());
        while !matches!(events.recv_timeout(Duration::from_secs(60)).unwrap(), ComposerEvent::Exited(_)) {}
        let environment = fs::read_to_string(folder.path().join("environment")).unwrap();
        // What `cargo test` itself sets stands for all of the server's.
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some() && !environment.contains("CARGO"), "{environment}");
        assert!(environment.contains("GST_REGISTRY_1_0=") && environment.contains("PATH="), "{environment}");
    }

    #[test]
    fn as_root_it_is_not_started_unless_somebody_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let refused = Transcoder::find(Path::new("/bin/true"), folder.path(), 1, Err(confinement::Refusal::Root));
        let why = refused.availability().unwrap_err().to_string();
        assert!(why.contains("MADANG_HELPER_USER") && why.contains("INDIVIDUAL"), "{why}");
        let (_process, events) = start(&refused, folder.path());
        assert!(
            matches!(events.recv_timeout(Duration::from_secs(60)).unwrap(), ComposerEvent::Unavailable(why) if why.contains("root"))
        );
    }
}
