//! A JSON object and its members. Knows no parameter by name.

use std::fmt::Display;
use std::str::FromStr;

use serde::Deserialize as _;
use serde_json::{Map, Number, Value};

use crate::model::UnknownWord;

/// The object of a request.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Body(Map<String, Value>);

/// A body that is not what it should be as a whole.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UnreadableBody {
    /// Not UTF-8.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// Not JSON, or nested too deep.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// Some other JSON value.
    #[error("the body must be a JSON object")]
    NotAnObject,
    /// Empty, blank or `null` where parameters are mandatory.
    #[error("a body with a JSON object is mandatory")]
    Missing,
}

/// A parameter that breaks its rule.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("Parameter '{name}' {rule}")]
pub struct InvalidParameter {
    /// With the names of the objects around it: `customIceServers[0].url`.
    pub name: String,
    /// Such as `must be a string`.
    pub rule: String,
}

impl Body {
    /// For requests that mean something without parameters.
    pub fn optional(bytes: &[u8]) -> Result<Self, UnreadableBody> {
        match read(bytes)? {
            None | Some(Value::Null) => Ok(Self::default()),
            Some(Value::Object(object)) => Ok(Self(object)),
            Some(_) => Err(UnreadableBody::NotAnObject),
        }
    }

    /// For requests that mean nothing without parameters.
    pub fn mandatory(bytes: &[u8]) -> Result<Self, UnreadableBody> {
        match read(bytes)? {
            None | Some(Value::Null) => Err(UnreadableBody::Missing),
            Some(Value::Object(object)) => Ok(Self(object)),
            Some(_) => Err(UnreadableBody::NotAnObject),
        }
    }

    /// All of them, by name.
    pub(super) fn members(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter()
    }

    pub(super) fn fields(&self) -> Fields<'_> {
        Fields { object: &self.0, prefix: String::new() }
    }
}

/// The first JSON value of a text; `None` if there is none.
fn read(bytes: &[u8]) -> Result<Option<Value>, UnreadableBody> {
    let text = str::from_utf8(bytes).map_err(|_| UnreadableBody::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_ascii().is_empty() {
        return Ok(None);
    }
    // The deserialiser is not asked to reach the end: whatever follows the value is ignored.
    let value = Value::deserialize(&mut serde_json::Deserializer::from_str(text));
    value.map(Some).map_err(|error| UnreadableBody::NotJson(error.to_string()))
}

/// The members of an object, which may be inside of others.
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
    /// In front of a member's name in errors: empty, or `outer.`.
    prefix: String,
}

impl<'a> Fields<'a> {
    pub(super) fn invalid(&self, name: &str, rule: impl Display) -> InvalidParameter {
        InvalidParameter { name: format!("{}{name}", self.prefix), rule: rule.to_string() }
    }

    /// `null` counts as absent.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, InvalidParameter> {
        self.get(name).map(|value| value.as_str().ok_or_else(|| self.invalid(name, "must be a string"))).transpose()
    }

    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, InvalidParameter> {
        self.get(name).map(|value| value.as_bool().ok_or_else(|| self.invalid(name, "must be a boolean"))).transpose()
    }

    /// Fractions are cut off.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, InvalidParameter> {
        self.get(name)
            .map(|value| match value {
                Value::Number(number) => Ok(whole(number)),
                _ => Err(self.invalid(name, "must be a number")),
            })
            .transpose()
    }

    pub(super) fn word<T: FromStr<Err = UnknownWord>>(&self, name: &str) -> Result<Option<T>, InvalidParameter> {
        self.text(name)?.map(|text| text.parse().map_err(|error: UnknownWord| self.invalid(name, error))).transpose()
    }

    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, InvalidParameter> {
        self.get(name)
            .map(|value| match value {
                Value::Object(object) => Ok(Self { object, prefix: format!("{}{name}.", self.prefix) }),
                _ => Err(self.invalid(name, "must be an object")),
            })
            .transpose()
    }

    pub(super) fn array(&self, name: &str) -> Result<Option<&'a [Value]>, InvalidParameter> {
        self.get(name)
            .map(|value| value.as_array().map(Vec::as_slice).ok_or_else(|| self.invalid(name, "must be an array")))
            .transpose()
    }

    /// The elements of an array, which all must be objects.
    pub(super) fn objects(&self, name: &str) -> Result<Vec<Self>, InvalidParameter> {
        let elements = self.array(name)?.unwrap_or_default().iter().enumerate();
        let objects = elements.map(|(index, value)| match value {
            Value::Object(object) => Ok(Self { object, prefix: format!("{}{name}[{index}].", self.prefix) }),
            _ => Err(self.invalid(&format!("{name}[{index}]"), "must be an object")),
        });
        objects.collect()
    }

    /// A string, or a number or boolean as it is written.
    pub(super) fn written(&self, name: &str) -> Result<Option<String>, InvalidParameter> {
        self.get(name).map(|value| written(value).ok_or_else(|| self.invalid(name, "must be a string"))).transpose()
    }
}

