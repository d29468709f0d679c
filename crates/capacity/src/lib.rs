//! How much fits: what calls of a given shape need of processors, memory and network, by a model that was fitted to measurements.
//!
//! ```text
//! options ──▶ Call ──▶ traffic: packets, trains, bits ──▶ costs: cores, memory ──▶ report: what fits, and what is the limit
//! ```
//!
//! The constants are in [`costs`]; where they come from, what they are wrong by and what is not in them, in `docs/scaling.md`.
//! Pure: nothing is measured here, and nothing of the server is used.

mod call;
pub mod costs;
mod machine;
mod options;
mod quantity;
mod report;
mod traffic;

pub use call::{Call, Recording, Video};
pub use machine::{Limit, Machine, Need, Room};
pub use options::{Options, OptionsError};
pub use report::Report;
pub use traffic::Traffic;
