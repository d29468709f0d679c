//! The director: what becomes of recordings, from the command to begin one to the last report about it.
//!
//! A state machine: it is given what happens and the time ([`Director::handle`]), and says what is to be done
//! ([`Director::poll_order`]) and when it wants to be asked again ([`Director::poll_timeout`]). It has no file, process,
//! clock or queue; the [`crate::stage`] has them. Whether a recording may begin and what is in it is the sessions'.
//!
//! * [`order`]: what goes in and what comes out.
//! * [`recording`]: the states of one recording.
//! * [`streams`], [`composing`], [`showing`]: what happens to what is in it. [`words`]: what is said in it.
//! * [`composer`], [`page`]: the processes that help with it, kept going.
//! * [`interrupted`]: those that a crash has left. [`upload`]: those that are whole.

#[cfg(test)]
mod any_order;
mod composer;
mod composing;
mod interrupted;
mod order;
mod page;
mod recording;
#[cfg(test)]
mod scenario;
#[cfg(test)]
mod scenarios;
mod showing;
mod streams;
mod upload;
mod words;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::mem;
use std::time::Duration;

use muxing::Time;
use protocol::event::RecordingStatus;
use protocol::id::{RecordingKey, TapId};
use protocol::model::OutputMode;
use protocol::recording::{
    Measured, PagePass, RecordingCommand, RecordingFailure, RecordingLosses, RecordingReport, RecordingView,
};
use protocol::transcoder::Entry;

use crate::processes::Unavailable;
use crate::processing::ProcessingFailure;
use crate::subtitles::Line;
use composer::Composer;
use page::PageCapture;
use recording::{Composition, Material, Page, Phase, Recording, Words};

pub(crate) use order::{Input, InterruptedRecording, Order, StreamFileOrder};
pub(crate) use recording::RecordingRef;

/// Until a writer that was too busy is told again that a file shall end.
const RETRY: Duration = Duration::from_millis(100);
/// How often manifests are told how far the files are.
const MARK: Duration = Duration::from_millis(500);
/// Until a frame that the writer was given is in its file, and the file's clock has settled.
const WRITTEN_AFTER: Duration = Duration::from_secs(3);
/// The one stream of a recording that shows a page.
const PAGE: &str = "page";

/// What the director needs to know beforehand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DirectorOptions {
    /// Recordings that may be composed at a time; those that a crash has interrupted come on top.
    pub(crate) max_compositions: usize,
    /// For how long a composer that has something to do may say nothing.
    pub(crate) composer_silence: Duration,
    /// Composed pictures say who is who.
    pub(crate) has_captions: bool,
    /// Finished recordings are kept elsewhere.
    pub(crate) uploads: bool,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Director {
    options: DirectorOptions,
    recordings: BTreeMap<RecordingRef, Recording>,
    /// They may outlive their recordings, until their processes have ended.
    composers: BTreeMap<RecordingRef, Composer>,
    /// Whose files are being written.
    taps: HashMap<TapId, RecordingRef>,
    /// Files whose end the writer had no room to hear of, and when it is told again.
    unstopped: Vec<TapId>,
    retry: Option<Time>,
    /// As long as something is composed.
    next_mark: Option<Time>,
    interrupted: interrupted::Queue,
    orders: VecDeque<Order>,
}

impl Director {
    /// It looks for what a crash has interrupted, first of all.
    pub(crate) fn new(options: DirectorOptions) -> Self {
        Self {
            options,
            recordings: BTreeMap::new(),
            composers: BTreeMap::new(),
            taps: HashMap::new(),
            unstopped: vec![],
            retry: None,
            next_mark: None,
            interrupted: interrupted::Queue::default(),
            orders: [Order::LookForInterrupted].into(),
        }
    }

    /// Something happens. Orders follow.
    pub(crate) fn handle(&mut self, input: Input, now: Time) {
        match input {
            Input::Command { at, command } => self.command(at, command, now),
            Input::Opened { recording, result } => self.opened(recording, result, now),
            Input::StreamRefused { recording, tap, why } => {
                self.close_file(tap, None, now);
                self.stop_stream(tap);
                self.broken(recording, why);
            }
            Input::StopRefused { tap } => {
                self.unstopped.push(tap);
                self.retry.get_or_insert(now + RETRY);
            }
            Input::Unwritable { recording, why } => self.unwritable(recording, why),
            Input::PageWritten { recording, is_written } => self.page_written(recording, is_written, now),
            Input::Writer(event) => self.writer_event(event, now),
            Input::WriterLost => self.lose_writer(now),
            Input::Composer { recording, event } => {
                let order = self.composers.get_mut(&recording).and_then(|composer| composer.handle(event, now));
                self.composer_order(recording, order);
            }
            Input::Page { recording, event } => self.page_event(recording, event, now),
            Input::Processed { recording, result } => self.processed(recording, result, now),
            Input::Resumed { recording, result } => self.resumed(recording, result, now),
            Input::Uploaded { recording, result } => self.uploaded(recording, result, now),
            Input::Found(found) => self.found(*found, now),
            Input::NothingFound => self.nothing_found(),
        }
        self.schedule_marks(now);
    }

