//! A thread that carries many peer connections: it waits for whichever has something, and for the time.
//!
//! What it counts can be looked at from elsewhere at any moment ([`Counters`]); what became of each leg it says when it ends.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::{Events, Interest, Poll, Token, Waker};
use tokio::sync::oneshot;

use crate::bundle::BundledLeg;
use crate::layer::MAX_LAYERS;
use crate::peer::{Happenings, Peer, PeerError, Purpose, datagram_buffer};
use crate::reception::LegResult;
use crate::source::LastNumbers;

/// Wakes the thread; no peer connection has this number.
const ORDERS: Token = Token(usize::MAX);
/// Sockets looked at in one turn.
const EVENTS: usize = 1024;
/// Between two calls of one engine for time alone.
const SHORTEST_WAIT: Duration = Duration::from_micros(500);
/// Delays in microseconds; longer ones count as this.
const LONGEST_DELAY: u64 = 60_000_000;

/// Of one thread, since it began. Each is right by itself.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) sent: AtomicU64,
    pub(crate) received: AtomicU64,
    /// Those of pictures, by layer.
    pub(crate) by_layer: [AtomicU64; MAX_LAYERS],
    pub(crate) missing: AtomicI64,
    pub(crate) connected: AtomicU64,
    /// Legs on which everything that is wanted has come.
    pub(crate) complete: AtomicU64,
    pub(crate) key_frame_requests: AtomicU64,
    /// What was due and was not sent, because the thread was late or a socket full.
    pub(crate) omitted: AtomicU64,
    pub(crate) lost_on_purpose: AtomicU64,
}

/// How long packets were on their way: microseconds.
pub(crate) type Delays = Histogram<u64>;

pub(crate) fn no_delays() -> Delays {
    Histogram::new_with_bounds(1, LONGEST_DELAY, 3).expect("bounds that the library takes")
}

/// A peer connection in some thread.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct PeerId(u64);

/// What a server offers to a peer connection that is there, in place of what it offered before.
pub(crate) struct NewOffer {
    pub(crate) sdp: String,
    /// One for each stream that is new in it: since when it is wanted.
    pub(crate) wanted: Vec<Instant>,
}

enum Order {
    Adopt(PeerId, Box<Peer>),
    Close(PeerId),
    Candidate(PeerId, String),
    OfferAgain(PeerId, NewOffer, oneshot::Sender<Result<String, PeerError>>),
    /// Publishers send nothing more.
    Silence,
    Finish,
}

/// What became of the peer connections of a thread.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) legs: Vec<Leg>,
    /// Of each publisher.
    pub(crate) last: HashMap<u32, LastNumbers>,
}

/// One that received.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) reception: crate::reception::Reception,
    /// Whether it was there until publishers fell silent; else nobody knows which packet had to be its last.
    pub(crate) to_the_end: bool,
    pub(crate) complete: bool,
}

impl Leg {
    pub(crate) fn result(self, last: &HashMap<u32, LastNumbers>) -> LegResult {
        let of_publisher = self.reception.publisher().and_then(|publisher| last.get(&publisher)).copied();
        let of_publisher = of_publisher.filter(|_| self.to_the_end).unwrap_or_default();
        self.reception.result(of_publisher)
    }
}

/// See the module. Its thread ends with it.
pub(crate) struct Generator {
    orders: Sender<Order>,
    waker: Arc<Waker>,
    next: AtomicU64,
    pub(crate) counters: Arc<Counters>,
    delays: Arc<Mutex<Delays>>,
    thread: Mutex<Option<JoinHandle<Outcome>>>,
}

