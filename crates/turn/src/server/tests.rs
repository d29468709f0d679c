use super::*;
use crate::{Limits, Quotas, Space};

const UNIX: u64 = 1_700_000_000;
const MEDIA: &str = "203.0.113.5:40000";
const MEDIA_V6: &str = "[2001:db8::5]:40000";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn client(port: u16) -> Client {
    Client { transport: Transport::Udp, remote: ([198, 51, 100, 1], port).into(), local: address(MEDIA) }
}

/// A server and the time; its secret is known to the clients' application.
struct World {
    server: Server,
    now: Now,
    transactions: u32,
}

/// A client's credentials; `nonce` is what it was last told.
#[derive(Clone)]
struct Person {
    client: Client,
    name: String,
    password_of: String,
    secret: String,
    realm: &'static str,
    nonce: Vec<u8>,
}

/// What a test needs of an answer.
#[derive(Debug, Default)]
struct Reply {
    kind: u16,
    error: u16,
    length: usize,
    relayed: Option<SocketAddr>,
    mapped: Option<SocketAddr>,
    lifetime: Option<u32>,
    nonce: Vec<u8>,
    realm: Vec<u8>,
    unknown: Vec<u8>,
    signed: bool,
}

impl World {
    fn new() -> Self {
        Self::with(&[MEDIA], Limits { allocations: 100, allocations_per_user: 3 })
    }

    fn with(peers: &[&str], limits: Limits) -> Self {
        let now = Now { instant: Instant::now(), unix_seconds: UNIX };
        let peers = peers.iter().map(|peer| address(peer)).collect();
        let config = Config {
            secret: Some(SharedSecret::new("secret")),
            peers,
            quotas: Quotas::new(limits),
            space: Space::default(),
        };
        Self { server: Server::new(config, [1; 32], now.instant), now, transactions: 0 }
    }

    fn pass(&mut self, seconds: u64) {
        self.now.instant += Duration::from_secs(seconds);
        self.now.unix_seconds += seconds;
        self.server.handle_timeout(self.now.instant);
    }

    fn transaction(&mut self) -> TransactionId {
        self.transactions += 1;
        let mut transaction = [0; 12];
        transaction[8..].copy_from_slice(&self.transactions.to_be_bytes());
        transaction
    }

    /// Somebody with credentials and a nonce.
    fn person(&mut self, port: u16, label: &str) -> Person {
        let name = SharedSecret::new("secret").issue(UNIX, label).username;
        let mut person = Person {
            client: client(port),
            password_of: name.clone(),
            name,
            secret: "secret".to_owned(),
            realm: REALM,
            nonce: vec![],
        };
        person.nonce = self.bare(person.client, kind::ALLOCATE).unwrap().nonce;
        person
    }

    /// A request without credentials.
    fn bare(&mut self, client: Client, kind: u16) -> Option<Reply> {
        let transaction = self.transaction();
        let request = MessageWriter::new(kind, transaction).attribute(attribute::REQUESTED_TRANSPORT, &[UDP, 0, 0, 0]);
        self.send(client, &request.finish(false))
    }

    fn send(&mut self, client: Client, request: &[u8]) -> Option<Reply> {
        match self.server.handle(client, request, self.now) {
            Handled::Answer(answer) => Some(read(&answer)),
            Handled::Nothing => None,
            other => panic!("{other:?}"),
        }
    }

    fn request(&mut self, person: &Person, kind: u16, fill: impl FnOnce(MessageWriter) -> MessageWriter) -> Reply {
        let transaction = self.transaction();
        let request = person.sign(fill(MessageWriter::new(kind, transaction)));
        self.send(person.client, &request).expect("an answer")
    }

    fn allocate(&mut self, person: &Person) -> Reply {
        self.request(person, kind::ALLOCATE, |w| w.attribute(attribute::REQUESTED_TRANSPORT, &[UDP, 0, 0, 0]))
    }

    fn allocated(&mut self, port: u16, label: &str) -> (Person, SocketAddr) {
        let person = self.person(port, label);
        let reply = self.allocate(&person);
        assert_eq!(reply.error, 0);
        (person, reply.relayed.unwrap())
    }

