//! Why a command failed: what people read, what programs read, and the exit status that scripts go by.

use std::io::Write as _;

use client::ClientError;
use serde_json::{Value, json};

/// How the program ends. The numbers are a promise: see docs/command-line.md.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitStatus {
    /// It is done.
    Done = 0,
    /// It failed, or found something that is not as it must be.
    Failed = 1,
    /// The command line cannot be understood, or something is missing in it.
    Usage = 2,
    /// What was named is not there.
    NotFound = 3,
    /// The server refuses: the secret, a value, or what it cannot do now.
    Refused = 4,
    /// No server answers, or its certificate is not trusted.
    Unreachable = 5,
    /// The settings cannot be used (`EX_CONFIG` of sysexits.h): starting again will not help.
    Settings = 78,
}

impl ExitStatus {
    /// Each but the first, for JSON.
    fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::NotFound => "not-found",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Settings => "settings",
        }
    }

    /// For the operating system.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// See the module.
#[derive(Clone, PartialEq, Debug)]
pub struct Failure {
    pub status: ExitStatus,
    /// What is wrong, and what to do; it names no secret.
    pub message: String,
    /// Of the server, if it said more than a status.
    answer: Option<Value>,
}

impl Failure {
    pub fn new(status: ExitStatus, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), answer: None }
    }

    pub(crate) fn answered(self, answer: Value) -> Self {
        Self { answer: (!answer.is_null()).then_some(answer), ..self }
    }

    /// To the standard error, or as JSON where the answer would have been.
    pub fn print(&self, json: bool) {
        // Closed outputs are no failures.
        if json {
            let _ = write!(std::io::stdout(), "{}", crate::json(&self.to_json()));
        } else {
            let _ = writeln!(std::io::stderr(), "madang: {}", self.message);
        }
    }

    fn to_json(&self) -> Value {
        let mut error =
            json!({ "kind": self.status.name(), "exitStatus": self.status.code(), "message": self.message });
        if let Some(answer) = &self.answer {
            error["answer"] = answer.clone();
        }
        json!({ "error": error })
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::new(ExitStatus::from(&error), error.to_string())
    }
}

impl From<&ClientError> for ExitStatus {
    fn from(error: &ClientError) -> Self {
        match error {
            ClientError::Url { .. } | ClientError::Authority { .. } => Self::Usage,
            ClientError::Unreachable { .. } | ClientError::Untrusted { .. } => Self::Unreachable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_read_the_kind_the_status_and_what_the_server_said() {
        let answer = json!({ "status": 400, "message": "Parameter 'role' must be one of …" });
        let failure = Failure::new(ExitStatus::Refused, "no").answered(answer.clone());
        let expected = json!({ "kind": "refused", "exitStatus": 4, "message": "no", "answer": answer });
        assert_eq!(failure.to_json(), json!({ "error": expected }));
        let silent = Failure::new(ExitStatus::Unreachable, "nobody").answered(Value::Null);
        assert_eq!(silent.to_json()["error"]["exitStatus"], 5);
        assert!(silent.to_json()["error"].get("answer").is_none());
    }
}
