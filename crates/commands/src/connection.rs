//! `madang connection …`.

use clap::{Args, Subcommand};
use http::Method;
use protocol::model::Role;
use serde_json::{Value, json};

use crate::body::Body;
use crate::confirm::Confirmation;
use crate::display_name::display_name;
use crate::server::{Server, segment};
use crate::table::{Table, shown};
use crate::units::{age, time};
use crate::words::words;
use crate::{Failure, ServerArguments, Told, now, stream};

/// See the module.
#[derive(Args, Clone, PartialEq, Debug)]
pub struct ConnectionArguments {
    #[command(flatten)]
    pub(crate) server: ServerArguments,
    #[command(subcommand)]
    pub(crate) command: ConnectionCommand,
}

#[derive(Subcommand, Clone, PartialEq, Debug)]
pub(crate) enum ConnectionCommand {
    /// Lists the connections of a session: who is there, and who may come
    #[command(visible_alias = "ls")]
    List {
        /// Id of the session
        session: String,
    },
    /// Shows one connection and what it publishes
    Show {
        /// Id of the session
        session: String,
        /// Its id
        connection: String,
    },
    /// Makes a connection for one client, and prints its id and token; or lets a camera in
    Create {
        /// Id of the session
        session: String,
        #[command(flatten)]
        new: NewConnection,
        /// Pulls this camera instead: rtsp://, rtsps://, http://, https:// or file://
        #[arg(long, value_name = "URL", conflicts_with = "role")]
        camera: Option<String>,
    },
    /// Changes what a client may do, or what it gets
    Update {
        /// Id of the session
        session: String,
        /// Its id
        connection: String,
        #[command(flatten)]
        change: ConnectionChange,
    },
    /// Puts a client out, or takes its token back
    Close {
        /// Id of the session
        session: String,
        /// Its id
        connection: String,
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

/// For a client that joins by a token.
#[derive(Args, Clone, PartialEq, Debug, Default)]
pub(crate) struct NewConnection {
    /// What the client may do
    #[arg(long, value_parser = words(Role::WORDS), ignore_case = true)]
    role: Option<String>,
    /// What the application tells of it to the others, such as {"name":"Ann"}
    #[arg(long, value_name = "TEXT")]
    data: Option<String>,
    /// Leaves it out of recordings of single streams
    #[arg(long)]
    no_record: bool,
}

impl NewConnection {
    /// Nothing of what was not said.
    pub(crate) fn body(&self) -> Value {
        Body::default()
            .with("role", self.role.as_deref())
            .with("data", self.data.as_deref())
            .with("record", self.no_record.then_some(false))
            .into()
    }
}

#[derive(Args, Clone, PartialEq, Debug)]
#[group(required = true, multiple = true)]
pub(crate) struct ConnectionChange {
    /// What the client may do from now on
    #[arg(long, value_parser = words(Role::WORDS), ignore_case = true)]
    role: Option<String>,
    /// Whether recordings of single streams have it
    #[arg(long, value_name = "true|false")]
    record: Option<bool>,
    /// It gets the pictures of so many at a time, those who spoke last; 0: of all
    #[arg(long, value_name = "NUMBER")]
    last_n: Option<u8>,
    /// It gets the sound of so many, the loudest; 0: of all
    #[arg(long, value_name = "NUMBER")]
    loudest: Option<u8>,
    /// It gets this stream in any case; may be repeated, and replaces what was pinned before
    #[arg(long, value_name = "STREAM")]
    pin: Vec<String>,
}

impl ConnectionChange {
    fn body(&self) -> Value {
        Body::default()
            .with("role", self.role.as_deref())
            .with("record", self.record)
            .with("lastN", self.last_n)
            .with("loudest", self.loudest)
            .with("pinned", (!self.pin.is_empty()).then(|| self.pin.clone()))
            .into()
    }
}

pub(crate) async fn run(command: &ConnectionCommand, server: &mut Server) -> Result<Told, Failure> {
    match command {
        ConnectionCommand::List { session } => {
            let connections = server.connections(session).await?;
            let text = table(&connections["content"], now());
            Ok(Told { json: connections, text })
        }
        ConnectionCommand::Show { session, connection } => {
            let reply = server.get(&path(session, connection)).await?;
            // 400: the session is not there.
            if reply.is(404) || reply.is(400) {
                return Err(server.no_such_connection(session, connection).await);
            }
            let connection = reply.or_refused(&[])?;
            Ok(Told { text: description(&connection, now()), json: connection })
        }
        ConnectionCommand::Create { session, new, camera } => {
            let mut body = new.body();
            if let Some(camera) = camera {
                body["type"] = json!("IPCAM");
                body["rtspUri"] = json!(camera);
            }
            let connection = create(session, &body, server).await?;
            let id = connection["id"].as_str().unwrap_or_default();
            let text = match connection["token"].as_str() {
                Some(token) => format!("{id}\n{token}\n"),
                None => format!("{id}\n"),
            };
            Ok(Told { json: connection, text })
        }
        ConnectionCommand::Update { session, connection, change } => {
            let reply = server.ask(Method::PATCH, &path(session, connection), Some(&change.body())).await?;
            if reply.is(404) {
                // A stream that is to be pinned may be what is missing.
                let connections = server.connections(session).await?;
                let mut others = connections["content"].as_array().into_iter().flatten();
                let is_there = others.any(|other| other["id"] == connection.as_str());
                return Err(if is_there {
                    server.no_such_stream(session, &change.pin.join(", ")).await
                } else {
                    server.no_such_connection(session, connection).await
                });
            }
            let connection = reply.or_refused(&[])?;
            Ok(Told { text: description(&connection, now()), json: connection })
        }
        ConnectionCommand::Close { session, connection, confirmation } => {
            let reply = server.get(&path(session, connection)).await?;
            if reply.is(404) || reply.is(400) {
                return Err(server.no_such_connection(session, connection).await);
            }
            let there = reply.or_refused(&[])?;
            let who = display_name(&there).map(|name| format!(" of {}", shown(&name))).unwrap_or_default();
            confirmation.ask(&format!("Close connection '{}'{who}?", shown(connection)))?;
            let reply = server.ask(Method::DELETE, &path(session, connection), None).await?;
            // Its client may have left meanwhile, and with it the session.
            if !reply.is(404) && !reply.is(400) {
                reply.or_refused(&[])?;
            }
            Ok(Told::done(format!("closed {}\n", shown(connection))))
        }
    }
}

fn path(session: &str, connection: &str) -> String {
    format!("/sessions/{}/connection/{}", segment(session), segment(connection))
}

/// In a session that must be there.
pub(crate) async fn create(session: &str, body: &Value, server: &mut Server) -> Result<Value, Failure> {
    let reply = server.ask(Method::POST, &format!("/sessions/{}/connection", segment(session)), Some(body)).await?;
    if reply.is(404) {
        return Err(server.no_such_session(session).await);
    }
    reply.or_refused(&[])
}

/// Of an array.
pub(crate) fn table(connections: &Value, now: u64) -> String {
    let mut table = Table::new(&["CONNECTION", "STATUS", "NAME", "ROLE", "AGE", "ADDRESS", "CLIENT"]);
    for connection in connections.as_array().into_iter().flatten() {
        let text = |name: &str| connection[name].as_str().unwrap_or_default().to_owned();
        let since = connection["activeAt"].as_u64().or(connection["createdAt"].as_u64());
        table.row([
            text("id"),
            text("status"),
            display_name(connection).unwrap_or_default(),
            text("role"),
            since.map(|since| age(since, now)).unwrap_or_default(),
            text("ip"),
            text("platform"),
        ]);
    }
    table.or("Nobody is in the session, and there is no token for it.")
}

fn description(connection: &Value, now: u64) -> String {
    let text = |name: &str| connection[name].as_str().filter(|text| !text.is_empty()).unwrap_or("-");
    let since = |name: &str| {
        let ms = connection[name].as_u64();
        ms.map_or_else(|| "-".to_owned(), |ms| format!("{} ago, {}", age(ms, now), time(ms)))
    };
    let mut lines = format!("{}\n", shown(text("id")));
    for (what, value) in [
        ("session", shown(text("sessionId"))),
        ("status", text("status").to_owned()),
        ("name", display_name(connection).map_or_else(|| "-".to_owned(), |name| shown(&name))),
        ("role", text("role").to_owned()),
        ("made", since("createdAt")),
        ("joined", since("activeAt")),
        ("address", shown(text("ip"))),
        ("client", shown(text("platform"))),
        ("camera", shown(text("rtspUri"))),
        ("data", shown(text("serverData"))),
    ] {
        lines.push_str(&format!("  {what:<11}{value}\n"));
    }
    let received = connection["subscribers"].as_array().map_or(0, Vec::len);
    lines.push_str(&format!("  {:<11}{received} streams\n\n", "receives"));
    lines + &stream::table(&json!([connection]), now)
}
