//! What came of a load test: figures for people (a table), for programs (JSON), and whether it was good.

use std::fmt;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::options::Share;
use crate::target::Protocol;

/// Why participants failed, in a table.
const MOST_REASONS: usize = 10;

/// See the module. Times are in milliseconds where nothing else is said.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub server: String,
    /// What it speaks, by the name of the option.
    pub protocol: String,
    pub scenario: String,
    pub rooms: u32,
    pub publishers_per_room: u32,
    pub subscribers_per_room: u32,
    /// Whether it was broken off.
    pub interrupted: bool,
    /// How long was measured.
    pub seconds: f64,
    pub joins: Joins,
    pub legs: Legs,
    pub packets: Packets,
    pub seams: Seams,
    /// With simulcast.
    pub layers: Option<Layers>,
    /// From the publisher's engine to the subscriber's, while it was measured.
    pub delay_ms: Quantiles,
    pub server_process: Option<ServerProcess>,
    pub generator: GeneratorFigures,
    /// One a second, while it was measured.
    pub samples: Vec<Sample>,
    /// Why participants failed, and how many for this reason.
    pub failures: Vec<Failure>,
    #[serde(skip)]
    pub(crate) max_loss: Share,
}

/// Of participants.
#[derive(Clone, Debug, Serialize)]
pub struct Joins {
    pub attempted: u64,
    pub succeeded: u64,
    /// From wanting a stream to its first packet.
    pub first_packet_ms: Quantiles,
    /// To the first whole key frame.
    pub first_picture_ms: Quantiles,
}

/// One received stream of one subscriber is a leg.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Legs {
    pub expected: u64,
    /// On which all that was wanted has come: sound, and a whole key frame.
    pub with_media: u64,
}

/// Those with media.
#[derive(Clone, Copy, Default, Debug, Serialize)]
pub struct Packets {
    /// By publishers, from the beginning to the end.
    pub sent: u64,
    /// By subscribers, from the beginning to the end, each counted once.
    pub received: u64,
    /// Of what a subscriber had to get after the first that it got.
    pub lost: u64,
    /// Those of them that were pictures'; the others were sound, which is not retransmitted.
    pub lost_pictures: u64,
    pub duplicated: u64,
    /// Came after later ones.
    pub late: u64,
    /// Came to a subscriber of another room or stream.
    pub misdirected: u64,
    pub key_frame_requests: u64,
    /// While it was measured.
    pub sent_per_second: f64,
    pub received_per_second: f64,
}

/// Where the pictures of a leg are not one stream to whoever decodes them: none with a server that does it right.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Seams {
    /// Timestamps that did not go forward from picture to picture, or not stay within one.
    pub timestamps: u64,
    /// A layer, or what follows after something was left out, that did not begin with a key frame.
    pub key_frames: u64,
    /// Picture ids (of VP8) that did not count pictures.
    pub picture_ids: u64,
    /// Pictures that were not whole although no sequence number was missing.
    pub torn: u64,
}

impl Seams {
    fn count(self) -> u64 {
        self.timestamps + self.key_frames + self.picture_ids + self.torn
    }
}

/// Which sizes of the pictures came: the smallest first in each list.
#[derive(Clone, Default, Debug, Serialize)]
pub struct Layers {
    /// Legs, by what they had in the end.
    pub legs_at_end: Vec<u64>,
    /// That were received.
    pub packets: Vec<u64>,
    /// From wanting a stream to the first packet of the best layer, of legs that got it.
    pub best_ms: Quantiles,
    /// Changes of layer of all legs, and of the one with most.
    pub switches: u64,
    pub most_switches: u64,
    /// Those of them in the middle of a picture, which then is not shown.
    pub cut_off: u64,
    /// Legs that had three seconds or more and never got more than the smallest layer.
    pub only_smallest: u64,
}

/// Of the server, if it was named.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ServerProcess {
    /// Of one core, while it was measured.
    pub cpu_percent: f64,
    /// CPU time for each packet that a subscriber has received.
    pub microseconds_per_packet: f64,
    /// CPU time while they joined, with the media of that time, for each that did: of subscribers, if there are such (with
    /// `churn`, of publishers). A storm tells most about joining itself.
    pub cpu_ms_per_join: f64,
    pub memory_kb: u64,
    /// What each leg has added; only a server that was just started tells, since memory that was used before is used again.
    pub memory_kb_per_leg: f64,
    /// The same for each that joined; where nobody receives anything, that is what one takes who is only there.
    pub memory_kb_per_join: f64,
}

