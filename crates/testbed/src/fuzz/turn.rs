//! Messages of a stranger and of a client with an allocation to the STUN and TURN server.

use std::time::{Duration, Instant};

use ::turn::{Client, Config, Handled, Limits, Now, Server, SharedSecret, Transport};

/// So that an input can sign its requests, if it finds out how.
const SECRET: &str = "s";

/// One input.
pub fn run(data: &[u8]) {
    let start = Instant::now();
    let local = ([203, 0, 113, 5], 40_000).into();
    let limits = Limits { allocations: 4, allocations_per_user: 2 };
    let config = Config {
        secret: Some(SharedSecret::new(SECRET)),
        peers: vec![local],
        quotas: ::turn::Quotas::new(limits),
        space: ::turn::Space::default(),
    };
    let mut server = Server::new(config, [1; 32], start);
    let mut now = Now { instant: start, unix_seconds: 1 };
    // The input is cut into messages by a length byte each; its lowest bits say who sends it.
    let mut rest = data;
    while let Some((length, tail)) = rest.split_first() {
        let (contents, tail) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = tail;
        now = Now { instant: now.instant + Duration::from_secs(7), unix_seconds: now.unix_seconds + 7 };
        let transport = if length & 1 == 0 { Transport::Udp } else { Transport::Stream };
        let remote = ([198, 51, 100, 1], u16::from(length & 6)).into();
        match server.handle(Client { transport, remote, local }, contents, now) {
            Handled::Relayed { source, destination, contents } => {
                assert_eq!(destination, local);
                assert!(::turn::Space::of(source).is_some() && contents.len() < usize::from(*length));
                server.frame(source, destination, contents.len(), now.instant);
            }
            // Nobody gets much more than was sent.
            Handled::Answer(answer) => assert!(answer.len() < contents.len() + 100),
            Handled::Nothing | Handled::NotOurs => {}
        }
        server.handle_timeout(now.instant);
        assert!(server.allocations().count() <= limits.allocations);
    }
}
