//! Recordings under a virtual clock: what happens to them, and what the director makes of it.

use protocol::model::RecordingProperties;
use protocol::transcoder::{self, Report};

use super::scenario::*;
use super::*;
use crate::processes::{COMPOSER_SILENCE, ComposerEvent, PageEvent, PageFailure, PageFailureKind};
use crate::writer::WriterEvent;

#[test]
fn streams_are_written_and_gathered_once_all_of_them_are_closed() {
    let mut scenario = Scenario::new();
    scenario.begin(KEY, individual());
    assert!(matches!(&scenario.take_reports()[..], [RecordingReport::Named { .. }]));
    scenario.add(1);
    scenario.add(2);
    scenario.input(Input::Writer(WriterEvent::Running { tap: TapId(1) }));
    assert_eq!(scenario.take_reports(), [RecordingReport::Running { recording: KEY, tap: Some(TapId(1)) }]);
    scenario.command(RecordingCommand::Remove { recording: KEY, tap: TapId(1) });
    scenario.end(false);
    assert!(scenario.take_orders().is_empty(), "a file is open");
    scenario.command(RecordingCommand::Remove { recording: KEY, tap: TapId(2) });
    let parts = match &scenario.orders[..] {
        [.., Order::Gather { parts, may_be_empty: true, .. }] => parts.clone(),
        other => panic!("{other:?}"),
    };
    let names: Vec<_> = parts.iter().map(|part| (part.note.name.as_str(), part.note.size)).collect();
    assert_eq!(names, [("str_a", 3), ("str_a-1", 3)]);
    scenario.processed(ONE, Ok(6));
    assert_eq!(scenario.ended(), Ok(6));
    assert_eq!(scenario.director.poll_timeout(), None);
}

fn with_subtitles(properties: RecordingProperties) -> RecordingProperties {
    RecordingProperties { subtitles: Some("en-US".to_owned()), ..properties }
}

/// What was written down of what was said: whose file, and when it began.
fn written(scenario: &Scenario) -> Vec<(String, u64)> {
    let line = |order: &Order| match order {
        Order::WriteWords { line: Line::Said(said), .. } => {
            assert_eq!((said.words[0].from, said.words[0].until), (said.from, said.from + 500));
            Some((said.file.clone().expect("whose"), said.from))
        }
        _ => None,
    };
    scenario.orders.iter().filter_map(line).collect()
}

#[test]
fn the_last_words_are_waited_for_and_written_at_the_time_when_they_were_said() {
    let mut scenario = Scenario::new();
    scenario.begin(KEY, with_subtitles(individual()));
    scenario.add(1);
    scenario.advance(Duration::from_secs(10));
    let now = scenario.now.as_millis() as u64;
    scenario.command(words(KEY, TapId(1)));
    scenario.command(RecordingCommand::Remove { recording: KEY, tap: TapId(1) });
    scenario.add(2);
    scenario.command(RecordingCommand::Remove { recording: KEY, tap: TapId(2) });
    scenario.end(false);
    scenario.advance(Duration::from_secs(1));
    scenario.command(words(KEY, TapId(2)));
    assert_eq!(written(&scenario), [("str_a".to_owned(), now - 2000), ("str_a-1".to_owned(), now - 1000)]);
    assert!(scenario.take_orders().is_empty(), "every file is closed, and words may come");
    scenario.command(RecordingCommand::WordsComplete { recording: KEY });
    scenario.command(words(KEY, TapId(2)));
    assert!(written(&scenario).is_empty(), "it is in the archive or nowhere");
    assert_eq!(scenario.take_orders(), ["gather"]);
    scenario.take_reports();
    scenario.processed(ONE, Ok(6));
    assert_eq!(scenario.ended(), Ok(6));
}

