//! `madang session …`.

use clap::{Args, Subcommand};
use http::Method;
use protocol::model::{ForcedVideoCodec, MediaMode, RecordingMode};
use serde_json::{Value, json};

use crate::body::Body;
use crate::confirm::Confirmation;
use crate::server::{Server, segment};
use crate::table::{Table, shown};
use crate::units::{age, time};
use crate::words::words;
use crate::{Failure, ServerArguments, Told, connection, now, stream};

/// See the module.
#[derive(Args, Clone, PartialEq, Debug)]
pub struct SessionArguments {
    #[command(flatten)]
    pub(crate) server: ServerArguments,
    #[command(subcommand)]
    pub(crate) command: SessionCommand,
}

#[derive(Subcommand, Clone, PartialEq, Debug)]
pub(crate) enum SessionCommand {
    /// Lists the sessions there are
    #[command(visible_alias = "ls")]
    List,
    /// Shows one session, its connections and what they publish
    Show {
        /// Its id
        session: String,
    },
    /// Makes a session and prints its id
    Create(NewSession),
    /// Closes sessions: everybody in them is put out
    Close {
        /// Their ids
        #[arg(required = true)]
        sessions: Vec<String>,
        #[command(flatten)]
        confirmation: Confirmation,
    },
    /// Sends a signal to everybody in a session, or to some
    Signal {
        /// Its id
        session: String,
        /// What is sent
        #[arg(default_value = "")]
        data: String,
        /// What kind of signal, for those who listen to that kind only
        #[arg(long = "type", value_name = "TYPE", default_value = "")]
        kind: String,
        /// Only to this connection; may be repeated
        #[arg(long, value_name = "CONNECTION")]
        to: Vec<String>,
    },
}

#[derive(Args, Clone, PartialEq, Debug)]
pub(crate) struct NewSession {
    /// Its id; otherwise the server makes one up
    session: Option<String>,
    /// When it is recorded
    #[arg(long, value_name = "MODE", value_parser = words(RecordingMode::WORDS), ignore_case = true)]
    recording_mode: Option<String>,
    /// RELAYED sessions are never recorded
    #[arg(long, value_name = "MODE", value_parser = words(MediaMode::WORDS), ignore_case = true)]
    media_mode: Option<String>,
    /// The one codec of its pictures
    #[arg(long, value_name = "CODEC", value_parser = words(ForcedVideoCodec::WORDS), ignore_case = true)]
    codec: Option<String>,
    /// Lets clients in that cannot take that codec
    #[arg(long)]
    allow_transcoding: bool,
    /// Each client gets the pictures of so many at a time, those who spoke last; 0: of all
    #[arg(long, value_name = "NUMBER")]
    last_n: Option<u8>,
    /// Each client gets the sound of so many, the loudest; 0: of all
    #[arg(long, value_name = "NUMBER")]
    loudest: Option<u8>,
}

impl NewSession {
    /// Nothing of what was not said: the server's own defaults hold.
    fn body(&self) -> Value {
        Body::default()
            .with("customSessionId", self.session.as_deref())
            .with("recordingMode", self.recording_mode.as_deref())
            .with("mediaMode", self.media_mode.as_deref())
            .with("forcedVideoCodec", self.codec.as_deref())
            .with("allowTranscoding", self.allow_transcoding.then_some(true))
            .with("lastN", self.last_n)
            .with("loudest", self.loudest)
            .into()
    }
}

