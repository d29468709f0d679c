//! What a client shows: the token of a connection, as `Authorization: Bearer …` (RFC 6750 §2.1).

use crate::Problem;

/// The `tok_…` of a request's `Authorization`. Applications get tokens as URLs, `wss://host?sessionId=…&token=tok_…`, and may hand on
/// the whole of it, the value alone, or whatever stands behind `token=`.
pub fn token(authorization: Option<&[u8]>) -> Result<&str, Problem> {
    let authorization = authorization.and_then(|value| str::from_utf8(value).ok()).unwrap_or_default().trim();
    let (scheme, given) = authorization.split_once(' ').unwrap_or((authorization, ""));
    let token = value(given.trim());
    if !scheme.eq_ignore_ascii_case("Bearer") || token.is_empty() {
        return Err(Problem::unauthorized("Authorization must be 'Bearer', and the token of a connection"));
    }
    Ok(token)
}

fn value(given: &str) -> &str {
    match given.split_once('?') {
        Some((_, query)) => query.split('&').find_map(|pair| pair.strip_prefix("token=")).unwrap_or_default(),
        None => given.split('&').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_alone_and_in_its_url() {
        for given in [
            "Bearer tok_A1",
            "bearer  tok_A1 ",
            "Bearer wss://example.org?sessionId=room&token=tok_A1",
            "Bearer ws://localhost:4443/?token=tok_A1&sessionId=room",
            "Bearer wss://example.org?sessionId=room&token=tok_A1&edition=pro",
            "Bearer tok_A1&edition=pro",
        ] {
            assert_eq!(token(Some(given.as_bytes())), Ok("tok_A1"), "{given}");
        }
        for given in [
            "",
            "Bearer",
            "Bearer ",
            "Basic tok_A1",
            "tok_A1",
            "Bearer wss://example.org?sessionId=room",
            "Bearer \u{e4}?",
        ] {
            assert!(token(Some(given.as_bytes())).is_err(), "{given}");
        }
        assert!(token(None).is_err() && token(Some(b"Bearer \xff")).is_err());
    }
}
