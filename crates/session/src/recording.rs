//! Recordings: when one may start and when it ends, what is in it ([`contents`]), whose words are written down ([`subtitles`]) and
//! who learns of it ([`announcement`]). Ids, files and media are the recorder's, on the other side of [`RecordingCommand`] and [`RecordingReport`].
//!
//! A session has at most one recording that is starting or running. One that was stopped is no longer the session's: it
//! is only waited for, by those who asked for its end and by the end of the session itself (see `ending`).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use protocol::event::{Reason, RecordingStatus};
use protocol::id::{RecordingKey, SessionId, TapId};
use protocol::model::{MediaMode, OutputMode, RecordingMode, RecordingProperties};
use protocol::recording::{Measured, PagePass, RecordingCommand, RecordingFailure, RecordingReport};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::command::CallId;
use crate::connection::{Access, Participant};
use crate::context::Context;
use crate::id::ParticipantId;
use crate::leave::Farewell;
use crate::reply::RecordingName;
use crate::session::Session;
use crate::speech::SpeechRefusal;
use crate::timer::Timer;
use crate::{Notification, Refusal, Registry, Reply, Time};

mod announcement;
mod contents;
mod subtitles;

use contents::Tapped;
use subtitles::Subtitles;

/// Everything that is recorded or still being processed.
pub(crate) type Recordings = HashMap<RecordingKey, Recording>;

/// One of them.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) session: SessionId,
    session_created_at: Time,
    created_at: Time,
    properties: RecordingProperties,
    /// If it shows a page: what lets that in.
    page_pass: Option<PagePass>,
    /// The recorder's choice.
    name: Option<RecordingName>,
    phase: Phase,
    /// What is in it, by publisher.
    taps: BTreeMap<ParticipantId, Tapped>,
    subtitles: Option<Subtitles>,
    /// Who waits for its end.
    stops: Vec<CallId>,
}

#[derive(Debug)]
enum Phase {
    /// Not everything is on disk yet.
    Starting {
        /// Streams that are not, unless it is composed.
        missing: BTreeSet<TapId>,
        /// A composed one that is not.
        whole: bool,
        /// Who asked for it; nobody in mode ALWAYS.
        call: Option<CallId>,
    },
    Running,
    /// Waits for the recorder.
    Stopped {
        reason: Reason,
        /// Nothing can come of it.
        failed: bool,
        /// What there is, once that is known.
        measured: Option<Measured>,
    },
}

/// Why a recording does not start.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
pub enum StartRefusal {
    /// No such session.
    #[error("the session does not exist")]
    UnknownSession,
    /// It is recorded already, or not meant to be.
    #[error("the session is being recorded, or is not routed through the server")]
    NotNow,
    /// Nobody is there.
    #[error("the session has no participants")]
    NobodyThere,
    /// This server records as much as it is allowed to.
    #[error("too many streams are being recorded")]
    Overloaded,
    /// There can be no subtitles in this language.
    #[error("there can be no subtitles: {0:?}")]
    Subtitles(SpeechRefusal),
}

/// Why a recording does not stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
pub enum StopRefusal {
    /// None that runs has this id.
    #[error("no recording with this id is running")]
    Unknown,
    /// It does not run yet.
    #[error("the recording is only starting")]
    Starting,
}

/// Why a recording that was begun does not run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RecordingStartFailure {
    /// Its folder was not there in time.
    DiskTooSlow,
    /// Its streams were not on the disk in time.
    NoMedia,
    /// Its session ended before.
    SessionEnded,
    /// It was over as soon as it had begun.
    EndedAtOnce,
    /// This server records as much as it is allowed to.
    Overloaded,
    /// A stream of it cannot be recorded, as who writes it says.
    Stream(String),
    /// Who records it has failed.
    Recorder(RecordingFailure),
}

impl Registry {
    /// What a recording of this session is like unless its request says otherwise; or why there can be none now.
    pub fn recording_defaults(&self, session: &str) -> Result<&RecordingProperties, StartRefusal> {
        self.sessions.get(session).ok_or(StartRefusal::UnknownSession)?.recording_defaults()
    }

    /// Starts a recording. The call is answered with [`Reply::Recording`] once it runs, or does not.
    pub fn start_recording(
        &mut self,
        session: &str,
        properties: RecordingProperties,
        call: CallId,
        now: Time,
    ) -> Result<(), StartRefusal> {
        let session = self.sessions.get_mut(session).ok_or(StartRefusal::UnknownSession)?;
        session.recording_defaults()?;
        self.cx.check_subtitles(&properties).map_err(StartRefusal::Subtitles)?;
        if self.cx.recorded_streams() + session.publishers().max(1) > self.cx.settings.recording.max_streams {
            return Err(StartRefusal::Overloaded);
        }
        session.begin_recording(properties, Some(call), &mut self.cx, now);
        self.settle(now);
        Ok(())
    }

