//! WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep) as a front door: one client, one HTTP resource, one peer connection. Turns what
//! their requests hold into commands of the crate `session`, and what sessions answer into statuses, headers and SDP fragments.
//!
//! What it is not: it decides nothing about sessions, it is pure and keeps no state (a resource is a connection that its session
//! knows), and it does no HTTP: paths, methods and bodies are the server's. It reads of SDP only what tells an offer that nobody can
//! take, so that a token is not used up by it; what is taken is media's.
//!
//! | from | to | where |
//! |---|---|---|
//! | `Authorization` | a connection's token | [`bearer`] |
//! | an offer | [`session::ClientCommand`]s: join, then publish or subscribe | [`offer`], [`request`] |
//! | an SDP fragment (RFC 8840) with `If-Match` | candidates, or ICE that begins anew | [`fragment`], [`change`] |
//! | [`session::Reply`] | headers, and a fragment | [`answer`] |
//! | [`session::Refusal`] | a status and a text | [`problem`] |

pub mod answer;
pub mod bearer;
pub mod change;
pub mod fragment;
pub mod offer;
pub mod problem;
pub mod request;
mod sdp;

pub use change::Change;
pub use fragment::Fragment;
pub use offer::Offer;
pub use problem::Problem;

/// The type of offers and answers.
pub const SDP: &str = "application/sdp";
/// The type of what changes a resource.
pub const SDP_FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// Which way media goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// WHIP: the client sends.
    Publish,
    /// WHEP: the client receives.
    Play,
}