#[test]
fn what_is_composed_waits_for_its_last_words_and_a_start_that_fails_for_none() {
    let mut scenario = Scenario::new();
    scenario.begin(KEY, with_subtitles(composed()));
    scenario.composer_runs(ONE);
    scenario.end(false);
    scenario.composer(ONE, finished());
    scenario.composer(ONE, exited());
    assert_eq!(scenario.take_orders(), ["start composer"]);
    scenario.command(RecordingCommand::WordsComplete { recording: KEY });
    assert_eq!(scenario.take_orders(), ["take composed"]);
    scenario.take_reports();
    scenario.processed(ONE, Ok(6));
    assert_eq!(scenario.ended(), Ok(6));

    let mut scenario = Scenario::new();
    scenario.begin(KEY, with_subtitles(individual()));
    scenario.end(true);
    assert_eq!(scenario.take_orders(), ["discard"]);
}

#[test]
fn what_is_asked_for_while_the_disk_is_slow_is_done_afterwards() {
    let mut scenario = Scenario::new();
    let at = scenario.now.as_millis() as u64;
    // All of it is there before the first order is carried out.
    let begin = RecordingCommand::Begin {
        recording: KEY,
        session: "room".into(),
        session_created_at: 1,
        created_at: 2,
        properties: individual(),
        page_pass: None,
    };
    let add = RecordingCommand::Add { recording: KEY, tap: TapId(1), stream: stream("str_a") };
    let remove = RecordingCommand::Remove { recording: KEY, tap: TapId(1) };
    for command in [begin, add, remove, RecordingCommand::End { recording: KEY, failed: false }] {
        scenario.director.handle(Input::Command { at, command }, scenario.now);
    }
    scenario.follow();
    assert_eq!(scenario.take_orders(), ["gather"]);
    assert!(scenario.open.is_empty());
}

#[test]
fn a_recording_that_cannot_begin_ends_and_takes_no_packets() {
    let mut scenario = Scenario::new();
    scenario.is_full = true;
    scenario.begin(KEY, individual());
    assert_eq!(scenario.ended(), Err("no room".into()));
    scenario.add(1);
    assert!(scenario.open.is_empty() && scenario.take_reports().is_empty());
}

#[test]
fn a_full_disk_breaks_a_recording_whose_files_end_all_the_same() {
    let mut scenario = Scenario::new();
    scenario.begin(KEY, individual());
    scenario.take_reports();
    scenario.add(1);
    let why = "No space left".to_owned();
    scenario.open.remove(&TapId(1));
    scenario.input(Input::Writer(WriterEvent::Failed { tap: TapId(1), why: why.clone(), disk: true, summary: None }));
    assert_eq!(scenario.take_reports(), [RecordingReport::Broken { recording: KEY, why }]);
    scenario.is_full = true;
    scenario.add(2);
    assert!(matches!(&scenario.take_reports()[..], [RecordingReport::Broken { .. }]));
    scenario.end(false);
    assert_eq!(scenario.take_orders(), ["gather"]);
    scenario.processed(ONE, Err(ProcessingFailure::Empty));
    assert_eq!(scenario.ended(), Err("nothing was recorded".into()));
}

#[test]
fn one_stream_that_cannot_be_written_leaves_the_others() {
    let mut scenario = Scenario::new();
    scenario.begin(KEY, individual());
    scenario.take_reports();
    scenario.add(1);
    scenario.open.remove(&TapId(1));
    let why = "a defect".to_owned();
    scenario.input(Input::Writer(WriterEvent::Failed { tap: TapId(1), why: why.clone(), disk: false, summary: None }));
    assert_eq!(scenario.take_reports(), [RecordingReport::StreamFailed { recording: KEY, tap: TapId(1), why }]);
}

#[test]
fn a_lost_writer_breaks_what_it_wrote() {
    let mut scenario = Scenario::new();
    scenario.begin(KEY, individual());
    scenario.take_reports();
    scenario.add(1);
    scenario.input(Input::WriterLost);
    assert!(matches!(&scenario.take_reports()[..], [RecordingReport::Broken { .. }]));
    scenario.end(false);
    assert_eq!(scenario.take_orders(), ["gather"], "nothing is waited for that cannot come");
}

