//! One process of a job: started with its end of the link as standard input, in a group of its own, after the calls and with
//! little memory.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Duration;

use recordings::Transcoder;
use rustix::process::{Pid, Signal};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Calls come first, and what is live before what is composed later.
const NICENESS: i32 = 5;
/// Bytes of a complaint that are logged.
const LONGEST_LINE: u64 = 2048;
/// For one that has lost its link to end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// See the module. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    group: Option<Pid>,
    complaints: Option<JoinHandle<Option<String>>>,
}

impl Process {
    pub(crate) fn start(transcoder: &Transcoder, link: OwnedFd) -> io::Result<Self> {
        // The process reads and waits as it likes.
        rustix::io::ioctl_fionbio(&link, false)?;
        let mut command = transcoder.command();
        command.arg("--job").stdin(Stdio::from(link)).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut command = Command::from(command);
        let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
        let group = child.id().and_then(|id| Pid::from_raw(id as i32));
        if let Some(Err(error)) = group.map(|process| transcoder.restrain(process, NICENESS)) {
            tracing::warn!(%error, "a job runs without limits");
        }
        let complaints = child.stderr.take().map(|stderr| tokio::spawn(listen(stderr)));
        Ok(Self { child, group, complaints })
    }

    /// How it has ended, and the last that it complained of. It is killed if it goes on without its link.
    pub(crate) async fn end(mut self) -> String {
        if timeout(GRACE, self.child.wait()).await.is_err() {
            self.kill();
        }
        let status = self.child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string());
        // What it has started and left behind; the number stands for the group as long as anybody is in it.
        self.kill();
        let complaint = match self.complaints.take() {
            Some(complaints) => timeout(GRACE, complaints).await.ok().and_then(Result::ok).flatten(),
            None => None,
        };
        complaint.map_or(status.clone(), |complaint| format!("{status}, {complaint}"))
    }

    fn kill(&self) {
        if let Some(group) = self.group {
            // It may be gone.
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.id().is_some() {
            self.kill();
        }
    }
}

/// Logs what it complains of; gives the last of it.
async fn listen(stderr: ChildStderr) -> Option<String> {
    let mut stderr = BufReader::new(stderr);
    let (mut last, mut line) = (None, Vec::new());
    loop {
        line.clear();
        match (&mut stderr).take(LONGEST_LINE).read_until(b'\n', &mut line).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return last,
        }
        let text = String::from_utf8_lossy(&line).trim().to_owned();
        tracing::debug!(line = text, "a job complains");
        last = Some(text);
    }
}
