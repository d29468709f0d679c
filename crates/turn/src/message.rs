//! What TURN adds to STUN (RFC 8656 §17 and §18): its methods and attributes, what a request says, and ChannelData. Nothing
//! is decided here.

use std::net::SocketAddr;

use stun::{Attribute, INTEGRITY, Message};

use crate::address::AddressFamily;

/// Requests have about ten attributes.
const MAX_ATTRIBUTES: usize = 32;
/// A permission request may name several peers; we have few addresses.
const MAX_PEERS: usize = 16;

/// Message types: method and class in one.
pub(crate) mod kind {
    pub(crate) use stun::kind::{BINDING, ERROR, SUCCESS};

    pub(crate) const ALLOCATE: u16 = 0x0003;
    pub(crate) const REFRESH: u16 = 0x0004;
    pub(crate) const CREATE_PERMISSION: u16 = 0x0008;
    pub(crate) const CHANNEL_BIND: u16 = 0x0009;
    pub(crate) const SEND_INDICATION: u16 = 0x0016;
    pub(crate) const DATA_INDICATION: u16 = 0x0017;
}

/// Attribute types.
pub(crate) mod attribute {
    pub(crate) use stun::attribute::{
        ERROR_CODE, FINGERPRINT, MESSAGE_INTEGRITY, NONCE, OPTIONAL, REALM, UNKNOWN_ATTRIBUTES, USERNAME,
        XOR_MAPPED_ADDRESS,
    };

    pub(crate) const CHANNEL_NUMBER: u16 = 0x000c;
    pub(crate) const LIFETIME: u16 = 0x000d;
    pub(crate) const XOR_PEER_ADDRESS: u16 = 0x0012;
    pub(crate) const DATA: u16 = 0x0013;
    pub(crate) const XOR_RELAYED_ADDRESS: u16 = 0x0016;
    pub(crate) const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
    pub(crate) const EVEN_PORT: u16 = 0x0018;
    pub(crate) const REQUESTED_TRANSPORT: u16 = 0x0019;
    pub(crate) const DONT_FRAGMENT: u16 = 0x001a;
    pub(crate) const RESERVATION_TOKEN: u16 = 0x0022;
}

/// Peer and contents of a Send indication.
pub(crate) fn send_indication<'a>(message: &Message<'a>) -> Option<(SocketAddr, &'a [u8])> {
    let (mut peer, mut data) = (None, None);
    for Attribute { kind, value, .. } in message.attributes().take(MAX_ATTRIBUTES) {
        match kind {
            attribute::XOR_PEER_ADDRESS if peer.is_none() => peer = Some(message.xor_address(value)?),
            attribute::DATA if data.is_none() => data = Some(value),
            // There is nothing to fragment in memory.
            attribute::XOR_PEER_ADDRESS | attribute::DATA | attribute::DONT_FRAGMENT => {}
            _ if kind < attribute::OPTIONAL => return None,
            _ => {}
        }
    }
    Some((peer?, data?))
}

/// The request cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct MalformedRequest;

/// What a request says. Of attributes that stand twice the first counts.
#[derive(Clone, Default, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) username: Option<&'a [u8]>,
    pub(crate) realm: Option<&'a [u8]>,
    pub(crate) nonce: Option<&'a [u8]>,
    pub(crate) integrity: Option<Attribute<'a>>,
    pub(crate) fingerprint: bool,
    /// Seconds.
    pub(crate) lifetime: Option<u32>,
    pub(crate) channel: Option<u16>,
    /// An IP protocol number.
    pub(crate) transport: Option<u8>,
    pub(crate) family: Option<u8>,
    /// Whether the port after the even one shall be reserved.
    pub(crate) even_port: Option<bool>,
    pub(crate) reservation_token: bool,
    pub(crate) peers: Vec<SocketAddr>,
    /// Types that have to be understood and are not.
    pub(crate) unknown: Vec<u16>,
}

impl<'a> Request<'a> {
    /// Everything in a request. An error names nothing: the request is broken.
    pub(crate) fn read(message: &Message<'a>) -> Result<Self, MalformedRequest> {
        let mut request = Self::default();
        let mut last = None;
        let mut secured = false;
        for (count, attribute) in message.attributes().enumerate() {
            if count == MAX_ATTRIBUTES {
                return Err(MalformedRequest);
            }
            last = Some(attribute);
            if attribute.kind == attribute::FINGERPRINT {
                request.fingerprint = true;
                if !message.has_fingerprint(&attribute) {
                    return Err(MalformedRequest);
                }
            } else if !secured {
                secured = attribute.kind == attribute::MESSAGE_INTEGRITY;
                request.take(message, attribute)?;
            }
        }
        if message.ends_with(last.as_ref()) { Ok(request) } else { Err(MalformedRequest) }
    }

    fn take(&mut self, message: &Message<'a>, attribute: Attribute<'a>) -> Result<(), MalformedRequest> {
        let Attribute { kind, value, .. } = attribute;
        match kind {
            attribute::USERNAME => keep(&mut self.username, value),
            attribute::REALM => keep(&mut self.realm, value),
            attribute::NONCE => keep(&mut self.nonce, value),
            attribute::MESSAGE_INTEGRITY => {
                if value.len() != INTEGRITY {
                    return Err(MalformedRequest);
                }
                keep(&mut self.integrity, attribute);
            }
            attribute::LIFETIME => keep(&mut self.lifetime, u32::from_be_bytes(four(value)?)),
            attribute::CHANNEL_NUMBER => {
                let [high, low, ..] = four(value)?;
                keep(&mut self.channel, u16::from_be_bytes([high, low]));
            }
            attribute::REQUESTED_TRANSPORT => keep(&mut self.transport, four(value)?[0]),
            attribute::REQUESTED_ADDRESS_FAMILY => keep(&mut self.family, four(value)?[0]),
            attribute::EVEN_PORT => keep(&mut self.even_port, value.first().ok_or(MalformedRequest)? & 0x80 != 0),
            attribute::RESERVATION_TOKEN => self.reservation_token = true,
            attribute::XOR_PEER_ADDRESS => {
                if self.peers.len() == MAX_PEERS {
                    return Err(MalformedRequest);
                }
                self.peers.push(message.xor_address(value).ok_or(MalformedRequest)?);
            }
            attribute::DONT_FRAGMENT => {}
            _ if kind < attribute::OPTIONAL => self.unknown.push(kind),
            _ => {}
        }
        Ok(())
    }
}

