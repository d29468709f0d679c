//! What is written can be read again, by ourselves and by another implementation; what strangers send is read by both alike
//! and panics nobody.

use std::net::{IpAddr, SocketAddr};

use proptest::prelude::*;
use stun::{Attribute, HEADER, Key, Message, MessageWriter, TransactionId, attribute, kind};
use stun_types::attribute::AttributeType;
use stun_types::message::{LongTermKeyCredentials, MessageIntegrityCredentials};

const TRANSACTION: TransactionId = *b"transaction!";

fn key() -> Key {
    Key::long_term("ann", "openvidu", "secret")
}

fn theirs() -> MessageIntegrityCredentials {
    LongTermKeyCredentials::new("ann".to_owned(), "secret".to_owned(), "openvidu".to_owned()).into()
}

fn integrity<'a>(message: &Message<'a>) -> Option<Attribute<'a>> {
    message.attributes().find(|attribute| attribute.kind == attribute::MESSAGE_INTEGRITY)
}

#[test]
fn a_signed_message_is_read_as_it_was_written() {
    let addresses: [SocketAddr; 2] = ["203.0.113.5:40000".parse().unwrap(), "[2001:db8::5]:40000".parse().unwrap()];
    let bytes = MessageWriter::new(kind::BINDING, TRANSACTION)
        .attribute(attribute::USERNAME, b"ann")
        .xor_address(attribute::XOR_MAPPED_ADDRESS, addresses[0])
        .xor_address(0x7fff, addresses[1])
        .sign(&key())
        .finish(true);
    let message = Message::parse(&bytes).unwrap();
    assert_eq!((message.kind, message.transaction), (kind::BINDING, TRANSACTION));
    assert_eq!(message.attribute(attribute::USERNAME), Some(&b"ann"[..]));
    assert_eq!(message.find_xor_address(attribute::XOR_MAPPED_ADDRESS), Some(addresses[0]));
    assert_eq!(message.find_xor_address(0x7fff), Some(addresses[1]));
    let integrity = integrity(&message).unwrap();
    assert!(message.is_signed(&integrity, &key()));
    assert!(!message.is_signed(&integrity, &Key::long_term("ann", "openvidu", "wrong")));
    let last = message.attributes().last().unwrap();
    assert!(last.kind == attribute::FINGERPRINT && message.has_fingerprint(&last) && message.ends_with(Some(&last)));
    assert!(!message.ends_with(Some(&integrity)) && !message.has_fingerprint(&integrity));
}

/// RFC 5769 §2.4: a request with long-term credentials.
#[test]
fn the_test_vector_of_long_term_credentials_is_verified() {
    let hex = "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b900000015001c\
               662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f726700\
               00080014f67024656dd64a3e02b8e0712e85c9a28ca89666";
    let bytes: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.attribute(attribute::REALM), Some(&b"example.org"[..]));
    // SASLprep makes the password "TheMatrIX" of what the user typed.
    let key = Key::long_term("マトリックス", "example.org", "TheMatrIX");
    assert!(message.is_signed(&integrity(&message).unwrap(), &key));
}

#[test]
fn a_cut_message_is_none_and_a_cut_attribute_is_noticed() {
    let whole = MessageWriter::new(kind::BINDING, TRANSACTION).attribute(attribute::USERNAME, b"anna").finish(false);
    for end in 0..whole.len() {
        assert!(Message::parse(&whole[..end]).is_none(), "{end}");
    }
    let longer = [&whole[..], &[0; 4]].concat();
    assert!(Message::parse(&longer).is_none());
    let mut cut = whole;
    cut[HEADER + 3] = 5;
    let message = Message::parse(&cut).unwrap();
    assert!(message.attributes().last().is_none() && !message.ends_with(None));
}

#[test]
fn the_first_of_two_counts() {
    let writer = MessageWriter::new(kind::BINDING, TRANSACTION);
    let bytes = writer.attribute(attribute::NONCE, b"1").attribute(attribute::NONCE, b"2").finish(false);
    assert_eq!(Message::parse(&bytes).unwrap().attribute(attribute::NONCE), Some(&b"1"[..]));
}

