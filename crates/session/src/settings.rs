//! The deployment's choices that rules depend on.

use std::time::Duration;

use protocol::id::WorkerId;
use protocol::model::{IceServer, RecordingNotification};
use turn::{Credentials, SharedSecret};

use crate::{BroadcastSettings, SignalLimits, SpeechSettings, Time, VideoBandwidth};

/// Read once at start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `OPENVIDU_SECRET`; compared in constant time.
    pub secret: String,
    /// ICE servers for connections without their own. Never empty, or clients contact third parties.
    pub ice_servers: Vec<IceServer>,
    /// The deployment's TURN server, which such connections get instead of `ice_servers`: it does all that they do.
    pub turn: Option<TurnServer>,
    /// The media workers there are, at least one.
    pub media_workers: Vec<WorkerId>,
    /// How many streams, sent and received, participants of one session have in one media worker before further ones go to
    /// another.
    pub session_span: usize,
    /// How long a connection outlives its socket (original: 10 s).
    pub reconnection_grace: Duration,
    /// How long who was put out then may come back as the same connection, and how long a connection outlives its socket whose
    /// media goes on; zero: not at all (original).
    pub return_window: Duration,
    /// How long a socket stays open after its connection ended (original: 10 s).
    pub linger: Duration,
    /// How long a media worker may take for one request; must stay well below the client's 10 s.
    pub media_timeout: Duration,
    /// How often sessions that nobody ever joined are collected; zero = never.
    pub garbage_interval: Duration,
    /// Age of such a session at its removal.
    pub garbage_threshold: Duration,
    /// What pictures may take, where a connection has no limits of its own.
    pub video_bandwidth: VideoBandwidth,
    /// How much each participant may make others hear; none: as much as it likes, as in the original.
    pub signals: Option<SignalLimits>,
    /// How often the networks of publishers are rated for everybody; none: never.
    pub network_quality: Option<Duration>,
    /// Whether tokens say that clients find virtual backgrounds here.
    pub virtual_background: bool,
    /// Subscribers that cannot take a publisher's codec may be served in another one.
    pub transcodes: bool,
    /// Recording.
    pub recording: RecordingSettings,
    /// Applications are told how their cameras are: the original tells no such event, and not everybody expects one.
    pub camera_states: bool,
    /// The folder below which filters may read pictures, if they may at all.
    pub filter_images: Option<String>,
    /// Broadcasts.
    pub broadcast: BroadcastSettings,
    /// Speech to text; none: the deployment does not listen.
    pub speech: Option<SpeechSettings>,
}

/// The part about recordings.
#[derive(Clone, Debug)]
pub struct RecordingSettings {
    /// Whether sessions record by themselves when they were made to (`recordingMode` ALWAYS).
    pub enabled: bool,
    /// Who hears of recordings in the browser.
    pub notification: RecordingNotification,
    /// How long a recorded session waits for somebody to publish or to come back; zero = not at all.
    pub auto_stop: Duration,
    /// How many streams may be recorded at a time; a recording counts as one at least.
    pub max_streams: usize,
    /// How long the recorder may take until everything is on disk (original: 10 s; clients wait 30 s).
    pub start_timeout: Duration,
    /// The same for a page of the application's, which a browser has to load first (original: 30 s).
    pub page_start_timeout: Duration,
    /// The language of the subtitles of recordings that do not say; none: they have none.
    pub subtitles: Option<String>,
    /// How long a session's end waits for its recordings (original: 15 s).
    pub processing_timeout: Duration,
}

/// A TURN server whose users are made up as they join.
#[derive(Clone, Debug)]
pub struct TurnServer {
    /// Its URIs (RFC 7065), best first.
    pub uris: Vec<String>,
    /// What it knows too.
    pub secret: SharedSecret,
}

impl TurnServer {
    /// As clients are told, with a user of their own.
    pub(crate) fn ice_servers(&self, label: &str, now: Time) -> Vec<IceServer> {
        let Credentials { username, password } = self.secret.issue(now.as_millis() / 1000, label);
        let server = |uri: &String| IceServer {
            url: uri.clone(),
            username: Some(username.clone()),
            credential: Some(password.clone()),
        };
        self.uris.iter().map(server).collect()
    }
}
