//! What can be asked for, as a part of a command line.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::layer::{self, Layer};
use crate::target::Protocol;

/// Options of a load test.
#[derive(Args, Clone, PartialEq, Eq, Debug)]
#[command(args_override_self = true)]
pub struct Options {
    /// Tests the server at URL instead, from here; its secret is taken from OPENVIDU_SECRET
    #[arg(long)]
    pub url: Option<String>,
    /// What the server at --url speaks: others can be tested for comparison
    #[arg(long, value_enum, value_name = "PROTOCOL", default_value_t)]
    pub server: Protocol,
    /// What the participants do
    #[arg(long, value_enum, default_value = "call")]
    pub scenario: Scenario,
    /// Sessions [default: 1]
    #[arg(long, value_name = "NUMBER")]
    rooms: Option<u32>,
    /// Participants of each that send, and receive each other [default: by scenario]
    #[arg(long, value_name = "NUMBER")]
    publishers: Option<u32>,
    /// Further participants of each, who only receive [default: by scenario]
    #[arg(long, value_name = "NUMBER")]
    subscribers: Option<u32>,
    /// How long it is measured, once everybody is there
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub duration: u32,
    /// Participants that join in a second, but in a storm
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    pub join_rate: u32,
    /// With `storm`: over how long the joins are spread
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub spread: u32,
    /// With `churn`: how long a subscriber stays
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub stay: u32,
    /// Publishers send no sound
    #[arg(long)]
    pub no_audio: bool,
    /// Publishers send no pictures
    #[arg(long)]
    pub no_video: bool,
    /// Publishers send the pictures in FILE again and again, each from another place on: IVF with VP8, or a byte stream of H264 (Annex
    /// B, baseline profile, --frame-rate pictures in a second). Its own rate, codec and key frames are sent, whatever limit the server
    /// names; asked for a key frame a publisher goes on with the next one in FILE. Checked is all that is checked of synthetic media,
    /// but for this: whose a packet is says signalling, and that two publishers were mixed up is found out only where they send
    /// different packets; and a delay longer than FILE is not told from a shorter one if it is there from the first packet on
    #[arg(long, value_name = "FILE", conflicts_with_all = ["no_video", "codec", "video_bitrate", "key_frame_interval", "simulcast"])]
    pub video_file: Option<PathBuf>,
    /// The same of sound: Ogg with Opus, of one channel or two. Packets that are equal, such as those of silence, count from the first
    /// one on that is like no other. Who speaks, and how loud it is said to be, is as in synthetic sound
    #[arg(long, value_name = "FILE", conflicts_with = "no_audio")]
    pub audio_file: Option<PathBuf>,
    /// What publishers' pictures look like to a server
    #[arg(long, value_enum, value_name = "CODEC", default_value_t)]
    pub codec: PictureCodec,
    /// Of a publisher's pictures
    #[arg(long, value_name = "KBIT/S", default_value_t = 1500)]
    pub video_bitrate: u32,
    /// Pictures in a second
    #[arg(long, value_name = "NUMBER", default_value_t = 30)]
    pub frame_rate: u32,
    /// Between two key frames that nobody has asked for
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    pub key_frame_interval: u32,
    /// Publishers send their pictures in three sizes, as browsers do with simulcast; --video-bitrate is that of the best, and less
    /// where the server's limit leaves less (1000 kbit/s unless OPENVIDU_STREAMS_VIDEO_MAX_RECV_BANDWIDTH says something else)
    #[arg(long)]
    pub simulcast: bool,
    /// Datagrams that are lost on purpose, in each direction between each participant and the server
    #[arg(long, value_name = "PERCENT", default_value = "0")]
    pub loss: Share,
    /// Packets that may be missing in the end, after retransmissions, without that being a failure
    #[arg(long, value_name = "PERCENT", default_value = "0")]
    pub max_loss: Share,
    /// Process of the server, if it runs on this machine: its CPU and memory are measured
    #[arg(long)]
    pub pid: Option<u32>,
    /// Threads that send and receive [default: one per core]
    #[arg(long, value_name = "NUMBER")]
    threads: Option<u32>,
    /// Writes the report to FILE as JSON; without FILE to the standard output, in place of the table
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub json: Option<PathBuf>,
    /// Writes the report to FILE as a page with charts
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Also trusts the authority in FILE (PEM or DER)
    #[arg(long, value_name = "FILE")]
    pub trust: Option<PathBuf>,
    /// Takes any certificate of the server
    #[arg(long)]
    pub insecure: bool,
}

/// Who does what.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scenario {
    /// Everybody joins one after the other and stays
    Call,
    /// One publisher, 50 subscribers
    Webinar,
    /// Sixteen people who only talk
    Audio,
    /// All subscribers (50) join at the same moment
    Storm,
    /// Subscribers (20) come and go
    Churn,
    /// A hundred people who have joined, and nothing more
    Idle,
}

/// See [`Options::codec`].
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PictureCodec {
    #[default]
    Vp8,
    H264,
}