#[test]
fn a_writer_that_is_too_busy_is_told_again_that_a_file_shall_end() {
    let mut scenario = Scenario::new();
    scenario.begin(KEY, individual());
    scenario.add(1);
    scenario.is_busy = true;
    scenario.command(RecordingCommand::Remove { recording: KEY, tap: TapId(1) });
    scenario.end(false);
    scenario.advance(Duration::from_secs(1));
    assert!(scenario.take_orders().is_empty());
    scenario.is_busy = false;
    scenario.advance(RETRY);
    assert_eq!(scenario.take_orders(), ["gather"]);
}

#[test]
fn a_composed_recording_runs_once_its_file_is_there() {
    let mut scenario = Scenario::new();
    scenario.begin(KEY, composed());
    assert_eq!(scenario.take_orders(), ["start composer"]);
    scenario.take_reports();
    scenario.composer_runs(ONE);
    assert_eq!(scenario.take_reports(), [RecordingReport::Running { recording: KEY, tap: None }]);
    scenario.composer(ONE, ComposerEvent::Said(Report::Running));
    assert!(scenario.take_reports().is_empty(), "it runs once");
    scenario.end(false);
    assert!(matches!(scenario.manifests[&ONE].last(), Some(Entry::End { .. })));
    scenario.composer(ONE, finished());
    scenario.composer(ONE, ComposerEvent::Exited("exit status: 0".to_owned()));
    assert_eq!(scenario.take_orders(), ["take composed"]);
    assert_eq!(scenario.director.compositions(), 0, "there is room for another one");
    scenario.processed(ONE, Ok(7));
    assert_eq!(scenario.ended(), Ok(7));
    assert_eq!(scenario.director.poll_timeout(), None);
}

#[test]
fn places_for_compositions_are_free_once_their_processes_have_ended() {
    let mut scenario = Scenario::new();
    scenario.begin(KEY, composed());
    scenario.begin(RecordingKey(2), composed());
    let reports = scenario.take_reports();
    let refused = reports.iter().any(|report| {
        matches!(
            report,
            RecordingReport::Ended { recording: RecordingKey(2), result: Err(RecordingFailure::Overloaded(_)) }
        )
    });
    assert!(refused, "{reports:?}");
    scenario.begin(RecordingKey(3), individual());
    assert!(matches!(&scenario.take_reports()[..], [RecordingReport::Named { .. }]), "these take none");
    scenario.composer_runs(ONE);
    scenario.take_orders();
    scenario.end(true);
    assert_eq!(scenario.take_orders(), ["release composer", "discard"]);
    scenario.processed(ONE, Err(ProcessingFailure::Discarded));
    assert_eq!(scenario.director.compositions(), 1, "it still composes what it can");
    scenario.composer(ONE, ComposerEvent::Exited("exit status: 0".to_owned()));
    assert_eq!(scenario.director.compositions(), 0);
    scenario.take_reports();
    scenario.begin(RecordingKey(4), composed());
    assert!(matches!(&scenario.take_reports()[..], [RecordingReport::Named { .. }]));
}

#[test]
fn a_composer_that_crashes_is_started_again_and_in_the_end_given_up() {
    let mut scenario = Scenario::new();
    scenario.begin(KEY, composed());
    scenario.take_reports();
    for crash in 1..=composer::MOST_CRASHES {
        assert_eq!(scenario.take_orders(), ["start composer"], "crash {crash}");
        scenario.composer(ONE, ComposerEvent::Started);
        scenario.composer(ONE, exited());
        scenario.advance(Duration::from_secs(30));
    }
    assert!(scenario.take_orders().is_empty());
    let reports = scenario.take_reports();
    let [RecordingReport::Broken { recording: KEY, why }] = &reports[..] else { panic!("{reports:?}") };
    assert!(why.contains("again and again") && why.contains("signal: 9"), "{why}");
    scenario.end(false);
    assert_eq!(scenario.take_orders(), ["fail"]);
    assert_eq!(scenario.director.compositions(), 0);
}

