//! Where this machine is reached, as it changes: its interfaces are looked at every few seconds, its public addresses
//! asked for now and then.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use sfu::Candidates;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::AddressOptions;
use crate::{candidates, reflexive};

/// Between two looks at the interfaces; a look takes some microseconds.
const LOOK: Duration = Duration::from_secs(3);
/// Between two questions for public addresses while nothing changes here.
const ASK: Duration = Duration::from_secs(600);
/// The same after nobody has said anything.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// What the media worker has to know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MediaNetwork {
    /// What clients are offered.
    pub candidates: Candidates,
    /// The addresses of this machine.
    pub interfaces: Vec<IpAddr>,
}

impl MediaNetwork {
    /// At the start: what is known without asking anybody.
    pub fn now(options: &AddressOptions, bound: SocketAddr) -> Self {
        Self::new(options, bound, Interfaces::default().look(), &[])
    }

    fn new(options: &AddressOptions, bound: SocketAddr, interfaces: Vec<IpAddr>, found: &[IpAddr]) -> Self {
        Self { candidates: candidates::candidates(options, bound, &interfaces, found), interfaces }
    }
}

/// Keeps `network` up to date for as long as it is polled; `bound` is the port of media.
pub async fn follow_network(options: AddressOptions, bound: SocketAddr, network: watch::Sender<MediaNetwork>) {
    let mut found = vec![];
    let mut ask_at = Instant::now();
    let mut known = Interfaces { last: network.borrow().interfaces.clone(), failing: false };
    loop {
        let interfaces = known.look();
        let changed = interfaces != network.borrow().interfaces;
        // What is known at once counts at once: asking takes its time.
        publish(&network, MediaNetwork::new(&options, bound, interfaces.clone(), &found));
        if changed || Instant::now() >= ask_at {
            let latest = reflexive::find(&options).await;
            ask_at = Instant::now() + if latest.is_empty() { ASK_AGAIN } else { ASK };
            // Names and servers that cannot be reached for a while are no reason to forget what they said.
            if !latest.is_empty() {
                found = latest;
                publish(&network, MediaNetwork::new(&options, bound, interfaces, &found));
            }
        }
        sleep(LOOK).await;
    }
}

fn publish(network: &watch::Sender<MediaNetwork>, latest: MediaNetwork) {
    network.send_if_modified(|network| {
        if network.candidates != latest.candidates {
            tracing::info!(candidates = ?latest.candidates, "media addresses have changed");
        }
        let modified = *network != latest;
        *network = latest;
        modified
    });
}

/// What becomes of it, for the worker: a watch that can be polled.
pub(super) struct NetworkChanges(Pin<Box<dyn Future<Output = watch::Receiver<MediaNetwork>> + Send>>);

impl NetworkChanges {
    pub(super) fn of(mut network: watch::Receiver<MediaNetwork>) -> Self {
        Self(Box::pin(async move {
            // Without anybody to tell it, it stays as it is.
            if network.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            network
        }))
    }

    /// The network, if it has changed; if not, the next change wakes the worker.
    pub(super) fn poll_change(&mut self, context: &mut Context<'_>) -> Option<MediaNetwork> {
        let Poll::Ready(mut network) = self.0.as_mut().poll(context) else { return None };
        let latest = network.borrow_and_update().clone();
        *self = Self::of(network);
        Some(latest)
    }
}

/// The addresses of this machine as they were last seen.
#[derive(Default)]
struct Interfaces {
    last: Vec<IpAddr>,
    failing: bool,
}

impl Interfaces {
    /// In the kernel's order.
    fn look(&mut self) -> Vec<IpAddr> {
        self.seen(if_addrs::get_if_addrs().map(|all| all.into_iter().map(|interface| interface.ip()).collect()))
    }

    /// A list that cannot be read (for want of descriptors, of memory) is no list of nothing: calls that run would lose
    /// their addresses.
    fn seen(&mut self, list: io::Result<Vec<IpAddr>>) -> Vec<IpAddr> {
        match list {
            Ok(list) => {
                self.last = list;
                self.failing = false;
            }
            // Once: it is looked every few seconds.
            Err(error) if !self.failing => {
                tracing::warn!(%error, "cannot list the network interfaces: those known before count");
                self.failing = true;
            }
            Err(_) => {}
        }
        self.last.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_list_that_cannot_be_read_is_the_last_one() {
        let mut interfaces = Interfaces::default();
        let list = vec![IpAddr::from([10, 0, 0, 5])];
        assert_eq!(interfaces.seen(Ok(list.clone())), list);
        for _ in 0..3 {
            assert_eq!(interfaces.seen(Err(io::Error::other("too many open files"))), list);
        }
        assert!(interfaces.seen(Ok(vec![])).is_empty(), "a list of nothing is believed");
    }
}
