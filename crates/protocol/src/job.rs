//! Live work with media in a process of its own: what sessions ask of it ([`JobCommand`], [`JobReport`]), and what the server and
//! such a process (`madang-transcoder --job`) say to each other.
//!
//! The process has one socket to the server, as its standard input: of type `SOCK_SEQPACKET`, so that every message is one
//! packet. A message begins with a byte that says what it is: [`JSON`] (a [`ToJob`] to the process, a [`FromJob`] from it, as JSON) or
//! [`MEDIA`] (a [`MediaPacket`]). The first one is [`ToJob::Begin`]; its end is the end of the job. Neither side ever waits for
//! room in the socket: packets of media that find none are dropped and counted.

use serde::{Deserialize, Serialize};

use crate::event::Composition;
use crate::id::{JobId, PublicationId, RouterId, SessionId, TapId};
pub use crate::media::OutputVideo;
use crate::media::{MediaKind, VideoCodec};
use crate::recording::PagePass;
use crate::speech::Spoken;
use crate::transcoder::Picture;

/// A message of JSON.
pub const JSON: u8 = 0;
/// A packet of media.
pub const MEDIA: u8 = 1;
/// Bytes of the longest message.
pub const LONGEST: usize = 64 << 10;

/// What sessions ask for. Ordered per job; what belongs to an unknown job is ignored.
#[derive(Clone, PartialEq, Debug)]
pub enum JobCommand {
    /// Begins one. [`JobReport::Ended`] comes at its end in any case, unless it is stopped first.
    Start {
        /// New.
        job: JobId,
        /// What it does.
        spec: Box<JobSpec>,
    },
    /// Its output is published there, too, from now on.
    AddOutput { job: JobId, router: RouterId, publication: PublicationId },
    /// No more there.
    RemoveOutput { job: JobId, publication: PublicationId },
    /// Packets come to it by a tap from now on.
    AddInput {
        job: JobId,
        /// Where the tap is.
        router: RouterId,
        /// New.
        tap: TapId,
        /// As its process knows it; new in this job.
        input: JobInput,
    },
    /// A page of the application's, shown by a browser, is an input from now on, as long as the job goes on.
    ShowPage {
        job: JobId,
        /// Of the session.
        router: RouterId,
        /// New; there is none in a media worker.
        tap: TapId,
        /// As its process knows it; new in this job.
        input: JobInput,
        page: Box<JobPage>,
    },
    /// An input says something else of itself.
    ChangeInput { job: JobId, input: JobInput },
    /// No more of that.
    RemoveInput { job: JobId, tap: TapId },
    /// For its process.
    Tell { job: JobId, message: ToJob },
    /// Ends it. Nothing more is reported of it.
    Stop { job: JobId },
}

/// A page that a browser shall show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobPage {
    /// Which, and its size.
    pub composition: Composition,
    /// Of which session.
    pub session: SessionId,
    /// Lets it in.
    pub pass: Option<PagePass>,
    /// With its sound.
    pub has_audio: bool,
}

/// What becomes of a job.
#[derive(Clone, PartialEq, Debug)]
pub struct JobReport {
    pub job: JobId,
    pub news: JobNews,
}

/// See [`JobReport`].
#[derive(Clone, PartialEq, Debug)]
pub enum JobNews {
    /// Its process says something.
    Said(FromJob),
    /// Its process has died and is started anew, with the same inputs and outputs: what was told it since the beginning is told
    /// again.
    Restarting { why: String },
    /// It is over.
    Ended(JobEnd),
}

/// Why a job is over.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JobEnd {
    /// There is no program for it, or it lacks something.
    #[error("{0}")]
    Unavailable(String),
    /// As many run as may.
    #[error("{0}")]
    Overloaded(String),
    /// It said so itself, or has died too often.
    #[error("{0}")]
    Failed(String),
}