impl PictureCodec {
    pub(crate) fn payload(self) -> payload::Codec {
        match self {
            Self::Vp8 => payload::Codec::Vp8,
            Self::H264 => payload::Codec::H264,
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Call => "call",
            Self::Webinar => "webinar",
            Self::Audio => "audio",
            Self::Storm => "storm",
            Self::Churn => "churn",
            Self::Idle => "idle",
        })
    }
}

/// How many of everything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    pub rooms: u32,
    /// Of each room.
    pub publishers: u32,
    /// Of each room.
    pub subscribers: u32,
}

impl Shape {
    pub fn participants(self) -> u64 {
        u64::from(self.rooms) * (u64::from(self.publishers) + u64::from(self.subscribers))
    }

    /// Streams that are received, each by one participant.
    pub fn legs(self) -> u64 {
        let publishers = u64::from(self.publishers);
        u64::from(self.rooms) * publishers * (publishers.saturating_sub(1) + u64::from(self.subscribers))
    }
}

/// What publishers send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MediaOptions {
    pub audio: bool,
    pub video: bool,
    pub codec: PictureCodec,
    pub video_kbps: u32,
    /// In a second.
    pub frame_rate: u32,
    /// In seconds.
    pub key_frame_interval: u32,
    pub simulcast: bool,
    /// Of datagrams, either way.
    pub loss: Share,
}

impl MediaOptions {
    /// The sizes of its pictures, from the smallest on.
    pub(crate) fn layers(self) -> &'static [Layer] {
        if self.simulcast { &layer::SIMULCAST } else { &layer::SINGLE }
    }
}

impl Options {
    /// How many of everything, where nothing was said by scenario.
    pub fn shape(&self) -> Shape {
        let (publishers, subscribers) = match self.scenario {
            Scenario::Call => (2, 0),
            Scenario::Webinar | Scenario::Storm => (1, 50),
            Scenario::Audio => (16, 0),
            Scenario::Churn => (1, 20),
            Scenario::Idle => (0, 100),
        };
        Shape {
            rooms: self.rooms.unwrap_or(1),
            publishers: self.publishers.unwrap_or(publishers),
            subscribers: self.subscribers.unwrap_or(subscribers),
        }
    }

    /// Whether the report is told as JSON, and not in a file.
    pub fn prints_json(&self) -> bool {
        self.json.as_deref() == Some(Path::new("-"))
    }

    pub fn media(&self) -> MediaOptions {
        MediaOptions {
            audio: !self.no_audio,
            video: !self.no_video && self.scenario != Scenario::Audio,
            codec: self.codec,
            video_kbps: self.video_bitrate,
            frame_rate: self.frame_rate,
            key_frame_interval: self.key_frame_interval,
            simulcast: self.simulcast,
            loss: self.loss,
        }
    }

    pub(crate) fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(cores, |threads| threads as usize)
    }

    pub(crate) fn measured(&self) -> Duration {
        Duration::from_secs(self.duration.into())
    }

    /// # Errors
    /// What is wrong, for whoever gave the options.
    pub(crate) fn check(&self) -> Result<(), String> {
        let shape = self.shape();
        let is_idle = self.scenario == Scenario::Idle;
        let positive = [
            ("--rooms", shape.rooms),
            ("--publishers", shape.publishers.max(is_idle.into())),
            ("--duration", self.duration),
            ("--join-rate", self.join_rate),
            ("--stay", self.stay),
            ("--frame-rate", self.frame_rate),
            ("--video-bitrate", self.video_bitrate),
            ("--threads", self.threads.unwrap_or(1)),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(format!("{name} must be at least 1"));
        }
        let from_files = [("--video-file", &self.video_file), ("--audio-file", &self.audio_file)];
        if let Some((name, _)) = from_files.iter().find(|(_, file)| file.is_some()) {
            if is_idle {
                return Err(format!("{name} is about what is sent: --scenario idle sends nothing"));
            }
            if self.server != Protocol::Openvidu {
                return Err(format!(
                    "{name} is for --server openvidu: with {} signalling does not say here whose a packet from a file is",
                    self.server
                ));
            }
        }
        if self.video_file.is_some() && self.scenario == Scenario::Audio {
            return Err("--video-file is about pictures: --scenario audio has none".to_owned());
        }
        if is_idle {
            return match shape {
                Shape { publishers: 0, subscribers: 1.., .. } => Ok(()),
                _ => {
                    Err("--scenario idle is about people who neither send nor receive: give --subscribers alone"
                        .to_owned())
                }
            };
        }
        if shape.legs() == 0 {
            return Err("nobody would receive anything: give --publishers 2 or more, or --subscribers".to_owned());
        }
        let media = self.media();
        if !media.audio && !media.video {
            return Err("nobody would send anything: leave out --no-audio or --no-video".to_owned());
        }
        if self.simulcast && !media.video {
            return Err("--simulcast is about pictures: leave out --no-video, or --scenario audio".to_owned());
        }
        if self.simulcast && self.server != Protocol::Openvidu {
            return Err(format!(
                "--simulcast is for --server openvidu: with {} publishers send one size here, whatever it could forward",
                self.server
            ));
        }
        if self.scenario == Scenario::Churn && shape.subscribers == 0 {
            return Err("--scenario churn is about subscribers: give --subscribers 1 or more".to_owned());
        }
        // Frames are split into packets that a count of 16 bits numbers.
        if self.video_bitrate > 100_000 || self.frame_rate > 240 {
            return Err("--video-bitrate is at most 100000 (kbit/s), --frame-rate at most 240".to_owned());
        }
        Ok(())
    }
}

