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
    /// From the first byte of a client's message to its last.
    pub message: Duration,
    /// How long a socket stays open whose client is in no session but pings: it is there after a join that failed, and would
    /// open another one at once (openvidu-browser does, and takes the call for lost).
    pub strangers_stay: Duration,
    /// The same if it does not ping.
    pub strangers_silence: Duration,
    /// How long a client may leave bytes in the kernel's buffer that it does not read.
    pub unread: Duration,
    /// Wrong secrets of one network.
    pub wrong_secrets: Rate,
    /// Places in rooms of the call page that one network may ask for.
    pub places: Rate,
    /// How often people of one network may say how a call was.
    pub feedback: Rate,
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
            message: Duration::from_secs(30),
            strangers_stay: Duration::from_secs(3600),
            strangers_silence: Duration::from_secs(600),
            unread: Duration::from_secs(60),
            // An application with a wrong configuration shall be told so, and one that was mended shall work at once.
            wrong_secrets: Rate { burst: 100, interval: Duration::from_secs(1) },
            // A school behind one address meets at nine.
            places: Rate { burst: 500, interval: Duration::from_millis(500) },
            // The same school goes home at one.
            feedback: Rate { burst: 500, interval: Duration::from_millis(500) },
            // A class that is told by its teacher to open the page of the doctor.
            guests: Rate { burst: 60, interval: Duration::from_secs(5) },
        }
    }
}

/// Descriptors that connections leave to everything else: files, ports, questions for names, helper processes.
const RESERVE: usize = 256;
/// What one recorded stream takes of them.
const OF_STREAM: usize = 2;

impl Limits {
    /// No more connections than there are descriptors for, when so many streams may be recorded.
    pub(crate) fn within(self, descriptors: Option<usize>, recorded_streams: usize) -> Self {
        let Some(descriptors) = descriptors else { return self };
        // Where there are few of them everything gets less.
        let reserve = (RESERVE + recorded_streams * OF_STREAM).min(descriptors / 2);
        Self { connections: self.connections.min(descriptors - reserve).max(1), ..self }
    }

    /// Parts the connections between the port that serves and the one that only sends on.
    pub(crate) fn with_redirecting_port(self) -> (Self, Self) {
        let few = self.connections.div_ceil(10);
        let rest = self.connections.saturating_sub(few).max(1);
        (Self { connections: rest, ..self }, Self { connections: few, ..self })
    }

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
    fn connections_leave_descriptors_to_everything_else() {
        let connections = |descriptors, streams| Limits::default().within(descriptors, streams).connections;
        assert_eq!(connections(None, 0), 20_000);
        assert_eq!(connections(Some(1_048_576), 500), 20_000);
        assert_eq!(connections(Some(20_000), 0), 20_000 - 256);
        assert_eq!(connections(Some(20_000), 500), 20_000 - 1256);
        assert_eq!((connections(Some(1024), 500), connections(Some(0), 500)), (512, 1));
        let (serving, redirecting) = Limits::default().with_redirecting_port();
        assert_eq!((serving.connections, redirecting.connections), (18_000, 2_000));
    }

    #[test]
    fn no_network_gets_every_place() {
        let limits = Limits::default();
        let of = |ip: &str| limits.connections_of(ip.parse::<IpAddr>().unwrap().into());
        assert_eq!((of("192.0.2.1"), of("2001:db8::1"), of("127.0.0.1")), (2000, 2000, 18_000));
    }
}