#[test]
fn no_key_is_shown() {
    assert_eq!(format!("{:?}", key()), "Key(*)");
}

/// Types that the other implementation does not read for more than their bytes.
fn attributes() -> impl Strategy<Value = Vec<(u16, Vec<u8>)>> {
    proptest::collection::vec((0x7000_u16..0x7fff, proptest::collection::vec(any::<u8>(), 0..40)), 0..8)
}

fn address() -> impl Strategy<Value = SocketAddr> {
    (any::<IpAddr>(), any::<u16>()).prop_map(SocketAddr::from)
}

proptest! {
    #[test]
    fn another_implementation_reads_what_we_write(
        method in 0_u16..0x10,
        transaction: TransactionId,
        attributes in attributes(),
        address in address(),
        fingerprint: bool,
    ) {
        let writer = MessageWriter::new(method, transaction);
        let writer = attributes.iter().fold(writer, |writer, (kind, value)| writer.attribute(*kind, value));
        let bytes = writer.xor_address(attribute::XOR_MAPPED_ADDRESS, address).sign(&key()).finish(fingerprint);
        let (ours, other) = (Message::parse(&bytes).unwrap(), stun_types::message::Message::from_bytes(&bytes).unwrap());
        prop_assert!(other.validate_integrity(&theirs()).is_ok());
        prop_assert!(ours.is_signed(&integrity(&ours).unwrap(), &key()));
        let read: Vec<_> = ours.attributes().map(|attribute| (attribute.kind, attribute.value.to_vec())).collect();
        let other: Vec<_> = other.iter_attributes().map(|(_, raw)| (raw.header.get_type().value(), raw.value.to_vec())).collect();
        prop_assert_eq!(&read[..attributes.len()], &attributes[..]);
        prop_assert_eq!(read, other);
        prop_assert_eq!(ours.find_xor_address(attribute::XOR_MAPPED_ADDRESS), Some(address));
    }

    #[test]
    fn addresses_are_disguised_as_another_implementation_does(transaction: TransactionId, address in address()) {
        use stun_types::attribute::{AttributeFromRaw as _, XorMappedAddress};

        let bytes = stun::binding::response(transaction, address);
        let message = stun_types::message::Message::from_bytes(&bytes).unwrap();
        let raw = message.raw_attribute(AttributeType::new(attribute::XOR_MAPPED_ADDRESS)).unwrap();
        let read = XorMappedAddress::from_raw(raw).unwrap().addr(message.transaction_id());
        prop_assert_eq!(read, address);
    }

    #[test]
    fn whoever_signs_with_another_key_is_not_believed(username in "[a-z]{1,8}", bit in 0_usize..160) {
        let writer = MessageWriter::new(kind::BINDING, TRANSACTION).attribute(attribute::USERNAME, username.as_bytes());
        let mut bytes = writer.sign(&key()).finish(false);
        let at = bytes.len() - 20 + bit / 8;
        bytes[at] ^= 1 << (bit % 8);
        let message = Message::parse(&bytes).unwrap();
        prop_assert!(!message.is_signed(&integrity(&message).unwrap(), &key()));
    }

    #[test]
    fn nothing_is_too_strange_to_read(kind: u16, transaction: TransactionId, mut body: Vec<u8>, cut in 0_usize..8) {
        body.truncate(body.len() / 4 * 4);
        let mut bytes = MessageWriter::new(kind, transaction).finish(false);
        bytes[2..4].copy_from_slice(&(body.len() as u16).to_be_bytes());
        bytes.extend(body);
        for bytes in [&bytes[..], &bytes[bytes.len().min(cut)..], &bytes[..bytes.len().saturating_sub(cut)]] {
            let Some(message) = Message::parse(bytes) else {
                continue;
            };
            let mut length = HEADER;
            for attribute in message.attributes() {
                length += 4 + attribute.value.len().next_multiple_of(4);
                message.xor_address(attribute.value);
                message.is_signed(&attribute, &key());
                prop_assert_eq!(message.ends_with(Some(&attribute)), length == bytes.len());
                message.has_fingerprint(&attribute);
            }
            prop_assert!(length <= bytes.len());
            message.is_plain_binding();
            stun::binding::mapped_address(bytes, transaction);
        }
    }
}