    /// Stops a recording. The call is answered with [`Reply::Recording`] once it is processed.
    pub fn stop_recording(&mut self, id: &str, call: CallId, now: Time) -> Result<(), StopRefusal> {
        let recording = self.cx.live_recording_mut(id).ok_or(StopRefusal::Unknown)?;
        if matches!(recording.phase, Phase::Starting { .. }) {
            return Err(StopRefusal::Starting);
        }
        recording.stops.push(call);
        let session = recording.session.clone();
        if let Some(session) = self.sessions.get_mut(&session) {
            session.always_record = false;
            session.end_recording(Reason::RecordingStoppedByServer, &mut self.cx, now);
        }
        // It was only kept open to wait for somebody to come back.
        self.end_session_if_deserted(&session, Reason::Disconnect, now);
        self.settle(now);
        Ok(())
    }

    /// The recorder reports.
    pub fn handle_recording(&mut self, report: RecordingReport, now: Time) {
        match report {
            RecordingReport::Named { recording, id, name } => {
                if let Some(recording) = self.cx.recordings.get_mut(&recording) {
                    recording.name = Some(RecordingName { id, name });
                }
                if let Some((session, cx)) = self.recorded_session(recording) {
                    session.start_if_complete(cx, now);
                }
            }
            RecordingReport::Running { recording, tap } => {
                if let Some((session, cx)) = self.recorded_session(recording) {
                    session.is_on_disk(recording, tap, cx, now);
                }
            }
            RecordingReport::StreamFailed { recording, tap, why } => {
                if let Some((session, cx)) = self.recorded_session(recording) {
                    session.recorded_stream_failed(recording, tap, &why, cx, now);
                }
            }
            RecordingReport::Broken { recording, why } => {
                tracing::error!(?recording, %why, "recording broke");
                if let Some((session, cx)) = self.recorded_session(recording) {
                    session.recording_broke(recording, why, cx, now);
                }
            }
            RecordingReport::Processed { recording, measured } => self.recording_processed(recording, measured),
            RecordingReport::Ended { recording, result } => self.recording_ended(recording, result, now),
        }
        self.settle(now);
    }

    /// The session whose recording is starting or running. One that was stopped is nobody's.
    fn recorded_session(&mut self, key: RecordingKey) -> Option<(&mut Session, &mut Context)> {
        let recording = self.cx.recordings.get(&key)?;
        let session = self.sessions.get_mut(&recording.session)?;
        (session.recording == Some(key)).then_some((session, &mut self.cx))
    }

    /// Not everything was on disk in time.
    pub(crate) fn expire_recording_start(&mut self, key: RecordingKey, now: Time) {
        if let Some((session, cx)) = self.recorded_session(key) {
            session.expire_recording_start(key, cx, now);
        }
    }

    /// Nobody has published, or come back, in time.
    pub(crate) fn stop_automatically(&mut self, key: RecordingKey, now: Time) {
        let Some((session, cx)) = self.recorded_session(key) else { return };
        if session.has_visible_participants() {
            session.end_recording(Reason::AutomaticStop, cx, now);
        } else {
            let id = session.id.clone();
            self.end_session(&id, Reason::AutomaticStop, now);
        }
    }

    /// The media worker lost a tap: with the stream, of whose end we know already, or with everything it had.
    pub(crate) fn tap_ended(&mut self, tap: TapId, now: Time) {
        let found = self.cx.recordings.iter().find_map(|(key, recording)| Some((*key, recording.publisher(tap)?)));
        if let Some((key, publisher)) = found
            && let Some((session, cx)) = self.recorded_session(key)
        {
            session.take_out(key, publisher, cx, now);
        }
    }

    /// Whether recordings of a session can have the subtitles that it wants.
    pub fn check_subtitles(&self, properties: &RecordingProperties) -> Result<(), SpeechRefusal> {
        self.cx.check_subtitles(properties)
    }

