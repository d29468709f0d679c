//! The recorder of a test: it remembers what is recorded, so that a test can see that nothing is left, and reports at once
//! or when told.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use protocol::recording::{Measured, RecordingCommand, RecordingLosses, RecordingReport};

const LOST: RecordingLosses = RecordingLosses { dropped_packets: 3, undecodable: 0, unreadable_files: 0, unheard: 0 };
pub(crate) const MEASURED: Measured =
    Measured { size: 1000, duration: 12.5, has_audio: true, has_video: true, lost: LOST };

/// Carries out commands; reports when told.
#[derive(Default, Debug)]
pub(crate) struct Recorder {
    pub(crate) waits: bool,
    pub(crate) reports: VecDeque<RecordingReport>,
    pub(crate) commands: Vec<RecordingCommand>,
    /// Recordings with their open taps.
    pub(crate) open: BTreeMap<u64, Vec<u64>>,
    /// Recordings that get words.
    pub(crate) listening: BTreeSet<u64>,
    named: usize,
}

impl Recorder {
    pub(crate) fn carry_out(&mut self, command: RecordingCommand) {
        self.commands.push(command.clone());
        match command {
            RecordingCommand::Begin { recording, session, properties, .. } => {
                assert!(self.open.insert(recording.0, vec![]).is_none(), "it began twice");
                if properties.subtitles.is_some() {
                    self.listening.insert(recording.0);
                }
                let id = if self.named == 0 { session.to_string() } else { format!("{session}~{}", self.named) };
                self.named += 1;
                let name = if properties.name.is_empty() { id.clone() } else { properties.name };
                self.reports.push_back(RecordingReport::Named { recording, id, name });
            }
            RecordingCommand::Add { recording, tap, .. } => {
                self.open.get_mut(&recording.0).expect("it began").push(tap.0);
                self.reports.push_back(RecordingReport::Running { recording, tap: Some(tap) });
            }
            RecordingCommand::Change { recording, tap, .. } => {
                assert!(self.open[&recording.0].contains(&tap.0), "it was added and not removed");
            }
            RecordingCommand::Remove { recording, tap } => {
                let taps = self.open.get_mut(&recording.0).expect("it began");
                let at = taps.iter().position(|known| *known == tap.0).expect("it was added and not removed");
                taps.remove(at);
            }
            RecordingCommand::Started { recording } => {
                assert!(self.open.contains_key(&recording.0), "it began");
            }
            RecordingCommand::End { recording, failed } => {
                let taps = self.open.remove(&recording.0).expect("it began and did not end");
                assert_eq!(taps, [] as [u64; 0], "everything was taken out first");
                if failed {
                    let result = Err("it never ran".into());
                    self.reports.push_back(RecordingReport::Ended { recording, result });
                } else if !self.listening.contains(&recording.0) {
                    self.reports.push_back(RecordingReport::Ended { recording, result: Ok(MEASURED) });
                }
            }
            RecordingCommand::Words { recording, .. } | RecordingCommand::WordsMissing { recording } => {
                assert!(self.listening.contains(&recording.0), "it has subtitles, and they are not complete");
            }
            RecordingCommand::WordsComplete { recording } => {
                assert!(self.listening.remove(&recording.0), "it has subtitles, and they were not complete");
                assert!(!self.open.contains_key(&recording.0), "it has ended");
                let known = |report: &RecordingReport| matches!(report, RecordingReport::Ended { recording: own, result: Err(_) } if *own == recording);
                if !self.reports.iter().any(known) {
                    self.reports.push_back(RecordingReport::Ended { recording, result: Ok(MEASURED) });
                }
            }
        }
    }
}
