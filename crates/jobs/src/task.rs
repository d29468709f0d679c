//! One job from its beginning to its end, with as many processes as that takes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use media::{LocalMedia, LocalSource, WeakMediaHandle};
use protocol::id::{JobId, PublicationId, RouterId, TapId};
use protocol::job::{FromJob, JobEnd, JobInput, JobNews, JobReport, JobSpec, ToJob};
use protocol::media::MediaOperation;
use recordings::Transcoder;
use sfu::LocalPacket;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::JobFigures;
use crate::link::{Link, Received};
use crate::process::Process;
use crate::route::ForJob;

/// A process that says nothing for so long, or takes nothing, hangs.
const SILENCE: Duration = Duration::from_secs(20);
/// One that has run so long counts as one that works: its death is the first again.
const GOOD: Duration = Duration::from_secs(30);
/// Deaths of processes that did not.
const PATIENCE: u32 = 5;
/// After the first death; doubled with each.
const PAUSE: Duration = Duration::from_millis(250);
/// Words that are kept for the next process.
const MOST_WORDS: usize = 64;

/// See the module.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) job: JobId,
    pub(crate) spec: JobSpec,
    pub(crate) local: LocalSource,
    pub(crate) transcoder: Transcoder,
    pub(crate) media: WeakMediaHandle,
    pub(crate) reports: mpsc::Sender<JobReport>,
    pub(crate) figures: Arc<JobFigures>,
}

/// What the next process is to be told, and where what it makes goes.
#[derive(Debug, Default)]
struct Told {
    inputs: Vec<Input>,
    words: Vec<ToJob>,
    outputs: Vec<Output>,
}

#[derive(Debug)]
struct Input {
    router: RouterId,
    tap: TapId,
    input: JobInput,
}

/// Where its packets go.
#[derive(Clone, Copy, Debug)]
struct Output {
    router: RouterId,
    publication: PublicationId,
}

/// How a process has ended.
enum End {
    /// Nobody wants the job any more.
    Stopped,
    /// It says that it cannot be done.
    Failed(String),
    /// It was not meant to.
    Died,
}

impl Task {
    /// Until nobody wants it any more, or it cannot be done.
    pub(crate) async fn run(self, mut queue: mpsc::Receiver<ForJob>) {
        self.figures.running.fetch_add(1, Ordering::Relaxed);
        if let Some(end) = self.work(&mut queue).await {
            self.report(JobNews::Ended(end)).await;
        }
        self.figures.running.fetch_sub(1, Ordering::Relaxed);
    }

    /// `None`: it was stopped.
    async fn work(&self, queue: &mut mpsc::Receiver<ForJob>) -> Option<JobEnd> {
        let transcoder = self.transcoder.clone();
        let checked = tokio::task::spawn_blocking(move || transcoder.await_check()).await;
        if let Ok(Err(lacks)) = checked {
            return Some(JobEnd::Unavailable(lacks.for_jobs()));
        }
        let (mut told, mut deaths, mut starts) = (Told::default(), 0, 0);
        loop {
            let began = Instant::now();
            let why = match self.process(&mut told, starts, queue).await {
                Ok((End::Stopped, _)) => return None,
                Ok((End::Failed(why), _)) => return Some(JobEnd::Failed(why)),
                Ok((End::Died, status)) => status,
                Err(error) => error.to_string(),
            };
            deaths = if began.elapsed() >= GOOD { 1 } else { deaths + 1 };
            if deaths > PATIENCE {
                return Some(JobEnd::Failed(why));
            }
            tracing::warn!(job = self.job.0, why, "the process of a job has died and is started anew");
            self.report(JobNews::Restarting { why }).await;
            if !told.wait(Instant::now() + PAUSE * 2u32.pow(deaths - 1), queue).await {
                return None;
            }
            self.figures.restarts.fetch_add(1, Ordering::Relaxed);
            starts += 1;
        }
    }

