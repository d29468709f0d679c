//! What clients are told besides SDP: entity tags, ICE servers, and our side of ICE that begins anew.

use std::fmt::Write as _;

use protocol::media::IceCredentials;
use protocol::model::IceServer;
use session::CallerView;

use crate::sdp::Lines;

/// The entity tag of a resource whose ICE began anew so often.
pub fn entity_tag(restarts: u32) -> String {
    format!("\"{restarts}\"")
}

/// A `Link` for each server (RFC 9725 §4.6). One that cannot be written as a header is left out.
pub fn ice_server_links(servers: &[IceServer]) -> Vec<String> {
    let is_plain = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && !b"\"\\<>".contains(&byte));
    let link = |server: &IceServer| {
        let IceServer { url, username, credential } = server;
        let mut link = format!("<{url}>; rel=\"ice-server\"");
        if let (Some(username), Some(credential)) = (username, credential) {
            let _ =
                write!(link, "; username=\"{username}\"; credential=\"{credential}\"; credential-type=\"password\"");
        }
        let texts = [Some(url), username.as_ref(), credential.as_ref()];
        texts.into_iter().flatten().all(|text| is_plain(text)).then_some(link)
    };
    servers.iter().filter_map(link).collect()
}

/// Our new credentials and where we are, as a fragment (RFC 9725 §4.3.3).
pub fn restarted(resource: &CallerView, credentials: &IceCredentials, candidates: &[String]) -> String {
    let mut fragment = String::new();
    let mut line = |text: std::fmt::Arguments<'_>| {
        // Writing to a `String` does not fail.
        let _ = write!(fragment, "{text}\r\n");
    };
    line(format_args!("a=ice-ufrag:{}", credentials.ufrag));
    line(format_args!("a=ice-pwd:{}", credentials.password));
    // Candidates stand in a section, the first one, whose transport all of them use.
    if let Ok(lines) = Lines::of(&resource.remote_sdp)
        && let Some(section) = lines.sections.first()
    {
        line(format_args!("m={}", section.media));
        if let Some(mid) = section.find("mid") {
            line(format_args!("a=mid:{mid}"));
        }
        for candidate in candidates {
            line(format_args!("a={candidate}"));
        }
        line(format_args!("a=end-of-candidates"));
    }
    fragment
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fragment;
    use crate::offer::tests::OFFER;

    #[test]
    fn servers_are_links_and_what_cannot_be_one_is_left_out() {
        let server = |url: &str, name: Option<&str>| IceServer {
            url: url.to_owned(),
            username: name.map(str::to_owned),
            credential: name.map(|name| format!("{name}+/=")),
        };
        let servers = [
            server("stun:stun.example.net", None),
            server("turn:turn.example.net:3478?transport=tcp", Some("1700000000:con_a")),
            server("turn:turn.example.net", Some("a\"b")),
            server("stun:x\r\nSet-Cookie: y", None),
        ];
        assert_eq!(
            ice_server_links(&servers),
            [
                "<stun:stun.example.net>; rel=\"ice-server\"",
                "<turn:turn.example.net:3478?transport=tcp>; rel=\"ice-server\"; username=\"1700000000:con_a\"; \
                 credential=\"1700000000:con_a+/=\"; credential-type=\"password\"",
            ]
        );
    }

    #[test]
    fn a_restart_is_answered_in_the_first_section_of_the_offer() {
        let resource = CallerView {
            client: "handle".into(),
            endpoint: None,
            restarts: 1,
            remote_sdp: OFFER.into(),
            remote_ufrag: None,
        };
        let credentials = IceCredentials { ufrag: "abcd".to_owned(), password: "0123456789abcdef012345".to_owned() };
        let fragment = restarted(&resource, &credentials, &["candidate:1 1 udp 1 192.0.2.1 1 typ host".to_owned()]);
        assert!(fragment.contains("m=audio 54321 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=candidate:1"), "{fragment}");
        let read = Fragment::parse(fragment.as_bytes()).unwrap();
        assert_eq!((read.ufrag.as_deref(), read.candidates.len()), (Some("abcd"), 1));
    }
}
