//! The JSON text inside `sendMessage`. Who gets a signal is not decided here.

use serde_json::Value;

use crate::error::ErrorCode;

/// A signal as a client sent it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signal {
    /// Connection ids; empty = everybody, the sender included. `None` stands for a `null` entry.
    pub to: Vec<Option<String>>,
    /// Verbatim.
    pub data: Option<String>,
    /// Verbatim, e.g. `signal:chat`.
    pub kind: Option<String>,
}

/// Why a text is no signal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignalFault {
    /// 600, or −1.
    pub code: ErrorCode,
    /// Without the code.
    pub message: String,
}

impl Signal {
    /// Reads the inner text of `sendMessage`. Members that are not known are ignored; numbers and booleans become texts.
    pub fn parse(message: &str) -> Result<Self, SignalFault> {
        let malformed = || SignalFault {
            code: ErrorCode::SignalFormatInvalid,
            message: format!("Provided signal object '{message}' has not a valid JSON format"),
        };
        let Ok(Value::Object(mut members)) = serde_json::from_str(message) else { return Err(malformed()) };
        let to = match members.remove("to") {
            None => vec![],
            Some(Value::Array(entries)) => entries.into_iter().map(addressee).collect(),
            Some(_) => return Err(malformed()),
        };
        Ok(Self { to, data: text("data", members.remove("data"))?, kind: text("type", members.remove("type"))? })
    }
}

fn addressee(entry: Value) -> Option<String> {
    match entry {
        Value::Null => None,
        Value::String(text) => Some(text),
        // Nobody has such an id, and saying so is the answer.
        other => Some(other.to_string()),
    }
}

fn text(member: &str, value: Option<Value>) -> Result<Option<String>, SignalFault> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(value.to_string())),
        Some(Value::Null | Value::Array(_) | Value::Object(_)) => Err(SignalFault {
            code: ErrorCode::Internal,
            message: format!("Member '{member}' of the signal must be a string"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn a_signal_is_read() {
        let signal = Signal::parse(r#"{"to":["con_A",null,5],"data":"hi","type":"signal:chat","foo":1}"#);
        let expected = Signal { to: vec![some("con_A"), None, some("5")], data: some("hi"), kind: some("signal:chat") };
        assert_eq!(signal, Ok(expected));
    }

    #[test]
    fn absent_members_are_absent_and_empty_ones_empty() {
        assert_eq!(Signal::parse("{}"), Ok(Signal { to: vec![], data: None, kind: None }));
        assert_eq!(
            Signal::parse(r#"{"data":"","type":""}"#),
            Ok(Signal { to: vec![], data: some(""), kind: some("") })
        );
    }

    #[test]
    fn numbers_become_texts() {
        assert_eq!(
            Signal::parse(r#"{"data":5,"type":true}"#),
            Ok(Signal { to: vec![], data: some("5"), kind: some("true") })
        );
    }

    #[test]
    fn what_is_no_object_with_a_list_is_code_600() {
        for text in ["", "not json", "[]", "5", "null", r#"{"to":"x"}"#, r#"{"to":null}"#] {
            let fault = Signal::parse(text).expect_err(text);
            assert_eq!(fault.code, ErrorCode::SignalFormatInvalid);
            assert_eq!(fault.message, format!("Provided signal object '{text}' has not a valid JSON format"));
        }
    }

    #[test]
    fn data_and_type_that_are_no_texts_are_code_minus_1() {
        for text in [r#"{"data":{"a":1}}"#, r#"{"data":null}"#, r#"{"type":[]}"#] {
            assert_eq!(Signal::parse(text).expect_err(text).code, ErrorCode::Internal);
        }
    }
}
