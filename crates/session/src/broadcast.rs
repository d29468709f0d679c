//! Broadcasts: when one may start and when it ends, what is in it and who learns of it. Composing and sending is a job's
//! ([`JobSpec::Broadcast`]); what it makes of a target that stalls or goes away is its business, too, until it gives up.
//!
//! A session has at most one. It never keeps the session open, and ends before it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use protocol::event::{self, Closing, Event, EventClosed, EventOpened, Reason};
use protocol::id::{JobId, RecordingKey, RouterId, SessionId, TapId};
use protocol::job::{BroadcastSpec, FromJob, JobCommand, JobEnd, JobInput, JobNews, JobPage, JobReport, JobSpec};
use protocol::media::{Kinds, MediaOperation};
use protocol::model::MediaMode;
use protocol::name;
use protocol::recording::PagePass;
use protocol::transcoder::Picture;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::command::CallId;
use crate::connection::Participant;
use crate::context::Context;
use crate::id::ParticipantId;
use crate::jobs::JobPurpose;
use crate::session::Session;
use crate::timer::Timer;
use crate::{Effect, Notification, Refusal, Registry, Reply, Time};

/// The deployment's choices about broadcasts.
#[derive(Clone, Copy, Debug)]
pub struct BroadcastSettings {
    /// How many streams may be in one.
    pub max_streams: usize,
    /// Tiles say who it is.
    pub has_captions: bool,
    /// How long one may take until its target gets something; clients wait 30 s.
    pub start_timeout: Duration,
    /// How long a target that has gone is waited for.
    pub patience: Duration,
}

/// The one of a session.
#[derive(Debug)]
pub(crate) struct Broadcast {
    job: JobId,
    what: Arc<event::Broadcast>,
    phase: Phase,
    inputs: BTreeMap<ParticipantId, Input>,
    /// Of the input that came last.
    number: u16,
    /// If it shows a page: what that comes in by, and what lets it in.
    page: Option<(RecordingKey, PagePass)>,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Nothing has come to the target yet.
    Starting {
        /// Who asked for it.
        call: CallId,
        /// The target does not get anything yet.
        is_silent: bool,
        /// It waits for its page.
        is_blank: bool,
    },
    Running {
        since: Time,
    },
}

/// A stream that is in it.
#[derive(Clone, Copy, Debug)]
struct Input {
    number: u16,
    tap: TapId,
    /// Where it is published.
    room: RouterId,
}

/// Why a broadcast is not started, or not stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
pub enum BroadcastRefusal {
    /// No such session.
    #[error("the session does not exist")]
    UnknownSession,
    /// It is being broadcast, or starting to be, or not meant to be.
    #[error("the session is being broadcast, or is not routed through the server")]
    NotNow,
    /// Nobody is there.
    #[error("the session has no participants")]
    NobodyThere,
    /// There is none to stop.
    #[error("the session is not being broadcast")]
    NotBroadcast,
}

/// Why a broadcast that was begun does not run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum BroadcastStartFailure {
    /// This server cannot.
    Unavailable(String),
    /// It does as much as it may.
    Overloaded(String),
    /// Nothing came to the target in time.
    TooSlow,
    /// The session ended before.
    SessionEnded,
    /// Its page is not there.
    Page(String),
    /// The target is not there, or does not take it.
    Target {
        /// Which.
        url: String,
        /// In words that ffmpeg has for it.
        why: String,
    },
}

impl Registry {
    /// Whether a broadcast of this session may start now.
    pub fn may_broadcast(&self, session: &str) -> Result<(), BroadcastRefusal> {
        self.sessions.get(session).ok_or(BroadcastRefusal::UnknownSession)?.may_broadcast()
    }

    /// Starts a broadcast. The call is answered with [`Reply::Done`] once something comes to the target, or with
    /// [`Refusal::BroadcastFailed`].
    pub fn start_broadcast(
        &mut self,
        session: &str,
        what: event::Broadcast,
        call: CallId,
        now: Time,
    ) -> Result<(), BroadcastRefusal> {
        let session = self.sessions.get_mut(session).ok_or(BroadcastRefusal::UnknownSession)?;
        session.may_broadcast()?;
        session.begin_broadcast(what, call, &mut self.cx, now);
        self.settle(now);
        Ok(())
    }