    fn permit(&mut self, person: &Person, peers: &[&str]) -> u16 {
        let peers: Vec<_> = peers.iter().map(|peer| address(peer)).collect();
        let fill = |w| peers.iter().fold(w, |w: MessageWriter, peer| w.xor_address(attribute::XOR_PEER_ADDRESS, *peer));
        self.request(person, kind::CREATE_PERMISSION, fill).error
    }

    fn bind(&mut self, person: &Person, number: u16, peer: &str) -> u16 {
        let [high, low] = number.to_be_bytes();
        let fill = |w: MessageWriter| {
            w.attribute(attribute::CHANNEL_NUMBER, &[high, low, 0, 0])
                .xor_address(attribute::XOR_PEER_ADDRESS, address(peer))
        };
        self.request(person, kind::CHANNEL_BIND, fill).error
    }

    fn refresh(&mut self, person: &Person, seconds: u32) -> Reply {
        self.request(person, kind::REFRESH, |w| w.attribute(attribute::LIFETIME, &seconds.to_be_bytes()))
    }

    fn indicate<'a>(
        &mut self,
        person: &Person,
        peer: &str,
        contents: &'a [u8],
        buffer: &'a mut Vec<u8>,
    ) -> Handled<'a> {
        let head = MessageWriter::new(kind::SEND_INDICATION, [0; 12])
            .xor_address(attribute::XOR_PEER_ADDRESS, address(peer))
            .finish_before_value(attribute::DATA, contents.len());
        *buffer = [&head, contents].concat();
        buffer.resize(buffer.len().next_multiple_of(4), 0);
        self.server.handle(person.client, buffer, self.now)
    }

    fn channel<'a>(&mut self, person: &Person, number: u16, contents: &[u8], buffer: &'a mut Vec<u8>) -> Handled<'a> {
        *buffer = [&number.to_be_bytes()[..], &(contents.len() as u16).to_be_bytes(), contents].concat();
        self.server.handle(person.client, buffer, self.now)
    }
}

impl Person {
    fn sign(&self, request: MessageWriter) -> Vec<u8> {
        let key = SharedSecret::new(&self.secret).key(&self.password_of);
        request
            .attribute(attribute::USERNAME, self.name.as_bytes())
            .attribute(attribute::REALM, self.realm.as_bytes())
            .attribute(attribute::NONCE, &self.nonce)
            .sign(&key)
            .finish(false)
    }
}

fn read(answer: &[u8]) -> Reply {
    let message = Message::parse(answer).unwrap();
    let mut reply = Reply { kind: message.kind, length: answer.len(), ..Reply::default() };
    for attribute in message.attributes() {
        let value = attribute.value;
        match attribute.kind {
            attribute::ERROR_CODE => reply.error = u16::from(value[2]) * 100 + u16::from(value[3]),
            attribute::XOR_RELAYED_ADDRESS => reply.relayed = message.xor_address(value),
            attribute::XOR_MAPPED_ADDRESS => reply.mapped = message.xor_address(value),
            attribute::LIFETIME => reply.lifetime = Some(u32::from_be_bytes(value.try_into().unwrap())),
            attribute::NONCE => reply.nonce = value.to_vec(),
            attribute::REALM => reply.realm = value.to_vec(),
            attribute::UNKNOWN_ATTRIBUTES => reply.unknown = value.to_vec(),
            attribute::MESSAGE_INTEGRITY => reply.signed = true,
            _ => {}
        }
    }
    assert_eq!(reply.kind & kind::ERROR == kind::ERROR, reply.error != 0);
    reply
}

#[test]
fn a_stranger_is_challenged_and_told_its_address_in_short_answers() {
    let mut world = World::new();
    let challenge = world.bare(client(1), kind::ALLOCATE).unwrap();
    assert_eq!((challenge.error, challenge.signed), (401, false));
    assert_eq!(challenge.realm, REALM.as_bytes());
    // 28 bytes for the IP and UDP headers: the whole datagram is less than 1.6 times as long as the request's.
    assert_eq!(challenge.length, 60);
    let question = MessageWriter::new(kind::BINDING, [7; 12]).finish(false);
    let answer = world.send(client(9), &question).unwrap();
    assert_eq!((answer.mapped, answer.length), (Some(client(9).remote), 32));
    assert!(world.server.is_empty());
}