    /// Whoever asked for its end is not left waiting until it is where it is kept.
    fn recording_processed(&mut self, key: RecordingKey, processed: Measured) {
        let Some(recording) = self.cx.recordings.get_mut(&key) else { return };
        let Phase::Stopped { measured, .. } = &mut recording.phase else { return };
        *measured = Some(processed);
        let (view, calls) = (recording.now(), std::mem::take(&mut recording.stops));
        let session = recording.session.clone();
        for call in calls {
            self.cx.answer_call(Some(call), Ok(Reply::Recording(Box::new(view.clone()))));
        }
        self.end_if_processed(&session);
    }

    fn recording_ended(&mut self, key: RecordingKey, result: Result<Measured, RecordingFailure>, now: Time) {
        if let Some((session, cx)) = self.recorded_session(key) {
            // The recorder is only expected to end what it was told to end; whatever happened, it is over.
            session.recording_ended_early(key, result.as_ref().err(), cx, now);
        }
        let Some(recording) = self.cx.recordings.remove(&key) else { return };
        if let Some(session) = self.sessions.get_mut(&recording.session) {
            session.dismiss_page(key, &mut self.cx, now);
        }
        if let Phase::Stopped { reason, failed: false, .. } = recording.phase {
            let (status, measured) = match &result {
                Ok(measured) => (RecordingStatus::Ready, *measured),
                Err(why) => {
                    tracing::error!(session = %recording.session, recording = recording.id(), %why, "recording failed");
                    (RecordingStatus::Failed, recording.planned())
                }
            };
            self.cx.effects.event(recording.event(status, Some(reason), &measured, now));
            for call in &recording.stops {
                let view = Box::new(recording.view(status, &measured));
                self.cx.answer_call(Some(*call), Ok(Reply::Recording(view)));
            }
        }
        self.end_if_processed(&recording.session);
    }
}

impl Context {
    /// How many recordings of a session are not processed yet.
    pub(crate) fn unprocessed(&self, session: &SessionId) -> usize {
        let unprocessed = |recording: &&Recording| !matches!(recording.phase, Phase::Stopped { measured: Some(_), .. });
        self.recordings.values().filter(|recording| recording.session == *session).filter(unprocessed).count()
    }

    fn live_recording_mut(&mut self, id: &str) -> Option<&mut Recording> {
        let live = |recording: &Recording| !matches!(recording.phase, Phase::Stopped { .. });
        self.recordings.values_mut().find(|recording| live(recording) && recording.id() == id)
    }
}

impl Session {
    fn recording_defaults(&self) -> Result<&RecordingProperties, StartRefusal> {
        if self.recording.is_some() || self.properties.media_mode == MediaMode::Relayed {
            return Err(StartRefusal::NotNow);
        }
        if !self.has_visible_participants() {
            return Err(StartRefusal::NobodyThere);
        }
        Ok(&self.properties.default_recording_properties)
    }

    fn begin_recording(&mut self, properties: RecordingProperties, call: Option<CallId>, cx: &mut Context, now: Time) {
        let key = cx.ids.recording();
        self.recording = Some(key);
        let properties = cx.fill_in_subtitles(properties);
        let individual = properties.output_mode == OutputMode::Individual;
        let settings = &cx.settings.recording;
        let is_page = properties.composition().is_some_and(|composition| composition.is_page());
        let page_pass = is_page.then(|| cx.ids.page_pass()).flatten();
        let timeout = if is_page { settings.page_start_timeout } else { settings.start_timeout };
        let recording = Recording {
            session: self.id.clone(),
            session_created_at: self.created_at,
            created_at: now,
            properties: properties.clone(),
            page_pass: page_pass.clone(),
            name: None,
            phase: Phase::Starting { missing: BTreeSet::new(), whole: !individual, call },
            taps: BTreeMap::new(),
            subtitles: Subtitles::of(&properties),
            stops: vec![],
        };
        let begin = RecordingCommand::Begin {
            recording: key,
            session: self.id.clone(),
            session_created_at: self.created_at.as_millis(),
            created_at: now.as_millis(),
            properties,
            page_pass,
        };
        let publishers: Vec<_> =
            self.participants().filter(|(_, own)| own.stream.is_some()).map(|(id, _)| id).collect();
        tracing::info!(session = %self.id, recording = key.0, "recording begins");
        cx.recordings.insert(key, recording);
        cx.effects.recording(begin);
        cx.timers.set(Timer::RecordingStart(key), now + timeout);
        for participant in publishers {
            self.put_in(key, participant, cx, now);
        }
    }