    /// The time that was asked for has come.
    pub(crate) fn handle_timeout(&mut self, now: Time) {
        if self.next_mark.is_some_and(|at| at <= now) {
            self.next_mark = None;
            self.order(Order::Mark);
        }
        if self.retry.is_some_and(|at| at <= now) {
            self.retry = None;
            mem::take(&mut self.unstopped).into_iter().for_each(|tap| self.stop_stream(tap));
        }
        for recording in self.composers.keys().copied().collect::<Vec<_>>() {
            let order = self.composers.get_mut(&recording).and_then(|composer| composer.handle_timeout(now));
            self.composer_order(recording, order);
        }
        for recording in self.recordings.keys().copied().collect::<Vec<_>>() {
            let page = self.recordings.get_mut(&recording).and_then(Recording::page);
            let order = page.and_then(|page| page.capture.handle_timeout(now));
            self.page_order(recording, order, now);
        }
        self.upload_timeout(now);
        self.schedule_marks(now);
    }

    /// What is to be done next.
    pub(crate) fn poll_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    /// When [`Director::handle_timeout`] is to be called, at the latest.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        let composers = self.composers.values().filter_map(Composer::poll_timeout);
        let recordings = self.recordings.values().filter_map(Recording::poll_timeout);
        self.next_mark.into_iter().chain(self.retry).chain(composers).chain(recordings).min()
    }

    /// How many recordings are composed, or are about to be.
    pub(crate) fn compositions(&self) -> usize {
        let is_to_be = |(recording, state): &(&RecordingRef, &Recording)| {
            state.awaits_composer() && !self.composers.contains_key(recording)
        };
        let running = self.composers.values().filter(|composer| !composer.is_over()).count();
        running + self.recordings.iter().filter(is_to_be).count()
    }

    fn order(&mut self, order: Order) {
        self.orders.push_back(order);
    }

    fn report(&mut self, report: RecordingReport) {
        self.order(Order::Report(report));
    }

    /// Its session ends it; what a crash had interrupted has none.
    fn broken(&mut self, recording: RecordingRef, why: String) {
        if let RecordingRef::Live(recording) = recording {
            self.report(RecordingReport::Broken { recording, why });
        }
    }

    fn command(&mut self, at: u64, command: RecordingCommand, now: Time) {
        let key = *key(&command);
        let recording = RecordingRef::Live(key);
        if let Some(Recording { phase: Phase::Beginning { waiting }, .. }) = self.recordings.get_mut(&recording) {
            waiting.push((at, command));
            return;
        }
        match command {
            RecordingCommand::Begin { session, session_created_at, created_at, properties, page_pass, .. } => {
                let view = RecordingView {
                    id: String::new(),
                    object: "recording".to_owned(),
                    name: properties.name.clone(),
                    output_mode: properties.output_mode,
                    composition: properties.composition(),
                    session_id: session.to_string(),
                    unique_session_id: Some(format!("{session}_{session_created_at}")),
                    media_node: None,
                    created_at,
                    size: 0,
                    duration: 0.0,
                    url: None,
                    has_audio: properties.has_audio,
                    has_video: properties.has_video,
                    subtitles: properties.subtitles,
                    status: RecordingStatus::Starting,
                    lost: RecordingLosses::default(),
                };
                self.begin(key, view, page_pass, now);
            }
            RecordingCommand::Add { tap, stream, .. } => self.add(recording, tap, stream, at),
            RecordingCommand::Change { tap, audio_active, video_active, .. } => {
                self.note_down(recording, tap, |file| Entry::Change { file, at, audio_active, video_active });
            }
            RecordingCommand::Remove { tap, .. } => {
                self.note_down(recording, tap, |file| Entry::Remove { file, at });
                self.stop_stream(tap);
            }
            RecordingCommand::Words { tap, name, text, spoken, .. } => {
                self.write_words(recording, tap, name, text, &spoken, at);
            }
            RecordingCommand::WordsMissing { .. } => self.write_line(recording, Line::Missing { at }),
            RecordingCommand::WordsComplete { .. } => self.words_complete(recording, now),
            RecordingCommand::Started { .. } => self.describe(recording, RecordingStatus::Started),
            RecordingCommand::End { failed, .. } => self.end(recording, failed, at, now),
        }
    }

    fn begin(&mut self, key: RecordingKey, view: RecordingView, page_pass: Option<PagePass>, now: Time) {
        if view.output_mode != OutputMode::Individual && self.compositions() >= self.options.max_compositions {
            let result = Err(Unavailable::Overloaded.into());
            return self.report(RecordingReport::Ended { recording: key, result });
        }
        let recording = RecordingRef::Live(key);
        self.order(Order::Open { recording, view: Box::new(view.clone()), page_pass, at: now });
        let words = view.subtitles.as_ref().map(|_| Words::default());
        let phase = Phase::Beginning { waiting: vec![] };
        self.recordings.insert(recording, Recording { view, found: None, words, phase });
    }

    fn opened(&mut self, recording: RecordingRef, result: Result<(String, String), RecordingFailure>, now: Time) {
        let (RecordingRef::Live(key), Some(state)) = (recording, self.recordings.get_mut(&recording)) else { return };
        let Phase::Beginning { waiting } = &mut state.phase else { return };
        let waiting = mem::take(waiting);
        match result {
            Ok((id, name)) => {
                (state.view.id, state.view.name) = (id.clone(), name.clone());
                let is_composed = state.view.output_mode != OutputMode::Individual;
                let is_page = state.view.composition.as_ref().is_some_and(|composition| composition.is_page());
                let page = is_page.then(|| Page { capture: PageCapture::new(now), runs: false });
                let composition =
                    is_composed.then(|| Composition { is_begun: !is_page, page, ..Composition::default() });
                state.phase = Phase::Running(Material::new(composition));
                self.report(RecordingReport::Named { recording: key, id, name });
                if is_page {
                    self.order(Order::OpenPage { recording });
                } else if is_composed {
                    self.start_composer(recording);
                }
            }
            Err(why) => {
                self.recordings.remove(&recording);
                self.order(Order::Release { recording });
                self.report(RecordingReport::Ended { recording: key, result: Err(why) });
            }
        }
        waiting.into_iter().for_each(|(at, command)| self.command(at, command, now));
    }

    /// A status on its way; if it cannot be written the recording goes on, and the disk tells the one before.
    fn describe(&mut self, recording: RecordingRef, status: RecordingStatus) {
        let Some(state) = self.recordings.get_mut(&recording) else { return };
        state.view.status = status;
        let view = Box::new(state.view.clone());
        self.order(Order::Describe { recording, view });
    }

    fn end(&mut self, recording: RecordingRef, failed: bool, at: u64, now: Time) {
        self.describe(recording, RecordingStatus::Stopped);
        let Some(state) = self.recordings.get_mut(&recording) else { return };
        match mem::replace(&mut state.phase, Phase::Processing) {
            Phase::Running(material) => state.phase = Phase::Ending { material, failed, at },
            other => state.phase = other,
        }
        if let Some(page) = state.page()
            && !page.capture.is_over()
        {
            let order = page.capture.close(now);
            self.order(Order::ClosePage { recording });
            self.page_order(recording, order, now);
        }
        self.process_if_closed(recording, now);
    }

    fn process_if_closed(&mut self, recording: RecordingRef, now: Time) {
        let Some(state) = self.recordings.get_mut(&recording) else { return };
        let Phase::Ending { material, failed, .. } = &state.phase else { return };
        // Subtitles go into the archive; what is composed meanwhile waits for them later.
        let awaits_words = !failed && material.composition.is_none() && state.awaits_words();
        if !material.is_closed() || awaits_words {
            return;
        }
        let Phase::Ending { material, failed, at } = mem::replace(&mut state.phase, Phase::Processing) else { return };
        let view = Box::new(state.view.clone());
        let Material { parts, composition, .. } = material;
        if failed {
            self.release_composer(recording);
            return self.order(Order::Discard { recording, view, parts });
        }
        let Some(composition) = composition else {
            return self.order(Order::Gather { recording, view, parts, may_be_empty: true });
        };
        if !composition.is_begun {
            return self.fail(recording, "nothing was shown that could be composed".to_owned());
        }
        state.phase = Phase::Composing { parts };
        self.order(Order::Append { recording, entry: Entry::End { at: at.max(composition.until) } });
        if let Some(composer) = self.composers.get_mut(&recording) {
            composer.may_compose(u64::MAX, now);
        }
        self.take_composed(recording);
    }

    fn fail(&mut self, recording: RecordingRef, why: String) {
        let Some(state) = self.recordings.get_mut(&recording) else { return };
        state.phase = Phase::Processing;
        let view = Box::new(state.view.clone());
        self.order(Order::Fail { recording, view, why });
    }

    fn processed(&mut self, recording: RecordingRef, result: Result<Box<RecordingView>, ProcessingFailure>, now: Time) {
        let Some(state) = self.recordings.get_mut(&recording) else { return };
        match result {
            Ok(view) => {
                state.view = *view;
                let measured = measured(&state.view);
                tracing::info!(recording = state.view.id, ?measured, "recording processed");
                self.keep(recording, now);
            }
            Err(failure) => self.lose(recording, &failure),
        }
        self.go_on_with_interrupted(recording);
    }

    /// It is whole: it is ready, or goes to where it is kept.
    fn keep(&mut self, recording: RecordingRef, now: Time) {
        if !self.options.uploads {
            return self.settle(recording);
        }
        if let (RecordingRef::Live(key), Some(state)) = (recording, self.recordings.get(&recording)) {
            let measured = measured(&state.view);
            self.report(RecordingReport::Processed { recording: key, measured });
        }
        self.queue_upload(recording, now);
    }

    /// It is ready.
    fn settle(&mut self, recording: RecordingRef) {
        let Some(state) = self.recordings.remove(&recording) else { return };
        // Its id may be worked at again by whoever hears of it.
        self.order(Order::Release { recording });
        match recording {
            RecordingRef::Live(recording) => {
                self.report(RecordingReport::Ended { recording, result: Ok(measured(&state.view)) });
            }
            RecordingRef::Interrupted(_) => self.order(Order::Announce(Box::new(state.view))),
        }
    }

    /// Nothing can come of it.
    fn lose(&mut self, recording: RecordingRef, failure: &ProcessingFailure) {
        let Some(state) = self.recordings.remove(&recording) else { return };
        self.order(Order::Release { recording });
        match recording {
            RecordingRef::Live(recording) => {
                tracing::info!(recording = state.view.id, %failure, "recording not processed");
                self.report(RecordingReport::Ended { recording, result: Err(failure.to_string().into()) });
            }
            // Left to the next start.
            RecordingRef::Interrupted(_) if matches!(failure, ProcessingFailure::Interrupted) => {}
            RecordingRef::Interrupted(_) => {
                tracing::error!(recording = state.view.id, %failure, "an interrupted recording failed");
                if state.found != Some(RecordingStatus::Failed) {
                    let view = RecordingView { status: RecordingStatus::Failed, ..state.view };
                    self.order(Order::Announce(Box::new(view)));
                }
            }
        }
    }

    fn schedule_marks(&mut self, now: Time) {
        let is_composed = |state: &mut Recording| state.composition().is_some_and(|composition| composition.is_begun);
        if !self.recordings.values_mut().any(is_composed) {
            self.next_mark = None;
        } else if self.next_mark.is_none() {
            self.next_mark = Some(now + MARK);
        }
    }
}