#[test]
fn a_flood_of_strangers_is_hardly_answered_and_leaves_nothing() {
    let mut world = World::new();
    let mut answers = 0;
    for n in 0..50_000_u32 {
        let person = Person { client: client(n as u16), ..world_person() };
        let transaction = world.transaction();
        let request = match n % 4 {
            0 => MessageWriter::new(kind::BINDING, transaction).finish(false),
            1 => MessageWriter::new(kind::ALLOCATE, transaction).attribute(attribute::LIFETIME, &[0]).finish(false),
            2 => person.sign(MessageWriter::new(kind::ALLOCATE, transaction)),
            _ => MessageWriter::new(kind::REFRESH, transaction).finish(false),
        };
        answers += u32::from(world.send(person.client, &request).is_some());
    }
    assert_eq!(answers, 600);
    assert_eq!(world.server.totals().unanswered, u64::from(50_000 - answers));
    assert!(world.server.is_empty());
}

/// With a nonce that we have not given out.
fn world_person() -> Person {
    Person {
        client: client(1),
        name: "1800000000:eve".to_owned(),
        password_of: "1800000000:eve".to_owned(),
        secret: "guessed".to_owned(),
        realm: REALM,
        nonce: vec![b'A'; 16],
    }
}

#[test]
fn only_credentials_that_we_have_issued_and_that_are_valid_get_an_allocation() {
    let mut world = World::new();
    let ann = world.person(1, "ann");
    let tries: [(&str, Person, u16); 7] = [
        ("another realm", Person { realm: "example.org", ..ann.clone() }, 401),
        ("another secret", Person { secret: "guessed".to_owned(), ..ann.clone() }, 401),
        ("another's password", Person { password_of: "1800000000:bob".to_owned(), ..ann.clone() }, 401),
        ("a changed expiry", Person { name: format!("9{}", ann.name), ..ann.clone() }, 401),
        ("no expiry", Person { name: "ann".to_owned(), password_of: "ann".to_owned(), ..ann.clone() }, 401),
        ("another's nonce", Person { client: client(2), ..ann.clone() }, 438),
        ("a made up nonce", Person { nonce: vec![b'A'; 16], ..ann.clone() }, 438),
    ];
    for (what, person, error) in tries {
        let reply = world.allocate(&person);
        assert_eq!((reply.error, reply.signed, reply.nonce.len()), (error, false, 16), "{what}");
    }
    let old = SharedSecret::new("secret").issue(UNIX - 86_401, "old").username;
    let expired = Person { name: old.clone(), password_of: old, ..ann.clone() };
    assert_eq!(world.allocate(&expired).error, 401);
    assert!(world.server.is_empty());
    let reply = world.allocate(&ann);
    assert_eq!((reply.error, reply.signed, reply.lifetime), (0, true, Some(600)));
    assert!(Space::of(reply.relayed.unwrap()).is_some());
    assert_eq!(reply.mapped, Some(ann.client.remote));
}

#[test]
fn what_is_missing_from_the_credentials_is_a_bad_request() {
    let mut world = World::new();
    let ann = world.person(1, "ann");
    let key = SharedSecret::new("secret").key(&ann.name);
    let request =
        MessageWriter::new(kind::ALLOCATE, [1; 12]).attribute(attribute::USERNAME, ann.name.as_bytes()).sign(&key);
    assert_eq!(world.send(ann.client, &request.finish(false)).unwrap().error, 400);
}

#[test]
fn a_stale_nonce_is_replaced() {
    let mut world = World::new();
    let (mut ann, _) = world.allocated(1, "ann");
    world.refresh(&ann, 3600);
    world.pass(1801);
    let reply = world.refresh(&ann, 600);
    assert_eq!(reply.error, 438);
    ann.nonce = reply.nonce;
    assert_eq!(world.refresh(&ann, 600).error, 0);
}

