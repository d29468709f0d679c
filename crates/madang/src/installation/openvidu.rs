//! What the script `openvidu` of an installation can do: the commands that operators know, with systemd or without.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::Command;

use ::settings::{COMPATIBLE_VERSION, report as settings};
use clap::CommandFactory as _;
use clap::error::ErrorKind;
use rustix::process::Pid;

use super::background::{self, Started};
use super::{Installation, log, systemd};
use crate::command_line::{ScriptCommand, ScriptLine};
use crate::{CommandResult, report};

/// Carries out one command.
pub(crate) async fn run(installation: &Installation, command: ScriptCommand) -> CommandResult {
    match command {
        ScriptCommand::Start => start(installation),
        ScriptCommand::Stop => stop(installation),
        ScriptCommand::Restart => restart(installation),
        ScriptCommand::Logs(arguments) | ScriptCommand::KmsLogs(arguments) => logs(installation, arguments.follow),
        ScriptCommand::Config => config(installation),
        ScriptCommand::Doctor(arguments) => crate::examine(arguments, &installation.sources()).await,
        ScriptCommand::Version => print(&version(installation)?),
        ScriptCommand::Report { ntp } => write_report(installation, &ntp).await,
        ScriptCommand::Upgrade { .. } => Err(upgrade(installation).into()),
    }
}

/// Shows how to use it, also if what was asked for is not known: as the original's script, which does not fail then.
pub(crate) fn explain(error: &clap::Error) -> CommandResult {
    if error.use_stderr() && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = writeln!(io::stderr(), "{error}");
        return print(&ScriptLine::command().render_help().to_string());
    }
    print(&error.to_string())
}

/// A closed standard output is no failure.
fn print(text: &str) -> CommandResult {
    let _ = write!(io::stdout(), "{text}");
    Ok(())
}

fn start(installation: &Installation) -> CommandResult {
    // Said here, where it is read, and before anything is begun.
    let config = server::load_settings(&installation.sources())?;
    if systemd::runs(installation) {
        order_systemd("start")?;
    } else if let Started::AlreadyRunning(pid) = background::start(installation)? {
        return print(&format!("OpenVidu is already running{}\n", process(pid)));
    }
    print(&format!(
        "OpenVidu is ready!\n\n  Server URL    {}/\n  Log           ./openvidu logs -f\n",
        config.public_url("localhost")
    ))?;
    if config.follow_openvidu_logs { logs(installation, true) } else { Ok(()) }
}

fn stop(installation: &Installation) -> CommandResult {
    if systemd::runs(installation) {
        order_systemd("stop")?;
    } else if !background::stop(installation)? {
        return print("OpenVidu is not running\n");
    }
    print("OpenVidu is stopped\n")
}

fn restart(installation: &Installation) -> CommandResult {
    // Wrong settings must not end a server that works.
    server::load_settings(&installation.sources())?;
    stop(installation)?;
    start(installation)
}

fn order_systemd(order: &str) -> CommandResult {
    /// Of the log, when it fails.
    const LAST_LINES: u32 = 30;
    if systemd::control(&[order, systemd::UNIT])?.success() {
        return Ok(());
    }
    let _ = systemd::journal(Some(LAST_LINES), false).status();
    Err(format!("systemd could not {order} {}; the end of its log is above", systemd::UNIT).into())
}

fn logs(installation: &Installation, follow: bool) -> CommandResult {
    if systemd::runs(installation) {
        systemd::journal(None, follow).status()?;
        return Ok(());
    }
    match log::show(&installation.log(), follow, &mut io::stdout().lock()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome?),
    }
}

fn config(installation: &Installation) -> CommandResult {
    let sources = installation.sources();
    print(&settings::in_force(&sources))?;
    for remark in settings::remarks(&sources) {
        print(&format!("* {remark}\n"))?;
    }
    server::load_settings(&sources)?;
    Ok(())
}

/// Versions and the state of the server, by line.
pub(super) fn version(installation: &Installation) -> Result<String, Box<dyn std::error::Error>> {
    let (how, state) = if systemd::runs(installation) {
        ("by systemd", systemd::state()?)
    } else {
        let state = match background::running(installation)? {
            Some(pid) => format!("running{}", process(pid)),
            None => "stopped".to_owned(),
        };
        ("in the background", state)
    };
    let (version, folder) = (env!("CARGO_PKG_VERSION"), installation.folder.display());
    Ok(format!(
        "Madang version:    {version}\nOpenVidu version:  {COMPATIBLE_VERSION} (compatible)\n\
         Installed in:      {folder}\nServer is run:     {how}\nServer is:         {state}\n"
    ))
}

async fn write_report(installation: &Installation, ntp: &str) -> CommandResult {
    if io::stdin().is_terminal() {
        print("Write a report with information on this machine, the settings (secrets masked) and the log? [y/N] ")?;
        io::stdout().flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            return print("No report was written\n");
        }
    }
    let report = installation.report(ntp).await?;
    let name = format!("openvidu-report-{}.txt", report.made_at().strftime("%d-%m-%Y-%H-%M"));
    let path = installation.folder.join(name);
    report::write(&path, &report.to_text())?;
    print(&report::written(&path))
}

fn upgrade(installation: &Installation) -> String {
    let folder = installation.folder.display();
    format!(
        "nothing is fetched from here. Get the new program and let it install itself over this one:\n\n  \
         <new program> install {folder}\n  {folder}/openvidu restart\n\n\
         .env, certificates, recordings and everything else stay as they are."
    )
}

fn process(pid: Option<Pid>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {})", pid.as_raw_nonzero()))
}

/// The end of the log, `bytes` at most.
pub(super) fn end_of_log(installation: &Installation, bytes: usize) -> io::Result<String> {
    /// Some lines more than fit.
    const LINES: u32 = 2000;
    if !systemd::runs(installation) {
        return log::tail(&installation.log(), bytes);
    }
    let mut journal: Command = systemd::journal(Some(LINES), false);
    let text = String::from_utf8_lossy(&journal.output()?.stdout).into_owned();
    let from = text.ceil_char_boundary(text.len().saturating_sub(bytes));
    Ok(text[from..].to_owned())
}
