//! The trace that a request is part of, if the caller and this server make any.

use std::convert::Infallible;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use protocol::id::{ConnectionId, SessionId};
use traces::parent::Parent;
use traces::request::{Asked, Request, Requests};
use traces::span::Nanos;

use crate::control::Control;

/// As W3C's recommendation names it.
const TRACEPARENT: &str = "traceparent";

/// A request that a connection's trace begins with.
pub(crate) struct TracedRequest(Option<Begun>);

struct Begun {
    control: Control,
    requests: Requests,
    from: Nanos,
    parent: Option<Parent>,
}

impl<S: Sync> FromRequestParts<S> for TracedRequest
where
    Control: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let control = Control::from_ref(state);
        let Some(requests) = control.traced().cloned() else { return Ok(Self(None)) };
        let parent = parts.headers.get(TRACEPARENT).and_then(|header| Parent::read(header.as_bytes()));
        Ok(Self(Some(Begun { from: control.nanos(), control, requests, parent })))
    }
}

impl TracedRequest {
    /// It has made the place of a connection.
    pub(crate) fn has_made(self, session: SessionId, connection: ConnectionId, route: &'static str) {
        let Some(Begun { control, requests, from, parent }) = self.0 else { return };
        let asked = Asked::Place { route, parent };
        requests.tell(Request { session, connection, from, until: control.nanos(), asked });
    }
}