#[test]
fn allocations_that_cannot_be_had_are_refused() {
    let mut world = World::new();
    let ann = world.person(1, "ann");
    let udp = |w: MessageWriter| w.attribute(attribute::REQUESTED_TRANSPORT, &[UDP, 0, 0, 0]);
    let mut ask = |fill: &dyn Fn(MessageWriter) -> MessageWriter| world.request(&ann, kind::ALLOCATE, fill);
    assert_eq!(ask(&|w| w).error, 400);
    assert_eq!(ask(&|w| w.attribute(attribute::REQUESTED_TRANSPORT, &[6, 0, 0, 0])).error, 442);
    assert_eq!(ask(&|w| udp(w).attribute(attribute::RESERVATION_TOKEN, &[0; 8])).error, 508);
    assert_eq!(ask(&|w| udp(w).attribute(attribute::EVEN_PORT, &[0x80])).error, 508);
    assert_eq!(ask(&|w| udp(w).attribute(attribute::REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0])).error, 440);
    assert_eq!(ask(&|w| udp(w).attribute(attribute::REQUESTED_ADDRESS_FAMILY, &[3, 0, 0, 0])).error, 440);
    let reply = ask(&|w| udp(w).attribute(0x001b, &[1, 2, 3]).attribute(0x7abc, &[]));
    assert_eq!((reply.error, reply.signed), (420, true));
    assert_eq!(reply.unknown, [0x00, 0x1b, 0x7a, 0xbc]);
    assert!(world.server.is_empty());
    let even = |w| udp(w).attribute(attribute::EVEN_PORT, &[0]).attribute(attribute::DONT_FRAGMENT, &[]);
    assert_eq!(world.request(&ann, kind::ALLOCATE, even).relayed.unwrap().port() % 2, 0);
}

#[test]
fn a_retransmitted_request_is_answered_again_and_another_one_refused() {
    let mut world = World::new();
    let ann = world.person(1, "ann");
    let writer = MessageWriter::new(kind::ALLOCATE, [9; 12]).attribute(attribute::REQUESTED_TRANSPORT, &[UDP, 0, 0, 0]);
    let request = ann.sign(writer);
    let first = world.send(ann.client, &request).unwrap();
    world.pass(2);
    let second = world.send(ann.client, &request).unwrap();
    assert_eq!((first.relayed, second.relayed), (second.relayed, first.relayed));
    assert_eq!((first.lifetime, second.lifetime), (Some(600), Some(598)));
    assert_eq!(world.allocate(&ann).error, 437);
    assert_eq!(world.server.allocations().count(), 1);
}

#[test]
fn an_allocation_belongs_to_its_user_and_its_address() {
    let mut world = World::new();
    let (ann, _) = world.allocated(1, "ann");
    let bob = Person { nonce: ann.nonce.clone(), ..world.person(1, "bob") };
    assert_eq!(world.refresh(&bob, 0).error, 441);
    assert_eq!(world.permit(&bob, &[MEDIA]), 441);
    let moved = world.person(2, "ann");
    assert_eq!(world.refresh(&moved, 600).error, 437);
    assert_eq!(world.permit(&moved, &[MEDIA]), 437);
    let (mut buffer, media) = (vec![], b"\x80media");
    assert_eq!(world.indicate(&moved, MEDIA, media, &mut buffer), Handled::Nothing);
}

