//! `POST /restart`: settings by name, as they would stand in `.env`.

use serde_json::Value;

use utoipa::openapi::schema::Type;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::super::schema::one;
use super::body::{Body, written};

/// The form of the body that [`settings`] reads, for the OpenAPI document.
#[derive(Clone, Copy, Debug)]
pub enum NewSettings {}

impl ToSchema for NewSettings {}

impl PartialSchema for NewSettings {
    fn schema() -> RefOr<Schema> {
        one(Type::Object).description(Some("Settings by name, as in `.env`; `null` counts as absent")).into()
    }
}

/// Texts are taken as they are; numbers, booleans, lists and objects as JSON. What the settings mean is not known here.
pub fn settings(body: &Body) -> Vec<(String, String)> {
    let text = |value: &Value| written(value).unwrap_or_else(|| value.to_string());
    let given = body.members().filter(|(_, value)| !value.is_null());
    given.map(|(name, value)| (name.clone(), text(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_becomes_what_stands_in_the_file() {
        let body =
            br#"{"A":true,"B":900,"C":"text with \" in it","D":["sessionCreated","x"],"E":{"k":1},"F":null,"G":""}"#;
        let settings = settings(&Body::mandatory(body).unwrap());
        let lines: Vec<_> = settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            lines,
            ["A=true", "B=900", "C=text with \" in it", "D=[\"sessionCreated\",\"x\"]", "E={\"k\":1}", "G="]
        );
    }
}
