//! What stands in query strings.

use axum::http::{StatusCode, Uri};

use super::error::ApiError;

/// `true/1/yes/on` and `false/0/no/off` in any letter case; empty or absent is `default`.
pub(super) fn boolean(uri: &Uri, name: &str, default: bool) -> Result<bool, ApiError> {
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
pub(super) fn text<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    let pairs = uri.query().unwrap_or_default().split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
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