#[test]
fn the_relay_leads_to_our_media_and_nowhere_else() {
    let mut world = World::with(&[MEDIA, MEDIA_V6], Limits { allocations: 9, allocations_per_user: 9 });
    let (ann, relayed) = world.allocated(1, "ann");
    for other in ["203.0.113.6:40000", "127.0.0.1:40000", "169.254.169.254:80", "254.77.0.0:49153", "0.0.0.0:40000"] {
        assert_eq!(world.permit(&ann, &[other]), 403, "{other}");
        assert_eq!(world.permit(&ann, &[MEDIA, other]), 403, "all or nothing: {other}");
        assert_eq!(world.bind(&ann, 0x4001, other), 403, "{other}");
    }
    assert_eq!(world.bind(&ann, 0x4001, "203.0.113.5:22"), 403, "the port too");
    assert_eq!(world.permit(&ann, &[MEDIA_V6]), 443, "of the other family");
    assert_eq!(world.permit(&ann, &["[::ffff:203.0.113.5]:40000"]), 443);
    assert_eq!(world.permit(&ann, &[]), 400);
    let (mut buffer, media) = (vec![], b"\x80media");
    assert_eq!(world.indicate(&ann, MEDIA, media, &mut buffer), Handled::Nothing, "not permitted yet");
    assert_eq!(world.permit(&ann, &["203.0.113.5:1"]), 0, "the port does not matter");
    assert_eq!(world.indicate(&ann, "203.0.113.5:22", media, &mut buffer), Handled::Nothing);
    assert_eq!(world.indicate(&ann, "203.0.113.6:40000", media, &mut buffer), Handled::Nothing);
    let expected = Handled::Relayed { source: relayed, destination: address(MEDIA), contents: media };
    assert_eq!(world.indicate(&ann, MEDIA, media, &mut buffer), expected);
    // Media of ours that the client has not asked for does not reach it.
    assert!(world.server.frame(relayed, address(MEDIA_V6), 5, world.now.instant).is_none());
    // And what moves away leads nowhere.
    world.server.set_peers(vec![address("203.0.113.7:40000")]);
    assert_eq!(world.indicate(&ann, MEDIA, media, &mut buffer), Handled::Nothing);
}

#[test]
fn media_of_ipv6_alone_gives_addresses_of_ipv6() {
    let mut world = World::with(&[MEDIA_V6], Limits { allocations: 9, allocations_per_user: 9 });
    let (ann, relayed) = world.allocated(1, "ann");
    assert!(relayed.is_ipv6());
    assert_eq!(world.bind(&ann, 0x4000, MEDIA_V6), 0);
    let (mut buffer, media) = (vec![], b"\x80media");
    let expected = Handled::Relayed { source: relayed, destination: address(MEDIA_V6), contents: media };
    assert_eq!(world.channel(&ann, 0x4000, media, &mut buffer), expected);
}

#[test]
fn channels_and_indications_carry_both_ways_and_are_counted() {
    let mut world = World::new();
    let (ann, relayed) = world.allocated(1, "ann");
    assert_eq!(world.permit(&ann, &[MEDIA]), 0);
    let frame = world.server.frame(relayed, address(MEDIA), 5, world.now.instant).unwrap();
    let indication = frame.around(b"hello");
    let message = Message::parse(&indication).unwrap();
    assert_eq!(
        (message.kind, message::send_indication(&message)),
        (kind::DATA_INDICATION, Some((address(MEDIA), &b"hello"[..])))
    );
    for number in [0x3fff, 0x7fff, 0x8000] {
        assert_eq!(world.bind(&ann, number, MEDIA), 400, "{number:#x}");
    }
    assert_eq!(world.bind(&ann, 0x4abc, MEDIA), 0);
    assert_eq!(world.bind(&ann, 0x4abd, MEDIA), 400, "the peer has another");
    let frame = world.server.frame(relayed, address(MEDIA), 5, world.now.instant).unwrap();
    assert_eq!(frame.around(b"hello"), b"\x4a\xbc\x00\x05hello");
    let mut buffer = vec![];
    let expected = Handled::Relayed { source: relayed, destination: address(MEDIA), contents: b"\x80media" };
    assert_eq!(world.channel(&ann, 0x4abc, b"\x80media", &mut buffer), expected);
    assert_eq!(world.channel(&ann, 0x4abd, b"\x80media", &mut buffer), Handled::Nothing);
    // Padded, and cut off.
    assert!(matches!(
        world.server.handle(ann.client, b"\x4a\xbc\x00\x01\x80\0\0\0", world.now),
        Handled::Relayed { contents: [0x80], .. }
    ));
    assert_eq!(world.server.handle(ann.client, b"\x4a\xbc\x00\x05\x80", world.now), Handled::Nothing);
    assert_eq!(world.server.handle(ann.client, b"\x4a", world.now), Handled::Nothing);
    let usage = world.server.allocations().next().unwrap().usage;
    assert_eq!((usage.received.datagrams, usage.received.bytes), (2, 7));
    assert_eq!((usage.sent.datagrams, usage.sent.bytes), (2, 10));
    world.refresh(&ann, 0);
    assert_eq!(world.server.totals().ended, usage);
    assert!(world.server.is_empty());
}

