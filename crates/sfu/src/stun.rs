//! The little STUN (RFC 8489) that is needed before a transport is known: whose request is it, the answer of a plain STUN
//! server, and the question to one. Integrity, ICE and TURN are *not* here.

use std::net::{IpAddr, SocketAddr};

const COOKIE: [u8; 4] = 0x2112_a442_u32.to_be_bytes();
const HEADER: usize = 20;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
/// A check has fewer than ten attributes.
const MAX_ATTRIBUTES: usize = 32;

pub(crate) type TransactionId = [u8; 12];

/// What a datagram is, as far as STUN goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stun<'a> {
    /// A connectivity check: the part of USERNAME before the colon is the ufrag of who is asked.
    Check { local_ufrag: &'a str },
    /// A request without credentials: somebody wants to know its public address.
    Plain { transaction: TransactionId },
    /// The answer to a request of ours.
    Response { transaction: TransactionId },
    /// Any other STUN message, also a broken one.
    Other,
}

/// `None` if this is no STUN message at all.
pub(crate) fn parse(datagram: &[u8]) -> Option<Stun<'_>> {
    // RFC 7983: 0 to 3 is STUN.
    if *datagram.first()? > 3 {
        return None;
    }
    Some(parse_message(datagram).unwrap_or(Stun::Other))
}

