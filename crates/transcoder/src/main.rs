//! The program `madang-transcoder`: composes the recording of a folder, or does live work on media. The server starts it.
//!
//!     madang-transcoder FOLDER     compose; each line on standard input says that the manifest has grown, its end that
//!                                  the server is gone
//!     madang-transcoder --job      do what the server says over the socket that is standard input, until that ends
//!     madang-transcoder --check    say what is missing to compose anything

use std::io::{BufRead, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use protocol::transcoder::{Entry, Report};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use transcoder::compose::{Composer, StepOutcome};
use transcoder::{CompositionError, Manifest, missing};

/// What the server, or a signal, says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Instruction {
    /// The manifest has grown.
    ReadManifest,
    /// Compose what can be composed, and leave the rest to the next one.
    Suspend,
    /// The same at once.
    Stop,
}

/// Without a word, while there is something to do.
const SILENCE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let argument = std::env::args().nth(1);
    if let Err(error) = gst::init() {
        eprintln!("GStreamer: {error}");
        return ExitCode::FAILURE;
    }
    match argument.as_deref() {
        Some("--check") => check(),
        Some("--job") => job(),
        Some(folder) => compose(Path::new(folder)),
        None => {
            eprintln!("madang-transcoder FOLDER");
            ExitCode::FAILURE
        }
    }
}

fn check() -> ExitCode {
    let missing = missing();
    missing.iter().for_each(|what| println!("{what}"));
    if missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn job() -> ExitCode {
    let failed = |why: &dyn std::fmt::Display| {
        eprintln!("{why}");
        ExitCode::FAILURE
    };
    // By its end the server ends us; a signal needs nothing to be put away.
    match std::io::stdin().as_fd().try_clone_to_owned() {
        Ok(socket) => transcoder::live::run(socket).map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS),
        Err(error) => failed(&error),
    }
}

fn compose(folder: &Path) -> ExitCode {
    // Instructions that nobody has looked at yet are one: the manifest is looked at for all of them.
    let (sender, instructions) = sync_channel(2);
    listen(&sender);
    let result = catch_signals(sender).and_then(|()| run(folder, &instructions));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Trying again makes no difference.
        Err(CompositionError::Manifest(why)) => {
            tell(&Report::Failed { why });
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(folder: &Path, instructions: &Receiver<Instruction>) -> Result<(), CompositionError> {
    let mut manifest = Manifest::open(folder)?;
    let mut entries = manifest.read()?.into_iter();
    let Some(Entry::Compose(composition)) = entries.next() else {
        return Err(CompositionError::Manifest("it does not say what is to be made".to_owned()));
    };
    let mut composer = Composer::open(folder, composition)?;
    tell(&Report::Running);
    entries.for_each(|entry| composer.push(entry));
    let mut is_last = false;
    let mut told = Instant::now();
    loop {
        match instructions.try_recv() {
            Ok(Instruction::Stop) => return suspend(composer),
            Ok(instruction) => {
                is_last |= instruction == Instruction::Suspend;
                manifest.read()?.into_iter().for_each(|entry| composer.push(entry));
            }
            Err(_) => {}
        }
        match composer.step()? {
            StepOutcome::Taken if told.elapsed() < SILENCE => {}
            // It may read, or be slow, for long: whoever listens shall know that it does not hang.
            StepOutcome::Taken => {
                tell(&Report::Working);
                told = Instant::now();
            }
            StepOutcome::Written(until) => {
                tell(&Report::Composed { until, lost: composer.lost() });
                told = Instant::now();
            }
            StepOutcome::Over => return finish(composer),
            StepOutcome::Waiting if is_last => return suspend(composer),
            StepOutcome::Waiting => match instructions.recv() {
                Ok(Instruction::Stop) | Err(_) => return suspend(composer),
                Ok(instruction) => {
                    is_last |= instruction == Instruction::Suspend;
                    manifest.read()?.into_iter().for_each(|entry| composer.push(entry));
                }
            },
        }
    }
}

fn suspend(composer: Composer) -> Result<(), CompositionError> {
    composer.suspend()?;
    tell(&Report::Suspended);
    Ok(())
}

fn finish(composer: Composer) -> Result<(), CompositionError> {
    let (measured, lost) = composer.finish()?;
    tell(&Report::Finished { measured, lost });
    Ok(())
}

/// A server that does not listen any more has ended its standard input, too.
fn tell(report: &Report) {
    if let Ok(line) = serde_json::to_string(report) {
        let mut output = std::io::stdout().lock();
        let _ = writeln!(output, "{line}").and_then(|()| output.flush());
    }
}

fn listen(instructions: &SyncSender<Instruction>) {
    let instructions = instructions.clone();
    thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            if line.is_err() {
                break;
            }
            // If it is full, there is an instruction to look at the manifest already.
            let _ = instructions.try_send(Instruction::ReadManifest);
        }
        let _ = instructions.send(Instruction::Suspend);
    });
}

fn catch_signals(instructions: SyncSender<Instruction>) -> Result<(), CompositionError> {
    let failed = |error| CompositionError::File("signals".to_owned(), error);
    let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(failed)?;
    thread::spawn(move || {
        for _ in signals.forever() {
            let _ = instructions.send(Instruction::Stop);
        }
    });
    Ok(())
}
