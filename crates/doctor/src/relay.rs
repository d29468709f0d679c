//! The relay, by each of its ways: an allocation with the credentials that the server gave, and a datagram through it to the
//! server's own media and back.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use protocol::checkup::{Leg, SelfDescription, TurnAddress};
use stun::binding;
use stun::framing::{Framing, StreamDecoder};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio::time::timeout;
use turn::Credentials;
use turn::client::{TurnClient, TurnResponse};

use super::certificate::{self, Trust};
use super::connection::{ServerAddress, Stream, Unreachable};
use super::finding::Finding;
use super::media;

/// The three ways, in the order of what they cost.
pub(super) const LEGS: [Leg; 3] = [Leg::TurnUdp, Leg::TurnTcp, Leg::TurnTls];
/// From one try over UDP to the next (RFC 8489 §6.2.1 begins so).
const REPEAT: Duration = Duration::from_millis(500);
const TRIES: usize = 6;
/// For an answer in a stream.
const PATIENCE: Duration = Duration::from_secs(5);

/// What one way came to.
enum RelayTrial {
    Works,
    Refused(u16),
    /// The allocation was made, and the datagram did not come back.
    Dropped,
    Silent(Unreachable),
}

/// `turn:` and `turns:` (RFC 7065).
struct Way {
    leg: Leg,
    place: ServerAddress,
}

impl Way {
    fn parse(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once(':')?;
        let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
        let tcp = query.split('&').any(|part| part.eq_ignore_ascii_case("transport=tcp"));
        let (leg, standard) = match (scheme, tcp) {
            ("turn", false) => (Leg::TurnUdp, 3478),
            ("turn", true) => (Leg::TurnTcp, 3478),
            ("turns", _) => (Leg::TurnTls, 5349),
            _ => return None,
        };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
            _ => (authority, standard),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Some(Self { leg, place: ServerAddress { secure: leg == Leg::TurnTls, host, port } })
    }
}

/// One finding for each leg.
pub(super) async fn examine(server: &SelfDescription, trust: &Trust) -> Vec<Finding> {
    let [udp, tcp, tls] = LEGS.map(|leg| try_leg(leg, server, trust));
    let (udp, tcp, tls) = tokio::join!(udp, tcp, tls);
    let others = [&tcp, &tls].iter().any(|finding| matches!(finding, Finding::TurnWorks { .. }));
    let udp = match udp {
        Finding::TurnSilent { leg, url, why, .. } => Finding::TurnSilent { leg, url, why, others },
        other => other,
    };
    vec![udp, tcp, tls]
}

async fn try_leg(leg: Leg, server: &SelfDescription, trust: &Trust) -> Finding {
    let mut ways = server.turn.iter().filter_map(|offered| Some((offered, Way::parse(&offered.url)?)));
    let Some((offered, way)) = ways.find(|(_, way)| way.leg == leg) else {
        return Finding::TurnNotOffered { leg, relay: server.relay };
    };
    let url = offered.url.clone();
    match try_way(&way, offered, &server.udp, trust).await {
        RelayTrial::Works => Finding::TurnWorks { leg, url },
        RelayTrial::Refused(code) => Finding::TurnRefused { leg, url, code },
        RelayTrial::Dropped => Finding::TurnDropsDatagrams { leg, url },
        RelayTrial::Silent(why) => Finding::TurnSilent { leg, url, why, others: false },
    }
}

async fn try_way(way: &Way, offered: &TurnAddress, media: &[SocketAddr], trust: &Trust) -> RelayTrial {
    let credentials = Credentials { username: offered.username.clone(), password: offered.credential.clone() };
    let pipe = match Pipe::open(way, trust).await {
        Ok(pipe) => pipe,
        Err(why) => return RelayTrial::Silent(why),
    };
    let mut user = User { client: TurnClient::new(credentials), pipe };
    let outcome = user.run(media).await;
    // What is not given back ends with the credentials.
    user.release().await;
    outcome
}

struct User {
    client: TurnClient,
    pipe: Pipe,
}

impl User {
    async fn run(&mut self, media: &[SocketAddr]) -> RelayTrial {
        let ipv6 = !media.iter().any(SocketAddr::is_ipv4);
        let relayed = match self.request(|client, id| client.allocate(id, ipv6)).await {
            Ok(TurnResponse::Relayed(relayed)) => relayed,
            Ok(TurnResponse::Refused(code)) => return RelayTrial::Refused(code),
            Ok(TurnResponse::Done | TurnResponse::Challenged) => {
                return RelayTrial::Silent(Unreachable::Failed("a senseless answer".to_owned()));
            }
            Err(why) => return RelayTrial::Silent(why),
        };
        let Some(peer) = media.iter().copied().find(|peer| peer.is_ipv4() == relayed.is_ipv4()) else {
            return RelayTrial::Dropped;
        };
        match self.request(|client, id| client.permit(id, peer)).await {
            Ok(TurnResponse::Done) => {}
            Ok(TurnResponse::Refused(code)) => return RelayTrial::Refused(code),
            Ok(_) | Err(_) => return RelayTrial::Dropped,
        }
        match self.through_relay(peer).await {
            Some(seen) if seen == relayed => RelayTrial::Works,
            _ => RelayTrial::Dropped,
        }
    }

