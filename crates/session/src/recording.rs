//! Recordings: when one may start and when it ends, what is in it ([`contents`]) and who learns of it ([`told`]). Ids,
//! files and media are the recorder's, on the other side of [`RecordingCommand`] and [`RecordingReport`].
//!
//! A session has at most one recording that is starting or running. One that was stopped is no longer the session's: it
//! is only waited for, by those who asked for its end and by the end of the session itself (see `ending`).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use protocol::event::{Reason, RecordingStatus};
use protocol::id::{RecordingKey, SessionId, TapId};
use protocol::model::{MediaMode, OutputMode, RecordingMode, RecordingProperties};
use protocol::recording::{Failure, Measured, RecordingCommand, RecordingReport};
use protocol::rpc::ServerNotification;

use crate::client::Seat;
use crate::effect::{CallId, Outcome};
use crate::id::ParticipantId;
use crate::session::Session;
use crate::timer::Timer;
use crate::{Effect, Registry, Time};

mod contents;
mod told;

/// Everything that is recorded or still being processed.
pub(crate) type Recordings = HashMap<RecordingKey, Recording>;

/// One of them.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) session: SessionId,
    session_created_at: Time,
    created_at: Time,
    properties: RecordingProperties,
    /// The recorder's choice.
    name: Option<Name>,
    phase: Phase,
    /// What is in it, by publisher.
    taps: BTreeMap<ParticipantId, TapId>,
    /// Who waits for its end.
    stops: Vec<CallId>,
}

#[derive(Clone, Debug)]
struct Name {
    id: String,
    file: String,
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
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
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
}

/// Why a recording does not stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StopRefusal {
    /// None that runs has this id.
    #[error("no recording with this id is running")]
    Unknown,
    /// It does not run yet.
    #[error("the recording is only starting")]
    Starting,
}

impl Registry {
    /// What a recording of this session is like unless its request says otherwise; or why there can be none now.
    pub fn recording_defaults(&self, session: &str) -> Result<&RecordingProperties, StartRefusal> {
        let session = self.sessions.get(session).ok_or(StartRefusal::UnknownSession)?;
        if session.recording.is_some() || session.properties.media_mode == MediaMode::Relayed {
            return Err(StartRefusal::NotNow);
        }
        if !session.has_visible_participants() {
            return Err(StartRefusal::NobodyThere);
        }
        Ok(&session.properties.default_recording_properties)
    }

    /// `POST /recordings/start`. Answered by [`Outcome::Recording`] once it runs, or does not.
    pub fn start_recording(
        &mut self,
        session: &str,
        properties: RecordingProperties,
        call: CallId,
        now: Time,
    ) -> Result<(), StartRefusal> {
        self.recording_defaults(session)?;
        let session = self.sessions.get(session).ok_or(StartRefusal::UnknownSession)?;
        if self.recorded_streams() + session.publishers().max(1) > self.settings.recording.max_streams {
            return Err(StartRefusal::Overloaded);
        }
        let session = session.id.clone();
        self.begin_recording(&session, properties, Some(call), now);
        self.settle(now);
        Ok(())
    }

    /// `POST /recordings/stop/{id}`. Answered by [`Outcome::Recording`] once it is processed.
    pub fn stop_recording(&mut self, id: &str, call: CallId, now: Time) -> Result<(), StopRefusal> {
        let (key, recording) = self.live_recording_mut(id).ok_or(StopRefusal::Unknown)?;
        if matches!(recording.phase, Phase::Starting { .. }) {
            return Err(StopRefusal::Starting);
        }
        recording.stops.push(call);
        let session = recording.session.clone();
        if let Some(session) = self.sessions.get_mut(&session) {
            session.always_record = false;
        }
        self.end_recording(key, Reason::RecordingStoppedByServer, now);
        // It was only kept open to wait for somebody to come back.
        self.end_session_if_deserted(&session, Reason::Disconnect, now);
        self.settle(now);
        Ok(())
    }

