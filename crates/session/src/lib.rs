//! Who is in a call and what may they do: every rule about sessions, connections, tokens and streams.
//!
//! What it is not: it opens no socket, reads no clock, starts no task and parses no SDP, so that hours of a call run in a
//! test within milliseconds; and it speaks nobody's wire. What clients are told, in which words and with which codes, is
//! up to a front door such as the crate `openvidu`.
//!
//! [`Registry`] is a pure state machine. It takes [`Command`]s together with the current [`Time`] and hands out
//! [`Effect`]s in the order in which they must happen. Commands, replies, refusals and notifications are plain data.
//!
//! The contract with its shell:
//! 1. After *every* call, take [`Registry::poll_effect`] until it is empty, and carry the effects out in that order.
//!    That order keeps the promises on which clients build: a reply before the notifications that follow from it, a
//!    participant before its stream, a departure before its eviction.
//! 2. Call [`Registry::handle_timeout`] once [`Registry::poll_timeout`] has passed.
//! 3. Call through [`Registry::guarded`] where a panic must not be the end of every call.
//! 4. Every [`Effect::Media`] that carries a request id is settled by one [`Registry::handle_media`]. The worker carries
//!    out commands in order; if it is too slow, the client is told so and what it did is undone by later commands.
//!
//! Where things are: `registry` is the front, `request` the life of a client's request, `application` that of an
//! application's. What is asked and answered stands in [`command`], [`question`], [`reply`], [`refusal`],
//! [`notification`] and [`snapshot`]. One file per thing that happens (`join`, `publish`, `subscribe`, `leave`, `reconnection`, `moderation`,
//! `signal`, `property`, `recording`, `broadcast`, `speech`, `guest_room`, `ending`), one per thing that is (`session`, `connection`, `stream`,
//! `subscription`, `client`, `caller`), `sessions` is their table, `defect` what becomes of a panic, `permissions` says who may do what,
//! `voice` how much one may make others hear, `bandwidth` how much its pictures may take and `quality` how good a publisher's
//! network is; `filter` what the server does to streams. Transitions are methods of `Session` and of what is in it; what they use besides is a `Context`, which knows no
//! session.

pub use bandwidth::VideoBandwidth;
pub use broadcast::{BroadcastRefusal, BroadcastSettings, BroadcastStartFailure};
pub use caller::{CallerView, NoCaller, NoProspect, Prospect};
pub use camera::{CameraChange, CameraState};
pub use command::{Asker, CallId, ClientCommand, ClientHandle, Command, SocketId};
pub use connection::owner_in;
pub use defect::Defect;
pub use effect::{Effect, PeerInfo};
pub use guest_room::GuestRefusal;
pub use notice::{Attempt, Notice, Noticed, Whom};
pub use notification::Notification;
pub use observation::{MediaCondition, MediaLeg, MediaMilestone, MediaObservation, MediaTotals};
pub use quality::QualityLevel;
pub use question::Question;
pub use recording::{RecordingStartFailure, StartRefusal, StopRefusal};
pub use refusal::Refusal;
pub use registry::Registry;
pub use reply::Reply;
pub use settings::{RecordingSettings, Settings, TurnServer};
pub use speech::{ModelLoading, SpeechEngineKind, SpeechRefusal, SpeechService, SpeechSettings};
pub use time::Time;
pub use voice::{Flow, SignalLimits};

mod absence;
mod application;
mod bandwidth;
mod broadcast;
mod caller;
mod camera;
mod candidate;
mod client;
pub mod command;
mod connection;
mod context;
mod defect;
mod demand;
mod effect;
mod ending;
mod event;
pub mod figures;
mod filter;
mod garbage;
mod guest_room;
mod healing;
mod ice;
mod id;
mod jobs;
mod join;
mod leave;
mod media;
mod moderation;
mod notice;
pub mod notification;
mod observation;
mod peer_connection;
mod permissions;
mod property;
mod publish;
mod pull;
mod quality;
pub mod question;
mod reconnection;
mod recording;
pub mod refusal;
pub mod registry;
pub mod reply;
mod request;
mod selection;
mod session;
mod sessions;
mod settings;
mod signal;
pub mod snapshot;
mod speech;
mod stream;
mod subscribe;
mod subscription;
mod time;
mod timer;
mod transcoding;
mod viewer;
mod voice;
mod worker;
