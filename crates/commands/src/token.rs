//! `madang token`: what lets one client into a session, and nothing else on the standard output.

use clap::Args;
use http::Method;
use serde_json::json;

use crate::connection::{self, NewConnection};
use crate::server::Server;
use crate::{ExitStatus, Failure, ServerArguments, Told};

/// See the module.
#[derive(Args, Clone, PartialEq, Debug)]
pub struct TokenArguments {
    /// Id of the session
    session: String,
    #[command(flatten)]
    new: NewConnection,
    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

pub(crate) async fn run(arguments: &TokenArguments, server: &mut Server) -> Result<Told, Failure> {
    let session = json!({ "customSessionId": arguments.session });
    let reply = server.ask(Method::POST, "/sessions", Some(&session)).await?;
    // It is there already.
    if !reply.is(409) {
        reply.or_refused(&[])?;
    }
    let connection = connection::create(&arguments.session, &arguments.new.body(), server).await?;
    let Some(token) = connection["token"].as_str() else {
        return Err(Failure::new(ExitStatus::Failed, "there is no token in the server's answer").answered(connection));
    };
    let text = format!("{token}\n");
    Ok(Told { json: connection, text })
}
