//! Whatever happens to recordings, in whatever order: each ends exactly once, and nothing of it is left.

use std::collections::BTreeSet;

use proptest::prelude::*;
use protocol::model::RecordingProperties;
use protocol::transcoder::Report;

use super::scenario::*;
use super::*;
use crate::processes::{ComposerEvent, PageEvent, PageFailure, PageFailureKind};
use crate::writer::WriterEvent;

/// Recordings that are made in one case.
const RECORDINGS: u64 = 3;
/// Streams that each may have.
const STREAMS: u64 = 3;

/// What happens next. Nothing happens if it cannot.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// With subtitles or without.
    Begin(u64, Kind, bool),
    Add(u64, u64),
    Remove(u64, u64),
    Started(u64),
    Words(u64, u64),
    WordsComplete(u64),
    End(u64, bool),
    /// The disk is full, or no longer.
    Full(bool),
    /// The writer takes nothing, or does again.
    Busy(bool),
    WriterFails(u64),
    WriterLost,
    /// The oldest thing that takes long is done, well or badly.
    Worked(bool),
    Composer(u64, ComposerDoes),
    Page(u64, PageDoes),
    /// Milliseconds pass.
    Pass(u64),
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Individual,
    Composed,
    Page,
}

#[derive(Clone, Copy, Debug)]
enum ComposerDoes {
    Starts,
    Runs,
    Composes,
    Finishes,
    GivesUp,
    Dies,
}

#[derive(Clone, Copy, Debug)]
enum PageDoes {
    Shows,
    Writes,
    EndsItsFile,
    Closes,
    Crashes,
    IsMissing,
}

fn step() -> impl Strategy<Value = Step> {
    let recording = || 1..=RECORDINGS;
    let kind = prop_oneof![Just(Kind::Individual), Just(Kind::Composed), Just(Kind::Page)];
    let composer = prop_oneof![
        Just(ComposerDoes::Starts),
        Just(ComposerDoes::Runs),
        Just(ComposerDoes::Composes),
        Just(ComposerDoes::Finishes),
        Just(ComposerDoes::GivesUp),
        Just(ComposerDoes::Dies),
    ];
    let page = prop_oneof![
        Just(PageDoes::Shows),
        Just(PageDoes::Shows),
        Just(PageDoes::Writes),
        Just(PageDoes::EndsItsFile),
        Just(PageDoes::Closes),
        Just(PageDoes::Crashes),
        Just(PageDoes::IsMissing),
    ];
    prop_oneof![
        4 => (recording(), kind, any::<bool>()).prop_map(|(recording, kind, said)| Step::Begin(recording, kind, said)),
        2 => (recording(), 0..STREAMS).prop_map(|(recording, stream)| Step::Words(recording, stream)),
        1 => recording().prop_map(Step::WordsComplete),
        4 => (recording(), 0..STREAMS).prop_map(|(recording, stream)| Step::Add(recording, stream)),
        2 => (recording(), 0..STREAMS).prop_map(|(recording, stream)| Step::Remove(recording, stream)),
        2 => recording().prop_map(Step::Started),
        2 => (recording(), any::<bool>()).prop_map(|(recording, failed)| Step::End(recording, failed)),
        1 => any::<bool>().prop_map(Step::Full),
        1 => any::<bool>().prop_map(Step::Busy),
        1 => (0..RECORDINGS * STREAMS).prop_map(Step::WriterFails),
        1 => Just(Step::WriterLost),
        4 => any::<bool>().prop_map(Step::Worked),
        6 => (recording(), composer).prop_map(|(recording, what)| Step::Composer(recording, what)),
        6 => (recording(), page).prop_map(|(recording, what)| Step::Page(recording, what)),
        3 => (0..60_000u64).prop_map(Step::Pass),
    ]
}

/// What is known of processes and work that the director has ordered.
struct Ordered {
    scenario: Scenario,
    begun: BTreeSet<u64>,
    ended: BTreeMap<u64, usize>,
    /// Processes by recording; whether they were killed.
    composers: BTreeMap<RecordingRef, bool>,
    pages: BTreeMap<RecordingRef, PageProcess>,
    work: VecDeque<Order>,
    /// Those that were ever used.
    taps: BTreeSet<TapId>,
}

#[derive(Clone, Copy, Default)]
struct PageProcess {
    is_shown: bool,
    has_ended_file: bool,
    is_told_to_close: bool,
    is_killed: bool,
}

fn key(recording: u64) -> RecordingRef {
    RecordingRef::Live(RecordingKey(recording))
}

const fn tap(recording: u64, stream: u64) -> TapId {
    TapId(recording * 100 + stream)
}

impl Ordered {
    fn new() -> Self {
        Self {
            scenario: Scenario::new(),
            begun: BTreeSet::new(),
            ended: BTreeMap::new(),
            composers: BTreeMap::new(),
            pages: BTreeMap::new(),
            work: VecDeque::new(),
            taps: BTreeSet::new(),
        }
    }

