//! Recordings on their way to where they are kept: few at a time, and each for as long as it takes.

use std::time::Duration;

use muxing::Time;
use protocol::recording::RecordingView;

use super::recording::{Phase, Recording, RecordingRef, Upload};
use super::{Director, Order};

/// At the same time; each takes the memory of one part of a file.
const UPLOADS: usize = 4;
/// Pause after a failure, doubled each time. The bucket's library tries single requests for some minutes already.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

impl Upload {
    pub(super) fn poll_timeout(self) -> Option<Time> {
        match self {
            Self::Pausing { until, .. } => Some(until),
            Self::Queued { .. } | Self::Sending { .. } => None,
        }
    }
}

impl Director {
    pub(super) fn queue_upload(&mut self, recording: RecordingRef, now: Time) {
        if let Some(state) = self.recordings.get_mut(&recording) {
            state.phase = Phase::Uploading(Upload::Queued { failures: 0 });
        }
        self.upload_next(now);
    }

    pub(super) fn uploaded(&mut self, recording: RecordingRef, result: Result<Box<RecordingView>, String>, now: Time) {
        let Some(state) = self.recordings.get_mut(&recording) else { return };
        let Phase::Uploading(Upload::Sending { failures }) = state.phase else { return };
        match result {
            Ok(view) => {
                state.view = *view;
                tracing::info!(recording = state.view.id, "in the bucket");
                self.settle(recording);
            }
            Err(error) => {
                let pause = pause(failures);
                let seconds = pause.as_secs();
                tracing::error!(recording = state.view.id, %error, "cannot be uploaded; again in {seconds} s");
                state.phase = Phase::Uploading(Upload::Pausing { failures: failures + 1, until: now + pause });
            }
        }
        self.upload_next(now);
    }

    pub(super) fn upload_timeout(&mut self, now: Time) {
        for state in self.recordings.values_mut() {
            if let Phase::Uploading(upload) = &mut state.phase
                && let Upload::Pausing { failures, until } = *upload
                && until <= now
            {
                *upload = Upload::Queued { failures };
            }
        }
        self.upload_next(now);
    }

    fn upload_next(&mut self, _now: Time) {
        let is_sending = |state: &&Recording| matches!(state.phase, Phase::Uploading(Upload::Sending { .. }));
        let free = UPLOADS.saturating_sub(self.recordings.values().filter(is_sending).count());
        let queued = self.recordings.iter_mut().filter_map(|(recording, state)| match &mut state.phase {
            Phase::Uploading(upload) => match *upload {
                Upload::Queued { failures } => {
                    *upload = Upload::Sending { failures };
                    Some(Order::Upload { recording: *recording, view: Box::new(state.view.clone()) })
                }
                Upload::Sending { .. } | Upload::Pausing { .. } => None,
            },
            _ => None,
        });
        let next: Vec<_> = queued.take(free).collect();
        self.orders.extend(next);
    }
}

fn pause(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(LONGEST_PAUSE)
}
