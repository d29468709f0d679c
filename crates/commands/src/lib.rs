//! What a person or a script asks a server for from the command line: sessions, connections, streams, recordings,
//! broadcasts, tokens, a link to a call.
//!
//! ```text
//! run ──▶ session, connection, stream, recording, broadcast, token, call: one request each, or a few
//!  │        │ server: asks, and says what a refusal means      meant: what was probably meant
//!  │        ▼
//!  │      Told: the server's JSON, and the same for people (table, units)
//!  ▼
//! standard output, or a failure with its exit status
//! ```
//!
//! It asks by the REST API as any application does; nothing of the server is used. Which server that is when nobody names
//! one is the program's business.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use serde_json::Value;

use broadcast::BroadcastArguments;
use call::CallArguments;
use connection::ConnectionArguments;
pub use failure::{ExitStatus, Failure};
use recording::RecordingArguments;
use server::Server;
use session::SessionArguments;
use stream::StreamArguments;
use token::TokenArguments;

mod body;
mod broadcast;
mod call;
mod composition;
mod confirm;
mod connection;
mod display_name;
mod download;
mod failure;
mod meant;
mod recording;
mod server;
mod session;
mod stream;
mod table;
mod token;
mod units;
mod words;

/// What can be asked for.
#[derive(Subcommand, Clone, PartialEq, Debug)]
pub enum Command {
    /// Lists, shows, makes and closes sessions, and sends signals into them
    Session(SessionArguments),
    /// Lists, shows, makes, changes and closes connections of a session
    Connection(ConnectionArguments),
    /// Lists and ends published streams of a session
    Stream(StreamArguments),
    /// Lists, starts, stops, downloads and deletes recordings
    Recording(RecordingArguments),
    /// Lists, starts and stops broadcasts
    Broadcast(BroadcastArguments),
    /// Prints a token for a session, which is made if it is not there
    Token(TokenArguments),
    /// Prints a link to a call in the page at /
    Call(CallArguments),
}

/// Which server, and how it answers.
#[derive(Args, Clone, PartialEq, Eq, Debug, Default)]
#[command(next_help_heading = "Server")]
pub struct ServerArguments {
    /// Asks the server at URL; otherwise at OPENVIDU_URL, otherwise the one whose settings are here. Its secret is
    /// OPENVIDU_SECRET, or asked for
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
    /// Also trusts the authority in FILE (PEM or DER), such as /trust/madang.crt of the server
    #[arg(long, global = true, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Sends the secret even to a server whose certificate is not trusted
    #[arg(long, global = true)]
    insecure: bool,
    /// Prints what the server answers, one JSON document; errors likewise
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// Where a server is, and its secret.
pub struct Target {
    pub url: String,
    pub secret: String,
}

/// What is printed of a success.
struct Told {
    /// As the server answered.
    json: Value,
    /// For people; with its line breaks.
    text: String,
}

impl Told {
    /// Of an answer without content.
    fn done(text: String) -> Self {
        Self { json: Value::Object(serde_json::Map::new()), text }
    }
}

impl Command {
    fn server(&self) -> &ServerArguments {
        match self {
            Self::Session(arguments) => &arguments.server,
            Self::Connection(arguments) => &arguments.server,
            Self::Stream(arguments) => &arguments.server,
            Self::Recording(arguments) => &arguments.server,
            Self::Broadcast(arguments) => &arguments.server,
            Self::Token(arguments) => &arguments.server,
            Self::Call(arguments) => &arguments.server,
        }
    }
}

/// Carries a command out and prints what came of it. `find`: the server, given what `--url` says.
pub async fn run(command: &Command, find: impl FnOnce(Option<&str>) -> Result<Target, Failure>) -> ExitStatus {
    let arguments = command.server();
    let outcome = async {
        let target = find(arguments.url.as_deref())?;
        let mut server = Server::reach(&target, arguments).await?;
        carry_out(command, &mut server).await
    };
    match outcome.await {
        Ok(told) => {
            let text = if arguments.json { json(&told.json) } else { told.text };
            // A closed standard output is no failure.
            let _ = write!(std::io::stdout(), "{text}");
            ExitStatus::Done
        }
        Err(failure) => {
            failure.print(arguments.json);
            failure.status
        }
    }
}

async fn carry_out(command: &Command, server: &mut Server) -> Result<Told, Failure> {
    match command {
        Command::Session(arguments) => session::run(&arguments.command, server).await,
        Command::Connection(arguments) => connection::run(&arguments.command, server).await,
        Command::Stream(arguments) => stream::run(&arguments.command, server).await,
        Command::Recording(arguments) => recording::run(arguments, server).await,
        Command::Broadcast(arguments) => broadcast::run(&arguments.command, server).await,
        Command::Token(arguments) => token::run(arguments, server).await,
        Command::Call(arguments) => call::run(arguments, server).await,
    }
}

fn json(value: &Value) -> String {
    format!("{value:#}\n")
}

/// ms since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