    /// Stops the broadcast of a session.
    pub fn stop_broadcast(&mut self, session: &str, now: Time) -> Result<(), BroadcastRefusal> {
        let session = self.sessions.get_mut(session).ok_or(BroadcastRefusal::UnknownSession)?;
        match session.on_air.as_ref().map(|broadcast| broadcast.phase) {
            Some(Phase::Running { .. }) => session.end_broadcast(Reason::BroadcastStoppedByServer, &mut self.cx, now),
            Some(Phase::Starting { .. }) | None => return Err(BroadcastRefusal::NotBroadcast),
        }
        self.settle(now);
        Ok(())
    }

    /// Its job reports.
    pub(crate) fn broadcast_reported(&mut self, id: &SessionId, report: JobReport, now: Time) {
        let JobReport { job, news } = report;
        let Some(session) = self.sessions.get_mut(id) else { return };
        if session.on_air.as_ref().is_none_or(|broadcast| broadcast.job != job) {
            return;
        }
        let cx = &mut self.cx;
        match news {
            JobNews::Said(FromJob::Ready { .. }) => session.broadcast_came_on(true, false, cx, now),
            JobNews::Said(FromJob::PageShown) => session.broadcast_came_on(false, true, cx, now),
            JobNews::Said(FromJob::PageLost { why }) => session.broadcast_lost_page(why, cx, now),
            JobNews::Said(FromJob::Interrupted { why }) => {
                tracing::warn!(session = %id, why, "a broadcast's target takes nothing: it is tried again");
            }
            JobNews::Said(_) => {}
            JobNews::Restarting { why } => tracing::error!(session = %id, why, "a broadcast's process is started anew"),
            JobNews::Ended(why) => {
                cx.forget_job(job);
                session.broadcast_broke(why, cx, now);
            }
        }
    }

    /// Nothing has come to the target in time.
    pub(crate) fn expire_broadcast_start(&mut self, job: JobId, now: Time) {
        let is_its = |session: &&Session| session.on_air.as_ref().is_some_and(|broadcast| broadcast.job == job);
        let found = self.sessions.values().find(is_its).map(|session| session.id.clone());
        if let Some(session) = found.and_then(|id| self.sessions.get_mut(&id)) {
            session.fail_broadcast_start(BroadcastStartFailure::TooSlow, &mut self.cx, now);
        }
    }

    /// The media worker lost a tap: with the stream, of whose end we know already, or with everything it had.
    pub(crate) fn broadcast_tap_ended(&mut self, tap: TapId) {
        let found = self
            .sessions
            .values()
            .find_map(|session| Some((session.id.clone(), session.on_air.as_ref()?.publisher(tap)?)));
        if let Some((session, publisher)) = found
            && let Some(session) = self.sessions.get_mut(&session)
        {
            session.take_out_of_broadcast(publisher, &mut self.cx);
        }
    }

    /// Ids of the sessions that are being broadcast.
    pub fn broadcasts(&self) -> Vec<SessionId> {
        let on_air = |session: &&Session| session.is_broadcast();
        self.sessions.values().filter(on_air).map(|session| session.id.clone()).collect()
    }
}

impl Broadcast {
    fn publisher(&self, tap: TapId) -> Option<ParticipantId> {
        self.inputs.iter().find(|(_, input)| input.tap == tap).map(|(participant, _)| *participant)
    }

    /// A number that no input has.
    fn next_number(&mut self) -> u16 {
        loop {
            self.number = self.number.wrapping_add(1).max(1);
            if self.inputs.values().all(|input| input.number != self.number) {
                return self.number;
            }
        }
    }

