//! The server as this program runs it: started, started anew when that is asked for by REST, and ended in good order; and
//! the service manager, who is told how far it is.

use std::io::Write as _;

use server::{Program, Server};
use settings::{Config, ConfigError, report};

use crate::stop::Stop;
use crate::{CommandError, CommandResult};

/// Serves until it is asked to end.
pub(crate) async fn run() -> CommandResult {
    let mut stop = Stop::listen()?;
    let mut program = Program::of_process();
    let mut config = load(&program)?;
    let mut server = Server::start_in(program.clone(), config.clone()).await?;
    loop {
        // A closed standard output is no reason to stop.
        let _ = writeln!(std::io::stdout(), "{}", server.banner());
        tell_service_manager(Progress::Ready);
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
    tell_service_manager(Progress::Stopping);
    server.stop().await;
    Ok(())
}

/// How far the server is.
enum Progress {
    /// It takes requests.
    Ready,
    /// It is ending.
    Stopping,
}

/// Tells systemd, or whoever speaks its protocol (sd_notify(3)). Nobody listening is no failure.
fn tell_service_manager(progress: Progress) {
    #[cfg(unix)]
    {
        let state = match progress {
            Progress::Ready => sd_notify::NotifyState::Ready,
            Progress::Stopping => sd_notify::NotifyState::Stopping,
        };
        if let Err(error) = sd_notify::notify(&[state]) {
            tracing::warn!(%error, "the service manager cannot be told");
        }
    }
    #[cfg(not(unix))]
    let _ = progress;
}

fn load(program: &Program) -> Result<Config, ConfigError> {
    let sources = program.sources();
    let config = server::load_settings(&sources)?;
    for remark in report::remarks(&sources) {
        tracing::info!("{remark}");
    }
    Ok(config)
}

/// A restart by REST must not be the end: if the server does not start with the settings as they stand now, it starts with
/// those it had.
async fn start_again(program: &Program, former: Config) -> CommandResult<(Server, Config)> {
    let failed: CommandError = match load(program) {
        Ok(config) => match Server::start_in(program.clone(), config.clone()).await {
            Ok(server) => return Ok((server, config)),
            Err(error) => error.into(),
        },
        Err(error) => error.into(),
    };
    tracing::error!("the changed settings are not used: {failed}");
    Ok((Server::start_in(program.clone(), former.clone()).await?, former))
}
