//! Reading and writing STUN messages (RFC 8489 §5, RFC 8656 §18), as far as a TURN server needs it. Nothing is decided here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::address::Family;
use crate::integrity::{self, INTEGRITY, Key};

pub(crate) const HEADER: usize = 20;
const COOKIE: u32 = 0x2112_a442;
const ATTRIBUTE_HEADER: usize = 4;
/// Requests have about ten attributes.
const MAX_ATTRIBUTES: usize = 32;
/// A permission request may name several peers; we have few addresses.
const MAX_PEERS: usize = 16;
const FINGERPRINT: usize = 4;

pub(crate) type TransactionId = [u8; 12];

/// Message types: method and class in one.
pub(crate) mod kind {
    pub(crate) const BINDING: u16 = 0x0001;
    pub(crate) const ALLOCATE: u16 = 0x0003;
    pub(crate) const REFRESH: u16 = 0x0004;
    pub(crate) const CREATE_PERMISSION: u16 = 0x0008;
    pub(crate) const CHANNEL_BIND: u16 = 0x0009;
    pub(crate) const SEND_INDICATION: u16 = 0x0016;
    pub(crate) const DATA_INDICATION: u16 = 0x0017;
    /// Set in the response to a request.
    pub(crate) const SUCCESS: u16 = 0x0100;
    pub(crate) const ERROR: u16 = 0x0110;
}

/// Attribute types.
pub(crate) mod attribute {
    pub(crate) const USERNAME: u16 = 0x0006;
    pub(crate) const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub(crate) const ERROR_CODE: u16 = 0x0009;
    pub(crate) const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
    pub(crate) const CHANNEL_NUMBER: u16 = 0x000c;
    pub(crate) const LIFETIME: u16 = 0x000d;
    pub(crate) const XOR_PEER_ADDRESS: u16 = 0x0012;
    pub(crate) const DATA: u16 = 0x0013;
    pub(crate) const REALM: u16 = 0x0014;
    pub(crate) const NONCE: u16 = 0x0015;
    pub(crate) const XOR_RELAYED_ADDRESS: u16 = 0x0016;
    pub(crate) const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
    pub(crate) const EVEN_PORT: u16 = 0x0018;
    pub(crate) const REQUESTED_TRANSPORT: u16 = 0x0019;
    pub(crate) const DONT_FRAGMENT: u16 = 0x001a;
    pub(crate) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub(crate) const RESERVATION_TOKEN: u16 = 0x0022;
    pub(crate) const FINGERPRINT: u16 = 0x8028;
    /// Types from here on may be ignored by who does not know them.
    pub(crate) const OPTIONAL: u16 = 0x8000;
}

/// A message whose frame is sound: its attributes can be walked through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    pub(crate) kind: u16,
    pub(crate) transaction: TransactionId,
    bytes: &'a [u8],
}