/// Of this program: whether the figures are the server's, or its own.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct GeneratorFigures {
    pub cpu_percent: Option<f64>,
    /// Pictures and pieces of sound that were not sent in time, packets that a socket did not take.
    pub omitted: u64,
    /// Datagrams, either way.
    pub lost_on_purpose: u64,
    /// Datagrams dropped at full sockets of this machine, whoever's they are.
    pub dropped_datagrams: Option<u64>,
}

/// A second.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// Since the measurement began.
    pub second: f64,
    pub sent_per_second: f64,
    pub received_per_second: f64,
    /// Packets of each size of the pictures, the smallest first; empty without simulcast.
    pub layers_per_second: Vec<f64>,
    /// Until then.
    pub missing: i64,
    pub delay_ms: Quantiles,
    /// Of the server.
    pub cpu_percent: Option<f64>,
    pub memory_kb: Option<u64>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Failure {
    pub reason: String,
    pub count: u64,
}

/// Of many values.
#[derive(Clone, Copy, Default, Debug, Serialize)]
pub struct Quantiles {
    pub count: u64,
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub max: f64,
}

impl Quantiles {
    /// Of microseconds, in milliseconds.
    pub(crate) fn of(values: &Histogram<u64>) -> Self {
        let milliseconds = |microseconds: u64| microseconds as f64 / 1000.0;
        if values.is_empty() {
            return Self::default();
        }
        let at = |quantile| milliseconds(values.value_at_quantile(quantile));
        Self { count: values.len(), p50: at(0.5), p95: at(0.95), p99: at(0.99), max: milliseconds(values.max()) }
    }
}

impl Report {
    /// What makes it a failure; nothing if all is well.
    pub fn shortcomings(&self) -> Vec<String> {
        let mut found = vec![];
        let Packets { received, lost, misdirected, .. } = self.packets;
        if self.max_loss.is_exceeded(lost, received + lost) {
            found.push(format!("{lost} of {} packets were lost ({:.4} %)", received + lost, self.loss_percent()));
        }
        if misdirected > 0 {
            found.push(format!("{misdirected} packets came to somebody who must not have them"));
        }
        // LiveKit leaves a number out where a leg begins: how others number pictures is told, and no failure.
        let numbers_as_we = self.protocol == Protocol::Openvidu.to_string();
        let seams = if numbers_as_we { self.seams } else { Seams { picture_ids: 0, ..self.seams } };
        if seams.count() > 0 {
            found.push(format!("pictures have {seams}"));
        }
        // What is lost on purpose may well leave room for no more.
        if let Some(Layers { only_smallest: legs @ 1.., .. }) = &self.layers
            && self.generator.lost_on_purpose == 0
        {
            found.push(format!("{legs} legs never got more than the smallest layer"));
        }
        let failed: u64 = self.failures.iter().map(|failure| failure.count).sum();
        if failed > 0 {
            found.push(format!("{failed} of {} participants failed", self.joins.attempted));
        }
        let Legs { expected, with_media } = self.legs;
        if with_media < expected && !self.interrupted {
            found.push(format!("{} of {expected} legs did not get all their media", expected - with_media));
        }
        if received == 0 && expected > 0 {
            found.push("nothing was received".to_owned());
        }
        found
    }

    pub fn loss_percent(&self) -> f64 {
        let Packets { received, lost, .. } = self.packets;
        if lost == 0 { 0.0 } else { 100.0 * lost as f64 / (received + lost) as f64 }
    }

    /// # Errors
    /// None that could be told of: there is nothing in it that JSON does not have.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.rows() {
            writeln!(f, "{name:<28}{value}")?;
        }
        for Failure { reason, count } in self.failures.iter().take(MOST_REASONS) {
            writeln!(f, "failed {count:>6} times         {reason}")?;
        }
        if let more @ 1.. = self.failures.len().saturating_sub(MOST_REASONS) {
            writeln!(f, "                            and for {more} other reasons: see --json")?;
        }
        Ok(())
    }
}

