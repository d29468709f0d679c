//! What an application asks the server by REST: sessions, and tokens for them.

use client::{PATIENCE, RestClient, ServerAddress};
use http::{Method, StatusCode};
use serde_json::Value;

use crate::LoadTestError;

/// One connection, one request at a time.
pub(crate) struct Application {
    client: RestClient,
}

impl Application {
    pub(crate) fn new(server: &ServerAddress, secret: &str) -> Self {
        Self { client: RestClient::new(server.clone(), secret, PATIENCE) }
    }

    pub(crate) async fn create_session(&mut self, id: &str) -> Result<(), LoadTestError> {
        self.ask(Method::POST, "/sessions", Some(serde_json::json!({ "customSessionId": id }))).await?;
        Ok(())
    }

    /// Of a participant: who subscribes only is a `SUBSCRIBER`.
    pub(crate) async fn create_token(&mut self, session: &str, role: &str) -> Result<String, LoadTestError> {
        let path = format!("/sessions/{session}/connection");
        let body = serde_json::json!({ "type": "WEBRTC", "role": role, "data": "load-test" });
        let answer = self.ask(Method::POST, &path, Some(body)).await?;
        answer["token"].as_str().map(str::to_owned).ok_or_else(|| LoadTestError::Rest {
            request: format!("POST {path}"),
            why: "there is no token in the answer".to_owned(),
        })
    }

    /// Whoever is still there is put out.
    pub(crate) async fn close_session(&mut self, id: &str) -> Result<(), LoadTestError> {
        self.ask(Method::DELETE, &format!("/sessions/{id}"), None).await?;
        Ok(())
    }

    async fn ask(&mut self, method: Method, path: &str, body: Option<Value>) -> Result<Value, LoadTestError> {
        let answer = self.client.ask(method.clone(), &format!("/openvidu/api{path}"), body.as_ref()).await?;
        if answer.status == StatusCode::UNAUTHORIZED {
            return Err(LoadTestError::WrongSecret { url: self.client.server().url().to_owned() });
        }
        if !answer.status.is_success() {
            let why = format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body));
            return Err(LoadTestError::Rest { request: format!("{method} {path}"), why });
        }
        Ok(serde_json::from_slice(&answer.body).unwrap_or_default())
    }
}
