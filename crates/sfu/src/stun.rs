//! The little STUN (RFC 8489) that is needed before a transport is known: whose check is it, or whose answer. Integrity and
//! ICE are *not* here, and neither are requests without credentials: those are for the STUN server in front of us.

const COOKIE: [u8; 4] = 0x2112_a442_u32.to_be_bytes();
const HEADER: usize = 20;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;
const USERNAME: u16 = 0x0006;
/// A check has fewer than ten attributes.
const MAX_ATTRIBUTES: usize = 32;

pub(crate) type TransactionId = [u8; 12];

/// What a datagram is, as far as STUN goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stun<'a> {
    /// A connectivity check: the part of USERNAME before the colon is the ufrag of who is asked.
    Check { local_ufrag: &'a str },
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
    for _ in 0..MAX_ATTRIBUTES {
        let (head, body) = rest.split_at_checked(4)?;
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = body.get(..length)?;
        if kind == USERNAME {
            let (local_ufrag, _) = std::str::from_utf8(value).ok()?.split_once(':')?;
            return Some(Stun::Check { local_ufrag });
        }
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
    fn broken_messages_are_nothing_to_act_on() {
        let whole = request(&[(USERNAME, b"ours:theirs"), (0x0008, &[0; 20])]);
        for end in 1..whole.len() {
            assert_eq!(parse(&whole[..end]), Some(Stun::Other));
        }
        assert_eq!(parse(&request(&[])), Some(Stun::Other));
        assert_eq!(parse(&request(&[(0x0008, &[0; 20])])), Some(Stun::Other));
        assert_eq!(parse(&[0x80, 0x60]), None);
        assert_eq!(parse(&[]), None);
    }
}
