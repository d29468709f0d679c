//! What a client sends to its resource: a fragment of SDP (RFC 8840) with candidates, or with new credentials of ICE.

use protocol::media::IceCredentials;

use crate::Problem;
use crate::sdp::Lines;

/// A browser with many interfaces has some twenty.
const MAX_CANDIDATES: usize = 64;
/// RFC 8839 §5.4.
const UFRAG: std::ops::RangeInclusive<usize> = 4..=256;
const PASSWORD: std::ops::RangeInclusive<usize> = 22..=256;

/// One of them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Fragment {
    /// Of the client's ICE.
    pub ufrag: Option<String>,
    password: Option<String>,
    /// `candidate:…`, of all sections: they share one transport.
    pub candidates: Vec<String>,
}

impl Fragment {
    /// Of a request's body.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let text = str::from_utf8(body).map_err(|_| Problem::bad_request("The fragment must be UTF-8"))?;
        let lines =
            Lines::of(text).map_err(|_| Problem::bad_request("The fragment must not have more than 16 sections"))?;
        let ufrag = text_of(&lines, "ice-ufrag", UFRAG)?;
        let password = text_of(&lines, "ice-pwd", PASSWORD)?;
        let attributes = lines.sections.iter().flat_map(|section| &section.attributes);
        let mut candidates: Vec<String> = vec![];
        for candidate in attributes.filter(|attribute| attribute.starts_with("candidate:")) {
            if candidates.iter().any(|known| known == candidate) {
                continue;
            }
            if candidates.len() == MAX_CANDIDATES {
                let text = format!("The fragment must not have more than {MAX_CANDIDATES} candidates");
                return Err(Problem::bad_request(text));
            }
            candidates.push((*candidate).to_owned());
        }
        Ok(Self { ufrag, password, candidates })
    }

    /// Both, if there is a name.
    pub(crate) fn credentials(&self) -> Result<Option<IceCredentials>, Problem> {
        let Some(ufrag) = self.ufrag.clone() else { return Ok(None) };
        let missing = || Problem::bad_request("ICE begins anew with 'a=ice-ufrag' and 'a=ice-pwd'");
        Ok(Some(IceCredentials { ufrag, password: self.password.clone().ok_or_else(missing)? }))
    }
}

/// The value of an attribute: characters of ICE (RFC 8839 §5.4).
fn text_of(lines: &Lines<'_>, name: &str, length: std::ops::RangeInclusive<usize>) -> Result<Option<String>, Problem> {
    let Some(value) = lines.find(name) else { return Ok(None) };
    let is_of_ice = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/');
    if !length.contains(&value.len()) || !is_of_ice {
        let (least, most) = (length.start(), length.end());
        let text = format!("'a={name}' must have {least} to {most} letters, digits, '+' or '/'");
        return Err(Problem::bad_request(text));
    }
    Ok(Some(value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9725 §4.3.2.
    const TRICKLED: &str = "a=group:BUNDLE 0 1\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
        a=mid:0\r\n\
        a=ice-ufrag:EsAw\r\n\
        a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n\
        a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1\r\n\
        a=candidate:3471623853 1 udp 2122194687 198.51.100.2 61765 typ host generation 0 ufrag EsAw network-id 2\r\n\
        a=end-of-candidates\r\n";

    #[test]
    fn credentials_and_candidates_are_found_wherever_they_stand() {
        let fragment = Fragment::parse(TRICKLED.as_bytes()).unwrap();
        assert_eq!((fragment.ufrag.as_deref(), fragment.candidates.len()), (Some("EsAw"), 2));
        assert!(fragment.candidates[0].starts_with("candidate:1387637174 1 udp"));
        let credentials = fragment.credentials().unwrap().unwrap();
        assert_eq!(credentials.password, "P2uYro0UCOQ4zxjKXaWCBui1");
        let above =
            Fragment::parse(b"a=ice-ufrag:EsAw\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\nm=audio 9 RTP 0\na=mid:0\n")
                .unwrap();
        assert_eq!((above.ufrag.as_deref(), above.candidates.len()), (Some("EsAw"), 0));
        let twice =
            format!("{TRICKLED}m=video 9 RTP 0\r\na=mid:1\r\n{}", &TRICKLED[TRICKLED.find("a=candidate").unwrap()..]);
        assert_eq!(Fragment::parse(twice.as_bytes()).unwrap(), fragment);
        assert_eq!(Fragment::parse(b"").unwrap(), Fragment::default());
    }

    #[test]
    fn what_is_none_is_refused() {
        for fragment in ["a=ice-ufrag:abc", "a=ice-ufrag:ab cd", "a=ice-pwd:short", "a=ice-ufrag:"] {
            assert!(Fragment::parse(fragment.as_bytes()).is_err(), "{fragment}");
        }
        let long = format!("a=ice-ufrag:{}", "a".repeat(257));
        assert!(Fragment::parse(long.as_bytes()).is_err() && Fragment::parse(b"\xff").is_err());
        let many: String = (0..65).map(|n| format!("a=candidate:{n} 1 udp 1 192.0.2.1 1 typ host\r\n")).collect();
        assert!(Fragment::parse(format!("m=audio 9 RTP 0\r\n{many}").as_bytes()).is_err());
        let alone = Fragment::parse(b"a=ice-ufrag:EsAw").unwrap();
        assert!(alone.credentials().is_err());
    }
}
