//! The process that keeps a server running without systemd: writes down what it says, and starts it again when it dies.
//!
//! Started by [`background`](super::background), in whose file it is found. It ends when it is told to, when the server
//! ended in good order or because of its settings, and when the server never became ready.

use std::io::{self, PipeReader, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, setsid};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::unix::pipe;
use tokio::process::Child;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::Installation;
use super::log::Log;
use crate::stop::Stop;
use crate::{CommandResult, INVALID_SETTINGS};

/// What is said on standard output once the server is ready.
pub(super) const READY: &str = "ready";

/// How the lines begin that the server says when it is; an empty one ends them.
const BANNER: &str = "OpenVidu is ready!";
/// A longer line is cut in two.
const LONGEST_LINE: u64 = 64 * 1024;
/// From the order to stop to the end by force. The server has limits of its own that add up to less.
const STOP_GRACE: Duration = Duration::from_secs(30);
/// For the last words of a server that ended: children of its own may keep its output open.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Pause before a dead server is started again, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Supervises the server of the installation in the working directory until there is nothing more to do.
pub(crate) async fn run() -> CommandResult {
    let installation = Installation::here()?;
    let outcome = supervise(&installation).await;
    if let Err(error) = &outcome {
        note(&installation, &format!("The server is not started again: {error}"));
    }
    outcome
}

/// Adds a line of ours to the log. That it cannot be written is no reason to stop.
fn note(installation: &Installation, words: &str) {
    if let Ok(mut log) = Log::open(&installation.log(), u64::MAX) {
        let _ = log.append(format!("{words}\n").as_bytes());
    }
}

async fn supervise(installation: &Installation) -> CommandResult {
    // Away from the terminal, whose end must not be ours. Fails only for a process that already is.
    let _ = setsid();
    let room = server::load_settings(&installation.sources())?.docker_logs_max_size;
    let mut stop = Stop::listen()?;
    let mut pause = FIRST_PAUSE;
    let mut was_ready = false;
    loop {
        let started = Instant::now();
        let mut server = SupervisedServer::start(installation, room)?;
        let end = server.end(&mut stop, &mut was_ready).await?;
        let (status, stopped) = (end.status, end.stopped);
        if stopped || status.success() || status.code() == Some(INVALID_SETTINGS.into()) {
            return Ok(());
        }
        if !was_ready {
            return Err(format!("the server ended ({status})").into());
        }
        if started.elapsed() > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        let seconds = pause.as_secs();
        note(installation, &format!("The server ended ({status}) and is started again in {seconds} s"));
        tokio::select! {
            () = sleep(pause) => {}
            () = stop.requested() => return Ok(()),
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A server and what reads its words.
struct SupervisedServer {
    child: Child,
    /// Resolves when the server is ready.
    ready: oneshot::Receiver<()>,
    recording: JoinHandle<()>,
}

struct ServerEnd {
    status: ExitStatus,
    /// Because it was told to.
    stopped: bool,
}

impl SupervisedServer {
    fn start(installation: &Installation, room: u64) -> CommandResult<Self> {
        let log = Log::open(&installation.log(), room)
            .map_err(|error| format!("cannot write {}: {error}", installation.log().display()))?;
        let (output, input) = io::pipe()?;
        let mut command = Command::new(installation.program());
        command
            .current_dir(&installation.folder)
            .envs(installation.environment())
            .stdin(Stdio::null())
            .stdout(input.try_clone()?)
            .stderr(input);
        let child = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", installation.program().display()))?;
        let (tell, ready) = oneshot::channel();
        let recording = tokio::spawn(record(receiver(output)?, log, tell));
        Ok(Self { child, ready, recording })
    }

    /// Waits for it, and stops it when that is asked for.
    async fn end(&mut self, stop: &mut Stop, was_ready: &mut bool) -> io::Result<ServerEnd> {
        let mut waiting_to_be_ready = true;
        loop {
            tokio::select! {
                status = self.child.wait() => {
                    let _ = timeout(LAST_WORDS, &mut self.recording).await;
                    return Ok(ServerEnd { status: status?, stopped: false });
                }
                ready = &mut self.ready, if waiting_to_be_ready => {
                    waiting_to_be_ready = false;
                    if ready.is_ok() {
                        *was_ready = true;
                        // Whoever started us may be gone.
                        let _ = writeln!(io::stdout(), "{READY}");
                    }
                }
                () = stop.requested() => {
                    let status = self.stop().await?;
                    return Ok(ServerEnd { status, stopped: true });
                }
            }
        }
    }

    async fn stop(&mut self) -> io::Result<ExitStatus> {
        if let Some(pid) = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let status = match timeout(STOP_GRACE, self.child.wait()).await {
            Ok(status) => status,
            Err(_) => {
                self.child.start_kill()?;
                self.child.wait().await
            }
        };
        let _ = timeout(LAST_WORDS, &mut self.recording).await;
        status
    }
}

fn receiver(output: PipeReader) -> io::Result<pipe::Receiver> {
    pipe::Receiver::from_owned_fd(OwnedFd::from(output))
}

/// Writes lines into the log until nobody can say any more.
async fn record(output: pipe::Receiver, mut log: Log, ready: oneshot::Sender<()>) {
    let mut output = BufReader::new(output);
    let mut ready = Some(ready);
    let mut in_banner = false;
    let mut line = vec![];
    while let Ok(1..) = (&mut output).take(LONGEST_LINE).read_until(b'\n', &mut line).await {
        // A full disk is no reason to stop the server.
        let _ = log.append(&line);
        in_banner |= line.starts_with(BANNER.as_bytes());
        // Whoever waits may read the addresses in it.
        if in_banner
            && line == b"\n"
            && let Some(ready) = ready.take()
        {
            let _ = ready.send(());
        }
        line.clear();
    }
}
