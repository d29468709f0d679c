//! The server that is asked, what its refusals mean, and what is there instead of what was named.

use std::time::Duration;

use client::{Answer, Download, RestClient, ServerAddress, Trust};
use http::{Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::{ExitStatus, Failure, ServerArguments, Target, meant};

/// For an answer: a recording is processed for 25 s before a stop is answered, and a camera may take as long to come.
const PATIENCE: Duration = Duration::from_secs(60);
/// What stands in a path as it is (RFC 3986 §2.3).
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// See the module.
pub(crate) struct Server {
    client: RestClient,
}

/// What came back to somebody who may ask.
pub(crate) struct Reply {
    status: StatusCode,
    /// JSON; `Null` without content.
    body: Value,
}

/// A part of a path.
pub(crate) fn segment(text: &str) -> String {
    utf8_percent_encode(text, IN_PATH).to_string()
}

impl Server {
    pub(crate) async fn reach(target: &Target, arguments: &ServerArguments) -> Result<Self, Failure> {
        let trust = Trust { authority: arguments.trust.as_deref(), insecure: arguments.insecure };
        let address = ServerAddress::find(&target.url, trust).await?;
        Ok(Self { client: RestClient::new(address, &target.secret, PATIENCE) })
    }

    /// `path` is below the API's root.
    pub(crate) async fn ask(&mut self, method: Method, path: &str, body: Option<&Value>) -> Result<Reply, Failure> {
        let Answer { status, body } = self.client.ask(method, &format!("/openvidu/api{path}"), body).await?;
        let body = match serde_json::from_slice(&body) {
            Ok(body) => body,
            Err(_) if body.is_empty() => Value::Null,
            Err(_) => return Err(self.strange(status)),
        };
        self.admitted(status, &body)?;
        Ok(Reply { status, body })
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Reply, Failure> {
        self.ask(Method::GET, path, None).await
    }

    /// A list, which is there whatever is in it.
    pub(crate) async fn list(&mut self, path: &str) -> Result<Value, Failure> {
        let reply = self.get(path).await?;
        match reply.status {
            StatusCode::OK => Ok(reply.body),
            StatusCode::NOT_FOUND if reply.body.is_null() => Err(self.strange(reply.status)),
            _ => reply.or_refused(&[(501, NO_RECORDINGS)]),
        }
    }

    /// An answer that is a text.
    pub(crate) async fn text(&mut self, path: &str) -> Result<String, Failure> {
        let Answer { status, body } = self.client.ask(Method::GET, path, None).await?;
        self.admitted(status, &Value::Null)?;
        let text = String::from_utf8_lossy(&body).into_owned();
        if status.is_success() { Ok(text) } else { Err(self.strange(status)) }
    }

    /// A file of its own, whatever its name.
    pub(crate) async fn file(&mut self, path: &str) -> Result<Download, Failure> {
        let file = self.client.download(path).await?;
        self.admitted(file.status, &Value::Null)?;
        Ok(file)
    }

    /// Whether somebody answers at a path of a page.
    pub(crate) async fn has_page(&mut self, path: &str) -> Result<bool, Failure> {
        let answer = self.client.ask(Method::GET, path, None).await?;
        Ok(answer.status.is_success())
    }

    /// Where it was reached, without a path.
    pub(crate) fn url(&self) -> &str {
        self.client.server().url()
    }

    fn admitted(&self, status: StatusCode, body: &Value) -> Result<(), Failure> {
        let url = self.url();
        let said = body["message"].as_str();
        let message = match status {
            StatusCode::UNAUTHORIZED => {
                format!("{url} refuses the secret: OPENVIDU_SECRET must be the server's own")
            }
            StatusCode::FORBIDDEN => said.map_or_else(
                || {
                    format!(
                        "{url} does not let this address use the REST API, or does not know what was asked for \
                    (settings ALLOWED_ACCESS_TO_RESTAPI, MADANG_COMPATIBILITY of the server)"
                    )
                },
                |said| format!("{url} refuses: {said}"),
            ),
            StatusCode::TOO_MANY_REQUESTS => {
                format!("{url} lets nobody ask so often: {}", said.unwrap_or("wait a while"))
            }
            _ => return Ok(()),
        };
        Err(Failure::new(ExitStatus::Refused, message).answered(body.clone()))
    }

    /// Something else answers there.
    fn strange(&self, status: StatusCode) -> Failure {
        let url = self.url();
        Failure::new(
            ExitStatus::Failed,
            format!(
                "what answers at {url} is not an OpenVidu server (status {status}): is --url right, and does a proxy in \
                front pass everything on?"
            ),
        )
    }

    /// With what is there instead.
    pub(crate) async fn no_such_session(&mut self, id: &str) -> Failure {
        let sessions = self.list("/sessions").await.unwrap_or_default();
        unknown("session", id, &ids(&sessions["content"], "id"))
    }

    /// What a session does not have, or that there is no such session.
    pub(crate) async fn no_such_connection(&mut self, session: &str, id: &str) -> Failure {
        match self.connections(session).await {
            Ok(connections) => unknown("connection", id, &ids(&connections["content"], "id")),
            Err(failure) => failure,
        }
    }

    /// The same of a published stream.
    pub(crate) async fn no_such_stream(&mut self, session: &str, id: &str) -> Failure {
        match self.connections(session).await {
            Ok(connections) => {
                let publishers = connections["content"].as_array().into_iter().flatten();
                let streams = publishers.flat_map(|connection| ids(&connection["publishers"], "streamId"));
                unknown("stream", id, &streams.collect::<Vec<_>>())
            }
            Err(failure) => failure,
        }
    }

    pub(crate) async fn no_such_recording(&mut self, id: &str) -> Failure {
        let recordings = self.list("/recordings").await.unwrap_or_default();
        unknown("recording", id, &ids(&recordings["items"], "id"))
    }

    /// Those of a session, in `content`.
    pub(crate) async fn connections(&mut self, session: &str) -> Result<Value, Failure> {
        let reply = self.get(&format!("/sessions/{}/connection", segment(session))).await?;
        if reply.is(404) {
            return Err(self.no_such_session(session).await);
        }
        reply.or_refused(&[])
    }
}

/// Of deployments that do not record.
pub(crate) const NO_RECORDINGS: &str =
    "this server does not record, or not like this (setting OPENVIDU_RECORDING of the server)";

fn unknown(what: &str, id: &str, known: &[String]) -> Failure {
    Failure::new(ExitStatus::NotFound, format!("there is no {what} '{id}'{}", meant::hint(id, known)))
}

/// The texts called `name` of the objects in an array.
fn ids(list: &Value, name: &str) -> Vec<String> {
    let texts = list.as_array().into_iter().flatten().filter_map(|item| item[name].as_str());
    texts.map(str::to_owned).collect()
}

impl Reply {
    pub(crate) fn is(&self, status: u16) -> bool {
        self.status.as_u16() == status
    }

    /// What was asked for; otherwise what the status means here, where the server did not say it itself.
    pub(crate) fn or_refused(self, meanings: &[(u16, &str)]) -> Result<Value, Failure> {
        if self.status.is_success() {
            return Ok(self.body);
        }
        let kind = match self.status {
            StatusCode::NOT_FOUND => ExitStatus::NotFound,
            StatusCode::INTERNAL_SERVER_ERROR => ExitStatus::Failed,
            _ => ExitStatus::Refused,
        };
        let meaning = meanings.iter().find(|(status, _)| *status == self.status.as_u16()).map(|(_, meaning)| *meaning);
        let said = self.body["message"].as_str().or(meaning);
        let message = said.map_or_else(|| format!("the server refuses ({})", self.status), str::to_owned);
        Err(Failure::new(kind, message).answered(self.body))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(status: u16, body: Value) -> Failure {
        let reply = Reply { status: StatusCode::from_u16(status).unwrap(), body };
        reply.or_refused(&[(409, "there is one already")]).unwrap_err()
    }

    #[test]
    fn the_servers_own_words_win_over_what_a_status_means() {
        let failure = refused(409, Value::Null);
        assert_eq!((failure.status, failure.message.as_str()), (ExitStatus::Refused, "there is one already"));
        let said = json!({ "status": 409, "message": "Parameter 'x' must be y" });
        assert_eq!(refused(409, said).message, "Parameter 'x' must be y");
        assert_eq!(refused(418, Value::Null).message, "the server refuses (418 I'm a teapot)");
        assert_eq!(refused(404, Value::Null).status, ExitStatus::NotFound);
        assert_eq!(refused(500, Value::Null).status, ExitStatus::Failed);
        assert_eq!(Reply { status: StatusCode::OK, body: json!(1) }.or_refused(&[]).unwrap(), 1);
    }

    #[test]
    fn names_are_one_segment_of_a_path_whatever_is_in_them() {
        assert_eq!(segment("room-7~1_a.b"), "room-7~1_a.b");
        assert_eq!(segment("../a b?c#가"), "..%2Fa%20b%3Fc%23%EA%B0%80");
    }
}
