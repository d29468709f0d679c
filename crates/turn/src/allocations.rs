//! All allocations, found by client and by relayed address, with their quotas and deadlines.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use stun::{Key, TransactionId};

use crate::Client;
use crate::address::{self, AddressFamily, Space};
use crate::allocation::Allocation;
use crate::quotas::{QuotaReached, Quotas};

#[derive(Debug)]
pub(crate) struct Allocations {
    quotas: Quotas,
    space: Space,
    entries: Vec<Entry>,
    /// The longest free one is used first.
    free: VecDeque<u16>,
    by_client: HashMap<Client, u16>,
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
    pub(crate) key: Key,
    pub(crate) transaction: TransactionId,
    pub(crate) family: AddressFamily,
    pub(crate) even_port: bool,
    pub(crate) expires: Instant,
}

impl Allocations {
    pub(crate) fn new(quotas: Quotas, space: Space) -> Self {
        Self {
            quotas,
            space,
            entries: vec![],
            free: VecDeque::new(),
            by_client: HashMap::new(),
            deadlines: BTreeSet::new(),
        }
    }

    pub(crate) fn insert(&mut self, new: NewAllocation<'_>) -> Result<SocketAddr, QuotaReached> {
        let NewAllocation { client, user, key, transaction, family, even_port, expires } = new;
        let user = self.quotas.take(user)?;
        let slot = self.free.pop_front().or_else(|| {
            let slot = u16::try_from(self.entries.len()).ok()?;
            self.entries.push(Entry::default());
            Some(slot)
        });
        let entry = slot.and_then(|slot| Some((slot, self.entries.get_mut(usize::from(slot))?)));
        let Some((slot, entry)) = entry else {
            self.quotas.give_back(&user);
            return Err(QuotaReached::OfServer);
        };
        const GENERATIONS: u16 = 1 << 14;
        entry.generation = (entry.generation + 1 + u16::from(even_port && entry.generation % 2 == 0)) % GENERATIONS;
        let relayed = address::relayed(self.space, slot, entry.generation, family);
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
        let slot = usize::from(address::slot(relayed));
        let allocation = self.entries.get_mut(slot)?.allocation.as_mut()?;
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
        self.quotas.give_back(&allocation.user);
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
        self.by_client.is_empty() && self.deadlines.is_empty() && self.quotas.is_untouched()
    }
}

impl Drop for Allocations {
    fn drop(&mut self) {
        self.iter().for_each(|allocation| self.quotas.give_back(&allocation.user));
    }
}
