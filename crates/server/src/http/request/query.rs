//! What stands in query strings.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use percent_encoding::percent_decode_str;
use session::snapshot::Include;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder, Type};

use crate::http::error::ApiError;

/// What an answer about sessions or connections shall contain. `PENDING` is whether pending connections are in it when the
/// request does not say.
pub(crate) struct ViewOptions<const PENDING: bool>(pub(crate) Include);

impl<S: Sync, const PENDING: bool> FromRequestParts<S> for ViewOptions<PENDING> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self(Include {
            pending_connections: boolean(&parts.uri, "pendingConnections", PENDING)?,
            web_rtc_stats: boolean(&parts.uri, "webRtcStats", false)?,
        }))
    }
}

impl<const PENDING: bool> IntoParams for ViewOptions<PENDING> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let pending = "Also show the connections whose clients have not joined yet";
        vec![
            documented("pendingConnections", pending, PENDING),
            documented("webRtcStats", "Also show what is known of each stream's transport", false),
        ]
    }
}

/// The parameter that [`boolean`] reads.
pub(crate) fn documented(name: &str, description: &str, default: bool) -> Parameter {
    let words = "^([Tt][Rr][Uu][Ee]|1|[Yy][Ee][Ss]|[Oo][Nn]|[Ff][Aa][Ll][Ss][Ee]|0|[Nn][Oo]|[Oo][Ff][Ff]|)$";
    let boolean = ObjectBuilder::new().schema_type(Type::Boolean);
    let word = ObjectBuilder::new().schema_type(Type::String).pattern(Some(words));
    let schema = AnyOfBuilder::new().item(boolean).item(word).default(Some(default.into()));
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(utoipa::openapi::Required::False)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

/// `true/1/yes/on` and `false/0/no/off` in any letter case; empty or absent is `default`.
pub(crate) fn boolean(uri: &Uri, name: &str, default: bool) -> Result<bool, ApiError> {
    let Some(value) = text(uri, name) else { return Ok(default) };
    match value.to_ascii_lowercase().as_str() {
        "" => Ok(default),
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => {
            let message = format_args!("Query parameter '{name}' must be true or false");
            Err(ApiError::unhandled(StatusCode::BAD_REQUEST, message, uri.path()))
        }
    }
}

/// The first value of that name, as it is written. No word that is expected anywhere has characters that would have to be
/// escaped, nor do the names.
pub(crate) fn text<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    let pairs = uri.query().unwrap_or_default().split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// The same, as it was before it was encoded for an address.
pub(crate) fn decoded(uri: &Uri, name: &str) -> Option<String> {
    let text = text(uri, name)?.replace('+', " ");
    Some(percent_decode_str(&text).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boolean_has_many_spellings() {
        let read = |query: &str| boolean(&format!("/x?other=1&{query}").parse().unwrap(), "flag", true).ok();
        for query in ["flag=true", "flag=YES", "flag=on", "flag=1", "flag=", "flag", "", "Flag=false"] {
            assert_eq!(read(query), Some(true), "{query}");
        }
        for query in ["flag=false", "flag=No", "flag=OFF", "flag=0", "flag=0&flag=1"] {
            assert_eq!(read(query), Some(false), "{query}");
        }
        for query in ["flag=x", "flag=2", "flag=%20", "flag=tru"] {
            assert_eq!(read(query), None, "{query}");
        }
    }
}
