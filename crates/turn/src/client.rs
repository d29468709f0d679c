//! The client's side, for those who examine a server: is it there, does it believe these credentials, does a datagram come
//! back through it. Pure, like the server.
//!
//! It is no client to carry a call with: nothing is sent again or refreshed here, and there are no channels.

use std::net::SocketAddr;

use crate::Credentials;
use crate::credentials::long_term_key;
use crate::integrity::Key;
use crate::message::{Message, Writer, attribute, kind};

/// The protocol to be relayed (an IP protocol number).
const UDP: [u8; 4] = [17, 0, 0, 0];
/// Nobody has to understand it (RFC 8489 §14.14).
const SOFTWARE: u16 = 0x8022;
const SUCCESS: u16 = kind::BINDING | kind::SUCCESS;

/// A request without credentials: what is our address, seen from there?
pub fn binding_request(transaction: [u8; 12]) -> Vec<u8> {
    Writer::new(kind::BINDING, transaction).finish(false)
}

/// The same, `size` bytes long or a little less: whether large datagrams get through, too.
pub fn padded_binding_request(transaction: [u8; 12], size: usize) -> Vec<u8> {
    let request = Writer::new(kind::BINDING, transaction);
    let head = binding_request(transaction).len() + 4;
    let padding = vec![b' '; size.saturating_sub(head) / 4 * 4];
    request.attribute(SOFTWARE, &padding).finish(false)
}

/// The address in the answer to [`binding_request`]; `None` if it is not the answer to this one.
pub fn mapped_address(answer: &[u8], transaction: [u8; 12]) -> Option<SocketAddr> {
    let message = Message::parse(answer).filter(|message| message.transaction == transaction)?;
    if message.kind != SUCCESS {
        return None;
    }
    message.find_address(attribute::XOR_MAPPED_ADDRESS)
}

/// One user of a TURN server.
#[derive(Debug)]
pub struct TurnClient {
    credentials: Credentials,
    /// What the server wants the requests signed with; known after its first answer.
    challenge: Option<Challenge>,
}

#[derive(Debug)]
struct Challenge {
    realm: Vec<u8>,
    nonce: Vec<u8>,
    key: Key,
}

/// What a server has answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It wants to know who asks: ask again, in a new transaction.
    Challenged,
    /// The allocation is made; datagrams will come from this address.
    Relayed(SocketAddr),
    /// It has done what was asked for.
    Done,
    /// The error code (RFC 8489 §14.8, RFC 8656 §19).
    Refused(u16),
}

