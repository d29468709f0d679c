//! Live work with media in processes of their own: which job is for what. What follows from what a job says stands with what it is
//! for (`filter`, `camera`…).

use std::collections::HashMap;

use protocol::id::{JobId, MediaRequestId, PublicationId, RouterId, SessionId, TapId};
use protocol::job::{JobCommand, JobInput, JobReport, JobSpec};
use protocol::media::{Kinds, MediaOperation, VideoCodec};

use crate::client::Seat;
use crate::command::StreamProperties;
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
    /// Pulls a camera (`pull`).
    Camera,
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

impl StreamProperties {
    /// Such a stream as a job has it: these kinds of it, under a number that is new in the job.
    pub(crate) fn job_input(&self, number: u16, Kinds { audio, video }: Kinds) -> JobInput {
        JobInput {
            number,
            audio,
            video,
            audio_active: self.audio_active.unwrap_or(true),
            video_active: self.video_active.unwrap_or(true),
            is_screen: self.is_screen(),
            name: None,
        }
    }
}

impl Context {
    /// Begins a job. What comes out of it, if anything does, is published as `output`.
    pub(crate) fn start_job(
        &mut self,
        purpose: JobPurpose,
        spec: JobSpec,
        output: Option<(RouterId, PublicationId)>,
    ) -> JobId {
        let job = self.ids.job();
        self.jobs.purposes.insert(job, purpose);
        self.effects.push(Effect::Job(JobCommand::Start { job, spec: Box::new(spec) }));
        if let Some((router, publication)) = output {
            self.effects.push(Effect::Job(JobCommand::AddOutput { job, router, publication }));
        }
        job
    }

    /// What is published there comes to a job from now on, by a new tap.
    pub(crate) fn add_job_input(
        &mut self,
        job: JobId,
        (router, publication): (RouterId, PublicationId),
        tap: TapId,
        input: JobInput,
    ) {
        let (audio, video) = (input.audio, input.video);
        self.effects.push(Effect::Job(JobCommand::AddInput { job, router, tap, input }));
        self.effects.media(router, MediaOperation::SetTap { tap, publication, audio, video });
    }

    /// It comes no longer.
    pub(crate) fn remove_job_input(&mut self, job: JobId, router: RouterId, tap: TapId) {
        self.effects.media(router, MediaOperation::RemoveTap { tap });
        self.effects.push(Effect::Job(JobCommand::RemoveInput { job, tap }));
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
            JobPurpose::Camera => self.pull_reported(report.job, &report.news, now),
        }
        self.settle(now);
    }
}
