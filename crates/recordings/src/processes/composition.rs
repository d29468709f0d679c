//! One recording being composed: the process, restarted when it crashes, and what it says.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use std::{io, thread};

use protocol::recording::Measured;
use protocol::transcoder::{Lost, Report};
use rustix::fs::OFlags;
use rustix::process::{Pid, Resource, Rlimit};
use tokio::sync::oneshot;

use super::{NICENESS, Restraint, Slot};

/// Crashes in a row, with nothing composed in between, after which it is given up.
const MOST_CRASHES: u32 = 6;
/// Of a line that is logged.
const LONGEST_LINE: u64 = 2048;

/// What a composition turned out to be.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Made {
    pub(crate) measured: Measured,
    pub(crate) lost: Lost,
}

/// What is told while a recording goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Progress {
    /// Its file is there.
    Running,
    /// It cannot be composed.
    Failed(String),
}

/// A composition being made. When it is dropped the process composes what it can, and ends.
#[derive(Debug)]
pub(crate) struct Composition {
    shared: Arc<Shared>,
    result: oneshot::Receiver<Result<Made, String>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The process' standard input, while one runs.
    input: Mutex<Option<ChildStdin>>,
    /// Nobody wants it any more.
    is_over: AtomicBool,
    over: (Mutex<()>, Condvar),
}

impl Composition {
    /// Starts to compose the recording of a folder, whose manifest is there. `tell` is called from another thread.
    pub(crate) fn start(slot: Slot, folder: &Path, tell: impl Fn(Progress) + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (sender, result) = oneshot::channel();
        let job = Job { slot, folder: folder.to_owned(), shared: Arc::clone(&shared), result: sender, tell };
        thread::Builder::new().name("composition".to_owned()).spawn(move || job.run())?;
        Ok(Self { shared, result })
    }

    /// The manifest says more. Never waits.
    pub(crate) fn wake(&self) {
        if let Some(input) = self.shared.input().as_mut() {
            // If there is no room it has been woken often enough; if it has crashed the next one reads everything.
            let _ = input.write(b"\n");
        }
    }

    /// Completes at its end.
    pub(crate) async fn made(mut self) -> Result<Made, String> {
        (&mut self.result).await.unwrap_or_else(|_| Err("defect in composing".to_owned()))
    }
}

impl Drop for Composition {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        self.shared.input().take();
        self.shared.over.1.notify_all();
    }
}

impl Shared {
    fn input(&self) -> std::sync::MutexGuard<'_, Option<ChildStdin>> {
        self.input.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Returns early when it is over.
    fn pause(&self, delay: Duration) {
        let guard = self.over.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.over.1.wait_timeout_while(guard, delay, |()| !self.is_over());
    }
}

/// Its fields are dropped in their order: whoever is told nothing more can rely on the slot.
struct Job<T> {
    /// Given back when the process has ended for good.
    slot: Slot,
    folder: PathBuf,
    shared: Arc<Shared>,
    result: oneshot::Sender<Result<Made, String>>,
    tell: T,
}

/// How a process ended.
enum Ending {
    Finished(Made),
    Failed(String),
    /// Or it was killed.
    Crashed(String),
}

impl<T: Fn(Progress)> Job<T> {
    fn run(self) {
        let Some(result) = self.compose() else { return };
        // Whoever hears of its end may begin another one.
        let Self { slot, result: sender, tell, .. } = self;
        drop(slot);
        if let Err(why) = &result {
            tell(Progress::Failed(why.clone()));
        }
        // If nobody wants it any more, nobody is told.
        let _ = sender.send(result);
    }

