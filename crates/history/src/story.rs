//! What is kept of a session: who was there, how each one's media went, and what happened when. Plain data, which is written to
//! the disk as it is. What it means is said by [`diagnosis`](crate::diagnosis), how it is told by [`words`](crate::words).

use std::net::SocketAddr;

use protocol::event::{Reason, RecordingStatus};
use protocol::id::{ConnectionId, SessionId, StreamId};
use protocol::media::{Layer, MediaKind, MediaPath, PicturePause, VideoCodec};
use protocol::model::Role;
use serde::{Deserialize, Serialize};

/// ms since 1970.
pub type Millis = u64;

/// What is remembered of what happened to one person, and of what happened to a session as a whole: the beginning, and what was last.
const MOST_HAPPENINGS: usize = 200;
/// Of these the beginning.
const FIRST_HAPPENINGS: usize = 60;
/// The same thing of the same stream within this time is one.
const MERGED: Millis = 5_000;
/// People of a session who have left.
pub(crate) const MOST_DEPARTED: usize = 1_000;
/// Peer connections of one person that are closed.
pub(crate) const MOST_CLOSED: usize = 64;
/// What somebody was refused.
const MOST_OBSTACLES: usize = 16;
/// Of a stream's figures over time.
const MOST_SAMPLES: usize = 48;
/// Between two of them.
const SAMPLE_EVERY: Millis = 5_000;

/// Of one session.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Story {
    /// As the application knows it.
    pub id: SessionId,
    /// When it was made.
    pub created_at: Millis,
    /// Until when it was there.
    pub ended_at: Option<Millis>,
    /// Why it ended.
    pub reason: Option<Reason>,
    /// Where media was offered to clients.
    pub offered: Vec<SocketAddr>,
    /// Everybody, in the order of their places.
    pub people: Vec<Person>,
    /// Who is not in it any more, because there were too many.
    pub forgotten_people: u32,
    /// Of the session as a whole.
    pub happened: Happenings,
    /// It is being recorded.
    pub recording: bool,
    /// It is being broadcast.
    pub broadcasting: bool,
    /// Something is missing, because too much happened at once.
    pub incomplete: bool,
}

/// What somebody is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A place that nobody has taken yet.
    #[default]
    Pending,
    /// A client.
    Client,
    /// An IP camera.
    Camera,
}

/// Of one connection.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Person {
    /// Which.
    pub connection: ConnectionId,
    /// What it is.
    pub kind: Kind,
    /// What it said of itself.
    pub client_data: String,
    /// What the application said of it.
    pub server_data: String,
    /// What it may do.
    pub role: Option<Role>,
    /// Where it came from.
    pub ip: String,
    /// What it runs on.
    pub platform: String,
    /// When its place was made.
    pub invited_at: Option<Millis>,
    /// When it came.
    pub joined_at: Option<Millis>,
    /// When it went.
    pub left_at: Option<Millis>,
    /// Why.
    pub reason: Option<Reason>,
    /// It has had no socket since then.
    pub lost_at: Option<Millis>,
    /// Of its network: 0 is broken, 5 the best.
    pub quality: Option<u8>,
    /// What it publishes, and what it has published before.
    pub published: Vec<Leg>,
    /// What it receives, and what it has received before.
    pub received: Vec<Leg>,
    /// What it was refused.
    pub obstacles: Vec<Obstacle>,
    /// What happened to it.
    pub happened: Happenings,
    /// How it says that it was.
    pub feedback: Option<Feedback>,
    /// How often it has said so. Stories from before do not have it.
    #[serde(default)]
    pub ratings: u8,
}

/// One stream on its way between a client and the server: a peer connection, and those that took its place.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Leg {
    /// Which stream.
    pub stream: StreamId,
    /// Its publisher.
    pub from: ConnectionId,
    /// Since when there is a peer connection on our side.
    pub negotiating_at: Millis,
    /// Since when there is one on both sides.
    pub agreed_at: Option<Millis>,
    /// The first datagram from the client that proves who it is.
    pub reached_at: Option<Millis>,
    /// The way that media takes.
    pub path: Option<MediaPath>,
    /// Since when it is encrypted.
    pub connected_at: Option<Millis>,
    /// It was lost then, and did not come again.
    pub cut_at: Option<Millis>,
    /// The first packet of sound.
    pub audio_at: Option<Millis>,
    /// The first packet of pictures.
    pub video_at: Option<Millis>,
    /// The first picture that could be decoded.
    pub key_frame_at: Option<Millis>,
    /// Nothing has come since then.
    pub silent_at: Option<Millis>,
    /// No picture has come since then.
    pub still_at: Option<Millis>,
    /// `CAMERA`, `SCREEN`…
    pub source: String,
    /// It has sound.
    pub has_audio: bool,
    /// It has pictures.
    pub has_video: bool,
    /// The microphone is on, as the publisher says.
    pub audio_active: bool,
    /// The camera is on, as the publisher says.
    pub video_active: bool,
    /// Of the pictures.
    pub codec: Option<VideoCodec>,
    /// Which size the subscriber gets.
    pub layer: Option<Layer>,
    /// No picture is sent, and since when.
    pub pause: Option<(PicturePause, Millis)>,
    /// The last ones.
    pub figures: Figures,
    /// From the beginning.
    pub totals: Totals,
    /// Addresses that the client told of itself.
    pub candidates: Candidates,
    /// Until when it was there.
    pub closed_at: Option<Millis>,
    /// Why it ended.
    pub reason: Option<Reason>,
    /// The last minutes.
    pub samples: Vec<Sample>,
}

