//! The server as this program runs it: started, started anew when that is asked for by REST, and ended in good order, or with
//! a failure once a part of it has ended by itself.

use std::io::Write as _;

use server::{Program, Server};
use settings::{Config, ConfigError, report};

use crate::service_manager::{self, Progress};
use crate::stop::Stop;
use crate::{CommandError, CommandResult};

/// Serves until it is asked to end. `welcome`: what else is told once it is ready.
pub(crate) async fn run(mut program: Program, welcome: fn(&Server) -> String) -> CommandResult {
    let mut stop = Stop::listen()?;
    let mut config = load(&program)?;
    let mut server = Server::start_in(program.clone(), config.clone()).await?;
    loop {
        // A closed standard output is no reason to stop.
        let _ = writeln!(std::io::stdout(), "{}{}", server.banner(), welcome(&server));
        service_manager::tell(Progress::Ready);
        tokio::select! {
            () = stop.requested() => break,
            () = server.restart_requested() => {}
            part = server.failed() => return fail(server, &part).await,
            () = service_manager::keep_telling(&server) => {}
        }
        tracing::info!("restarting");
        server.stop().await;
        program = program.restarted();
        (server, config) = start_again(&program, config).await?;
    }
    tracing::info!("stopping");
    service_manager::tell(Progress::Stopping);
    server.stop().await;
    Ok(())
}

/// A server that is only half there is worse than none: whoever started this process starts it again.
async fn fail(server: Server, part: &str) -> CommandResult {
    tracing::error!("{part} has ended, which it must not; the server stops, to be started again");
    service_manager::tell(Progress::Stopping);
    server.stop().await;
    Err(format!("{part} ended by itself").into())
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
