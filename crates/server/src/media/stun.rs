//! Telling a client its own address: STUN binding requests that belong to no peer connection (RFC 8489).
//!
//! Clients are given this server as their STUN server, so that they never ask third parties. Connectivity checks of ICE
//! carry a user name and are the SFU's.

use std::net::{IpAddr, SocketAddr};

const HEADER: usize = 20;
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const USERNAME: u16 = 0x0006;
const XOR_MAPPED_ADDRESS: [u8; 2] = [0x00, 0x20];

/// The response to a binding request without a user name; `None` for everything else.
pub(super) fn answer(datagram: &[u8], source: SocketAddr) -> Option<Vec<u8>> {
    let (header, attributes) = datagram.split_at_checked(HEADER)?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[..2] != BINDING_REQUEST || header[4..8] != MAGIC_COOKIE || length != attributes.len() {
        return None;
    }
    if has_user_name(attributes)? {
        return None;
    }
    let cookie_and_transaction = &header[4..HEADER];
    let xor = |bytes: &[u8]| -> Vec<u8> { bytes.iter().zip(cookie_and_transaction).map(|(a, b)| a ^ b).collect() };
    let (family, address) = match source.ip().to_canonical() {
        IpAddr::V4(ip) => (1, xor(&ip.octets())),
        IpAddr::V6(ip) => (2, xor(&ip.octets())),
    };
    let value_length = u8::try_from(4 + address.len()).ok()?;
    let mut response = Vec::with_capacity(HEADER + 8 + address.len());
    response.extend(BINDING_SUCCESS);
    response.extend([0, value_length + 4]);
    response.extend(cookie_and_transaction);
    response.extend(XOR_MAPPED_ADDRESS);
    response.extend([0, value_length, 0, family]);
    response.extend(xor(&source.port().to_be_bytes()));
    response.extend(address);
    Some(response)
}

/// `None` if the attributes do not fill the message exactly.
fn has_user_name(mut attributes: &[u8]) -> Option<bool> {
    while !attributes.is_empty() {
        let (head, rest) = attributes.split_at_checked(4)?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]])).next_multiple_of(4);
        if u16::from_be_bytes([head[0], head[1]]) == USERNAME {
            return Some(true);
        }
        attributes = rest.get(length..)?;
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(attributes: &[u8]) -> Vec<u8> {
        let mut request = vec![0x00, 0x01, 0x00, u8::try_from(attributes.len()).unwrap(), 0x21, 0x12, 0xa4, 0x42];
        request.extend(*b"\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae");
        request.extend(attributes);
        request
    }

    /// The mapped address of RFC 5769 §2.2.
    #[test]
    fn the_source_address_is_told() {
        let response = answer(&request(&[]), "192.0.2.1:32853".parse().unwrap()).unwrap();
        assert_eq!(response[..4], [0x01, 0x01, 0x00, 0x0c]);
        assert_eq!(response[4..20], request(&[])[4..20]);
        assert_eq!(response[20..], [0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
    }

    /// The mapped address of RFC 5769 §2.3.
    #[test]
    fn ipv6_is_told_too() {
        let source = "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap();
        let response = answer(&request(&[]), source).unwrap();
        assert_eq!(response[20..28], [0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47]);
        assert_eq!(response[28..], *b"\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9");
    }

    #[test]
    fn connectivity_checks_are_left_alone() {
        let check = request(&[0x00, 0x06, 0x00, 0x03, b'a', b':', b'b', 0]);
        assert_eq!(answer(&check, "192.0.2.1:1".parse().unwrap()), None);
    }

    #[test]
    fn other_attributes_are_skipped() {
        let software = request(&[0x80, 0x22, 0x00, 0x01, b'x', 0, 0, 0]);
        assert!(answer(&software, "192.0.2.1:1".parse().unwrap()).is_some());
    }

    proptest! {
        #[test]
        fn garbage_is_never_answered(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let answered = answer(&bytes, "192.0.2.1:1".parse().unwrap()).is_some();
            prop_assert!(!answered || bytes.starts_with(&BINDING_REQUEST));
        }

        #[test]
        fn broken_attributes_do_no_harm(attributes in prop::collection::vec(any::<u8>(), 0..64)) {
            answer(&request(&attributes), "192.0.2.1:1".parse().unwrap());
        }
    }
}
