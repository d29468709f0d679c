//! The JSON text inside `sendMessage` (`signaling.md` §8.8).

use crate::error::ErrorCode;

/// A signal as a client sent it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signal {
    /// Connection ids; empty = everybody, the sender included. `None` stands for a `null` entry.
    pub to: Vec<Option<String>>,
    /// Verbatim.
    pub data: Option<String>,
    /// Verbatim, e.g. `signal:chat`.
    pub kind: Option<String>,
}

/// Why a text is no signal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignalFault {
    /// 600, or −1.
    pub code: ErrorCode,
    /// Without the code.
    pub message: String,
}

impl Signal {
    /// Reads the inner text of `sendMessage`.
    pub fn parse(message: &str) -> Result<Self, SignalFault> {
        let _ = message;
        todo!()
    }
}
