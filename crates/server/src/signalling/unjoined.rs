//! How many sockets one address keeps open without being in a session.
//!
//! Such sockets must not be closed while they ping (a client whose join failed keeps its socket), so they are counted.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Clone, Debug)]
pub(crate) struct UnjoinedSockets {
    limit: u32,
    by_address: Arc<Mutex<HashMap<IpAddr, u32>>>,
}

/// One socket's share; given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    address: IpAddr,
    by_address: Arc<Mutex<HashMap<IpAddr, u32>>>,
}

impl UnjoinedSockets {
    pub(crate) fn new(limit: u32) -> Self {
        Self { limit, by_address: Arc::default() }
    }

    /// `None` = the address has all it may have.
    pub(crate) fn take(&self, address: IpAddr) -> Option<Slot> {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_address.entry(address).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(Slot { address, by_address: self.by_address.clone() })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LOCALHOST;

    #[test]
    fn a_slot_can_be_taken_again_once_it_is_given_back() {
        let sockets = UnjoinedSockets::new(2);
        let first = sockets.take(LOCALHOST).unwrap();
        let _second = sockets.take(LOCALHOST).unwrap();
        assert!(sockets.take(LOCALHOST).is_none());
        assert!(sockets.take("192.0.2.1".parse().unwrap()).is_some(), "other addresses have their own");
        drop(first);
        assert!(sockets.take(LOCALHOST).is_some());
    }

    #[test]
    fn addresses_are_forgotten() {
        let sockets = UnjoinedSockets::new(1);
        drop(sockets.take(LOCALHOST));
        assert!(sockets.by_address.lock().unwrap().is_empty());
    }
}
