//! The token URL: what a client needs to join, as one text. Whether a token is valid is decided by its
//! session.

use protocol::id::SessionId;
use session::snapshot::Token;

/// As applications see it: the URL, or the bare value of a token that nobody made.
pub(crate) fn shown(token: &Token, session: &SessionId) -> String {
    match &token.origin {
        Some(origin) => url(origin, session, &token.value) + if token.virtual_background { EDITION } else { "" },
        None => token.value.clone(),
    }
}

/// Openvidu-browser from 2.22 on looks for virtual backgrounds if it reads this. It also sends its log if another parameter says
/// so, which no token has. Clients before that know nothing of it.
const EDITION: &str = "&edition=pro";

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

/// What a client says of its token: where it belongs, and the `tok_…`. It may be made up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SentToken<'a> {
    /// Session id.
    pub session: &'a str,
    /// `tok_…`: a secret.
    pub value: &'a str,
}

impl<'a> SentToken<'a> {
    /// Out of the URL; nothing if one of the two is not there.
    pub fn parse(url: &'a str) -> Option<Self> {
        let (_, query) = url.split_once('?')?;
        let find = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        Some(Self { session: find("sessionId")?, value: find("token")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_told_of_virtual_backgrounds_where_there_are_some() {
        let token = |origin: Option<&str>, virtual_background| Token {
            value: "tok_A1".to_owned(),
            origin: origin.map(str::to_owned),
            virtual_background,
        };
        let session = "room".into();
        let url = shown(&token(Some("wss://h"), true), &session);
        assert_eq!(url, "wss://h?sessionId=room&token=tok_A1&edition=pro");
        assert_eq!(value(&url), "tok_A1");
        assert_eq!(shown(&token(Some("wss://h"), false), &session), "wss://h?sessionId=room&token=tok_A1");
        assert_eq!(shown(&token(None, false), &session), "tok_A1");
    }

    #[test]
    fn a_sent_token_names_its_session() {
        let parse = |url| SentToken::parse(url).map(|SentToken { session, value }| (session, value));
        assert_eq!(parse("wss://h?sessionId=room&token=tok_A1&edition=pro"), Some(("room", "tok_A1")));
        assert_eq!(parse("wss://h?x=1&token=tok_A1&sessionId=room"), Some(("room", "tok_A1")));
        for wrong in ["", "tok_A1", "wss://h?token=tok_A1", "wss://h?sessionId=room", "sessionId=room&token=tok_A1"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

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
