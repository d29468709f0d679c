//! Ids of traces and spans, made up.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::span::{SpanId, TraceId};

/// Where ids come from.
pub(crate) struct Ids(StdRng);

impl Ids {
    /// `seed`: unpredictable but in tests.
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self(StdRng::from_seed(seed))
    }

    pub(crate) fn trace(&mut self) -> TraceId {
        loop {
            if let Some(trace) = TraceId::new(self.0.random()) {
                return trace;
            }
        }
    }

    pub(crate) fn span(&mut self) -> SpanId {
        loop {
            if let Some(span) = SpanId::new(self.0.random()) {
                return span;
            }
        }
    }
}
