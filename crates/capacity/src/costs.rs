//! What each thing costs: the constants of the model, all of them here. `make bench-capacity` measures and fits them anew;
//! `docs/scaling.md` tells of the machine, the shapes and the error.

use crate::{Call, Recording, Traffic};

/// What a server needs for one more of something.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Costs {
    pub processor: ProcessorCosts,
    pub memory: MemoryCosts,
}

/// Microseconds of one core. What the kernel does for the server is in it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ProcessorCosts {
    /// A worker with anything to do, in a second: its timers, and that it wakes.
    pub busy_worker: f64,
    /// A packet from a publisher.
    pub received_packet: f64,
    /// A packet that came to another worker than that of its session, on top of that.
    pub handed_over_packet: f64,
    /// A train to a subscriber: one thing to send, of one packet or several. The subscriber's reports are in it.
    pub sent_train: f64,
    /// A packet in a train: header, seal.
    pub sent_packet: f64,
    /// A packet that comes or leaves through the relay, on top of that.
    pub relayed_packet: f64,
    /// A participant who only has joined, in a second.
    pub participant: f64,
    /// A stream that is recorded as it is, in a second.
    pub recorded_stream: f64,
    /// A composed recording, in a second, at 1280x720 and 25 pictures a second.
    pub composition: f64,
    /// A stream in it, in a second.
    pub composed_stream: f64,
}

/// Kilobytes (1000) that are resident.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct MemoryCosts {
    /// The program without anybody.
    pub program: f64,
    /// A worker, and its buffers once it has had something to do.
    pub worker: f64,
    pub busy_worker: f64,
    /// Somebody who has joined.
    pub participant: f64,
    /// A stream that is published: its connection, and what is kept of it for those who missed something.
    pub publisher: f64,
    /// A stream that somebody receives: the connection.
    pub leg: f64,
    /// A packet a second that is sent to somebody: buffers, and what is remembered of it.
    pub sent_packet: f64,
}

/// Of the table in `docs/scaling.md`.
pub const FITTED: Costs = Costs {
    processor: ProcessorCosts {
        busy_worker: 16945.5,
        received_packet: 14.1,
        handed_over_packet: 25.5,
        sent_train: 8.3,
        sent_packet: 1.65,
        relayed_packet: 0.15,
        participant: 16.0,
        recorded_stream: 3400.0,
        composition: 160_000.0,
        composed_stream: 28_000.0,
    },
    memory: MemoryCosts {
        program: 24_300.0,
        worker: 2_300.0,
        busy_worker: 4709.0,
        participant: 17.0,
        publisher: 405.5,
        leg: 0.0,
        sent_packet: 0.645,
    },
};

/// How far the model may be from a measurement on the machine that it was fitted on, as a share of what was measured.
pub const ERROR: f64 = 0.35;

impl ProcessorCosts {
    /// Cores for the media of one session: what its worker does, one of `workers`. That the worker is busy at all is not in it.
    pub fn media(&self, call: &Call, traffic: &Traffic, workers: u32) -> f64 {
        let elsewhere = 1.0 - 1.0 / f64::from(workers.max(1));
        let packets = traffic.received_packets + traffic.sent_packets;
        let microseconds = traffic.received_packets * (self.received_packet + elsewhere * self.handed_over_packet)
            + traffic.sent_trains * self.sent_train
            + traffic.sent_packets * self.sent_packet
            + call.relayed * packets * self.relayed_packet
            + f64::from(call.participants) * self.participant;
        microseconds / 1e6
    }

    /// Cores for its recording, outside the worker.
    pub fn recording(&self, call: &Call) -> f64 {
        let streams = f64::from(call.publishers);
        let microseconds = match call.recording {
            Recording::None => 0.0,
            Recording::Individual => streams * self.recorded_stream,
            Recording::Composed => {
                let composed = self.composition + streams * self.composed_stream;
                if call.publishers > 0 { composed + streams * self.recorded_stream } else { 0.0 }
            }
        };
        microseconds / 1e6
    }
}

impl MemoryCosts {
    /// Bytes for one session.
    pub fn session(&self, call: &Call) -> f64 {
        let (participants, publishers) = (f64::from(call.participants), f64::from(call.publishers));
        let kilobytes = participants * self.participant
            + publishers * self.publisher
            + call.legs() as f64 * self.leg
            + Traffic::of(call).sent_packets * self.sent_packet;
        kilobytes * 1000.0
    }

    /// Bytes for the program with so many workers, all of them busy.
    pub fn base(&self, workers: u32) -> f64 {
        (self.program + f64::from(workers) * (self.worker + self.busy_worker)) * 1000.0
    }
}