    /// The recorder reports.
    pub fn handle_recording(&mut self, report: RecordingReport, now: Time) {
        match report {
            RecordingReport::Named { recording, id, name } => {
                if let Some(recording) = self.recordings.get_mut(&recording) {
                    recording.name = Some(Name { id, file: name });
                }
                self.start_if_complete(recording, now);
            }
            RecordingReport::Running { recording, tap } => self.is_on_disk(recording, tap, now),
            RecordingReport::StreamFailed { recording, tap, why } => self.stream_failed(recording, tap, &why, now),
            RecordingReport::Broken { recording, why } => {
                tracing::error!(?recording, %why, "recording broke");
                match self.recordings.get(&recording).map(|recording| &recording.phase) {
                    Some(Phase::Starting { .. }) => self.fail_start(recording, Failure::Broken(why), now),
                    Some(Phase::Running) => self.end_recording(recording, Reason::AutomaticStop, now),
                    Some(Phase::Stopped { .. }) | None => {}
                }
            }
            RecordingReport::Processed { recording, measured } => self.recording_processed(recording, measured),
            RecordingReport::Ended { recording, result } => self.recording_ended(recording, result, now),
        }
        self.settle(now);
    }

    /// Not everything was on disk in time.
    pub(crate) fn expire_recording_start(&mut self, key: RecordingKey, now: Time) {
        let Some(recording) = self.recordings.get_mut(&key) else { return };
        let is_named = recording.name.is_some();
        let ignore = recording.properties.ignore_failed_streams && is_named;
        match &mut recording.phase {
            // Its streams are on disk, to be composed once the machine finds the time for it.
            Phase::Starting { whole: whole @ true, .. } if is_named => {
                *whole = false;
                tracing::warn!(session = %recording.session, recording = recording.id(), "composing begins late");
                self.start_if_complete(key, now);
            }
            Phase::Starting { missing, whole: false, .. } if ignore => {
                missing.clear();
                self.start_if_complete(key, now);
            }
            Phase::Starting { .. } if !is_named => self.fail_start(key, "the disk takes too long".into(), now),
            Phase::Starting { .. } => self.fail_start(key, "no media arrived in time".into(), now),
            Phase::Running | Phase::Stopped { .. } => {}
        }
    }

    /// Nobody has published, or come back, in time.
    pub(crate) fn stop_automatically(&mut self, key: RecordingKey, now: Time) {
        let Some(recording) = self.recordings.get(&key) else { return };
        let session = recording.session.clone();
        if self.sessions.get(&session).is_some_and(Session::has_visible_participants) {
            self.end_recording(key, Reason::AutomaticStop, now);
        } else {
            self.end_session(&session, Reason::AutomaticStop, now);
        }
    }

    fn begin_recording(
        &mut self,
        session: &SessionId,
        properties: RecordingProperties,
        call: Option<CallId>,
        now: Time,
    ) {
        let Some(entry) = self.sessions.get_mut(session) else { return };
        let key = self.ids.recording();
        entry.recording = Some(key);
        let individual = properties.output_mode == OutputMode::Individual;
        let settings = &self.settings.recording;
        let is_page = properties.composition().is_some_and(|composition| composition.is_page());
        let timeout = if is_page { settings.page_start_timeout } else { settings.start_timeout };
        let recording = Recording {
            session: session.clone(),
            session_created_at: entry.created_at,
            created_at: now,
            properties: properties.clone(),
            name: None,
            phase: Phase::Starting { missing: BTreeSet::new(), whole: !individual, call },
            taps: BTreeMap::new(),
            stops: vec![],
        };
        let begin = RecordingCommand::Begin {
            recording: key,
            session: session.clone(),
            session_created_at: entry.created_at.as_millis(),
            created_at: now.as_millis(),
            properties,
        };
        let publishers: Vec<_> =
            entry.participants().filter(|(_, own)| own.stream.is_some()).map(|(id, _)| id).collect();
        tracing::info!(session = %session, recording = key.0, "recording begins");
        self.recordings.insert(key, recording);
        self.clients.effects.push_back(Effect::Recording(begin));
        self.timers.set(Timer::RecordingStart(key), now + timeout);
        for participant in publishers {
            self.tap(key, &Seat { session: session.clone(), participant });
        }
    }

    fn is_on_disk(&mut self, key: RecordingKey, tap: Option<TapId>, now: Time) {
        if let Some(Recording { phase: Phase::Starting { missing, whole, .. }, .. }) = self.recordings.get_mut(&key) {
            match tap {
                Some(tap) => drop(missing.remove(&tap)),
                None => *whole = false,
            }
        }
        self.start_if_complete(key, now);
    }

