//! Messages in byte streams: frames of ICE over TCP (RFC 4571, RFC 6544) and STUN messages and ChannelData of TURN over
//! TCP and TLS (RFC 8656 §12.5).
//!
//! It reads what strangers send and holds one message at most. What is in a message is not known here.

use crate::{COOKIE, HEADER, kind};

/// Longer ones are nobody's: media fits a datagram, and so does what carries it.
const LONGEST: usize = 4096;
/// Enough to tell the two framings apart.
const OPENING: usize = 10;
const STUN_COOKIE: [u8; 4] = COOKIE.to_be_bytes();
const BINDING_REQUEST: [u8; 2] = kind::BINDING.to_be_bytes();
/// What comes before the data of a ChannelData message.
const CHANNEL_HEADER: usize = 4;

/// How a stream is divided into messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// A length of two bytes before each message.
    Ice,
    /// Each message tells its own length; ChannelData is padded to a multiple of four.
    Turn,
}

/// The stream is not what it seemed to be; nothing more can be read from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FramingError {
    /// Neither framing begins like this.
    #[error("neither ICE nor TURN")]
    Unknown,
    /// A length above the limit.
    #[error("a message of more than {LONGEST} bytes")]
    TooLong,
    /// Not the beginning of a STUN message or of ChannelData.
    #[error("neither STUN nor ChannelData")]
    Malformed,
}

/// Whether a stream that begins with this byte may be one of ours: STUN's two leading zero bits, or the length of a short
/// first frame. No HTTP request and no TLS record begins so.
pub fn may_begin(byte: u8) -> bool {
    byte <= 3
}

impl Framing {
    /// Which one it is; `None` until enough of the stream is there. ICE begins with a connectivity check, TURN with any
    /// STUN request.
    fn of(opening: &[u8]) -> Result<Option<Self>, FramingError> {
        match opening.first() {
            None => return Ok(None),
            Some(first) if !may_begin(*first) => return Err(FramingError::Unknown),
            Some(_) => {}
        }
        let Some(opening) = opening.first_chunk::<OPENING>() else {
            return Ok(None);
        };
        let length = |at: usize| usize::from(u16::from_be_bytes([opening[at], opening[at + 1]]));
        let is_check = opening[2..4] == BINDING_REQUEST && length(0) == HEADER + length(4);
        if opening[4..8] == STUN_COOKIE {
            Ok(Some(Self::Turn))
        } else if opening[6..10] == STUN_COOKIE && is_check {
            Ok(Some(Self::Ice))
        } else {
            Err(FramingError::Unknown)
        }
    }

    /// Where the first message begins and ends in `bytes`, and where the next one begins; `None` while its length is not
    /// known yet.
    fn extent(self, bytes: &[u8]) -> Result<Option<Extent>, FramingError> {
        let (start, end) = match self {
            Self::Ice => {
                let Some(length) = bytes.first_chunk() else {
                    return Ok(None);
                };
                (2, 2 + usize::from(u16::from_be_bytes(*length)))
            }
            Self::Turn => {
                let Some([first, _, length @ ..]) = bytes.first_chunk::<4>() else {
                    return Ok(None);
                };
                let length = usize::from(u16::from_be_bytes(*length));
                match first >> 6 {
                    0 if length % 4 == 0 => (0, HEADER + length),
                    1 => (0, CHANNEL_HEADER + length),
                    _ => return Err(FramingError::Malformed),
                }
            }
        };
        if end - start > LONGEST {
            return Err(FramingError::TooLong);
        }
        let next = match self {
            Self::Ice => end,
            Self::Turn => end.next_multiple_of(4),
        };
        Ok(Some(Extent { start, end, next }))
    }