    /// Reads what was ordered and reported.
    fn look(&mut self) {
        for order in mem::take(&mut self.scenario.orders) {
            match order {
                Order::StartComposer { recording } => {
                    assert!(self.composers.insert(recording, false).is_none(), "one process a recording");
                }
                Order::KillComposer { recording } => {
                    if let Some(is_killed) = self.composers.get_mut(&recording) {
                        *is_killed = true;
                    }
                }
                Order::OpenPage { recording } => {
                    assert!(self.pages.insert(recording, PageProcess::default()).is_none(), "one browser a recording");
                }
                Order::ClosePage { recording } => {
                    if let Some(page) = self.pages.get_mut(&recording) {
                        page.is_told_to_close = true;
                    }
                }
                Order::KillPage { recording } => {
                    if let Some(page) = self.pages.get_mut(&recording) {
                        page.is_killed = true;
                    }
                }
                Order::Gather { .. }
                | Order::Resume { .. }
                | Order::TakeComposed { .. }
                | Order::Fail { .. }
                | Order::Discard { .. }
                | Order::Upload { .. } => self.work.push_back(order),
                _ => {}
            }
        }
        for report in self.scenario.take_reports() {
            if let RecordingReport::Ended { recording, .. } = report {
                *self.ended.entry(recording.0).or_default() += 1;
            }
        }
    }

    fn input(&mut self, input: Input) {
        self.scenario.input(input);
        self.look();
    }

    fn command(&mut self, command: RecordingCommand) {
        self.scenario.command(command);
        self.look();
    }

