//! Does a queue grow? Arrival times of one transport in, [`Usage`] out (draft-ietf-rmcat-gcc-02 §5.1 to §5.4, with a line
//! fitted through the last delays in place of the Kalman filter, as browsers do).
//!
//! ```text
//! packets → groups → change of delay between two → slope of the last twenty → threshold → usage
//! ```
//!
//! It knows nothing of rates, and nothing of other transports.

mod groups;
mod trend;

pub(crate) use groups::Groups;
pub(crate) use trend::Trend;

/// What the delays say of the path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Usage {
    /// A queue becomes shorter.
    Underuse,
    /// Delays stay.
    #[default]
    Normal,
    /// A queue grows.
    Overuse,
}
