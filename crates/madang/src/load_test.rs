//! A load test from the command line: which server, what is shown meanwhile, and how it is told in the end.

use std::io::{IsTerminal as _, Write as _};

use loadtest::{Credentials, Options, Progress, Protocol, Target};
use settings::Sources;
use tokio::sync::watch;

use crate::stop::Stop;
use crate::{CommandError, CommandResult, Findings, print, target};

/// Tests, and prints a report; that something is not as it must be is a failure.
pub(crate) async fn run(options: &Options, sources: &Sources) -> CommandResult {
    let target = target(options, sources)?;
    let (stop, stopped) = watch::channel(false);
    let mut requested = Stop::listen()?;
    tokio::spawn(async move {
        requested.requested().await;
        stop.send_replace(true);
        // The test looks at it until its end.
        stop.closed().await;
    });
    let is_watched = std::io::stdout().is_terminal() && !options.prints_json();
    let report = loadtest::run(options, &target, stopped, |progress| {
        if is_watched {
            show(progress);
        }
    })
    .await;
    if is_watched {
        // Over the last line of progress.
        print("\r\x1b[K")?;
    }
    let report = report?;
    print(&if options.prints_json() { report.to_json() + "\n" } else { report.to_string() })?;
    let shortcomings = report.shortcomings();
    if shortcomings.is_empty() { Ok(()) } else { Err(Findings(shortcomings.join("; ")).into()) }
}

/// One line, again and again.
fn show(progress: &Progress) {
    let mut out = std::io::stdout();
    let _ = write!(out, "\r\x1b[K{progress}");
    let _ = out.flush();
}

/// The one that was named, or the one of the settings here.
fn target(options: &Options, sources: &Sources) -> Result<Target, CommandError> {
    let Some(url) = &options.url else {
        if options.server != Protocol::Openvidu {
            return Err(
                format!("--server {} needs --url: the settings here are those of Madang", options.server).into()
            );
        }
        let commands::Target { url, secret } = target::here(sources)?;
        return Ok(Target { url, credentials: Credentials::Openvidu { secret } });
    };
    Ok(Target { url: url.clone(), credentials: Credentials::from_environment(options.server)? })
}
