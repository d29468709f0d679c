//! Our public addresses as others know them: what the public name leads to, and what STUN servers see.
//!
//! Nothing waits for this and nothing fails by it: who does not answer in a few seconds has nothing to say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::{UdpSocket, lookup_host};
use tokio::time::timeout;

use crate::{AddressOptions, PublicHost, StunServer};

/// For names and for STUN servers, each.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two requests to a server: datagrams are lost now and then.
const REPEAT: Duration = Duration::from_millis(500);

/// Every address found, no matter which kind, each once.
pub(super) async fn find(options: &AddressOptions) -> Vec<IpAddr> {
    let name = match &options.public {
        PublicHost::Name(name) => resolve(name, 0).await,
        PublicHost::Unknown | PublicHost::Ip(_) => vec![],
    };
    let servers = options.stun_servers.iter().map(ask);
    let seen = join_all(servers).await.into_iter().flatten();
    let mut found = vec![];
    for ip in name.into_iter().map(|address| address.ip()).chain(seen) {
        if !found.contains(&ip) {
            found.push(ip);
        }
    }
    found
}

async fn resolve(host: &str, port: u16) -> Vec<SocketAddr> {
    match timeout(PATIENCE, lookup_host((host, port))).await {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => {
            tracing::debug!(host, %error, "name not resolved");
            vec![]
        }
        Err(_) => {
            tracing::debug!(host, "name not resolved in time");
            vec![]
        }
    }
}

/// What a server sees, over IPv4 and over IPv6.
async fn ask(server: &StunServer) -> Vec<IpAddr> {
    let addresses = resolve(&server.host, server.port).await;
    let of = |ipv4: bool| addresses.iter().copied().find(move |address| address.is_ipv4() == ipv4);
    let (v4, v6) = tokio::join!(ask_at(of(true)), ask_at(of(false)));
    v4.into_iter().chain(v6).collect()
}

async fn ask_at(server: Option<SocketAddr>) -> Option<IpAddr> {
    let server = server?;
    match timeout(PATIENCE, mapped(server)).await {
        Ok(Ok(address)) => return Some(address.ip().to_canonical()),
        Ok(Err(error)) => tracing::debug!(%server, %error, "STUN server not reached"),
        Err(_) => tracing::debug!(%server, "no answer from the STUN server"),
    }
    None
}

/// Asks until there is an answer.
async fn mapped(server: SocketAddr) -> std::io::Result<SocketAddr> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    let transaction: [u8; 12] = rand::random();
    let request = stun::binding::request(transaction);
    let mut answer = [0; 512];
    loop {
        socket.send(&request).await?;
        let answered = async {
            loop {
                let length = socket.recv(&mut answer).await?;
                if let Some(address) = stun::binding::mapped_address(&answer[..length], transaction) {
                    return Ok(address);
                }
            }
        };
        if let Ok(result) = timeout(REPEAT, answered).await {
            return result;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing_known() -> AddressOptions {
        let public = PublicHost::Unknown;
        AddressOptions { given: vec![], public, translations: vec![], tcp_port: None, stun_servers: vec![] }
    }

    /// What a STUN server answers somebody at `seen`.
    fn answer(request: &[u8], seen: SocketAddr) -> Vec<u8> {
        let limits = turn::Limits { allocations: 0, allocations_per_user: 0 };
        let config = turn::Config {
            secret: None,
            peers: vec![],
            quotas: turn::Quotas::new(limits),
            space: turn::Space::default(),
        };
        let now = turn::Now { instant: std::time::Instant::now(), unix_seconds: 0 };
        let client = turn::Client { transport: turn::Transport::Stream, remote: seen, local: seen };
        match turn::Server::new(config, [1; 32], now.instant).handle(client, request, now) {
            turn::Handled::Answer(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    /// Answers like a STUN server behind which we seem to be at `seen`; the first requests are lost.
    async fn stun_server(seen: &'static str, lost: usize) -> StunServer {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut request = [0; 512];
            for number in 0.. {
                let (length, peer) = socket.recv_from(&mut request).await.unwrap();
                if number >= lost {
                    socket.send_to(b"garbage", peer).await.unwrap();
                    let answer = answer(&request[..length], seen.parse().unwrap());
                    socket.send_to(&answer, peer).await.unwrap();
                }
            }
        });
        StunServer { host: "127.0.0.1".to_owned(), port }
    }

    #[tokio::test]
    async fn servers_are_asked_until_they_answer_and_those_that_fail_do_not_matter() {
        let nobody = StunServer { host: "nobody.invalid".to_owned(), port: 3478 };
        let options = AddressOptions {
            stun_servers: vec![
                nobody,
                stun_server("203.0.113.7:1", 1).await,
                stun_server("203.0.113.7:2", 0).await,
                stun_server("198.51.100.7:2", 0).await,
            ],
            ..nothing_known()
        };
        let expected: Vec<IpAddr> = ["203.0.113.7", "198.51.100.7"].map(|ip| ip.parse().unwrap()).to_vec();
        assert_eq!(find(&options).await, expected);
    }

    #[tokio::test]
    async fn a_public_name_is_resolved() {
        let options = AddressOptions { public: PublicHost::Name("localhost".to_owned()), ..nothing_known() };
        assert!(find(&options).await.iter().any(IpAddr::is_loopback));
        assert!(find(&nothing_known()).await.is_empty());
    }
}
