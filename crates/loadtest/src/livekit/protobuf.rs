//! Protocol buffers' wire format: as much of it as a handful of small messages needs
//! (<https://protobuf.dev/programming-guides/encoding/>). Not what messages mean.

/// A message that is being written: fields in the order in which they are added.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn integer(mut self, field: u32, value: u64) -> Self {
        self.varint(u64::from(field) << 3);
        self.varint(value);
        self
    }

    pub(super) fn text(self, field: u32, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    pub(super) fn message(self, field: u32, value: &Self) -> Self {
        self.bytes(field, &value.0)
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }

    fn bytes(mut self, field: u32, value: &[u8]) -> Self {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push((value & 0x7f) as u8);
    }
}

/// A message that was received: unknown fields are passed over, and what is cut off ends it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

/// What a field holds. Numbers of fixed width, which nothing here has, are passed over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Field<'a> {
    Integer(u64),
    Bytes(&'a [u8]),
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// With their numbers, as they come.
    pub(super) fn fields(self) -> impl Iterator<Item = (u32, Field<'a>)> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            loop {
                let key = varint(&mut rest)?;
                let field = u32::try_from(key >> 3).ok()?;
                match key & 7 {
                    0 => return Some((field, Field::Integer(varint(&mut rest)?))),
                    2 => {
                        let length = usize::try_from(varint(&mut rest)?).ok()?;
                        return Some((field, Field::Bytes(take(&mut rest, length)?)));
                    }
                    1 => take(&mut rest, 8)?,
                    5 => take(&mut rest, 4)?,
                    // Groups are long gone, and nobody knows where one ends.
                    _ => return None,
                };
            }
        })
    }

    /// Those messages and texts that stand in this field.
    pub(super) fn all(self, field: u32) -> impl Iterator<Item = &'a [u8]> {
        self.fields().filter_map(move |(number, value)| match value {
            Field::Bytes(bytes) if number == field => Some(bytes),
            _ => None,
        })
    }

    /// The default of a text that is absent is an empty one.
    pub(super) fn text(self, field: u32) -> String {
        self.all(field).last().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
    }

    /// The default of a number that is absent is 0.
    pub(super) fn integer(self, field: u32) -> u64 {
        let of = |(number, value)| match value {
            Field::Integer(integer) if number == field => Some(integer),
            _ => None,
        };
        self.fields().filter_map(of).last().unwrap_or(0)
    }
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_specification_are_written_so() {
        assert_eq!(Writer::default().integer(1, 150).finish(), [0x08, 0x96, 0x01]);
        assert_eq!(Writer::default().text(2, "testing").finish(), *b"\x12\x07testing");
        let inner = Writer::default().integer(1, 150);
        assert_eq!(Writer::default().message(3, &inner).finish(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
    }

    #[test]
    fn what_is_written_is_read_and_the_last_of_a_field_counts() {
        let long = "x".repeat(300);
        let bytes = Writer::default().integer(1, 1).text(2, "first").integer(1, u64::MAX).text(2, &long).finish();
        let reader = Reader::new(&bytes);
        assert_eq!((reader.integer(1), reader.text(2)), (u64::MAX, long));
        assert_eq!(reader.all(2).count(), 2);
        assert_eq!((reader.integer(7), reader.text(7)), (0, String::new()));
    }

    #[test]
    fn fields_of_fixed_width_are_passed_over() {
        let mut bytes = vec![0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x15, 1, 2, 3, 4];
        bytes.extend(Writer::default().integer(3, 9).finish());
        assert_eq!(Reader::new(&bytes).fields().collect::<Vec<_>>(), [(3, Field::Integer(9))]);
    }

    #[test]
    fn bytes_cut_anywhere_and_bytes_of_any_kind_are_read_to_an_end() {
        let whole = Writer::default().integer(1, 300).text(2, "text").message(3, &Writer::default().integer(4, 5));
        let whole = whole.finish();
        for length in 0..whole.len() {
            assert!(Reader::new(&whole[..length]).fields().count() < 3, "{length}");
        }
        for byte in 0..=u8::MAX {
            // At most one field for each of the bytes.
            assert!(Reader::new(&[byte; 64]).fields().count() <= 64);
        }
        assert_eq!(
            Reader::new(&[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]).fields().count(),
            0
        );
    }
}
