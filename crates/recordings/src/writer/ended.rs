//! Taps whose files have ended: their last packets may still be on their way, and their streams may go on in other files.

use std::collections::{HashMap, VecDeque};

use muxing::StreamTime;
use protocol::id::TapId;

/// As many as are remembered. Packets of those before are held as if their file were still to come, and then given up.
const MAX_ENDED: usize = 1024;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct EndedTaps {
    times: HashMap<TapId, Option<StreamTime>>,
    /// The latest last.
    order: VecDeque<TapId>,
}

impl EndedTaps {
    /// A tap's packets are of no use any more. `time`: how its stream would go on, if that is known.
    pub(super) fn insert(&mut self, tap: TapId, time: Option<StreamTime>) {
        match self.times.get_mut(&tap) {
            Some(known) => *known = time.or(known.take()),
            None => {
                self.times.insert(tap, time);
                self.order.push_back(tap);
            }
        }
        if self.order.len() > MAX_ENDED
            && let Some(oldest) = self.order.pop_front()
        {
            self.times.remove(&oldest);
        }
    }

    /// How the stream of a tap goes on, for the file that does so.
    pub(super) fn take_time(&mut self, tap: TapId) -> Option<StreamTime> {
        self.times.get_mut(&tap)?.take()
    }

    /// Its file begins after all.
    pub(super) fn remove(&mut self, tap: TapId) {
        if self.times.remove(&tap).is_some() {
            self.order.retain(|ended| *ended != tap);
        }
    }

    pub(super) fn contains(&self, tap: TapId) -> bool {
        self.times.contains_key(&tap)
    }
}
