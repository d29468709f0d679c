//! Clients of another implementation's with an allocation each, in memory: for what measures the relay.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use turn::{Client, Config, Handled, Limits, Now, Quotas, Server, SharedSecret, Space, Transport};
use turn_client_proto::api::{Transmit, TurnConfig, TurnPollRet};
use turn_client_proto::prelude::*;
use turn_client_proto::stun::Instant as ClientInstant;
use turn_client_proto::types::{TransportType, TurnCredentials};
use turn_client_proto::udp::TurnClientUdp;

const UNIX: u64 = 1_700_000_000;
/// Of what is relayed: about that of a packet of pictures.
pub(crate) const LENGTH: usize = 1100;

/// How datagrams travel between a client and the relay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    Channel,
    Indication,
}

/// A client with an allocation: who it is, what it sends, where it is answered.
pub(crate) struct Relayed {
    pub(crate) client: Client,
    pub(crate) message: Vec<u8>,
    pub(crate) address: SocketAddr,
}

/// A server with clients, all at one moment.
pub(crate) struct Relay {
    pub(crate) server: Server,
    pub(crate) clients: Vec<Relayed>,
    pub(crate) media: SocketAddr,
    pub(crate) now: Now,
}

impl Relay {
    pub(crate) fn new(allocations: usize, way: Way) -> Self {
        let secret = SharedSecret::new("secret");
        let media = ([203, 0, 113, 5], 40_000).into();
        let limits = Limits { allocations, allocations_per_user: allocations };
        let now = Now { instant: Instant::now(), unix_seconds: UNIX };
        let config = Config {
            secret: Some(secret.clone()),
            peers: vec![media],
            quotas: Quotas::new(limits),
            space: Space::default(),
        };
        let server = Server::new(config, [1; 32], now.instant);
        let mut relay = Self { server, clients: vec![], media, now };
        for number in 0..allocations {
            relay.allocate(&secret, number, way);
        }
        relay
    }

    fn allocate(&mut self, secret: &SharedSecret, number: usize, way: Way) {
        let user = secret.issue(UNIX, "bench");
        let [_, _, high, low] = (number as u32).to_be_bytes();
        // An address each: strangers at one address are not answered as often as that.
        let remote = ([198, 18, high, low], 5000).into();
        let media = self.media;
        let credentials = TurnCredentials::new(&user.username, &user.password);
        let mut peer = TurnClientUdp::allocate(remote, media, TurnConfig::new(credentials));
        let client = Client { transport: Transport::Udp, remote, local: media };
        let mut time = ClientInstant::ZERO;
        self.exchange(&mut peer, client, &mut time);
        let (_, address) = peer.relayed_addresses().next().expect("an allocation");
        match way {
            Way::Channel => peer.bind_channel(TransportType::Udp, media, time).expect("a free channel"),
            Way::Indication => {
                peer.create_permission(TransportType::Udp, media.ip(), time).expect("a new permission");
            }
        }
        self.exchange(&mut peer, client, &mut time);
        let sent = peer.send_to(TransportType::Udp, media, vec![0x80; LENGTH], time);
        let message = sent.expect("a permission").expect("a message").build().data;
        self.clients.push(Relayed { client, message, address });
    }

    /// Everything that is under way arrives; the client leaves some time between its requests.
    fn exchange(&mut self, peer: &mut TurnClientUdp, client: Client, time: &mut ClientInstant) {
        loop {
            let poll = peer.poll(*time);
            if let Some(transmit) = peer.poll_transmit(*time) {
                if let Handled::Answer(answer) = self.server.handle(client, &transmit.data, self.now) {
                    let _ = peer.recv(Transmit::new(answer, TransportType::Udp, client.local, client.remote), *time);
                }
                continue;
            }
            while peer.poll_event().is_some() {}
            match poll {
                TurnPollRet::WaitUntil(at) if at.duration_since(*time) < Duration::from_millis(100) => {
                    *time = *time + at.duration_since(*time).max(Duration::from_millis(1));
                }
                _ => return,
            }
        }
    }
}
