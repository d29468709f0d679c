//! Live work with media in processes of their own (`madang-transcoder --job`): filters, cameras, broadcasts, speech to text,
//! transcoding. Starts them, carries packets and words between them and the rest of the server, and starts those anew that have
//! died.
//!
//! It does *not* know what a job is good for: sessions ask for one ([`protocol::job::JobCommand`]) and are told what becomes of it
//! ([`protocol::job::JobReport`]); what is said in between is theirs. It looks into no packet.
//!
//! | Queue | Bound | When full |
//! |---|---|---|
//! | packets and words to one job | 4 096, of which 512 are for words alone | packets are dropped and counted, words with a warning; a process that takes nothing for 20 s is killed |
//! | reports of all jobs | 1 024 | jobs wait; their packets do not |
//! | packets from a job to a media worker | see `media` | dropped, as by a network |

mod link;
mod page;
mod process;
mod route;
mod task;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use media::{LocalSource, TapSink, WeakMediaHandle};
use protocol::id::{JobId, PublicationId, RouterId, TapId};
use protocol::job::{FromJob, JobCommand, JobEnd, JobInput, JobNews, JobPage, JobReport};
use recordings::{Layouts, Transcoder};
use sfu::TapPacket;
use tokio::sync::mpsc;

use crate::page::{Page, Showing};
use crate::route::{ForJob, Route, Routes};
use crate::task::Task;

/// Reports on their way.
const REPORTS: usize = 1024;

/// What jobs stand on.
#[derive(Clone, Debug)]
pub struct JobOptions {
    /// What their processes are.
    pub transcoder: Transcoder,
    /// So many at a time.
    pub limit: usize,
    /// Browsers for pages of the application's, if there are any.
    pub layouts: Option<Layouts>,
}

/// How much there is, and has been, of jobs.
#[derive(Debug, Default)]
pub struct JobFigures {
    running: AtomicUsize,
    restarts: AtomicU64,
    refused: AtomicU64,
    dropped: AtomicU64,
}

impl JobFigures {
    /// At work.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// Processes that were started in the place of one that had died.
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// What was not begun: the machine lacks something for it, or as much runs as may.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Packets that found no room on their way to a job, or in it, and pictures for which one had no time.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// The way of packets to jobs, beside the one to recordings. Cheap to clone.
#[derive(Clone, Debug)]
pub struct JobTaps<Others> {
    routes: Routes,
    others: Others,
}

/// The ways to jobs that do not run yet: media workers are started with them, and jobs need the workers.
#[derive(Clone, Debug, Default)]
pub struct JobRoutes(Routes);

impl JobRoutes {
    /// What is for no job goes to `others`.
    pub fn taps<Others>(&self, others: Others) -> JobTaps<Others> {
        JobTaps { routes: self.0.clone(), others }
    }
}

impl<Others: TapSink> TapSink for JobTaps<Others> {
    fn take(&self, packet: TapPacket) {
        if let Some(packet) = self.routes.send(packet) {
            self.others.take(packet);
        }
    }

    fn want_key_frame(&self, publication: PublicationId) {
        self.routes.want_key_frame(publication);
    }
}

/// All jobs. When it is dropped they end.
#[derive(Debug)]
pub struct Jobs {
    options: JobOptions,
    routes: Routes,
    media: WeakMediaHandle,
    local: LocalSource,
    reports: mpsc::Sender<JobReport>,
    figures: Arc<JobFigures>,
    running: HashMap<JobId, Running>,
}

#[derive(Debug)]
struct Running {
    route: Route,
    taps: Vec<TapId>,
    outputs: Vec<PublicationId>,
    /// If it has one: shown as long as this is kept.
    page: Option<Page>,
}

impl Running {
    fn add_input(&mut self, router: RouterId, tap: TapId, input: JobInput, routes: &Routes) {
        self.taps.push(tap);
        routes.add_tap(tap, self.route.clone(), input.number);
        self.route.say(ForJob::AddInput { router, tap, input });
    }
}

impl Jobs {
    /// With what they report. Must be called inside a Tokio runtime.
    pub fn new(
        options: JobOptions,
        routes: JobRoutes,
        media: WeakMediaHandle,
        local: LocalSource,
    ) -> (Self, mpsc::Receiver<JobReport>) {
        let (reports, receiver) = mpsc::channel(REPORTS);
        let (figures, running) = (Arc::default(), HashMap::new());
        (Self { options, routes: routes.0, media, local, reports, figures, running }, receiver)
    }

