//! VP9 payload descriptor, RFC 9628 §4.2.

/// The first packet of a frame that is not predicted from an earlier picture, in the lowest spatial layer.
pub(crate) fn starts_key_frame(payload: &[u8]) -> bool {
    let Some(&first) = payload.first() else {
        return false;
    };
    let (picture_id, predicted, layers, begins) =
        (first & 0x80 != 0, first & 0x40 != 0, first & 0x20 != 0, first & 0x08 != 0);
    if predicted || !begins {
        return false;
    }
    let mut at = 1;
    if picture_id {
        match payload.get(at) {
            Some(byte) => at += if byte & 0x80 != 0 { 2 } else { 1 },
            None => return false,
        }
    }
    if layers {
        // TID, U, SID, D: a key frame starts with spatial layer 0.
        return payload.get(at).is_some_and(|byte| byte & 0x0e == 0);
    }
    payload.len() > at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_frame_begins_unpredicted_in_the_lowest_layer() {
        assert!(starts_key_frame(&[0x88, 0x05, 0x00]));
        assert!(!starts_key_frame(&[0xc8, 0x05, 0x00]), "predicted");
        assert!(!starts_key_frame(&[0x80, 0x05, 0x00]), "not the beginning");
        assert!(starts_key_frame(&[0xa8, 0x85, 0x01, 0x00, 0x00]), "two-byte picture id, layer 0");
        assert!(!starts_key_frame(&[0xa8, 0x85, 0x01, 0x02, 0x00]), "spatial layer 1");
        assert!(!starts_key_frame(&[0xa8]));
        assert!(!starts_key_frame(&[]));
    }
}