impl<'a> Message<'a> {
    /// `None` if this is no STUN message, or a broken one.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, body) = bytes.split_at_checked(HEADER)?;
        let kind = u16::from_be_bytes([header[0], header[1]]);
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let is_stun = kind < 0x4000 && header[4..8] == COOKIE.to_be_bytes();
        if !is_stun || length != body.len() || length % 4 != 0 {
            return None;
        }
        let transaction = header[8..].try_into().ok()?;
        Some(Self { kind, transaction, bytes })
    }

    /// Offset of the attribute's header, type, value. Ends early where an attribute is cut off.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (usize, u16, &'a [u8])> + use<'a> {
        let bytes = self.bytes;
        let mut offset = HEADER;
        std::iter::from_fn(move || {
            let (head, body) = bytes.get(offset..)?.split_at_checked(ATTRIBUTE_HEADER)?;
            let kind = u16::from_be_bytes([head[0], head[1]]);
            let value = body.get(..usize::from(u16::from_be_bytes([head[2], head[3]])))?;
            let at = offset;
            offset += ATTRIBUTE_HEADER + value.len().next_multiple_of(4);
            Some((at, kind, value))
        })
    }

    /// A binding request of somebody who only wants to know its address: no credentials.
    pub(crate) fn is_plain_binding(&self) -> bool {
        let credentials = [attribute::USERNAME, attribute::MESSAGE_INTEGRITY];
        self.kind == kind::BINDING && !self.attributes().any(|(_, kind, _)| credentials.contains(&kind))
    }

    /// Peer and contents of a Send indication.
    pub(crate) fn send_indication(&self) -> Option<(SocketAddr, &'a [u8])> {
        let (mut peer, mut data) = (None, None);
        for (_, kind, value) in self.attributes().take(MAX_ATTRIBUTES) {
            match kind {
                attribute::XOR_PEER_ADDRESS if peer.is_none() => peer = Some(self.address(value)?),
                attribute::DATA if data.is_none() => data = Some(value),
                // There is nothing to fragment in memory.
                attribute::XOR_PEER_ADDRESS | attribute::DATA | attribute::DONT_FRAGMENT => {}
                _ if kind < attribute::OPTIONAL => return None,
                _ => {}
            }
        }
        Some((peer?, data?))
    }

    /// Everything in a request. An error names nothing: the request is broken.
    pub(crate) fn request(&self) -> Result<Request<'a>, Malformed> {
        let mut request = Request::default();
        let mut end = HEADER;
        let mut secured = false;
        for (count, (offset, kind, value)) in self.attributes().enumerate() {
            if count == MAX_ATTRIBUTES {
                return Err(Malformed);
            }
            end = offset + ATTRIBUTE_HEADER + value.len().next_multiple_of(4);
            if kind == attribute::FINGERPRINT {
                request.fingerprint = true;
                if end != self.bytes.len() || value != self.fingerprint(offset) {
                    return Err(Malformed);
                }
            } else if !secured {
                secured = kind == attribute::MESSAGE_INTEGRITY;
                self.take(&mut request, offset, kind, value)?;
            }
        }
        if end == self.bytes.len() { Ok(request) } else { Err(Malformed) }
    }

    fn take(&self, request: &mut Request<'a>, offset: usize, kind: u16, value: &'a [u8]) -> Result<(), Malformed> {
        match kind {
            attribute::USERNAME => keep(&mut request.username, value),
            attribute::REALM => keep(&mut request.realm, value),
            attribute::NONCE => keep(&mut request.nonce, value),
            attribute::MESSAGE_INTEGRITY => {
                let tag = value.try_into().map_err(|_| Malformed)?;
                keep(&mut request.integrity, Integrity { offset, tag });
            }
            attribute::LIFETIME => keep(&mut request.lifetime, u32::from_be_bytes(four(value)?)),
            attribute::CHANNEL_NUMBER => {
                let [high, low, ..] = four(value)?;
                keep(&mut request.channel, u16::from_be_bytes([high, low]));
            }
            attribute::REQUESTED_TRANSPORT => keep(&mut request.transport, four(value)?[0]),
            attribute::REQUESTED_ADDRESS_FAMILY => keep(&mut request.family, four(value)?[0]),
            attribute::EVEN_PORT => keep(&mut request.even_port, value.first().ok_or(Malformed)? & 0x80 != 0),
            attribute::RESERVATION_TOKEN => request.reservation_token = true,
            attribute::XOR_PEER_ADDRESS => {
                if request.peers.len() == MAX_PEERS {
                    return Err(Malformed);
                }
                request.peers.push(self.address(value).ok_or(Malformed)?);
            }
            attribute::DONT_FRAGMENT => {}
            _ if kind < attribute::OPTIONAL => request.unknown.push(kind),
            _ => {}
        }
        Ok(())
    }

    /// Whether the request was signed with this key.
    pub(crate) fn is_signed(&self, integrity: &Integrity, key: &Key) -> bool {
        let end = integrity.offset + ATTRIBUTE_HEADER + INTEGRITY - HEADER;
        let before = self.bytes.get(..integrity.offset).unwrap_or_default();
        key.verify((end as u16).to_be_bytes(), before, &integrity.tag)
    }

    fn fingerprint(&self, offset: usize) -> [u8; FINGERPRINT] {
        integrity::fingerprint(&[self.bytes.get(..offset).unwrap_or_default()]).to_be_bytes()
    }

    /// An XOR-…-ADDRESS.
    pub(crate) fn address(&self, value: &[u8]) -> Option<SocketAddr> {
        let ([_, family, high, low], ip) = value.split_first_chunk()?;
        let port = u16::from_be_bytes([*high, *low]) ^ (COOKIE >> 16) as u16;
        let ip: IpAddr = match family {
            1 => Ipv4Addr::from_bits(u32::from_be_bytes(ip.try_into().ok()?) ^ COOKIE).into(),
            2 => Ipv6Addr::from_bits(u128::from_be_bytes(ip.try_into().ok()?) ^ mask(&self.transaction)).into(),
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    }
}