/// See [`Fields::written`].
pub(super) fn written(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(boolean) => Some(boolean.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Without the fraction; what does not fit becomes the nearest that does.
pub(super) fn whole(number: &Number) -> i64 {
    number.as_i64().unwrap_or_else(|| number.as_f64().unwrap_or_default() as i64)
}

/// What does not fit becomes the nearest that does.
pub(super) fn narrow(number: i64) -> i32 {
    number.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_after_the_object_is_ignored_and_the_last_of_repeated_keys_wins() {
        let body = Body::mandatory(b"\xef\xbb\xbf {\"a\":1,\"a\":\"x\"} and more }").unwrap();
        assert_eq!(body.fields().text("a"), Ok(Some("x")));
    }

    #[test]
    fn nothing_and_null_are_no_parameters_where_none_is_mandatory() {
        for bytes in [&b""[..], b"  \n", b"null", b"\xef\xbb\xbf"] {
            assert_eq!(Body::optional(bytes), Ok(Body::default()));
            assert_eq!(Body::mandatory(bytes), Err(UnreadableBody::Missing));
        }
        assert_eq!(Body::mandatory(b"{}"), Ok(Body::default()));
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        for bytes in [&b"[]"[..], b"5", b"\"x\"", b"true"] {
            assert_eq!(Body::optional(bytes), Err(UnreadableBody::NotAnObject));
        }
        for bytes in [&b"{"[..], b"{'a':1}", b"{/**/}", b"{\"a\":1,}", b"x"] {
            assert!(matches!(Body::optional(bytes), Err(UnreadableBody::NotJson(_))), "{bytes:?}");
        }
        assert_eq!(Body::optional(b"{\"a\":\"\xff\"}"), Err(UnreadableBody::NotUtf8));
    }

    #[test]
    fn deep_nesting_is_refused() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(matches!(Body::optional(deep.as_bytes()), Err(UnreadableBody::NotJson(_))));
    }

    #[test]
    fn null_counts_as_absent() {
        let body = Body::mandatory(br#"{"a":null}"#).unwrap();
        assert_eq!(body.fields().text("a"), Ok(None));
        assert_eq!(body.fields().integer("a"), Ok(None));
    }

    #[test]
    fn numbers_lose_their_fraction_and_never_overflow() {
        let body = Body::mandatory(br#"{"a":25.9,"b":-0.5,"c":1e300,"d":18446744073709551615}"#).unwrap();
        let integer = |name| body.fields().integer(name).unwrap().unwrap();
        assert_eq!((integer("a"), integer("b"), integer("c"), integer("d")), (25, 0, i64::MAX, i64::MAX));
        assert_eq!((narrow(i64::MAX), narrow(i64::MIN), narrow(-7)), (i32::MAX, i32::MIN, -7));
        // The nearest double, not its neighbour.
        let body = Body::mandatory(br#"{"a":120.99999999999999}"#).unwrap();
        assert_eq!(body.fields().integer("a"), Ok(Some(120)));
    }

    #[test]
    fn an_error_names_the_parameter_with_its_place_and_the_rule() {
        let body = Body::mandatory(br#"{"outer":{"inner":5}}"#).unwrap();
        let error = body.fields().object("outer").unwrap().unwrap().text("inner").unwrap_err();
        assert_eq!(error.to_string(), "Parameter 'outer.inner' must be a string");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = Body::optional(&bytes);
        }
    }
}