#[test]
fn permissions_channels_and_allocations_end_when_they_are_not_refreshed() {
    let mut world = World::new();
    let (ann, relayed) = world.allocated(1, "ann");
    assert_eq!(world.bind(&ann, 0x4000, MEDIA), 0);
    assert_eq!(world.refresh(&ann, 3600).lifetime, Some(3600));
    let mut buffer = vec![];
    world.pass(299);
    assert!(matches!(world.channel(&ann, 0x4000, b"\x80", &mut buffer), Handled::Relayed { .. }));
    world.pass(1);
    assert_eq!(world.channel(&ann, 0x4000, b"\x80", &mut buffer), Handled::Nothing, "the permission is over");
    assert!(world.server.frame(relayed, address(MEDIA), 1, world.now.instant).is_none());
    assert_eq!(world.permit(&ann, &[MEDIA]), 0);
    assert!(matches!(world.channel(&ann, 0x4000, b"\x80", &mut buffer), Handled::Relayed { .. }));
    world.pass(299);
    assert_eq!(world.permit(&ann, &[MEDIA]), 0);
    world.pass(1);
    assert_eq!(world.channel(&ann, 0x4000, b"\x80", &mut buffer), Handled::Nothing, "the channel is over");
    assert!(matches!(world.indicate(&ann, MEDIA, b"\x80", &mut buffer), Handled::Relayed { .. }));
    assert_eq!(world.bind(&ann, 0x4001, MEDIA), 0, "and its peer free");
    world.pass(2999);
    assert_eq!(world.server.allocations().count(), 1);
    world.pass(1);
    assert!(world.server.is_empty());
    assert!(world.server.frame(relayed, address(MEDIA), 1, world.now.instant).is_none());
}

#[test]
fn a_call_may_outlast_the_credentials_it_began_with() {
    let mut world = World::new();
    let (mut ann, relayed) = world.allocated(1, "ann");
    let mut idle = world.allocated(3, "idle").0;
    for person in [&ann, &idle] {
        world.refresh(person, 3600);
    }
    for _ in 0..200 {
        world.pass(500);
        for person in [&mut ann, &mut idle] {
            person.nonce = world.bare(person.client, kind::REFRESH).unwrap().nonce;
        }
        assert_eq!((world.refresh(&ann, 3600).error, world.permit(&ann, &[MEDIA])), (0, 0));
        assert!(world.server.frame(relayed, address(MEDIA), 100, world.now.instant).is_some());
        let valid = world.now.unix_seconds < UNIX + 86_400;
        let refused = if valid { 0 } else { 401 };
        assert_eq!((world.refresh(&idle, 3600).error, world.permit(&idle, &[MEDIA])), (refused, refused));
    }
    assert!(world.now.unix_seconds > UNIX + 86_400 + 3600);
    assert_eq!(world.server.allocations().count(), 1, "what nobody used has ended");
    let again = Person { client: client(2), ..ann.clone() };
    let nonce = world.bare(again.client, kind::ALLOCATE).unwrap().nonce;
    assert_eq!(world.allocate(&Person { nonce, ..again }).error, 401);
}

