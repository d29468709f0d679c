//! The thread that carries out what is decided about recordings.
//!
//! It waits for the disk where that takes a moment (a folder, a metadata file); what takes longer is left to workers.
//! Whether a recording is composed makes little difference here: each stream has its file, and what happens is noted down.

mod page;

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use muxing::FileSummary;
use protocol::event::RecordingStatus;
use protocol::id::{RecordingKey, TapId};
use protocol::model::OutputMode;
use protocol::recording::{Failure, Lost, RecordedStream, RecordingCommand, RecordingReport, RecordingView};
use protocol::transcoder::Entry;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::composing::{self, Composing};
use crate::processes::{Filmed, Progress, Slot};
use crate::processing::{self, Part, Processed, Work};
use crate::queue::Order;
use crate::store::{Folder, StreamNote};
use crate::writer::{StartFile, WriterEvent, WriterHandle};
use crate::{Place, Told, recovery, upload};
use page::Film;

/// Until a writer that was too busy is told again that a file shall end.
const RETRY: Duration = Duration::from_millis(100);
/// How often compositions are told how far the files are.
const MARK: Duration = Duration::from_millis(500);
/// What composing processes tell, which is three words each; and pages.
const PROGRESS_CAPACITY: usize = 256;

pub(super) struct Director {
    place: Place,
    writer: WriterHandle,
    files: mpsc::Receiver<WriterEvent>,
    tell: mpsc::Sender<Told>,
    recordings: HashMap<RecordingKey, Recording>,
    /// Whose files are being written.
    taps: HashMap<TapId, RecordingKey>,
    /// Files whose end the writer had no room to hear of.
    unstopped: Vec<TapId>,
    processing: JoinSet<Done>,
    tell_progress: mpsc::Sender<(RecordingKey, Progress)>,
    progress: mpsc::Receiver<(RecordingKey, Progress)>,
    tell_filmed: mpsc::Sender<(RecordingKey, Filmed)>,
    filmed: mpsc::Receiver<(RecordingKey, Filmed)>,
    uploads: JoinSet<(Option<RecordingKey>, Processed)>,
}

type Done = (RecordingKey, Result<Processed, String>);

/// Recordings that a crash had interrupted, processed and waiting to be taken.
const RECOVERED: usize = 16;

/// One that is not being processed yet.
struct Recording {
    folder: Folder,
    view: RecordingView,
    growing: HashMap<TapId, StreamNote>,
    finished: Vec<Part>,
    stems: HashSet<String>,
    /// By stream: whose file is its latest.
    latest: HashMap<String, TapId>,
    /// If it is composed.
    composing: Option<Composing>,
    /// If it is a page's, as long as that is recorded.
    film: Option<Film>,
    /// What is missing until it runs, if it is composed: its file, and the page's.
    awaited: Awaited,
    /// It is over, once the last file is closed.
    end: Option<End>,
}

#[derive(Clone, Copy, Default)]
struct Awaited {
    composition: bool,
    page: bool,
}

#[derive(Clone, Copy)]
struct End {
    failed: bool,
    /// ms since 1970, on the clock of the files.
    at: u64,
}

impl Director {
    pub(super) fn new(
        place: Place,
        writer: WriterHandle,
        files: mpsc::Receiver<WriterEvent>,
        tell: mpsc::Sender<Told>,
    ) -> Self {
        let (tell_progress, progress) = mpsc::channel(PROGRESS_CAPACITY);
        let (tell_filmed, filmed) = mpsc::channel(PROGRESS_CAPACITY);
        Self {
            place,
            writer,
            files,
            tell,
            recordings: HashMap::new(),
            taps: HashMap::new(),
            unstopped: vec![],
            processing: JoinSet::new(),
            tell_progress,
            progress,
            tell_filmed,
            filmed,
            uploads: JoinSet::new(),
        }
    }

