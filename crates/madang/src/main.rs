//! The program `madang`: reads its settings, starts the [`Server`], starts it anew when it is asked to restart, and stops it
//! on SIGINT or SIGTERM. What it does for an installation is in [`installation`].

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use server::config::{Config, ConfigError, Sources, report};
use server::{Program, Server, StartError, doctor};
use tracing_subscriber::EnvFilter;

use stop::Stop;

#[cfg(unix)]
mod installation;
mod service_manager;
mod stop;

/// The exit status that says: starting again will not help (`EX_CONFIG` of sysexits.h).
const INVALID_SETTINGS: u8 = 78;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")))
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        [] => serve().await,
        ["config", ..] => show_config(),
        ["doctor", ..] => examine(&arguments[1..], &Program::of_process().sources()).await,
        ["reference", ..] => print(&report::reference()),
        ["--help" | "-h" | "help", ..] => print(&report::help()),
        ["--version" | "-V" | "version", ..] => print(concat!("madang ", env!("CARGO_PKG_VERSION"), "\n")),
        #[cfg(unix)]
        ["install", ..] => installation::install::run(&arguments[1..]),
        #[cfg(unix)]
        ["openvidu", "doctor", ..] => match installation::Installation::here() {
            Ok(installation) => examine(&arguments[2..], &installation.sources()).await,
            Err(error) => Err(error),
        },
        #[cfg(unix)]
        ["openvidu", ..] => installation::openvidu::run(&arguments[1..]),
        // Not for people: what `openvidu start` leaves running.
        #[cfg(unix)]
        ["supervise"] => installation::supervisor::run().await,
        [other, ..] => Err(format!("'{other}' is not a command; see `madang --help`").into()),
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

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn is_of_settings(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<ConfigError>() || matches!(error.downcast_ref(), Some(StartError::Config(_)))
}

/// A closed standard output is no failure.
fn print(text: &str) -> Outcome {
    let _ = write!(std::io::stdout(), "{text}");
    Ok(())
}

/// Shows the settings in force and says whether the server would start with them.
fn show_config() -> Outcome {
    let sources = Program::of_process().sources();
    print(&report::in_force(&sources))?;
    for remark in report::remarks(&sources) {
        print(&format!("* {remark}\n"))?;
    }
    Config::load(&sources)?;
    Ok(())
}

/// Says what is wrong with a server; that something is, is a failure.
async fn examine(arguments: &[String], sources: &Sources) -> Outcome {
    let (report, healthy) = doctor::command::run(arguments, sources).await?;
    print(&report)?;
    if healthy { Ok(()) } else { Err("the server is not well".into()) }
}

async fn serve() -> Outcome {
    let mut stop = Stop::listen()?;
    let mut program = Program::of_process();
    let mut config = load(&program)?;
    let mut server = Server::start_in(program.clone(), config.clone()).await?;
    loop {
        // A closed standard output is no reason to stop.
        let _ = writeln!(std::io::stdout(), "{}", server.banner());
        service_manager::tell(service_manager::READY);
        tokio::select! {
            () = stop.requested() => break,
            () = server.restart_requested() => {}
        }
        tracing::info!("restarting");
        server.stop().await;
        program = program.restarted();
        (server, config) = start_again(&program, config).await?;
    }
    tracing::info!("stopping");
    service_manager::tell(service_manager::STOPPING);
    server.stop().await;
    Ok(())
}

fn load(program: &Program) -> Result<Config, ConfigError> {
    let sources = program.sources();
    let config = Config::load(&sources)?;
    for remark in report::remarks(&sources) {
        tracing::info!("{remark}");
    }
    Ok(config)
}

/// A restart by REST must not be the end: if the server does not start with the settings as they stand now, it starts with
/// those it had.
async fn start_again(program: &Program, former: Config) -> Result<(Server, Config), Box<dyn std::error::Error>> {
    let failed: Box<dyn std::error::Error> = match load(program) {
        Ok(config) => match Server::start_in(program.clone(), config.clone()).await {
            Ok(server) => return Ok((server, config)),
            Err(error) => error.into(),
        },
        Err(error) => error.into(),
    };
    tracing::error!("the changed settings are not used: {failed}");
    Ok((Server::start_in(program.clone(), former.clone()).await?, former))
}