#[test]
fn a_composer_that_gets_on_between_its_crashes_is_not_given_up() {
    let mut scenario = Scenario::new();
    scenario.begin(KEY, composed());
    let lost = transcoder::CompositionLosses { undecodable: 1, unreadable_files: 2 };
    let crashes = 2 * composer::MOST_CRASHES;
    for _ in 0..crashes {
        scenario.composer_runs(ONE);
        scenario.composer(ONE, ComposerEvent::Said(Report::Composed { until: 5, lost }));
        scenario.composer(ONE, exited());
        scenario.advance(Duration::from_secs(1));
    }
    scenario.end(false);
    scenario.composer_runs(ONE);
    scenario.composer(ONE, finished());
    scenario.composer(ONE, ComposerEvent::Exited("exit status: 0".to_owned()));
    let Some(Order::TakeComposed { composed, .. }) = scenario.orders.last() else { panic!("{:?}", scenario.orders) };
    let all = u64::from(crashes);
    assert_eq!(
        composed.lost,
        transcoder::CompositionLosses { undecodable: all, unreadable_files: 2 * all },
        "what each of them lost"
    );
}

#[test]
fn a_composer_that_hangs_is_killed_and_started_again() {
    let mut scenario = Scenario::new();
    scenario.begin(KEY, composed());
    scenario.composer_runs(ONE);
    scenario.end(false);
    scenario.take_orders();
    // As long as it says that it works, it may take as long as it likes.
    for _ in 0..10 {
        scenario.advance(COMPOSER_SILENCE / 2);
        scenario.composer(ONE, ComposerEvent::Said(Report::Working));
    }
    assert!(scenario.take_orders().is_empty());
    scenario.advance(COMPOSER_SILENCE);
    assert_eq!(scenario.take_orders(), ["kill composer"]);
    scenario.composer(ONE, exited());
    scenario.advance(Duration::from_secs(1));
    assert_eq!(scenario.take_orders(), ["start composer"]);
    scenario.composer_runs(ONE);
    scenario.composer(ONE, finished());
    scenario.composer(ONE, ComposerEvent::Exited("exit status: 0".to_owned()));
    assert_eq!(scenario.take_orders(), ["take composed"]);
}

#[test]
fn a_composer_that_has_nothing_to_do_is_left_alone() {
    let mut scenario = Scenario::new();
    scenario.begin(KEY, composed());
    scenario.composer_runs(ONE);
    scenario.take_orders();
    scenario.advance(COMPOSER_SILENCE * 10);
    assert!(scenario.take_orders().is_empty());
    // And has its time once there is something.
    let at = scenario.now;
    scenario.input(Input::Writer(WriterEvent::Marked { at }));
    scenario.advance(COMPOSER_SILENCE - Duration::from_secs(1));
    assert!(scenario.take_orders().is_empty());
    scenario.advance(Duration::from_secs(1));
    assert_eq!(scenario.take_orders(), ["kill composer"]);
}

#[test]
fn a_composer_that_hangs_each_time_or_cannot_be_killed_fails_its_recording() {
    for can_be_killed in [true, false] {
        let mut scenario = Scenario::new();
        scenario.begin(KEY, composed());
        scenario.end(false);
        for _ in 0..composer::MOST_CRASHES {
            scenario.composer(ONE, ComposerEvent::Started);
            scenario.advance(COMPOSER_SILENCE);
            if !can_be_killed {
                break;
            }
            scenario.composer(ONE, exited());
            scenario.advance(Duration::from_secs(30));
        }
        scenario.advance(composer::KILLING);
        assert_eq!(scenario.take_orders().last(), Some(&"fail"));
        assert_eq!(scenario.director.compositions(), 0);
    }
}

