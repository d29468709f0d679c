//! What goes from one media worker to another: what each one's SFU tells the others, and what came to the wrong one. All of them
//! have the same UDP ports, and the kernel chooses by the client's
//! address which of them gets its datagrams: often not the one whose transport they are for. That one is handed them, in one
//! message for all that came in a turn.
//!
//! Whose a check is, the user name in it says. Whose everything else is that comes from the same address, says the worker that
//! has authenticated a check from there: it claims the address. So nobody who only writes a foreign address on a datagram can
//! lead away what really comes from there.
//!
//! A relay is where its client's datagrams come to. What another worker sends to such a client goes back there.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use protocol::id::WorkerId;
use sfu::{Arrival, Datagram, PipeMessage, Protocol, Transmit};
use tokio::sync::mpsc;
use turn::{Client, Space};

use crate::steering::{Steering, Step};

/// Messages on their way to one worker.
const QUEUE: usize = 1024;
/// Bytes of a datagram that is handed over: what networks carry. Longer ones came over no network, and are dropped.
const LONGEST: usize = 2048;
/// Between two looks at who sends much to the wrong worker.
const LOOK: Duration = Duration::from_secs(1);
/// So many datagrams between two looks are much: half of what a microphone sends.
const MUCH: u32 = 25;
/// Between two looks for addresses that nothing comes from any more. Clients check their paths more often (RFC 7675 §5.1).
const SWEEP: Duration = Duration::from_secs(60);

/// The other workers, as one of them knows them.
#[derive(Debug)]
pub(super) struct Neighbours {
    own: WorkerId,
    /// Of all, by number.
    boxes: Vec<mpsc::Sender<Handed>>,
    inbox: mpsc::Receiver<Handed>,
    /// What is to be handed over at the end of this turn, by number of who gets it.
    parcels: Vec<Parcel>,
    /// Addresses from which datagrams come to this one, though they are another's.
    strays: HashMap<SocketAddr, Stray>,
    /// Clients of this one behind relays of others, by relayed address.
    behind: HashMap<SocketAddr, Client>,
    next_sweep: Instant,
    /// What the kernel is told, so that less has to be handed over.
    steering: Steering,
    next_look: Instant,
}

/// What one hands to another.
#[derive(Debug)]
pub(super) enum Handed {
    /// Came to `from`.
    Arrived { from: WorkerId, parcel: Parcel },
    /// `by` has authenticated it.
    Claimed { by: WorkerId, source: SocketAddr },
    /// `by` knows it no more.
    Disclaimed { by: WorkerId, source: SocketAddr },
    /// Is for a client behind the relay of whoever gets this.
    Leaving(Transmit),
    /// From one SFU to the other.
    Piped { from: WorkerId, message: PipeMessage },
    /// Its SFU has lost everything that it had.
    Lost { worker: WorkerId },
}

#[derive(Debug)]
struct Stray {
    worker: WorkerId,
    /// Since the last sweep.
    was_used: bool,
    /// Datagrams since the last look.
    datagrams: u32,
}

/// Datagrams.
#[derive(Debug, Default)]
pub(super) struct Parcel {
    labels: Vec<Label>,
    contents: Vec<u8>,
}

#[derive(Debug)]
struct Label {
    source: SocketAddr,
    destination: SocketAddr,
    /// The client behind the relay that it came through.
    client: Option<Client>,
    length: usize,
}

impl Parcel {
    /// Each with the client behind the relay that it came through, if it came through one.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = (Datagram<'_>, Option<Client>)> {
        let mut rest = &self.contents[..];
        self.labels.iter().map(move |label| {
            let (contents, others) = rest.split_at(label.length.min(rest.len()));
            rest = others;
            let Label { source, destination, client, .. } = *label;
            (Datagram { protocol: Protocol::Udp, source, destination, contents }, client)
        })
    }

    fn push(&mut self, datagram: Datagram<'_>, client: Option<Client>) {
        let Datagram { source, destination, contents, .. } = datagram;
        self.labels.push(Label { source, destination, client, length: contents.len() });
        self.contents.extend_from_slice(contents);
    }
}

impl Neighbours {
    /// So many that know each other, by number.
    pub(super) fn all(count: u16, now: Instant) -> Vec<Self> {
        let (boxes, inboxes): (Vec<_>, Vec<_>) = (0..count).map(|_| mpsc::channel(QUEUE)).unzip();
        let steering = Steering::default();
        let each = inboxes.into_iter().zip(0..).map(|(inbox, own)| Self {
            own: WorkerId(own),
            boxes: boxes.clone(),
            inbox,
            parcels: boxes.iter().map(|_| Parcel::default()).collect(),
            strays: HashMap::new(),
            behind: HashMap::new(),
            next_sweep: now + SWEEP,
            steering: steering.clone(),
            next_look: now + LOOK,
        });
        each.collect()
    }