pub(crate) async fn run(command: &SessionCommand, server: &mut Server) -> Result<Told, Failure> {
    match command {
        SessionCommand::List => {
            let sessions = server.list("/sessions?pendingConnections=true").await?;
            let text = table(&sessions, now());
            Ok(Told { json: sessions, text })
        }
        SessionCommand::Show { session } => {
            let path = format!("/sessions/{}?pendingConnections=true", segment(session));
            let reply = server.get(&path).await?;
            if reply.is(404) {
                return Err(server.no_such_session(session).await);
            }
            let session = reply.or_refused(&[])?;
            Ok(Told { text: description(&session, now()), json: session })
        }
        SessionCommand::Create(new) => {
            let session = server.ask(Method::POST, "/sessions", Some(&new.body())).await?;
            let session = session.or_refused(&[(409, "there is a session with this id already")])?;
            let text = format!("{}\n", session["id"].as_str().unwrap_or_default());
            Ok(Told { json: session, text })
        }
        SessionCommand::Close { sessions, confirmation } => close(sessions, confirmation, server).await,
        SessionCommand::Signal { session, data, kind, to } => {
            let body = json!({ "session": session, "to": to, "type": kind, "data": data });
            let reply = server.ask(Method::POST, "/signal", Some(&body)).await?;
            if reply.is(404) {
                return Err(server.no_such_session(session).await);
            }
            reply.or_refused(&[(406, "nobody is in the session")])?;
            Ok(Told::done(String::new()))
        }
    }
}

async fn close(sessions: &[String], confirmation: &Confirmation, server: &mut Server) -> Result<Told, Failure> {
    let mut text = String::new();
    for session in sessions {
        let reply = server.get(&format!("/sessions/{}", segment(session))).await?;
        if reply.is(404) {
            return Err(server.no_such_session(session).await);
        }
        let people = reply.or_refused(&[])?["connections"]["numberOfElements"].as_u64().unwrap_or(0);
        let there = match people {
            0 => "nobody is there".to_owned(),
            1 => "one participant is put out".to_owned(),
            people => format!("{people} participants are put out"),
        };
        confirmation.ask(&format!("Close session '{}' ({there})?", shown(session)))?;
        let reply = server.ask(Method::DELETE, &format!("/sessions/{}", segment(session)), None).await?;
        // Its last participant may have left meanwhile.
        if !reply.is(404) {
            reply.or_refused(&[])?;
        }
        text.push_str(&format!("closed {}\n", shown(session)));
    }
    Ok(Told::done(text))
}

/// Of the answer to a list.
pub(crate) fn table(sessions: &Value, now: u64) -> String {
    let mut table = Table::new(&["SESSION", "AGE", "PARTICIPANTS", "STREAMS", "RECORDING", "BROADCAST"]);
    for session in sessions["content"].as_array().into_iter().flatten() {
        let connections = session["connections"]["content"].as_array().map(Vec::as_slice).unwrap_or_default();
        let there = connections.iter().filter(|connection| connection["status"] == "active").count();
        let streams = connections.iter().filter_map(|connection| connection["publishers"].as_array()).flatten().count();
        let yes = |name: &str| if session[name] == true { "yes".to_owned() } else { String::new() };
        table.row([
            session["id"].as_str().unwrap_or_default().to_owned(),
            session["createdAt"].as_u64().map(|since| age(since, now)).unwrap_or_default(),
            there.to_string(),
            streams.to_string(),
            yes("recording"),
            yes("broadcasting"),
        ]);
    }
    table.or("There is no session.")
}

