//! Recordings: when one may start, what is in it, when it ends and who learns of it. Ids, files and media are the
//! recorder's, on the other side of [`RecordingCommand`] and [`RecordingReport`].
//!
//! A session has at most one recording that is starting or running. One that was stopped is no longer the session's: it
//! is only waited for, by those who asked for its end and by the end of the session itself (see `ending`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use protocol::event::{Event, Reason, RecordingEvent, RecordingStatus, Stamp};
use protocol::id::{PublicationId, RecordingKey, SessionId, TapId};
use protocol::media::MediaCommand;
use protocol::model::{MediaMode, OutputMode, RecordingMode, RecordingNotification, RecordingProperties, Role};
use protocol::recording::{Measured, RecordedStream, RecordingCommand, RecordingReport, RecordingView};
use protocol::rpc::ServerNotification;

use crate::client::Seat;
use crate::connection::{Access, Participant};
use crate::effect::{CallId, Outcome};
use crate::id::ParticipantId;
use crate::session::Session;
use crate::timer::Timer;
use crate::{Effect, Registry, Time};

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
    taps: BTreeMap<ParticipantId, Tap>,
    /// Who waits for its end.
    stops: Vec<CallId>,
}

#[derive(Clone, Debug)]
struct Name {
    id: String,
    file: String,
}

#[derive(Clone, Copy, Debug)]
struct Tap {
    id: TapId,
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

impl Recording {
    fn is_individual(&self) -> bool {
        self.properties.output_mode == OutputMode::Individual
    }

    fn id(&self) -> &str {
        // One that fails before it is named had the session's name in prospect.
        self.name.as_ref().map_or(self.session.as_str(), |name| &name.id)
    }

    fn file_name(&self) -> &str {
        match &self.name {
            Some(name) => &name.file,
            None if self.properties.name.is_empty() => self.session.as_str(),
            None => &self.properties.name,
        }
    }

    fn status(&self) -> RecordingStatus {
        match self.phase {
            Phase::Starting { .. } => RecordingStatus::Starting,
            Phase::Running => RecordingStatus::Started,
            Phase::Stopped { .. } => RecordingStatus::Stopped,
        }
    }

    fn planned(&self) -> Measured {
        Measured { size: 0, duration: 0.0, has_audio: self.properties.has_audio, has_video: self.properties.has_video }
    }

    /// As it is now.
    fn now(&self) -> RecordingView {
        let measured = match self.phase {
            Phase::Stopped { measured: Some(measured), .. } => measured,
            _ => self.planned(),
        };
        self.view(self.status(), &measured)
    }

    fn view(&self, status: RecordingStatus, measured: &Measured) -> RecordingView {
        RecordingView {
            id: self.id().to_owned(),
            object: "recording".to_owned(),
            name: self.file_name().to_owned(),
            output_mode: self.properties.output_mode,
            composition: self.properties.composition(),
            session_id: self.session.to_string(),
            unique_session_id: None,
            media_node: None,
            created_at: self.created_at.as_millis(),
            size: measured.size,
            duration: measured.duration,
            url: None,
            has_audio: measured.has_audio,
            has_video: measured.has_video,
            status,
        }
    }

    fn event(&self, status: RecordingStatus, reason: Option<Reason>, measured: &Measured, now: Time) -> Event {
        let started = status == RecordingStatus::Started;
        Event::RecordingStatusChanged(RecordingEvent {
            stamp: Stamp {
                session: self.session.clone(),
                session_created_at: self.session_created_at.as_millis(),
                timestamp: if started { self.created_at } else { now }.as_millis(),
            },
            start_time: self.created_at.as_millis(),
            duration: measured.duration,
            reason,
            id: self.id().to_owned(),
            name: self.file_name().to_owned(),
            output_mode: self.properties.output_mode,
            composition: self.properties.composition(),
            has_audio: measured.has_audio,
            has_video: measured.has_video,
            size: measured.size,
            status,
        })
    }
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

    /// Those that are starting, running or being processed. The finished ones are on disk.
    pub fn recordings(&self) -> Vec<RecordingView> {
        let named = self.recordings.values().filter(|recording| recording.name.is_some());
        named.map(Recording::now).collect()
    }

