//! Which transport a datagram belongs to. The local ufrag, which we choose, holds the worker and the slot, so a
//! connectivity check is decoded and not searched; everything else goes by source address, learnt from checks. It verifies nothing: an
//! address is only entered (and moved) by the caller, after the transport has authenticated the check.

use std::collections::HashMap;
use std::net::SocketAddr;

use protocol::id::WorkerId;
use rand::{Rng, RngCore};
use stun::TransactionId;

use crate::Protocol;
use crate::ice::{self, IceMessage};
use crate::slots::Slot;

/// Addresses kept for one transport: its host, reflexive and relayed candidates, IPv4 and IPv6, and some moves.
const MAX_ADDRESSES: usize = 8;
/// Unanswered checks of ours kept for one transport; only a full agent sends any.
const MAX_CHECKS: usize = 64;

/// Where a datagram goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Route {
    /// A check that names the transport with this ufrag: believe it only if that one accepts it.
    Check(Ufrag),
    /// From an address that belongs to this transport, or the response to one of its checks.
    Known(Slot),
    /// A check that names a transport of another worker.
    Elsewhere(WorkerId),
    /// The response to a check that none of ours has sent.
    Unasked,
    /// From somebody unknown.
    Nobody,
    /// A STUN message of no use to anybody.
    Garbage,
}

/// Where a client sends from. A port of UDP and one of TCP have nothing to do with each other.
pub(crate) type Source = (Protocol, SocketAddr);

#[derive(Debug, Default)]
struct Owned {
    addresses: Vec<Source>,
    checks: Vec<TransactionId>,
}

/// The tables.
#[derive(Debug)]
pub(crate) struct Demux {
    worker: WorkerId,
    by_address: HashMap<Source, Slot>,
    by_check: HashMap<TransactionId, Slot>,
    owned: HashMap<Slot, Owned>,
}

/// The local ufrag of a transport: which worker it is in, which slot, and random bits that make it unguessable for
/// others and different from that of an earlier transport in the same slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ufrag {
    worker: WorkerId,
    pub(crate) slot: Slot,
    random: u32,
}

impl Ufrag {
    /// Characters, all of them hexadecimal digits (RFC 8839 §5.4 allows from 4 to 256).
    const LENGTH: usize = 20;

    fn parse(text: &str) -> Option<Self> {
        let part = |range: std::ops::Range<usize>| u32::from_str_radix(text.get(range)?, 16).ok();
        if text.len() != Self::LENGTH || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        Some(Self {
            worker: WorkerId(u16::try_from(part(0..4)?).ok()?),
            slot: Slot(part(4..12)?),
            random: part(12..20)?,
        })
    }
}

impl std::fmt::Display for Ufrag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04x}{:08x}{:08x}", self.worker.0, self.slot.0, self.random)
    }
}

/// The worker whose transport a connectivity check is for; `None`: it is none, or for nobody here.
pub fn worker_of_check(message: &[u8]) -> Option<WorkerId> {
    match ice::parse(message)? {
        IceMessage::Check { local_ufrag } => Ufrag::parse(local_ufrag).map(|ufrag| ufrag.worker),
        _ => None,
    }
}

impl Demux {
    pub(crate) fn new(worker: WorkerId) -> Self {
        Self { worker, by_address: HashMap::new(), by_check: HashMap::new(), owned: HashMap::new() }
    }

    /// A fresh local ufrag for the transport in `slot`.
    pub(crate) fn ufrag(&self, slot: Slot, rng: &mut impl RngCore) -> Ufrag {
        Ufrag { worker: self.worker, slot, random: rng.random() }
    }

    pub(crate) fn route(&self, source: Source, contents: &[u8]) -> Route {
        match ice::parse(contents) {
            Some(IceMessage::Check { local_ufrag }) => match Ufrag::parse(local_ufrag) {
                Some(ufrag) if ufrag.worker == self.worker => Route::Check(ufrag),
                Some(ufrag) => Route::Elsewhere(ufrag.worker),
                None => Route::Garbage,
            },
            Some(IceMessage::Response { transaction }) => {
                let slot = self.by_check.get(&transaction).or_else(|| self.by_address.get(&source));
                slot.map_or(Route::Unasked, |s| Route::Known(*s))
            }
            Some(IceMessage::Other) => Route::Garbage,
            None => self.by_address.get(&source).map_or(Route::Nobody, |s| Route::Known(*s)),
        }
    }

    /// An authenticated check came from `source`.
    pub(crate) fn learn(&mut self, source: Source, slot: Slot) {
        match self.by_address.insert(source, slot) {
            Some(known) if known == slot => return,
            Some(previous) => {
                if let Some(owned) = self.owned.get_mut(&previous) {
                    owned.addresses.retain(|a| *a != source);
                }
            }
            None => {}
        }
        let owned = self.owned.entry(slot).or_default();
        if owned.addresses.len() == MAX_ADDRESSES {
            self.by_address.remove(&owned.addresses.remove(0));
        }
        owned.addresses.push(source);
    }

    /// Whose address it is.
    pub(crate) fn owner(&self, source: Source) -> Option<Slot> {
        self.by_address.get(&source).copied()
    }

