//! STUN messages (RFC 8489): the one reader and writer for all that speak it, which are connectivity checks of ICE, the TURN
//! server and its client, and questions for our own address.
//!
//! [`Message`] reads without copying, [`MessageWriter`] writes, [`Key`] signs and verifies, [`binding`] is the one
//! exchange that needs no more than this, [`framing`] finds the messages in a TCP stream. Whatever comes in may be a
//! stranger's: nothing here panics, and nothing grows with what a length field says.
//!
//! It is *not* an agent: no transactions, no retransmission, no rules about who may ask what. TURN's methods and attributes
//! are in the crate `turn`, ICE's in the WebRTC engine. There is no socket, no clock and no state.

#![warn(missing_docs)]

pub mod binding;
mod fingerprint;
pub mod framing;
mod integrity;
mod message;
mod writer;
mod xor;

pub use integrity::{INTEGRITY, Key};
pub use message::{Attribute, Message};
pub use writer::MessageWriter;

/// Bytes before the attributes.
pub const HEADER: usize = 20;
/// In every message, at offset 4: tells STUN from what else comes to the same port.
pub const COOKIE: u32 = 0x2112_a442;
/// Type and length of an attribute, in bytes.
const ATTRIBUTE_HEADER: usize = 4;

/// Pairs a response with its request.
pub type TransactionId = [u8; 12];

/// Message types, which hold a method and a class (RFC 8489 §5). The value of a method is that of its request.
pub mod kind {
    /// Binding request: what is my address, or, in ICE, do my datagrams reach you.
    pub const BINDING: u16 = 0x0001;
    /// Added to a request's type makes that of its success response.
    pub const SUCCESS: u16 = 0x0100;
    /// Added to a request's type makes that of its error response. The mask of the class, too.
    pub const ERROR: u16 = 0x0110;
}

/// Attribute types of RFC 8489 §18.3.
pub mod attribute {
    /// USERNAME: UTF-8; in ICE `<ufrag of who is asked>:<ufrag of who asks>`.
    pub const USERNAME: u16 = 0x0006;
    /// MESSAGE-INTEGRITY: the HMAC-SHA1 of what stands before it.
    pub const MESSAGE_INTEGRITY: u16 = 0x0008;
    /// ERROR-CODE.
    pub const ERROR_CODE: u16 = 0x0009;
    /// UNKNOWN-ATTRIBUTES: types of two bytes.
    pub const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
    /// REALM: UTF-8.
    pub const REALM: u16 = 0x0014;
    /// NONCE: opaque.
    pub const NONCE: u16 = 0x0015;
    /// XOR-MAPPED-ADDRESS: where a request seemed to come from.
    pub const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    /// Types from here on may be ignored by who does not know them.
    pub const OPTIONAL: u16 = 0x8000;
    /// SOFTWARE: a description of the sender.
    pub const SOFTWARE: u16 = 0x8022;
    /// FINGERPRINT: a CRC-32 of what stands before it, the last one if present.
    pub const FINGERPRINT: u16 = 0x8028;
}