    /// What of a participant's stream goes into it, under a number.
    fn input(&self, participant: &Participant, number: u16, has_captions: bool) -> Option<JobInput> {
        let described = &participant.stream.as_ref()?.description.properties;
        if self.page.is_some() {
            return None;
        }
        let audio = self.what.has_audio && described.has_audio;
        let video = self.what.has_video && described.has_video;
        let name = name::shown(&participant.data.client, &participant.data.server).filter(|_| has_captions);
        let input = JobInput { name, ..described.job_input(number, Kinds { audio, video }) };
        (audio || video).then_some(input)
    }
}

impl Session {
    /// Something of it comes to a target.
    pub(crate) fn is_broadcast(&self) -> bool {
        matches!(self.on_air, Some(Broadcast { phase: Phase::Running { .. }, .. }))
    }

    fn may_broadcast(&self) -> Result<(), BroadcastRefusal> {
        if self.on_air.is_some() || self.properties.media_mode == MediaMode::Relayed {
            return Err(BroadcastRefusal::NotNow);
        }
        if !self.has_visible_participants() {
            return Err(BroadcastRefusal::NobodyThere);
        }
        Ok(())
    }

    fn begin_broadcast(&mut self, what: event::Broadcast, call: CallId, cx: &mut Context, now: Time) {
        let settings = cx.settings.broadcast;
        let picture = what.composition.as_ref().map(|composition| Picture::new(composition, settings.has_captions));
        let picture = match picture.transpose() {
            Ok(picture) => picture,
            // It has been checked where it came in.
            Err(why) => {
                tracing::error!(session = %self.id, why, "a broadcast that cannot be was let in");
                cx.answer_call(Some(call), Err(Refusal::Internal));
                return;
            }
        };
        let spec = BroadcastSpec {
            url: what.broadcast_url.clone(),
            audio: what.has_audio,
            picture,
            patience: settings.patience.as_secs() as u32,
        };
        let purpose = JobPurpose::Broadcast { session: self.id.clone() };
        let job = cx.start_job(purpose, JobSpec::Broadcast(spec), None);
        let is_page = what.composition.as_ref().is_some_and(|composition| composition.is_page());
        let for_page = if is_page { cx.settings.recording.page_start_timeout } else { Duration::ZERO };
        cx.timers.set(Timer::BroadcastStart(job), now + settings.start_timeout.max(for_page));
        let page = self.page_for_broadcast(&what, job, cx);
        let phase = Phase::Starting { call, is_silent: true, is_blank: page.is_some() };
        let (inputs, what) = (BTreeMap::new(), Arc::new(what));
        self.on_air = Some(Broadcast { job, what, phase, inputs, number: 0, page });
        tracing::info!(session = %self.id, "broadcast begins");
        self.fill_broadcast(cx);
    }

    /// With a layout of the application's a page is its only input, and shows whom it likes.
    fn page_for_broadcast(
        &self,
        what: &event::Broadcast,
        job: JobId,
        cx: &mut Context,
    ) -> Option<(RecordingKey, PagePass)> {
        let composition = what.composition.as_ref().filter(|composition| composition.is_page())?;
        let (router, pass) = (*self.rooms().first()?, cx.ids.page_pass()?);
        let page = JobPage {
            composition: composition.clone(),
            session: self.id.clone(),
            pass: Some(pass.clone()),
            has_audio: what.has_audio,
        };
        let input = JobInput {
            number: 1,
            audio: what.has_audio,
            video: true,
            audio_active: true,
            video_active: true,
            is_screen: false,
            name: None,
        };
        let (tap, page) = (cx.ids.tap(), Box::new(page));
        cx.effects.push(Effect::Job(JobCommand::ShowPage { job, router, tap, input, page }));
        Some((cx.ids.recording(), pass))
    }

    /// The one that shows the page which has this.
    pub(crate) fn broadcast_of_page(&self, given: &str) -> Option<RecordingKey> {
        let (key, pass) = self.on_air.as_ref()?.page.as_ref()?;
        bool::from(pass.expose().as_bytes().ct_eq(given.as_bytes())).then_some(*key)
    }

