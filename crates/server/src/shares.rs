//! How many of something each network has at a time: connections, or sockets that are in no session.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::network::Network;

/// Counts by network. Bounded by what is counted: a network that has nothing is not listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shares(Arc<Mutex<HashMap<Network, usize>>>);

/// One of them; given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    network: Network,
    shares: Shares,
}

impl Shares {
    /// `None` = the network has all it may have.
    pub(crate) fn take(&self, network: Network, limit: usize) -> Option<Share> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get(&network).copied().unwrap_or_default();
        if count >= limit {
            return None;
        }
        counts.insert(network, count + 1);
        Some(Share { network, shares: self.clone() })
    }

    /// For what is there already and counts anew.
    pub(crate) fn take_beyond_limit(&self, network: Network) -> Share {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(network).or_default() += 1;
        Share { network, shares: self.clone() }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counts = self.shares.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn network(ip: &str) -> Network {
        ip.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn a_share_can_be_taken_again_once_it_is_given_back() {
        let shares = Shares::default();
        let first = shares.take(network("192.0.2.1"), 2).unwrap();
        let _second = shares.take(network("192.0.2.1"), 2).unwrap();
        assert!(shares.take(network("192.0.2.1"), 2).is_none());
        assert!(shares.take(network("192.0.2.2"), 2).is_some(), "others have their own");
        drop(first);
        assert!(shares.take(network("192.0.2.1"), 2).is_some());
    }

    #[test]
    fn networks_are_forgotten() {
        let shares = Shares::default();
        drop(shares.take(network("192.0.2.1"), 1));
        assert!(shares.take(network("192.0.2.1"), 0).is_none());
        assert!(shares.0.lock().unwrap().is_empty());
    }
}