    fn expire_recording_start(&mut self, key: RecordingKey, cx: &mut Context, now: Time) {
        let Some(recording) = cx.recordings.get_mut(&key) else { return };
        let is_named = recording.name.is_some();
        let ignore = recording.properties.ignore_failed_streams && is_named;
        match &mut recording.phase {
            // Its streams are on disk, to be composed once the machine finds the time for it.
            Phase::Starting { whole: whole @ true, .. } if is_named => {
                *whole = false;
                tracing::warn!(session = %recording.session, recording = recording.id(), "composing begins late");
                self.start_if_complete(cx, now);
            }
            Phase::Starting { missing, whole: false, .. } if ignore => {
                missing.clear();
                self.start_if_complete(cx, now);
            }
            Phase::Starting { .. } if !is_named => self.fail_start(key, RecordingStartFailure::DiskTooSlow, cx, now),
            Phase::Starting { .. } => self.fail_start(key, RecordingStartFailure::NoMedia, cx, now),
            Phase::Running | Phase::Stopped { .. } => {}
        }
    }

    fn is_on_disk(&mut self, key: RecordingKey, tap: Option<TapId>, cx: &mut Context, now: Time) {
        if let Some(Recording { phase: Phase::Starting { missing, whole, .. }, .. }) = cx.recordings.get_mut(&key) {
            match tap {
                Some(tap) => drop(missing.remove(&tap)),
                None => *whole = false,
            }
        }
        self.start_if_complete(cx, now);
    }

    fn start_if_complete(&mut self, cx: &mut Context, now: Time) {
        let Some(key) = self.recording else { return };
        let Some(recording) = cx.recordings.get_mut(&key) else { return };
        let Some(name) = recording.name.clone() else { return };
        let call = match &recording.phase {
            Phase::Starting { missing, whole: false, call } if missing.is_empty() => *call,
            _ => return,
        };
        recording.phase = Phase::Running;
        let event = recording.event(RecordingStatus::Started, None, &recording.planned(), now);
        let view = recording.view(RecordingStatus::Started, &recording.planned());
        tracing::info!(session = %self.id, recording = %name.id, "recording started");
        cx.timers.cancel(Timer::RecordingStart(key));
        cx.effects.recording(RecordingCommand::Started { recording: key });
        cx.effects.event(event);
        self.tell_of_recording(Notification::RecordingStarted(name), cx);
        cx.answer_call(call, Ok(Reply::Recording(Box::new(view))));
        self.await_publisher(key, cx, now);
    }

    /// A recording of nobody stops by itself.
    fn await_publisher(&mut self, key: RecordingKey, cx: &mut Context, now: Time) {
        if self.publishers() > 0 {
            return;
        }
        if self.has_visible_participants() && cx.settings.recording.auto_stop.is_zero() {
            self.end_recording(Reason::AutomaticStop, cx, now);
        } else if !cx.timers.is_set(Timer::AutomaticStop(key)) {
            cx.timers.set(Timer::AutomaticStop(key), now + cx.settings.recording.auto_stop);
        }
    }

    /// Whether a session that everybody has left stays open for a while, because it is recorded.
    pub(crate) fn waits_for_return(&self, cx: &mut Context, now: Time) -> bool {
        let Some(key) = self.recording.filter(|_| !cx.settings.recording.auto_stop.is_zero()) else { return false };
        if !cx.timers.is_set(Timer::AutomaticStop(key)) {
            cx.timers.set(Timer::AutomaticStop(key), now + cx.settings.recording.auto_stop);
        }
        true
    }

    /// It never ran: who asked is told, and so are applications.
    fn fail_start(&mut self, key: RecordingKey, why: RecordingStartFailure, cx: &mut Context, now: Time) {
        let Some(recording) = cx.recordings.get_mut(&key) else { return };
        let Phase::Starting { call, .. } = recording.phase else { return };
        tracing::warn!(session = %recording.session, ?why, "recording failed to start");
        let failed = recording.event(RecordingStatus::Failed, None, &recording.planned(), now);
        self.withdraw_recording(key, Reason::AutomaticStop, true, cx, now);
        cx.effects.event(failed);
        cx.answer_call(call, Err(Refusal::RecordingFailed(why)));
    }

