//! What a participant has to know of a server's offer or answer beside what the engine does with it.

use std::collections::BTreeSet;

/// Whose streams are offered: the first part of each `msid` (RFC 8830) of what is sent.
///
/// LiveKit writes a participant and one of its tracks there, with a bar between them: the track is left out, so that the sound
/// and the picture of one participant are one stream.
pub(crate) fn streams(offer: &str) -> BTreeSet<String> {
    let mut sections = offer.split("\nm=");
    // What stands before the first is about all of them.
    sections.next();
    sections.filter(|section| is_sent(section)).filter_map(stream).collect()
}

fn is_sent(section: &str) -> bool {
    !section.lines().any(|line| matches!(line.trim_end(), "a=inactive" | "a=recvonly"))
}

fn stream(section: &str) -> Option<String> {
    let id = section.lines().find_map(|line| line.trim_end().strip_prefix("a=msid:"))?;
    let id = id.split([' ', '|']).next().unwrap_or_default();
    // `-`: it belongs to none.
    (!id.is_empty() && id != "-").then(|| id.to_owned())
}

/// kbit/s of pictures that an answer allows (`b=` of RFC 8866, RFC 3890), if it says so.
pub(crate) fn most_kbps(answer: &str) -> Option<u32> {
    let video = answer.split("\nm=").find(|section| section.starts_with("video "))?;
    let value = |name: &str| video.lines().find_map(|line| line.trim_end().strip_prefix(name)?.parse::<u32>().ok());
    value("b=TIAS:").map(|bits| bits / 1000).or_else(|| value("b=AS:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_and_picture_of_one_participant_are_one_stream() {
        let offer = "v=0\r\ns=-\r\na=msid-semantic:WMS *\r\n\
            m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n\
            m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=sendonly\r\na=msid:PA_1|TR_2 TR_2\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=sendrecv\r\na=msid:PA_1|TR_3 TR_3\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=sendonly\r\na=msid:other x\r\n";
        assert_eq!(streams(offer), BTreeSet::from(["PA_1".to_owned(), "other".to_owned()]));
    }

    #[test]
    fn what_pictures_may_take_is_read_from_their_own_section() {
        let answer = |line: &str| {
            format!(
                "v=0\r\ns=-\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nb=AS:9\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n{line}a=mid:1\r\n"
            )
        };
        assert_eq!(most_kbps(&answer("b=AS:1750\r\n")), Some(1750));
        assert_eq!(most_kbps(&answer("b=AS:1\r\nb=TIAS:1750999\r\n")), Some(1750));
        assert_eq!(most_kbps(&answer("b=AS:much\r\n")), None);
        assert_eq!(most_kbps(&answer("")), None);
        assert_eq!(most_kbps(""), None);
    }

    #[test]
    fn what_is_not_sent_and_what_is_nobodys_does_not_count() {
        let offer = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=inactive\r\na=msid:PA_1 a\r\n\
            m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=sendonly\r\na=msid:- a\r\n";
        assert_eq!(streams(offer), BTreeSet::new());
        assert_eq!(streams(""), BTreeSet::new());
    }
}
