//! H.264 payloads, RFC 6184 §5.

const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
/// More units than an encoder aggregates; bounds the walk over a hostile packet.
const MAX_UNITS: usize = 32;

/// A packet with a sequence parameter set, or the first one of an IDR slice when the set came earlier.
pub(crate) fn starts_key_frame(payload: &[u8]) -> bool {
    let Some(&first) = payload.first() else {
        return false;
    };
    match first & 0x1f {
        SPS | IDR => true,
        FU_A => payload.get(1).is_some_and(|header| header & 0x80 != 0 && header & 0x1f == IDR),
        STAP_A => {
            let mut rest = &payload[1..];
            for _ in 0..MAX_UNITS {
                let Some((size, units)) = rest.split_first_chunk::<2>() else {
                    return false;
                };
                let size = usize::from(u16::from_be_bytes(*size));
                match units.first() {
                    Some(unit) if matches!(unit & 0x1f, SPS | IDR) => return true,
                    _ => {}
                }
                match units.get(size..) {
                    Some(next) => rest = next,
                    None => return false,
                }
            }
            false
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_frame_starts_with_parameter_sets_or_an_idr_slice() {
        assert!(starts_key_frame(&[0x67, 0x42]));
        assert!(starts_key_frame(&[0x65, 0x88]));
        assert!(starts_key_frame(&[0x7c, 0x85, 0x88]));
        assert!(!starts_key_frame(&[0x7c, 0x05, 0x88]), "not the first fragment");
        assert!(!starts_key_frame(&[0x41, 0x9a]));
        assert!(starts_key_frame(&[0x78, 0, 2, 0x09, 0x10, 0, 2, 0x67, 0x42]), "aggregated behind a delimiter");
        assert!(!starts_key_frame(&[0x78, 0xff, 0xff, 0x09]));
        assert!(!starts_key_frame(&[0x78]));
    }
}
