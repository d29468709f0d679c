//! Live work with media in processes of their own: which job is for what. What follows from what a job says stands with what it is
//! for (`filter`, `camera`…).

use std::collections::HashMap;

use protocol::id::{JobId, MediaRequestId, PublicationId, SessionId};
use protocol::job::{JobCommand, JobReport};
use protocol::media::VideoCodec;

use crate::client::Seat;
use crate::context::Context;
use crate::{Effect, Registry, Time};

/// What a job is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum JobPurpose {
    /// What goes of a session to a target outside.
    Broadcast { session: SessionId },
    /// Hears one speaker in one language (`speech`).
    Recognise,
    /// Somebody's stream in another codec.
    Transcoding { seat: Seat, codec: VideoCodec },
    /// The filter of a stream. If it is published only once the filter is there, somebody waits for that.
    Filter { seat: Seat, preparing: Option<MediaRequestId> },
    /// Pulls the camera that publishes this.
    Camera(PublicationId),
}

/// All that run.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    purposes: HashMap<JobId, JobPurpose>,
}

impl Jobs {
    pub(crate) fn count(&self) -> usize {
        self.purposes.len()
    }
}

impl Context {
    /// A new job, which is started by the caller ([`JobCommand::Start`]).
    pub(crate) fn new_job(&mut self, purpose: JobPurpose) -> JobId {
        let job = self.ids.job();
        self.jobs.purposes.insert(job, purpose);
        job
    }

    /// It is for something else from now on.
    pub(crate) fn change_purpose(&mut self, job: JobId, purpose: JobPurpose) {
        if let Some(known) = self.jobs.purposes.get_mut(&job) {
            *known = purpose;
        }
    }

    /// Ends a job; nothing is heard of it any more.
    pub(crate) fn stop_job(&mut self, job: JobId) {
        if self.jobs.purposes.remove(&job).is_some() {
            self.effects.push(Effect::Job(JobCommand::Stop { job }));
        }
    }

    /// It has ended by itself.
    pub(crate) fn forget_job(&mut self, job: JobId) {
        self.jobs.purposes.remove(&job);
    }
}

impl Registry {
    /// Something has become of a job.
    pub fn handle_job(&mut self, report: JobReport, now: Time) {
        let Some(purpose) = self.cx.jobs.purposes.get(&report.job).cloned() else { return };
        match purpose {
            JobPurpose::Broadcast { session } => self.broadcast_reported(&session, report, now),
            JobPurpose::Recognise => self.recogniser_reports(report.job, report.news, now),
            JobPurpose::Transcoding { seat, codec } => self.transcoding_reported(&seat, codec, report.news),
            JobPurpose::Filter { seat, preparing } => {
                self.filter_reported(report.job, seat, preparing, report.news, now);
            }
            JobPurpose::Camera(publication) => self.take_from_camera(publication, report.news, now),
        }
        self.settle(now);
    }
}
