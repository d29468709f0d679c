//! Redundant sound (RED, RFC 2198): a packet's newest frame, the *primary* one, with frames before it that were sent already,
//! so that a receiver has them again if their own packets were lost. The newest frame stands last and reaches to the end.
//!
//! It reads and renumbers; which of the frames are missing anywhere is its callers' business.

use crate::{UnreadablePayload, byte, split};

/// Of a block before the newest one: type, how much older it is, length (RFC 2198 §3).
const HEADER: usize = 4;
/// What browsers send at most, with room: libwebrtc has up to nine.
const MAX_REDUNDANT: usize = 16;
/// Set in the first byte of every header but the last.
const FOLLOWS: u8 = 0x80;

/// A packet of redundant sound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Redundant<'a> {
    headers: &'a [u8],
    /// The frames, one after the other.
    frames: &'a [u8],
    payload_type: u8,
    /// Where in the payload the newest frame begins.
    primary_at: usize,
    primary: &'a [u8],
}

/// A frame that was sent before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Earlier<'a> {
    /// Whose format it has.
    pub payload_type: u8,
    /// How much older it is than the newest one, in units of the timestamp. At most 16,383.
    pub age: u16,
    /// May be empty: the sender had nothing to repeat.
    pub frame: &'a [u8],
}

impl<'a> Redundant<'a> {
    /// Reads a payload. An error if its lengths do not fit, if there is no newest frame, or if there are more than 16 before it.
    pub fn read(payload: &'a [u8]) -> Result<Self, UnreadablePayload> {
        let (mut rest, mut earlier) = (payload, 0);
        let mut count = 0;
        let (last, frames) = loop {
            match byte(rest)? {
                (first, _) if first & FOLLOWS != 0 => {
                    count += 1;
                    if count > MAX_REDUNDANT {
                        return Err(UnreadablePayload);
                    }
                    let (header, after) = split(rest, HEADER)?;
                    earlier += header_fields(header).2;
                    rest = after;
                }
                last => break last,
            }
        };
        let (_, primary) = split(frames, earlier)?;
        if primary.is_empty() {
            return Err(UnreadablePayload);
        }
        let headers = &payload[..count * HEADER];
        Ok(Self { headers, frames, payload_type: last, primary_at: payload.len() - primary.len(), primary })
    }

    /// The newest frame.
    pub fn primary(&self) -> &'a [u8] {
        self.primary
    }

    /// Where in the payload it begins; never 0.
    pub fn primary_at(&self) -> usize {
        self.primary_at
    }

    /// Whose format it has.
    pub fn payload_type(&self) -> u8 {
        self.payload_type
    }

    /// The frames before it, in the order in which they stand: the oldest first, if the sender keeps to the RFC.
    pub fn earlier(&self) -> impl Iterator<Item = Earlier<'a>> + use<'a> {
        let mut rest = self.frames;
        self.headers.chunks_exact(HEADER).filter_map(move |header| {
            let (payload_type, age, length) = header_fields(header);
            let (frame, after) = rest.split_at_checked(length)?;
            rest = after;
            Some(Earlier { payload_type, age, frame })
        })
    }
}

/// Gives every block of a readable payload this payload type; what cannot be read is left as it is as far as it cannot.
pub fn renumber(payload: &mut [u8], payload_type: u8) {
    let mut at = 0;
    while let Some(first) = payload.get_mut(at) {
        let follows = *first & FOLLOWS;
        *first = follows | payload_type & !FOLLOWS;
        if follows == 0 {
            return;
        }
        at += HEADER;
    }
}

/// Payload type, age and length of a header of four bytes.
fn header_fields(header: &[u8]) -> (u8, u16, usize) {
    let [first, second, third, fourth] = *header else {
        return (0, 0, 0);
    };
    let age = u16::from(second) << 6 | u16::from(third) >> 2;
    (first & !FOLLOWS, age, usize::from(third & 3) << 8 | usize::from(fourth))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn write(earlier: &[(u16, &[u8])], primary: &[u8]) -> Vec<u8> {
        let mut payload = Vec::new();
        for (age, frame) in earlier {
            let length = frame.len() as u16;
            payload.extend([0x80 | 111, (age >> 6) as u8, (age << 2) as u8 | (length >> 8) as u8, length as u8]);
        }
        payload.push(111);
        earlier.iter().for_each(|(_, frame)| payload.extend(*frame));
        payload.extend(primary);
        payload
    }

    #[test]
    fn frames_are_found_where_they_are() {
        let long = [7; 1000];
        let payload = write(&[(1920, &[1, 2]), (960, &long)], &[3, 4, 5]);
        let red = Redundant::read(&payload).unwrap();
        assert_eq!((red.primary(), red.payload_type()), (&[3, 4, 5][..], 111));
        assert_eq!(&payload[red.primary_at()..], red.primary());
        let earlier: Vec<_> = red.earlier().collect();
        assert_eq!(earlier[0], Earlier { payload_type: 111, age: 1920, frame: &[1, 2] });
        assert_eq!((earlier[1].age, earlier[1].frame.len()), (960, 1000));
        assert_eq!(earlier.len(), 2);
        let alone = write(&[], &[9]);
        let red = Redundant::read(&alone).unwrap();
        assert_eq!((red.primary(), red.primary_at(), red.earlier().count()), (&[9][..], 1, 0));
    }

    /// As libwebrtc sends it: the frame before, 20 ms older, of ten bytes; then the newest one.
    #[test]
    fn what_a_browser_sends_is_read() {
        let payload = [0xef, 0x0f, 0x00, 0x0a, 0x6f, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0x78, 0x0b];
        let red = Redundant::read(&payload).unwrap();
        assert_eq!((red.payload_type(), red.primary()), (111, &[0x78, 0x0b][..]));
        let earlier = red.earlier().next().unwrap();
        assert_eq!((earlier.age, earlier.frame), (960, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10][..]));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let payload = write(&[(960, &[1, 2, 3])], &[4]);
        assert!(Redundant::read(&payload).is_ok());
        for cut in 0..payload.len() {
            assert_eq!(Redundant::read(&payload[..cut]), Err(UnreadablePayload), "{cut}");
        }
        let many: Vec<(u16, &[u8])> = vec![(960, &[]); MAX_REDUNDANT + 1];
        assert_eq!(Redundant::read(&write(&many, &[1])), Err(UnreadablePayload));
        assert!(Redundant::read(&write(&many[1..], &[1])).is_ok());
    }

    #[test]
    fn renumbering_changes_the_types_alone() {
        let mut payload = write(&[(1920, &[1, 2]), (960, &[3])], &[0xff, 0xff]);
        renumber(&mut payload, 100);
        let red = Redundant::read(&payload).unwrap();
        assert_eq!((red.payload_type(), red.primary()), (100, &[0xff, 0xff][..]));
        assert!(red.earlier().all(|earlier| earlier.payload_type == 100));
        assert_eq!(red.earlier().map(|earlier| earlier.age).collect::<Vec<_>>(), [1920, 960]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(payload in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(red) = Redundant::read(&payload) {
                prop_assert_eq!(&payload[red.primary_at()..], red.primary());
                prop_assert!(red.primary_at() > 0 && !red.primary().is_empty());
                let earlier: usize = red.earlier().map(|earlier| earlier.frame.len()).sum();
                prop_assert_eq!(earlier + red.earlier().count() * HEADER + 1, red.primary_at());
            }
            let mut renumbered = payload.clone();
            renumber(&mut renumbered, 127);
            prop_assert_eq!(Redundant::read(&renumbered).is_ok(), Redundant::read(&payload).is_ok());
        }
    }
}
