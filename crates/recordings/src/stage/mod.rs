//! What the director has decided is done here: folders and files, the writer, helper processes, workers, uploads and
//! reports; and whatever happens to them is told to the director. Nothing is decided here.
//!
//! One thread. It waits for the disk where that takes a moment (a folder, a note, a metadata file); what takes longer is left
//! to workers, who share a disk, and to the processes' own threads. Their events come over one queue, whose senders wait
//! when it is full.

mod open_recording;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::sync::atomic::Ordering;

use protocol::event::RecordingEvent;
use protocol::recording::RecordingReport;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::commands::TimedCommand;
use crate::director::{Director, DirectorOptions, Input, InterruptedRecording, Order, RecordingRef};
use crate::premises::Premises;
use crate::processing::{self, ProcessingFailure, Work};
use crate::recovery::{self, Search};
use crate::upload;
use crate::writer::{WriterEvent, WriterHandle};
use open_recording::OpenRecording;

/// What helper processes and workers tell. Helpers say a few words a second each.
const EVENT_CAPACITY: usize = 256;

/// For the control side.
#[derive(Debug)]
pub enum RecordingNews {
    /// Of a recording of this run.
    Report(RecordingReport),
    /// Of a recording that a crash has interrupted: for applications.
    Recovered(Box<RecordingEvent>),
}

/// What comes back from workers and processes.
enum StageEvent {
    Input(Box<Input>),
    /// The search is over for now: what it found, which the director hears of, too.
    Searched(Search, Option<Box<recovery::Finding>>),
    /// A manifest goes on.
    Resumed(RecordingRef, Result<crate::manifest::Manifest, ProcessingFailure>),
}

pub(crate) struct Stage {
    premises: Premises,
    director: Director,
    writer: WriterHandle,
    files: Option<mpsc::Receiver<WriterEvent>>,
    news: mpsc::Sender<RecordingNews>,
    open: HashMap<RecordingRef, OpenRecording>,
    search: Option<Search>,
    /// Of those that the search has found.
    found: u64,
    tell: mpsc::Sender<StageEvent>,
    events: mpsc::Receiver<StageEvent>,
}

impl Stage {
    pub(crate) fn new(
        premises: Premises,
        writer: WriterHandle,
        files: mpsc::Receiver<WriterEvent>,
        news: mpsc::Sender<RecordingNews>,
    ) -> Self {
        let director = Director::new(DirectorOptions {
            max_compositions: premises.transcoder.limit(),
            composer_silence: premises.transcoder.silence(),
            has_captions: premises.has_captions,
            uploads: premises.destination.is_some(),
        });
        let (tell, events) = mpsc::channel(EVENT_CAPACITY);
        Self {
            premises,
            director,
            writer,
            files: Some(files),
            news,
            open: HashMap::new(),
            search: Some(Search::default()),
            found: 0,
            tell,
            events,
        }
    }

