//! Where this machine is reached, as it changes: its interfaces are looked at every few seconds, its public addresses
//! asked for now and then.

use std::net::{IpAddr, SocketAddr};
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
        Self::new(options, bound, interfaces(), &[])
    }

    fn new(options: &AddressOptions, bound: SocketAddr, interfaces: Vec<IpAddr>, found: &[IpAddr]) -> Self {
        Self { candidates: candidates::candidates(options, bound, &interfaces, found), interfaces }
    }
}

/// Keeps `network` up to date for as long as it is polled; `bound` is the port of media.
pub async fn follow_network(options: AddressOptions, bound: SocketAddr, network: watch::Sender<MediaNetwork>) {
    let mut found = vec![];
    let mut ask_at = Instant::now();
    loop {
        let interfaces = interfaces();
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

/// In the kernel's order.
fn interfaces() -> Vec<IpAddr> {
    if_addrs::get_if_addrs()
        .inspect_err(|error| tracing::warn!(%error, "cannot list the network interfaces"))
        .unwrap_or_default()
        .into_iter()
        .map(|interface| interface.ip())
        .collect()
}
