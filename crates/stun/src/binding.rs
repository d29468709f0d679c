//! The question what our address is as seen from elsewhere, and its answer (RFC 8489 §3): binding requests without
//! credentials. When to ask again is the asker's business.

use std::net::SocketAddr;

use crate::{ATTRIBUTE_HEADER, HEADER, Message, MessageWriter, TransactionId, attribute, kind};

/// A request without credentials: what is our address, seen from there?
pub fn request(transaction: TransactionId) -> Vec<u8> {
    MessageWriter::new(kind::BINDING, transaction).finish(false)
}

/// The same, `size` bytes long or a little less: whether large datagrams get through, too.
pub fn padded_request(transaction: TransactionId, size: usize) -> Vec<u8> {
    let padding = vec![b' '; size.saturating_sub(HEADER + ATTRIBUTE_HEADER) / 4 * 4];
    MessageWriter::new(kind::BINDING, transaction).attribute(attribute::SOFTWARE, &padding).finish(false)
}

/// The answer to who is at `address`: that and nothing else, so that it is hardly longer than the question.
pub fn response(transaction: TransactionId, address: SocketAddr) -> Vec<u8> {
    let response = MessageWriter::new(kind::BINDING | kind::SUCCESS, transaction);
    response.xor_address(attribute::XOR_MAPPED_ADDRESS, address).finish(false)
}

/// The address in the response to [`request`]; `None` if it is not the response to this one.
pub fn mapped_address(response: &[u8], transaction: TransactionId) -> Option<SocketAddr> {
    let message = Message::parse(response).filter(|message| message.transaction == transaction)?;
    if message.kind != kind::BINDING | kind::SUCCESS {
        return None;
    }
    message.find_xor_address(attribute::XOR_MAPPED_ADDRESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRANSACTION: TransactionId = *b"transaction!";

    #[test]
    fn what_a_server_says_of_our_address_is_understood() {
        // Test vectors of RFC 5769 §2.2 and §2.3.
        let id = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];
        let v4 = [0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
        let success = kind::BINDING | kind::SUCCESS;
        let answer = MessageWriter::new(success, id).attribute(attribute::XOR_MAPPED_ADDRESS, &v4).finish(false);
        assert_eq!(mapped_address(&answer, id), Some("192.0.2.1:32853".parse().unwrap()));
        for address in ["192.0.2.1:32853", "[2001:db8:1234:5678:11:2233:4455:6677]:1"] {
            let address: SocketAddr = address.parse().unwrap();
            let answer = MessageWriter::new(success, TRANSACTION)
                .attribute(attribute::SOFTWARE, b"xyz")
                .xor_address(attribute::XOR_MAPPED_ADDRESS, address)
                .finish(false);
            assert_eq!(mapped_address(&answer, TRANSACTION), Some(address));
            assert_eq!(mapped_address(&answer, *b"another one!"), None);
            for end in 0..answer.len() {
                assert_eq!(mapped_address(&answer[..end], TRANSACTION), None);
            }
        }
    }

    #[test]
    fn a_padded_question_is_one_and_has_its_size() {
        for size in [0, 24, 100, 1200, 1201] {
            let question = padded_request(TRANSACTION, size);
            assert!(question.len() <= size.max(24) && question.len() + 4 > size, "{size} {}", question.len());
            assert!(Message::parse(&question).is_some_and(|message| message.is_plain_binding()));
        }
    }

    #[test]
    fn an_answer_tells_the_address_and_is_short() {
        for (address, length) in [("198.51.100.1:5000", 32), ("[2001:db8::1]:5000", 44)] {
            let answer = response(TRANSACTION, address.parse().unwrap());
            assert_eq!(mapped_address(&answer, TRANSACTION), Some(address.parse().unwrap()));
            assert_eq!(answer.len(), length);
        }
    }
}
