//! `traceparent` (W3C Trace Context): by this header an application says which trace a request is part of.

use crate::span::{SpanId, TraceId};

/// The span that a request was made in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parent {
    /// Of which trace.
    pub trace: TraceId,
    /// Which.
    pub span: SpanId,
    /// Whether that trace is recorded: what is part of it is if it is.
    pub sampled: bool,
}

impl Parent {
    /// What the header says; `None` if that is not what the recommendation allows, in which case a trace of its own begins.
    pub fn read(header: &[u8]) -> Option<Self> {
        let header = std::str::from_utf8(header).ok()?;
        let mut parts = header.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let version = hex::<1>(version)?[0];
        // Later versions may have more parts, this one has not.
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return None;
        }
        let (trace, span) = (TraceId::new(hex(trace)?)?, SpanId::new(hex(span)?)?);
        Some(Self { trace, span, sampled: hex::<1>(flags)?[0] & 1 == 1 })
    }
}

/// So many bytes in lower-case digits, as the recommendation wants them.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    fn read(header: &str) -> Option<Parent> {
        Parent::read(header.as_bytes())
    }

    #[test]
    fn the_span_and_whether_it_is_recorded_are_read() {
        let parent = read(&format!("00-{TRACE}-b7ad6b7169203331-01")).unwrap();
        assert_eq!((parent.trace.to_string().as_str(), parent.span.to_string().as_str()), (TRACE, "b7ad6b7169203331"));
        assert!(parent.sampled);
        assert!(!read(&format!("00-{TRACE}-b7ad6b7169203331-02")).unwrap().sampled);
        assert!(read(&format!("cc-{TRACE}-b7ad6b7169203331-01-what-will-be")).is_some(), "a later version");
    }

    #[test]
    fn what_the_recommendation_does_not_allow_is_no_parent() {
        for header in [
            "",
            "00",
            "00-x-y-01",
            &format!("ff-{TRACE}-b7ad6b7169203331-01"),
            &format!("00-{TRACE}-b7ad6b7169203331-01-more"),
            &format!("00-{TRACE}-b7ad6b7169203331"),
            &format!("00-{}-b7ad6b7169203331-01", TRACE.to_uppercase()),
            &format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
            &format!("00-{TRACE}-0000000000000000-01"),
            &format!("00-{TRACE}ä-b7ad6b7169203331-01"),
        ] {
            assert_eq!(read(header), None, "{header}");
        }
        assert_eq!(Parent::read(b"00-\xff-\xff-01"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read_and_what_is_written_as_it_should_be_is(
            noise: Vec<u8>, trace in 1..u128::MAX, span in 1..u64::MAX, flags: u8,
        ) {
            Parent::read(&noise);
            let parent = read(&format!("00-{trace:032x}-{span:016x}-{flags:02x}")).expect("it is one");
            prop_assert_eq!((parent.trace.bytes(), parent.span.bytes()), (trace.to_be_bytes(), span.to_be_bytes()));
            prop_assert_eq!(parent.sampled, flags & 1 == 1);
        }
    }
}
