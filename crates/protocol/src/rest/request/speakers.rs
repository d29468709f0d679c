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
        // 3.0 is an integer, as JSON Schema has it.
        let whole = |value: &Value| value.as_f64().filter(|number| number.fract() == 0.0);
        let number =
            |value: &Value| whole(value).filter(|number| (0.0..=255.0).contains(number)).map(|number| number as u8);
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
