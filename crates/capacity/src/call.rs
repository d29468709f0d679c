//! The shape of a call: who is in it and what is sent.

use clap::ValueEnum;
use serde::Serialize;

/// One session.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Call {
    pub participants: u32,
    /// Those of them who send; everybody receives everybody else's.
    pub publishers: u32,
    pub video: Option<Video>,
    /// Of a publisher's sound; 0: there is none.
    pub audio_bits_per_second: u64,
    /// Of the participants: those whose media goes through the relay, 0 to 1.
    pub relayed: f64,
    pub recording: Recording,
}

/// What a publisher sends of pictures.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Video {
    /// Of what subscribers receive: with simulcast, the best layer.
    pub bits_per_second: u64,
    /// Pictures in a second.
    pub frame_rate: u32,
    /// Two smaller layers are sent beside it, which nobody receives here.
    pub simulcast: bool,
}

/// What is recorded of each session.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Recording {
    /// Nothing
    #[default]
    None,
    /// Each stream, as it is
    Individual,
    /// All of it in one picture of 1280x720
    Composed,
}

impl Call {
    /// Streams that are received, each by one participant.
    pub fn legs(&self) -> u64 {
        u64::from(self.publishers) * u64::from(self.participants.saturating_sub(1))
    }

    /// The same call with so many participants. Where everybody sends, everybody still does; otherwise as many as before.
    pub(crate) fn with_participants(self, participants: u32) -> Self {
        let publishers = if self.publishers == self.participants { participants } else { self.publishers };
        Self { participants, publishers, ..self }
    }
}