    /// What has been counted.
    pub fn figures(&self) -> Arc<JobFigures> {
        self.figures.clone()
    }

    /// Carries out a command; if that is impossible, returns what is to be reported at once. Never waits.
    pub fn send(&mut self, command: JobCommand) -> Option<JobReport> {
        match command {
            JobCommand::Start { job, spec } => {
                if let Err(end) = self.may_start() {
                    self.figures.refused.fetch_add(1, Ordering::Relaxed);
                    return Some(JobReport { job, news: JobNews::Ended(end) });
                }
                let (route, queue) = Route::new(self.figures.clone());
                self.running.insert(job, Running { route, taps: vec![], outputs: vec![], page: None });
                let task = Task {
                    job,
                    spec: *spec,
                    local: self.local.clone(),
                    transcoder: self.options.transcoder.clone(),
                    media: self.media.clone(),
                    reports: self.reports.clone(),
                    figures: self.figures.clone(),
                };
                tokio::spawn(task.run(queue));
            }
            JobCommand::AddInput { job, router, tap, input } => {
                if let Some(running) = self.running.get_mut(&job) {
                    running.add_input(router, tap, input, &self.routes);
                }
            }
            JobCommand::ShowPage { job, router, tap, input, page } => {
                let shown = self.show(job, router, tap, &page);
                let running = self.running.get_mut(&job)?;
                match shown {
                    Ok(shown) => running.page = Some(shown),
                    Err(why) => return Some(JobReport { job, news: JobNews::Said(FromJob::PageLost { why }) }),
                }
                running.add_input(router, tap, input, &self.routes);
            }
            JobCommand::ChangeInput { job, input } => self.tell(job, ForJob::ChangeInput { input }),
            JobCommand::RemoveInput { job, tap } => {
                if let Some(running) = self.running.get_mut(&job) {
                    running.taps.retain(|other| *other != tap);
                    self.routes.remove_tap(tap);
                    running.route.say(ForJob::RemoveInput { tap });
                }
            }
            JobCommand::AddOutput { job, router, publication } => {
                if let Some(running) = self.running.get_mut(&job) {
                    running.outputs.push(publication);
                    self.routes.add_output(publication, running.route.clone());
                    running.route.say(ForJob::AddOutput { router, publication });
                }
            }
            JobCommand::RemoveOutput { job, publication } => {
                if let Some(running) = self.running.get_mut(&job) {
                    running.outputs.retain(|other| *other != publication);
                    self.routes.remove_output(publication);
                    running.route.say(ForJob::RemoveOutput { publication });
                }
            }
            JobCommand::Tell { job, message } => self.tell(job, ForJob::Tell(message)),
            JobCommand::Stop { job } => self.forget(job),
        }
        None
    }

    fn may_start(&self) -> Result<(), JobEnd> {
        self.options.transcoder.missing().map_err(|lacks| JobEnd::Unavailable(lacks.for_jobs()))?;
        if self.running.len() >= self.options.limit {
            return Err(JobEnd::Overloaded("As many jobs with media run as may (setting MADANG_JOBS)".to_owned()));
        }
        Ok(())
    }

    fn show(&self, job: JobId, router: RouterId, tap: TapId, page: &JobPage) -> Result<Page, String> {
        let layouts = self.options.layouts.as_ref().ok_or_else(|| "there is no browser".to_owned())?;
        let options = layouts.page(&page.composition, page.session.as_str(), page.pass.as_ref(), page.has_audio)?;
        let (routes, reports) = (self.routes.clone(), self.reports.clone());
        Showing { job, router, tap, options, routes, reports }.begin().map_err(|error| error.to_string())
    }

    fn tell(&self, job: JobId, what: ForJob) {
        if let Some(running) = self.running.get(&job) {
            running.route.say(what);
        }
    }

    /// Closes the ways of a job, also of one that has ended by itself. Once nobody holds its route any more the task ends, and its
    /// process with it.
    pub fn forget(&mut self, job: JobId) {
        if let Some(Running { taps, outputs, route: _, page: _ }) = self.running.remove(&job) {
            taps.into_iter().for_each(|tap| self.routes.remove_tap(tap));
            outputs.into_iter().for_each(|publication| self.routes.remove_output(publication));
        }
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