fn parse_message(datagram: &[u8]) -> Option<Stun<'_>> {
    let (header, mut rest) = datagram.split_at_checked(HEADER)?;
    let kind = u16::from_be_bytes([header[0], header[1]]);
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[4..8] != COOKIE || length != rest.len() {
        return None;
    }
    let transaction: TransactionId = header[8..20].try_into().ok()?;
    match kind {
        BINDING_SUCCESS | BINDING_ERROR => return Some(Stun::Response { transaction }),
        BINDING_REQUEST => {}
        _ => return None,
    }
    let mut has_integrity = false;
    for _ in 0..MAX_ATTRIBUTES {
        if rest.is_empty() {
            return (!has_integrity).then_some(Stun::Plain { transaction });
        }
        let (head, body) = rest.split_at_checked(4)?;
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = body.get(..length)?;
        if kind == USERNAME {
            let (local_ufrag, _) = std::str::from_utf8(value).ok()?.split_once(':')?;
            return Some(Stun::Check { local_ufrag });
        }
        has_integrity |= kind == MESSAGE_INTEGRITY;
        rest = body.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// The transaction of a request of ours, so that its response finds back.
pub(crate) fn outgoing_request(datagram: &[u8]) -> Option<TransactionId> {
    let header = datagram.get(..HEADER)?;
    let is_request = u16::from_be_bytes([header[0], header[1]]) == BINDING_REQUEST && header[4..8] == COOKIE;
    is_request.then(|| header[8..20].try_into().ok()).flatten()
}

/// The answer to [`Stun::Plain`]: the address and nothing else, so that it is hardly longer than the question.
pub(crate) fn plain_response(transaction: TransactionId, mapped: SocketAddr) -> Vec<u8> {
    let (family, address): (u8, Vec<u8>) = match mapped.ip() {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    let port = mapped.port() ^ u16::from_be_bytes([COOKIE[0], COOKIE[1]]);
    let value_length = 4 + address.len() as u16;
    let mut message = Vec::with_capacity(HEADER + 4 + usize::from(value_length));
    message.extend_from_slice(&BINDING_SUCCESS.to_be_bytes());
    message.extend_from_slice(&(4 + value_length).to_be_bytes());
    message.extend_from_slice(&COOKIE);
    message.extend_from_slice(&transaction);
    message.extend_from_slice(&XOR_MAPPED_ADDRESS.to_be_bytes());
    message.extend_from_slice(&value_length.to_be_bytes());
    message.extend_from_slice(&[0, family]);
    message.extend_from_slice(&port.to_be_bytes());
    message.extend(address.iter().zip(key(transaction)).map(|(byte, key)| byte ^ key));
    message
}

/// A request without credentials: what is our address, seen from there?
pub fn binding_request(transaction: [u8; 12]) -> Vec<u8> {
    let mut message = BINDING_REQUEST.to_be_bytes().to_vec();
    message.extend_from_slice(&[0, 0]);
    message.extend_from_slice(&COOKIE);
    message.extend_from_slice(&transaction);
    message
}

/// The address in the answer to [`binding_request`]; `None` if it is not the answer to this one.
pub fn mapped_address(answer: &[u8], transaction: [u8; 12]) -> Option<SocketAddr> {
    let (header, mut rest) = answer.split_at_checked(HEADER)?;
    let is_answer =
        header[..2] == BINDING_SUCCESS.to_be_bytes() && header[4..8] == COOKIE && header[8..] == transaction;
    if !is_answer || usize::from(u16::from_be_bytes([header[2], header[3]])) != rest.len() {
        return None;
    }
    for _ in 0..MAX_ATTRIBUTES {
        let (head, body) = rest.split_at_checked(4)?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = body.get(..length)?;
        if u16::from_be_bytes([head[0], head[1]]) == XOR_MAPPED_ADDRESS {
            return unmasked(value, transaction);
        }
        rest = body.get(length.next_multiple_of(4)..)?;
    }
    None
}

fn unmasked(value: &[u8], transaction: TransactionId) -> Option<SocketAddr> {
    let (head, address) = value.split_first_chunk::<4>()?;
    let port = u16::from_be_bytes([head[2], head[3]]) ^ u16::from_be_bytes([COOKIE[0], COOKIE[1]]);
    let plain: Vec<u8> = address.iter().zip(key(transaction)).map(|(byte, key)| byte ^ key).collect();
    let ip: IpAddr = match head[1] {
        1 => <[u8; 4]>::try_from(plain).ok()?.into(),
        2 => <[u8; 16]>::try_from(plain).ok()?.into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// What addresses are masked with.
fn key(transaction: TransactionId) -> [u8; 16] {
    let mut key = [0; 16];
    key[..4].copy_from_slice(&COOKIE);
    key[4..].copy_from_slice(&transaction);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (kind, value) in attributes {
            body.extend_from_slice(&kind.to_be_bytes());
            body.extend_from_slice(&(value.len() as u16).to_be_bytes());
            body.extend_from_slice(value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let mut message = BINDING_REQUEST.to_be_bytes().to_vec();
        message.extend_from_slice(&(body.len() as u16).to_be_bytes());
        message.extend_from_slice(&COOKIE);
        message.extend_from_slice(b"transaction!");
        message.extend(body);
        message
    }

    #[test]
    fn the_local_ufrag_is_the_first_half_of_the_user_name() {
        assert_eq!(parse(&request(&[(USERNAME, b"ours:theirs")])), Some(Stun::Check { local_ufrag: "ours" }));
        assert_eq!(parse(&request(&[(USERNAME, b"nocolon")])), Some(Stun::Other));
    }

    #[test]
    fn a_request_without_user_name_is_answered_with_its_address() {
        let transaction = *b"transaction!";
        assert_eq!(parse(&request(&[])), Some(Stun::Plain { transaction }));
        // Test vector of RFC 5769 §2.2.
        let id = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];
        let v4 = plain_response(id, "192.0.2.1:32853".parse().unwrap());
        assert_eq!(v4[24..], [0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        let v6 = plain_response(id, "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap());
        assert_eq!(v6.len(), 44);
        assert_eq!(v6[26..32], [0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa]);
    }

    #[test]
    fn what_a_server_says_of_our_address_is_understood() {
        let transaction = *b"transaction!";
        assert_eq!(parse(&binding_request(transaction)), Some(Stun::Plain { transaction }));
        for address in ["192.0.2.1:32853", "[2001:db8:1234:5678:11:2233:4455:6677]:1"] {
            let address: SocketAddr = address.parse().unwrap();
            let answer = plain_response(transaction, address);
            assert_eq!(mapped_address(&answer, transaction), Some(address));
            assert_eq!(mapped_address(&answer, *b"another one!"), None);
            for end in 0..answer.len() {
                assert_eq!(mapped_address(&answer[..end], transaction), None);
            }
        }
        // An attribute before it (SOFTWARE), as servers like to send.
        let mut answer = plain_response(transaction, "192.0.2.1:32853".parse().unwrap());
        answer.splice(20..20, [0x80, 0x22, 0, 3, b'x', b'y', b'z', 0]);
        answer[3] += 8;
        assert_eq!(mapped_address(&answer, transaction), Some("192.0.2.1:32853".parse().unwrap()));
        answer[3] += 4;
        assert_eq!(mapped_address(&answer, transaction), None);
    }

    #[test]
    fn broken_messages_are_nothing_to_act_on() {
        let whole = request(&[(USERNAME, b"ours:theirs"), (MESSAGE_INTEGRITY, &[0; 20])]);
        for end in 1..whole.len() {
            assert_eq!(parse(&whole[..end]), Some(Stun::Other));
        }
        assert_eq!(parse(&request(&[(MESSAGE_INTEGRITY, &[0; 20])])), Some(Stun::Other));
        assert_eq!(parse(&[0x80, 0x60]), None);
        assert_eq!(parse(&[]), None);
    }
}