impl Generator {
    pub(crate) fn start(number: usize) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), ORDERS)?);
        let (orders, received) = channel();
        let counters = Arc::new(Counters::default());
        let delays = Arc::new(Mutex::new(no_delays()));
        let body = Thread {
            poll,
            orders: received,
            peers: vec![],
            free: vec![],
            places: HashMap::new(),
            timers: BinaryHeap::new(),
            again: vec![],
            happenings: Happenings::default(),
            counters: Arc::clone(&counters),
            delays: Arc::clone(&delays),
            outcome: Outcome::default(),
            silent: false,
        };
        let thread = std::thread::Builder::new().name(format!("load-{number}")).spawn(move || body.run())?;
        Ok(Self { orders, waker, next: AtomicU64::new(0), counters, delays, thread: Mutex::new(Some(thread)) })
    }

    /// Carries it from now on.
    pub(crate) fn adopt(&self, peer: Peer) -> PeerId {
        let id = PeerId(self.next.fetch_add(1, Ordering::Relaxed));
        self.order(Order::Adopt(id, Box::new(peer)));
        id
    }

    pub(crate) fn close(&self, id: PeerId) {
        self.order(Order::Close(id));
    }

    /// Of the server, as SDP has it.
    pub(crate) fn add_candidate(&self, id: PeerId, candidate: String) {
        self.order(Order::Candidate(id, candidate));
    }

    /// The answer to it.
    pub(crate) async fn offer_again(&self, id: PeerId, offer: NewOffer) -> Result<String, PeerError> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::OfferAgain(id, offer, reply));
        answer.await.unwrap_or(Err(PeerError::Gone))
    }

    pub(crate) fn silence(&self) {
        self.order(Order::Silence);
    }

    /// Of what has come since the last time that this was asked.
    pub(crate) fn take_delays(&self) -> Delays {
        std::mem::replace(&mut *self.delays.lock().unwrap_or_else(PoisonError::into_inner), no_delays())
    }

    /// Ends the thread, and waits for it. Nothing if it has panicked, which it has said, or has been ended before.
    pub(crate) fn finish(&self) -> Option<Outcome> {
        self.order(Order::Finish);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        thread.and_then(|thread| thread.join().ok())
    }

    /// A thread that is gone shows at the end: nothing more comes from it.
    fn order(&self, order: Order) {
        let _ = self.orders.send(order);
        let _ = self.waker.wake();
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        self.order(Order::Finish);
    }
}

struct Carried {
    id: PeerId,
    peer: Peer,
    /// Which of its entries among the timers counts.
    scheduled: Instant,
}

struct Thread {
    poll: Poll,
    orders: Receiver<Order>,
    peers: Vec<Option<Carried>>,
    free: Vec<usize>,
    places: HashMap<PeerId, usize>,
    /// One that counts for each peer connection, not later than its deadline; others are left behind.
    timers: BinaryHeap<Reverse<(Instant, usize)>>,
    /// Those whose sockets were not read to the end: they are not told of again.
    again: Vec<usize>,
    happenings: Happenings,
    counters: Arc<Counters>,
    delays: Arc<Mutex<Delays>>,
    outcome: Outcome,
    silent: bool,
}

