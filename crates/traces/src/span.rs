//! What is told of one step of a call, in OpenTelemetry's words. Plain data.

use std::fmt;

/// ns since 1970.
pub type Nanos = u64;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// `None` if all bytes are 0, which is no id.
            pub fn new(bytes: [u8; $bytes]) -> Option<Self> {
                (bytes != [0; $bytes]).then_some(Self(bytes))
            }

            /// As they go on the wire.
            pub fn bytes(self) -> [u8; $bytes] {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

id! {
    /// Of a trace.
    TraceId, 16
}
id! {
    /// Of a span in it.
    SpanId, 8
}

/// One step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// Of which trace.
    pub trace: TraceId,
    /// Which.
    pub id: SpanId,
    /// What it is a part of.
    pub parent: Option<SpanId>,
    /// That part is not of this server.
    pub parent_is_remote: bool,
    /// One of few: it never has an id in it.
    pub name: &'static str,
    /// Whether it answers a request.
    pub is_request: bool,
    /// When it began.
    pub from: Nanos,
    /// When it ended.
    pub until: Nanos,
    /// What else there is to say.
    pub attributes: Vec<Attribute>,
    /// What happened meanwhile.
    pub events: Vec<SpanEvent>,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

impl Span {
    /// It has ended like this. `kind`: one of few.
    pub(crate) fn fail(&mut self, kind: &'static str, sentence: String) {
        self.attributes.push(("error.type", kind.into()));
        self.error = Some(sentence);
    }
}

/// Something that is said of a span.
pub type Attribute = (&'static str, Value);

/// What is said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
}

/// Something that happened at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SpanEvent {
    /// When.
    pub at: Nanos,
    /// One of few.
    pub name: &'static str,
    /// What else there is to say.
    pub attributes: Vec<Attribute>,
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}