    /// Nothing comes from this address any more. Whose it was.
    pub(crate) fn forget_address(&mut self, source: Source) -> Option<Slot> {
        let slot = self.by_address.remove(&source)?;
        if let Some(owned) = self.owned.get_mut(&slot) {
            owned.addresses.retain(|address| *address != source);
        }
        Some(slot)
    }

    /// A transport has sent a check.
    pub(crate) fn sent(&mut self, slot: Slot, transaction: TransactionId) {
        let owned = self.owned.entry(slot).or_default();
        if owned.checks.len() == MAX_CHECKS {
            self.by_check.remove(&owned.checks.remove(0));
        }
        owned.checks.push(transaction);
        self.by_check.insert(transaction, slot);
    }

    pub(crate) fn forget(&mut self, slot: Slot) {
        let Some(owned) = self.owned.remove(&slot) else {
            return;
        };
        for address in owned.addresses {
            self.by_address.remove(&address);
        }
        for check in owned.checks {
            self.by_check.remove(&check);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_address.is_empty() && self.by_check.is_empty() && self.owned.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn address(port: u16) -> Source {
        (Protocol::Udp, ([192, 0, 2, 7], port).into())
    }

    #[test]
    fn a_ufrag_leads_back_to_its_worker_and_slot() {
        let mut rng = StdRng::seed_from_u64(1);
        for (worker, slot) in [(0, 0), (1, 1), (7, 77), (u16::MAX, u32::MAX)] {
            let (worker, slot) = (WorkerId(worker), Slot(slot));
            let ufrag = Demux::new(worker).ufrag(slot, &mut rng);
            let text = ufrag.to_string();
            assert_eq!((Ufrag::parse(&text), ufrag.slot, text.len()), (Some(ufrag), slot, Ufrag::LENGTH));
        }
        for foreign in ["", "abcd", "xyzw5678123456781234", "0123456ä123456781234", "+123456712345678abcd"] {
            assert_eq!(Ufrag::parse(foreign), None);
        }
    }

    /// A connectivity check for whoever has this ufrag.
    fn check(ufrag: &str) -> Vec<u8> {
        let name = format!("{ufrag}:theirs");
        let value = name.len().next_multiple_of(4);
        let mut message = vec![0, 1];
        message.extend_from_slice(&(4 + value as u16).to_be_bytes());
        message.extend_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
        message.extend_from_slice(b"transaction!");
        message.extend_from_slice(&[0, 6]);
        message.extend_from_slice(&(name.len() as u16).to_be_bytes());
        message.extend_from_slice(name.as_bytes());
        message.resize(20 + 4 + value, 0);
        message
    }

    #[test]
    fn a_check_for_another_worker_is_not_taken() {
        let mut rng = StdRng::seed_from_u64(1);
        let (own, other) = (Demux::new(WorkerId(3)), Demux::new(WorkerId(4)));
        let ufrag = own.ufrag(Slot(5), &mut rng);
        let for_own = check(&ufrag.to_string());
        assert_eq!(own.route(address(1), &for_own), Route::Check(ufrag));
        assert_eq!(other.route(address(1), &for_own), Route::Elsewhere(WorkerId(3)));
        assert_eq!(worker_of_check(&for_own), Some(WorkerId(3)));
        assert_eq!(other.route(address(1), &check("a name of somebody else's")), Route::Garbage);
    }

    #[test]
    fn an_address_moves_and_is_forgotten_with_its_transport() {
        let mut demux = Demux::new(WorkerId(0));
        let media = [0x80, 0x60, 0, 1];
        assert_eq!(demux.route(address(1), &media), Route::Nobody);
        demux.learn(address(1), Slot(1));
        demux.learn(address(1), Slot(2));
        assert_eq!(demux.route(address(1), &media), Route::Known(Slot(2)));
        demux.forget(Slot(1));
        assert_eq!(demux.route(address(1), &media), Route::Known(Slot(2)));
        demux.forget(Slot(2));
        assert_eq!(demux.route(address(1), &media), Route::Nobody);
        assert!(demux.is_empty());
    }

    #[test]
    fn a_port_of_tcp_is_not_the_same_port_of_udp() {
        let mut demux = Demux::new(WorkerId(0));
        let (udp, tcp) = (address(1), (Protocol::Tcp, address(1).1));
        demux.learn(udp, Slot(1));
        demux.learn(tcp, Slot(2));
        assert_eq!((demux.owner(udp), demux.owner(tcp)), (Some(Slot(1)), Some(Slot(2))));
        assert_eq!(demux.forget_address(tcp), Some(Slot(2)));
        assert_eq!((demux.owner(udp), demux.owner(tcp)), (Some(Slot(1)), None));
        assert_eq!(demux.forget_address(tcp), None);
    }

    #[test]
    fn a_transport_keeps_a_bounded_number_of_addresses() {
        let mut demux = Demux::new(WorkerId(0));
        for port in 0..1000 {
            demux.learn(address(port), Slot(1));
        }
        assert_eq!(demux.by_address.len(), MAX_ADDRESSES);
        assert_eq!(demux.route(address(999), &[0x80, 0x60]), Route::Known(Slot(1)));
        assert_eq!(demux.route(address(1), &[0x80, 0x60]), Route::Nobody);
    }
}