    /// A datagram came here, and this became of it; `client` is behind the relay that it came through. It is handed to whom it
    /// is for at [`Self::post`].
    pub(super) fn arrived(&mut self, arrival: Arrival, datagram: Datagram<'_>, client: Option<Client>) {
        match arrival {
            Arrival::Taken => {}
            Arrival::CheckFor(worker) => self.hand(worker, datagram, client),
            Arrival::FromNobody => {
                if let Some(stray) = self.strays.get_mut(&datagram.source) {
                    stray.was_used = true;
                    stray.datagrams = stray.datagrams.saturating_add(1);
                    let worker = stray.worker;
                    self.hand(worker, datagram, client);
                }
            }
            // Its number says nothing of who has asked; only full ICE asks at all.
            Arrival::Unasked => (0..self.boxes.len()).for_each(|number| {
                self.hand(WorkerId(number as u16), datagram, client);
            }),
        }
    }

    fn hand(&mut self, worker: WorkerId, datagram: Datagram<'_>, client: Option<Client>) {
        let parcel = self.parcels.get_mut(usize::from(worker.0)).filter(|_| worker != self.own);
        if let Some(parcel) = parcel.filter(|_| datagram.contents.len() <= LONGEST) {
            parcel.push(datagram, client);
        }
    }

    /// Hands over what has been gathered.
    pub(super) fn post(&mut self) {
        for number in 0..self.parcels.len() {
            if !self.parcels[number].labels.is_empty() {
                let parcel = std::mem::take(&mut self.parcels[number]);
                self.send(WorkerId(number as u16), Handed::Arrived { from: self.own, parcel });
            }
        }
    }

    /// A datagram that `from` handed over was from an address that is (or is not) one of this worker's.
    pub(super) fn claim(&self, from: WorkerId, source: SocketAddr, is_ours: bool) {
        let by = self.own;
        let handed = if is_ours { Handed::Claimed { by, source } } else { Handed::Disclaimed { by, source } };
        self.send(from, handed);
    }

    /// Hands something over for a client behind another worker's relay.
    pub(super) fn relay(&self, worker: WorkerId, transmit: Transmit) {
        self.send(worker, Handed::Leaving(transmit));
    }

    /// Hands over what this worker's SFU tells another one.
    pub(super) fn pipe(&self, to: WorkerId, message: PipeMessage) {
        self.send(to, Handed::Piped { from: self.own, message });
    }

    /// Tells the others that this worker's SFU begins anew.
    pub(super) fn lost(&self) {
        for number in 0..self.boxes.len() {
            self.send(WorkerId(number as u16), Handed::Lost { worker: self.own });
        }
    }

    /// What finds no room is lost, as on a network; a worker that is gone needs nothing.
    fn send(&self, worker: WorkerId, handed: Handed) {
        let to = self.boxes.get(usize::from(worker.0)).filter(|_| worker != self.own);
        if to.is_some_and(|to| to.try_send(handed).is_err()) {
            tracing::trace!(worker = worker.0, "not handed over");
        }
    }

    /// What others hand over, if something waits; if not, the next one wakes the worker.
    pub(super) fn poll_handed(&mut self, context: &mut Context<'_>) -> Option<Handed> {
        match self.inbox.poll_recv(context) {
            Poll::Ready(handed) => handed,
            Poll::Pending => None,
        }
    }

    /// Another one says whose an address is.
    pub(super) fn claimed(&mut self, by: WorkerId, source: SocketAddr) {
        self.strays.insert(source, Stray { worker: by, was_used: true, datagrams: 0 });
    }

    /// Another one says that an address is not its own. Somebody else's claim stands.
    pub(super) fn disclaimed(&mut self, by: WorkerId, source: SocketAddr) {
        if self.strays.get(&source).is_some_and(|stray| stray.worker == by) {
            self.strays.remove(&source);
        }
    }

    /// Remembers who is behind a relayed address of another worker.
    pub(super) fn met(&mut self, relayed: SocketAddr, client: Client) {
        self.behind.insert(relayed, client);
    }

    /// Who is behind a relayed address of another worker.
    pub(super) fn behind(&self, relayed: SocketAddr) -> Option<Client> {
        self.behind.get(&relayed).copied()
    }

    /// Forgets addresses that nothing comes from, and those of clients that are not this worker's any more.
    pub(super) fn sweep(&mut self, now: Instant, is_known: impl Fn(SocketAddr) -> bool, install: impl Fn(&[Step])) {
        if now >= self.next_look {
            self.next_look = now + LOOK;
            self.steer(&install);
        }
        if now < self.next_sweep {
            return;
        }
        self.steering.sweep(self.own, &is_known, install);
        self.next_sweep = now + SWEEP;
        self.strays.retain(|_, stray| std::mem::take(&mut stray.was_used));
        self.behind.retain(|relayed, _| is_known(*relayed));
    }