impl Report {
    /// The table: what it is, and its value.
    pub(crate) fn rows(&self) -> Vec<(&'static str, String)> {
        let Self { rooms, publishers_per_room, subscribers_per_room, packets, joins, legs, generator, .. } = self;
        let mut rows = vec![
            ("server", format!("{} ({})", self.server, self.protocol)),
            (
                "scenario",
                format!(
                    "{}: {rooms} x ({publishers_per_room} publishers + {subscribers_per_room} subscribers), {:.1} s{}",
                    self.scenario,
                    self.seconds,
                    if self.interrupted { ", broken off" } else { "" }
                ),
            ),
            ("participants", format!("{} of {} joined", joins.succeeded, joins.attempted)),
            ("legs with all their media", format!("{} of {}", legs.with_media, legs.expected)),
            ("first packet", joins.first_packet_ms.to_string()),
            ("first picture", joins.first_picture_ms.to_string()),
            ("sent", format!("{:.0} packets/s", packets.sent_per_second)),
            ("received", format!("{:.0} packets/s", packets.received_per_second)),
            (
                "lost",
                format!(
                    "{} of {} ({:.4} %), {} of them pictures'",
                    packets.lost,
                    packets.received + packets.lost,
                    self.loss_percent(),
                    packets.lost_pictures
                ),
            ),
            (
                "doubled, late, misdirected",
                format!("{}, {}, {}", packets.duplicated, packets.late, packets.misdirected),
            ),
            ("seams in pictures", if self.seams.count() == 0 { "none".to_owned() } else { self.seams.to_string() }),
            ("delay", self.delay_ms.to_string()),
            ("key frames asked for", packets.key_frame_requests.to_string()),
        ];
        if let Some(layers) = &self.layers {
            rows.extend(layers.rows());
        }
        if let Some(server) = self.server_process {
            rows.extend([
                (
                    "server's CPU",
                    format!(
                        "{:.1} % of a core, {:.2} µs per packet received",
                        server.cpu_percent, server.microseconds_per_packet
                    ),
                ),
                ("server's CPU per join", format!("{:.2} ms, media meanwhile included", server.cpu_ms_per_join)),
                ("server's memory", memory(&server, legs.expected)),
            ]);
        }
        let cpu = generator.cpu_percent.map_or_else(String::new, |cpu| format!("{cpu:.1} % of a core, "));
        let dropped = generator.dropped_datagrams.map_or_else(String::new, |dropped| {
            format!(", {dropped} datagrams dropped at full sockets of this machine")
        });
        rows.push(("this program", format!("{cpu}{} not sent in time{dropped}", generator.omitted)));
        if generator.lost_on_purpose > 0 {
            rows.push(("lost on purpose", format!("{} datagrams", generator.lost_on_purpose)));
        }
        rows
    }
}

impl Layers {
    fn rows(&self) -> [(&'static str, String); 5] {
        let list = |values: &[u64]| values.iter().map(u64::to_string).collect::<Vec<_>>().join(" / ");
        let Self { legs_at_end, packets, best_ms, switches, most_switches, cut_off, only_smallest } = self;
        let all = packets.iter().sum::<u64>().max(1);
        let shares: Vec<u64> = packets.iter().map(|packets| 100 * packets / all).collect();
        [
            ("legs by layer, in the end", format!("{} (smallest to best)", list(legs_at_end))),
            ("packets by layer", format!("{} ({} %)", list(packets), list(&shares))),
            ("best layer", format!("{best_ms}, on {} legs", best_ms.count)),
            (
                "changes of layer",
                format!("{switches}, {most_switches} at most on a leg, {cut_off} in the middle of a picture"),
            ),
            ("legs with the smallest only", only_smallest.to_string()),
        ]
    }
}

impl fmt::Display for Seams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { timestamps, key_frames, picture_ids, torn } = self;
        write!(f, "{} seams: {timestamps} of timestamps, {key_frames} without a key frame, ", self.count())?;
        write!(f, "{picture_ids} of picture ids, {torn} torn pictures")
    }
}

fn memory(server: &ServerProcess, legs: u64) -> String {
    let ServerProcess { memory_kb, memory_kb_per_join, memory_kb_per_leg, .. } = server;
    match legs {
        0 => format!("{memory_kb} kB, {memory_kb_per_join:.0} kB per participant"),
        _ => format!("{memory_kb} kB, {memory_kb_per_leg:.0} kB per leg"),
    }
}