#[test]
fn a_manifest_says_nothing_of_a_time_that_it_called_known() {
    let mut scenario = Scenario::new();
    scenario.begin(KEY, composed());
    scenario.composer_runs(ONE);
    let asked = scenario.now.as_millis() as u64;
    // The command has waited for a slow disk, while the writer got on.
    scenario.advance(Duration::from_secs(20));
    let at = scenario.now;
    scenario.input(Input::Writer(WriterEvent::Marked { at }));
    let until = (at - WRITTEN_AFTER).as_millis() as u64;
    let add = RecordingCommand::Add { recording: KEY, tap: TapId(1), stream: stream("str_a") };
    scenario.input(Input::Command { at: asked, command: add });
    let remove = RecordingCommand::Remove { recording: KEY, tap: TapId(1) };
    scenario.input(Input::Command { at: asked, command: remove });
    scenario.input(Input::Command { at: asked, command: RecordingCommand::End { recording: KEY, failed: false } });
    let mut known = 0;
    for entry in &scenario.manifests[&ONE] {
        match entry {
            Entry::Until { at } => known = *at,
            Entry::Add(transcoder::ComposedStream { at, .. }) | Entry::Remove { at, .. } | Entry::End { at } => {
                assert!(*at >= known, "{entry:?}");
            }
            _ => {}
        }
    }
    assert_eq!(known, until);
}

#[test]
fn a_page_is_captured_and_composed_from_when_it_is_there() {
    let mut scenario = Scenario::new();
    scenario.begin(KEY, page());
    assert_eq!(scenario.take_orders(), ["open page"]);
    assert_eq!(scenario.director.compositions(), 1, "its place is taken already");
    scenario.page(PageEvent::Shown { at: 5 });
    assert_eq!(scenario.take_orders(), ["start composer"]);
    scenario.take_reports();
    scenario.composer_runs(ONE);
    assert!(scenario.take_reports().is_empty(), "nothing of the page is written");
    scenario.page(PageEvent::Written { until: 6 });
    assert_eq!(scenario.take_reports(), [RecordingReport::Running { recording: KEY, tap: None }]);
    scenario.end(false);
    assert_eq!(scenario.take_orders(), ["close page"]);
    scenario.page(PageEvent::FileEnded(summary()));
    scenario.page(PageEvent::Closed(Ok(())));
    scenario.composer(ONE, finished());
    scenario.composer(ONE, ComposerEvent::Exited("exit status: 0".to_owned()));
    let Some(Order::TakeComposed { parts, .. }) = scenario.orders.last() else { panic!("{:?}", scenario.orders) };
    assert_eq!(parts.len(), 1);
}

#[test]
fn a_browser_that_hangs_is_killed_and_the_page_opened_again() {
    let mut scenario = Scenario::new();
    scenario.begin(KEY, page());
    scenario.page(PageEvent::Shown { at: 5 });
    scenario.composer_runs(ONE);
    scenario.take_orders();
    for _ in 0..10 {
        scenario.advance(page::SILENCE / 2);
        scenario.page(PageEvent::Heard);
    }
    assert!(scenario.take_orders().is_empty());
    scenario.advance(page::SILENCE);
    assert_eq!(scenario.take_orders(), ["kill page"]);
    scenario.page(PageEvent::FileEnded(summary()));
    scenario.page(PageEvent::Closed(Err(crash())));
    scenario.advance(Duration::from_secs(1));
    assert_eq!(scenario.take_orders(), ["open page"]);
    let at = scenario.now.as_millis() as u64;
    scenario.page(PageEvent::Shown { at });
    let files = scenario.manifests[&ONE].iter().filter(|entry| matches!(entry, Entry::Add(_))).count();
    assert_eq!(files, 2, "each browser has a file of its own");
}

