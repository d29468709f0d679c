//! `POST /signal`.

use serde_json::Value;
use utoipa::openapi::schema::{ArrayBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::super::schema::{any_of, object, optional};
use super::body::{Body, InvalidParameter};

/// What to say, and to whom.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Signal {
    /// The session's id.
    pub session: String,
    /// Connection ids; empty = everybody. `None` stands for a `null`.
    pub to: Vec<Option<String>>,
    /// Verbatim.
    pub kind: Option<String>,
    /// Verbatim.
    pub data: Option<String>,
}

impl ToSchema for Signal {}

impl PartialSchema for Signal {
    fn schema() -> RefOr<Schema> {
        let to = ArrayBuilder::new()
            .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
            .items(any_of([Type::String, Type::Null]))
            .description(Some("Connection ids; absent or empty for everybody"));
        object([("session", String::schema())])
            .description(Some("What to say, and to whom. `null` counts as absent"))
            .property("to", to)
            .property("type", optional(Type::String, "Delivered verbatim"))
            .property("data", optional(Type::String, "Delivered verbatim"))
            .into()
    }
}

/// Reads it.
pub fn signal(body: &Body) -> Result<Signal, InvalidParameter> {
    let fields = body.fields();
    let to = fields.array("to")?.unwrap_or_default().iter().enumerate().map(|(index, value)| match value {
        Value::String(id) => Ok(Some(id.clone())),
        Value::Null => Ok(None),
        _ => Err(fields.invalid(&format!("to[{index}]"), "must be a string")),
    });
    Ok(Signal {
        session: super::session_id(body)?.to_owned(),
        to: to.collect::<Result<_, _>>()?,
        kind: fields.text("type")?.map(str::to_owned),
        data: fields.text("data")?.map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Signal, String> {
        signal(&Body::mandatory(body.as_bytes()).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn texts_are_taken_verbatim() {
        let expected = Signal {
            session: "s".into(),
            to: vec![Some("con_a".into()), None],
            kind: Some(" chat".into()),
            data: Some(String::new()),
        };
        assert_eq!(read(r#"{"session":"s","to":["con_a",null],"type":" chat","data":""}"#), Ok(expected));
        assert_eq!(read(r#"{"session":"s"}"#), Ok(Signal { session: "s".into(), ..Signal::default() }));
    }

    #[test]
    fn every_parameter_is_checked() {
        for (body, name) in [
            ("{}", "session"),
            (r#"{"session":true}"#, "session"),
            (r#"{"session":"s","to":"x"}"#, "to"),
            (r#"{"session":"s","to":{}}"#, "to"),
            (r#"{"session":"s","to":["a",5]}"#, "to[1]"),
            (r#"{"session":"s","type":5}"#, "type"),
            (r#"{"session":"s","data":{}}"#, "data"),
        ] {
            assert!(read(body).unwrap_err().contains(&format!("'{name}'")), "{body}");
        }
    }
}
