//! `madang broadcast …`.

use clap::{Args, Subcommand};
use http::Method;
use protocol::model::RecordingLayout;
use serde_json::{Value, json};

use crate::server::Server;
use crate::table::shown;
use crate::words::words;
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
        /// How people are arranged
        #[arg(long, value_parser = words(RecordingLayout::WORDS), ignore_case = true)]
        layout: Option<String>,
        /// With the layout CUSTOM: folder or address of the page
        #[arg(long, value_name = "PAGE")]
        custom_layout: Option<String>,
        /// Of the picture, such as 1280x720
        #[arg(long, value_name = "WIDTHxHEIGHT")]
        resolution: Option<String>,
        /// Pictures in a second, 1 to 120
        #[arg(long, value_name = "NUMBER")]
        frame_rate: Option<u32>,
        /// Sends no sound
        #[arg(long)]
        no_audio: bool,
        /// Sends no pictures
        #[arg(long)]
        no_video: bool,
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
        BroadcastCommand::Start {
            session,
            target,
            layout,
            custom_layout,
            resolution,
            frame_rate,
            no_audio,
            no_video,
        } => {
            let mut body = json!({ "session": session, "broadcastUrl": target });
            for (name, text) in
                [("recordingLayout", layout), ("customLayout", custom_layout), ("resolution", resolution)]
            {
                if let Some(text) = text {
                    body[name] = Value::from(text.as_str());
                }
            }
            if let Some(rate) = frame_rate {
                body["frameRate"] = Value::from(*rate);
            }
            body["hasAudio"] = Value::from(!no_audio);
            body["hasVideo"] = Value::from(!no_video);
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