/// A share in per cent, to a millionth of the whole.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Share(u32);

impl Share {
    pub const NONE: Self = Self(0);

    /// By chance: `true` so often.
    pub(crate) fn strikes(self) -> bool {
        self != Self::NONE && rand::random_ratio(self.0, 1_000_000)
    }

    /// Whether `part` of `whole` is more than this.
    pub(crate) fn is_exceeded(self, part: u64, whole: u64) -> bool {
        u128::from(part) * 1_000_000 > u128::from(whole) * u128::from(self.0)
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim_end_matches('%').parse::<f64>() {
            // Rounded, and small enough for the cast.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a million")]
            Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Self((percent * 10_000.0).round() as u32)),
            _ => Err("must be a number from 0 to 100, such as 0.1".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn options(line: &str) -> Options {
        Line::try_parse_from(std::iter::once("x").chain(line.split_whitespace())).unwrap().options
    }

    #[test]
    fn scenarios_have_a_shape_of_their_own_which_can_be_changed() {
        for (line, shape, legs) in [
            ("", (1, 2, 0), 2),
            ("--rooms 13 --publishers 7", (13, 7, 0), 13 * 42),
            ("--publishers 3 --subscribers 10", (1, 3, 10), 3 * 12),
            ("--scenario webinar", (1, 1, 50), 50),
            ("--scenario audio", (1, 16, 0), 16 * 15),
            ("--scenario storm --subscribers 200", (1, 1, 200), 200),
            ("--scenario churn --publishers 2", (1, 2, 20), 2 * 21),
            ("--scenario idle", (1, 0, 100), 0),
            ("--scenario idle --rooms 3 --subscribers 7", (3, 0, 7), 0),
        ] {
            let shape_here = options(line).shape();
            let Shape { rooms, publishers, subscribers } = shape_here;
            assert_eq!((rooms, publishers, subscribers), shape, "{line}");
            assert_eq!(shape_here.legs(), legs, "{line}");
            assert_eq!(options(line).check(), Ok(()), "{line}");
        }
    }

    #[test]
    fn what_makes_no_test_is_refused_with_the_name_of_the_option() {
        for (line, part) in [
            ("--rooms 0", "--rooms"),
            ("--publishers 1", "--subscribers"),
            ("--scenario churn --subscribers 0 --publishers 2", "--subscribers"),
            ("--scenario audio --no-audio", "--no-audio"),
            ("--scenario idle --publishers 1", "idle"),
            ("--scenario idle --subscribers 0", "--subscribers"),
            ("--frame-rate 0", "--frame-rate"),
            ("--video-bitrate 200000", "--video-bitrate"),
            ("--simulcast --no-video", "--no-video"),
            ("--simulcast --server janus", "--server openvidu"),
            ("--video-file x --server livekit", "--server openvidu"),
            ("--video-file x --scenario audio", "--scenario audio"),
            ("--audio-file x --scenario idle", "--scenario idle"),
        ] {
            let error = options(line).check().unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }

    #[test]
    fn what_a_file_decides_cannot_be_asked_for_beside_it() {
        for line in [
            "--video-file x --no-video",
            "--video-file x --codec h264",
            "--video-file x --video-bitrate 500",
            "--video-file x --key-frame-interval 1",
            "--video-file x --simulcast",
            "--audio-file x --no-audio",
        ] {
            let parsed = Line::try_parse_from(std::iter::once("x").chain(line.split_whitespace()));
            let error = parsed.err().unwrap().to_string();
            let names: Vec<_> = line.split_whitespace().filter(|word| word.starts_with("--")).collect();
            assert!(names.iter().all(|name| error.contains(name)), "{line}: {error}");
        }
        assert_eq!(options("--video-file x --frame-rate 25 --audio-file y --video-file z").check(), Ok(()));
    }

    #[test]
    fn a_share_is_exceeded_by_more_than_it() {
        let share: Share = "0.1%".parse().unwrap();
        assert!(!share.is_exceeded(1, 1000));
        assert!(share.is_exceeded(2, 1000));
        assert!("0".parse::<Share>().unwrap().is_exceeded(1, u64::MAX));
        assert!(!"0".parse::<Share>().unwrap().is_exceeded(0, 0));
        for wrong in ["", "-1", "101", "NaN", "x"] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
    }
}
