//! The program `madang`: finds out what it is asked for ([`command_line`]) and says how that went. Without a command it runs
//! the server ([`serve`]); what it does for an installation is in [`installation`].
//!
//! It serves and examines nothing itself: that is the library `server`.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory as _, Parser as _};
use server::{Program, StartError};
use settings::{ConfigError, Sources, report};

#[cfg(unix)]
use command_line::ScriptLine;
use command_line::{Command, CommandLine, DoctorArguments};

mod command_line;
#[cfg(unix)]
mod installation;
mod load_test;
mod logging;
mod serve;
mod service_manager;
mod stop;

/// That of the C library keeps what many clients took at the same time once they are gone. This one gives it back within
/// seconds, by threads of its own: nobody who could is awake by then.
#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The exit status that says: starting again will not help (`EX_CONFIG` of sysexits.h).
const INVALID_SETTINGS: u8 = 78;

/// For what still runs once everything is done: a disk that stands still must not keep the process.
const LAST_WORK: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "madang: cannot start threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(run());
    runtime.shutdown_timeout(LAST_WORK);
    code
}

async fn run() -> ExitCode {
    logging::start();
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(error) => return explain(&error),
    };
    let outcome = match line.command {
        None => serve::run().await,
        Some(Command::Config) => show_config(),
        Some(Command::Doctor(arguments)) => examine(arguments, &Program::of_process().sources()).await,
        Some(Command::LoadTest(options)) => load_test::run(&options, &Program::of_process().sources()).await,
        Some(Command::Capacity(options)) => calculate(&options),
        Some(Command::Reference) => print(&report::reference()),
        Some(Command::Version) => print(&CommandLine::command().render_version()),
        #[cfg(unix)]
        Some(Command::Install(arguments)) => installation::install::run(&arguments),
        #[cfg(unix)]
        Some(Command::Openvidu { words }) => obey(words).await,
        #[cfg(unix)]
        Some(Command::Supervise) => installation::supervisor::run().await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Also for people who silenced the log.
            let _ = writeln!(std::io::stderr(), "madang: {error}");
            if is_of_settings(&*error) { ExitCode::from(INVALID_SETTINGS) } else { ExitCode::FAILURE }
        }
    }
}

/// What whoever called is told, after the program's name.
type CommandError = Box<dyn std::error::Error>;
type CommandResult<T = ()> = Result<T, CommandError>;

fn is_of_settings(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<ConfigError>() || matches!(error.downcast_ref(), Some(StartError::Config(_)))
}

/// Help and versions are what was asked for; anything else is a mistake.
fn explain(error: &clap::Error) -> ExitCode {
    // Closed outputs are no failures.
    if error.use_stderr() {
        let text = error.to_string();
        let _ = write!(std::io::stderr(), "madang: {}", text.strip_prefix("error: ").unwrap_or(&text));
        ExitCode::FAILURE
    } else {
        let _ = write!(std::io::stdout(), "{error}");
        ExitCode::SUCCESS
    }
}

/// Carries out what the script of the installation here was asked for.
#[cfg(unix)]
async fn obey(words: Vec<std::ffi::OsString>) -> CommandResult {
    let installation = installation::Installation::here()?;
    match ScriptLine::read(words) {
        Ok(command) => installation::openvidu::run(&installation, command).await,
        Err(error) => installation::openvidu::explain(&error),
    }
}

/// A closed standard output is no failure.
fn print(text: &str) -> CommandResult {
    let _ = write!(std::io::stdout(), "{text}");
    Ok(())
}

/// Shows the settings in force and says whether the server would start with them.
fn show_config() -> CommandResult {
    let sources = Program::of_process().sources();
    print(&report::in_force(&sources))?;
    for remark in report::remarks(&sources) {
        print(&format!("* {remark}\n"))?;
    }
    server::load_settings(&sources)?;
    Ok(())
}

/// Tells what sessions need and how many fit, by a model.
fn calculate(options: &capacity::Options) -> CommandResult {
    let (call, machine) = (options.call()?, options.machine()?);
    let report = capacity::Report::new(call, machine, options.rooms, &capacity::costs::FITTED);
    print(&if options.json { report.to_json() + "\n" } else { report.to_string() })
}

/// Says what is wrong with a server; that something is, is a failure.
async fn examine(arguments: DoctorArguments, sources: &Sources) -> CommandResult {
    let (report, healthy) = doctor::command::run(&arguments.options(), || server::load_settings(sources)).await?;
    print(&report)?;
    if healthy { Ok(()) } else { Err("the server is not well".into()) }
}
