//! Elements of EBML (RFC 8794): identifier, size, content. It knows no element but `Void`.

use std::io::{self, Read};

/// Filler, allowed everywhere.
pub(crate) const VOID: u32 = 0xec;
/// A size that says "up to the end", in eight bytes.
pub(crate) const UNKNOWN_SIZE: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

/// Elements, one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Elements(pub(crate) Vec<u8>);

impl Elements {
    pub(crate) fn unsigned(self, id: u32, value: u64) -> Self {
        let bytes = value.to_be_bytes();
        let zeros = bytes.iter().take(7).take_while(|byte| **byte == 0).count();
        self.binary(id, &bytes[zeros..])
    }

    /// In eight bytes, so that another value fits into its place.
    pub(crate) fn wide(self, id: u32, value: u64) -> Self {
        self.binary(id, &value.to_be_bytes())
    }

    pub(crate) fn float(self, id: u32, value: f64) -> Self {
        self.binary(id, &value.to_be_bytes())
    }

    pub(crate) fn text(self, id: u32, value: &str) -> Self {
        self.binary(id, value.as_bytes())
    }

    pub(crate) fn master(self, id: u32, content: Self) -> Self {
        self.binary(id, &content.0)
    }

    pub(crate) fn binary(mut self, id: u32, content: &[u8]) -> Self {
        push_id(&mut self.0, id);
        push_size(&mut self.0, content.len() as u64);
        self.0.extend_from_slice(content);
        self
    }

    /// Fills up to `length`. One byte cannot be filled: lengths differ by two at least, or by nothing.
    pub(crate) fn padded(mut self, length: usize) -> Self {
        match length.saturating_sub(self.0.len()) {
            0 => {}
            left @ 1..=9 => {
                push_id(&mut self.0, VOID);
                push_size(&mut self.0, left.saturating_sub(2) as u64);
            }
            left => {
                push_id(&mut self.0, VOID);
                self.0.extend_from_slice(&wide_size(left as u64 - 9));
            }
        }
        self.0.resize(length, 0);
        self
    }
}

/// Identifiers carry their own length in their first bits.
pub(crate) fn push_id(bytes: &mut Vec<u8>, id: u32) {
    let id = id.to_be_bytes();
    let zeros = id.iter().take(3).take_while(|byte| **byte == 0).count();
    bytes.extend_from_slice(&id[zeros..]);
}

/// In as few bytes as it takes.
pub(crate) fn push_size(bytes: &mut Vec<u8>, size: u64) {
    // All ones is reserved in each length.
    let length = (1..8).find(|n| size < (1 << (7 * n)) - 1).unwrap_or(8);
    let marked = size | 1 << (7 * length);
    bytes.extend_from_slice(&marked.to_be_bytes()[8 - length..]);
}

/// In eight bytes, so that another size fits into its place.
pub(crate) fn wide_size(size: u64) -> [u8; 8] {
    (size | 1 << 56).to_be_bytes()
}

/// What stands before an element's content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) id: u32,
    /// `None` if it goes up to the end.
    pub(crate) size: Option<u64>,
    /// Of the header itself.
    pub(crate) length: u64,
}

impl Header {
    /// `None` at the end, and where there is no element.
    pub(crate) fn read(reader: &mut impl Read) -> io::Result<Option<Self>> {
        let Some((id, id_length)) = read_number(reader, 4)? else {
            return Ok(None);
        };
        let Some((size, size_length)) = read_number(reader, 8)? else {
            return Ok(None);
        };
        let ones = (1 << (7 * size_length)) - 1;
        let size = Some(size & ones).filter(|size| *size != ones);
        let Ok(id) = u32::try_from(id) else {
            return Ok(None);
        };
        Ok(Some(Self { id, size, length: id_length + size_length }))
    }
}

/// A number with its length marker, and its length.
fn read_number(reader: &mut impl Read, longest: u32) -> io::Result<Option<(u64, u64)>> {
    let mut first = [0];
    if reader.read(&mut first)? == 0 || first[0].leading_zeros() >= longest {
        return Ok(None);
    }
    let mut value = u64::from(first[0]);
    for _ in 0..first[0].leading_zeros() {
        let mut next = [0];
        if reader.read(&mut next)? == 0 {
            return Ok(None);
        }
        value = value << 8 | u64::from(next[0]);
    }
    Ok(Some((value, u64::from(first[0].leading_zeros()) + 1)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_take_as_few_bytes_as_they_need() {
        for (size, bytes) in [(0, &[0x80][..]), (126, &[0xfe]), (127, &[0x40, 0x7f]), (0x3ffe, &[0x7f, 0xfe])] {
            let mut out = Vec::new();
            push_size(&mut out, size);
            assert_eq!(out, bytes);
        }
    }

    #[test]
    fn unknown_sizes_are_told() {
        let bytes = [&[0x1f, 0x43, 0xb6, 0x75][..], &UNKNOWN_SIZE].concat();
        let header = Header::read(&mut &bytes[..]).unwrap().unwrap();
        assert_eq!(header, Header { id: 0x1f43_b675, size: None, length: 12 });
        assert_eq!(Header::read(&mut &bytes[..7]).unwrap(), None);
        assert_eq!(Header::read(&mut &[0u8; 9][..]).unwrap(), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(id in prop_oneof![Just(0xecu32), Just(0x4489), Just(0x1549_a966)], size in 0u64..1 << 55) {
            let mut bytes = Vec::new();
            push_id(&mut bytes, id);
            push_size(&mut bytes, size);
            let header = Header::read(&mut &bytes[..]).unwrap().unwrap();
            prop_assert_eq!(header, Header { id, size: Some(size), length: bytes.len() as u64 });
        }

        #[test]
        fn padding_fills_to_the_byte(content in 0usize..40, gap in prop_oneof![Just(0usize), 2usize..40]) {
            let elements = Elements::default().binary(0x4489, &vec![1; content]);
            let length = elements.0.len() + gap;
            let padded = elements.padded(length).0;
            prop_assert_eq!(padded.len(), length);
            let mut rest = &padded[..];
            while !rest.is_empty() {
                let header = Header::read(&mut rest).unwrap().unwrap();
                rest = &rest[header.size.unwrap() as usize..];
            }
        }
    }
}
