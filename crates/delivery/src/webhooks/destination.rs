//! Where webhooks go, and with which headers: the configuration's texts made into what a request needs.

use std::fmt;
use std::str::FromStr;

use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use protocol::event::EventName;

use crate::endpoint::{Endpoint, UnusableUrl};

/// Where to, with what, and what for.
#[derive(Clone, Debug)]
pub struct Destination {
    pub(super) endpoint: Endpoint,
    events: Vec<EventName>,
}

/// Why a destination cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DestinationError {
    /// The address.
    #[error("Is not a valid URL. String '{text}' has not a valid URL format: {rule}")]
    Endpoint {
        /// As given.
        text: String,
        /// What it must be.
        rule: UnusableUrl,
    },
    /// A header's form.
    #[error("HTTP header syntax is not correct. Must be 'HEADER_NAME: HEADER_VALUE'")]
    HeaderSyntax,
    /// A header that only the sender of a request can know.
    #[error("HTTP header '{name}' is set by the server itself")]
    HeaderReserved {
        /// Which.
        name: HeaderName,
    },
}

impl Destination {
    /// `endpoint`: an `http` or `https` URL; `headers`: each `Name: Value`; `events`: those that are sent.
    ///
    /// # Errors
    /// The URL or a header cannot be used.
    pub fn new(endpoint: &str, headers: &[String], events: Vec<EventName>) -> Result<Self, DestinationError> {
        let mut headers = headers.iter().map(|text| header(text)).collect::<Result<Vec<_>, _>>()?;
        if !headers.iter().any(|(name, value)| name == CONTENT_TYPE && value == "application/json") {
            headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
        }
        let unusable = |rule| DestinationError::Endpoint { text: endpoint.to_owned(), rule };
        Ok(Self { endpoint: Endpoint::new(endpoint, headers).map_err(unusable)?, events })
    }

    /// Whether an event passes the filter.
    pub(super) fn wants(&self, event: EventName) -> bool {
        self.events.contains(&event)
    }
}

/// Only scheme, host and port: the rest may hold a secret.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoint.fmt(f)
    }
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), DestinationError> {
    let syntax = || DestinationError::HeaderSyntax;
    let (name, value) = text.split_once(':').ok_or_else(syntax)?;
    let name = HeaderName::from_str(name.trim()).map_err(|_| syntax())?;
    let value = value.trim();
    if value.is_empty() {
        return Err(syntax());
    }
    if Endpoint::reserves(&name) {
        return Err(DestinationError::HeaderReserved { name });
    }
    Ok((name, HeaderValue::from_bytes(value.as_bytes()).map_err(|_| syntax())?))
}