    fn start_if_complete(&mut self, key: RecordingKey, now: Time) {
        let Some(recording) = self.recordings.get_mut(&key) else { return };
        let Some(name) = recording.name.clone() else { return };
        let call = match &recording.phase {
            Phase::Starting { missing, whole: false, call } if missing.is_empty() => *call,
            _ => return,
        };
        recording.phase = Phase::Running;
        let event = recording.event(RecordingStatus::Started, None, &recording.planned(), now);
        let view = recording.view(RecordingStatus::Started, &recording.planned());
        let session = recording.session.clone();
        tracing::info!(session = %session, recording = %name.id, "recording started");
        self.timers.cancel(Timer::RecordingStart(key));
        self.clients.effects.push_back(Effect::Recording(RecordingCommand::Started { recording: key }));
        self.emit(event);
        self.tell_of_recording(&session, ServerNotification::RecordingStarted { id: name.id, name: name.file });
        self.answer_call(call, || Outcome::Recording(Ok(Box::new(view))));
        self.await_publisher(&session, key, now);
    }

    /// A recording of nobody stops by itself.
    fn await_publisher(&mut self, session: &SessionId, key: RecordingKey, now: Time) {
        let Some(entry) = self.sessions.get(session) else { return };
        if entry.publishers() > 0 {
            return;
        }
        if entry.has_visible_participants() && self.settings.recording.auto_stop.is_zero() {
            self.end_recording(key, Reason::AutomaticStop, now);
        } else if !self.timers.is_set(Timer::AutomaticStop(key)) {
            self.timers.set(Timer::AutomaticStop(key), now + self.settings.recording.auto_stop);
        }
    }

    /// Whether a session that everybody has left stays open for a while, because it is recorded.
    pub(crate) fn waits_for_return(&mut self, session: &SessionId, now: Time) -> bool {
        let key = self.sessions.get(session).and_then(|session| session.recording);
        let Some(key) = key.filter(|_| !self.settings.recording.auto_stop.is_zero()) else { return false };
        if !self.timers.is_set(Timer::AutomaticStop(key)) {
            self.timers.set(Timer::AutomaticStop(key), now + self.settings.recording.auto_stop);
        }
        true
    }

    /// It never ran: who asked is told, and so are applications.
    fn fail_start(&mut self, key: RecordingKey, why: Failure, now: Time) {
        let Some(recording) = self.recordings.get_mut(&key) else { return };
        let Phase::Starting { call, .. } = recording.phase else { return };
        tracing::warn!(session = %recording.session, %why, "recording failed to start");
        let failed = recording.event(RecordingStatus::Failed, None, &recording.planned(), now);
        self.withdraw(key, Reason::AutomaticStop, true);
        self.emit(failed);
        self.answer_call(call, || Outcome::Recording(Err(why)));
    }

    /// Ends the session's recording, whatever state it is in.
    pub(crate) fn end_recording(&mut self, key: RecordingKey, reason: Reason, now: Time) {
        let Some(recording) = self.recordings.get(&key) else { return };
        let session = recording.session.clone();
        let stopped = recording.event(RecordingStatus::Stopped, Some(reason), &recording.planned(), now);
        match recording.phase {
            Phase::Stopped { .. } => {}
            Phase::Running => {
                let (id, name) = (recording.id().to_owned(), recording.file_name().to_owned());
                tracing::info!(session = %session, recording = %id, reason = reason.as_str(), "recording stopped");
                let reason = self.withdraw(key, reason, false);
                self.emit(stopped);
                let told = ServerNotification::RecordingStopped { id, name, reason: reason.as_str() };
                self.tell_of_recording(&session, told);
            }
            Phase::Starting { call, .. } => {
                let failed = recording.event(RecordingStatus::Failed, Some(reason), &recording.planned(), now);
                self.withdraw(key, reason, true);
                self.emit(stopped);
                self.emit(failed);
                self.answer_call(call, || Outcome::Recording(Err("the session ended before the recording ran".into())));
            }
        }
    }

