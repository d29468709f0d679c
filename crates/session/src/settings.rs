//! The deployment's choices that rules depend on.

use std::time::Duration;

use protocol::model::{IceServer, MediaServer};

/// Read once at start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which dialect joinRoom announces.
    pub media_server: MediaServer,
    /// Whether publishers send simulcast unless they say otherwise (only with mediasoup).
    pub video_simulcast: bool,
    /// Version told to clients that do not name a 2.20 … 2.32 one themselves.
    pub compatible_version: String,
    /// `OPENVIDU_SECRET`; compared in constant time.
    pub secret: String,
    /// ICE servers for connections without their own. Never empty, or clients contact third parties.
    pub ice_servers: Vec<IceServer>,
    /// How long a connection outlives its socket (original: 10 s).
    pub reconnection_grace: Duration,
    /// How long a socket stays open after its connection ended (original: 10 s).
    pub linger: Duration,
    /// How long a media worker may take for one request; must stay well below the client's 10 s.
    pub media_timeout: Duration,
    /// How often sessions that nobody ever joined are collected; zero = never.
    pub garbage_interval: Duration,
    /// Age of such a session at its removal.
    pub garbage_threshold: Duration,
}