/// How it goes at present.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    /// When that was.
    pub at: Millis,
    /// Bits in a second.
    pub audio_bps: u64,
    /// Of all layers.
    pub video_bps: u64,
    /// The worst, in thousandths.
    pub lost_permille: Option<u16>,
    /// There and back.
    pub round_trip_ms: Option<u32>,
    /// The worst.
    pub jitter_ms: Option<u32>,
    /// What the way to the client carries.
    pub estimate_bps: Option<u64>,
    /// How long the picture stood still in that period.
    pub frozen_ms: u32,
}

/// From the beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Of payload.
    pub bytes: u64,
    /// How often the picture stood still.
    pub freezes: u64,
    /// How long in all.
    pub frozen_ms: u64,
}

/// Figures at one moment, small.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sample {
    /// When.
    pub at: Millis,
    /// Sound and pictures.
    pub kbps: u32,
    /// In thousandths.
    pub lost_permille: Option<u16>,
    /// There and back.
    pub round_trip_ms: Option<u32>,
}

/// How many addresses of each kind a client has told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Candidates {
    /// Of its own network, by UDP.
    pub host: u16,
    /// As others see it.
    pub reflexive: u16,
    /// Of a relay.
    pub relay: u16,
    /// By TCP.
    pub tcp: u16,
}

/// What somebody wanted and did not get.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Obstacle {
    /// When.
    pub at: Millis,
    /// What it wanted.
    pub wanted: Wanted,
    /// Why it did not get it.
    pub why: Why,
}

/// What somebody wanted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Wanted {
    /// To publish.
    Publish,
    /// To receive this stream.
    Receive(String),
    /// Something else.
    Other,
}

/// Why somebody did not get something, as far as it makes a difference to what is to be done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Why {
    /// The role does not allow it.
    Role,
    /// Its browser lacks the codec.
    Codec(String),
    /// Its session description cannot be used.
    Description,
    /// The publisher, or its stream, is not there.
    Gone,
    /// It publishes already.
    Twice,
    /// Something about a filter.
    Filter,
    /// The server itself failed.
    Internal,
    /// Anything else.
    Other,
}

/// How it was, as somebody says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Feedback {
    /// When.
    pub at: Millis,
    /// From one to five.
    pub stars: u8,
    /// In own words, or empty.
    pub words: String,
}

/// A list that does not grow for ever: what was first, and what was last.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Happenings {
    /// In order.
    pub list: Vec<Happening>,
    /// So many are left out, behind the first [`FIRST_HAPPENINGS`].
    pub left_out: u32,
}

/// Something that happened.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Happening {
    /// When.
    pub at: Millis,
    /// Of which stream.
    pub stream: Option<StreamId>,
    /// What.
    pub what: What,
}

/// What may happen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each is put into words in two languages")]
pub enum What {
    Invited { role: Role },
    Withdrawn,
    Joined { ip: String, platform: String },
    CameBack,
    SocketLost,
    SocketBack,
    RoleChanged { role: Role },
    Refused { wanted: Wanted, why: Why },
    Publishing { audio: bool, video: bool, source: String },
    Offered,
    Agreed,
    Checked,
    Reached { path: MediaPath },
    Moved { path: MediaPath },
    Connected,
    Cut,
    First { kind: MediaKind },
    KeyFrame,
    Layer { layer: Layer },
    Paused { why: PicturePause },
    Resumed,
    Silent,
    Still,
    Heard,
    Microphone { on: bool },
    Camera { on: bool },
    Quality { level: u8 },
    Froze { ms: u32 },
    Lossy { permille: u16 },
    Closed { reason: Option<Reason> },
    Left { reason: Option<Reason> },
    SessionMade,
    SessionEnded { reason: Option<Reason> },
    Recording { id: String, status: RecordingStatus },
    Broadcast { on: bool },
}

impl Happenings {
    pub(crate) fn add(&mut self, at: Millis, stream: Option<&StreamId>, what: What) {
        if let Some(last) = self.list.last_mut()
            && last.stream.as_ref() == stream
            && at < last.at + MERGED
            && last.what.is_repeated_by(&what)
        {
            last.what = what;
            return;
        }
        if self.list.len() >= MOST_HAPPENINGS {
            self.list.remove(FIRST_HAPPENINGS);
            self.left_out += 1;
        }
        self.list.push(Happening { at, stream: stream.cloned(), what });
    }
}

