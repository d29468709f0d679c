//! The server: sockets, files and time around the pure cores `session` and `sfu`.
//!
//! A start has three steps: [`open`] what the machine has to give, [`wire`] threads and queues around it, [`serve`] clients.
//! [`server`] is what stands around them.
//!
//! * [`control`]: one task that owns the sessions; `outbox`: its way to each socket.
//! * `signalling`: one task per WebSocket `/openvidu`.
//! * [`http`]: REST and pages; `state`: what handlers share, in parts.
//! * `media`: one thread that owns the peer connections and the UDP port.
//! * `turn_offer` and `ice_servers`: which TURN servers clients are told of.
//! * [`ports`]: the one TCP port, plain and TLS; `connection`, `client_address`, `forwarded` and `forwarding`: what is known of who
//!   came through it.
//! * [`limits`]: what strangers may take, of what `descriptors` there are; `standing` says who is one, `network`, `shares`,
//!   `allowance` and `wrong_secrets` hold them to it.
//! * [`options`]: the settings in the terms of the parts that use them.
//! * `vitals`: whether the control loop and the media worker answer; `threads`: those that must not end while it runs.
//! * `lost`: what a crash has ended, told at the next start.
//! * [`program`]: what stays while the server restarts; `node`: how a cluster would know it.
//!
//! There is no rule about sessions or packets here: it only carries.

pub use settings::{Config, ConfigError};

pub use control::{Control, Stopped};
pub use limits::Limits;
pub use observers::MediaObservers;
pub use open::StartError;
pub use options::load as load_settings;
pub use program::Program;
pub use server::{STOP_DEADLINE, Server};
pub use vitals::Silent;

mod allowance;
mod authority;
mod bound;
mod camera_source;
mod client_address;
mod connection;
mod container_names;
pub mod control;
mod descriptors;
mod forwarded;
mod forwarding;
pub mod http;
mod ice_servers;
pub mod limits;
mod logins;
mod lost;
mod metrics;
mod network;
mod node;
mod observers;
mod open;
pub mod options;
mod outbox;
pub mod ports;
pub mod program;
mod serve;
mod server;
mod shares;
mod signalling;
mod standing;
mod state;
mod stopping;
mod threads;
mod traced_requests;
mod turn_offer;
mod vitals;
mod well_known_secret;
mod wire;
mod wrong_secrets;