impl TurnClient {
    /// With these credentials.
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials, challenge: None }
    }

    /// Asks for an allocation, of this family if it matters.
    pub fn allocate(&self, transaction: [u8; 12], ipv6: bool) -> Vec<u8> {
        let mut request = Writer::new(kind::ALLOCATE, transaction).attribute(attribute::REQUESTED_TRANSPORT, &UDP);
        if ipv6 {
            request = request.attribute(attribute::REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0]);
        }
        self.sign(request)
    }

    /// Asks for the permission to exchange datagrams with `peer`.
    pub fn permit(&self, transaction: [u8; 12], peer: SocketAddr) -> Vec<u8> {
        self.sign(Writer::new(kind::CREATE_PERMISSION, transaction).address(attribute::XOR_PEER_ADDRESS, peer))
    }

    /// Gives the allocation back.
    pub fn release(&self, transaction: [u8; 12]) -> Vec<u8> {
        self.sign(Writer::new(kind::REFRESH, transaction).attribute(attribute::LIFETIME, &[0; 4]))
    }

    /// Sends `contents` to `peer` through the allocation. There is no answer.
    pub fn send(transaction: [u8; 12], peer: SocketAddr, contents: &[u8]) -> Vec<u8> {
        let indication = Writer::new(kind::SEND_INDICATION, transaction).address(attribute::XOR_PEER_ADDRESS, peer);
        indication.attribute(attribute::DATA, contents).finish(false)
    }

    /// What came through the allocation, and from whom; `None` if this is something else.
    pub fn received(message: &[u8]) -> Option<(SocketAddr, &[u8])> {
        let message = Message::parse(message).filter(|message| message.kind == kind::DATA_INDICATION)?;
        let peer = message.find_address(attribute::XOR_PEER_ADDRESS)?;
        let data = message.attributes().find(|(_, kind, _)| *kind == attribute::DATA);
        data.map(|(_, _, contents)| (peer, contents))
    }

    /// Reads the answer to the request of this transaction; `None` if it is not the answer, or was not signed by who knows
    /// the password.
    pub fn answer(&mut self, transaction: [u8; 12], bytes: &[u8]) -> Option<Answer> {
        let message = Message::parse(bytes).filter(|message| message.transaction == transaction)?;
        let is = |class: u16| message.kind & kind::ERROR == class;
        if is(kind::ERROR) {
            return self.refusal(&message);
        }
        if !is(kind::SUCCESS) {
            return None;
        }
        let integrity = message.request().ok()?.integrity?;
        if !message.is_signed(&integrity, &self.challenge.as_ref()?.key) {
            return None;
        }
        Some(match message.find_address(attribute::XOR_RELAYED_ADDRESS) {
            Some(relayed) => Answer::Relayed(relayed),
            None => Answer::Done,
        })
    }

    fn refusal(&mut self, message: &Message<'_>) -> Option<Answer> {
        const UNAUTHORIZED: u16 = 401;
        const STALE_NONCE: u16 = 438;

        let find = |wanted| message.attributes().find(|(_, kind, _)| *kind == wanted).map(|(_, _, value)| value);
        let [_, _, class, number, ..] = *find(attribute::ERROR_CODE)?.first_chunk::<4>()?;
        let code = u16::from(class & 7) * 100 + u16::from(number);
        // Who is refused although the request was signed has the wrong password.
        let may_ask_again = (code == UNAUTHORIZED && self.challenge.is_none()) || code == STALE_NONCE;
        if !may_ask_again {
            return Some(Answer::Refused(code));
        }
        let (realm, nonce) = (find(attribute::REALM)?, find(attribute::NONCE)?);
        let Credentials { username, password } = &self.credentials;
        let key = long_term_key(username, std::str::from_utf8(realm).ok()?, password);
        self.challenge = Some(Challenge { realm: realm.to_owned(), nonce: nonce.to_owned(), key });
        Some(Answer::Challenged)
    }

    fn sign(&self, request: Writer) -> Vec<u8> {
        let Some(Challenge { realm, nonce, key }) = &self.challenge else {
            return request.finish(false);
        };
        request
            .attribute(attribute::USERNAME, self.credentials.username.as_bytes())
            .attribute(attribute::REALM, realm)
            .attribute(attribute::NONCE, nonce)
            .sign(key)
            .finish(false)
    }
}

