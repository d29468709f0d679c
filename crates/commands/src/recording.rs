//! `madang recording …`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use http::Method;
use protocol::model::OutputMode;
use serde_json::Value;

use crate::body::Body;
use crate::composition::Composition;
use crate::confirm::Confirmation;
use crate::server::{NO_RECORDINGS, Server, segment};
use crate::table::{Table, shown};
use crate::units::{age, bytes, length, time};
use crate::words::words;
use crate::{ExitStatus, Failure, ServerArguments, Told, download, now};

/// See the module.
#[derive(Args, Clone, PartialEq, Debug)]
pub struct RecordingArguments {
    #[command(flatten)]
    pub(crate) server: ServerArguments,
    #[command(subcommand)]
    pub(crate) command: RecordingCommand,
}

#[derive(Subcommand, Clone, PartialEq, Debug)]
pub(crate) enum RecordingCommand {
    /// Lists the recordings, in progress or not, the latest first
    #[command(visible_alias = "ls")]
    List,
    /// Shows one recording
    Show {
        /// Its id
        recording: String,
    },
    /// Starts to record a session, and prints the recording's id once it runs
    Start(NewRecording),
    /// Stops a recording, and waits until it is processed (25 s at most)
    Stop {
        /// Its id
        recording: String,
    },
    /// Downloads a recording's file
    ///
    /// A file is there under its name once it is whole: until then it is a hidden one beside it.
    Download {
        /// Its id
        recording: String,
        /// Where to; a folder will do, and - is the standard output [default: the recording's name, in the working directory]
        file: Option<PathBuf>,
        /// Replaces a file that is there
        #[arg(long)]
        force: bool,
    },
    /// Deletes recordings with all their files
    Delete {
        /// Their ids
        #[arg(required = true)]
        recordings: Vec<String>,
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

#[derive(Args, Clone, PartialEq, Debug, Default)]
pub(crate) struct NewRecording {
    /// Id of the session
    session: String,
    /// Of its file, without extension
    #[arg(long)]
    name: Option<String>,
    /// One file with everybody in it, or one of each stream in a ZIP
    #[arg(long, value_name = "MODE", value_parser = words(OutputMode::WORDS), ignore_case = true)]
    output_mode: Option<String>,
    #[command(flatten)]
    composition: Composition,
    /// Begins also if a stream cannot be recorded (INDIVIDUAL)
    #[arg(long)]
    ignore_failed_streams: bool,
    /// What is said, as files of subtitles in this language
    #[arg(long, value_name = "LANGUAGE")]
    subtitles: Option<String>,
}

impl NewRecording {
    /// Nothing of what was not said: the session's own defaults hold.
    fn body(&self) -> Value {
        let body = Body::default()
            .with("session", Some(self.session.as_str()))
            .with("name", self.name.as_deref())
            .with("outputMode", self.output_mode.as_deref())
            .with("ignoreFailedStreams", self.ignore_failed_streams.then_some(true))
            .with("subtitles", self.subtitles.as_deref());
        self.composition.said_in(body).into()
    }
}

pub(crate) async fn run(arguments: &RecordingArguments, server: &mut Server) -> Result<Told, Failure> {
    match &arguments.command {
        RecordingCommand::List => {
            let recordings = server.list("/recordings").await?;
            let text = table(&recordings, now());
            Ok(Told { json: recordings, text })
        }
        RecordingCommand::Show { recording } => {
            let recording = find(recording, server).await?;
            Ok(Told { text: description(&recording, now()), json: recording })
        }
        RecordingCommand::Start(new) => {
            let reply = server.ask(Method::POST, "/recordings/start", Some(&new.body())).await?;
            if reply.is(404) {
                return Err(server.no_such_session(&new.session).await);
            }
            let recording = reply.or_refused(&[
                (406, "nobody is in the session: a recording starts once somebody is there"),
                (409, "the session is being recorded already, or is not meant to be (its media mode is RELAYED)"),
                (501, NO_RECORDINGS),
            ])?;
            let text = format!("{}\n", recording["id"].as_str().unwrap_or_default());
            Ok(Told { json: recording, text })
        }
        RecordingCommand::Stop { recording } => {
            let reply = server.ask(Method::POST, &format!("/recordings/stop/{}", segment(recording)), None).await?;
            if reply.is(404) {
                // It may be there, and over.
                find(recording, server).await?;
            }
            let recording = reply.or_refused(&[
                (404, "this recording is over already"),
                (406, "this recording is only starting: try again in a moment"),
                (501, NO_RECORDINGS),
            ])?;
            Ok(Told { text: description(&recording, now()), json: recording })
        }
        RecordingCommand::Download { recording, file, force } => {
            if arguments.server.json && file.as_deref() == Some(Path::new("-")) {
                let message = "--json and a file on the standard output would be one in the other";
                return Err(Failure::new(ExitStatus::Usage, message));
            }
            let recording = find(recording, server).await?;
            download::recording(&recording, file.as_deref(), *force, server).await
        }
        RecordingCommand::Delete { recordings, confirmation } => delete(recordings, confirmation, server).await,
    }
}

async fn find(id: &str, server: &mut Server) -> Result<Value, Failure> {
    let reply = server.get(&format!("/recordings/{}", segment(id))).await?;
    if reply.is(404) {
        return Err(server.no_such_recording(id).await);
    }
    reply.or_refused(&[(501, NO_RECORDINGS)])
}

async fn delete(recordings: &[String], confirmation: &Confirmation, server: &mut Server) -> Result<Told, Failure> {
    let mut text = String::new();
    for id in recordings {
        let recording = find(id, server).await?;
        let size = bytes(recording["size"].as_u64().unwrap_or(0));
        let seconds = recording["duration"].as_f64().unwrap_or(0.0);
        confirmation.ask(&format!("Delete recording '{}' ({}, {size})?", shown(id), length(seconds)))?;
        let reply = server.ask(Method::DELETE, &format!("/recordings/{}", segment(id)), None).await?;
        reply.or_refused(&[
            (404, "this recording is gone already"),
            (409, "this recording is in progress, or being processed: stop it first"),
        ])?;
        text.push_str(&format!("deleted {}\n", shown(id)));
    }
    Ok(Told::done(text))
}

/// Of the answer to a list.
fn table(recordings: &Value, now: u64) -> String {
    let mut table = Table::new(&["RECORDING", "SESSION", "STATUS", "AGE", "LENGTH", "SIZE", "MODE"]);
    for recording in recordings["items"].as_array().into_iter().flatten() {
        let text = |name: &str| recording[name].as_str().unwrap_or_default().to_owned();
        let known = |text: String, is_known: bool| if is_known { text } else { String::new() };
        let (seconds, size) = (recording["duration"].as_f64().unwrap_or(0.0), recording["size"].as_u64().unwrap_or(0));
        table.row([
            text("id"),
            text("sessionId"),
            text("status"),
            recording["createdAt"].as_u64().map(|since| age(since, now)).unwrap_or_default(),
            known(length(seconds), seconds > 0.0),
            known(bytes(size), size > 0),
            text("outputMode"),
        ]);
    }
    table.or("There is no recording.")
}

fn description(recording: &Value, now: u64) -> String {
    let text = |name: &str| recording[name].as_str().filter(|text| !text.is_empty()).unwrap_or("-");
    let created = recording["createdAt"].as_u64().unwrap_or_default();
    let mut lines = format!("{}\n", shown(text("id")));
    for (what, value) in [
        ("session", shown(text("sessionId"))),
        ("status", text("status").to_owned()),
        ("name", shown(text("name"))),
        ("made", format!("{} ago, {}", age(created, now), time(created))),
        ("mode", text("outputMode").to_owned()),
        ("length", length(recording["duration"].as_f64().unwrap_or(0.0))),
        ("size", bytes(recording["size"].as_u64().unwrap_or(0))),
        ("file", shown(text("url"))),
    ] {
        lines.push_str(&format!("  {what:<11}{value}\n"));
    }
    if let Some(lost) = recording.get("lost") {
        lines.push_str(&format!("  {:<11}{}\n", "lost", shown(&lost.to_string())));
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn recordings_have_lengths_and_sizes_once_they_are_processed() {
        let over = json!({
            "id": "garden", "sessionId": "garden", "name": "garden", "status": "ready", "createdAt": 0,
            "duration": 61.5, "size": 1_234_567, "outputMode": "COMPOSED", "url": "https://a/openvidu/recordings/x",
        });
        let runs = json!({
            "id": "garden~1", "sessionId": "garden", "name": "garden", "status": "started", "createdAt": 60_000,
            "duration": 0, "size": 0, "outputMode": "INDIVIDUAL", "url": null,
        });
        let recordings = json!({ "count": 2, "items": [over, runs] });
        assert_eq!(
            table(&recordings, 120_000),
            "RECORDING  SESSION  STATUS   AGE    LENGTH  SIZE    MODE\n\
             garden     garden   ready    2 min  1:02    1.2 MB  COMPOSED\n\
             garden~1   garden   started  1 min  -       -       INDIVIDUAL\n"
        );
        assert_eq!(table(&json!({ "items": [] }), 0), "There is no recording.\n");
        let text = description(&recordings["items"][0], 120_000);
        assert!(text.contains("  length     1:02\n  size       1.2 MB\n"), "{text}");
    }

    #[test]
    fn what_was_not_said_is_the_sessions_to_decide() {
        let new = NewRecording { session: "garden".to_owned(), ..NewRecording::default() };
        assert_eq!(new.body(), json!({ "session": "garden" }));
        let layout = Some("CUSTOM".to_owned());
        let composition = Composition { no_video: true, frame_rate: Some(30), layout, ..Composition::default() };
        let new = NewRecording { composition, ..new };
        let expected = json!({ "session": "garden", "recordingLayout": "CUSTOM", "frameRate": 30, "hasVideo": false });
        assert_eq!(new.body(), expected);
    }
}