impl What {
    /// The later one of two says it all.
    fn is_repeated_by(&self, later: &Self) -> bool {
        matches!(
            (self, later),
            (Self::Layer { .. }, Self::Layer { .. })
                | (Self::Quality { .. }, Self::Quality { .. })
                | (Self::Lossy { .. }, Self::Lossy { .. })
                | (Self::Froze { .. }, Self::Froze { .. })
                | (Self::Moved { .. }, Self::Moved { .. })
        ) || self == later
    }
}

impl Story {
    /// A session that has just been made.
    pub(crate) fn new(id: SessionId, created_at: Millis, offered: Vec<SocketAddr>) -> Self {
        let mut happened = Happenings::default();
        happened.add(created_at, None, What::SessionMade);
        Self {
            id,
            created_at,
            ended_at: None,
            reason: None,
            offered,
            people: vec![],
            forgotten_people: 0,
            happened,
            recording: false,
            broadcasting: false,
            incomplete: false,
        }
    }

    /// Names it for ever: ids of sessions come again.
    pub fn key(&self) -> String {
        format!("{}_{}", self.id, self.created_at)
    }

    /// Somebody in it.
    pub fn person(&self, connection: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.connection.as_str() == connection)
    }

    pub(crate) fn person_mut(&mut self, connection: &ConnectionId) -> Option<&mut Person> {
        self.people.iter_mut().find(|person| person.connection == *connection)
    }

    /// Somebody has ever come.
    pub(crate) fn was_used(&self) -> bool {
        self.forgotten_people > 0 || self.people.iter().any(|person| person.joined_at.is_some())
    }

    /// Of those who have gone not all are kept.
    pub(crate) fn forget_departed(&mut self) {
        let departed = self.people.iter().filter(|person| person.left_at.is_some()).count();
        if departed > MOST_DEPARTED
            && let Some(first) = self.people.iter().position(|person| person.left_at.is_some())
        {
            self.people.remove(first);
            self.forgotten_people += 1;
        }
    }
}

impl Person {
    pub(crate) fn new(connection: ConnectionId) -> Self {
        Self {
            connection,
            kind: Kind::Pending,
            client_data: String::new(),
            server_data: String::new(),
            role: None,
            ip: String::new(),
            platform: String::new(),
            invited_at: None,
            joined_at: None,
            left_at: None,
            reason: None,
            lost_at: None,
            quality: None,
            published: vec![],
            received: vec![],
            obstacles: vec![],
            happened: Happenings::default(),
            feedback: None,
            ratings: 0,
        }
    }

    /// What others call it.
    pub fn name(&self) -> String {
        protocol::name::shown(&self.client_data, &self.server_data).unwrap_or_else(|| self.connection.to_string())
    }

    /// It has come and not gone.
    pub fn is_present(&self) -> bool {
        self.joined_at.is_some() && self.left_at.is_none()
    }

    /// What it receives from somebody, or has received last.
    pub fn receives(&self, stream: &StreamId) -> Option<&Leg> {
        self.received.iter().rev().find(|leg| leg.stream == *stream)
    }

    pub(crate) fn meet(&mut self, obstacle: Obstacle) {
        if self.obstacles.len() == MOST_OBSTACLES {
            self.obstacles.remove(0);
        }
        self.obstacles.push(obstacle);
    }
}

impl Leg {
    pub(crate) fn new(stream: StreamId, from: ConnectionId, at: Millis) -> Self {
        Self {
            stream,
            from,
            negotiating_at: at,
            agreed_at: None,
            reached_at: None,
            path: None,
            connected_at: None,
            cut_at: None,
            audio_at: None,
            video_at: None,
            key_frame_at: None,
            silent_at: None,
            still_at: None,
            source: String::new(),
            has_audio: true,
            has_video: true,
            audio_active: true,
            video_active: true,
            codec: None,
            layer: None,
            pause: None,
            figures: Figures::default(),
            totals: Totals::default(),
            candidates: Candidates::default(),
            closed_at: None,
            reason: None,
            samples: vec![],
        }
    }

    /// Another peer connection takes the place of the one that there was: what was of that one begins anew.
    pub(crate) fn renegotiate(&mut self, at: Millis) {
        self.negotiating_at = at;
        (self.reached_at, self.path, self.connected_at, self.cut_at) = (None, None, None, None);
        (self.audio_at, self.video_at, self.key_frame_at) = (None, None, None);
        (self.silent_at, self.still_at, self.pause) = (None, None, None);
        self.candidates = Candidates::default();
    }

    pub(crate) fn sample(&mut self) {
        let figures = &self.figures;
        if self.samples.last().is_some_and(|last| figures.at < last.at + SAMPLE_EVERY) {
            return;
        }
        if self.samples.len() == MOST_SAMPLES {
            self.samples.remove(0);
        }
        let kbps = u32::try_from((figures.audio_bps + figures.video_bps) / 1000).unwrap_or(u32::MAX);
        let (lost_permille, round_trip_ms) = (figures.lost_permille, figures.round_trip_ms);
        self.samples.push(Sample { at: figures.at, kbps, lost_permille, round_trip_ms });
    }
}
