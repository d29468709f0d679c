//! What a machine has, what sessions need of it, how many fit and what is the limit.

use serde::Serialize;

use crate::costs::Costs;
use crate::{Call, Traffic};

/// How far each thing may be used: beyond that packets wait for each other, a key frame of many is too much for the link, or the
/// kernel's own buffers have no room.
const PROCESSOR_SHARE: f64 = 0.7;
const MEMORY_SHARE: f64 = 0.8;
const NETWORK_SHARE: f64 = 0.8;
/// `MADANG_WORKERS` can be no more.
const MOST_WORKERS: u32 = 64;
/// More participants than anybody asks for.
const MOST_PARTICIPANTS: u32 = 1 << 20;

/// What there is. Without a figure it is no limit.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Machine {
    /// One worker on each, up to 64.
    pub cores: u32,
    pub memory_bytes: Option<u64>,
    /// Each way.
    pub network_bits_per_second: Option<u64>,
}

/// What is used up first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    Processor,
    /// Of the cores of media: what is left of each of them is not enough for another session as a whole.
    Worker,
    Memory,
    NetworkIn,
    NetworkOut,
}

/// What is needed.
#[derive(Clone, Copy, PartialEq, Default, Debug, Serialize)]
pub struct Need {
    /// Of the workers.
    pub media_cores: f64,
    /// Of the programs that write and compose.
    pub recording_cores: f64,
    pub memory_bytes: f64,
    pub received_bits_per_second: f64,
    pub sent_bits_per_second: f64,
}

impl Need {
    /// Of one session on a machine with so many workers; the program itself is not in it.
    pub fn of(call: &Call, costs: &Costs, workers: u32) -> Self {
        let traffic = Traffic::of(call);
        Self {
            media_cores: costs.processor.media(call, &traffic, workers),
            recording_cores: costs.processor.recording(call),
            memory_bytes: costs.memory.session(call),
            received_bits_per_second: traffic.received_bits,
            sent_bits_per_second: traffic.sent_bits,
        }
    }

    pub fn cores(&self) -> f64 {
        self.media_cores + self.recording_cores
    }

    pub(crate) fn times(self, sessions: u64) -> Self {
        let times = sessions as f64;
        Self {
            media_cores: self.media_cores * times,
            recording_cores: self.recording_cores * times,
            memory_bytes: self.memory_bytes * times,
            received_bits_per_second: self.received_bits_per_second * times,
            sent_bits_per_second: self.sent_bits_per_second * times,
        }
    }
}

/// How many fit, and what keeps one more from fitting.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Room {
    pub most: u64,
    /// `None`: nothing is used.
    pub limit: Option<Limit>,
}

impl Room {
    /// The least of all.
    fn least(rooms: impl IntoIterator<Item = (Limit, Option<f64>)>) -> Self {
        let known = rooms.into_iter().filter_map(|(limit, most)| Some((limit, most?)));
        let least = known.min_by(|(_, a), (_, b)| a.total_cmp(b)).filter(|(_, most)| most.is_finite());
        // Rounded down, and never negative.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of sessions")]
        least.map_or(Self { most: u64::MAX, limit: None }, |(limit, most)| Self {
            most: most as u64,
            limit: Some(limit),
        })
    }
}

impl Machine {
    pub fn workers(&self) -> u32 {
        self.cores.min(MOST_WORKERS)
    }

    /// Sessions of this shape on one worker: its core is the only limit. One that is too large for it is on several.
    pub fn sessions_of_worker(&self, call: &Call, costs: &Costs) -> Room {
        let need = Need::of(call, costs, self.workers());
        Room::least([(Limit::Worker, Some(of_worker(&need, costs)))])
    }

    /// Sessions of this shape on the machine.
    pub fn sessions(&self, call: &Call, costs: &Costs) -> Room {
        let need = Need::of(call, costs, self.workers());
        let cores = f64::from(self.cores);
        let workers = f64::from(self.workers());
        let fit = |available: Option<f64>, each: f64| available.map(|available| (available / each).floor());
        let memory = self.memory_bytes.map(|bytes| {
            let left = bytes as f64 * MEMORY_SHARE - costs.memory.base(self.workers());
            left.max(0.0)
        });
        let network = self.network_bits_per_second.map(|bits| bits as f64 * NETWORK_SHARE);
        Room::least([
            (Limit::Worker, Some(of_workers(&need, costs, workers))),
            (Limit::Processor, fit(Some(cores * PROCESSOR_SHARE - workers * busy(costs)), need.cores())),
            (Limit::Memory, fit(memory, need.memory_bytes)),
            (Limit::NetworkIn, fit(network, need.received_bits_per_second)),
            (Limit::NetworkOut, fit(network, need.sent_bits_per_second)),
        ])
    }

    /// Participants of the largest session of this kind that fits alone: everybody sends where everybody did, otherwise as many as
    /// in `call`.
    pub fn participants(&self, call: &Call, costs: &Costs) -> Room {
        let fits = |participants: u32| self.sessions(&call.with_participants(participants), costs).most >= 1;
        let least = if call.publishers == call.participants { 1 } else { call.publishers };
        if !fits(least.max(1)) {
            let limit = self.sessions(&call.with_participants(least.max(1)), costs).limit;
            return Room { most: 0, limit };
        }
        // What is needed grows with the participants.
        let (mut fitting, mut too_many) = (least.max(1), MOST_PARTICIPANTS);
        while fitting + 1 < too_many {
            let middle = fitting + (too_many - fitting) / 2;
            if fits(middle) {
                fitting = middle;
            } else {
                too_many = middle;
            }
        }
        let limit = self.sessions(&call.with_participants(too_many), costs).limit;
        Room { most: fitting.into(), limit }
    }

    /// Cores that workers need because they have something to do at all, with so many sessions.
    pub(crate) fn busy_workers(&self, costs: &Costs, sessions: u64) -> f64 {
        sessions.min(self.workers().into()) as f64 * busy(costs)
    }

    /// How far so many sessions use each thing up, where it is known what there is; 1 is all of it. The limit is what is used most
    /// in relation to how far it may be.
    pub fn use_by(&self, call: &Call, costs: &Costs, sessions: u64) -> Utilisation {
        let need = Need::of(call, costs, self.workers()).times(sessions);
        let of = |used: f64, available: Option<u64>| available.map(|available| used / available as f64);
        Utilisation {
            processor: (need.cores() + self.busy_workers(costs, sessions)) / f64::from(self.cores),
            memory: of(need.memory_bytes + costs.memory.base(self.workers()), self.memory_bytes),
            network_in: of(need.received_bits_per_second, self.network_bits_per_second),
            network_out: of(need.sent_bits_per_second, self.network_bits_per_second),
        }
    }
}

/// Sessions that one worker has room for.
fn of_worker(need: &Need, costs: &Costs) -> f64 {
    ((PROCESSOR_SHARE - busy(costs)) / need.media_cores).floor()
}

/// Sessions that so many workers have room for: as wholes where they fit into one, else over several.
fn of_workers(need: &Need, costs: &Costs, workers: f64) -> f64 {
    let each = of_worker(need, costs);
    if each >= 1.0 { workers * each } else { (workers * (PROCESSOR_SHARE - busy(costs)) / need.media_cores).floor() }
}

/// Cores that a worker needs because it has something to do.
fn busy(costs: &Costs) -> f64 {
    costs.processor.busy_worker / 1e6
}

/// Shares of what there is.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Utilisation {
    pub processor: f64,
    pub memory: Option<f64>,
    pub network_in: Option<f64>,
    pub network_out: Option<f64>,
}

#[cfg(test)]
mod tests;
