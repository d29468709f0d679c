//! `madang broadcast …`.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::json;

use crate::body::Body;
use crate::composition::Composition;
use crate::server::Server;
use crate::table::shown;
use crate::{ExitStatus, Failure, ServerArguments, Told, now, session};

/// See the module.
#[derive(Args, Clone, PartialEq, Debug)]
pub struct BroadcastArguments {
    #[command(flatten)]
    pub(crate) server: ServerArguments,
    #[command(subcommand)]
    pub(crate) command: BroadcastCommand,
}

#[derive(Subcommand, Clone, PartialEq, Debug)]
pub(crate) enum BroadcastCommand {
    /// Lists the sessions that are being broadcast
    #[command(visible_alias = "ls")]
    List,
    /// Sends a session to a service or a server, and returns once something comes there
    Start {
        /// Id of the session
        session: String,
        /// Where to: rtmp://, rtmps:// or srt://
        target: String,
        #[command(flatten)]
        composition: Composition,
    },
    /// Stops a session's broadcast
    Stop {
        /// Id of the session
        session: String,
    },
}

pub(crate) async fn run(command: &BroadcastCommand, server: &mut Server) -> Result<Told, Failure> {
    match command {
        BroadcastCommand::List => {
            let sessions = server.list("/sessions?pendingConnections=true").await?;
            let broadcast = sessions["content"].as_array().into_iter().flatten();
            let broadcast: Vec<_> = broadcast.filter(|session| session["broadcasting"] == true).collect();
            if broadcast.is_empty() {
                let none = json!({ "numberOfElements": 0, "content": [] });
                return Ok(Told { json: none, text: "No session is being broadcast.\n".to_owned() });
            }
            let list = json!({ "numberOfElements": broadcast.len(), "content": broadcast });
            Ok(Told { text: session::table(&list, now()), json: list })
        }
        BroadcastCommand::Start { session, target, composition } => {
            let body =
                Body::default().with("session", Some(session.as_str())).with("broadcastUrl", Some(target.as_str()));
            let body = composition.said_in(body).into();
            let reply = server.ask(Method::POST, "/broadcast/start", Some(&body)).await?;
            if reply.is(404) {
                return Err(server.no_such_session(session).await);
            }
            reply.or_refused(&[
                (406, "nobody is in the session: a broadcast starts once somebody is there"),
                (409, "the session is being broadcast already, or is not meant to be (its media mode is RELAYED)"),
            ])?;
            Ok(Told::done(format!("{} is on the air\n", shown(session))))
        }
        BroadcastCommand::Stop { session } => {
            let reply = server.ask(Method::POST, "/broadcast/stop", Some(&json!({ "session": session }))).await?;
            if reply.is(404) {
                return Err(server.no_such_session(session).await);
            }
            if reply.is(409) {
                return Err(Failure::new(ExitStatus::NotFound, format!("session '{session}' is not being broadcast")));
            }
            reply.or_refused(&[])?;
            Ok(Told::done(format!("{} is off the air\n", shown(session))))
        }
    }
}
