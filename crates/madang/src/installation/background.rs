//! A server without systemd: started, found and stopped by way of a file that its [`supervisor`](super::supervisor) keeps
//! locked.
//!
//! The lock, not the number in the file, says whether it runs: the system releases it when the process ends, however it
//! ends, and another process that was given the same number does not have it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

use super::{Installation, log, supervisor};
use crate::CommandResult;

/// What became of an order to start.
pub(super) enum Started {
    /// It takes requests.
    Ready,
    /// It already did.
    AlreadyRunning(Option<Pid>),
}

/// Starts the supervisor and waits until the server is ready. If it cannot be, the error is what it said.
pub(super) fn start(installation: &Installation) -> CommandResult<Started> {
    let file = open(installation)?;
    if !acquired(&file)? {
        return Ok(Started::AlreadyRunning(number(&file)?));
    }
    file.set_len(0)?;
    let before = log::length(&installation.log());
    // The lock goes with the open file to the supervisor and is held as long as that lives.
    // Nothing of ours stays open in it, so that whoever waits for our output need not wait for its end.
    let (told, words) = io::pipe()?;
    let mut supervisor = Command::new(installation.program())
        .arg("supervise")
        .current_dir(&installation.folder)
        .stdin(file.try_clone()?)
        .stdout(words.try_clone()?)
        .stderr(words)
        .spawn()
        .map_err(|error| format!("cannot start {}: {error}", installation.program().display()))?;
    write!(&file, "{}", supervisor.id())?;
    drop(file);
    let mut complaint = String::new();
    for line in BufReader::new(told).lines() {
        let line = line?;
        if line == supervisor::READY {
            return Ok(Started::Ready);
        }
        complaint = complaint + &line + "\n";
    }
    supervisor.wait()?;
    // The same, and more, unless it cannot be written.
    let log = log::since(&installation.log(), before).unwrap_or_default();
    let words = if log.is_empty() { complaint } else { log };
    Err(format!("OpenVidu could not start. It said:\n\n{}", words.trim_end()).into())
}

/// Asks the supervisor to end and waits until it has. `false`: nothing ran.
pub(super) fn stop(installation: &Installation) -> CommandResult<bool> {
    /// The supervisor ends its server by force before that.
    const PATIENCE: Duration = Duration::from_secs(60);
    let file = open(installation)?;
    if acquired(&file)? {
        return Ok(false);
    }
    let pid = number(&file)?.ok_or("OpenVidu is being started this moment; try again")?;
    match kill_process(pid, Signal::TERM) {
        // It has just ended by itself.
        Ok(()) | Err(Errno::SRCH) => {}
        Err(error) => return Err(format!("cannot stop process {}: {error}", pid.as_raw_nonzero()).into()),
    }
    match released(file, PATIENCE) {
        Some(released) => Ok(released.map(|()| true)?),
        None => Err(format!("process {} does not end", pid.as_raw_nonzero()).into()),
    }
}

/// Whether it runs, and the supervisor's process.
pub(super) fn running(installation: &Installation) -> CommandResult<Option<Option<Pid>>> {
    let path = installation.data().join(FILE);
    if !path.try_exists().map_err(|error| format!("cannot look at {}: {error}", path.display()))? {
        return Ok(None);
    }
    let file = open(installation)?;
    if acquired(&file)? { Ok(None) } else { Ok(Some(number(&file)?)) }
}

const FILE: &str = "openvidu.pid";

fn open(installation: &Installation) -> CommandResult<File> {
    let path = installation.data().join(FILE);
    let open = || {
        std::fs::create_dir_all(installation.data())?;
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)
    };
    open().map_err(|error: io::Error| format!("cannot open {}: {error}", path.display()).into())
}

/// Whether nobody else has it; now we do, until the file is closed.
fn acquired(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Waits until anybody can have it. `None`: whoever has it keeps it.
fn released(file: File, patience: Duration) -> Option<io::Result<()>> {
    let (ended, end) = mpsc::channel();
    thread::spawn(move || {
        let locked = file.lock();
        // Before we say so: whoever is told may want it at once.
        drop(file);
        ended.send(locked)
    });
    end.recv_timeout(patience).ok()
}

/// `None` right after the start.
fn number(mut file: &File) -> io::Result<Option<Pid>> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(text.trim().parse().ok().and_then(Pid::from_raw))
}

#[cfg(test)]
mod tests {
    use tempfile::NamedTempFile;

    use super::*;

    #[test]
    fn what_is_released_can_be_had() {
        const ROUNDS: u32 = 1_000;
        const LONG: Duration = Duration::from_secs(60);
        let file = NamedTempFile::new().unwrap();
        for round in 0..ROUNDS {
            let had = file.reopen().unwrap();
            assert!(acquired(&had).unwrap(), "round {round}");
            let asked = file.reopen().unwrap();
            thread::scope(|scope| {
                scope.spawn(|| drop(had));
                released(asked, LONG).expect("in time").unwrap();
            });
        }
    }

    #[test]
    fn who_keeps_it_is_not_waited_for_without_end() {
        let file = NamedTempFile::new().unwrap();
        let had = file.reopen().unwrap();
        assert!(acquired(&had).unwrap());
        assert!(released(file.reopen().unwrap(), Duration::from_millis(1)).is_none());
    }
}