/// What a process does.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum JobSpec {
    /// Sends its input on, changed.
    Filter {
        filter: FilterSpec,
        /// The input has pictures; those of the output are in the same codec.
        video: bool,
        /// The input has sound; so has the output.
        audio: bool,
        /// The folder below which filters may read pictures, if they may at all.
        images: Option<String>,
    },
    /// Sends the pictures of its input on in another codec. Sound is passed on as it is.
    Transcode {
        /// What the input is.
        from: VideoCodec,
        /// What the output is.
        to: VideoCodec,
        /// The input has sound; so has the output.
        audio: bool,
    },
    /// Pulls a camera, or a file.
    Camera(CameraSpec),
    /// Sends what comes to an address, composed.
    Broadcast(BroadcastSpec),
    /// Writes down what is said.
    Recognise(RecogniseSpec),
}

/// A filter as its user described it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FilterSpec {
    /// `GStreamerFilter`…
    pub kind: String,
    /// As the kind has them.
    pub options: serde_json::Value,
}

/// A camera.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CameraSpec {
    /// `rtsp:`, `rtsps:`, `http:`, `https:` or `file:` of a file that may be read.
    pub uri: String,
    /// Frames that browsers can take are not decoded.
    pub passes_through: bool,
    /// Milliseconds by which packets may come late.
    pub network_cache: u32,
}

/// A broadcast.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BroadcastSpec {
    /// `rtmp:`, `rtmps:` or `srt:`.
    pub url: String,
    /// With sound.
    pub audio: bool,
    /// With pictures.
    pub picture: Option<Picture>,
    /// Seconds for which a target that has gone is waited for.
    pub patience: u32,
}

/// Speech to text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecogniseSpec {
    /// As the client named it.
    pub language: String,
    /// What recognises it.
    pub by: SpeechEngine,
}

/// What recognises speech.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "engine", rename_all = "camelCase")]
pub enum SpeechEngine {
    /// A server that speaks Vosk's WebSocket protocol.
    Vosk {
        /// `ws:` or `wss:`.
        address: String,
    },
    /// Amazon's service.
    Transcribe(TranscribeSpec),
    /// Microsoft's service.
    Azure(AzureSpec),
}

/// Amazon Transcribe.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TranscribeSpec {
    /// Of Amazon's: `eu-west-1`…
    pub region: String,
    /// Who asks.
    pub access_key: String,
    /// The secret of that.
    pub secret_key: HiddenText,
    /// `ws:` or `wss:` with host and port, in place of the region's own.
    pub endpoint: Option<String>,
}

/// Azure's recognition of speech.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AzureSpec {
    /// Of Azure's: `westeurope`…
    pub region: String,
    /// Of the resource there.
    pub key: HiddenText,
    /// `ws:` or `wss:` with host and port, in place of the region's own.
    pub endpoint: Option<String>,
}

/// A text that no log shows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HiddenText(String);

impl HiddenText {
    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for HiddenText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl std::fmt::Debug for HiddenText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HiddenText(…)")
    }
}

/// Something that comes to a job.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobInput {
    /// Stands in every packet of it.
    pub number: u16,
    /// It has sound.
    pub audio: bool,
    /// It has pictures.
    pub video: bool,
    /// The microphone is on.
    pub audio_active: bool,
    /// The camera is on.
    pub video_active: bool,
    /// It is a shared screen.
    pub is_screen: bool,
    /// Whose it is, for captions.
    pub name: Option<String>,
}

/// What a process is told.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ToJob {
    /// First, and once.
    Begin { spec: JobSpec },
    /// Packets with this number come from now on.
    AddInput { input: JobInput },
    /// It says something else of itself.
    ChangeInput { input: JobInput },
    /// No more of that.
    RemoveInput { number: u16 },
    /// Somebody cannot go on without a key frame of the output.
    KeyFrame,
    /// The pictures of the output are to take so many bits a second.
    Bitrate { bps: u32 },
    /// The output shall have this codec, whatever it takes: it is announced already.
    Settle { video: VideoCodec },
    /// Nothing more will come: make of it what can be made. Settled by [`FromJob::Finished`].
    Finish,
    /// A method of the filter. Settled by [`FromJob::Executed`].
    Execute { request: u64, method: String, params: serde_json::Value },
}

