//! The client's side, for those who examine a server: is it there, does it believe these credentials, does a datagram come
//! back through it. Pure, like the server.
//!
//! It is no client to carry a call with: nothing is sent again or refreshed here, and there are no channels.

use std::net::SocketAddr;

use stun::{Key, Message, MessageWriter};

use crate::Credentials;
use crate::message::{Request, attribute, kind};

/// The protocol to be relayed (an IP protocol number).
const UDP: [u8; 4] = [17, 0, 0, 0];

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
pub enum TurnResponse {
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
    /// A user who has asked for nothing yet. The first request goes out unsigned, to be challenged.
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials, challenge: None }
    }

    /// Asks for an allocation, of this family if it matters.
    pub fn allocate(&self, transaction: [u8; 12], ipv6: bool) -> Vec<u8> {
        let mut request =
            MessageWriter::new(kind::ALLOCATE, transaction).attribute(attribute::REQUESTED_TRANSPORT, &UDP);
        if ipv6 {
            request = request.attribute(attribute::REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0]);
        }
        self.sign(request)
    }

    /// Asks for the permission to exchange datagrams with `peer`.
    pub fn permit(&self, transaction: [u8; 12], peer: SocketAddr) -> Vec<u8> {
        self.sign(
            MessageWriter::new(kind::CREATE_PERMISSION, transaction).xor_address(attribute::XOR_PEER_ADDRESS, peer),
        )
    }

    /// Gives the allocation back.
    pub fn release(&self, transaction: [u8; 12]) -> Vec<u8> {
        self.sign(MessageWriter::new(kind::REFRESH, transaction).attribute(attribute::LIFETIME, &[0; 4]))
    }

    /// Sends `contents` to `peer` through the allocation. There is no answer.
    pub fn send(transaction: [u8; 12], peer: SocketAddr, contents: &[u8]) -> Vec<u8> {
        let indication =
            MessageWriter::new(kind::SEND_INDICATION, transaction).xor_address(attribute::XOR_PEER_ADDRESS, peer);
        indication.attribute(attribute::DATA, contents).finish(false)
    }

    /// What came through the allocation, and from whom; `None` if this is something else.
    pub fn received(message: &[u8]) -> Option<(SocketAddr, &[u8])> {
        let message = Message::parse(message).filter(|message| message.kind == kind::DATA_INDICATION)?;
        let peer = message.find_xor_address(attribute::XOR_PEER_ADDRESS)?;
        Some((peer, message.attribute(attribute::DATA)?))
    }

    /// Reads the answer to the request of this transaction; `None` if it is not the answer, or was not signed by who knows
    /// the password.
    pub fn answer(&mut self, transaction: [u8; 12], bytes: &[u8]) -> Option<TurnResponse> {
        let message = Message::parse(bytes).filter(|message| message.transaction == transaction)?;
        let is = |class: u16| message.kind & kind::ERROR == class;
        if is(kind::ERROR) {
            return self.refusal(&message);
        }
        if !is(kind::SUCCESS) {
            return None;
        }
        let integrity = Request::read(&message).ok()?.integrity?;
        if !message.is_signed(&integrity, &self.challenge.as_ref()?.key) {
            return None;
        }
        Some(match message.find_xor_address(attribute::XOR_RELAYED_ADDRESS) {
            Some(relayed) => TurnResponse::Relayed(relayed),
            None => TurnResponse::Done,
        })
    }

    fn refusal(&mut self, message: &Message<'_>) -> Option<TurnResponse> {
        const UNAUTHORIZED: u16 = 401;
        const STALE_NONCE: u16 = 438;

        let [_, _, class, number, ..] = *message.attribute(attribute::ERROR_CODE)?.first_chunk::<4>()?;
        let code = u16::from(class & 7) * 100 + u16::from(number);
        // Who is refused although the request was signed has the wrong password.
        let may_ask_again = (code == UNAUTHORIZED && self.challenge.is_none()) || code == STALE_NONCE;
        if !may_ask_again {
            return Some(TurnResponse::Refused(code));
        }
        let (realm, nonce) = (message.attribute(attribute::REALM)?, message.attribute(attribute::NONCE)?);
        let Credentials { username, password } = &self.credentials;
        let key = Key::long_term(username, std::str::from_utf8(realm).ok()?, password);
        self.challenge = Some(Challenge { realm: realm.to_owned(), nonce: nonce.to_owned(), key });
        Some(TurnResponse::Challenged)
    }

    fn sign(&self, request: MessageWriter) -> Vec<u8> {
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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use stun::{TransactionId, binding};

    use super::*;
    use crate::{Client, Config, Handled, Limits, Now, Quotas, Server, SharedSecret, Space, Transport};

    const TRANSACTION: TransactionId = *b"transaction!";
    const UNIX: u64 = 1_700_000_000;

    fn media() -> SocketAddr {
        "203.0.113.5:40000".parse().unwrap()
    }

    fn server(allocations: usize) -> Server {
        let limits = Limits { allocations, allocations_per_user: allocations };
        let config = Config {
            secret: Some(SharedSecret::new("secret")),
            peers: vec![media()],
            quotas: Quotas::new(limits),
            space: Space::default(),
        };
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

    fn allocate(server: &mut Server, client: &mut TurnClient) -> TurnResponse {
        let challenge = ask(server, &client.allocate(TRANSACTION, false)).unwrap();
        assert_eq!(client.answer(TRANSACTION, &challenge), Some(TurnResponse::Challenged));
        let answer = ask(server, &client.allocate(TRANSACTION, false)).unwrap();
        client.answer(TRANSACTION, &answer).unwrap()
    }

    #[test]
    fn a_question_goes_through_the_relay_and_its_answer_comes_back() {
        let (mut server, mut client) = (server(1), client("secret"));
        let TurnResponse::Relayed(relayed) = allocate(&mut server, &mut client) else { panic!("no allocation") };
        assert!(Space::of(relayed).is_some());
        let question = TurnClient::send(TRANSACTION, media(), &binding::request(TRANSACTION));
        assert_eq!(ask(&mut server, &question), None, "not permitted yet");
        let permitted = ask(&mut server, &client.permit(TRANSACTION, media())).unwrap();
        assert_eq!(client.answer(TRANSACTION, &permitted), Some(TurnResponse::Done));
        let answer = ask(&mut server, &question).unwrap();
        let (peer, contents) = TurnClient::received(&answer).unwrap();
        assert_eq!((peer, binding::mapped_address(contents, TRANSACTION)), (media(), Some(relayed)));
        let released = ask(&mut server, &client.release(TRANSACTION)).unwrap();
        assert_eq!(client.answer(TRANSACTION, &released), Some(TurnResponse::Done));
        assert!(server.is_empty());
    }

    #[test]
    fn a_refusal_says_why_and_nobody_else_can_answer() {
        assert_eq!(allocate(&mut server(1), &mut client("wrong")), TurnResponse::Refused(401));
        assert_eq!(allocate(&mut server(0), &mut client("secret")), TurnResponse::Refused(508));
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
    fn a_padded_question_is_answered_as_any() {
        let mut server = server(1);
        for size in [0, 24, 100, 1200, 1201] {
            let question = binding::padded_request(TRANSACTION, size);
            let answer = ask(&mut server, &question).unwrap();
            assert_eq!(binding::mapped_address(&answer, TRANSACTION), Some("198.51.100.1:5000".parse().unwrap()));
        }
    }
}
