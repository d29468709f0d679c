//! A director, and the world it is in under a virtual clock: the disk, the writer, the processes and the workers are played
//! by [`Scenario`].

use std::collections::{BTreeMap, BTreeSet};

use muxing::FileSummary;
use protocol::model::{RecordingLayout, RecordingProperties};
use protocol::recording::RecordedStream;
use protocol::speech::{Spoken, SpokenWord};
use protocol::transcoder::{self, Report};

use super::*;
use crate::processes::{COMPOSER_SILENCE, ComposerEvent, PageEvent};
use crate::writer::WriterEvent;

pub(super) const KEY: RecordingKey = RecordingKey(1);
pub(super) const ONE: RecordingRef = RecordingRef::Live(KEY);

/// A director, and the world that it is in.
pub(super) struct Scenario {
    pub(super) director: Director,
    pub(super) now: Time,
    /// What was ordered, in its order, but for what is answered here.
    pub(super) orders: Vec<Order>,
    pub(super) reports: Vec<RecordingReport>,
    pub(super) announced: Vec<RecordingView>,
    /// Manifests, by recording.
    pub(super) manifests: BTreeMap<RecordingRef, Vec<Entry>>,
    /// Files that are being written.
    pub(super) open: BTreeSet<TapId>,
    /// Folders that are held.
    pub(super) held: BTreeSet<RecordingRef>,
    /// Nothing can be written any more.
    pub(super) is_full: bool,
    /// The writer takes no commands.
    pub(super) is_busy: bool,
    /// The writer has ended: it takes nothing ever again.
    pub(super) is_writer_lost: bool,
    /// What a crash has left, the last first.
    pub(super) interrupted: Vec<InterruptedRecording>,
}

impl Scenario {
    pub(super) fn new() -> Self {
        Self::with(options(false), vec![])
    }

    pub(super) fn with(options: DirectorOptions, interrupted: Vec<InterruptedRecording>) -> Self {
        let mut scenario = Self {
            director: Director::new(options),
            now: Duration::from_secs(1000),
            orders: vec![],
            reports: vec![],
            announced: vec![],
            manifests: BTreeMap::new(),
            open: BTreeSet::new(),
            held: BTreeSet::new(),
            is_full: false,
            is_busy: false,
            is_writer_lost: false,
            interrupted,
        };
        scenario.follow();
        scenario
    }

    pub(super) fn input(&mut self, input: Input) {
        self.director.handle(input, self.now);
        self.follow();
    }