/// What a process says.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "says", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FromJob {
    /// It is at work, and this is its output from now on; without any, there is none. Again if that changes.
    Ready {
        /// Opus.
        audio: bool,
        video: Option<OutputVideo>,
    },
    /// It cannot go on without a key frame of an input.
    KeyFrameWanted { number: u16 },
    /// Of [`ToJob::Execute`].
    Executed {
        request: u64,
        /// Why not.
        error: Option<String>,
    },
    /// A filter has found something.
    Found {
        /// `CodeFound`.
        event: String,
        /// Each with its value, as they are to be told.
        data: Vec<(String, String)>,
    },
    /// A camera does not play, or a broadcast's target takes nothing; it is tried again.
    Interrupted { why: String },
    /// What was said.
    Recognised {
        text: String,
        /// The recogniser's own words.
        raw: String,
        /// It will not be corrected any more.
        is_final: bool,
        /// When; only of what is final.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        spoken: Option<Spoken>,
    },
    /// Of [`ToJob::Finish`]: it has said everything.
    Finished,
    /// It is at work, said at least every few seconds: who says nothing hangs.
    Working {
        /// Of packets and pictures, since the beginning.
        dropped: u64,
    },
    /// Its page is there: said beside the process, by what shows it.
    PageShown,
    /// It is not, or not any more.
    PageLost { why: String },
    /// It cannot go on, and another process could not either.
    Failed { why: String },
}

/// An RTP packet between the server and a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MediaPacket<'a> {
    /// Of [`JobInput::number`]; 0 of an output.
    pub input: u16,
    pub kind: MediaKind,
    /// Of pictures. Sound is Opus.
    pub codec: Option<VideoCodec>,
    /// Last of a frame.
    pub marker: bool,
    /// How many quarter turns clockwise set the picture upright.
    pub quarter_turns: u8,
    /// Of sound: how loud it is and whether somebody speaks, the octet of RFC 6464 §3.
    pub level: Option<u8>,
    /// Another one means: timestamps and sequence have begun anew.
    pub source: u64,
    /// Goes on by one from packet to packet of a kind; a hole is a loss. Of an output, extended beyond 16 bits.
    pub sequence: u64,
    /// RTP timestamp: 48 kHz for sound, 90 kHz for pictures.
    pub timestamp: u32,
    /// When it was captured, microseconds since 1970 on the sender's clock, the same for sound and pictures; 0 if that is not known
    /// (yet).
    pub captured_us: u64,
    /// When it came, microseconds since 1970 on the clock of this machine.
    pub arrived_us: u64,
    /// RTP payload.
    pub payload: &'a [u8],
}

/// In place of a level.
const NO_LEVEL: u8 = 255;
/// Bytes before the payload, with the one that says what it is.
const HEADER: usize = 43;

impl<'a> MediaPacket<'a> {
    /// Appends the message.
    pub fn write(&self, to: &mut Vec<u8>) {
        to.push(MEDIA);
        to.extend_from_slice(&self.input.to_be_bytes());
        let codec = match (self.kind, self.codec) {
            (MediaKind::Audio, _) | (MediaKind::Video, None) => 0,
            (MediaKind::Video, Some(VideoCodec::Vp8)) => 1,
            (MediaKind::Video, Some(VideoCodec::Vp9)) => 2,
            (MediaKind::Video, Some(VideoCodec::H264)) => 3,
            (MediaKind::Video, Some(VideoCodec::Av1)) => 4,
        };
        to.push(codec);
        to.push(u8::from(self.marker));
        to.push(self.quarter_turns & 3);
        // 255 is silence with a voice in it: nobody says so.
        to.push(self.level.unwrap_or(NO_LEVEL));
        to.extend_from_slice(&self.source.to_be_bytes());
        to.extend_from_slice(&self.sequence.to_be_bytes());
        to.extend_from_slice(&self.timestamp.to_be_bytes());
        to.extend_from_slice(&self.captured_us.to_be_bytes());
        to.extend_from_slice(&self.arrived_us.to_be_bytes());
        to.extend_from_slice(self.payload);
    }