    /// The session ends: a recording that does not run yet shall not start while people leave.
    pub(crate) fn abandon_recording_start(&mut self, session: &SessionId, reason: Reason, now: Time) {
        let Some(key) = self.sessions.get(session).and_then(|session| session.recording) else { return };
        if matches!(self.recordings.get(&key).map(|recording| &recording.phase), Some(Phase::Starting { .. })) {
            self.end_recording(key, reason, now);
        }
    }

    /// Takes a recording away from its session and leaves it to the recorder.
    fn withdraw(&mut self, key: RecordingKey, reason: Reason, failed: bool) -> Reason {
        self.timers.cancel(Timer::RecordingStart(key));
        self.timers.cancel(Timer::AutomaticStop(key));
        let Some(recording) = self.recordings.get_mut(&key) else { return reason };
        recording.phase = Phase::Stopped { reason, failed, measured: None };
        let taps = std::mem::take(&mut recording.taps);
        if let Some(session) = self.sessions.get_mut(&recording.session)
            && session.recording == Some(key)
        {
            session.recording = None;
        }
        for tap in taps.into_values() {
            self.untap(key, tap);
        }
        self.clients.effects.push_back(Effect::Recording(RecordingCommand::End { recording: key, failed }));
        reason
    }

    /// Whoever asked for its end is not left waiting until it is where it is kept.
    fn recording_processed(&mut self, key: RecordingKey, processed: Measured) {
        let Some(recording) = self.recordings.get_mut(&key) else { return };
        let Phase::Stopped { measured, .. } = &mut recording.phase else { return };
        *measured = Some(processed);
        let (view, calls) = (recording.now(), std::mem::take(&mut recording.stops));
        let session = recording.session.clone();
        for call in calls {
            self.answer_call(Some(call), || Outcome::Recording(Ok(Box::new(view.clone()))));
        }
        self.end_if_processed(&session);
    }

    fn recording_ended(&mut self, key: RecordingKey, result: Result<Measured, Failure>, now: Time) {
        if matches!(self.recordings.get(&key).map(|recording| &recording.phase), Some(Phase::Starting { .. })) {
            let why = result.as_ref().err().cloned().unwrap_or_else(|| "it ended at once".into());
            self.fail_start(key, why, now);
        } else {
            // The recorder is only expected to end what it was told to end; whatever happened, it is over.
            self.end_recording(key, Reason::AutomaticStop, now);
        }
        let Some(recording) = self.recordings.remove(&key) else { return };
        if let Phase::Stopped { reason, failed: false, .. } = recording.phase {
            let (status, measured) = match &result {
                Ok(measured) => (RecordingStatus::Ready, *measured),
                Err(why) => {
                    tracing::error!(session = %recording.session, recording = recording.id(), %why, "recording failed");
                    (RecordingStatus::Failed, recording.planned())
                }
            };
            self.emit(recording.event(status, Some(reason), &measured, now));
            for call in &recording.stops {
                self.answer_call(Some(*call), || Outcome::Recording(Ok(Box::new(recording.view(status, &measured)))));
            }
        }
        self.end_if_processed(&recording.session);
    }

    /// How many recordings of a session are not processed yet.
    pub(crate) fn unprocessed(&self, session: &SessionId) -> usize {
        let unprocessed = |recording: &&Recording| !matches!(recording.phase, Phase::Stopped { measured: Some(_), .. });
        self.recordings.values().filter(|recording| recording.session == *session).filter(unprocessed).count()
    }

    pub(crate) fn answer_call(&mut self, call: Option<CallId>, outcome: impl FnOnce() -> Outcome) {
        if let Some(call) = call {
            self.clients.effects.push_back(Effect::Completed { call, outcome: outcome() });
        }
    }

    fn live_recording_mut(&mut self, id: &str) -> Option<(RecordingKey, &mut Recording)> {
        let live = |recording: &Recording| !matches!(recording.phase, Phase::Stopped { .. });
        let found = self.recordings.iter_mut().find(|(_, recording)| live(recording) && recording.id() == id);
        found.map(|(key, recording)| (*key, recording))
    }
}

impl Session {
    pub(crate) fn publishers(&self) -> usize {
        self.participants().filter(|(_, participant)| participant.stream.is_some()).count()
    }

    /// Whether the session records by itself.
    pub(crate) fn records_always(&self) -> bool {
        self.properties.recording_mode == RecordingMode::Always && self.properties.media_mode == MediaMode::Routed
    }
}
