//! Pulls of cameras: one job for all cameras, of whatever sessions, that are at the same address and want the same of it. It begins
//! with the first of them and ends with the last.
//!
//! What their sessions have announced may differ: a camera takes part in a pull only if both can send one codec. A file has a
//! beginning, which is another one for each who plays it, and so a pull of its own.

use std::collections::BTreeMap;

use protocol::id::{JobId, PublicationId, RouterId};
use protocol::job::{CameraSpec, FromJob, JobCommand, JobNews, JobSpec, ToJob};
use protocol::media::{OutputVideo, VideoCodec};

use crate::camera::CameraState;
use crate::context::Context;
use crate::jobs::JobPurpose;
use crate::{Effect, Registry, Time};

/// All that run.
pub(crate) type Pulls = BTreeMap<JobId, Pull>;

/// Where a camera's packets are published.
pub(crate) type Outputs = Vec<(RouterId, PublicationId)>;

/// One of them.
#[derive(Debug)]
pub(crate) struct Pull {
    spec: CameraSpec,
    /// What its pictures are, or have to be.
    codec: Option<VideoCodec>,
    /// What it says that it sends.
    video: Option<OutputVideo>,
    state: CameraState,
    /// By what the cameras publish.
    cameras: BTreeMap<PublicationId, Outputs>,
}

/// What a camera takes part in.
pub(crate) struct Joined {
    pub(crate) job: JobId,
    pub(crate) state: CameraState,
    /// Once that is known.
    pub(crate) video: Option<OutputVideo>,
}

impl Context {
    /// A camera takes part in a pull: a new one if need be, or if it shares none. `settled`: what it was announced with.
    pub(crate) fn join_pull(
        &mut self,
        camera: PublicationId,
        spec: CameraSpec,
        shares: bool,
        settled: Option<VideoCodec>,
    ) -> Joined {
        let is_fit = |pull: &Pull| {
            let agree = pull.codec.is_none() || settled.is_none() || pull.codec == settled;
            shares && pull.spec == spec && agree
        };
        let running = self.pulls.iter().find(|(_, pull)| is_fit(pull)).map(|(job, _)| *job);
        let job = running.unwrap_or_else(|| self.start_job(JobPurpose::Camera, JobSpec::Camera(spec.clone()), None));
        let pull = self.pulls.entry(job).or_insert_with(|| Pull {
            spec,
            codec: None,
            video: None,
            state: CameraState::Connecting,
            cameras: BTreeMap::new(),
        });
        pull.cameras.insert(camera, vec![]);
        let joined = Joined { job, state: pull.state.clone(), video: pull.video.clone() };
        if let Some(codec) = settled {
            self.settle_pull(job, codec);
        }
        joined
    }

    /// A camera's packets are published there, and nowhere else.
    pub(crate) fn route_pull(&mut self, job: JobId, camera: PublicationId, outputs: Outputs) {
        let Some(known) = self.pulls.get_mut(&job).and_then(|pull| pull.cameras.get_mut(&camera)) else { return };
        let before = std::mem::replace(known, outputs.clone());
        for (_, publication) in before.iter().filter(|output| !outputs.contains(output)).copied() {
            self.effects.push(Effect::Job(JobCommand::RemoveOutput { job, publication }));
        }
        for (router, publication) in outputs.into_iter().filter(|output| !before.contains(output)) {
            self.effects.push(Effect::Job(JobCommand::AddOutput { job, router, publication }));
        }
    }

    /// A camera takes no part any more.
    pub(crate) fn leave_pull(&mut self, job: JobId, camera: PublicationId) {
        self.route_pull(job, camera, vec![]);
        let Some(pull) = self.pulls.get_mut(&job) else { return };
        pull.cameras.remove(&camera);
        if pull.cameras.is_empty() {
            self.pulls.remove(&job);
            self.stop_job(job);
        }
    }

    /// What it sends, if that is decided.
    pub(crate) fn pulled_codec(&self, job: JobId) -> Option<VideoCodec> {
        self.pulls.get(&job)?.codec
    }

    /// Its pictures are announced: they have to stay so, also if it is started anew.
    pub(crate) fn settle_pull(&mut self, job: JobId, video: VideoCodec) {
        if let Some(pull) = self.pulls.get_mut(&job).filter(|pull| pull.codec.is_none()) {
            pull.codec = Some(video);
            self.effects.push(Effect::Job(JobCommand::Tell { job, message: ToJob::Settle { video } }));
        }
    }
}

impl Registry {
    /// The job of a pull reports: all of its cameras are told.
    pub(crate) fn pull_reported(&mut self, job: JobId, news: &JobNews, now: Time) {
        let Some(pull) = self.cx.pulls.get_mut(&job) else { return };
        if let Some(state) = CameraState::after(news) {
            pull.state = state;
        }
        // What comes too late has been told, or is being told, what it must be.
        if let JobNews::Said(FromJob::Ready { video: Some(video), .. }) = news
            && pull.codec.is_none_or(|codec| codec == video.codec)
        {
            pull.video = Some(video.clone());
        }
        let cameras: Vec<PublicationId> = pull.cameras.keys().copied().collect();
        if matches!(news, JobNews::Ended(_)) {
            self.cx.pulls.remove(&job);
            self.cx.forget_job(job);
        }
        for camera in cameras {
            self.take_from_camera(camera, news, now);
        }
    }
}
