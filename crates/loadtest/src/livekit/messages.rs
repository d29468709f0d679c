//! The messages of LiveKit's signalling that we write and read, by the field numbers of its `livekit_rtc.proto` and
//! `livekit_models.proto`.

use super::protobuf::{Field, Reader, Writer};
use crate::packet::Track;

/// To which of a participant's two peer connections a candidate belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PeerConnection {
    Publisher,
    Subscriber,
}

/// A `SignalResponse`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Response {
    /// Those who were there already, by what the server calls them.
    Join {
        others: Vec<String>,
    },
    /// To what we have offered.
    Answer {
        sdp: String,
    },
    /// `id` goes back with the answer.
    Offer {
        sdp: String,
        id: u64,
    },
    /// `init` is what browsers call `RTCIceCandidateInit`, in JSON.
    Trickle {
        peer: PeerConnection,
        init: String,
    },
    TrackPublished,
    /// We are put out, with the number of `DisconnectReason`.
    Leave {
        reason: u64,
    },
    /// Something that we need not know.
    Other,
}

impl Response {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let field = Reader::new(bytes).fields().find_map(|(number, value)| match value {
            Field::Bytes(message) => Some((number, Reader::new(message))),
            Field::Integer(_) => None,
        });
        let Some((number, message)) = field else { return Self::Other };
        match number {
            1 => Self::Join { others: message.all(3).map(|other| Reader::new(other).text(1)).collect() },
            2 => Self::Answer { sdp: message.text(2) },
            3 => Self::Offer { sdp: message.text(2), id: message.integer(3) },
            4 => {
                let peer = if message.integer(2) == 0 { PeerConnection::Publisher } else { PeerConnection::Subscriber };
                Self::Trickle { peer, init: message.text(1) }
            }
            6 => Self::TrackPublished,
            8 => Self::Leave { reason: message.integer(2) },
            _ => Self::Other,
        }
    }
}

/// A `SignalRequest` with an offer.
pub(super) fn offer(sdp: &str) -> Vec<u8> {
    Writer::default().message(1, &description("offer", sdp, 1)).finish()
}

/// With the answer to the offer of that number.
pub(super) fn answer(sdp: &str, id: u64) -> Vec<u8> {
    Writer::default().message(2, &description("answer", sdp, id)).finish()
}

fn description(kind: &str, sdp: &str, id: u64) -> Writer {
    Writer::default().text(1, kind).text(2, sdp).integer(3, id)
}

/// That we are going to publish a track, which our offer calls by its name.
pub(super) fn add_track(track: Track, kbps: u32) -> Vec<u8> {
    let request = Writer::default().text(1, track.name()).text(2, track.name());
    let request = match track {
        // A microphone; sound is sent once, without a second copy in it (RED).
        Track::Audio => request.integer(8, 2).integer(13, 1),
        // A camera of 1280x720 in one layer, the high one.
        Track::Video => {
            let size = |writer: Writer, first: u32| writer.integer(first, 1280).integer(first + 1, 720);
            let layer = size(Writer::default().integer(1, 2), 2).integer(4, u64::from(kbps) * 1000);
            size(request.integer(3, 1), 4).integer(8, 1).message(9, &layer)
        }
    };
    Writer::default().message(4, &request).finish()
}

/// So that the server knows that we are there; milliseconds since 1970.
pub(super) fn ping(milliseconds: u64) -> Vec<u8> {
    Writer::default().message(16, &Writer::default().integer(1, milliseconds)).finish()
}

/// That we leave, because the client wants to (1).
pub(super) fn leave() -> Vec<u8> {
    Writer::default().message(8, &Writer::default().integer(2, 1)).finish()
}

/// What an `RTCIceCandidateInit` says; nothing for the end of candidates.
pub(super) fn candidate(init: &str) -> Option<String> {
    let init: serde_json::Value = serde_json::from_str(init).ok()?;
    init["candidate"].as_str().filter(|candidate| !candidate.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_read() {
        let of = |number, message: Writer| Response::read(&Writer::default().message(number, &message).finish());
        let other = |sid: &str| Writer::default().text(1, sid).text(2, "identity");
        let join = Writer::default().text(9, "?").message(3, &other("PA_1")).message(3, &other("PA_2"));
        assert_eq!(of(1, join), Response::Join { others: vec!["PA_1".to_owned(), "PA_2".to_owned()] });
        assert_eq!(of(2, description("answer", "v=0", 1)), Response::Answer { sdp: "v=0".to_owned() });
        assert_eq!(of(3, description("offer", "v=0", 7)), Response::Offer { sdp: "v=0".to_owned(), id: 7 });
        let trickle = |target| Writer::default().text(1, "{}").integer(2, target);
        let init = || "{}".to_owned();
        assert_eq!(of(4, trickle(0)), Response::Trickle { peer: PeerConnection::Publisher, init: init() });
        assert_eq!(of(4, trickle(1)), Response::Trickle { peer: PeerConnection::Subscriber, init: init() });
        assert_eq!(of(8, Writer::default().integer(2, 5)), Response::Leave { reason: 5 });
        assert_eq!(of(6, Writer::default()), Response::TrackPublished);
        assert_eq!(of(10, Writer::default()), Response::Other);
        assert_eq!(Response::read(&[]), Response::Other);
        assert_eq!(Response::read(&[0xff; 40]), Response::Other);
    }

    #[test]
    fn requests_stand_in_the_fields_of_the_protocol() {
        let (sdp, number) =
            (answer("v=0", 9), |bytes: &[u8]| Reader::new(bytes).fields().next().map(|(field, _)| field));
        let description = Reader::new(Reader::new(&sdp).all(2).next().unwrap());
        assert_eq!(
            (description.text(1), description.text(2), description.integer(3)),
            ("answer".into(), "v=0".into(), 9)
        );
        assert_eq!([offer("v=0"), ping(1), leave()].map(|bytes| number(&bytes)), [Some(1), Some(16), Some(8)]);
        let picture = add_track(Track::Video, 1500);
        let picture = Reader::new(Reader::new(&picture).all(4).next().unwrap());
        assert_eq!((picture.text(1), picture.integer(3), picture.integer(8)), ("video".into(), 1, 1));
        let layer = Reader::new(picture.all(9).next().unwrap());
        assert_eq!([2, 3, 4].map(|field| layer.integer(field)), [1280, 720, 1_500_000]);
        let sound = add_track(Track::Audio, 0);
        let sound = Reader::new(Reader::new(&sound).all(4).next().unwrap());
        assert_eq!((sound.integer(3), sound.integer(8), sound.all(9).count()), (0, 2, 0));
    }

    #[test]
    fn a_candidate_is_what_browsers_are_told() {
        assert_eq!(candidate(r#"{"candidate":"candidate:1 1 udp 1 10.0.0.1 7 typ host"}"#).unwrap().len(), 39);
        for none in [r#"{"candidate":""}"#, "{}", "", "x"] {
            assert_eq!(candidate(none), None, "{none}");
        }
    }
}