    /// One of them.
    pub fn recording(&self, id: &str) -> Option<RecordingView> {
        let is_named = |recording: &&Recording| recording.name.as_ref().is_some_and(|name| name.id == id);
        let recording = self.recordings.values().find(is_named)?;
        Some(recording.now())
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
                    Some(Phase::Starting { .. }) => self.fail_start(recording, &why, now),
                    Some(Phase::Running) => self.end_recording(recording, Reason::AutomaticStop, now),
                    Some(Phase::Stopped { .. }) | None => {}
                }
            }
            RecordingReport::Processed { recording, measured } => self.recording_processed(recording, measured),
            RecordingReport::Ended { recording, result } => self.recording_ended(recording, result, now),
        }
        self.settle(now);
    }

    /// The recorder did not get everything on disk in time.
    pub(crate) fn expire_recording_start(&mut self, key: RecordingKey, now: Time) {
        let Some(recording) = self.recordings.get_mut(&key) else { return };
        let ignore = recording.properties.ignore_failed_streams && recording.name.is_some();
        match &mut recording.phase {
            Phase::Starting { missing, whole: false, .. } if ignore => {
                missing.clear();
                self.start_if_complete(key, now);
            }
            Phase::Starting { .. } => self.fail_start(key, "no media arrived in time", now),
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

    /// A participant has begun to publish.
    pub(crate) fn record_published(&mut self, seat: &Seat, now: Time) {
        let Some(session) = self.sessions.get(&seat.session) else { return };
        match session.recording {
            Some(key) => {
                self.timers.cancel(Timer::AutomaticStop(key));
                self.tap(key, seat);
            }
            None if session.always_record && session.publishers() == 1 => {
                let properties = session.properties.default_recording_properties.clone();
                let is_full = self.recorded_streams() >= self.settings.recording.max_streams;
                self.begin_recording(&seat.session, properties, None, now);
                if is_full && let Some(key) = self.sessions.get(&seat.session).and_then(|session| session.recording) {
                    self.fail_start(key, &StartRefusal::Overloaded.to_string(), now);
                }
            }
            None => {}
        }
    }

    /// A participant's stream has ended, or shall not be recorded any more.
    pub(crate) fn record_unpublished(&mut self, seat: &Seat, now: Time) {
        let Some(key) = self.sessions.get(&seat.session).and_then(|session| session.recording) else { return };
        let Some(recording) = self.recordings.get_mut(&key) else { return };
        let Some(tap) = recording.taps.remove(&seat.participant) else { return };
        if let Phase::Starting { missing, .. } = &mut recording.phase {
            missing.remove(&tap.id);
        }
        self.untap(key, tap);
        self.start_if_complete(key, now);
    }

    /// Whether a participant's stream is to be recorded has changed.
    pub(crate) fn record_changed(&mut self, seat: &Seat, record: bool, now: Time) {
        let Some(key) = self.sessions.get(&seat.session).and_then(|session| session.recording) else { return };
        if record {
            self.tap(key, seat);
        } else if self.recordings.get(&key).is_some_and(Recording::is_individual) {
            self.record_unpublished(seat, now);
        }
    }

    /// A participant's microphone or camera was switched on or off.
    pub(crate) fn record_switched(&mut self, seat: &Seat) {
        let Some(session) = self.sessions.get(&seat.session) else { return };
        let Some((key, recording)) = session.recording.and_then(|key| Some((key, self.recordings.get(&key)?))) else {
            return;
        };
        let Some(tap) = recording.taps.get(&seat.participant) else { return };
        let Some((stream, _)) = session.participant(seat.participant).and_then(|own| recorded(own, recording)) else {
            return;
        };
        let RecordedStream { audio_active, video_active, .. } = stream;
        let change = RecordingCommand::Change { recording: key, tap: tap.id, audio_active, video_active };
        self.clients.effects.push_back(Effect::Recording(change));
    }

    /// What the session's recording is called, for somebody who comes in now.
    pub(crate) fn recording_told_to(&self, session: &SessionId, role: Role) -> Option<(String, String)> {
        let recording = self.recordings.get(&self.sessions.get(session)?.recording?)?;
        let name = recording.name.as_ref().filter(|_| self.is_told(role))?;
        Some((name.id.clone(), name.file.clone()))
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
        self.timers.set(Timer::RecordingStart(key), now + self.settings.recording.start_timeout);
        for participant in publishers {
            self.tap(key, &Seat { session: session.clone(), participant });
        }
    }

    /// Puts a participant's stream into a recording, unless it is in it or has nothing for it.
    fn tap(&mut self, key: RecordingKey, seat: &Seat) {
        let Some(recording) = self.recordings.get(&key) else { return };
        if recording.taps.contains_key(&seat.participant) {
            return;
        }
        let participant = self.sessions.get(&seat.session).and_then(|session| session.participant(seat.participant));
        let Some((stream, publication)) = participant.and_then(|own| recorded(own, recording)) else { return };
        if !recording.taps.is_empty() && self.recorded_streams() >= self.settings.recording.max_streams {
            tracing::warn!(session = %seat.session, stream = %stream.stream, "too many streams are recorded: left out");
            return;
        }
        let tap = Tap { id: self.ids.tap() };
        let (audio, video) = (stream.has_audio, stream.has_video);
        let awaited = participant.and_then(|own| own.stream.as_ref()).is_some_and(|stream| {
            let description = &stream.description;
            (audio && description.audio_active.unwrap_or(true)) || (video && description.video_active.unwrap_or(true))
        });
        if let Some(recording) = self.recordings.get_mut(&key) {
            recording.taps.insert(seat.participant, tap);
            if let Phase::Starting { missing, whole: false, .. } = &mut recording.phase
                && awaited
            {
                missing.insert(tap.id);
            }
        }
        let add = RecordingCommand::Add { recording: key, tap: tap.id, stream };
        self.clients.effects.push_back(Effect::Recording(add));
        self.command(MediaCommand::SetTap { tap: tap.id, publication, audio, video });
    }

    fn untap(&mut self, recording: RecordingKey, tap: Tap) {
        self.command(MediaCommand::RemoveTap { tap: tap.id });
        self.clients.effects.push_back(Effect::Recording(RecordingCommand::Remove { recording, tap: tap.id }));
    }

    /// The media worker lost a tap: with the stream, of whose end we know already, or with everything it had.
    pub(crate) fn tap_ended(&mut self, tap: TapId, now: Time) {
        let found = self.recordings.values().find_map(|recording| {
            let (participant, _) = recording.taps.iter().find(|(_, known)| known.id == tap)?;
            Some((recording.session.clone(), *participant))
        });
        if let Some((session, participant)) = found {
            self.record_unpublished(&Seat { session, participant }, now);
        }
    }

    /// A stream comes over a new transport; its tap may have been lost with the old one.
    pub(crate) fn record_republished(&mut self, seat: &Seat) {
        if let Some(key) = self.sessions.get(&seat.session).and_then(|session| session.recording) {
            self.tap(key, seat);
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

    fn stream_failed(&mut self, key: RecordingKey, tap: TapId, why: &str, now: Time) {
        let Some(recording) = self.recordings.get_mut(&key) else { return };
        tracing::warn!(session = %recording.session, recording = recording.id(), why, "a stream cannot be recorded");
        let Some(participant) = recording.taps.iter().find(|(_, known)| known.id == tap).map(|(id, _)| *id) else {
            return;
        };
        match &mut recording.phase {
            Phase::Starting { .. } if !recording.properties.ignore_failed_streams => self.fail_start(key, why, now),
            phase => {
                if let Phase::Starting { missing, .. } = phase {
                    missing.remove(&tap);
                }
                if let Some(tap) = recording.taps.remove(&participant) {
                    self.untap(key, tap);
                }
                self.start_if_complete(key, now);
            }
        }
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
    fn fail_start(&mut self, key: RecordingKey, why: &str, now: Time) {
        let Some(recording) = self.recordings.get_mut(&key) else { return };
        let Phase::Starting { call, .. } = recording.phase else { return };
        tracing::warn!(session = %recording.session, why, "recording failed to start");
        let why = why.to_owned();
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
                self.answer_call(call, || {
                    Outcome::Recording(Err("the session ended before the recording ran".to_owned()))
                });
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

    fn recording_ended(&mut self, key: RecordingKey, result: Result<Measured, String>, now: Time) {
        if matches!(self.recordings.get(&key).map(|recording| &recording.phase), Some(Phase::Starting { .. })) {
            let why = result.as_ref().err().map_or("it ended at once", String::as_str);
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

    /// How many streams are being recorded; every recording needs room for one.
    fn recorded_streams(&self) -> usize {
        let live = self.recordings.values().filter(|recording| !matches!(recording.phase, Phase::Stopped { .. }));
        live.map(|recording| recording.taps.len().max(1)).sum()
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

    fn tell_of_recording(&mut self, session: &SessionId, notification: ServerNotification) {
        let Some(entry) = self.sessions.get(session) else { return };
        let notification = Arc::new(notification);
        for (_, participant) in entry.participants() {
            if !participant.is_hidden() && self.is_told(participant.role()) {
                self.clients.notify(participant.client, &notification);
            }
        }
    }

    fn is_told(&self, role: Role) -> bool {
        match self.settings.recording.notification {
            RecordingNotification::None => false,
            RecordingNotification::Moderator => role == Role::Moderator,
            RecordingNotification::PublisherModerator => role != Role::Subscriber,
            RecordingNotification::All => true,
        }
    }
}

/// What of a participant's stream goes into a recording.
fn recorded(participant: &Participant, recording: &Recording) -> Option<(RecordedStream, PublicationId)> {
    let stream = participant.stream.as_ref()?;
    let (record, server_data) = match &participant.access {
        Access::Token { properties, .. } => (properties.record, properties.data.clone()),
        Access::Secret(_) => (true, String::new()),
    };
    let description = &stream.description;
    let has_audio = recording.properties.has_audio && description.has_audio;
    let has_video = recording.properties.has_video && description.has_video;
    // A composed recording films the room as it is.
    let wanted = (record || !recording.is_individual()) && (has_audio || has_video);
    let recorded = RecordedStream {
        connection: participant.connection.clone(),
        stream: description.id.clone(),
        client_data: participant.client_data.clone(),
        server_data,
        has_audio,
        has_video,
        audio_active: description.audio_active.unwrap_or(true),
        video_active: description.video_active.unwrap_or(true),
        type_of_video: description.type_of_video.clone(),
    };
    wanted.then_some((recorded, stream.publication))
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
