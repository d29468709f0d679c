//! The program `madang`: reads its settings, starts the [`Server`], starts it anew when it is asked to restart, and stops it
//! on SIGINT or SIGTERM.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use server::config::{Config, report};
use server::{Program, Server};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")))
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let outcome = match std::env::args().nth(1).as_deref() {
        None => serve().await,
        Some("config") => show_config(),
        Some("reference") => print(&report::reference()),
        Some("--help" | "-h" | "help") => print(&report::help()),
        Some("--version" | "-V" | "version") => print(concat!("madang ", env!("CARGO_PKG_VERSION"), "\n")),
        Some(other) => Err(format!("'{other}' is not a command; see `madang --help`").into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Also for people who silenced the log.
            let _ = writeln!(std::io::stderr(), "madang: {error}");
            ExitCode::FAILURE
        }
    }
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

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

async fn serve() -> Outcome {
    let mut stop = Stop::listen()?;
    let mut program = Program::of_process();
    let mut config = load(&program)?;
    let mut server = Server::start_in(program.clone(), config.clone()).await?;
    loop {
        // A closed standard output is no reason to stop.
        let _ = writeln!(std::io::stdout(), "{}", server.banner());
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
    server.stop().await;
    Ok(())
}

fn load(program: &Program) -> Result<Config, server::ConfigError> {
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

/// The signals that end the program in good order.
struct Stop {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?,
        })
    }

    async fn requested(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}
