//! Taking typed values out of a request's `params`, with the original's coercions: a number or a boolean passes where a
//! text is expected and the reverse; null, objects and arrays do not.

use serde_json::{Map, Value};

use super::request::InvalidParams;

/// The parameters of one request.
pub(super) struct Params {
    method: String,
    values: Map<String, Value>,
}

impl Params {
    /// Missing parameters are `{}`.
    pub(super) fn new(method: String, params: Option<Value>) -> Result<Self, InvalidParams> {
        match params {
            None | Some(Value::Null) => Ok(Self { method, values: Map::new() }),
            Some(Value::Object(values)) => Ok(Self { method, values }),
            Some(_) => Err(InvalidParams { method, parameter: "params".to_owned(), rule: "must be an object" }),
        }
    }

    pub(super) fn method(&self) -> &str {
        &self.method
    }

    pub(super) fn into_method(self) -> String {
        self.method
    }

    pub(super) fn invalid(&self, parameter: &str, rule: &'static str) -> InvalidParams {
        InvalidParams { method: self.method.clone(), parameter: parameter.to_owned(), rule }
    }

    /// Any value, null too.
    pub(super) fn value(&mut self, name: &str) -> Result<Value, InvalidParams> {
        self.take(name).ok_or_else(|| self.invalid(name, MISSING))
    }

    pub(super) fn text(&mut self, name: &str) -> Result<String, InvalidParams> {
        self.optional_text(name)?.ok_or_else(|| self.invalid(name, MISSING))
    }

    pub(super) fn boolean(&mut self, name: &str) -> Result<bool, InvalidParams> {
        self.optional_boolean(name)?.ok_or_else(|| self.invalid(name, MISSING))
    }

    pub(super) fn integer(&mut self, name: &str) -> Result<i64, InvalidParams> {
        self.optional_integer(name)?.ok_or_else(|| self.invalid(name, MISSING))
    }

    pub(super) fn optional_text(&mut self, name: &str) -> Result<Option<String>, InvalidParams> {
        self.optional(name, as_text, "must be a text")
    }

    pub(super) fn optional_boolean(&mut self, name: &str) -> Result<Option<bool>, InvalidParams> {
        self.optional(name, as_boolean, "must be a boolean")
    }

    pub(super) fn optional_integer(&mut self, name: &str) -> Result<Option<i64>, InvalidParams> {
        self.optional(name, as_integer, "must be an integer")
    }

    /// What cannot be read counts as absent.
    pub(super) fn lenient<T>(&mut self, name: &str, read: fn(Value) -> Option<T>) -> Option<T> {
        self.take(name).and_then(read)
    }

    fn optional<T>(
        &mut self,
        name: &str,
        read: fn(Value) -> Option<T>,
        rule: &'static str,
    ) -> Result<Option<T>, InvalidParams> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| self.invalid(name, rule)),
        }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.values.swap_remove(name)
    }
}

pub(super) const MISSING: &str = "is missing";

pub(super) fn as_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(boolean) => Some(boolean.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

pub(super) fn as_boolean(value: Value) -> Option<bool> {
    match value {
        Value::Bool(boolean) => Some(boolean),
        Value::String(text) => Some(text.eq_ignore_ascii_case("true")),
        Value::Number(_) => Some(false),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

pub(super) fn as_integer(value: Value) -> Option<i64> {
    match value {
        // A cast of a float saturates: 29.97 is 29.
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|float| float as i64)),
        Value::String(text) => text.parse().ok(),
        Value::Bool(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
