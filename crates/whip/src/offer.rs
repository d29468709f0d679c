//! Whether an offer can be taken at all. It is asked before anybody joins: a token lets one in once, and shall not be lost by an
//! offer that nobody could have answered.

use protocol::media::Kinds;

use crate::sdp::{Lines, Section};
use crate::{Direction, Problem};

/// An offer that has what it needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer {
    pub(crate) sdp: String,
    /// What is sent, or wanted.
    pub(crate) kinds: Kinds,
}

impl Offer {
    /// Of a request's body.
    pub fn parse(body: &[u8], direction: Direction) -> Result<Self, Problem> {
        let sdp = str::from_utf8(body).map_err(|_| Problem::bad_request("The offer must be UTF-8"))?;
        if !sdp.starts_with("v=0") {
            return Err(Problem::bad_request("The body must be an SDP offer, which begins with 'v=0'"));
        }
        let lines =
            Lines::of(sdp).map_err(|_| Problem::bad_request("The offer must not have more than 16 sections"))?;
        for name in ["ice-ufrag", "ice-pwd", "fingerprint"] {
            if lines.find(name).is_none() {
                return Err(Problem::bad_request(format!("The offer has no 'a={name}'")));
            }
        }
        let kinds = kinds(&lines, direction)?;
        Ok(Self { sdp: sdp.to_owned(), kinds })
    }
}

/// RFC 9725 §4.4.1: at most one of each kind, over one transport. §4.4.3: all of what is offered, or nothing.
fn kinds(lines: &Lines<'_>, direction: Direction) -> Result<Kinds, Problem> {
    let mut of_kind = [("audio", None), ("video", None)];
    for section in &lines.sections {
        let Some((kind, taken)) = of_kind.iter_mut().find(|(kind, _)| *kind == section.kind()) else { continue };
        if !goes(lines, section, direction) {
            continue;
        }
        if taken.replace(section).is_some() {
            return Err(Problem::unprocessable(format!("The offer must not have more than one section of {kind}")));
        }
    }
    let [(_, audio), (_, video)] = of_kind;
    let wanted = match direction {
        Direction::Publish => "sends ('a=sendonly')",
        Direction::Play => "receives ('a=recvonly')",
    };
    match (audio, video) {
        (None, None) => return Err(Problem::unprocessable(format!("No section of the offer {wanted}"))),
        (Some(audio), Some(video)) => {
            let is_bundled =
                |section: &Section<'_>| section.find("mid").is_some_and(|mid| lines.bundled().any(|it| it == mid));
            if !is_bundled(audio) || !is_bundled(video) {
                return Err(Problem::unprocessable("Sound and pictures must be offered in one 'a=group:BUNDLE'"));
            }
        }
        _ => {}
    }
    if audio.is_some_and(|audio| direction == Direction::Publish && !has_opus(audio)) {
        return Err(Problem::unprocessable("Sound must be offered as Opus ('a=rtpmap:… opus/48000/2')"));
    }
    Ok(Kinds { audio: audio.is_some(), video: video.is_some() })
}

/// Whether media goes that way in a section. One without a word about it sends and receives (RFC 8866 §6.7).
fn goes(lines: &Lines<'_>, section: &Section<'_>, direction: Direction) -> bool {
    let own = |name: &&str| section.find(name).is_some();
    let of_all = |name: &&str| lines.attributes.contains(name);
    let names = ["sendrecv", "sendonly", "recvonly", "inactive"];
    let named = names.iter().find(|name| own(name)).or_else(|| names.iter().find(|name| of_all(name)));
    match (named.copied().unwrap_or("sendrecv"), direction) {
        ("sendrecv", _) | ("sendonly", Direction::Publish) | ("recvonly", Direction::Play) => true,
        (_, _) => false,
    }
}

fn has_opus(section: &Section<'_>) -> bool {
    let encodings =
        section.attributes.iter().filter_map(|attribute| attribute.strip_prefix("rtpmap:")?.split_once(' '));
    encodings.into_iter().any(|(_, encoding)| encoding.trim().to_ascii_lowercase().starts_with("opus/48000"))
}

#[cfg(test)]
pub(crate) mod tests {
    use http::StatusCode;

