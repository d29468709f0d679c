//! The program `madang`: finds out what it is asked for ([`command_line`]) and says how that went. Without a command it runs
//! the server ([`serve`]); what it does for an installation is in [`installation`].
//!
//! It serves, examines and asks nothing itself: those are the libraries `server`, `doctor` and `commands`.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory as _, Parser as _};
use commands::{ExitStatus, Failure};
use loadtest::LoadTestError;
use serde_json::json;
use server::{Program, StartError};
use settings::{ConfigError, Sources};

#[cfg(unix)]
use command_line::ScriptLine;
use command_line::{Command, CommandLine, DoctorArguments};

mod command_line;
mod dev;
#[cfg(test)]
mod guide;
#[cfg(unix)]
mod installation;
mod load_test;
mod logging;
#[cfg(unix)]
mod report;
mod serve;
mod service_manager;
mod stop;
mod target;

/// That of the C library keeps what many clients took at the same time once they are gone. This one gives it back within
/// seconds, by threads of its own: nobody who could is awake by then.
#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What systemd is told: starting again will not help.
const INVALID_SETTINGS: u8 = ExitStatus::Settings.code();

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
    let wants_json = std::env::args_os().any(|argument| argument == "--json");
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(error) => return explain(&error, wants_json),
    };
    let prints_json = line.command.as_ref().is_some_and(Command::prints_json);
    let outcome = match line.command {
        None | Some(Command::Serve) => serve::run(Program::of_process(), |_| String::new()).await,
        Some(Command::Dev) => dev::run().await,
        Some(Command::Ask(command)) => {
            let find = |url: Option<&str>| target::find(url, &Program::of_process().sources());
            return ExitCode::from(commands::run(&command, find).await.code());
        }
        Some(Command::Config(arguments)) => show_config(arguments.json),
        Some(Command::Doctor(arguments)) => examine(arguments, &Program::of_process().sources()).await,
        Some(Command::LoadTest(options)) => load_test::run(&options, &Program::of_process().sources()).await,
        Some(Command::Capacity(options)) => calculate(&options),
        Some(Command::Reference) => print(&settings::report::reference()),
        Some(Command::Completions { shell }) => complete(shell),
        #[cfg(unix)]
        Some(Command::Report(arguments)) => tell(&arguments).await,
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
            let failure = Failure::new(status(&*error), error.to_string());
            // What was found has been told. Standard error is also for people who silenced the log.
            failure.print(prints_json && !error.is::<Findings>());
            ExitCode::from(failure.status.code())
        }
    }
}

/// What whoever called is told, after the program's name.
type CommandError = Box<dyn std::error::Error>;
type CommandResult<T = ()> = Result<T, CommandError>;

/// Of what was examined: it is told on the standard output, and not as it must be.
#[derive(Debug)]
pub(crate) struct Findings(pub(crate) String);

impl std::fmt::Display for Findings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Findings {}

/// What scripts are told.
fn status(error: &(dyn std::error::Error + 'static)) -> ExitStatus {
    if error.is::<ConfigError>() || matches!(error.downcast_ref(), Some(StartError::Config(_))) {
        return ExitStatus::Settings;
    }
    match error.downcast_ref::<LoadTestError>() {
        Some(LoadTestError::Server(error)) => error.into(),
        Some(LoadTestError::WrongSecret { .. }) => ExitStatus::Refused,
        Some(LoadTestError::Options(_)) => ExitStatus::Usage,
        _ => ExitStatus::Failed,
    }
}

/// Help and versions are what was asked for; anything else is a mistake.
fn explain(error: &clap::Error, wants_json: bool) -> ExitCode {
    // Closed outputs are no failures.
    if error.use_stderr() {
        let text = error.to_string();
        let failure = Failure::new(ExitStatus::Usage, text.strip_prefix("error: ").unwrap_or(&text).trim_end());
        failure.print(wants_json);
        ExitCode::from(failure.status.code())
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
fn show_config(as_json: bool) -> CommandResult {
    let sources = Program::of_process().sources();
    let (remarks, loaded) = (settings::report::remarks(&sources), server::load_settings(&sources));
    if as_json {
        loaded?;
        let document = json!({ "settings": settings::report::list(&sources), "remarks": remarks });
        return print(&format!("{document:#}\n"));
    }
    print(&settings::report::in_force(&sources))?;
    for remark in remarks {
        print(&format!("* {remark}\n"))?;
    }
    loaded?;
    Ok(())
}

/// What a shell reads to complete this command line.
fn complete(shell: clap_complete::Shell) -> CommandResult {
    let mut script = vec![];
    clap_complete::generate(shell, &mut CommandLine::command(), "madang", &mut script);
    print(&String::from_utf8(script)?)
}

/// Tells what sessions need and how many fit, by a model.
fn calculate(options: &capacity::Options) -> CommandResult {
    let (call, machine) = (options.call()?, options.machine()?);
    let report = capacity::Report::new(call, machine, options.rooms, &capacity::costs::FITTED);
    print(&if options.json { report.to_json() + "\n" } else { report.to_string() })
}

/// `madang report`: of the installation in the working directory, or of whatever settings are here.
#[cfg(unix)]
async fn tell(arguments: &command_line::ReportArguments) -> CommandResult {
    let report = match installation::Installation::here() {
        Ok(installation) => installation.report(&arguments.ntp).await?,
        Err(_) => {
            let folder = Program::folder_of_process();
            let mut report = report::Report::new(&folder, Program::of_process().sources(), &arguments.ntp).await;
            report.version = format!(
                "Madang version:    {}\nOpenVidu version:  {} (compatible)\n",
                env!("CARGO_PKG_VERSION"),
                settings::COMPATIBLE_VERSION,
            );
            report.log = "It is where the standard error of the server goes: nothing is installed here.\n".to_owned();
            report
        }
    };
    let text = if arguments.json { format!("{:#}\n", report.to_json()) } else { report.to_text() };
    match &arguments.output {
        None => print(&text),
        Some(file) => {
            report::write(file, &text)?;
            print(&if arguments.json { format!("{:#}\n", json!({ "file": file })) } else { report::written(file) })
        }
    }
}

/// Says what is wrong with a server; that something is, is a failure.
async fn examine(arguments: DoctorArguments, sources: &Sources) -> CommandResult {
    let (report, healthy) = doctor::command::run(&arguments.options(), || server::load_settings(sources)).await?;
    print(&report)?;
    if healthy { Ok(()) } else { Err(Findings("the server is not well".to_owned()).into()) }
}