impl fmt::Display for Quantiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.count == 0 {
            return f.write_str("-");
        }
        let Self { p50, p95, p99, max, .. } = self;
        write!(f, "p50 {p50:.1}  p95 {p95:.1}  p99 {p99:.1}  max {max:.1} ms")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn report() -> Report {
        let quantiles = Quantiles { count: 9, p50: 1.0, p95: 2.0, p99: 3.0, max: 4.0 };
        let sample = |second: f64| Sample {
            second,
            sent_per_second: 100.0,
            received_per_second: 200.0,
            layers_per_second: vec![],
            missing: 0,
            delay_ms: quantiles,
            cpu_percent: Some(10.0 * second),
            memory_kb: None,
        };
        Report {
            server: "http://localhost:4443".to_owned(),
            protocol: "openvidu".to_owned(),
            scenario: "call".to_owned(),
            rooms: 1,
            publishers_per_room: 2,
            subscribers_per_room: 0,
            interrupted: false,
            seconds: 2.0,
            joins: Joins { attempted: 2, succeeded: 2, first_packet_ms: quantiles, first_picture_ms: quantiles },
            legs: Legs { expected: 2, with_media: 2 },
            packets: Packets { received: 1000, sent: 1000, ..Packets::default() },
            seams: Seams::default(),
            layers: None,
            delay_ms: quantiles,
            server_process: None,
            generator: GeneratorFigures { cpu_percent: None, omitted: 0, lost_on_purpose: 0, dropped_datagrams: None },
            samples: vec![sample(1.0), sample(2.0)],
            failures: vec![],
            max_loss: "0".parse().unwrap(),
        }
    }

    #[test]
    fn what_is_wrong_is_told_and_nothing_else() {
        assert_eq!(report().shortcomings(), Vec::<String>::new());
        let lossy = Report { packets: Packets { lost: 1, ..report().packets }, ..report() };
        assert!(lossy.shortcomings()[0].starts_with("1 of 1001 packets were lost"));
        let tolerated = Report { max_loss: "0.1".parse().unwrap(), ..lossy };
        assert_eq!(tolerated.shortcomings(), Vec::<String>::new());
        let silent = Report { legs: Legs { expected: 2, with_media: 1 }, ..report() };
        assert_eq!(silent.shortcomings(), ["1 of 2 legs did not get all their media"]);
        let strange = Report { packets: Packets { misdirected: 3, ..report().packets }, ..report() };
        assert_eq!(strange.shortcomings().len(), 1);
        let refused = Failure { reason: "the server refused joinRoom".to_owned(), count: 2 };
        let refused = Report { failures: vec![refused], ..report() };
        assert_eq!(refused.shortcomings(), ["2 of 2 participants failed"]);
        let torn = Report { seams: Seams { torn: 2, ..Seams::default() }, ..report() };
        assert!(torn.shortcomings()[0].contains("2 torn pictures"), "{torn}");
        let numbered = Report { seams: Seams { picture_ids: 2, ..Seams::default() }, ..report() };
        assert_eq!(numbered.shortcomings().len(), 1);
        let elsewhere = Report { protocol: Protocol::Livekit.to_string(), ..numbered };
        assert_eq!(elsewhere.shortcomings(), Vec::<String>::new());
        let torn_elsewhere = Report { protocol: elsewhere.protocol, ..torn };
        assert_eq!(torn_elsewhere.shortcomings().len(), 1);
        let low = Layers { only_smallest: 3, legs_at_end: vec![3, 0, 0], packets: vec![9, 0, 1], ..Layers::default() };
        let low = Report { layers: Some(low), ..report() };
        assert_eq!(low.shortcomings(), ["3 legs never got more than the smallest layer"]);
        assert!(low.to_string().contains("3 / 0 / 0") && low.to_string().contains("90 / 0 / 10 %"), "{low}");
        let lossy = GeneratorFigures { lost_on_purpose: 1, ..low.generator };
        assert_eq!(Report { generator: lossy, ..low }.shortcomings(), Vec::<String>::new());
        let nothing = Report { packets: Packets::default(), ..report() };
        assert_eq!(nothing.shortcomings(), ["nothing was received"]);
    }

    #[test]
    fn quantiles_are_milliseconds() {
        let mut values = Histogram::new_with_bounds(1, 60_000_000, 3).unwrap();
        for value in 1..=1000 {
            values.record(value * 1000).unwrap();
        }
        let Quantiles { count, p50, p99, max, .. } = Quantiles::of(&values);
        assert_eq!(count, 1000);
        for (found, expected) in [(p50, 500.0), (p99, 990.0), (max, 1000.0)] {
            assert!((found / expected - 1.0_f64).abs() < 0.002, "{found} {expected}");
        }
    }
}