    /// Reads a message; `None` if it is none of these.
    pub fn read(message: &'a [u8]) -> Option<Self> {
        let (header, payload) = message.split_at_checked(HEADER)?;
        let (kind, codec) = match header[3] {
            0 => (MediaKind::Audio, None),
            1 => (MediaKind::Video, Some(VideoCodec::Vp8)),
            2 => (MediaKind::Video, Some(VideoCodec::Vp9)),
            3 => (MediaKind::Video, Some(VideoCodec::H264)),
            4 => (MediaKind::Video, Some(VideoCodec::Av1)),
            _ => return None,
        };
        let long = |at: usize| header[at..].first_chunk().copied().map(u64::from_be_bytes).unwrap_or_default();
        let is_one = header[0] == MEDIA && header[4] < 2 && header[5] < 4;
        is_one.then(|| Self {
            input: u16::from_be_bytes([header[1], header[2]]),
            kind,
            codec,
            marker: header[4] == 1,
            quarter_turns: header[5],
            level: Some(header[6]).filter(|level| *level != NO_LEVEL),
            source: long(7),
            sequence: long(15),
            timestamp: header[23..].first_chunk().copied().map(u32::from_be_bytes).unwrap_or_default(),
            captured_us: long(27),
            arrived_us: long(35),
            payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_read_as_it_was_written() {
        let packet = MediaPacket {
            input: 0x1234,
            kind: MediaKind::Video,
            codec: Some(VideoCodec::H264),
            marker: true,
            quarter_turns: 3,
            level: Some(0x85),
            source: u64::MAX - 1,
            sequence: 1 << 40,
            timestamp: 0xdead_beef,
            captured_us: 1_700_000_000_000_000,
            arrived_us: 1_700_000_000_000_777,
            payload: &[7; 1200],
        };
        let mut message = Vec::new();
        packet.write(&mut message);
        assert_eq!(message.len(), HEADER + 1200);
        assert_eq!(MediaPacket::read(&message), Some(packet));
        let sound = MediaPacket { kind: MediaKind::Audio, codec: None, level: None, payload: &[], ..packet };
        message.clear();
        sound.write(&mut message);
        assert_eq!(MediaPacket::read(&message), Some(sound));
    }

    #[test]
    fn what_is_none_is_not_read() {
        let mut message = vec![0; HEADER];
        assert_eq!(MediaPacket::read(&message), None, "it is JSON");
        message[0] = MEDIA;
        assert!(MediaPacket::read(&message).is_some());
        assert_eq!(MediaPacket::read(&message[1..]), None);
        message[3] = 5;
        assert_eq!(MediaPacket::read(&message), None);
    }

    #[test]
    fn what_is_said_is_json() {
        let begin = ToJob::Begin {
            spec: JobSpec::Filter {
                filter: FilterSpec { kind: "GStreamerFilter".to_owned(), options: serde_json::json!({"command": "a"}) },
                video: true,
                audio: true,
                images: None,
            },
        };
        let json = serde_json::to_string(&begin).unwrap();
        assert_eq!(
            json,
            r#"{"do":"begin","spec":{"job":"filter","filter":{"kind":"GStreamerFilter","options":{"command":"a"}},"video":true,"audio":true,"images":null}}"#
        );
        assert_eq!(serde_json::from_str::<ToJob>(&json).unwrap(), begin);
        let ready = FromJob::Ready {
            audio: true,
            video: Some(OutputVideo { codec: VideoCodec::H264, parameters: "packetization-mode=1".to_owned() }),
        };
        let json = serde_json::to_string(&ready).unwrap();
        assert_eq!(
            json,
            r#"{"says":"ready","audio":true,"video":{"codec":"H264","parameters":"packetization-mode=1"}}"#
        );
        assert_eq!(serde_json::from_str::<FromJob>(&json).unwrap(), ready);
    }
}