    /// Ends the session's recording, if it has one, whatever state it is in.
    pub(crate) fn end_recording(&mut self, reason: Reason, cx: &mut Context, now: Time) {
        let Some(key) = self.recording else { return };
        let Some(recording) = cx.recordings.get(&key) else { return };
        let stopped = recording.event(RecordingStatus::Stopped, Some(reason), &recording.planned(), now);
        match recording.phase {
            Phase::Stopped { .. } => {}
            Phase::Running => {
                let name = RecordingName { id: recording.id().to_owned(), name: recording.file_name().to_owned() };
                tracing::info!(session = %self.id, recording = %name.id, reason = reason.as_str(), "recording stopped");
                self.withdraw_recording(key, reason, false, cx, now);
                cx.effects.event(stopped);
                self.tell_of_recording(Notification::RecordingStopped { recording: name, reason }, cx);
            }
            Phase::Starting { call, .. } => {
                let failed = recording.event(RecordingStatus::Failed, Some(reason), &recording.planned(), now);
                self.withdraw_recording(key, reason, true, cx, now);
                cx.effects.event(stopped);
                cx.effects.event(failed);
                cx.answer_call(call, Err(Refusal::RecordingFailed(RecordingStartFailure::SessionEnded)));
            }
        }
    }

    /// The session ends: a recording that does not run yet shall not start while people leave.
    pub(crate) fn abandon_recording_start(&mut self, reason: Reason, cx: &mut Context, now: Time) {
        let phase = self.recording.and_then(|key| cx.recordings.get(&key)).map(|recording| &recording.phase);
        if matches!(phase, Some(Phase::Starting { .. })) {
            self.end_recording(reason, cx, now);
        }
    }

    /// Nothing can be recorded any more.
    fn recording_broke(&mut self, key: RecordingKey, why: String, cx: &mut Context, now: Time) {
        match cx.recordings.get(&key).map(|recording| &recording.phase) {
            Some(Phase::Starting { .. }) => {
                self.fail_start(key, RecordingStartFailure::Recorder(RecordingFailure::Broken(why)), cx, now);
            }
            Some(Phase::Running) => self.end_recording(Reason::AutomaticStop, cx, now),
            Some(Phase::Stopped { .. }) | None => {}
        }
    }

    /// The recorder has ended what nobody told it to end.
    fn recording_ended_early(
        &mut self,
        key: RecordingKey,
        why: Option<&RecordingFailure>,
        cx: &mut Context,
        now: Time,
    ) {
        if matches!(cx.recordings.get(&key).map(|recording| &recording.phase), Some(Phase::Starting { .. })) {
            let why = why.cloned().map_or(RecordingStartFailure::EndedAtOnce, RecordingStartFailure::Recorder);
            self.fail_start(key, why, cx, now);
        } else {
            self.end_recording(Reason::AutomaticStop, cx, now);
        }
    }

    /// Takes a recording away from its session and leaves it to the recorder.
    fn withdraw_recording(&mut self, key: RecordingKey, reason: Reason, failed: bool, cx: &mut Context, now: Time) {
        cx.timers.cancel(Timer::RecordingStart(key));
        cx.timers.cancel(Timer::AutomaticStop(key));
        self.recording.take_if(|own| *own == key);
        let Some(recording) = cx.recordings.get_mut(&key) else { return };
        recording.phase = Phase::Stopped { reason, failed, measured: None };
        recording.page_pass = None;
        for tapped in std::mem::take(&mut recording.taps).into_values() {
            cx.untap(key, tapped);
        }
        cx.effects.recording(RecordingCommand::End { recording: key, failed });
        cx.end_hearings(key, now);
        cx.settle_words(key);
    }

    /// The recording that is starting or running, if this lets its page in.
    pub(crate) fn recording_of_page(&self, given: &str, cx: &Context) -> Option<RecordingKey> {
        let key = self.recording?;
        let pass = cx.recordings.get(&key)?.page_pass.as_ref()?;
        bool::from(pass.expose().as_bytes().ct_eq(given.as_bytes())).then_some(key)
    }

    /// Whoever came in as its page goes with it. Not before: the page is in the picture to the end.
    pub(crate) fn dismiss_page(&mut self, key: RecordingKey, cx: &mut Context, now: Time) {
        let is_page = |participant: &Participant| matches!(participant.access, Access::Page(own) if own == key);
        let page = self.participants().find(|(_, participant)| is_page(participant)).map(|(id, _)| id);
        if let Some(page) = page {
            let reason = Reason::ForceDisconnectByServer;
            self.remove_participant(page, reason, Farewell::Evicted { answer: None }, cx, now);
        }
    }

    pub(crate) fn publishers(&self) -> usize {
        self.participants().filter(|(_, participant)| participant.stream.is_some()).count()
    }

    /// Whether the session records by itself.
    pub(crate) fn records_always(&self) -> bool {
        self.properties.recording_mode == RecordingMode::Always && self.properties.media_mode == MediaMode::Routed
    }
}