    /// Sends a question of STUN to `peer` through the relay: it is answered with the address that it came from.
    async fn through_relay(&mut self, peer: SocketAddr) -> Option<SocketAddr> {
        let inner: [u8; 12] = rand::random();
        let datagram = TurnClient::send(rand::random(), peer, &binding::request(inner));
        let read = |_: &mut TurnClient, message: &[u8]| {
            let (from, contents) = TurnClient::received(message)?;
            binding::mapped_address(contents, inner).filter(|_| from == peer)
        };
        self.pipe.exchange(&datagram, &mut self.client, read).await.ok()
    }

    /// Asks once more after the challenge.
    async fn request(&mut self, write: impl Fn(&TurnClient, [u8; 12]) -> Vec<u8>) -> Result<TurnResponse, Unreachable> {
        let mut answer = TurnResponse::Challenged;
        for _ in 0..3 {
            let transaction: [u8; 12] = rand::random();
            let request = write(&self.client, transaction);
            let read = |client: &mut TurnClient, message: &[u8]| client.answer(transaction, message);
            answer = self.pipe.exchange(&request, &mut self.client, read).await?;
            if answer != TurnResponse::Challenged {
                break;
            }
        }
        Ok(answer)
    }

    async fn release(&mut self) {
        let request = self.client.release(rand::random());
        self.pipe.send(&request).await;
    }
}

/// What carries messages to the relay.
enum Pipe {
    Udp(UdpSocket),
    Stream { stream: Box<dyn Stream>, decoder: StreamDecoder },
}

impl Pipe {
    async fn open(way: &Way, trust: &Trust) -> Result<Self, Unreachable> {
        if way.leg == Leg::TurnUdp {
            let addresses = way.place.addresses().await?;
            let address = addresses.first().ok_or(Unreachable::Silent)?;
            return Ok(Self::Udp(media::socket(*address).await?));
        }
        let line = way.place.open().await?;
        if way.place.secure {
            let seen = certificate::judge(&line.chain, &way.place.host, None, trust, SystemTime::now());
            if seen.judge().1 == protocol::checkup::Verdict::Failed {
                return Err(Unreachable::Untrusted);
            }
        }
        Ok(Self::Stream { stream: line.stream, decoder: StreamDecoder::of(Framing::Turn) })
    }

    async fn send(&mut self, message: &[u8]) {
        match self {
            Self::Udp(socket) => drop(socket.send(message).await),
            Self::Stream { stream, .. } => {
                let mut framed = vec![];
                Framing::Turn.write(message, &mut framed);
                // Whoever waits for the answer will see.
                let _ = stream.write_all(&framed).await;
                let _ = stream.flush().await;
            }
        }
    }

    /// Sends, over UDP again and again, until `read` makes something of what comes.
    async fn exchange<T>(
        &mut self,
        message: &[u8],
        client: &mut TurnClient,
        read: impl Fn(&mut TurnClient, &[u8]) -> Option<T>,
    ) -> Result<T, Unreachable> {
        let (tries, patience) = match self {
            Self::Udp(_) => (TRIES, REPEAT),
            Self::Stream { .. } => (1, PATIENCE),
        };
        for _ in 0..tries {
            self.send(message).await;
            let answered = async {
                loop {
                    let received = self.receive().await?;
                    if let Some(value) = read(client, &received) {
                        return Ok::<_, Unreachable>(value);
                    }
                }
            };
            match timeout(patience, answered).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(why)) if matches!(self, Self::Stream { .. }) => return Err(why),
                // A refusal of the network may be of one datagram only.
                Ok(Err(_)) => tokio::time::sleep(REPEAT).await,
                Err(_) => {}
            }
        }
        Err(Unreachable::Silent)
    }

    async fn receive(&mut self) -> Result<Vec<u8>, Unreachable> {
        let mut piece = [0; 4096];
        match self {
            Self::Udp(socket) => {
                let length = socket.recv(&mut piece).await?;
                Ok(piece[..length].to_vec())
            }
            Self::Stream { stream, decoder } => loop {
                let message = decoder.next_message().map_err(|error| Unreachable::Failed(error.to_string()))?;
                if let Some(message) = message {
                    return Ok(message.to_vec());
                }
                match stream.read(&mut piece).await? {
                    0 => return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
                    length => decoder.push(&piece[..length]),
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_relays_are_read() {
        for (url, leg, host, port) in [
            ("turn:call.example.org:3478", Leg::TurnUdp, "call.example.org", 3478),
            ("turn:192.0.2.1", Leg::TurnUdp, "192.0.2.1", 3478),
            ("turn:[2001:db8::1]:4443?transport=tcp", Leg::TurnTcp, "2001:db8::1", 4443),
            ("turn:[2001:db8::1]", Leg::TurnUdp, "2001:db8::1", 3478),
            ("turns:a:443?transport=tcp", Leg::TurnTls, "a", 443),
            ("turns:a", Leg::TurnTls, "a", 5349),
        ] {
            let way = Way::parse(url).unwrap();
            assert_eq!((way.leg, way.place.host.as_str(), way.place.port), (leg, host, port), "{url}");
        }
        for wrong in ["", "turn", "stun:a:3478", "turn:a:port"] {
            assert!(Way::parse(wrong).is_none(), "{wrong}");
        }
    }
}