    use super::*;

    /// As OBS offers.
    pub(crate) const OFFER: &str = "v=0\r\n\
        o=rtc 4158491451 0 IN IP4 127.0.0.1\r\n\
        s=-\r\n\
        t=0 0\r\n\
        a=group:BUNDLE 0 1\r\n\
        a=group:LS 0 1\r\n\
        a=setup:actpass\r\n\
        a=ice-ufrag:Dlte\r\n\
        a=ice-pwd:8nS8ZLrsZFXBNGT1s5LgYN\r\n\
        a=ice-options:ice2,trickle\r\n\
        a=fingerprint:sha-256 0B:57:36:1B:1C\r\n\
        m=audio 54321 UDP/TLS/RTP/SAVPF 111\r\n\
        c=IN IP4 192.0.2.7\r\n\
        a=mid:0\r\n\
        a=sendonly\r\n\
        a=rtcp-mux\r\n\
        a=rtpmap:111 opus/48000/2\r\n\
        m=video 54321 UDP/TLS/RTP/SAVPF 96\r\n\
        a=mid:1\r\n\
        a=sendonly\r\n\
        a=rtpmap:96 H264/90000\r\n";

    fn refusal(sdp: &str, direction: Direction) -> (StatusCode, String) {
        let problem = Offer::parse(sdp.as_bytes(), direction).unwrap_err();
        (problem.status, problem.text)
    }

    #[test]
    fn what_clients_offer_is_taken_as_it_is() {
        let offer = Offer::parse(OFFER.as_bytes(), Direction::Publish).unwrap();
        assert_eq!((offer.sdp.as_str(), offer.kinds), (OFFER, Kinds { audio: true, video: true }));
        let receiving = OFFER.replace("sendonly", "recvonly");
        assert!(Offer::parse(receiving.as_bytes(), Direction::Play).is_ok());
        let unnamed = OFFER.replace("a=sendonly\r\n", "");
        for direction in [Direction::Publish, Direction::Play] {
            assert!(Offer::parse(unnamed.as_bytes(), direction).is_ok(), "it may do both");
        }
        let sound_alone = &OFFER[..OFFER.find("m=video").unwrap()];
        let offer = Offer::parse(sound_alone.replace("a=group:BUNDLE 0 1\r\n", "").as_bytes(), Direction::Publish);
        assert_eq!(offer.unwrap().kinds, Kinds { audio: true, video: false });
    }

    #[test]
    fn what_nobody_can_answer_is_refused_with_the_reason() {
        let bad = StatusCode::BAD_REQUEST;
        assert_eq!(refusal("", Direction::Publish).0, bad);
        assert_eq!(refusal("{}", Direction::Publish).0, bad);
        assert!(Offer::parse(b"v=0\r\n\xff", Direction::Publish).is_err_and(|problem| problem.status == bad));
        for name in ["ice-ufrag", "ice-pwd", "fingerprint"] {
            let (status, text) = refusal(&OFFER.replace(name, "x"), Direction::Publish);
            assert_eq!((status, text.contains(name)), (bad, true), "{text}");
        }
        assert_eq!(refusal(&format!("{OFFER}{}", "m=x\n".repeat(15)), Direction::Publish).0, bad);
        let twice = format!("{OFFER}{}", OFFER[OFFER.find("m=audio").unwrap()..].replace("mid:", "mid:a"));
        for (sdp, direction, word) in [
            (OFFER.to_owned(), Direction::Play, "recvonly"),
            (OFFER.replace("sendonly", "recvonly"), Direction::Publish, "sendonly"),
            (OFFER.replace("m=", "m=x"), Direction::Publish, "sendonly"),
            (twice, Direction::Publish, "audio"),
            (OFFER.replace("BUNDLE 0 1", "BUNDLE 0"), Direction::Publish, "BUNDLE"),
            (OFFER.replace("opus/48000", "PCMU/8000"), Direction::Publish, "Opus"),
        ] {
            let (status, text) = refusal(&sdp, direction);
            assert_eq!((status, text.contains(word)), (StatusCode::UNPROCESSABLE_ENTITY, true), "{text}");
        }
    }
}