    /// Something comes to the target, or the page is there: once both is true, it runs.
    fn broadcast_came_on(&mut self, is_heard: bool, is_shown: bool, cx: &mut Context, now: Time) {
        let Some(Broadcast { phase: Phase::Starting { is_silent, is_blank, .. }, .. }) = &mut self.on_air else {
            return;
        };
        *is_silent &= !is_heard;
        *is_blank &= !is_shown;
        if !*is_silent && !*is_blank {
            self.broadcast_runs(cx, now);
        }
    }

    fn broadcast_runs(&mut self, cx: &mut Context, now: Time) {
        let Some(broadcast) = &mut self.on_air else { return };
        let Phase::Starting { call, .. } = broadcast.phase else { return };
        cx.timers.cancel(Timer::BroadcastStart(broadcast.job));
        broadcast.phase = Phase::Running { since: now };
        let subject = Arc::clone(&broadcast.what);
        tracing::info!(session = %self.id, "broadcast started");
        cx.effects.event(Event::BroadcastStarted(EventOpened { stamp: self.stamp(now), subject }));
        self.tell_of_broadcast(Notification::BroadcastStarted, cx);
        cx.answer_call(Some(call), Ok(Reply::Done));
    }

    /// Its job is over, and nobody has told it to end.
    fn broadcast_broke(&mut self, why: JobEnd, cx: &mut Context, now: Time) {
        let Some(Broadcast { phase, what, .. }) = &self.on_air else { return };
        match phase {
            Phase::Starting { .. } => {
                let failure = match why {
                    JobEnd::Unavailable(why) => BroadcastStartFailure::Unavailable(why),
                    JobEnd::Overloaded(why) => BroadcastStartFailure::Overloaded(why),
                    JobEnd::Failed(why) => BroadcastStartFailure::Target { url: what.broadcast_url.clone(), why },
                };
                self.fail_broadcast_start(failure, cx, now);
            }
            Phase::Running { .. } => {
                tracing::error!(session = %self.id, %why, "broadcast broke");
                self.end_broadcast(Reason::AutomaticStop, cx, now);
            }
        }
    }

    fn broadcast_lost_page(&mut self, why: String, cx: &mut Context, now: Time) {
        tracing::warn!(session = %self.id, why, "a broadcast has lost its page");
        match self.on_air.as_ref().map(|broadcast| broadcast.phase) {
            Some(Phase::Starting { .. }) => self.fail_broadcast_start(BroadcastStartFailure::Page(why), cx, now),
            Some(Phase::Running { .. }) => self.end_broadcast(Reason::AutomaticStop, cx, now),
            None => {}
        }
    }

    fn fail_broadcast_start(&mut self, why: BroadcastStartFailure, cx: &mut Context, now: Time) {
        let Some(Broadcast { phase: Phase::Starting { call, .. }, .. }) = self.on_air else { return };
        tracing::warn!(session = %self.id, "broadcast failed to start");
        self.withdraw_broadcast(cx, now);
        cx.answer_call(Some(call), Err(Refusal::BroadcastFailed(why)));
    }

    /// Ends the session's broadcast, if it has one, whatever state it is in.
    pub(crate) fn end_broadcast(&mut self, reason: Reason, cx: &mut Context, now: Time) {
        let Some(broadcast) = self.withdraw_broadcast(cx, now) else { return };
        match broadcast.phase {
            Phase::Starting { call, .. } => {
                let why = BroadcastStartFailure::SessionEnded;
                cx.answer_call(Some(call), Err(Refusal::BroadcastFailed(why)));
            }
            Phase::Running { since } => {
                tracing::info!(session = %self.id, reason = reason.as_str(), "broadcast stopped");
                let closing = Closing { stamp: self.stamp(now), start_time: since.as_millis(), reason: Some(reason) };
                cx.effects.event(Event::BroadcastStopped(EventClosed { closing, subject: broadcast.what }));
                self.tell_of_broadcast(Notification::BroadcastStopped, cx);
            }
        }
    }

    /// The session ends: a broadcast that does not run yet shall not start while people leave.
    pub(crate) fn abandon_broadcast_start(&mut self, cx: &mut Context, now: Time) {
        self.fail_broadcast_start(BroadcastStartFailure::SessionEnded, cx, now);
    }