    /// Has the kernel send to the right worker what comes here in numbers, though it is another's.
    fn steer(&mut self, install: impl Fn(&[Step])) {
        if self.boxes.iter().any(mpsc::Sender::is_closed) {
            return self.steering.give_up(install);
        }
        let mut clients = Vec::new();
        for (source, stray) in &mut self.strays {
            let is_much = std::mem::take(&mut stray.datagrams) >= MUCH;
            // What is relayed came over the network from somebody else.
            if is_much && Space::of(*source).is_none() {
                clients.push((*source, stray.worker));
            }
        }
        if !clients.is_empty() {
            self.steering.steer(clients.into_iter(), install);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn source(port: u16) -> SocketAddr {
        ([192, 0, 2, 7], port).into()
    }

    fn datagram(port: u16, contents: &[u8]) -> Datagram<'_> {
        Datagram { protocol: Protocol::Udp, source: source(port), destination: source(1), contents }
    }

    fn three() -> [Neighbours; 3] {
        Neighbours::all(3, Instant::now()).try_into().unwrap()
    }

    /// Datagrams: from which port, and what.
    type Contents = Vec<(u16, Vec<u8>)>;

    /// What waits for one of them, and who handed it over.
    fn parcels(of: &mut Neighbours) -> Vec<(u16, Contents)> {
        let mut context = Context::from_waker(Waker::noop());
        let handed = std::iter::from_fn(|| of.poll_handed(&mut context));
        let parcels = handed.map(|handed| {
            let Handed::Arrived { from, parcel } = handed else { panic!("{handed:?}") };
            let datagrams =
                parcel.datagrams().map(|(datagram, _)| (datagram.source.port(), datagram.contents.to_vec()));
            (from.0, datagrams.collect())
        });
        parcels.collect()
    }

    #[test]
    fn a_check_goes_to_whom_it_names_and_the_rest_of_the_turn_with_it() {
        let [mut first, mut second, mut third] = three();
        first.arrived(Arrival::CheckFor(WorkerId(2)), datagram(5, b"check"), None);
        first.arrived(Arrival::CheckFor(WorkerId(2)), datagram(6, b"another"), None);
        for nobody in [0, 3, u16::MAX] {
            first.arrived(Arrival::CheckFor(WorkerId(nobody)), datagram(7, b"lost"), None);
        }
        first.arrived(Arrival::CheckFor(WorkerId(2)), datagram(8, &[0; LONGEST + 1]), None);
        first.arrived(Arrival::Taken, datagram(9, b"taken"), None);
        first.post();
        first.post();
        let datagrams = vec![(5, b"check".to_vec()), (6, b"another".to_vec())];
        assert_eq!(parcels(&mut third), [(0, datagrams)]);
        assert!(parcels(&mut second).is_empty() && parcels(&mut first).is_empty());
    }

    #[test]
    fn an_address_is_whose_claim_it_is_until_it_falls_silent_or_is_disclaimed() {
        let [mut first, mut second, _third] = three();
        let unknown = |neighbours: &mut Neighbours| {
            neighbours.arrived(Arrival::FromNobody, datagram(5, b"media"), None);
            neighbours.post();
        };
        unknown(&mut first);
        assert!(parcels(&mut second).is_empty(), "nobody has claimed it");
        first.claimed(WorkerId(1), source(5));
        unknown(&mut first);
        assert_eq!(parcels(&mut second).len(), 1);
        first.disclaimed(WorkerId(2), source(5));
        let start = Instant::now();
        first.sweep(start + 2 * SWEEP, |_| true, |_| {});
        unknown(&mut first);
        assert_eq!(parcels(&mut second).len(), 1, "it is in use, and another one's word does not count");
        first.sweep(start + 4 * SWEEP, |_| true, |_| {});
        first.sweep(start + 6 * SWEEP, |_| true, |_| {});
        unknown(&mut first);
        assert!(parcels(&mut second).is_empty(), "nothing came from there for long");
        first.claimed(WorkerId(1), source(5));
        first.disclaimed(WorkerId(1), source(5));
        unknown(&mut first);
        assert!(parcels(&mut second).is_empty());
    }

    #[test]
    fn an_answer_that_nobody_here_has_asked_for_goes_to_all_others() {
        let [mut first, mut second, mut third] = three();
        second.arrived(Arrival::Unasked, datagram(5, b"answer"), None);
        second.post();
        assert_eq!([parcels(&mut first).len(), parcels(&mut second).len(), parcels(&mut third).len()], [1, 0, 1]);
    }

    #[test]
    fn a_worker_that_takes_nothing_costs_bounded_memory() {
        let [mut first, mut second, _third] = three();
        for number in 0..2 * QUEUE {
            first.arrived(Arrival::CheckFor(WorkerId(1)), datagram(number as u16, b"check"), None);
            first.post();
        }
        assert_eq!(parcels(&mut second).len(), QUEUE);
    }

    #[test]
    fn who_is_behind_a_relay_is_known_as_long_as_its_transport() {
        let [mut first, ..] = three();
        let client = Client { transport: turn::Transport::Udp, remote: source(5), local: source(1) };
        first.met(source(6), client);
        let start = Instant::now();
        first.sweep(start + 2 * SWEEP, |relayed| relayed == source(6), |_| {});
        assert_eq!(first.behind(source(6)), Some(client));
        first.sweep(start + 4 * SWEEP, |_| false, |_| {});
        assert_eq!(first.behind(source(6)), None);
    }
}
