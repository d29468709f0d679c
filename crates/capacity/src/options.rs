//! What can be asked, as a part of a command line.

use clap::Args;

use crate::{Call, Machine, Recording, Video, quantity};

/// Options of the calculation.
#[derive(Args, Clone, PartialEq, Debug)]
#[command(args_override_self = true)]
pub struct Options {
    /// Sessions of this shape; without it: how many fit
    #[arg(long, value_name = "NUMBER")]
    pub rooms: Option<u64>,
    /// Participants of each
    #[arg(long, value_name = "NUMBER", default_value_t = 7)]
    participants: u32,
    /// Those of them who send; the rest only receive [default: all]
    #[arg(long, value_name = "NUMBER")]
    publishers: Option<u32>,
    /// Of a publisher's pictures in bit/s; 0: none
    #[arg(long, value_name = "RATE", default_value = "1500k", value_parser = quantity::read)]
    video: u64,
    /// Of a publisher's sound in bit/s; 0: none
    #[arg(long, value_name = "RATE", default_value = "40k", value_parser = quantity::read)]
    audio: u64,
    /// Pictures in a second
    #[arg(long, value_name = "NUMBER", default_value_t = 30)]
    frame_rate: u32,
    /// Publishers send two smaller layers beside it; everybody receives the best one
    #[arg(long)]
    simulcast: bool,
    /// What is recorded of each session
    #[arg(long, value_enum, value_name = "MODE", num_args = 0..=1, require_equals = true, default_value = "none",
        default_missing_value = "individual")]
    recording: Recording,
    /// Of the participants: those whose media goes through the relay
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    relayed: f64,
    /// Of the machine [default: those of this one]
    #[arg(long, value_name = "NUMBER")]
    cores: Option<u32>,
    /// Of the machine in bytes, such as 4G; without it, memory is no limit
    #[arg(long, value_name = "SIZE", value_parser = quantity::read)]
    memory: Option<u64>,
    /// Of the machine in bit/s each way, such as 1G; without it, the network is no limit
    #[arg(long, value_name = "RATE", value_parser = quantity::read)]
    network: Option<u64>,
    /// Prints JSON
    #[arg(long)]
    pub json: bool,
}

/// What cannot be calculated with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OptionsError(String);

impl std::fmt::Display for OptionsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OptionsError {}

impl Options {
    /// # Errors
    /// An option is out of its range, or contradicts another one.
    pub fn call(&self) -> Result<Call, OptionsError> {
        let refuse = |what: String| Err(OptionsError(what));
        let publishers = self.publishers.unwrap_or(self.participants);
        in_range("--participants", self.participants, 1, 100_000)?;
        if publishers > self.participants {
            let participants = self.participants;
            return refuse(format!(
                "--publishers must be at most --participants, of whom they are a part: {publishers} of {participants}"
            ));
        }
        if self.rooms == Some(0) {
            return refuse("--rooms must be at least 1; without it, it is told how many fit".to_owned());
        }
        if self.rooms.is_some_and(|rooms| rooms > 1_000_000) {
            return refuse("--rooms must be at most 1000000".to_owned());
        }
        if self.video > 100_000_000 {
            return refuse("--video must be at most 100M".to_owned());
        }
        if self.audio > 1_000_000 {
            return refuse("--audio must be at most 1M".to_owned());
        }
        in_range("--frame-rate", self.frame_rate, 1, 240)?;
        if self.simulcast && self.video == 0 {
            return refuse("--simulcast is about pictures, and --video 0 says that there are none".to_owned());
        }
        if !(0.0..=100.0).contains(&self.relayed) {
            return refuse("--relayed must be from 0 to 100 (per cent)".to_owned());
        }
        let video = Video { bits_per_second: self.video, frame_rate: self.frame_rate, simulcast: self.simulcast };
        Ok(Call {
            participants: self.participants,
            publishers,
            video: (self.video > 0).then_some(video),
            audio_bits_per_second: self.audio,
            relayed: self.relayed / 100.0,
            recording: self.recording,
        })
    }

    /// # Errors
    /// As [`Self::call`].
    pub fn machine(&self) -> Result<Machine, OptionsError> {
        let here = || std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
        let cores = self.cores.unwrap_or_else(here);
        in_range("--cores", cores, 1, 1024)?;
        for (name, given) in [("--memory", self.memory), ("--network", self.network)] {
            if given.is_some_and(|given| given < 1_000_000) {
                return Err(OptionsError(format!("{name} must be at least 1M")));
            }
        }
        Ok(Machine { cores, memory_bytes: self.memory, network_bits_per_second: self.network })
    }
}

fn in_range(name: &str, value: u32, least: u32, most: u32) -> Result<(), OptionsError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(OptionsError(format!("{name} must be from {least} to {most}, and is {value}")))
}