    /// Works until nobody can give commands any more.
    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let (processed, mut recovered) = mpsc::channel(RECOVERED);
        self.recover(processed);
        let mut writer_is_there = true;
        let mut marks = tokio::time::interval(MARK);
        marks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_composing = self.recordings.values().any(|recording| recording.composing.is_some());
            tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => self.carry_out(order).await,
                    None => break,
                },
                event = self.files.recv(), if writer_is_there => match event {
                    Some(event) => self.file_event(event).await,
                    None => {
                        writer_is_there = false;
                        self.lose_writer().await;
                    }
                },
                Some(done) = self.processing.join_next() => match done {
                    Ok((recording, Ok(processed))) => self.keep(Some(recording), processed).await,
                    Ok((recording, Err(why))) => {
                        self.report(RecordingReport::Ended { recording, result: Err(why.into()) }).await;
                    }
                    Err(_) => {}
                },
                Some(processed) = recovered.recv() => self.keep(None, processed).await,
                Some(done) = self.uploads.join_next() => if let Ok((recording, processed)) = done {
                    self.settle(recording, processed).await;
                },
                Some((recording, progress)) = self.progress.recv() => self.progressed(recording, progress).await,
                Some((recording, filmed)) = self.filmed.recv() => self.film_event(recording, filmed).await,
                // One that is too busy to be asked is asked again.
                _ = marks.tick(), if is_composing => drop(self.writer.mark()),
                () = tokio::time::sleep(RETRY), if !self.unstopped.is_empty() => {
                    let taps = std::mem::take(&mut self.unstopped);
                    taps.into_iter().for_each(|tap| self.stop_file(tap));
                }
            }
        }
        // What the workers do not finish now is finished at the next start.
        self.place.stop.store(true, Ordering::Relaxed);
    }

    /// Finishes what a crash has interrupted, beside everything else.
    fn recover(&self, processed: mpsc::Sender<Processed>) {
        let (place, tell) = (self.place.clone(), self.tell.clone());
        let elsewhere = place.clone();
        tokio::spawn(recovery::run(place, tell, processed));
        tokio::spawn(async move {
            if let Some(kept) = &elsewhere.kept {
                upload::mirror(kept, &elsewhere).await;
            }
        });
    }

    /// Brings a recording to where it is kept.
    async fn keep(&mut self, recording: Option<RecordingKey>, processed: Processed) {
        let Some(kept) = self.place.kept.clone() else {
            return self.settle(recording, processed).await;
        };
        if let Some(recording) = recording {
            self.report(RecordingReport::Processed { recording, measured: processed.measured() }).await;
        }
        let place = self.place.clone();
        self.uploads.spawn(async move { (recording, processed.upload(&kept, &place).await) });
    }

    /// It is ready.
    async fn settle(&mut self, recording: Option<RecordingKey>, processed: Processed) {
        let told = match recording {
            Some(recording) => {
                let result = Ok(processed.measured());
                Told::Report(RecordingReport::Ended { recording, result })
            }
            None => recovery::recovered(&processed.view),
        };
        // Its id may be worked at again by whoever hears of it.
        drop(processed);
        let _ = self.tell.send(told).await;
    }

    async fn report(&self, report: RecordingReport) {
        // The control side has gone only if the server stops.
        let _ = self.tell.send(Told::Report(report)).await;
    }

    async fn carry_out(&mut self, Order { at, command }: Order) {
        match command {
            RecordingCommand::Begin { recording, session, session_created_at, created_at, properties } => {
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
                    status: RecordingStatus::Starting,
                    lost: Lost::default(),
                };
                match self.begin(recording, view) {
                    Ok(begun) => {
                        let (id, name) = (begun.view.id.clone(), begun.view.name.clone());
                        self.recordings.insert(recording, begun);
                        self.report(RecordingReport::Named { recording, id, name }).await;
                    }
                    Err(why) => self.report(RecordingReport::Ended { recording, result: Err(why) }).await,
                }
            }
            RecordingCommand::Add { recording, tap, stream } => {
                if let Err(error) = self.add(recording, tap, stream, at) {
                    self.stop_file(tap);
                    self.report(RecordingReport::Broken { recording, why: unwritable(error) }).await;
                }
            }
            RecordingCommand::Change { recording, tap, audio_active, video_active } => {
                let change = |file| Entry::Change { file, at, audio_active, video_active };
                self.note_down(recording, tap, change).await;
            }
            RecordingCommand::Remove { recording, tap } => {
                self.note_down(recording, tap, |file| Entry::Remove { file, at }).await;
                self.stop_file(tap);
            }
            RecordingCommand::Started { recording } => self.mark(recording, RecordingStatus::Started),
            RecordingCommand::End { recording, failed } => {
                self.mark(recording, RecordingStatus::Stopped);
                if let Some(recording) = self.recordings.get_mut(&recording) {
                    recording.end = Some(End { failed, at });
                    if let Some(film) = &recording.film {
                        film.filming.stop();
                    }
                }
                self.process_if_over(recording);
            }
        }
    }

    /// ms since 1970, on the clock of the files.
    fn now(&self) -> u64 {
        self.writer.now().as_millis() as u64
    }

    fn begin(&self, key: RecordingKey, view: RecordingView) -> Result<Recording, Failure> {
        let is_composed = view.output_mode != OutputMode::Individual;
        // Before anything is written of it.
        let slot = is_composed.then(|| self.place.transcoder.slot()).transpose()?;
        let page = view.composition.as_ref().filter(|composition| composition.is_page());
        let page = page.map(|page| self.place.layouts.page(page, &view.session_id, view.has_audio)).transpose()?;
        let mut recording = self.begin_files(view).map_err(unwritable)?;
        let begun = match (slot, page) {
            (Some(slot), Some(page)) => self.film(key, &mut recording, slot, page),
            (Some(slot), None) => self.compose(key, &mut recording, slot, self.now()),
            (None, _) => Ok(()),
        };
        match begun {
            Ok(()) => Ok(recording),
            Err(why) => {
                let work = Work { folder: recording.folder, view: recording.view, parts: vec![], composing: None };
                work.discard(&self.place);
                Err(why.into())
            }
        }
    }

    /// `start` is ms since 1970, on the clock of the files.
    fn compose(&self, key: RecordingKey, recording: &mut Recording, slot: Slot, start: u64) -> Result<(), String> {
        let tell = self.tell_progress.clone();
        // The director has gone only if the server stops.
        let tell = move |progress| drop(tell.blocking_send((key, progress)));
        recording.composing =
            Some(Composing::begin(&self.place, slot, &recording.folder, &recording.view, start, tell)?);
        recording.awaited.composition = true;
        Ok(())
    }

    fn begin_files(&self, mut view: RecordingView) -> io::Result<Recording> {
        let folder = self.place.store.reserve(&view.session_id.as_str().into())?;
        view.id = folder.id().to_owned();
        if view.name.is_empty() {
            view.name = view.id.clone();
        }
        if let Err(error) = folder.write(&view) {
            // An empty folder is nobody's.
            let _ = std::fs::remove_dir(folder.path());
            return Err(error);
        }
        let (growing, finished, stems, latest) = (HashMap::new(), vec![], HashSet::new(), HashMap::new());
        let (composing, film, awaited) = (None, None, Awaited::default());
        Ok(Recording { folder, view, growing, finished, stems, latest, composing, film, awaited, end: None })
    }

    fn add(&mut self, key: RecordingKey, tap: TapId, stream: RecordedStream, at: u64) -> io::Result<()> {
        let Some(recording) = self.recordings.get_mut(&key).filter(|recording| recording.end.is_none()) else {
            // It has failed meanwhile.
            self.stop_file(tap);
            return Ok(());
        };
        let (audio, video) = (stream.has_audio, stream.has_video);
        let is_active = [stream.audio_active, stream.video_active];
        let note = recording.new_note(stream);
        // Before the file: whatever is found of it after a crash belongs to somebody.
        recording.folder.note(&note)?;
        let file = processing::growing_name(&note);
        let path = recording.folder.file(&file);
        if let Some(composing) = &mut recording.composing {
            composing.happened(&composing::added(&self.place, &note, file, at, is_active))?;
        }
        let after = recording.latest.insert(note.stream_id.clone(), tap);
        recording.growing.insert(tap, note);
        self.taps.insert(tap, key);
        self.writer.start(StartFile { tap, path, audio, video, after }).map_err(io::Error::other)
    }

    /// Something happened to a stream of a composed recording.
    async fn note_down(&mut self, key: RecordingKey, tap: TapId, entry: impl FnOnce(String) -> Entry) {
        let Some(recording) = self.recordings.get_mut(&key) else { return };
        let (Some(composing), Some(note)) = (&mut recording.composing, recording.growing.get(&tap)) else { return };
        if let Err(error) = composing.happened(&entry(processing::growing_name(note))) {
            self.report(RecordingReport::Broken { recording: key, why: unwritable(error) }).await;
        }
    }

    async fn progressed(&mut self, recording: RecordingKey, progress: Progress) {
        match progress {
            Progress::Running => self.have(recording, |awaited| &mut awaited.composition).await,
            Progress::Failed(why) if self.recordings.contains_key(&recording) => {
                self.report(RecordingReport::Broken { recording, why }).await;
            }
            // Whoever processes it is told, too.
            Progress::Failed(_) => {}
        }
    }

    /// One thing less is awaited; with the last one, the recording runs.
    async fn have(&mut self, key: RecordingKey, what: impl FnOnce(&mut Awaited) -> &mut bool) {
        let Some(recording) = self.recordings.get_mut(&key) else { return };
        let was_awaited = std::mem::take(what(&mut recording.awaited));
        if was_awaited && !recording.awaited.composition && !recording.awaited.page {
            self.report(RecordingReport::Running { recording: key, tap: None }).await;
        }
    }

    /// A status on its way; if it cannot be written the recording goes on, and the disk tells the one before.
    fn mark(&mut self, key: RecordingKey, status: RecordingStatus) {
        let Some(recording) = self.recordings.get_mut(&key) else { return };
        recording.view.status = status;
        if let Err(error) = recording.folder.write(&recording.view) {
            tracing::error!(recording = recording.folder.id(), %error, "a recording's status cannot be written");
        }
    }

    /// It must be told, or the file would never end.
    fn stop_file(&mut self, tap: TapId) {
        if self.writer.stop(tap).is_err() {
            self.unstopped.push(tap);
        }
    }

    async fn file_event(&mut self, event: WriterEvent) {
        match event {
            WriterEvent::Running { tap } => {
                if let Some(recording) = self.taps.get(&tap).copied() {
                    self.report(RecordingReport::Running { recording, tap: Some(tap) }).await;
                }
            }
            WriterEvent::Finished { tap, summary } => {
                self.close_file(tap, Some(summary));
            }
            WriterEvent::Marked { at } => {
                // How far a page's file is, is told by itself.
                let of_streams = self.recordings.values_mut().filter(|recording| recording.film.is_none());
                let composing = of_streams.filter_map(|recording| recording.composing.as_mut());
                composing.for_each(|composing| composing.given_until(at.as_millis() as u64));
            }
            WriterEvent::Failed { tap, why, disk, summary } => {
                if let Some(recording) = self.close_file(tap, summary) {
                    let report = if disk {
                        RecordingReport::Broken { recording, why }
                    } else {
                        RecordingReport::StreamFailed { recording, tap, why }
                    };
                    self.report(report).await;
                }
            }
        }
    }

    /// Its thread has ended: whatever it was writing was cut off.
    async fn lose_writer(&mut self) {
        for tap in self.taps.keys().copied().collect::<Vec<_>>() {
            if let Some(recording) = self.close_file(tap, None) {
                let why = "the recorder has come to a standstill".to_owned();
                self.report(RecordingReport::Broken { recording, why }).await;
            }
        }
    }

    fn close_file(&mut self, tap: TapId, summary: Option<FileSummary>) -> Option<RecordingKey> {
        let key = self.taps.remove(&tap)?;
        let recording = self.recordings.get_mut(&key)?;
        let mut note = recording.growing.remove(&tap)?;
        if let Some(summary) = summary.filter(|summary| summary.size > 0) {
            processing::describe(&mut note, &summary);
        }
        if note.dropped_packets > 0 {
            tracing::warn!(
                recording = recording.folder.id(),
                stream = note.stream_id,
                packets = note.dropped_packets,
                "this server is too busy to record everything"
            );
            // Whoever processes it may be another server, after a crash.
            if let Err(error) = recording.folder.note(&note) {
                tracing::warn!(recording = recording.folder.id(), %error, "what is missing cannot be noted down");
            }
        }
        recording.finished.push(Part { note, summary });
        self.process_if_over(key);
        Some(key)
    }

    fn process_if_over(&mut self, key: RecordingKey) {
        let is_over =
            |recording: &Recording| recording.end.is_some() && recording.growing.is_empty() && recording.film.is_none();
        if !self.recordings.get(&key).is_some_and(is_over) {
            return;
        }
        let Some(recording) = self.recordings.remove(&key) else { return };
        let Recording { folder, view, finished, mut composing, end: Some(End { failed, at }), .. } = recording else {
            return;
        };
        if let Some(composing) = &mut composing
            && let Err(error) = composing.happened(&Entry::End { at })
        {
            tracing::error!(recording = folder.id(), %error, "the end of a recording cannot be noted down");
        }
        let (place, id) = (self.place.clone(), view.id.clone());
        let work = Work { folder, view, parts: finished, composing };
        self.processing.spawn(async move {
            let result = if failed {
                let discarded = processing::on_worker(move || work.discard(&place)).await;
                Err(discarded.map_or_else(|failure| failure.to_string(), |()| "it never ran".to_owned()))
            } else {
                work.finish(&place, true).await.map_err(|failure| failure.to_string())
            };
            tracing::info!(recording = %id, result = ?result.as_ref().map(Processed::measured), "recording processed");
            (key, result)
        });
    }
}

impl Recording {
    /// The stem of its name is used once.
    fn new_note(&mut self, stream: RecordedStream) -> StreamNote {
        let id = stream.stream.as_str();
        let stems = std::iter::once(id.to_owned()).chain((1_u64..).map(|number| format!("{id}-{number}")));
        let name = stems.into_iter().find(|stem| !self.stems.contains(stem)).unwrap_or_default();
        self.stems.insert(name.clone());
        StreamNote {
            name,
            connection_id: stream.connection.to_string(),
            stream_id: id.to_owned(),
            client_data: stream.client_data,
            server_data: stream.server_data,
            start_time: 0,
            end_time: 0,
            duration: 0,
            size: 0,
            has_audio: stream.has_audio,
            has_video: stream.has_video,
            type_of_video: stream.type_of_video.filter(|_| stream.has_video),
            dropped_packets: 0,
        }
    }
}

fn unwritable(error: io::Error) -> String {
    format!("the folder of the recordings cannot be written: {error}")
}