impl Thread {
    fn run(mut self) -> Outcome {
        let mut events = Events::with_capacity(EVENTS);
        let mut buffer = datagram_buffer();
        loop {
            let wait = if self.again.is_empty() { self.until_next_timer() } else { Some(Duration::ZERO) };
            match self.poll.poll(&mut events, wait) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    tracing::error!(%error, "cannot wait for sockets");
                    break;
                }
                _ => {}
            }
            let unread = std::mem::take(&mut self.again);
            let ready = events.iter().map(|event| event.token()).filter(|token| *token != ORDERS);
            for place in unread.into_iter().chain(ready.map(|token| token.0)) {
                let Some(carried) = self.peers.get_mut(place).and_then(Option::as_mut) else { continue };
                if !carried.peer.receive(&mut buffer, &mut self.happenings) {
                    self.again.push(place);
                }
                self.settle(place);
            }
            if !self.obey() {
                break;
            }
            self.pass_time();
            self.publish_happenings();
        }
        for place in 0..self.peers.len() {
            self.remove(place);
        }
        self.outcome
    }

    fn until_next_timer(&self) -> Option<Duration> {
        self.timers.peek().map(|Reverse((at, _))| at.saturating_duration_since(Instant::now()))
    }

    /// Whether it goes on.
    fn obey(&mut self) -> bool {
        loop {
            match self.orders.try_recv() {
                Ok(Order::Adopt(id, peer)) => self.adopt(id, *peer),
                Ok(Order::Close(id)) => {
                    if let Some(place) = self.places.get(&id) {
                        self.remove(*place);
                    }
                }
                Ok(Order::Candidate(id, candidate)) => {
                    self.with(id, |peer| peer.add_candidate(&candidate));
                }
                Ok(Order::OfferAgain(id, offer, reply)) => {
                    let answer = self.with(id, |peer| peer.offered_again(&offer.sdp, &offer.wanted));
                    // Who asked may have left.
                    let _ = reply.send(answer.unwrap_or(Err(PeerError::Gone)));
                }
                Ok(Order::Silence) => self.silence(),
                Ok(Order::Finish) => return false,
                Err(std::sync::mpsc::TryRecvError::Empty) => return true,
                Err(std::sync::mpsc::TryRecvError::Disconnected) => return false,
            }
        }
    }

    /// What it does then is done at once. Nothing if there is no such peer connection any more.
    fn with<T>(&mut self, id: PeerId, change: impl FnOnce(&mut Peer) -> T) -> Option<T> {
        let place = *self.places.get(&id)?;
        let carried = self.peers.get_mut(place)?.as_mut()?;
        let result = change(&mut carried.peer);
        carried.peer.pass(Instant::now(), &mut self.happenings);
        self.settle(place);
        Some(result)
    }

    fn adopt(&mut self, id: PeerId, mut peer: Peer) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.peers.push(None);
            self.peers.len() - 1
        });
        if let Err(error) = self.poll.registry().register(&mut peer.socket, Token(place), Interest::READABLE) {
            tracing::error!(%error, "cannot watch a socket");
        }
        if self.silent
            && let Purpose::Publish(source) = &mut peer.purpose
        {
            source.silence();
        }
        let now = Instant::now();
        self.peers[place] = Some(Carried { id, peer, scheduled: now });
        self.places.insert(id, place);
        self.timers.push(Reverse((now, place)));
    }

    fn remove(&mut self, place: usize) {
        let Some(mut carried) = self.peers.get_mut(place).and_then(Option::take) else { return };
        let _ = self.poll.registry().deregister(&mut carried.peer.socket);
        self.places.remove(&carried.id);
        self.free.push(place);
        match carried.peer.purpose {
            Purpose::Receive(bundle) => {
                let to_the_end = self.silent;
                let legs = bundle.into_legs().into_iter();
                self.outcome.legs.extend(legs.map(|BundledLeg { reception, complete }| Leg {
                    reception,
                    to_the_end,
                    complete,
                }));
            }
            Purpose::Publish(source) => {
                self.outcome.last.insert(source.publisher(), source.last());
            }
        }
    }

    fn silence(&mut self) {
        self.silent = true;
        for carried in self.peers.iter_mut().flatten() {
            if let Purpose::Publish(source) = &mut carried.peer.purpose {
                source.silence();
            }
        }
    }

    fn pass_time(&mut self) {
        loop {
            let now = Instant::now();
            let Some(Reverse((at, place))) = self.timers.peek().copied() else { return };
            if at > now {
                return;
            }
            self.timers.pop();
            let Some(carried) = self.peers.get_mut(place).and_then(Option::as_mut) else { continue };
            // An earlier one has taken its place.
            if at != carried.scheduled {
                continue;
            }
            if carried.peer.deadline() <= now {
                carried.peer.pass(now, &mut self.happenings);
            }
            // An engine that always has something to do must not keep the others waiting.
            let next = carried.peer.deadline().max(now + SHORTEST_WAIT);
            carried.scheduled = next;
            self.timers.push(Reverse((next, place)));
            self.settle(place);
        }
    }

    /// After anything has happened on it.
    fn settle(&mut self, place: usize) {
        let Some(carried) = self.peers.get_mut(place).and_then(Option::as_mut) else { return };
        let complete = carried.peer.newly_complete();
        if complete > 0 {
            self.counters.complete.fetch_add(complete, Ordering::Relaxed);
        }
        if std::mem::take(&mut self.happenings.connected) {
            self.counters.connected.fetch_add(1, Ordering::Relaxed);
        }
        let deadline = carried.peer.deadline();
        if deadline < carried.scheduled {
            carried.scheduled = deadline;
            self.timers.push(Reverse((deadline, place)));
        }
    }

    fn publish_happenings(&mut self) {
        let (happenings, counters) = (&mut self.happenings, &self.counters);
        counters.omitted.fetch_add(std::mem::take(&mut happenings.omitted), Ordering::Relaxed);
        counters.lost_on_purpose.fetch_add(std::mem::take(&mut happenings.lost_on_purpose), Ordering::Relaxed);
        counters.sent.fetch_add(std::mem::take(&mut happenings.sent), Ordering::Relaxed);
        counters.received.fetch_add(std::mem::take(&mut happenings.received), Ordering::Relaxed);
        for (counter, count) in counters.by_layer.iter().zip(&mut happenings.by_layer) {
            counter.fetch_add(std::mem::take(count), Ordering::Relaxed);
        }
        counters.missing.fetch_add(std::mem::take(&mut happenings.missing), Ordering::Relaxed);
        let requests = std::mem::take(&mut happenings.key_frame_requests);
        counters.key_frame_requests.fetch_add(requests, Ordering::Relaxed);
        if !happenings.delays.is_empty() {
            let mut delays = self.delays.lock().unwrap_or_else(PoisonError::into_inner);
            for delay in happenings.delays.drain(..) {
                delays.saturating_record(u64::try_from(delay.as_micros()).unwrap_or(LONGEST_DELAY).max(1));
            }
        }
    }
}
