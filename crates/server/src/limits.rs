//! How much time, how many places and how many tries strangers may take on the TCP port.
//!
//! Not settings: the numbers suit every deployment. Tests use smaller ones.

use std::time::Duration;

use crate::network::Network;

/// The limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Open connections at a time, WebSockets included; further ones wait in the kernel's queue.
    pub connections: usize,
    /// From the connection to its first byte, and for the TLS handshake.
    pub opening: Duration,
    /// From one request's end to the end of the next one's head, however many bytes arrive meanwhile.
    pub head: Duration,
    /// From a request's head to the end of its body.
    pub body: Duration,
    /// How long a client may leave bytes in the kernel's buffer that it does not read.
    pub unread: Duration,
    /// Wrong secrets of one network.
    pub wrong_secrets: Rate,
    /// Places in rooms of the call page that one network may ask for.
    pub places: Rate,
    /// Users of the relay that one network may ask for without the secret, to try it.
    pub guests: Rate,
}

/// So often at once, and then again and again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// At once.
    pub burst: u32,
    /// Between two more.
    pub interval: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            opening: Duration::from_secs(10),
            head: Duration::from_secs(60),
            body: Duration::from_secs(60),
            unread: Duration::from_secs(60),
            // An application with a wrong configuration shall be told so, and one that was mended shall work at once.
            wrong_secrets: Rate { burst: 100, interval: Duration::from_secs(1) },
            // A school behind one address meets at nine.
            places: Rate { burst: 500, interval: Duration::from_millis(500) },
            // A class that is told by its teacher to open the page of the doctor.
            guests: Rate { burst: 60, interval: Duration::from_secs(5) },
        }
    }
}

impl Limits {
    /// Connections of one network: a tenth, which many people behind one address can share. A local one may be a proxy
    /// for everybody, but still leaves some to those who come without it.
    pub(crate) fn connections_of(&self, network: Network) -> usize {
        let tenth = self.connections.div_ceil(10);
        if network.is_local() { self.connections.saturating_sub(tenth).max(1) } else { tenth }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn no_network_gets_every_place() {
        let limits = Limits::default();
        let of = |ip: &str| limits.connections_of(ip.parse::<IpAddr>().unwrap().into());
        assert_eq!((of("192.0.2.1"), of("2001:db8::1"), of("127.0.0.1")), (2000, 2000, 18_000));
    }
}