    /// There is no broadcast any more; nobody has been told.
    fn withdraw_broadcast(&mut self, cx: &mut Context, now: Time) -> Option<Broadcast> {
        let broadcast = self.on_air.take()?;
        if let Some((page, _)) = &broadcast.page {
            self.dismiss_page(*page, cx, now);
        }
        cx.timers.cancel(Timer::BroadcastStart(broadcast.job));
        for input in broadcast.inputs.values() {
            cx.effects.media(input.room, MediaOperation::RemoveTap { tap: input.tap });
        }
        cx.stop_job(broadcast.job);
        Some(broadcast)
    }

    fn tell_of_broadcast(&self, notification: Notification, cx: &mut Context) {
        let notification = Arc::new(notification);
        for (_, participant) in self.participants() {
            if !participant.is_hidden() {
                cx.notify(participant.client, &notification);
            }
        }
    }

    /// A participant has begun to publish, or goes on over a new transport: its tap may have been lost with the old one.
    pub(crate) fn broadcast_published(&mut self, cx: &mut Context) {
        self.fill_broadcast(cx);
    }

    /// A participant's stream has ended.
    pub(crate) fn broadcast_unpublished(&mut self, publisher: ParticipantId, cx: &mut Context) {
        self.take_out_of_broadcast(publisher, cx);
        // Somebody else may have had no room.
        self.fill_broadcast(cx);
    }

    /// A participant's microphone or camera was switched on or off.
    pub(crate) fn broadcast_switched(&mut self, publisher: ParticipantId, cx: &mut Context) {
        let Some(broadcast) = &self.on_air else { return };
        let Some(Input { number, .. }) = broadcast.inputs.get(&publisher) else { return };
        let Some(participant) = self.participant(publisher) else { return };
        if let Some(input) = broadcast.input(participant, *number, cx.settings.broadcast.has_captions) {
            cx.effects.push(Effect::Job(JobCommand::ChangeInput { job: broadcast.job, input }));
        }
    }

    /// Puts in whoever publishes and is not in it, as long as there is room.
    fn fill_broadcast(&mut self, cx: &mut Context) {
        let missing: Vec<_> = self.broadcast_candidates(cx).collect();
        for publisher in missing {
            self.put_into_broadcast(publisher, cx);
        }
    }

    /// Those that may go into it, as many as there is room for, in the order of joining.
    fn broadcast_candidates(&self, cx: &Context) -> impl Iterator<Item = ParticipantId> {
        let has_captions = cx.settings.broadcast.has_captions;
        let max = cx.settings.broadcast.max_streams;
        let broadcast = self.on_air.as_ref();
        let room = broadcast.map_or(0, |broadcast| max.saturating_sub(broadcast.inputs.len()));
        let wanted = move |id: ParticipantId, participant: &Participant| {
            broadcast.is_some_and(|broadcast| {
                !broadcast.inputs.contains_key(&id) && broadcast.input(participant, 0, has_captions).is_some()
            })
        };
        self.participants().filter(move |(id, own)| wanted(*id, own)).map(|(id, _)| id).take(room)
    }

    fn put_into_broadcast(&mut self, publisher: ParticipantId, cx: &mut Context) {
        let Some(mut broadcast) = self.on_air.take() else { return };
        let number = broadcast.next_number();
        let found = self.participant(publisher).and_then(|participant| {
            let input = broadcast.input(participant, number, cx.settings.broadcast.has_captions)?;
            Some((input, participant.room, participant.stream.as_ref()?.publication))
        });
        if let Some((input, room, publication)) = found {
            let tap = cx.ids.tap();
            broadcast.inputs.insert(publisher, Input { number, tap, room });
            cx.add_job_input(broadcast.job, (room, publication), tap, input);
        }
        self.on_air = Some(broadcast);
    }

    fn take_out_of_broadcast(&mut self, publisher: ParticipantId, cx: &mut Context) {
        let Some(broadcast) = &mut self.on_air else { return };
        let Some(Input { tap, room, .. }) = broadcast.inputs.remove(&publisher) else { return };
        cx.remove_job_input(broadcast.job, room, tap);
    }
}
