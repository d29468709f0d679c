//! Where this machine is reached, as it changes: its interfaces are looked at every few seconds, its public addresses
//! asked for now and then.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use settings::Config;
use sfu::Candidates;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::{candidates, reflexive};
use crate::stopping::Stopping;

/// Between two looks at the interfaces; a look takes some microseconds.
const LOOK: Duration = Duration::from_secs(3);
/// Between two questions for public addresses while nothing changes here.
const ASK: Duration = Duration::from_secs(600);
/// The same after nobody has said anything.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// What the media worker has to know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Network {
    /// What clients are offered.
    pub(crate) candidates: Candidates,
    /// The addresses of this machine.
    pub(crate) interfaces: Vec<IpAddr>,
}

impl Network {
    /// At the start: what is known without asking anybody.
    pub(crate) fn now(config: &Config, bound: SocketAddr) -> Self {
        Self::new(config, bound, interfaces(), &[])
    }

    fn new(config: &Config, bound: SocketAddr, interfaces: Vec<IpAddr>, found: &[IpAddr]) -> Self {
        Self { candidates: candidates::candidates(config, bound, &interfaces, found), interfaces }
    }
}

/// Keeps `network` up to date until the server stops.
pub(crate) async fn follow(config: Config, bound: SocketAddr, network: watch::Sender<Network>, mut stopping: Stopping) {
    let mut found = vec![];
    let mut ask_at = Instant::now();
    loop {
        let interfaces = interfaces();
        let changed = interfaces != network.borrow().interfaces;
        // What is known at once counts at once: asking takes its time.
        publish(&network, Network::new(&config, bound, interfaces.clone(), &found));
        if changed || Instant::now() >= ask_at {
            let latest = tokio::select! {
                latest = reflexive::find(&config) => latest,
                () = stopping.requested() => return,
            };
            ask_at = Instant::now() + if latest.is_empty() { ASK_AGAIN } else { ASK };
            // Names and servers that cannot be reached for a while are no reason to forget what they said.
            if !latest.is_empty() {
                found = latest;
                publish(&network, Network::new(&config, bound, interfaces, &found));
            }
        }
        tokio::select! {
            () = sleep(LOOK) => {}
            () = stopping.requested() => return,
        }
    }
}

fn publish(network: &watch::Sender<Network>, latest: Network) {
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
