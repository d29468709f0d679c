//! The ways of media that lead to the server itself: bursts of STUN requests to its UDP port, one over its TCP port.

use std::collections::HashSet;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;
use stun::binding;
use stun::framing::{Framing, StreamDecoder};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout, timeout_at};

use super::connection::{self, Unreachable};
use super::finding::Finding;

/// Requests to one address, of which there may be a dozen: the server answers a stranger some hundreds at once.
const BURST: usize = 20;
/// Bytes of the second half of them: as long as the packets of video, which paths with a small MTU drop.
const LARGE: usize = 1200;
const SMALL: usize = 100;
/// For what is answered. A busy machine is slow; a lost datagram is lost.
const PATIENCE: Duration = Duration::from_secs(3);
/// How much of a burst may be lost: the network is not perfect where calls work, either.
const TOLERATED: usize = BURST / 10;

/// What came back from one address.
#[derive(Clone, Copy)]
struct Returned {
    address: SocketAddr,
    small: usize,
    large: usize,
}

/// All of these are alternatives: some are for other networks than ours.
pub(super) async fn udp(addresses: &[SocketAddr]) -> Finding {
    let returned = join_all(addresses.iter().map(|address| burst(*address))).await;
    let Some(best) = returned.iter().filter(|one| one.small + one.large > 0).max_by_key(|one| one.small + one.large)
    else {
        return Finding::UdpSilent { asked: addresses.to_vec() };
    };
    let lost = BURST - best.small - best.large;
    if best.large == 0 {
        Finding::LargeLost { address: best.address }
    } else if lost > TOLERATED {
        Finding::Lossy { address: best.address, sent: BURST, lost }
    } else {
        let (answered, silent) = returned.iter().partition::<Vec<_>, _>(|one| one.small + one.large > 0);
        let addresses = |of: Vec<&Returned>| of.iter().map(|one| one.address).collect();
        Finding::UdpWorks { answered: addresses(answered), silent: addresses(silent) }
    }
}

async fn burst(address: SocketAddr) -> Returned {
    let mut returned = Returned { address, small: 0, large: 0 };
    // What cannot be sent is as lost as what does not come back.
    let _ = exchange(&mut returned).await;
    returned
}

async fn exchange(returned: &mut Returned) -> io::Result<()> {
    let socket = socket(returned.address).await?;
    let mut sent = [HashSet::new(), HashSet::new()];
    for number in 0..BURST {
        let (size, kind) = if number % 2 == 0 { (SMALL, 0) } else { (LARGE, 1) };
        let transaction: [u8; 12] = rand::random();
        sent[kind].insert(transaction);
        // One that the system refuses is one that is lost.
        let _ = socket.send(&binding::padded_request(transaction, size)).await;
    }
    let deadline = Instant::now() + PATIENCE;
    let mut answer = [0; 2048];
    while sent.iter().any(|sent| !sent.is_empty()) {
        let Ok(received) = timeout_at(deadline, socket.recv(&mut answer)).await else { break };
        // A refusal of the network (ICMP) stands for one datagram; others may get through.
        let Ok(length) = received else { continue };
        let message = &answer[..length];
        let Some(transaction) = message.get(8..20).and_then(|bytes| <[u8; 12]>::try_from(bytes).ok()) else {
            continue;
        };
        if binding::mapped_address(message, transaction).is_none() {
            continue;
        }
        returned.small += usize::from(sent[0].remove(&transaction));
        returned.large += usize::from(sent[1].remove(&transaction));
    }
    Ok(())
}

/// Any port of ours, to that address alone.
pub(super) async fn socket(address: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr =
        if address.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(address).await?;
    Ok(socket)
}

/// The first address that answers.
pub(super) async fn tcp(addresses: &[SocketAddr]) -> Finding {
    let Some(first) = addresses.first() else { return Finding::TcpOff };
    let answers = join_all(addresses.iter().map(|address| timeout(PATIENCE * 2, ask(*address)))).await;
    let mut why = None;
    for (address, answer) in addresses.iter().zip(answers) {
        match answer {
            Ok(Ok(())) => return Finding::TcpWorks { address: *address },
            Ok(Err(error)) => why = why.or(Some(error.into())),
            Err(_) => {}
        }
    }
    Finding::TcpSilent { address: *first, why: why.unwrap_or(Unreachable::Silent) }
}

/// As ICE asks over TCP (RFC 6544): a request in a frame of RFC 4571.
async fn ask(address: SocketAddr) -> io::Result<()> {
    let mut stream = connection::connect(address).await?;
    let transaction: [u8; 12] = rand::random();
    let mut request = vec![];
    Framing::Ice.write(&binding::padded_request(transaction, SMALL), &mut request);
    stream.write_all(&request).await?;
    let mut decoder = StreamDecoder::of(Framing::Ice);
    let mut piece = [0; 2048];
    loop {
        let length = stream.read(&mut piece).await?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        decoder.push(&piece[..length]);
        while let Some(message) = decoder.next_message().map_err(io::Error::other)? {
            if binding::mapped_address(message, transaction).is_some() {
                return Ok(());
            }
        }
    }
}
