//! AV1 aggregation header, AV1 RTP payload specification §4.4.

/// The N bit: the packet is the first of a coded video sequence.
pub(crate) fn starts_key_frame(payload: &[u8]) -> bool {
    payload.len() > 1 && payload[0] & 0x08 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_coded_video_sequence_starts_a_key_frame() {
        assert!(starts_key_frame(&[0x18, 0x0a]));
        assert!(!starts_key_frame(&[0x10, 0x32]));
        assert!(!starts_key_frame(&[0x08]));
        assert!(!starts_key_frame(&[]));
    }
}