    /// Nothing if nobody wants it any more.
    fn compose(&self) -> Option<Result<Made, String>> {
        if let Err(lacks) = self.slot.0.await_check() {
            return Some(Err(lacks.to_string()));
        }
        let Restraint { first_delay, longest_delay, .. } = self.slot.0.0.restraint;
        let (mut crashes, mut delay) = (0, first_delay);
        // By those that have crashed.
        let mut lost = Lost::default();
        loop {
            let mut composed = None;
            match self.run_once(&mut composed) {
                Ending::Finished(mut made) => {
                    made.lost += lost;
                    return Some(Ok(made));
                }
                Ending::Failed(why) => return Some(Err(why)),
                Ending::Crashed(_) if self.shared.is_over() => return None,
                Ending::Crashed(why) => {
                    if let Some(more) = composed {
                        (crashes, delay) = (0, first_delay);
                        lost += more;
                    }
                    crashes += 1;
                    tracing::warn!(folder = %self.folder.display(), %why, crashes, "the transcoder has crashed");
                    if crashes == MOST_CRASHES {
                        return Some(Err(format!("the transcoder crashes again and again: {why}")));
                    }
                }
            }
            self.shared.pause(delay);
            delay = (delay * 2).min(longest_delay);
            if self.shared.is_over() {
                return None;
            }
        }
    }

    /// `composed`: what was lost of that which is in the file, if there is more in it than before.
    fn run_once(&self, composed: &mut Option<Lost>) -> Ending {
        let mut child = match self.spawn() {
            Ok(child) => child,
            Err(error) => return Ending::Crashed(error.to_string()),
        };
        let complaints = child.stderr.take().map(|stderr| listen(stderr, &self.folder));
        let mut ending = None;
        if let Some(output) = child.stdout.take() {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                match serde_json::from_str(&line) {
                    Ok(Report::Running) => (self.tell)(Progress::Running),
                    Ok(Report::Composed { lost, .. }) => *composed = Some(lost),
                    Ok(Report::Finished { measured, lost }) => ending = Some(Ending::Finished(Made { measured, lost })),
                    Ok(Report::Failed { why }) => ending = Some(Ending::Failed(why)),
                    Ok(Report::Suspended) => {}
                    Err(error) => tracing::warn!(%error, "the transcoder says what cannot be understood"),
                }
            }
        }
        self.shared.input().take();
        let status = child.wait();
        let complaint = complaints.and_then(|thread| thread.join().ok()).flatten();
        ending.unwrap_or_else(|| {
            let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            Ending::Crashed(complaint.map_or(status.clone(), |complaint| format!("{status}, {complaint}")))
        })
    }

    fn spawn(&self) -> io::Result<Child> {
        let mut command = self.slot.0.command();
        command.arg(&self.folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let limited = limit(&child, self.slot.0.0.restraint.memory);
        let input = child.stdin.take().filter(|input| rustix::fs::fcntl_setfl(input, OFlags::NONBLOCK).is_ok());
        let mut shared = self.shared.input();
        // Whoever ends it looks for the input after having said that it is over.
        *shared = input.filter(|_| !self.shared.is_over());
        drop(shared);
        if let Err(error) = limited {
            tracing::warn!(%error, "the transcoder runs without limits");
        }
        Ok(child)
    }
}

fn limit(child: &Child, memory: u64) -> rustix::io::Result<()> {
    let pid = Some(Pid::from_child(child));
    rustix::process::setpriority_process(pid, NICENESS)?;
    let memory = Rlimit { current: Some(memory), maximum: Some(memory) };
    rustix::process::prlimit(pid, Resource::As, memory).map(|_| ())
}