fn description(session: &Value, now: u64) -> String {
    let word = |name: &str| session[name].as_str().unwrap_or_default();
    let yes = |name: &str| if session[name] == true { "yes" } else { "no" };
    let created = session["createdAt"].as_u64().unwrap_or_default();
    let mut text = format!("{}\n", shown(word("id")));
    for (what, value) in [
        ("made", format!("{} ago, {}", age(created, now), time(created))),
        ("recording", format!("{} ({})", yes("recording"), word("recordingMode"))),
        ("broadcast", yes("broadcasting").to_owned()),
        ("media", word("mediaMode").to_owned()),
        ("codec", format!("{}, transcoding {}", word("forcedVideoCodec"), yes("allowTranscoding"))),
    ] {
        text.push_str(&format!("  {what:<11}{value}\n"));
    }
    let connections = &session["connections"]["content"];
    format!("{text}\n{}\n{}", connection::table(connections, now), stream::table(connections, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a server answers.
    fn session() -> Value {
        let stream = json!({
            "createdAt": 60_000, "streamId": "str_CAM_Ab1c_con_1",
            "mediaOptions": { "hasAudio": true, "audioActive": false, "hasVideo": true, "videoActive": true,
                "typeOfVideo": "CAMERA", "frameRate": 30, "videoDimensions": "{\"width\":640,\"height\":480}", "filter": {} },
        });
        let ann = json!({
            "id": "con_1", "status": "active", "createdAt": 30_000, "activeAt": 50_000, "type": "WEBRTC",
            "role": "PUBLISHER", "serverData": "", "clientData": "{\"clientData\":\"마당\"}", "ip": "192.0.2.7",
            "platform": "Chrome 120.0 on Linux 64-bit", "publishers": [stream], "subscribers": [],
        });
        let bob = json!({
            "id": "con_2", "status": "active", "createdAt": 70_000, "activeAt": 80_000, "type": "WEBRTC",
            "role": "SUBSCRIBER", "serverData": "Bob", "clientData": "", "ip": "192.0.2.8", "platform": "\u{1b}[2J",
            "publishers": [], "subscribers": [{ "createdAt": 81_000, "streamId": "str_CAM_Ab1c_con_1" }],
        });
        let pending = json!({
            "id": "con_3", "status": "pending", "createdAt": 90_000, "activeAt": null, "type": "WEBRTC",
            "role": "MODERATOR", "serverData": "", "clientData": null, "ip": null, "platform": null,
            "publishers": null, "subscribers": null,
        });
        json!({
            "id": "garden", "createdAt": 0, "recording": true, "broadcasting": false, "recordingMode": "MANUAL",
            "mediaMode": "ROUTED", "forcedVideoCodec": "VP8", "allowTranscoding": false,
            "connections": { "numberOfElements": 3, "content": [ann, bob, pending] },
        })
    }

    #[test]
    fn a_list_says_who_is_there_and_what_goes_on() {
        let sessions = json!({ "numberOfElements": 1, "content": [session()] });
        assert_eq!(
            table(&sessions, 120_000),
            "SESSION  AGE    PARTICIPANTS  STREAMS  RECORDING  BROADCAST\n\
             garden   2 min  2             1        yes        -\n"
        );
        assert_eq!(table(&json!({ "content": [] }), 0), "There is no session.\n");
    }

    #[test]
    fn a_session_is_described_with_its_connections_and_streams() {
        let text = description(&session(), 120_000);
        for line in [
            "garden\n",
            "  recording  yes (MANUAL)\n",
            "CONNECTION  STATUS   NAME  ROLE        AGE    ADDRESS    CLIENT\n",
            "con_1       active   마당  PUBLISHER   1 min  192.0.2.7  Chrome 120.0 on Linux 64-bit\n",
            "con_2       active   Bob   SUBSCRIBER  40 s   192.0.2.8  \u{fffd}[2J\n",
            "con_3       pending  -     MODERATOR   30 s   -          -\n",
            "STREAM              NAME  KIND    AGE    PICTURE          SOUND  SUBSCRIBERS\n",
            "str_CAM_Ab1c_con_1  마당  CAMERA  1 min  640x480, 30 fps  off    1\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn what_was_not_said_is_the_servers_to_decide() {
        let nothing = NewSession {
            session: None,
            recording_mode: None,
            media_mode: None,
            codec: None,
            allow_transcoding: false,
            last_n: None,
            loudest: None,
        };
        assert_eq!(nothing.body(), json!({}));
        let all = NewSession {
            session: Some("garden".to_owned()),
            recording_mode: Some("ALWAYS".to_owned()),
            allow_transcoding: true,
            last_n: Some(9),
            ..nothing
        };
        let expected =
            json!({ "customSessionId": "garden", "recordingMode": "ALWAYS", "allowTranscoding": true, "lastN": 9 });
        assert_eq!(all.body(), expected);
    }
}