    fn is_begun(&self, recording: u64) -> bool {
        self.begun.contains(&recording)
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Begin(recording, kind, has_subtitles) if !self.is_begun(recording) => {
                self.begun.insert(recording);
                let properties = match kind {
                    Kind::Individual => individual(),
                    Kind::Composed => composed(),
                    Kind::Page => page(),
                };
                let subtitles = has_subtitles.then(|| "ko-KR".to_owned());
                let properties = RecordingProperties { subtitles, ..properties };
                self.scenario.begin_in(&format!("room{recording}"), RecordingKey(recording), properties);
                self.look();
            }
            Step::Add(recording, of) if self.is_begun(recording) => {
                let stream = stream(&format!("str_{of}"));
                // A tap is never used again.
                let tap = tap(recording, of);
                if self.taps.insert(tap) {
                    self.command(RecordingCommand::Add { recording: RecordingKey(recording), tap, stream });
                }
            }
            Step::Remove(recording, stream) => {
                let tap = tap(recording, stream);
                self.command(RecordingCommand::Remove { recording: RecordingKey(recording), tap });
            }
            Step::Started(recording) => {
                self.command(RecordingCommand::Started { recording: RecordingKey(recording) });
            }
            Step::Words(recording, stream) => self.command(words(RecordingKey(recording), tap(recording, stream))),
            Step::WordsComplete(recording) => {
                self.command(RecordingCommand::WordsComplete { recording: RecordingKey(recording) });
            }
            Step::End(recording, failed) => {
                self.command(RecordingCommand::End { recording: RecordingKey(recording), failed });
            }
            Step::Full(is_full) => self.scenario.is_full = is_full,
            Step::Busy(is_busy) => self.scenario.is_busy = is_busy,
            Step::WriterFails(of) => {
                let tap = tap(of / STREAMS + 1, of % STREAMS);
                if self.scenario.open.remove(&tap) {
                    let why = "no room".to_owned();
                    self.input(Input::Writer(WriterEvent::Failed { tap, summary: None, disk: true, why }));
                }
            }
            Step::WriterLost if !self.scenario.is_writer_lost => {
                self.scenario.is_writer_lost = true;
                self.scenario.open.clear();
                self.input(Input::WriterLost);
            }
            Step::Worked(is_done) => self.work(is_done),
            Step::Composer(recording, what) => self.composer(key(recording), what),
            Step::Page(recording, what) => self.page(key(recording), what),
            Step::Pass(milliseconds) => {
                self.scenario.advance(Duration::from_millis(milliseconds));
                self.look();
            }
            Step::Begin(..) | Step::Add(..) | Step::WriterLost => {}
        }
    }

    fn work(&mut self, is_done: bool) {
        let Some(order) = self.work.pop_front() else { return };
        let failure = || ProcessingFailure::Uncomposed("it cannot be".to_owned());
        match order {
            Order::Gather { recording, view, .. } | Order::TakeComposed { recording, view, .. } => {
                let result = if is_done { Ok(view) } else { Err(failure()) };
                self.input(Input::Processed { recording, result });
            }
            Order::Fail { recording, why, .. } => {
                self.input(Input::Processed { recording, result: Err(ProcessingFailure::Uncomposed(why)) });
            }
            Order::Discard { recording, .. } => {
                self.input(Input::Processed { recording, result: Err(ProcessingFailure::Discarded) });
            }
            Order::Resume { recording, .. } => {
                let result = if is_done { Ok(()) } else { Err(failure()) };
                self.input(Input::Resumed { recording, result });
            }
            Order::Upload { recording, view } => {
                let result = if is_done { Ok(view) } else { Err("unreachable".to_owned()) };
                self.input(Input::Uploaded { recording, result });
            }
            other => panic!("{other:?} takes no time"),
        }
    }

    fn composer(&mut self, recording: RecordingRef, what: ComposerDoes) {
        let Some(is_killed) = self.composers.get(&recording).copied() else { return };
        let event = match what {
            ComposerDoes::Dies => exited(),
            _ if is_killed => return,
            ComposerDoes::Starts => ComposerEvent::Started,
            ComposerDoes::Runs => ComposerEvent::Said(Report::Running),
            ComposerDoes::Composes => ComposerEvent::Said(Report::Composed { until: 5, lost: Default::default() }),
            ComposerDoes::Finishes => finished(),
            ComposerDoes::GivesUp => {
                ComposerEvent::Said(Report::Failed { why: "nothing can be made of it".to_owned() })
            }
        };
        if let ComposerDoes::Dies = what {
            self.composers.remove(&recording);
        }
        self.input(Input::Composer { recording, event });
    }

    fn page(&mut self, recording: RecordingRef, what: PageDoes) {
        let Some(page) = self.pages.get_mut(&recording) else { return };
        let failure = |kind| PageEvent::Closed(Err(PageFailure { why: "gone".to_owned(), kind }));
        let event = match what {
            PageDoes::Shows if !page.is_shown && !page.is_killed => {
                page.is_shown = true;
                PageEvent::Shown { at: 3 }
            }
            PageDoes::Writes if page.is_shown && !page.has_ended_file && !page.is_killed => {
                PageEvent::Written { until: 4 }
            }
            PageDoes::EndsItsFile if page.is_shown && !page.has_ended_file && page.is_told_to_close => {
                page.has_ended_file = true;
                PageEvent::FileEnded(summary())
            }
            PageDoes::Closes if page.is_told_to_close && (page.has_ended_file || !page.is_shown) => {
                self.pages.remove(&recording);
                PageEvent::Closed(Ok(()))
            }
            PageDoes::Crashes => {
                self.pages.remove(&recording);
                failure(PageFailureKind::Crash)
            }
            PageDoes::IsMissing if !page.is_shown => {
                self.pages.remove(&recording);
                failure(PageFailureKind::Missing)
            }
            _ => return,
        };
        self.input(Input::Page { recording, event });
    }

    /// Everything that can end ends, by itself or because it is told to.
    fn wind_up(&mut self) {
        self.scenario.is_full = false;
        self.scenario.is_busy = false;
        // What a session does when its recording ends: nothing more comes of its streams.
        for recording in 1..=RECORDINGS {
            for stream in 0..STREAMS {
                self.take(Step::Remove(recording, stream));
            }
            self.take(Step::End(recording, false));
            self.take(Step::WordsComplete(recording));
        }
        for _ in 0..200 {
            while !self.work.is_empty() {
                self.work(true);
            }
            for recording in self.composers.keys().copied().collect::<Vec<_>>() {
                for what in [ComposerDoes::Starts, ComposerDoes::Runs, ComposerDoes::Finishes, ComposerDoes::Dies] {
                    self.composer(recording, what);
                }
            }
            for recording in self.pages.keys().copied().collect::<Vec<_>>() {
                if self.pages[&recording].is_killed {
                    self.page(recording, PageDoes::Crashes);
                }
                for what in [PageDoes::Shows, PageDoes::EndsItsFile, PageDoes::Closes] {
                    self.page(recording, what);
                }
            }
            let director = &self.scenario.director;
            if director.recordings.is_empty() && director.composers.is_empty() && director.poll_timeout().is_none() {
                return;
            }
            self.take(Step::Pass(10_000));
        }
        panic!("it never ends: {:#?}", self.scenario.director);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_recording_ends_once_and_leaves_nothing(steps in prop::collection::vec(step(), 1..60)) {
        let mut ordered = Ordered::new();
        for step in steps {
            ordered.take(step);
        }
        ordered.wind_up();
        let once: BTreeMap<u64, usize> = ordered.begun.iter().map(|recording| (*recording, 1)).collect();
        prop_assert_eq!(&ordered.ended, &once);
        prop_assert!(ordered.composers.is_empty() && ordered.pages.is_empty(), "a process outlives its recording");
        let scenario = &ordered.scenario;
        prop_assert!(scenario.held.is_empty(), "a folder is held: {:?}", scenario.held);
        prop_assert!(scenario.open.is_empty(), "a file is open: {:?}", scenario.open);
        prop_assert_eq!(scenario.director.poll_timeout(), None);
    }
}