    /// Appends `message` as it stands in a stream.
    pub fn write(self, message: &[u8], stream: &mut Vec<u8>) {
        match self {
            Self::Ice => {
                let Ok(length) = u16::try_from(message.len()) else {
                    return;
                };
                stream.extend_from_slice(&length.to_be_bytes());
                stream.extend_from_slice(message);
            }
            Self::Turn => {
                stream.extend_from_slice(message);
                stream.resize(stream.len() + message.len().next_multiple_of(4) - message.len(), 0);
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Extent {
    start: usize,
    end: usize,
    next: usize,
}

/// Takes a stream piece by piece and gives its messages. After an error it gives nothing but errors.
#[derive(Debug, Default)]
pub struct StreamDecoder {
    framing: Option<Framing>,
    bytes: Vec<u8>,
    start: usize,
}

impl StreamDecoder {
    /// Of a stream whose framing is known: the answers to what was sent in it.
    pub fn of(framing: Framing) -> Self {
        Self { framing: Some(framing), ..Self::default() }
    }

    /// What has been read from the stream. Take all messages before the next piece: nothing else bounds the memory.
    pub fn push(&mut self, piece: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(piece);
    }

    /// How the stream is divided, once that is known.
    pub fn framing(&self) -> Option<Framing> {
        self.framing
    }

    /// The next message, if it is there as a whole. Never empty.
    pub fn next_message(&mut self) -> Result<Option<&[u8]>, FramingError> {
        loop {
            let rest = &self.bytes[self.start..];
            if self.framing.is_none() {
                self.framing = Framing::of(rest)?;
            }
            let Some(framing) = self.framing else {
                return Ok(None);
            };
            let Some(extent) = framing.extent(rest)?.filter(|extent| extent.next <= rest.len()) else {
                return Ok(None);
            };
            let message = self.start + extent.start..self.start + extent.end;
            self.start += extent.next;
            // Empty frames only keep a connection open.
            if !message.is_empty() {
                return Ok(Some(&self.bytes[message]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stun(kind: u16, body: &[u8]) -> Vec<u8> {
        let mut message = kind.to_be_bytes().to_vec();
        message.extend_from_slice(&(body.len() as u16).to_be_bytes());
        message.extend_from_slice(&STUN_COOKIE);
        message.extend_from_slice(b"transaction!");
        message.extend_from_slice(body);
        message
    }

    fn check() -> Vec<u8> {
        stun(1, &[0; 60])
    }

    fn framed(framing: Framing, messages: &[&[u8]]) -> Vec<u8> {
        let mut stream = vec![];
        for message in messages {
            framing.write(message, &mut stream);
        }
        stream
    }

    /// All messages of a stream that arrives in pieces of this size.
    fn read(stream: &[u8], piece: usize) -> (Vec<Vec<u8>>, Option<Framing>, Result<(), FramingError>) {
        let mut decoder = StreamDecoder::default();
        let mut messages = vec![];
        for piece in stream.chunks(piece) {
            decoder.push(piece);
            loop {
                match decoder.next_message() {
                    Ok(Some(message)) => messages.push(message.to_vec()),
                    Ok(None) => break,
                    Err(broken) => return (messages, decoder.framing, Err(broken)),
                }
            }
        }
        (messages, decoder.framing, Ok(()))
    }

    #[test]
    fn both_framings_are_told_apart_and_read_however_they_are_cut() {
        let (check, allocate) = (check(), stun(3, &[0; 8]));
        let channel_data = [&[0x40, 1, 0, 5][..], b"media"].concat();
        for (framing, messages) in [
            (Framing::Ice, [&check[..], &[0x80; 1200], b"\x16\x03"]),
            (Framing::Turn, [&allocate[..], &channel_data, &check]),
            (Framing::Turn, [&check[..], &allocate, &channel_data]),
        ] {
            let stream = framed(framing, &messages);
            for piece in [1, 2, 3, 7, 11, 1000, stream.len()] {
                assert_eq!(read(&stream, piece), (messages.map(<[u8]>::to_vec).to_vec(), Some(framing), Ok(())));
            }
        }
    }

    #[test]
    fn empty_frames_are_skipped() {
        let check = check();
        let stream = framed(Framing::Ice, &[&check, b"", b"", b"x"]);
        assert_eq!(read(&stream, 5).0, [check, b"x".to_vec()]);
    }

    #[test]
    fn a_stream_that_is_neither_is_refused_as_early_as_possible() {
        let refused = |stream: &[u8]| read(stream, 1) == (vec![], None, Err(FramingError::Unknown));
        assert!(refused(b"GET / HTTP/1.1\r\n"));
        assert!(refused(b"\x16\x03\x01"));
        assert!(refused(&[0; 10]) && !refused(&[0; 9]));
        // A frame that does not begin with a connectivity check, and one whose lengths disagree.
        assert!(refused(&framed(Framing::Ice, &[&stun(3, &[])])));
        assert!(refused(&[&[0, 99], &check()[..]].concat()));
    }

    #[test]
    fn lengths_are_limited_before_anything_is_kept() {
        let check = check();
        for long in [LONGEST + 1, usize::from(u16::MAX)] {
            let stream = [&framed(Framing::Ice, &[&check])[..], &(long as u16).to_be_bytes()].concat();
            assert_eq!(read(&stream, 1).2, Err(FramingError::TooLong));
        }
        let stream = [&check[..], &[0x40, 0, 0xff, 0xff]].concat();
        assert_eq!(read(&stream, 1).2, Err(FramingError::TooLong));
        let whole = framed(Framing::Ice, &[&check, &[7; LONGEST]]);
        assert_eq!(read(&whole, 100).0[1].len(), LONGEST);
    }

    #[test]
    fn what_is_no_turn_message_breaks_the_stream() {
        for next in [&[0x80, 0x60, 0, 0][..], &[0, 1, 0, 3], b"\xff\xff\xff\xff"] {
            let stream = [&check()[..], next].concat();
            assert_eq!(read(&stream, 1).2, Err(FramingError::Malformed));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_stream_makes_it_panic_or_grow(
            opening in proptest::sample::select(vec![vec![], framed(Framing::Ice, &[&check()]), check()]),
            bytes: Vec<u8>,
            piece in 1_usize..200,
        ) {
            let stream = [opening, bytes].concat();
            let mut decoder = StreamDecoder::default();
            'stream: for piece in stream.chunks(piece) {
                decoder.push(piece);
                loop {
                    match decoder.next_message() {
                        Ok(Some(message)) => proptest::prop_assert!(!message.is_empty() && message.len() <= LONGEST),
                        Ok(None) => break,
                        Err(_) => break 'stream,
                    }
                }
                proptest::prop_assert!(decoder.bytes.len() - decoder.start < LONGEST + 4);
            }
        }
    }
}