    /// Works until nobody can give commands any more.
    pub(crate) async fn run(mut self, mut commands: mpsc::Receiver<TimedCommand>) {
        self.mirror();
        self.carry_out().await;
        loop {
            let now = self.writer.now();
            let due = self.director.poll_timeout().map(|due| due.saturating_sub(now));
            let timeout = async {
                match due {
                    Some(due) => sleep(due).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                // What was asked for comes before what came of it.
                biased;
                command = commands.recv() => match command {
                    Some(TimedCommand { at, command }) => self.input(Input::Command { at, command }).await,
                    None => break,
                },
                event = next(&mut self.files) => match event {
                    Some(event) => self.input(Input::Writer(event)).await,
                    None => {
                        self.files = None;
                        self.input(Input::WriterLost).await;
                    }
                },
                Some(event) = self.events.recv() => self.event(event).await,
                () = timeout => {
                    self.director.handle_timeout(self.writer.now());
                    self.carry_out().await;
                }
            }
        }
        // What the workers do not finish now is finished at the next start.
        self.premises.stop.store(true, Ordering::Relaxed);
    }

    async fn event(&mut self, event: StageEvent) {
        match event {
            StageEvent::Input(input) => self.input(*input).await,
            StageEvent::Searched(search, found) => {
                self.search = Some(search);
                let Some(finding) = found else { return self.input(Input::NothingFound).await };
                self.found += 1;
                let number = self.found;
                let recovery::Finding { folder, view, status, parts } = *finding;
                self.open.insert(RecordingRef::Interrupted(number), OpenRecording::found(folder));
                self.input(Input::Found(Box::new(InterruptedRecording { number, view, status, parts }))).await;
            }
            StageEvent::Resumed(recording, result) => {
                let result = result.map(|manifest| {
                    if let Some(open) = self.open.get_mut(&recording) {
                        open.manifest = Some(manifest);
                    }
                });
                self.input(Input::Resumed { recording, result }).await;
            }
        }
    }

    async fn input(&mut self, input: Input) {
        self.director.handle(input, self.writer.now());
        self.carry_out().await;
    }

    /// Does everything that follows. What is done at once is told to the director at once, before it hears of anything else.
    async fn carry_out(&mut self) {
        loop {
            // Before anybody can hear of it who might begin another one.
            self.premises.transcoder.set_running(self.director.compositions());
            let Some(order) = self.director.poll_order() else { return };
            if let Some(input) = self.follow(order).await {
                self.director.handle(input, self.writer.now());
            }
        }
    }

    async fn follow(&mut self, order: Order) -> Option<Input> {
        match order {
            Order::Open { recording, view, page_pass, at } => {
                let result = OpenRecording::open(&self.premises, *view, page_pass.as_ref(), at).map(|open| {
                    let named = (open.folder.id().to_owned(), open.name.clone());
                    self.open.insert(recording, open);
                    named
                });
                return Some(Input::Opened { recording, result });
            }
            Order::StartStream { recording, note, entry, file } => {
                let (open, tap) = (self.open.get_mut(&recording)?, file.tap);
                let started = open.note(&note).and_then(|()| match &entry {
                    Some(entry) => open.append(entry),
                    None => Ok(()),
                });
                let path = open.folder.file(&file.name);
                let started = started.and_then(|()| self.writer.start(file.at(path)).map_err(io::Error::other));
                let why = unwritable(started.err()?);
                return Some(Input::StreamRefused { recording, tap, why });
            }
            Order::StopStream { tap } => return self.writer.stop(tap).is_err().then_some(Input::StopRefused { tap }),
            // One that is too busy to be asked is asked again.
            Order::Mark => drop(self.writer.mark()),
            Order::Note { recording, note } => {
                let open = self.open.get(&recording)?;
                if let Err(error) = open.note(&note) {
                    tracing::warn!(recording = open.folder.id(), %error, "what is missing cannot be noted down");
                }
            }
            Order::Append { recording, entry } => {
                let is_said_again = matches!(entry, protocol::transcoder::Entry::Until { .. });
                let failed = self.open.get_mut(&recording)?.append(&entry).err().filter(|_| !is_said_again);
                return failed.map(|error| Input::Unwritable { recording, why: unwritable(error) });
            }
            Order::WriteWords { recording, line } => {
                let open = self.open.get_mut(&recording)?;
                if let Err(error) = open.write_words(&line) {
                    tracing::warn!(recording = open.folder.id(), %error, "what was said cannot be written down");
                }
            }
            Order::Describe { recording, view } => {
                let open = self.open.get(&recording)?;
                if let Err(error) = open.folder.write(&view) {
                    tracing::error!(recording = open.folder.id(), %error, "a recording's status cannot be written");
                }
            }
            Order::StartComposer { recording } => {
                let tell = self.tell.clone();
                let tell = move |event| {
                    // The stage has gone only if the server stops.
                    let _ = tell.blocking_send(StageEvent::Input(Box::new(Input::Composer { recording, event })));
                };
                return self.open.get_mut(&recording)?.start_composer(recording, &self.premises.transcoder, tell);
            }
            Order::ReleaseComposer { recording } => self.open.get_mut(&recording)?.composer = None,
            Order::KillComposer { recording } => self.open.get(&recording)?.kill_composer(),
            Order::OpenPage { recording } => {
                let tell = self.tell.clone();
                let tell = move |event| {
                    tell.blocking_send(StageEvent::Input(Box::new(Input::Page { recording, event }))).is_ok()
                };
                return self.open.get_mut(&recording)?.open_page(recording, self.writer.clock(), tell);
            }
            Order::ShowPage { recording, view, begin, note, entries } => {
                let open = self.open.get_mut(&recording)?;
                let is_written = open.show_page(&view, begin, &note, &entries, self.premises.has_captions);
                return Some(Input::PageWritten { recording, is_written });
            }
            Order::ClosePage { recording } => self.open.get(&recording)?.page.as_ref()?.close(),
            Order::KillPage { recording } => self.open.get(&recording)?.page.as_ref()?.kill(),
            Order::Gather { recording, view, parts, may_be_empty } => {
                self.process(recording, *view, parts, move |work, premises| work.gather(premises, may_be_empty));
            }
            Order::TakeComposed { recording, view, parts, composed } => {
                self.process(recording, *view, parts, move |work, premises| work.take_composed(premises, composed));
            }
            Order::Fail { recording, view, why } => {
                self.process(recording, *view, vec![], |_, _| Err(ProcessingFailure::Uncomposed(why)));
            }
            Order::Discard { recording, view, parts } => {
                self.process(recording, *view, parts, |work, _| {
                    work.discard();
                    Err(ProcessingFailure::Discarded)
                });
            }
            Order::Resume { recording, view, parts } => {
                let work = self.work(recording, *view, parts)?;
                let (premises, tell) = (self.premises.clone(), self.tell.clone());
                tokio::spawn(async move {
                    let resumed = processing::on_worker(move || work.step(&premises, Work::resume));
                    let result = resumed.await.and_then(|resumed| resumed.map(|(_, manifest)| manifest));
                    let _ = tell.send(StageEvent::Resumed(recording, result)).await;
                });
            }
            Order::Upload { recording, view } => self.upload(recording, *view),
            Order::Release { recording } => drop(self.open.remove(&recording)),
            // The control side has gone only if the server stops.
            Order::Report(report) => drop(self.news.send(RecordingNews::Report(report)).await),
            Order::Announce(view) => {
                let event = Box::new(recovery::event(&view));
                drop(self.news.send(RecordingNews::Recovered(event)).await);
            }
            Order::LookForInterrupted => self.look_for_interrupted(),
        }
        None
    }

    fn work(
        &self,
        recording: RecordingRef,
        view: protocol::recording::RecordingView,
        parts: Vec<processing::Part>,
    ) -> Option<Work> {
        let folder = self.open.get(&recording)?.folder.clone();
        Some(Work { folder, view, parts })
    }

    /// Lets a worker take a step that decides what becomes of a recording.
    fn process(
        &self,
        recording: RecordingRef,
        view: protocol::recording::RecordingView,
        parts: Vec<processing::Part>,
        step: impl FnOnce(&mut Work, &Premises) -> Result<(), ProcessingFailure> + Send + 'static,
    ) {
        let Some(work) = self.work(recording, view, parts) else { return };
        let (premises, tell) = (self.premises.clone(), self.tell.clone());
        tokio::spawn(async move {
            let done = processing::on_worker(move || work.step(&premises, step)).await;
            let result = done.and_then(|done| done.map(|(view, ())| view));
            let _ = tell.send(StageEvent::Input(Box::new(Input::Processed { recording, result }))).await;
        });
    }

    fn upload(&self, recording: RecordingRef, view: protocol::recording::RecordingView) {
        let (Some(destination), Some(open)) = (self.premises.destination.clone(), self.open.get(&recording)) else {
            return;
        };
        let (folder, public_url, tell) = (open.folder.clone(), self.premises.public_url.clone(), self.tell.clone());
        tokio::spawn(async move {
            let taken = destination.take(&folder, view, &public_url).await;
            // Its id may be worked at again by whoever hears of it.
            drop(folder);
            let result = taken.map(Box::new).map_err(|error| error.to_string());
            let _ = tell.send(StageEvent::Input(Box::new(Input::Uploaded { recording, result }))).await;
        });
    }

    fn look_for_interrupted(&mut self) {
        let Some(mut search) = self.search.take() else { return };
        let (premises, tell) = (self.premises.clone(), self.tell.clone());
        tokio::spawn(async move {
            let looked = processing::on_worker(move || {
                let found = search.next(&premises).map(Box::new);
                (search, found)
            });
            // If it ends early it is looked for again at the next start.
            if let Ok((search, found)) = looked.await {
                let _ = tell.send(StageEvent::Searched(search, found)).await;
            }
        });
    }

    /// Makes known here what others have put into the bucket, beside everything else.
    fn mirror(&self) {
        let premises = self.premises.clone();
        tokio::spawn(async move {
            if let Some(destination) = &premises.destination {
                upload::mirror(destination, &premises.store).await;
            }
        });
    }
}

/// Never, if there is nothing to wait for.
async fn next(files: &mut Option<mpsc::Receiver<WriterEvent>>) -> Option<WriterEvent> {
    match files {
        Some(files) => files.recv().await,
        None => pending().await,
    }
}

fn unwritable(error: impl std::fmt::Display) -> String {
    format!("the folder of the recordings cannot be written: {error}")
}
