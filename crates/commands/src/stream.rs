//! `madang stream …`.

use std::collections::HashMap;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::Value;

use crate::confirm::Confirmation;
use crate::display_name::display_name;
use crate::server::{Server, segment};
use crate::table::{Table, shown};
use crate::units::age;
use crate::{Failure, ServerArguments, Told, now};

/// See the module.
#[derive(Args, Clone, PartialEq, Debug)]
pub struct StreamArguments {
    #[command(flatten)]
    pub(crate) server: ServerArguments,
    #[command(subcommand)]
    pub(crate) command: StreamCommand,
}

#[derive(Subcommand, Clone, PartialEq, Debug)]
pub(crate) enum StreamCommand {
    /// Lists what is published in a session
    #[command(visible_alias = "ls")]
    List {
        /// Id of the session
        session: String,
    },
    /// Ends a published stream; its publisher stays
    Unpublish {
        /// Id of the session
        session: String,
        /// Its id
        stream: String,
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

pub(crate) async fn run(command: &StreamCommand, server: &mut Server) -> Result<Told, Failure> {
    match command {
        StreamCommand::List { session } => {
            let connections = &server.connections(session).await?["content"];
            let streams = connections.as_array().into_iter().flatten();
            let streams: Vec<_> =
                streams.filter_map(|connection| connection["publishers"].as_array()).flatten().collect();
            Ok(Told { json: serde_json::json!(streams), text: table(connections, now()) })
        }
        StreamCommand::Unpublish { session, stream, confirmation } => {
            confirmation.ask(&format!("End stream '{}'?", shown(stream)))?;
            let path = format!("/sessions/{}/stream/{}", segment(session), segment(stream));
            let reply = server.ask(Method::DELETE, &path, None).await?;
            // 400: the session is not there.
            if reply.is(404) || reply.is(400) {
                return Err(server.no_such_stream(session, stream).await);
            }
            reply.or_refused(&[(405, "it is a camera's, and ends with its connection: madang connection close")])?;
            Ok(Told::done(format!("ended {}\n", shown(stream))))
        }
    }
}

/// Of what these connections publish.
pub(crate) fn table(connections: &Value, now: u64) -> String {
    let connections = connections.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut subscribers: HashMap<&str, usize> = HashMap::new();
    for subscriber in connections.iter().filter_map(|connection| connection["subscribers"].as_array()).flatten() {
        *subscribers.entry(subscriber["streamId"].as_str().unwrap_or_default()).or_default() += 1;
    }
    // Of one connection alone it is not known who receives it.
    let alone = connections.len() == 1;
    let mut heading = vec!["STREAM", "NAME", "KIND", "AGE", "PICTURE", "SOUND"];
    heading.extend((!alone).then_some("SUBSCRIBERS"));
    let mut table = Table::new(&heading);
    for connection in connections {
        for stream in connection["publishers"].as_array().into_iter().flatten() {
            let id = stream["streamId"].as_str().unwrap_or_default();
            let media = &stream["mediaOptions"];
            let state = |has: &str, active: &str| match (media[has] == true, media[active] == true) {
                (false, _) => String::new(),
                (true, true) => "on".to_owned(),
                (true, false) => "off".to_owned(),
            };
            let picture = match state("hasVideo", "videoActive") {
                on if on == "on" => size(media).unwrap_or(on),
                other => other,
            };
            let received = subscribers.get(id).copied().unwrap_or(0).to_string();
            let cells = [
                id.to_owned(),
                display_name(connection).unwrap_or_default(),
                media["typeOfVideo"].as_str().unwrap_or("MICROPHONE").to_owned(),
                stream["createdAt"].as_u64().map(|since| age(since, now)).unwrap_or_default(),
                picture,
                state("hasAudio", "audioActive"),
            ];
            table.row(cells.into_iter().chain((!alone).then_some(received)));
        }
    }
    table.or("Nothing is published.")
}

/// `640x480, 30 fps`, as far as it is known. The size is JSON in a text.
fn size(media: &Value) -> Option<String> {
    let dimensions: Value = serde_json::from_str(media["videoDimensions"].as_str()?).ok()?;
    let size = format!("{}x{}", dimensions["width"].as_u64()?, dimensions["height"].as_u64()?);
    Some(media["frameRate"].as_u64().map_or_else(|| size.clone(), |rate| format!("{size}, {rate} fps")))
}
