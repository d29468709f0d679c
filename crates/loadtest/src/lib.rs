//! A load test: emulated participants who join, publish and subscribe, and who check what they receive.
//!
//! They speak the public protocols only, as an application (REST) and as browsers (OpenVidu 2's JSON-RPC over a WebSocket, ICE,
//! DTLS-SRTP), so that what is measured is what users would get, of any server that speaks them. Nothing of the server is used
//! here, and the server does not know that it is tested. For comparison they also speak with Janus, LiveKit and mediasoup, each
//! as its own clients do ([`Protocol`]); media, generator and checks are the same.
//!
//! ```text
//! run ──▶ participant (a task each): openvidu | janus | livekit | mediasoup ──▶ server
//!  │        │ member: its peer connections
//!  │        ▼
//!  │      generator (some threads) ── peer: engine + socket ──▶ server
//!  │        │ source, playback, layer: what is sent  bundle, reception, track_check, picture_stream: what must have come
//!  ▼        ▼
//! report ◀─ figures
//! ```
//!
//! Media is synthetic ([`source`]); each packet says whose it is, which one, and when it was sent ([`stamp`]). Or it comes from files
//! ([`clip`], [`playback`]): then it is kept in mind what was sent ([`ledger`]). `source`, `playback`, `bundle`, `reception`,
//! `track_check` and `picture_stream` are pure. The WebRTC engine is the client here ([`peer`]): beside `sfu`, this is the only crate
//! that names it, and it must stay another implementation than the server's own sending path, which it checks.
//!
//! It measures with what is sent from one machine: how well a call looks in a browser, and what a real network does to it, is
//! not its subject.

mod application;
mod bundle;
mod churn;
mod clip;
mod delivery;
mod descriptors;
mod figures;
mod generator;
mod janus;
mod layer;
mod ledger;
mod livekit;
mod mediasoup;
mod member;
mod openvidu;
mod options;
mod packet;
mod page;
mod participant;
mod peer;
mod picture_stream;
mod playback;
mod process;
mod progress;
mod pulse;
mod reception;
mod report;
mod run;
mod sdp;
mod source;
mod stamp;
mod target;
mod track_check;
mod websocket;

use client::ClientError;

pub use options::{MediaOptions, Options, PictureCodec, Scenario, Shape, Share};
pub use progress::Progress;
pub use report::{
    Failure, GeneratorFigures, Joins, Layers, Legs, Packets, Quantiles, Report, Sample, Seams, ServerProcess,
};
pub use run::run;
pub use target::{Credentials, Protocol, Target};

/// Why there was no test, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum LoadTestError {
    #[error("{0}")]
    Options(String),
    /// The server cannot be asked.
    #[error(transparent)]
    Server(#[from] ClientError),
    #[error("{url} refuses the secret: OPENVIDU_SECRET must be the server's own")]
    WrongSecret { url: String },
    #[error("{request}: {why}")]
    Rest { request: String, why: String },
    #[error(
        "this test needs {needed} open sockets, and this process may have {available}: raise the limit (ulimit -Hn {needed}, \
         or LimitNOFILE= of systemd), or test with fewer participants"
    )]
    Descriptors { needed: u64, available: u64 },
    #[error("--pid {0}: there is no such process on this machine, or it cannot be looked at")]
    NoProcess(u32),
    #[error("cannot start: {0}")]
    Machine(String),
    #[error("cannot read {file}: {why}")]
    Unreadable { file: String, why: String },
    /// A file of media that breaks a rule.
    #[error("{file}, byte {offset}: {rule}")]
    Media { file: String, offset: usize, rule: String },
    #[error("cannot write {file}: {why}")]
    Unwritable { file: String, why: String },
}
