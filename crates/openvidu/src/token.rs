//! The token URL: what a client needs to join, as one text. Whether a token is valid is decided by its
//! session.

use protocol::id::SessionId;
use session::snapshot::Token;

/// As applications see it: the URL, or the bare value of a token that nobody made.
pub(crate) fn shown(token: &Token, session: &SessionId) -> String {
    match &token.origin {
        Some(origin) => url(origin, session, &token.value),
        None => token.value.clone(),
    }
}

/// `wss://host?sessionId=…&token=tok_…`. No slash before the `?`: applications and tests compare it.
fn url(origin: &str, session: &SessionId, token: &str) -> String {
    format!("{origin}?sessionId={session}&token={token}")
}

/// The `tok_…` inside what a client sends: the `token=` value of the URL (which proxies and applications may have
/// re-encoded around it), or the bare value.
pub(crate) fn value(sent: &str) -> &str {
    let Some((_, query)) = sent.split_once('?') else { return sent };
    query.split('&').find_map(|pair| pair.strip_prefix("token=")).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_found_in_its_own_url() {
        let url = url("wss://example.com:4443", &"room".into(), "tok_A1");
        assert_eq!(url, "wss://example.com:4443?sessionId=room&token=tok_A1");
        assert_eq!(value(&url), "tok_A1");
    }

    #[test]
    fn the_value_is_found_whatever_stands_around_it() {
        assert_eq!(value("wss://other/path/?token=tok_A1&sessionId=room&edition=pro"), "tok_A1");
        assert_eq!(value("tok_A1"), "tok_A1");
        assert_eq!(value(""), "");
        assert_eq!(value("wss://host?sessionId=room"), "");
    }
}
