//! A filter as it is described: to clients, in REST and to the process that runs it.

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

/// A filter of a stream.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Filter {
    /// `GStreamerFilter`…
    pub kind: String,
    /// As its user sent them: an object.
    pub options: Value,
    /// The last method that was called.
    pub last_call: Option<FilterCall>,
}

/// A method of a filter, with its parameters.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FilterCall {
    /// `setElementProperty`…
    pub method: String,
    /// An object.
    pub params: Value,
}

/// How a stream's filter stands in descriptions of the stream: `{}` without one; otherwise with `lastExecMethod`, which is `{}` as
/// long as no method was called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FilterView(pub Option<Filter>);

/// How it stands in a notice of its change: `{}` when it is gone; `lastExecMethod` only if a method was called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FilterChangeView(pub Option<Filter>);

struct Call<'a>(Option<&'a FilterCall>);

impl Serialize for FilterView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(filter) = &self.0 {
            map.serialize_entry("type", &filter.kind)?;
            map.serialize_entry("options", &filter.options)?;
            map.serialize_entry("lastExecMethod", &Call(filter.last_call.as_ref()))?;
        }
        map.end()
    }
}

impl Serialize for FilterChangeView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(filter) = &self.0 {
            map.serialize_entry("type", &filter.kind)?;
            map.serialize_entry("options", &filter.options)?;
            if filter.last_call.is_some() {
                map.serialize_entry("lastExecMethod", &Call(filter.last_call.as_ref()))?;
            }
        }
        map.end()
    }
}

impl Serialize for Call<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(call) = self.0 {
            map.serialize_entry("method", &call.method)?;
            map.serialize_entry("params", &call.params)?;
        }
        map.end()
    }
}

/// What a filter has found, as clients and applications get it: not JSON but `{name=value, name=value}`, as the original prints it.
pub fn printed(data: &[(String, String)]) -> String {
    let pairs: Vec<String> = data.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{{{}}}", pairs.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::{json, to_string};

    use super::*;

    #[test]
    fn what_is_not_there_is_an_empty_object() {
        let mut filter = Filter { kind: "F".to_owned(), options: json!({"b": 1, "a": {}}), last_call: None };
        assert_eq!(to_string(&FilterView(None)).unwrap(), "{}");
        assert_eq!(to_string(&FilterChangeView(None)).unwrap(), "{}");
        let (described, changed) = (FilterView(Some(filter.clone())), FilterChangeView(Some(filter.clone())));
        assert_eq!(to_string(&described).unwrap(), r#"{"type":"F","options":{"b":1,"a":{}},"lastExecMethod":{}}"#);
        assert_eq!(to_string(&changed).unwrap(), r#"{"type":"F","options":{"b":1,"a":{}}}"#);
        filter.last_call = Some(FilterCall { method: "m".to_owned(), params: json!({"p": "1"}) });
        let text = r#"{"type":"F","options":{"b":1,"a":{}},"lastExecMethod":{"method":"m","params":{"p":"1"}}}"#;
        assert_eq!(to_string(&FilterView(Some(filter.clone()))).unwrap(), text);
        assert_eq!(to_string(&FilterChangeView(Some(filter))).unwrap(), text);
    }

    #[test]
    fn findings_are_printed_as_a_map() {
        let data = [("codeType", "EAN-13"), ("value", "4006381333931")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(printed(&data), "{codeType=EAN-13, value=4006381333931}");
    }
}
