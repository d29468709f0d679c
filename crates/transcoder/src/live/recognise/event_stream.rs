//! Messages of Amazon's event streams: lengths, headers, a payload, and checksums of both.

use crc32fast::hash as checksum;

/// Bytes before the headers: two lengths and their checksum.
const PRELUDE: usize = 12;
const CHECKSUM: usize = 4;
/// A header's value that is a text.
const TEXT: u8 = 7;

/// A message with text headers alone; others are passed over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct EventMessage<'a> {
    pub(super) headers: Vec<(&'a str, &'a str)>,
    pub(super) payload: &'a [u8],
}

impl<'a> EventMessage<'a> {
    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// As it goes over the wire. Nothing, if a header is too long for it.
    pub(super) fn write(&self) -> Option<Vec<u8>> {
        let mut headers = Vec::new();
        for (name, value) in &self.headers {
            headers.push(u8::try_from(name.len()).ok()?);
            headers.extend_from_slice(name.as_bytes());
            headers.push(TEXT);
            headers.extend_from_slice(&u16::try_from(value.len()).ok()?.to_be_bytes());
            headers.extend_from_slice(value.as_bytes());
        }
        let total = PRELUDE + headers.len() + self.payload.len() + CHECKSUM;
        let mut message = Vec::with_capacity(total);
        message.extend_from_slice(&u32::try_from(total).ok()?.to_be_bytes());
        message.extend_from_slice(&u32::try_from(headers.len()).ok()?.to_be_bytes());
        message.extend_from_slice(&checksum(&message).to_be_bytes());
        message.extend_from_slice(&headers);
        message.extend_from_slice(self.payload);
        message.extend_from_slice(&checksum(&message).to_be_bytes());
        Some(message)
    }

    /// Reads a whole message; nothing, if it is none.
    pub(super) fn read(message: &'a [u8]) -> Option<Self> {
        let (all, sum) = message.split_at_checked(message.len().checked_sub(CHECKSUM)?)?;
        let (prelude, rest) = all.split_at_checked(PRELUDE)?;
        let number = |at: usize| prelude[at..].first_chunk().copied().map(u32::from_be_bytes);
        let (total, headers) = (number(0)?, number(4)?);
        let is_whole = usize::try_from(total) == Ok(message.len())
            && number(8) == Some(checksum(&prelude[..8]))
            && sum.first_chunk().copied().map(u32::from_be_bytes) == Some(checksum(all));
        if !is_whole {
            return None;
        }
        let (headers, payload) = rest.split_at_checked(usize::try_from(headers).ok()?)?;
        Some(Self { headers: texts(headers)?, payload })
    }
}

fn texts(mut rest: &[u8]) -> Option<Vec<(&str, &str)>> {
    let mut found = vec![];
    while let Some((length, after)) = rest.split_first() {
        let (name, after) = after.split_at_checked(usize::from(*length))?;
        let (kind, after) = after.split_first()?;
        let (value, after) = match kind {
            0 | 1 => (None, after),
            2 => (None, after.get(1..)?),
            3 => (None, after.get(2..)?),
            4 => (None, after.get(4..)?),
            5 | 8 => (None, after.get(8..)?),
            9 => (None, after.get(16..)?),
            6 | &TEXT => {
                let (length, after) = after.split_first_chunk()?;
                let (value, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
                (Some(value).filter(|_| *kind == TEXT), after)
            }
            _ => return None,
        };
        if let Some(value) = value {
            found.push((std::str::from_utf8(name).ok()?, std::str::from_utf8(value).ok()?));
        }
        rest = after;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_audio_event_is_as_documented() {
        let headers = vec![
            (":content-type", "application/octet-stream"),
            (":event-type", "AudioEvent"),
            (":message-type", "event"),
        ];
        let event = EventMessage { headers, payload: &[1, 2, 3] };
        let message = event.write().unwrap();
        let of_headers = 3 * 4 + 13 + 24 + 11 + 10 + 13 + 5;
        assert_eq!(message.len(), 16 + of_headers + 3);
        assert_eq!(message[..8], [0, 0, 0, message.len() as u8, 0, 0, 0, of_headers as u8]);
        assert_eq!(&message[12..30], b"\x0d:content-type\x07\x00\x18a");
        assert_eq!(EventMessage::read(&message), Some(event.clone()));
        assert_eq!(event.header(":event-type"), Some("AudioEvent"));
        for at in 0..message.len() {
            let mut broken = message.clone();
            broken[at] ^= 0x10;
            assert_eq!(EventMessage::read(&broken), None, "byte {at}");
            assert_eq!(EventMessage::read(&message[..at]), None);
        }
    }

    proptest! {
        #[test]
        fn nothing_that_comes_is_too_strange(kind in 0u8..12, bytes: Vec<u8>) {
            // With checksums that are right, so that what is inside is read.
            let mut headers = vec![1, b'x', kind];
            headers.extend(&bytes);
            let mut message = ((PRELUDE + headers.len() + CHECKSUM) as u32).to_be_bytes().to_vec();
            message.extend((headers.len() as u32).to_be_bytes());
            message.extend(checksum(&message).to_be_bytes());
            message.extend(headers);
            message.extend(checksum(&message).to_be_bytes());
            let _ = EventMessage::read(&message);
            let _ = EventMessage::read(&bytes);
        }
    }
}
