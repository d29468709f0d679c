//! A recording's file, onto the disk: whole under its name, or not at all.

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use client::Download;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::server::Server;
use crate::table::shown;
use crate::units::bytes;
use crate::{ExitStatus, Failure, Told};

/// Cells of the bar.
const BAR: u64 = 30;
/// Between two looks of the bar, in ms.
const REDRAWN: u128 = 100;

/// `to`: a file, a folder, `-`, or nothing. What is there is replaced only by `force`.
pub(crate) async fn recording(
    recording: &Value,
    to: Option<&Path>,
    force: bool,
    server: &mut Server,
) -> Result<Told, Failure> {
    let id = recording["id"].as_str().unwrap_or_default();
    // Where the server keeps it, by whatever name it is known outside.
    let Some((_, path)) = recording["url"].as_str().and_then(|url| url.split_once("/openvidu/recordings/")) else {
        let status = recording["status"].as_str().unwrap_or("not there");
        let message = format!("recording '{id}' has no file yet: it is {status}");
        return Err(Failure::new(ExitStatus::Refused, message));
    };
    let name = path.rsplit('/').next().unwrap_or(path);
    let target = target(to, name);
    if let Some(file) = target.as_deref().filter(|file| file.exists() && !force) {
        return Err(Failure::new(
            ExitStatus::Usage,
            format!("{} is there already; --force replaces it", file.display()),
        ));
    }
    let mut download = server.file(&format!("/openvidu/recordings/{path}")).await?;
    if !download.status.is_success() {
        let message = format!("the file of recording '{id}' is not there ({})", download.status);
        return Err(Failure::new(ExitStatus::NotFound, message));
    }
    let mut progress = Progress::new(download.length);
    let Some(file) = target else {
        receive(&mut download, &mut io::stdout().lock(), &mut progress).await?;
        return Ok(Told { json: Value::Null, text: String::new() });
    };
    let unwritable =
        |error: io::Error| Failure::new(ExitStatus::Failed, format!("cannot write {}: {error}", file.display()));
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // In the same folder: a file cannot be renamed from one file system to another.
    let mut builder = tempfile::Builder::new();
    builder.prefix(".unfinished-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut unfinished = builder.tempfile_in(folder).map_err(unwritable)?;
    let size = receive(&mut download, unfinished.as_file_mut(), &mut progress).await.map_err(|failure| {
        // What came of it goes with the file that is not finished.
        Failure::new(failure.status, format!("{}; {} was not written", failure.message, file.display()))
    })?;
    unfinished.as_file().sync_all().map_err(unwritable)?;
    unfinished.persist(&file).map_err(|error| unwritable(error.error))?;
    let told = file.display().to_string();
    Ok(Told { text: format!("{} ({})\n", shown(&told), bytes(size)), json: json!({ "file": told, "size": size }) })
}

/// `None`: the standard output.
fn target(to: Option<&Path>, name: &str) -> Option<PathBuf> {
    match to {
        Some(to) if to == Path::new("-") => None,
        Some(to) if to.is_dir() => Some(to.join(name)),
        Some(to) => Some(to.to_owned()),
        None => Some(PathBuf::from(name)),
    }
}

/// Bytes that came. Fewer than were announced are a failure.
async fn receive(download: &mut Download, to: &mut impl Write, progress: &mut Progress) -> Result<u64, Failure> {
    let announced = download.length;
    let mut size = 0;
    let outcome = loop {
        match download.next().await {
            Ok(Some(piece)) => {
                if let Err(error) = to.write_all(&piece) {
                    break Err(Failure::new(ExitStatus::Failed, format!("cannot write: {error}")));
                }
                size += piece.len() as u64;
                progress.at(size);
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error.into()),
        }
    };
    progress.end();
    outcome?;
    if announced.is_some_and(|announced| announced != size) {
        let message = format!("{} came, and not the {} that were announced", size, announced.unwrap_or(0));
        return Err(Failure::new(ExitStatus::Unreachable, message));
    }
    to.flush().map_err(|error| Failure::new(ExitStatus::Failed, format!("cannot write: {error}")))?;
    Ok(size)
}

/// One line on the terminal, again and again; nothing elsewhere.
struct Progress {
    whole: Option<u64>,
    drawn: Option<Instant>,
    is_watched: bool,
}

impl Progress {
    fn new(whole: Option<u64>) -> Self {
        Self { whole, drawn: None, is_watched: io::stderr().is_terminal() }
    }

    fn at(&mut self, size: u64) {
        let is_due = self.drawn.is_none_or(|drawn| drawn.elapsed().as_millis() >= REDRAWN);
        if self.is_watched && is_due {
            self.drawn = Some(Instant::now());
            let mut error = io::stderr();
            let _ = write!(error, "\r\x1b[K{}", bar(size, self.whole));
            let _ = error.flush();
        }
    }

    /// The line is free again.
    fn end(&self) {
        if self.drawn.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

fn bar(size: u64, whole: Option<u64>) -> String {
    let Some(whole) = whole.filter(|whole| *whole > 0) else { return bytes(size) };
    let size = size.min(whole);
    let share = |of: u64| u64::try_from(u128::from(size) * u128::from(of) / u128::from(whole)).unwrap_or(of);
    let cells: String = (0..BAR).map(|cell| if cell < share(BAR) { '#' } else { '.' }).collect();
    format!("[{cells}] {:>3} %  {} of {}", share(100), bytes(size), bytes(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_called_as_was_said_or_as_the_recording() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(target(None, "garden.mp4"), Some(PathBuf::from("garden.mp4")));
        assert_eq!(target(Some(Path::new("-")), "garden.mp4"), None);
        assert_eq!(target(Some(Path::new("mine.mp4")), "garden.mp4"), Some(PathBuf::from("mine.mp4")));
        assert_eq!(target(Some(folder.path()), "garden.mp4"), Some(folder.path().join("garden.mp4")));
    }

    #[test]
    fn the_bar_is_never_more_than_full() {
        assert_eq!(bar(0, Some(200)), format!("[{}]   0 %  0 B of 200 B", ".".repeat(30)));
        assert_eq!(bar(100, Some(200)), format!("[{}{}]  50 %  100 B of 200 B", "#".repeat(15), ".".repeat(15)));
        assert_eq!(bar(u64::MAX, Some(200)), format!("[{}] 100 %  200 B of 200 B", "#".repeat(30)));
        assert_eq!(bar(1500, None), "1.5 kB");
        assert_eq!(bar(5, Some(0)), "5 B");
    }
}
