//! All allocations, found by client and by relayed address, with their quotas and deadlines.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use stun::{LongTermKey, TransactionId};

use crate::address::{self, AddressFamily, SLOTS};
use crate::allocation::Allocation;
use crate::credentials;
use crate::{Client, Limits};

/// Of one guest: a browser makes one for each of its network interfaces and each way to us.
const PER_GUEST: usize = 16;
/// Of all guests: they must not take what callers need.
const GUESTS: usize = 512;

#[derive(Debug)]
pub(crate) struct Allocations {
    limits: Limits,
    entries: Vec<Entry>,
    /// The longest free one is used first.
    free: VecDeque<u16>,
    by_client: HashMap<Client, u16>,
    /// Allocations of each user.
    users: HashMap<Arc<str>, usize>,
    /// Allocations of guests.
    guests: usize,
    deadlines: BTreeSet<(Instant, u16)>,
}

#[derive(Debug, Default)]
struct Entry {
    generation: u16,
    allocation: Option<Allocation>,
}

/// What a new allocation shall be.
#[derive(Debug)]
pub(crate) struct NewAllocation<'a> {
    pub(crate) client: Client,
    pub(crate) user: &'a str,
    pub(crate) key: LongTermKey,
    pub(crate) transaction: TransactionId,
    pub(crate) family: AddressFamily,
    pub(crate) even_port: bool,
    pub(crate) expires: Instant,
}

/// Which quota is used up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum QuotaReached {
    OfUser,
    OfServer,
}

impl Allocations {
    pub(crate) fn new(limits: Limits) -> Self {
        let limits = Limits { allocations: limits.allocations.min(SLOTS), ..limits };
        Self {
            limits,
            entries: vec![],
            free: VecDeque::new(),
            by_client: HashMap::new(),
            users: HashMap::new(),
            guests: 0,
            deadlines: BTreeSet::new(),
        }
    }

    pub(crate) fn insert(&mut self, new: NewAllocation<'_>) -> Result<SocketAddr, QuotaReached> {
        let NewAllocation { client, user, key, transaction, family, even_port, expires } = new;
        if self.by_client.len() >= self.limits.allocations {
            return Err(QuotaReached::OfServer);
        }
        let is_guest = credentials::is_guest(user);
        if is_guest && self.guests >= GUESTS {
            return Err(QuotaReached::OfUser);
        }
        let most = self.limits.allocations_per_user.min(if is_guest { PER_GUEST } else { usize::MAX });
        let user = match self.users.get_key_value(user) {
            Some((_, count)) if *count >= most => return Err(QuotaReached::OfUser),
            Some((user, _)) => user.clone(),
            None => Arc::from(user),
        };
        let slot = match self.free.pop_front() {
            Some(slot) => slot,
            None => {
                let slot = u16::try_from(self.entries.len()).map_err(|_| QuotaReached::OfServer)?;
                self.entries.push(Entry::default());
                slot
            }
        };
        let Some(entry) = self.entries.get_mut(usize::from(slot)) else {
            return Err(QuotaReached::OfServer);
        };
        const GENERATIONS: u16 = 1 << 14;
        entry.generation = (entry.generation + 1 + u16::from(even_port && entry.generation % 2 == 0)) % GENERATIONS;
        let relayed = address::relayed(slot, entry.generation, family);
        *self.users.entry(user.clone()).or_default() += 1;
        self.guests += usize::from(is_guest);
        self.by_client.insert(client, slot);
        self.deadlines.insert((expires, slot));
        entry.allocation = Some(Allocation::new(client, user, key, relayed, transaction, expires));
        Ok(relayed)
    }

    pub(crate) fn get(&self, client: &Client) -> Option<&Allocation> {
        let slot = self.by_client.get(client)?;
        self.entries.get(usize::from(*slot))?.allocation.as_ref()
    }

    pub(crate) fn get_mut(&mut self, client: &Client) -> Option<&mut Allocation> {
        let slot = self.by_client.get(client)?;
        self.entries.get_mut(usize::from(*slot))?.allocation.as_mut()
    }

    pub(crate) fn relayed_mut(&mut self, relayed: SocketAddr) -> Option<&mut Allocation> {
        let slot = address::slot(relayed)?;
        let allocation = self.entries.get_mut(usize::from(slot))?.allocation.as_mut()?;
        (allocation.relayed == relayed).then_some(allocation)
    }

    pub(crate) fn refresh(&mut self, client: &Client, expires: Instant) {
        let Some(slot) = self.by_client.get(client).copied() else {
            return;
        };
        if let Some(allocation) = self.entries.get_mut(usize::from(slot)).and_then(|entry| entry.allocation.as_mut()) {
            self.deadlines.remove(&(allocation.expires, slot));
            self.deadlines.insert((expires, slot));
            allocation.expires = expires;
        }
    }

    pub(crate) fn remove(&mut self, client: &Client) -> Option<Allocation> {
        let slot = self.by_client.remove(client)?;
        let allocation = self.entries.get_mut(usize::from(slot))?.allocation.take()?;
        self.free.push_back(slot);
        self.deadlines.remove(&(allocation.expires, slot));
        self.guests -= usize::from(credentials::is_guest(&allocation.user));
        if let Some(count) = self.users.get_mut(&allocation.user) {
            *count -= 1;
            if *count == 0 {
                self.users.remove(&allocation.user);
            }
        }
        Some(allocation)
    }

    /// Removes one that has not been refreshed in time.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Allocation> {
        let (_, slot) = *self.deadlines.first().filter(|(expires, _)| *expires <= now)?;
        let client = self.entries.get(usize::from(slot))?.allocation.as_ref()?.client;
        self.remove(&client)
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(expires, _)| *expires)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Allocation> {
        self.entries.iter().filter_map(|entry| entry.allocation.as_ref())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_client.is_empty() && self.users.is_empty() && self.deadlines.is_empty()
    }
}