/// The request cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Malformed;

/// MESSAGE-INTEGRITY and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Integrity {
    offset: usize,
    tag: [u8; INTEGRITY],
}

/// What a request says. Of attributes that stand twice the first counts.
#[derive(Clone, Default, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) username: Option<&'a [u8]>,
    pub(crate) realm: Option<&'a [u8]>,
    pub(crate) nonce: Option<&'a [u8]>,
    pub(crate) integrity: Option<Integrity>,
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

fn keep<T>(field: &mut Option<T>, value: T) {
    field.get_or_insert(value);
}

fn four(value: &[u8]) -> Result<[u8; 4], Malformed> {
    value.try_into().map_err(|_| Malformed)
}

fn mask(transaction: &TransactionId) -> u128 {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(transaction);
    u128::from_be_bytes(mask)
}

/// The value of REQUESTED-ADDRESS-FAMILY.
pub(crate) fn family(value: u8) -> Option<Family> {
    match value {
        1 => Some(Family::V4),
        2 => Some(Family::V6),
        _ => None,
    }
}

/// A message being written.
#[derive(Debug)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
    transaction: TransactionId,
}

impl Writer {
    pub(crate) fn new(kind: u16, transaction: TransactionId) -> Self {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&COOKIE.to_be_bytes());
        bytes.extend_from_slice(&transaction);
        Self { bytes, transaction }
    }

    pub(crate) fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        self.head(kind, value.len());
        self.bytes.extend_from_slice(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.count();
        self
    }

    pub(crate) fn address(self, kind: u16, address: SocketAddr) -> Self {
        let port = (address.port() ^ (COOKIE >> 16) as u16).to_be_bytes();
        match address.ip() {
            IpAddr::V4(ip) => {
                let mut value = [0, 1, port[0], port[1], 0, 0, 0, 0];
                value[4..].copy_from_slice(&(ip.to_bits() ^ COOKIE).to_be_bytes());
                self.attribute(kind, &value)
            }
            IpAddr::V6(ip) => {
                let mut value = [0; 20];
                value[..4].copy_from_slice(&[0, 2, port[0], port[1]]);
                value[4..].copy_from_slice(&(ip.to_bits() ^ mask(&self.transaction)).to_be_bytes());
                self.attribute(kind, &value)
            }
        }
    }

    /// Without a reason phrase: the shorter, the less use for a forger of addresses.
    pub(crate) fn error_code(self, code: u16) -> Self {
        self.attribute(attribute::ERROR_CODE, &[0, 0, (code / 100) as u8, (code % 100) as u8])
    }

    /// The head of DATA: `length` bytes and their padding follow, written by somebody else.
    pub(crate) fn data_head(mut self, length: usize) -> Vec<u8> {
        self.head(attribute::DATA, length);
        let whole = self.bytes.len() - HEADER + length.next_multiple_of(4);
        self.set_length(whole);
        self.bytes
    }

    /// Signs what is there.
    pub(crate) fn sign(mut self, key: &Key) -> Self {
        let length = self.bytes.len() - HEADER + ATTRIBUTE_HEADER + INTEGRITY;
        let tag = key.sign((length as u16).to_be_bytes(), &self.bytes);
        self = self.attribute(attribute::MESSAGE_INTEGRITY, &tag);
        self
    }

    pub(crate) fn finish(mut self, fingerprint: bool) -> Vec<u8> {
        if fingerprint {
            let whole = self.bytes.len() - HEADER + ATTRIBUTE_HEADER + FINGERPRINT;
            self.set_length(whole);
            let value = integrity::fingerprint(&[&self.bytes]).to_be_bytes();
            self = self.attribute(attribute::FINGERPRINT, &value);
        }
        self.bytes
    }

    fn head(&mut self, kind: u16, length: usize) {
        self.bytes.extend_from_slice(&kind.to_be_bytes());
        self.bytes.extend_from_slice(&(length as u16).to_be_bytes());
    }

    fn count(&mut self) {
        self.set_length(self.bytes.len() - HEADER);
    }

    fn set_length(&mut self, length: usize) {
        self.bytes[2..4].copy_from_slice(&(length as u16).to_be_bytes());
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
    use super::*;

    const TRANSACTION: TransactionId = *b"transaction!";

    #[test]
    fn what_is_written_can_be_read() {
        let key = Key::new(&[7; 16]);
        let peers: [SocketAddr; 2] = ["203.0.113.5:40000".parse().unwrap(), "[2001:db8::5]:40000".parse().unwrap()];
        let bytes = Writer::new(kind::CREATE_PERMISSION, TRANSACTION)
            .attribute(attribute::USERNAME, b"ann")
            .attribute(attribute::LIFETIME, &600_u32.to_be_bytes())
            .attribute(0x8022, b"optional and unknown")
            .attribute(0x7fff, b"unknown")
            .address(attribute::XOR_PEER_ADDRESS, peers[0])
            .address(attribute::XOR_PEER_ADDRESS, peers[1])
            .sign(&key)
            .finish(true);
        let message = Message::parse(&bytes).unwrap();
        let request = message.request().unwrap();
        assert_eq!((message.kind, message.transaction), (kind::CREATE_PERMISSION, TRANSACTION));
        assert_eq!((request.username, request.lifetime, request.peers), (Some(&b"ann"[..]), Some(600), peers.to_vec()));
        assert_eq!((request.unknown, request.fingerprint), (vec![0x7fff], true));
        let integrity = request.integrity.unwrap();
        assert!(message.is_signed(&integrity, &key));
        assert!(!message.is_signed(&integrity, &Key::new(&[8; 16])));
    }

    #[test]
    fn a_changed_bit_is_seen() {
        let key = Key::new(&[7; 16]);
        let bytes =
            Writer::new(kind::REFRESH, TRANSACTION).attribute(attribute::USERNAME, b"anna").sign(&key).finish(true);
        // Nothing is read from what stands behind the integrity, but a fingerprint has to be right.
        let kind_of_fingerprint = (bytes.len() - 8) * 8..(bytes.len() - 6) * 8;
        for bit in (0..bytes.len() * 8).filter(|bit| !kind_of_fingerprint.contains(bit)) {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let accepted = Message::parse(&changed)
                .and_then(|message| Some((message, message.request().ok()?.integrity?)))
                .is_some_and(|(message, integrity)| message.is_signed(&integrity, &key));
            assert!(!accepted, "bit {bit}");
        }
    }

    /// RFC 5769 §2.4: a request with long-term credentials.
    #[test]
    fn the_test_vector_of_long_term_credentials_is_verified() {
        use md5::Digest as _;

        let hex = "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b900000015001c\
                   662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f726700\
                   00080014f67024656dd64a3e02b8e0712e85c9a28ca89666";
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let message = Message::parse(&bytes).unwrap();
        let request = message.request().unwrap();
        assert_eq!(request.realm, Some(&b"example.org"[..]));
        // SASLprep makes the password "TheMatrIX" of what the user typed.
        let key = Key::new(&md5::Md5::digest("マトリックス:example.org:TheMatrIX"));
        assert!(message.is_signed(&request.integrity.unwrap(), &key));
    }

    #[test]
    fn broken_messages_are_refused() {
        let bytes = Writer::new(kind::ALLOCATE, TRANSACTION)
            .attribute(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0])
            .attribute(attribute::USERNAME, b"ann")
            .finish(false);
        for end in 0..bytes.len() {
            assert!(Message::parse(&bytes[..end]).is_none(), "{end}");
        }
        let wrong =
            [(attribute::LIFETIME, &[1, 2][..]), (attribute::XOR_PEER_ADDRESS, &[0, 1, 0, 0, 1]), (0x0008, &[0; 19])];
        for (kind, value) in wrong {
            let bytes = Writer::new(kind::ALLOCATE, TRANSACTION).attribute(kind, value).finish(false);
            assert_eq!(Message::parse(&bytes).unwrap().request().unwrap_err(), Malformed, "{kind:#x}");
        }
        // An attribute longer than the message.
        let mut bytes = Writer::new(kind::ALLOCATE, TRANSACTION).attribute(attribute::USERNAME, b"anna").finish(false);
        bytes[HEADER + 3] = 5;
        assert_eq!(Message::parse(&bytes).unwrap().request().unwrap_err(), Malformed);
        let many = (0..=MAX_PEERS).fold(Writer::new(kind::CREATE_PERMISSION, TRANSACTION), |writer, _| {
            writer.address(attribute::XOR_PEER_ADDRESS, "203.0.113.5:1".parse().unwrap())
        });
        assert_eq!(Message::parse(&many.finish(false)).unwrap().request().unwrap_err(), Malformed);
    }
}