    /// One process, with how it has ended.
    async fn process(
        &self,
        told: &mut Told,
        start: u32,
        queue: &mut mpsc::Receiver<ForJob>,
    ) -> io::Result<(End, String)> {
        let (mut link, theirs) = Link::pair(SILENCE)?;
        let process = Process::start(&self.transcoder, theirs)?;
        let end = match self.talk(&mut link, told, start, queue).await {
            Ok(end) => end,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                tracing::warn!(job = self.job.0, "the process of a job takes nothing");
                End::Died
            }
            Err(_) => self.last_words(&mut link, told, start).await,
        };
        // It ends when it has lost it.
        drop(link);
        Ok((end, process.end().await))
    }

    /// Carries words and packets both ways. An error is the process's end, or says that it has to be ended.
    async fn talk(
        &self,
        link: &mut Link,
        told: &mut Told,
        start: u32,
        queue: &mut mpsc::Receiver<ForJob>,
    ) -> io::Result<End> {
        link.say(&ToJob::Begin { spec: self.spec.clone() }).await?;
        for input in &told.inputs {
            link.say(&ToJob::AddInput { input: input.input.clone() }).await?;
        }
        for words in &told.words {
            link.say(words).await?;
        }
        let mut hangs_at = Instant::now() + SILENCE;
        // As this process counts.
        let mut dropped = 0;
        loop {
            tokio::select! {
                biased;
                received = link.receive() => {
                    let Some(received) = received else { return Ok(End::Died) };
                    hangs_at = Instant::now() + SILENCE;
                    if let Some(end) = self.take(received, told, start, &mut dropped).await {
                        return Ok(end);
                    }
                }
                given = queue.recv() => {
                    let Some(given) = given else { return Ok(End::Stopped) };
                    if let ForJob::Packet { input, packet } = &given {
                        link.send(*input, packet).await?;
                    } else if let Some(words) = told.note(given) {
                        link.say(&words).await?;
                    }
                }
                () = sleep_until(hangs_at) => {
                    tracing::warn!(job = self.job.0, "the process of a job says nothing");
                    return Ok(End::Died);
                }
            }
        }
    }

    /// It takes nothing any more, and may have said why.
    async fn last_words(&self, link: &mut Link, told: &Told, start: u32) -> End {
        let mut dropped = 0;
        while let Some(received) = link.receive().await {
            if let Some(end) = self.take(received, told, start, &mut dropped).await {
                return end;
            }
        }
        End::Died
    }

    async fn take(&self, received: Received, told: &Told, start: u32, dropped: &mut u64) -> Option<End> {
        let Received { words, mut packets } = received;
        if let Some((last, others)) = told.outputs.split_last().filter(|_| !packets.is_empty()) {
            // What one process counts has nothing to do with what the one before it did.
            packets
                .iter_mut()
                .for_each(|packet| packet.source = packet.source.wrapping_add(start.wrapping_mul(0x9e37_79b9)));
            // Payloads are shared.
            others.iter().for_each(|output| self.publish(*output, packets.clone()));
            self.publish(*last, packets);
        }
        for words in words {
            match words {
                FromJob::KeyFrameWanted { number } => {
                    if let Some(input) = told.inputs.iter().find(|input| input.input.number == number) {
                        self.media.send(MediaOperation::RequestKeyFrame { tap: input.tap }.at(input.router));
                    }
                }
                FromJob::Working { dropped: count } => {
                    let more = count.saturating_sub(std::mem::replace(dropped, count));
                    self.figures.dropped.fetch_add(more, Ordering::Relaxed);
                }
                FromJob::Failed { why } => return Some(End::Failed(why)),
                words => self.report(JobNews::Said(words)).await,
            }
        }
        None
    }

    fn publish(&self, Output { router, publication }: Output, packets: Vec<LocalPacket>) {
        let count = packets.len() as u64;
        if !self.local.send(router, LocalMedia { publication, packets }) {
            self.figures.dropped.fetch_add(count, Ordering::Relaxed);
        }
    }

    async fn report(&self, news: JobNews) {
        // A server that stops listens to nobody.
        let _ = self.reports.send(JobReport { job: self.job, news }).await;
    }
}

impl Told {
    /// Remembers what the next process has to know; what this one is told.
    fn note(&mut self, given: ForJob) -> Option<ToJob> {
        match given {
            ForJob::AddInput { router, tap, input } => {
                self.inputs.push(Input { router, tap, input: input.clone() });
                Some(ToJob::AddInput { input })
            }
            ForJob::ChangeInput { input } => {
                let known = self.inputs.iter_mut().find(|known| known.input.number == input.number)?;
                known.input = input.clone();
                Some(ToJob::ChangeInput { input })
            }
            ForJob::RemoveInput { tap } => {
                let at = self.inputs.iter().position(|input| input.tap == tap)?;
                let number = self.inputs.remove(at).input.number;
                Some(ToJob::RemoveInput { number })
            }
            ForJob::AddOutput { router, publication } => {
                self.outputs.push(Output { router, publication });
                None
            }
            ForJob::RemoveOutput { publication } => {
                self.outputs.retain(|output| output.publication != publication);
                None
            }
            ForJob::Tell(words) => {
                match &words {
                    ToJob::KeyFrame => {}
                    ToJob::Bitrate { .. } | ToJob::Settle { .. } => {
                        self.words.retain(|known| std::mem::discriminant(known) != std::mem::discriminant(&words));
                        self.words.push(words.clone());
                    }
                    _ => self.words.push(words.clone()),
                }
                if self.words.len() > MOST_WORDS {
                    self.words.remove(0);
                }
                Some(words)
            }
            ForJob::Packet { .. } => None,
        }
    }

    /// Takes note of what is said until then. `false`: nobody wants the job any more.
    async fn wait(&mut self, until: Instant, queue: &mut mpsc::Receiver<ForJob>) -> bool {
        loop {
            tokio::select! {
                given = queue.recv() => match given {
                    Some(given) => drop(self.note(given)),
                    None => return false,
                },
                () = sleep_until(until) => return true,
            }
        }
    }
}
