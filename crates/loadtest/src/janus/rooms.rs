//! What an application asks Janus for: rooms. Each request has a session of its own, since between two of them minutes may pass.

use client::{ClientError, ServerAddress};
use serde_json::{Value, json};

use super::api::Api;
use crate::LoadTestError;
use crate::websocket::SignallingError;

/// More than anybody tests with; it must be said, because without it there are three.
const MOST_PUBLISHERS: u32 = 100_000;

/// See the module.
pub(crate) struct Rooms<'a> {
    server: &'a ServerAddress,
}

impl<'a> Rooms<'a> {
    pub(crate) fn new(server: &'a ServerAddress) -> Self {
        Self { server }
    }

    /// `name`: its number.
    pub(crate) async fn create(&self, name: &str) -> Result<(), LoadTestError> {
        self.ask("create", creation(name)).await
    }

    /// Whoever is still there is put out.
    pub(crate) async fn destroy(&self, name: &str) -> Result<(), LoadTestError> {
        self.ask("destroy", json!({ "request": "destroy", "room": number(name) })).await
    }

    async fn ask(&self, method: &'static str, body: Value) -> Result<(), LoadTestError> {
        let url = self.server.url();
        let asked = async {
            let mut api = Api::open(self.server).await?;
            let handle = api.attach().await?;
            let answer = api.ask(handle, method, body, None).await;
            api.close().await;
            answer
        };
        match asked.await {
            Ok(_) => Ok(()),
            Err(error @ (SignallingError::Connect(_) | SignallingError::Handshake(_))) => {
                Err(ClientError::Unreachable { url: url.to_owned(), why: error.to_string() }.into())
            }
            Err(error) => Err(LoadTestError::Rest { request: format!("VideoRoom {method}"), why: error.to_string() }),
        }
    }
}

/// As [`crate::target::Protocol::session_name`] writes it.
pub(super) fn number(name: &str) -> u64 {
    name.parse().unwrap_or(0)
}

fn creation(name: &str) -> Value {
    json!({
        "request": "create", "room": number(name), "permanent": false, "publishers": MOST_PUBLISHERS,
        // In place of a limit of Janus' own for what publishers may send.
        "bitrate": 0, "audiocodec": "opus", "videocodec": "vp8,h264", "notify_joining": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_created_under_the_number_that_participants_join() {
        assert_eq!(creation("10485762")["room"], 10_485_762);
        assert_eq!(number("10485762"), 10_485_762);
    }
}
