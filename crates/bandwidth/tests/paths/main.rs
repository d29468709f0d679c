//! The estimator and the allocator under emulated networks, in virtual time: a token bucket with a queue, delay, loss, jitter
//! and cross traffic. Everything is the same in each run. Bounds are generous; what was measured is printed with
//! `--nocapture`.

mod client;
mod convergence;
mod layers;
mod link;

use std::time::Instant;

use bandwidth::{Bitrate, Limits};
use client::Client;
use link::{Link, Parcel, TICK};

/// Clients behind one link.
pub(crate) struct World {
    pub(crate) link: Link,
    pub(crate) clients: Vec<Client>,
    /// Bits per second that others send through the link.
    pub(crate) cross: f64,
    cross_credit: f64,
    pub(crate) now: u64,
    epoch: Instant,
}

impl World {
    pub(crate) fn new(rate: f64) -> Self {
        let link = Link::new(rate);
        Self { link, clients: Vec::new(), cross: 0.0, cross_credit: 0.0, now: 0, epoch: Instant::now() }
    }

    pub(crate) fn add_client(&mut self) -> &mut Client {
        let index = self.clients.len();
        self.clients.push(Client::new(index, self.epoch, Limits::default()));
        self.clients.last_mut().unwrap()
    }

    /// A client whose `legs` together take whatever they may, up to 10 Mbit/s.
    pub(crate) fn add_greedy(&mut self, legs: usize) {
        let client = self.add_client();
        (0..legs).for_each(|_| client.add_greedy());
        client.estimator.set_wanted(Bitrate::kbps(10_000));
    }

    pub(crate) fn run(&mut self, seconds: f64) {
        self.run_with(seconds, |_| {});
    }

    /// `each` sees the world every 10 ms.
    pub(crate) fn run_with(&mut self, seconds: f64, mut each: impl FnMut(&mut Self)) {
        let end = self.now + (seconds * 1e6) as u64;
        while self.now < end {
            self.now += TICK;
            let now = self.now;
            self.cross_credit += self.cross * TICK as f64 / 8e6;
            if self.cross_credit >= 1200.0 {
                self.cross_credit -= 1200.0;
                let parcel = Parcel { client: usize::MAX, leg: 0, sequence: 0, size: 1200, sent: now, tag: None };
                self.link.send(parcel);
            }
            for client in &mut self.clients {
                client.tick(now, &mut self.link);
            }
            let clients = &mut self.clients;
            self.link.tick(now, |parcel| {
                if let Some(client) = clients.get_mut(parcel.client) {
                    client.arrive(parcel, now);
                }
            });
            if now.is_multiple_of(10_000) {
                each(self);
            }
        }
    }

    /// Mean of a client's estimate over the next seconds, as a share of `rate`.
    pub(crate) fn mean_share(&mut self, client: usize, rate: f64, seconds: f64) -> f64 {
        let (mut sum, mut count) = (0.0, 0);
        self.run_with(seconds, |world| {
            sum += world.clients[client].estimate(world.now);
            count += 1;
        });
        sum / f64::from(count) / rate
    }
}