    /// Lets time pass, with every deadline on the way.
    pub(super) fn advance(&mut self, by: Duration) {
        let end = self.now + by;
        let mut steps = 0;
        while let Some(due) = self.director.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.director.handle_timeout(self.now);
            self.follow();
            steps += 1;
            assert!(steps < 100_000, "a deadline stays");
        }
        self.now = end;
    }

    pub(super) fn follow(&mut self) {
        while let Some(order) = self.director.poll_order() {
            if let Some(input) = self.answer(order) {
                self.director.handle(input, self.now);
            }
        }
    }

    /// What is done at once.
    pub(super) fn answer(&mut self, order: Order) -> Option<Input> {
        match order {
            Order::Open { recording, ref view, .. } => {
                if self.is_full {
                    return Some(Input::Opened { recording, result: Err("no room".into()) });
                }
                assert!(self.held.insert(recording));
                let id = view.session_id.clone();
                return Some(Input::Opened { recording, result: Ok((id.clone(), id)) });
            }
            Order::StartStream { recording, ref entry, ref file, .. } => {
                if self.is_full || self.is_busy || self.is_writer_lost {
                    let (tap, why) = (file.tap, "no room".to_owned());
                    return Some(Input::StreamRefused { recording, tap, why });
                }
                self.manifests.entry(recording).or_default().extend(entry.clone());
                assert!(self.open.insert(file.tap), "a tap has one file");
            }
            Order::StopStream { tap } => {
                if self.is_writer_lost {
                    return None;
                }
                if self.is_busy {
                    return Some(Input::StopRefused { tap });
                }
                if self.open.remove(&tap) {
                    return Some(Input::Writer(WriterEvent::Finished { tap, summary: summary() }));
                }
                return None;
            }
            Order::Append { recording, entry } => {
                if self.is_full && !matches!(entry, Entry::Until { .. }) {
                    return Some(Input::Unwritable { recording, why: "no room".to_owned() });
                }
                self.manifests.entry(recording).or_default().push(entry);
                return None;
            }
            Order::ShowPage { recording, ref entries, .. } => {
                self.manifests.entry(recording).or_default().extend(entries.clone());
                return Some(Input::PageWritten { recording, is_written: !self.is_full });
            }
            Order::Release { recording } => {
                self.held.remove(&recording);
                return None;
            }
            Order::Report(report) => {
                if let RecordingReport::Ended { recording, .. } = report {
                    assert!(
                        !self.held.contains(&RecordingRef::Live(recording)),
                        "whoever hears of it may reuse its id"
                    );
                }
                self.reports.push(report);
                return None;
            }
            Order::Announce(view) => {
                self.announced.push(*view);
                return None;
            }
            Order::LookForInterrupted => {
                let Some(found) = self.interrupted.pop() else { return Some(Input::NothingFound) };
                self.held.insert(RecordingRef::Interrupted(found.number));
                return Some(Input::Found(Box::new(found)));
            }
            Order::Note { .. }
            | Order::WriteWords { .. }
            | Order::Describe { .. }
            | Order::Mark
            | Order::StartComposer { .. }
            | Order::ReleaseComposer { .. }
            | Order::KillComposer { .. }
            | Order::OpenPage { .. }
            | Order::ClosePage { .. }
            | Order::KillPage { .. }
            | Order::Gather { .. }
            | Order::Resume { .. }
            | Order::TakeComposed { .. }
            | Order::Fail { .. }
            | Order::Discard { .. }
            | Order::Upload { .. } => {}
        }
        self.orders.push(order);
        None
    }

    pub(super) fn command(&mut self, command: RecordingCommand) {
        let at = self.now.as_millis() as u64;
        self.input(Input::Command { at, command });
    }

    pub(super) fn begin(&mut self, recording: RecordingKey, properties: RecordingProperties) {
        self.begin_in("room", recording, properties);
    }

    pub(super) fn begin_in(&mut self, session: &str, recording: RecordingKey, properties: RecordingProperties) {
        let session = session.into();
        let (session_created_at, created_at, page_pass) = (1, 2, None);
        let begin =
            RecordingCommand::Begin { recording, session, session_created_at, created_at, properties, page_pass };
        self.command(begin);
    }

    pub(super) fn add(&mut self, tap: u64) {
        self.command(RecordingCommand::Add { recording: KEY, tap: TapId(tap), stream: stream("str_a") });
    }

    pub(super) fn end(&mut self, failed: bool) {
        self.command(RecordingCommand::End { recording: KEY, failed });
    }

    pub(super) fn composer(&mut self, recording: RecordingRef, event: ComposerEvent) {
        self.input(Input::Composer { recording, event });
    }

    /// A composer's process comes to be, and to have a file.
    pub(super) fn composer_runs(&mut self, recording: RecordingRef) {
        self.composer(recording, ComposerEvent::Started);
        self.composer(recording, ComposerEvent::Said(Report::Running));
    }

    pub(super) fn page(&mut self, event: PageEvent) {
        self.input(Input::Page { recording: ONE, event });
    }

    /// What was ordered since the last time, by name.
    pub(super) fn take_orders(&mut self) -> Vec<&'static str> {
        let named = mem::take(&mut self.orders).into_iter().filter_map(|order| match order {
            Order::StartComposer { .. } => Some("start composer"),
            Order::ReleaseComposer { .. } => Some("release composer"),
            Order::KillComposer { .. } => Some("kill composer"),
            Order::OpenPage { .. } => Some("open page"),
            Order::ClosePage { .. } => Some("close page"),
            Order::KillPage { .. } => Some("kill page"),
            Order::Gather { .. } => Some("gather"),
            Order::Resume { .. } => Some("resume"),
            Order::TakeComposed { .. } => Some("take composed"),
            Order::Fail { .. } => Some("fail"),
            Order::Discard { .. } => Some("discard"),
            Order::Upload { .. } => Some("upload"),
            _ => None,
        });
        named.collect()
    }

    pub(super) fn take_reports(&mut self) -> Vec<RecordingReport> {
        mem::take(&mut self.reports)
    }

    /// A worker is ready.
    pub(super) fn processed(&mut self, recording: RecordingRef, result: Result<u64, ProcessingFailure>) {
        let result = result.map(|size| Box::new(RecordingView { size, ..view(OutputMode::Individual) }));
        self.input(Input::Processed { recording, result });
    }

    /// What it ended with.
    pub(super) fn ended(&mut self) -> Result<u64, RecordingFailure> {
        match &self.take_reports()[..] {
            [RecordingReport::Ended { recording: KEY, result }] => result.clone().map(|measured| measured.size),
            other => panic!("{other:?}"),
        }
    }
}