impl Recording {
    /// It is to be composed, and is not yet.
    fn awaits_composer(&self) -> bool {
        match &self.phase {
            Phase::Beginning { .. } => self.view.output_mode != OutputMode::Individual,
            Phase::Running(material) | Phase::Ending { material, .. } => {
                material.composition.as_ref().is_some_and(|composition| !composition.is_begun)
            }
            _ => false,
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        match &self.phase {
            Phase::Running(material) | Phase::Ending { material, .. } => {
                let page = material.composition.as_ref().and_then(|composition| composition.page.as_ref());
                page.and_then(|page| page.capture.poll_timeout())
            }
            Phase::Uploading(upload) => upload.poll_timeout(),
            _ => None,
        }
    }
}

/// What is in it.
fn measured(view: &RecordingView) -> Measured {
    let RecordingView { size, duration, has_audio, has_video, lost, .. } = *view;
    Measured { size, duration, has_audio, has_video, lost }
}

/// Whose command it is.
fn key(command: &RecordingCommand) -> &RecordingKey {
    match command {
        RecordingCommand::Begin { recording, .. }
        | RecordingCommand::Add { recording, .. }
        | RecordingCommand::Change { recording, .. }
        | RecordingCommand::Remove { recording, .. }
        | RecordingCommand::Words { recording, .. }
        | RecordingCommand::WordsMissing { recording }
        | RecordingCommand::WordsComplete { recording }
        | RecordingCommand::Started { recording }
        | RecordingCommand::End { recording, .. } => recording,
    }
}