/// Logs what it complains of; gives the last of it.
fn listen(stderr: ChildStderr, folder: &Path) -> thread::JoinHandle<Option<String>> {
    let folder = folder.to_owned();
    thread::spawn(move || {
        let mut stderr = BufReader::new(stderr);
        let mut last = None;
        loop {
            let mut line = Vec::new();
            match stderr.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
                Ok(1..) => {
                    let line = String::from_utf8_lossy(&line).trim().to_owned();
                    tracing::debug!(folder = %folder.display(), %line, "the transcoder complains");
                    last = Some(line);
                }
                _ => return last,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::mpsc;

    use rustix::fs::{FileType, Mode};

    use super::*;
    use crate::processes::{Transcoder, Unavailable};

    /// A program in place of the transcoder, which does what the worst of transcoders would.
    fn program(folder: &Path, script: &str) -> Transcoder {
        let path = folder.join("program");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Transcoder::find(&path, folder, 1)
    }

    const FINISHED: &str = r#"echo '{"report":"finished","measured":{"size":7,"duration":1.5,"hasAudio":true,"hasVideo":true},"lost":{"undecodable":0,"unreadableFiles":0}}'"#;

    #[tokio::test]
    async fn a_crashed_one_is_started_again_and_a_slot_is_free_once_it_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let script = format!(
            r#"echo x >> "$1/starts"; echo '{{"report":"running"}}'; read line
            [ $(wc -l < "$1/starts") -lt 3 ] && kill -9 $$
            {FINISHED}"#
        );
        let transcoder = program(folder.path(), &script);
        let (sender, told) = mpsc::channel();
        let composition = Composition::start(transcoder.slot().unwrap(), folder.path(), move |progress| {
            sender.send(progress).unwrap();
        });
        let composition = composition.unwrap();
        assert_eq!(transcoder.availability(), Err(Unavailable::Overloaded));
        for _ in 0..3 {
            assert_eq!(told.recv().unwrap(), Progress::Running);
            composition.wake();
        }
        let made = composition.made().await.unwrap();
        assert_eq!((made.measured.size, made.lost), (7, Lost::default()));
        assert_eq!(transcoder.availability(), Ok(()));
        assert!(told.recv().is_err());
    }

    #[test]
    fn one_that_is_not_wanted_any_more_is_told_so() {
        let folder = tempfile::tempdir().unwrap();
        let script = r#"echo '{"report":"running"}'; cat > /dev/null; echo left > "$1/end""#;
        let transcoder = program(folder.path(), script);
        let (sender, told) = mpsc::channel();
        let composition = Composition::start(transcoder.slot().unwrap(), folder.path(), move |progress| {
            sender.send(progress).unwrap();
        });
        assert_eq!(told.recv().unwrap(), Progress::Running);
        drop(composition.unwrap());
        assert!(told.recv().is_err(), "the thread has ended");
        assert!(folder.path().join("end").exists(), "and so has the program, by itself");
    }

    #[tokio::test]
    async fn a_composition_waits_until_it_is_known_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let script = |lacking: &str| {
            format!(
                r#"[ "$1" = --check ] && {{ read line < "$0.known"; touch "$0.checked"; {lacking} }}
                [ -e "$0.checked" ] || {{ echo '{{"report":"failed","why":"too early"}}'; exit 0; }}
                {FINISHED}"#
            )
        };
        for (lacking, expected) in [("exit 0;", None), ("echo x264enc; exit 1;", Some("GStreamer lacks x264enc"))] {
            let transcoder = program(folder.path(), &script(lacking));
            let pipe = folder.path().join("program.known");
            rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::from(0o600), 0).unwrap();
            transcoder.check();
            let composition = Composition::start(transcoder.slot().unwrap(), folder.path(), |_| {}).unwrap();
            drop(fs::OpenOptions::new().write(true).open(&pipe).unwrap());
            let result = composition.made().await;
            match expected {
                None => assert_eq!(result.unwrap().measured.size, 7),
                Some(why) => assert!(result.unwrap_err().contains(why)),
            }
            fs::remove_file(&pipe).unwrap();
            fs::remove_file(folder.path().join("program.checked")).unwrap();
        }
    }

    #[tokio::test]
    async fn what_cannot_be_composed_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let transcoder = program(folder.path(), r#"echo '{"report":"failed","why":"nonsense"}'"#);
        let composition = Composition::start(transcoder.slot().unwrap(), folder.path(), |_| {}).unwrap();
        assert_eq!(composition.made().await, Err("nonsense".to_owned()));
        let missing = Transcoder::find(&folder.path().join("nothing"), folder.path(), 1);
        let why = missing.slot().unwrap_err().to_string();
        assert!(why.contains("MADANG_TRANSCODER") && why.contains("INDIVIDUAL"), "{why}");
    }

    /// The same, started again at once.
    fn impatient(folder: &Path, script: &str) -> Transcoder {
        let mut transcoder = program(folder, script);
        let restraint = &mut Arc::get_mut(&mut transcoder.0).unwrap().restraint;
        (restraint.first_delay, restraint.longest_delay) = (Duration::ZERO, Duration::ZERO);
        transcoder
    }

    fn starts(folder: &Path) -> usize {
        fs::read_to_string(folder.join("starts")).unwrap().lines().count()
    }

    #[tokio::test]
    async fn one_that_crashes_again_and_again_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let script = r#"echo x >> "$1/starts"; echo '{"report":"running"}'; echo nonsense >&2; kill -9 $$"#;
        let transcoder = impatient(folder.path(), script);
        let (sender, told) = mpsc::channel();
        let tell = move |progress| sender.send(progress).unwrap();
        let composition = Composition::start(transcoder.slot().unwrap(), folder.path(), tell).unwrap();
        let why = composition.made().await.unwrap_err();
        assert!(why.contains("again and again") && why.contains("nonsense"), "{why}");
        assert_eq!(starts(folder.path()), MOST_CRASHES as usize);
        let told: Vec<_> = told.iter().collect();
        assert_eq!(told.last(), Some(&Progress::Failed(why)));
        assert_eq!(told.len(), MOST_CRASHES as usize + 1);
        assert_eq!(transcoder.availability(), Ok(()), "its slot is free");
    }

    #[tokio::test]
    async fn one_that_gets_on_between_its_crashes_is_not_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let script = format!(
            r#"echo x >> "$1/starts"
            echo '{{"report":"composed","until":5,"lost":{{"undecodable":1,"unreadableFiles":2}}}}'
            [ $(wc -l < "$1/starts") -le {} ] && kill -9 $$
            {FINISHED}"#,
            2 * MOST_CRASHES
        );
        let transcoder = impatient(folder.path(), &script);
        let composition = Composition::start(transcoder.slot().unwrap(), folder.path(), |_| {}).unwrap();
        let lost = composition.made().await.unwrap().lost;
        assert_eq!(starts(folder.path()), 2 * MOST_CRASHES as usize + 1);
        let crashes = u64::from(2 * MOST_CRASHES);
        assert_eq!(lost, Lost { undecodable: crashes, unreadable_files: 2 * crashes }, "what each of them lost");
    }

    #[tokio::test]
    async fn one_that_wants_too_much_memory_is_ended() {
        const MEMORY: u64 = 64 << 20;
        let folder = tempfile::tempdir().unwrap();
        // One line without an end: `tail` keeps all of it.
        let script = r#"echo '{"report":"running"}'; read line; ulimit -v > "$1/limit"; exec tail -n 1 /dev/zero"#;
        let mut transcoder = impatient(folder.path(), script);
        Arc::get_mut(&mut transcoder.0).unwrap().restraint.memory = MEMORY;
        let (sender, told) = mpsc::channel();
        let tell = move |progress| sender.send(progress).unwrap();
        let composition = Composition::start(transcoder.slot().unwrap(), folder.path(), tell).unwrap();
        for _ in 0..MOST_CRASHES {
            assert_eq!(told.recv().unwrap(), Progress::Running);
            composition.wake();
        }
        let why = composition.made().await.unwrap_err();
        assert!(why.contains("memory exhausted"), "{why}");
        assert_eq!(fs::read_to_string(folder.path().join("limit")).unwrap(), format!("{}\n", MEMORY >> 10));
    }
}
