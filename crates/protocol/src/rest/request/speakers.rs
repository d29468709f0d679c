//! `lastN` and `loudest`, of sessions and of connections. The original knows neither.

use serde_json::Value;
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::super::schema::optional;
use super::body::{Fields, InvalidParameter};

const LAST_N: &str = "lastN";
const LOUDEST: &str = "loudest";

/// How many at most, in both; 0 is all.
pub(super) fn speaker_limits(fields: &Fields<'_>) -> Result<(Option<u8>, Option<u8>), InvalidParameter> {
    let limit = |name: &str| -> Result<Option<u8>, InvalidParameter> {
        let number = |value: &Value| value.as_u64().and_then(|number| u8::try_from(number).ok());
        let refused = || fields.invalid(name, format_args!("must be an integer from 0 to {}", u8::MAX));
        fields.get(name).map(|value| number(value).ok_or_else(refused)).transpose()
    };
    Ok((limit(LAST_N)?, limit(LOUDEST)?))
}

pub(super) fn with_speaker_limits(object: ObjectBuilder, if_absent: &str) -> ObjectBuilder {
    let limit = |of: &str| {
        let description = format!("Forward {of} of so many at a time; 0 for all. {if_absent}");
        optional(Type::Integer, &description).minimum(Some(0)).maximum(Some(u8::MAX))
    };
    object
        .property(LAST_N, limit("the pictures of those who spoke last,"))
        .property(LOUDEST, limit("the sound of the loudest,"))
}
