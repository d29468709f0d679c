//! The little of ICE (RFC 8445 §7) that is needed before a transport is known: whose check is it, or whose answer. Integrity
//! is *not* here, and neither are requests without credentials: those are for the STUN server in front of us.

use stun::{Message, TransactionId, attribute, kind};

const SUCCESS_RESPONSE: u16 = kind::BINDING | kind::SUCCESS;
const ERROR_RESPONSE: u16 = kind::BINDING | kind::ERROR;
/// A check has fewer than ten attributes.
const MAX_ATTRIBUTES: usize = 32;

/// What a STUN message is to ICE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum IceMessage<'a> {
    /// A connectivity check: the part of USERNAME before the colon is the ufrag of who is asked.
    Check { local_ufrag: &'a str },
    /// The answer to a request of ours.
    Response { transaction: TransactionId },
    /// Any other STUN message, also a broken one.
    Other,
}

/// Whether the first byte is one of STUN's (RFC 7983: 0 to 3).
pub(crate) fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| *first <= 3)
}

/// `None` if this is no STUN message at all.
pub(crate) fn parse(datagram: &[u8]) -> Option<IceMessage<'_>> {
    if !is_stun(datagram) {
        return None;
    }
    Some(parse_message(datagram).unwrap_or(IceMessage::Other))
}

fn parse_message(datagram: &[u8]) -> Option<IceMessage<'_>> {
    let message = Message::parse(datagram)?;
    match message.kind {
        SUCCESS_RESPONSE | ERROR_RESPONSE => Some(IceMessage::Response { transaction: message.transaction }),
        kind::BINDING => {
            let mut attributes = message.attributes().take(MAX_ATTRIBUTES);
            let username = attributes.find(|attribute| attribute.kind == attribute::USERNAME)?.value;
            let (local_ufrag, _) = std::str::from_utf8(username).ok()?.split_once(':')?;
            Some(IceMessage::Check { local_ufrag })
        }
        _ => None,
    }
}

/// The transaction of a request of ours, so that its response finds back.
pub(crate) fn outgoing_request(datagram: &[u8]) -> Option<TransactionId> {
    let message = Message::parse(datagram)?;
    (message.kind == kind::BINDING).then_some(message.transaction)
}

#[cfg(test)]
mod tests {
    use stun::MessageWriter;

    use super::*;

    fn request(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let message = MessageWriter::new(kind::BINDING, *b"transaction!");
        let write = |message: MessageWriter, (kind, value): &(u16, &[u8])| message.attribute(*kind, value);
        attributes.iter().fold(message, write).finish(false)
    }

    #[test]
    fn the_local_ufrag_is_the_first_half_of_the_user_name() {
        let check = request(&[(attribute::USERNAME, b"ours:theirs")]);
        assert_eq!(parse(&check), Some(IceMessage::Check { local_ufrag: "ours" }));
        assert_eq!(parse(&request(&[(attribute::USERNAME, b"nocolon")])), Some(IceMessage::Other));
    }

    #[test]
    fn broken_messages_are_nothing_to_act_on() {
        let whole = request(&[(attribute::USERNAME, b"ours:theirs"), (attribute::MESSAGE_INTEGRITY, &[0; 20])]);
        for end in 1..whole.len() {
            assert_eq!(parse(&whole[..end]), Some(IceMessage::Other));
        }
        assert_eq!(parse(&request(&[])), Some(IceMessage::Other));
        assert_eq!(parse(&request(&[(attribute::MESSAGE_INTEGRITY, &[0; 20])])), Some(IceMessage::Other));
        assert_eq!(parse(&[0x80, 0x60]), None);
        assert_eq!(parse(&[]), None);
    }
}