pub(super) fn options(uploads: bool) -> DirectorOptions {
    let composer_silence = COMPOSER_SILENCE;
    DirectorOptions { max_compositions: 1, composer_silence, has_captions: true, uploads }
}

pub(super) fn stream(id: &str) -> RecordedStream {
    RecordedStream {
        connection: "con_1".into(),
        stream: id.into(),
        client_data: String::new(),
        server_data: String::new(),
        has_audio: true,
        has_video: true,
        audio_active: true,
        video_active: true,
        type_of_video: None,
    }
}

pub(super) fn summary() -> FileSummary {
    FileSummary { start: 1, end: 2, duration: 1, size: 3, has_audio: true, has_video: true, ..FileSummary::default() }
}

pub(super) fn view(output_mode: OutputMode) -> RecordingView {
    RecordingView {
        id: "room".to_owned(),
        object: "recording".to_owned(),
        name: "room".to_owned(),
        output_mode,
        composition: None,
        session_id: "room".to_owned(),
        unique_session_id: None,
        media_node: None,
        created_at: 2,
        size: 0,
        duration: 0.0,
        url: None,
        has_audio: true,
        has_video: true,
        subtitles: None,
        status: RecordingStatus::Stopped,
        lost: RecordingLosses::default(),
    }
}

/// What somebody said in the second before the last.
pub(super) fn words(recording: RecordingKey, tap: TapId) -> RecordingCommand {
    let word = SpokenWord { word: "hello".to_owned(), began: 2000, ended: 1500 };
    let spoken = Spoken { began: 2000, ended: 1000, words: vec![word] };
    let (name, text) = (Some("Ann".to_owned()), "hello there".to_owned());
    RecordingCommand::Words { recording, tap: Some(tap), name, text, spoken }
}

pub(super) fn individual() -> RecordingProperties {
    RecordingProperties { output_mode: OutputMode::Individual, ..RecordingProperties::default() }
}

pub(super) fn composed() -> RecordingProperties {
    RecordingProperties::default()
}

pub(super) fn page() -> RecordingProperties {
    RecordingProperties {
        recording_layout: RecordingLayout::Custom,
        custom_layout: "mine".to_owned(),
        ..RecordingProperties::default()
    }
}

pub(super) fn finished() -> ComposerEvent {
    let measured = Measured { size: 7, ..Measured::default() };
    ComposerEvent::Said(Report::Finished { measured, lost: transcoder::CompositionLosses::default() })
}

pub(super) fn exited() -> ComposerEvent {
    ComposerEvent::Exited("signal: 9".to_owned())
}