#[test]
fn quotas_hold_for_a_user_and_for_all() {
    let mut world = World::with(&[MEDIA], Limits { allocations: 5, allocations_per_user: 3 });
    let people: Vec<Person> = (1..=3).map(|port| world.allocated(port, "ann").0).collect();
    let fourth = world.person(4, "ann");
    assert_eq!(world.allocate(&fourth).error, 486);
    world.allocated(5, "bob");
    world.allocated(6, "bob");
    let late = world.person(7, "eve");
    assert_eq!(world.allocate(&late).error, 508);
    assert_eq!(world.refresh(&people[0], 0).lifetime, Some(0));
    assert_eq!(world.allocate(&fourth).error, 0);
    world.server.closed(&people[1].client);
    assert_eq!(world.allocate(&late).error, 0);
    world.pass(600);
    assert!(world.server.is_empty());
    assert_eq!(world.server.totals().allocations, 7);
}

/// Beside them, callers have all that is left.
#[test]
fn guests_get_little_and_not_for_long() {
    let mut world = World::with(&[MEDIA], Limits { allocations: 2000, allocations_per_user: 500 });
    let guest = |world: &mut World, port: u16, label: &str| {
        let name = SharedSecret::new("secret").issue_for_guest(UNIX, label).username;
        let person = Person { password_of: name.clone(), name, ..world.person(port, "") };
        (world.allocate(&person), person)
    };
    let (first, ann) = guest(&mut world, 1, "ann");
    assert_eq!((first.error, first.lifetime), (0, Some(60)));
    let more = (2..100).take_while(|port| guest(&mut world, *port, "ann").0.error == 0).count();
    assert_eq!(more, 15, "of one");
    let others = (100..2000).take_while(|port| guest(&mut world, *port, &port.to_string()).0.error == 0).count();
    assert_eq!(others, 512 - 16, "of all");
    world.allocated(3000, "caller");
    assert_eq!(world.refresh(&ann, 0).lifetime, Some(0));
    let (again, ann) = guest(&mut world, 1, "ann");
    assert_eq!(again.error, 0, "given back");
    world.pass(40);
    assert_eq!(world.refresh(&ann, 3600).lifetime, Some(20));
    world.pass(20);
    assert_eq!(world.server.allocations().count(), 1, "the caller's");
}

#[test]
fn addresses_are_not_used_twice_in_a_row() {
    let mut world = World::new();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..1000 {
        let (ann, relayed) = world.allocated(1, "ann");
        assert!(seen.insert(relayed));
        world.refresh(&ann, 0);
        world.pass(1);
    }
}

#[test]
fn what_is_asked_through_the_relay_is_answered_through_it() {
    let mut world = World::new();
    let (ann, relayed) = world.allocated(1, "ann");
    assert_eq!(world.permit(&ann, &[MEDIA]), 0);
    let question = MessageWriter::new(kind::BINDING, [3; 12]).finish(false);
    let mut buffer = vec![];
    let Handled::Answer(answer) = world.indicate(&ann, MEDIA, &question, &mut buffer) else { panic!("no answer") };
    let (peer, answer) = message::send_indication(&Message::parse(&answer).unwrap()).unwrap();
    assert_eq!((peer, read(answer).mapped), (address(MEDIA), Some(relayed)));
    let echo = format!("203.0.113.5:{}", ECHO_PORTS.start());
    assert_eq!(world.bind(&ann, 0x4007, &echo), 0);
    let mut buffer = vec![];
    let expected = Handled::Answer(b"\x40\x07\x00\x05hello".to_vec());
    assert_eq!(world.channel(&ann, 0x4007, b"hello", &mut buffer), expected);
    // A request for a relay behind the relay is media's to drop.
    let nested = MessageWriter::new(kind::ALLOCATE, [3; 12]).finish(false);
    assert!(matches!(world.indicate(&ann, MEDIA, &nested, &mut buffer), Handled::Relayed { .. }));
}