fn keep<T>(field: &mut Option<T>, value: T) {
    field.get_or_insert(value);
}

fn four(value: &[u8]) -> Result<[u8; 4], MalformedRequest> {
    value.try_into().map_err(|_| MalformedRequest)
}

/// The value of REQUESTED-ADDRESS-FAMILY.
pub(crate) fn family(value: u8) -> Option<AddressFamily> {
    match value {
        1 => Some(AddressFamily::V4),
        2 => Some(AddressFamily::V6),
        _ => None,
    }
}

/// Number and contents of channel data. What follows the contents is padding.
pub(crate) fn channel_data(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let ([a, b, high, low], rest) = bytes.split_first_chunk()?;
    let contents = rest.get(..usize::from(u16::from_be_bytes([*high, *low])))?;
    Some((u16::from_be_bytes([*a, *b]), contents))
}

#[cfg(test)]
mod tests {
    use stun::{HEADER, Key, MessageWriter, TransactionId};

    use super::*;

    const TRANSACTION: TransactionId = *b"transaction!";

    #[test]
    fn what_is_written_can_be_read() {
        let key = Key::long_term("ann", "openvidu", "7");
        let peers: [SocketAddr; 2] = ["203.0.113.5:40000".parse().unwrap(), "[2001:db8::5]:40000".parse().unwrap()];
        let bytes = MessageWriter::new(kind::CREATE_PERMISSION, TRANSACTION)
            .attribute(attribute::USERNAME, b"ann")
            .attribute(attribute::LIFETIME, &600_u32.to_be_bytes())
            .attribute(0x8022, b"optional and unknown")
            .attribute(0x7fff, b"unknown")
            .xor_address(attribute::XOR_PEER_ADDRESS, peers[0])
            .xor_address(attribute::XOR_PEER_ADDRESS, peers[1])
            .sign(&key)
            .finish(true);
        let message = Message::parse(&bytes).unwrap();
        let request = Request::read(&message).unwrap();
        assert_eq!((message.kind, message.transaction), (kind::CREATE_PERMISSION, TRANSACTION));
        assert_eq!((request.username, request.lifetime, request.peers), (Some(&b"ann"[..]), Some(600), peers.to_vec()));
        assert_eq!((request.unknown, request.fingerprint), (vec![0x7fff], true));
        let integrity = request.integrity.unwrap();
        assert!(message.is_signed(&integrity, &key));
        assert!(!message.is_signed(&integrity, &Key::long_term("ann", "openvidu", "8")));
    }

    #[test]
    fn a_changed_bit_is_seen() {
        let key = Key::long_term("ann", "openvidu", "7");
        let bytes = MessageWriter::new(kind::REFRESH, TRANSACTION)
            .attribute(attribute::USERNAME, b"anna")
            .sign(&key)
            .finish(true);
        // Nothing is read from what stands behind the integrity, but a fingerprint has to be right.
        let kind_of_fingerprint = (bytes.len() - 8) * 8..(bytes.len() - 6) * 8;
        for bit in (0..bytes.len() * 8).filter(|bit| !kind_of_fingerprint.contains(bit)) {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let accepted = Message::parse(&changed)
                .and_then(|message| Some((message, Request::read(&message).ok()?.integrity?)))
                .is_some_and(|(message, integrity)| message.is_signed(&integrity, &key));
            assert!(!accepted, "bit {bit}");
        }
    }

    #[test]
    fn broken_messages_are_refused() {
        let bytes = MessageWriter::new(kind::ALLOCATE, TRANSACTION)
            .attribute(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0])
            .attribute(attribute::USERNAME, b"ann")
            .finish(false);
        for end in 0..bytes.len() {
            assert!(Message::parse(&bytes[..end]).is_none(), "{end}");
        }
        let wrong =
            [(attribute::LIFETIME, &[1, 2][..]), (attribute::XOR_PEER_ADDRESS, &[0, 1, 0, 0, 1]), (0x0008, &[0; 19])];
        for (kind, value) in wrong {
            let bytes = MessageWriter::new(kind::ALLOCATE, TRANSACTION).attribute(kind, value).finish(false);
            assert_eq!(Request::read(&Message::parse(&bytes).unwrap()).unwrap_err(), MalformedRequest, "{kind:#x}");
        }
        // An attribute longer than the message.
        let mut bytes =
            MessageWriter::new(kind::ALLOCATE, TRANSACTION).attribute(attribute::USERNAME, b"anna").finish(false);
        bytes[HEADER + 3] = 5;
        assert_eq!(Request::read(&Message::parse(&bytes).unwrap()).unwrap_err(), MalformedRequest);
        let many = (0..=MAX_PEERS).fold(MessageWriter::new(kind::CREATE_PERMISSION, TRANSACTION), |writer, _| {
            writer.xor_address(attribute::XOR_PEER_ADDRESS, "203.0.113.5:1".parse().unwrap())
        });
        assert_eq!(Request::read(&Message::parse(&many.finish(false)).unwrap()).unwrap_err(), MalformedRequest);
    }
}