impl Message<'_> {
    fn find_address(&self, wanted: u16) -> Option<SocketAddr> {
        let (_, _, value) = self.attributes().find(|(_, kind, _)| *kind == wanted)?;
        self.address(value)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::message::TransactionId;
    use crate::{Client, Config, Handled, Limits, Now, Server, SharedSecret, Transport, is_virtual};

    const TRANSACTION: TransactionId = *b"transaction!";
    const UNIX: u64 = 1_700_000_000;

    fn media() -> SocketAddr {
        "203.0.113.5:40000".parse().unwrap()
    }

    fn server(allocations: usize) -> Server {
        let limits = Limits { allocations, allocations_per_user: allocations };
        let config = Config { secret: Some(SharedSecret::new("secret")), peers: vec![media()], limits };
        Server::new(config, [1; 32], Instant::now())
    }

    fn ask(server: &mut Server, message: &[u8]) -> Option<Vec<u8>> {
        let client = "198.51.100.1:5000".parse().unwrap();
        let client = Client { transport: Transport::Udp, remote: client, local: media() };
        match server.handle(client, message, Now { instant: Instant::now(), unix_seconds: UNIX }) {
            Handled::Answer(answer) => Some(answer),
            _ => None,
        }
    }

    fn client(secret: &str) -> TurnClient {
        TurnClient::new(SharedSecret::new(secret).issue(UNIX, "doctor"))
    }

    fn allocate(server: &mut Server, client: &mut TurnClient) -> Answer {
        let challenge = ask(server, &client.allocate(TRANSACTION, false)).unwrap();
        assert_eq!(client.answer(TRANSACTION, &challenge), Some(Answer::Challenged));
        let answer = ask(server, &client.allocate(TRANSACTION, false)).unwrap();
        client.answer(TRANSACTION, &answer).unwrap()
    }

    #[test]
    fn a_question_goes_through_the_relay_and_its_answer_comes_back() {
        let (mut server, mut client) = (server(1), client("secret"));
        let Answer::Relayed(relayed) = allocate(&mut server, &mut client) else { panic!("no allocation") };
        assert!(is_virtual(relayed));
        let question = TurnClient::send(TRANSACTION, media(), &binding_request(TRANSACTION));
        assert_eq!(ask(&mut server, &question), None, "not permitted yet");
        let permitted = ask(&mut server, &client.permit(TRANSACTION, media())).unwrap();
        assert_eq!(client.answer(TRANSACTION, &permitted), Some(Answer::Done));
        let answer = ask(&mut server, &question).unwrap();
        let (peer, contents) = TurnClient::received(&answer).unwrap();
        assert_eq!((peer, mapped_address(contents, TRANSACTION)), (media(), Some(relayed)));
        let released = ask(&mut server, &client.release(TRANSACTION)).unwrap();
        assert_eq!(client.answer(TRANSACTION, &released), Some(Answer::Done));
        assert!(server.is_empty());
    }

    #[test]
    fn a_refusal_says_why_and_nobody_else_can_answer() {
        assert_eq!(allocate(&mut server(1), &mut client("wrong")), Answer::Refused(401));
        assert_eq!(allocate(&mut server(0), &mut client("secret")), Answer::Refused(508));
        let (mut server, mut client) = (server(1), client("secret"));
        allocate(&mut server, &mut client);
        let answer = ask(&mut server, &client.permit(TRANSACTION, media())).unwrap();
        assert_eq!(client.answer(*b"another one!", &answer), None);
        let mut forged = answer.clone();
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(client.answer(TRANSACTION, &forged), None);
        for end in 0..answer.len() {
            assert_eq!(client.answer(TRANSACTION, &answer[..end]), None);
        }
    }

    #[test]
    fn what_a_server_says_of_our_address_is_understood() {
        // Test vectors of RFC 5769 §2.2 and §2.3.
        let id = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];
        let v4 = [0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
        let answer = Writer::new(SUCCESS, id).attribute(attribute::XOR_MAPPED_ADDRESS, &v4).finish(false);
        assert_eq!(mapped_address(&answer, id), Some("192.0.2.1:32853".parse().unwrap()));
        for address in ["192.0.2.1:32853", "[2001:db8:1234:5678:11:2233:4455:6677]:1"] {
            let address: SocketAddr = address.parse().unwrap();
            let answer = Writer::new(SUCCESS, TRANSACTION)
                .attribute(SOFTWARE, b"xyz")
                .address(attribute::XOR_MAPPED_ADDRESS, address)
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
        let mut server = server(1);
        for size in [0, 24, 100, 1200, 1201] {
            let question = padded_binding_request(TRANSACTION, size);
            assert!(question.len() <= size.max(24) && question.len() + 4 > size, "{size} {}", question.len());
            let answer = ask(&mut server, &question).unwrap();
            assert_eq!(mapped_address(&answer, TRANSACTION), Some("198.51.100.1:5000".parse().unwrap()));
        }
    }
}
