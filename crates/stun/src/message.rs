//! Reading a message (RFC 8489 §5). Nothing is decided here: what has to be in it is its reader's business.

use std::net::SocketAddr;

use crate::integrity::INTEGRITY;
use crate::{ATTRIBUTE_HEADER, COOKIE, HEADER, Key, TransactionId, attribute, fingerprint, kind, xor};

/// A message whose header is sound and whose length is that of the bytes. Its attributes can be walked through.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Method and class, see [`kind`].
    pub kind: u16,
    /// Of the request, or of the request that this answers.
    pub transaction: TransactionId,
    bytes: &'a [u8],
}

/// One attribute where it stands in its message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attribute<'a> {
    /// See [`attribute`].
    pub kind: u16,
    /// Without padding.
    pub value: &'a [u8],
    /// Of its header, in the message.
    offset: usize,
}

impl Attribute<'_> {
    /// Offset of what follows it in the message.
    fn end(&self) -> usize {
        self.offset + ATTRIBUTE_HEADER + self.value.len().next_multiple_of(4)
    }
}

impl<'a> Message<'a> {
    /// `None` if this is no STUN message, or more or less than one.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
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

    /// Ends early where an attribute is cut off, see [`Self::ends_with`].
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        let bytes = self.bytes;
        let mut offset = HEADER;
        std::iter::from_fn(move || {
            let (head, body) = bytes.get(offset..)?.split_at_checked(ATTRIBUTE_HEADER)?;
            let kind = u16::from_be_bytes([head[0], head[1]]);
            let value = body.get(..usize::from(u16::from_be_bytes([head[2], head[3]])))?;
            let attribute = Attribute { kind, value, offset };
            offset = attribute.end();
            Some(attribute)
        })
    }

    /// The value of the first attribute of this type: if one stands twice, the first counts.
    pub fn attribute(&self, kind: u16) -> Option<&'a [u8]> {
        self.attributes().find(|attribute| attribute.kind == kind).map(|attribute| attribute.value)
    }

    /// Whether nothing follows the last of its attributes. If something does, it was no attribute: the message is broken.
    pub fn ends_with(&self, last: Option<&Attribute<'_>>) -> bool {
        last.map_or(HEADER, Attribute::end) == self.bytes.len()
    }

    /// The first address of this attribute type, XOR-…-ADDRESS.
    pub fn find_xor_address(&self, kind: u16) -> Option<SocketAddr> {
        self.xor_address(self.attribute(kind)?)
    }

    /// The value of an XOR-…-ADDRESS of this message.
    pub fn xor_address(&self, value: &[u8]) -> Option<SocketAddr> {
        xor::read(value, &self.transaction)
    }

    /// Whether the message was signed with this key. `integrity` is its MESSAGE-INTEGRITY; what stands behind that attribute
    /// is not covered.
    pub fn is_signed(&self, integrity: &Attribute<'_>, key: &Key) -> bool {
        let Ok(tag) = <&[u8; INTEGRITY]>::try_from(integrity.value) else {
            return false;
        };
        let length = (integrity.end() - HEADER) as u16;
        key.verify(length.to_be_bytes(), self.before(integrity), tag)
    }

    /// Whether this FINGERPRINT is right and the last attribute, as it has to be.
    pub fn has_fingerprint(&self, attribute: &Attribute<'_>) -> bool {
        let expected = fingerprint::of(self.before(attribute)).to_be_bytes();
        self.ends_with(Some(attribute)) && attribute.value == expected
    }

    /// A binding request of somebody who only wants to know its address: no credentials.
    pub fn is_plain_binding(&self) -> bool {
        let credentials = [attribute::USERNAME, attribute::MESSAGE_INTEGRITY];
        self.kind == kind::BINDING && !self.attributes().any(|attribute| credentials.contains(&attribute.kind))
    }

    fn before(&self, attribute: &Attribute<'_>) -> &'a [u8] {
        self.bytes.get(..attribute.offset).unwrap_or_default()
    }
}