#[test]
fn what_belongs_to_media_is_left_to_it() {
    let mut world = World::new();
    let check = MessageWriter::new(kind::BINDING, [3; 12]).attribute(attribute::USERNAME, b"ours:theirs").finish(false);
    let response = MessageWriter::new(kind::BINDING | kind::SUCCESS, [3; 12]).finish(false);
    for message in [&check, &response, &b"\x16\xfe\xfddtls"[..], b"\x80\x60rtp", b"\x00\x01broken", b""] {
        assert_eq!(world.server.handle(client(1), message, world.now), Handled::NotOurs, "{message:?}");
    }
    let off = Config {
        secret: None,
        peers: vec![],
        quotas: Quotas::new(Limits { allocations: 1, allocations_per_user: 1 }),
        space: Space::default(),
    };
    let mut off = Server::new(off, [1; 32], world.now.instant);
    let allocate = MessageWriter::new(kind::ALLOCATE, [3; 12]).finish(false);
    assert_eq!(off.handle(client(1), &allocate, world.now), Handled::NotOurs, "nothing relays");
    let question = MessageWriter::new(kind::BINDING, [3; 12]).finish(false);
    assert!(matches!(off.handle(client(1), &question, world.now), Handled::Answer(_)));
}

proptest::proptest! {
    /// Whatever is changed about good messages, nobody panics, and who has no key gets nothing.
    #[test]
    fn broken_messages_do_no_harm(
        changes in proptest::collection::vec((0_usize..140, proptest::num::u8::ANY), 1..8),
        which in 0_usize..4,
        cut in 0_usize..200,
    ) {
        let mut world = World::new();
        let (ann, _) = world.allocated(1, "ann");
        world.bind(&ann, 0x4000, MEDIA);
        let bob = world.person(2, "bob");
        let peer = address(MEDIA);
        let good = match which {
            0 => bob.sign(MessageWriter::new(kind::ALLOCATE, [1; 12]).attribute(attribute::REQUESTED_TRANSPORT, &[UDP, 0, 0, 0])),
            1 => ann.sign(MessageWriter::new(kind::CREATE_PERMISSION, [1; 12]).xor_address(attribute::XOR_PEER_ADDRESS, peer)),
            2 => MessageWriter::new(kind::SEND_INDICATION, [1; 12]).xor_address(attribute::XOR_PEER_ADDRESS, peer).attribute(attribute::DATA, b"12345").finish(true),
            _ => b"\x40\x00\x00\x05hello".to_vec(),
        };
        let mut bad = good.clone();
        for (at, value) in changes {
            if let Some(byte) = bad.get_mut(at) {
                *byte = value;
            }
        }
        bad.truncate(cut);
        let changed = bad != good;
        for client in [ann.client, bob.client] {
            world.server.handle(client, &bad, world.now);
        }
        proptest::prop_assert!(world.server.allocations().count() == 1 || !changed);
    }

    /// Nor does what somebody signs who has a key.
    #[test]
    fn whatever_is_signed_leads_to_our_media_and_nowhere_else(
        requests in proptest::collection::vec(
            (
                0_usize..4,
                proptest::collection::vec(
                    (0_usize..12, proptest::collection::vec(proptest::num::u8::ANY, 0..24)),
                    0..6,
                ),
            ),
            1..12,
        ),
    ) {
        let kinds = [kind::ALLOCATE, kind::REFRESH, kind::CREATE_PERMISSION, kind::CHANNEL_BIND];
        let attributes = [
            attribute::REQUESTED_TRANSPORT,
            attribute::LIFETIME,
            attribute::XOR_PEER_ADDRESS,
            attribute::CHANNEL_NUMBER,
            attribute::EVEN_PORT,
            attribute::DONT_FRAGMENT,
            attribute::RESERVATION_TOKEN,
            attribute::REQUESTED_ADDRESS_FAMILY,
            attribute::DATA,
            attribute::ERROR_CODE,
            attribute::USERNAME,
            0x7abc,
        ];
        let mut world = World::new();
        let (ann, relayed) = world.allocated(1, "ann");
        let bob = world.person(2, "bob");
        for (which, contents) in requests {
            for person in [&ann, &bob] {
                let writer = MessageWriter::new(kinds[which], world.transaction());
                let writer = contents.iter().fold(writer, |writer, (kind, value)| writer.attribute(attributes[*kind], value));
                world.send(person.client, &person.sign(writer));
            }
            proptest::prop_assert!(world.server.allocations().count() <= 2);
            let stranger = address("203.0.113.6:40000");
            proptest::prop_assert!(world.server.frame(relayed, stranger, 1, world.now.instant).is_none());
        }
    }
}
