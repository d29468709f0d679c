//! Writing a message (RFC 8489 §5).

use std::net::SocketAddr;

use crate::fingerprint::FINGERPRINT;
use crate::integrity::INTEGRITY;
use crate::{ATTRIBUTE_HEADER, COOKIE, HEADER, Key, TransactionId, attribute, fingerprint, xor};

/// A message being written, attribute by attribute. Its length field has 16 bits: who writes keeps below 64 KiB.
#[derive(Debug)]
pub struct MessageWriter {
    bytes: Vec<u8>,
    transaction: TransactionId,
}

impl MessageWriter {
    /// With this message type, see [`kind`](crate::kind), and no attribute yet.
    pub fn new(kind: u16, transaction: TransactionId) -> Self {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&COOKIE.to_be_bytes());
        bytes.extend_from_slice(&transaction);
        Self { bytes, transaction }
    }

    /// Appends an attribute, padded.
    pub fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        self.head(kind, value.len());
        self.bytes.extend_from_slice(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.set_length(self.bytes.len() - HEADER);
        self
    }

    /// Appends an XOR-…-ADDRESS.
    pub fn xor_address(self, kind: u16, address: SocketAddr) -> Self {
        let (value, length) = xor::write(address, &self.transaction);
        self.attribute(kind, value.get(..length).unwrap_or_default())
    }

    /// Without a reason phrase: the shorter, the less use for a forger of addresses.
    pub fn error_code(self, code: u16) -> Self {
        self.attribute(attribute::ERROR_CODE, &[0, 0, (code / 100) as u8, (code % 100) as u8])
    }

    /// The message up to the value of its last attribute: `length` bytes of it and their padding to a multiple of four
    /// follow, written by somebody else.
    pub fn finish_before_value(mut self, kind: u16, length: usize) -> Vec<u8> {
        self.head(kind, length);
        let whole = self.bytes.len() - HEADER + length.next_multiple_of(4);
        self.set_length(whole);
        self.bytes
    }

    /// Signs what is there: appends MESSAGE-INTEGRITY.
    pub fn sign(self, key: &Key) -> Self {
        let length = self.bytes.len() - HEADER + ATTRIBUTE_HEADER + INTEGRITY;
        let tag = key.sign((length as u16).to_be_bytes(), &self.bytes);
        self.attribute(attribute::MESSAGE_INTEGRITY, &tag)
    }

    /// The bytes, with a FINGERPRINT at the end or without.
    pub fn finish(mut self, fingerprint: bool) -> Vec<u8> {
        if fingerprint {
            let whole = self.bytes.len() - HEADER + ATTRIBUTE_HEADER + FINGERPRINT;
            self.set_length(whole);
            let value = fingerprint::of(&self.bytes).to_be_bytes();
            self = self.attribute(attribute::FINGERPRINT, &value);
        }
        self.bytes
    }

    fn head(&mut self, kind: u16, length: usize) {
        self.bytes.extend_from_slice(&kind.to_be_bytes());
        self.bytes.extend_from_slice(&(length as u16).to_be_bytes());
    }

    fn set_length(&mut self, length: usize) {
        self.bytes[2..4].copy_from_slice(&(length as u16).to_be_bytes());
    }
}
