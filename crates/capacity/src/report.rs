//! What came of it: a table for people, JSON for programs.

use std::fmt;

use serde::Serialize;

use crate::costs::{Costs, ERROR};
use crate::machine::Utilisation;
use crate::{Call, Limit, Machine, Need, Room};

/// See the module.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    pub call: Call,
    pub legs: u64,
    /// Of one session.
    pub session: Need,
    /// Participants of the largest session of this kind on this machine, alone.
    pub largest_session: Room,
    /// Sessions on one worker.
    pub worker: Room,
    pub machine: Machine,
    /// Sessions on the machine.
    pub fitting: Room,
    /// If a number of sessions was asked about.
    pub asked: Option<Asked>,
    /// By how much the model may be wrong on the machine that it was fitted on, as a share.
    pub error: f64,
}

/// What a number of sessions needs.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Asked {
    pub rooms: u64,
    pub fits: bool,
    pub need: Need,
    /// Of the machine.
    pub utilisation: Utilisation,
}

impl Report {
    pub fn new(call: Call, machine: Machine, rooms: Option<u64>, costs: &Costs) -> Self {
        let session = Need::of(&call, costs, machine.workers());
        let fitting = machine.sessions(&call, costs);
        let asked = rooms.map(|rooms| {
            let mut need = session.times(rooms);
            need.memory_bytes += costs.memory.base(machine.workers());
            need.media_cores += machine.busy_workers(costs, rooms);
            Asked { rooms, fits: rooms <= fitting.most, need, utilisation: machine.use_by(&call, costs, rooms) }
        });
        Self {
            call,
            legs: call.legs(),
            session,
            largest_session: machine.participants(&call, costs),
            worker: machine.sessions_of_worker(&call, costs),
            machine,
            fitting,
            asked,
            error: ERROR,
        }
    }

    pub fn to_json(&self) -> String {
        // There is nothing in it that JSON does not have.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call { participants, publishers, .. } = self.call;
        writeln!(
            f,
            "One session: {participants} participants, {publishers} of them send, {} streams are received",
            self.legs
        )?;
        needs(f, &self.session)?;
        let alone = match self.largest_session.limit {
            Some(limit) => format!("at most {} participants: {limit}", self.largest_session.most),
            None => "any number of participants".to_owned(),
        };
        row(f, "alone on the machine", &alone)?;
        writeln!(f, "One worker (a core carries the media of a session alone)")?;
        row(f, "sessions", &self.worker.to_string())?;
        writeln!(f, "The machine: {}", self.machine)?;
        row(f, "sessions", &self.fitting.to_string())?;
        if let Some(Asked { rooms, fits, need, utilisation }) = &self.asked {
            writeln!(f, "{rooms} sessions, which {}", if *fits { "fit" } else { "do not fit" })?;
            needs(f, need)?;
            row(f, "of the machine", &utilisation.to_string())?;
        }
        writeln!(
            f,
            "The model may be wrong by {:.0} % where it was measured; other processors differ more: docs/scaling.md",
            self.error * 100.0
        )
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, value: &str) -> fmt::Result {
    writeln!(f, "  {name:<22}{value}")
}

fn needs(f: &mut fmt::Formatter<'_>, need: &Need) -> fmt::Result {
    let recording = match need.recording_cores {
        0.0 => String::new(),
        cores => format!(", and {cores:.3} for recording"),
    };
    row(f, "cores", &format!("{:.3} for media{recording}", need.media_cores))?;
    row(f, "memory", &format!("{:.1} MB", need.memory_bytes / 1e6))?;
    let megabits = |bits: f64| bits / 1e6;
    let (received, sent) = (megabits(need.received_bits_per_second), megabits(need.sent_bits_per_second));
    row(f, "network", &format!("{received:.1} Mbit/s in, {sent:.1} Mbit/s out"))
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Processor => "the processor is the limit",
            Self::Worker => "the cores of media are the limit: sessions fit into one as wholes",
            Self::Memory => "memory is the limit",
            Self::NetworkIn => "what the network brings in is the limit",
            Self::NetworkOut => "what the network takes out is the limit",
        })
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.limit {
            Some(limit) => write!(f, "{}: {limit}", self.most),
            None => f.write_str("any number"),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cores, memory_bytes, network_bits_per_second } = self;
        write!(f, "{cores} cores, ")?;
        match memory_bytes {
            Some(bytes) => write!(f, "{:.1} GB, ", *bytes as f64 / 1e9)?,
            None => f.write_str("any memory, ")?,
        }
        match network_bits_per_second {
            Some(bits) => write!(f, "{:.0} Mbit/s each way", *bits as f64 / 1e6),
            None => f.write_str("any network"),
        }
    }
}

impl fmt::Display for Utilisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "processor {:.0} %", self.processor * 100.0)?;
        for (name, share) in [("memory", self.memory), ("network in", self.network_in), ("out", self.network_out)] {
            if let Some(share) = share {
                write!(f, ", {name} {:.0} %", share * 100.0)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::costs::FITTED;
    use crate::{Recording, Video};

    #[test]
    fn people_and_programs_are_told_the_same() {
        let video = Some(Video { bits_per_second: 1_500_000, frame_rate: 30, simulcast: false });
        let call = Call {
            participants: 7,
            publishers: 7,
            video,
            audio_bits_per_second: 40_000,
            relayed: 0.0,
            recording: Recording::Individual,
        };
        let machine =
            Machine { cores: 2, memory_bytes: Some(4_000_000_000), network_bits_per_second: Some(1_000_000_000) };
        let report = Report::new(call, machine, Some(3), &FITTED);
        let text = report.to_string();
        for part in
            ["7 participants, 7 of them send, 42 streams", "2 cores, 4.0 GB, 1000 Mbit/s", "3 sessions, which fit"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!(json["asked"]["rooms"], 3);
        assert_eq!(json["fitting"]["most"], report.fitting.most);
        let many = Report::new(call, machine, Some(report.fitting.most + 1), &FITTED);
        assert!(many.to_string().contains("which do not fit"), "{many}");
    }
}
