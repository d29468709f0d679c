//! One client's way through the relay: its virtual address, whom it may send to, and what it has used.

use std::net::{IpAddr, SocketAddr};
use std::ops::AddAssign;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stun::{Key, TransactionId};

use crate::Client;

const PERMISSION_LIFETIME: Duration = Duration::from_secs(300);
const CHANNEL_LIFETIME: Duration = Duration::from_secs(600);
/// A call that has been interrupted may come back this much later.
const IN_USE: Duration = Duration::from_secs(600);

/// One direction.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Traffic {
    /// How many datagrams.
    pub datagrams: u64,
    /// Their contents, without what TURN puts around them.
    pub bytes: u64,
}

/// What went through the relay.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Usage {
    /// From clients to our media.
    pub received: Traffic,
    /// From our media to clients.
    pub sent: Traffic,
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.datagrams += other.datagrams;
        self.bytes += other.bytes;
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.received += other.received;
        self.sent += other.sent;
    }
}

impl Traffic {
    pub(crate) fn count(&mut self, bytes: usize) {
        self.datagrams += 1;
        self.bytes += bytes as u64;
    }
}

#[derive(Debug)]
pub(crate) struct Allocation {
    pub(crate) client: Client,
    pub(crate) user: Arc<str>,
    pub(crate) key: Key,
    pub(crate) relayed: SocketAddr,
    /// Of the request that made it: the same request again is a retransmission.
    pub(crate) transaction: TransactionId,
    pub(crate) expires: Instant,
    pub(crate) usage: Usage,
    /// When our media last sent something to it.
    served: Option<Instant>,
    /// Few, because there are few addresses that they can be for.
    permissions: Vec<Permission>,
    channels: Vec<Channel>,
}

#[derive(Debug)]
struct Permission {
    ip: IpAddr,
    expires: Instant,
}

#[derive(Debug)]
struct Channel {
    number: u16,
    peer: SocketAddr,
    expires: Instant,
}

/// Number or peer belong together with another one already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ChannelConflict;

impl Allocation {
    pub(crate) fn new(
        client: Client,
        user: Arc<str>,
        key: Key,
        relayed: SocketAddr,
        transaction: TransactionId,
        expires: Instant,
    ) -> Self {
        let usage = Usage::default();
        let (served, permissions, channels) = (None, vec![], vec![]);
        Self { client, user, key, relayed, transaction, expires, usage, served, permissions, channels }
    }

    pub(crate) fn serve(&mut self, now: Instant) {
        self.served = Some(now);
    }

    /// Whether a call goes through it: our media answers the checks of a call's paths, and nobody else's.
    pub(crate) fn is_in_use(&self, now: Instant) -> bool {
        self.served.is_some_and(|served| now < served + IN_USE)
    }

    pub(crate) fn permit(&mut self, ip: IpAddr, now: Instant) {
        let expires = now + PERMISSION_LIFETIME;
        self.permissions.retain(|permission| permission.expires > now);
        match self.permissions.iter_mut().find(|permission| permission.ip == ip) {
            Some(permission) => permission.expires = expires,
            None => self.permissions.push(Permission { ip, expires }),
        }
    }

    pub(crate) fn permits(&self, ip: IpAddr, now: Instant) -> bool {
        self.permissions.iter().any(|permission| permission.ip == ip && permission.expires > now)
    }

    /// Binds or refreshes; the peer is permitted too.
    pub(crate) fn bind(&mut self, number: u16, peer: SocketAddr, now: Instant) -> Result<(), ChannelConflict> {
        self.channels.retain(|channel| channel.expires > now);
        let expires = now + CHANNEL_LIFETIME;
        match self.channels.iter_mut().find(|channel| channel.number == number || channel.peer == peer) {
            Some(channel) if channel.number == number && channel.peer == peer => channel.expires = expires,
            Some(_) => return Err(ChannelConflict),
            None => self.channels.push(Channel { number, peer, expires }),
        }
        self.permit(peer.ip(), now);
        Ok(())
    }

    pub(crate) fn peer(&self, number: u16, now: Instant) -> Option<SocketAddr> {
        let channel = self.channels.iter().find(|channel| channel.number == number && channel.expires > now)?;
        Some(channel.peer)
    }

    pub(crate) fn channel(&self, peer: SocketAddr, now: Instant) -> Option<u16> {
        let channel = self.channels.iter().find(|channel| channel.peer == peer && channel.expires > now)?;
        Some(channel.number)
    }
}
