//! The body of a request: what was said on the command line and nothing else, so that defaults are the server's and the
//! session's to decide.

use serde_json::{Map, Value};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Body(Map<String, Value>);

impl Body {
    /// A member, if it was said.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, said: Option<impl Into<Value>>) -> Self {
        self.0.extend(said.map(|value| (name.to_owned(), value.into())));
        self
    }
}

impl From<Body> for Value {
    fn from(body: Body) -> Self {
        Self::Object(body.0)
    }
}