#[test]
fn a_page_that_is_not_there_or_crashes_again_and_again_breaks_its_recording() {
    let missing = PageFailure { kind: PageFailureKind::Missing, ..crash() };
    for (failure, times) in [(missing, 1), (crash(), page::MOST_OPENINGS)] {
        let mut scenario = Scenario::new();
        scenario.begin(KEY, page());
        scenario.take_reports();
        for _ in 0..times {
            assert_eq!(scenario.take_orders(), ["open page"]);
            scenario.page(PageEvent::Closed(Err(failure.clone())));
            scenario.advance(Duration::from_secs(1));
        }
        assert!(matches!(&scenario.take_reports()[..], [RecordingReport::Broken { .. }]));
        scenario.end(true);
        assert_eq!(scenario.take_orders(), ["discard"]);
        scenario.processed(ONE, Err(ProcessingFailure::Discarded));
        assert_eq!(scenario.ended(), Err("it never ran".into()));
        assert_eq!(scenario.director.compositions(), 0);
    }
}

fn crash() -> PageFailure {
    PageFailure { why: "the browser has ended".to_owned(), kind: PageFailureKind::Crash }
}

#[test]
fn interrupted_archives_are_finished_before_interrupted_compositions() {
    let found = |number, output_mode, status| InterruptedRecording {
        number,
        view: view(output_mode),
        status,
        parts: Some(vec![]),
    };
    let interrupted = vec![
        found(3, OutputMode::Individual, RecordingStatus::Failed),
        found(2, OutputMode::Composed, RecordingStatus::Stopped),
        found(1, OutputMode::Composed, RecordingStatus::Started),
    ];
    let mut scenario = Scenario::with(options(false), interrupted);
    assert_eq!(scenario.take_orders(), ["gather"]);
    assert_eq!(scenario.announced.len(), 1, "of the one that was running applications hear that it is stopped");
    scenario.processed(RecordingRef::Interrupted(3), Err(ProcessingFailure::Empty));
    assert_eq!(scenario.announced.len(), 1, "that it had failed is known");
    for number in [1, 2] {
        let recording = RecordingRef::Interrupted(number);
        assert_eq!(scenario.take_orders(), ["resume"], "one at a time");
        scenario.input(Input::Resumed { recording, result: Ok(()) });
        scenario.composer_runs(recording);
        scenario.composer(recording, finished());
        scenario.composer(recording, ComposerEvent::Exited("exit status: 0".to_owned()));
        assert_eq!(scenario.take_orders(), ["start composer", "take composed"]);
        scenario.processed(recording, Ok(7));
    }
    let sizes: Vec<_> = scenario.announced.iter().map(|view| view.size).collect();
    assert_eq!(sizes, [0, 7, 7]);
    assert!(scenario.held.is_empty());
}

#[test]
fn what_cannot_be_uploaded_is_tried_again_later_and_later() {
    let mut scenario = Scenario::with(options(true), vec![]);
    scenario.begin(KEY, individual());
    scenario.end(false);
    scenario.take_reports();
    scenario.processed(ONE, Ok(6));
    assert!(matches!(&scenario.take_reports()[..], [RecordingReport::Processed { .. }]));
    scenario.take_orders();
    for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
        scenario.input(Input::Uploaded { recording: ONE, result: Err("no service".to_owned()) });
        scenario.advance(Duration::from_millis(seconds * 1000 - 1));
        assert!(scenario.take_orders().is_empty(), "{seconds}");
        scenario.advance(Duration::from_millis(1));
        assert_eq!(scenario.take_orders(), ["upload"], "{seconds}");
    }
    let ready = RecordingView { size: 6, ..view(OutputMode::Individual) };
    scenario.input(Input::Uploaded { recording: ONE, result: Ok(Box::new(ready)) });
    assert_eq!(scenario.ended(), Ok(6));
}
