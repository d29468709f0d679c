//! Speech to text: who listens to whose words, and what recognises them. What is said is heard by a *recogniser*, a job of one
//! speaker and one language, however many listen; it begins with the first of them and ends with the last. It belongs to the
//! speaker, not to a stream: whoever unpublishes and publishes again is listened to as before. Recordings with subtitles listen like
//! clients do, and to the end: a recogniser that nobody else needs any more is let finish what was said.
//!
//! Where a language is recognised, and how, is the deployment's choice ([`SpeechSettings`]); the words themselves come from the
//! job, and no rule looks into them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use protocol::id::{ConnectionId, JobId, RouterId, SessionId, TapId};
use protocol::job::{
    AzureSpec, FromJob, JobCommand, JobEnd, JobNews, JobSpec, RecogniseSpec, SpeechEngine, TranscribeSpec,
};
use protocol::media::{Kinds, MediaOperation};
use serde::{Deserialize, Serialize};

use crate::client::Origin;
use crate::command::CallId;
use crate::connection::Participant;
use crate::context::Context;
use crate::id::{ClientId, ParticipantId};
use crate::jobs::JobPurpose;
use crate::request::{DONE, Decision, Response};
use crate::session::Session;
use crate::timer::Timer;
use crate::{Effect, Notification, Refusal, Registry, Reply, Time};

mod hearing;

pub(crate) use hearing::Hearing;

/// The one input of a recogniser: its number.
const INPUT: u16 = 1;
/// The part of the settings about speech.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SpeechSettings {
    /// What recognises speech.
    pub service: SpeechService,
    /// How long a recogniser may take to begin; clients wait for 10 s.
    pub start_timeout: Duration,
}

/// What recognises speech, for a whole deployment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SpeechService {
    /// Servers that speak Vosk's protocol.
    Vosk {
        /// The address of each language's.
        servers: BTreeMap<String, String>,
        /// What may be recognised at all.
        loading: ModelLoading,
    },
    /// Amazon Transcribe.
    Transcribe {
        /// How it is reached.
        account: TranscribeSpec,
        /// What it understands.
        languages: &'static [&'static str],
    },
    /// Azure's recognition of speech.
    Azure {
        /// How it is reached.
        account: AzureSpec,
        /// What it understands.
        languages: &'static [&'static str],
    },
}

/// Which [`SpeechEngine`] it is, without how it is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum SpeechEngineKind {
    /// A server that speaks Vosk's protocol.
    Vosk,
    /// Amazon Transcribe.
    Transcribe,
    /// Azure's recognition of speech.
    Azure,
}

/// When the model of a language is loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ModelLoading {
    /// When somebody listens; it is unloaded when nobody does any more.
    OnDemand,
    /// When the application says so. Others cannot be listened to.
    Manual,
}

/// Why nobody is listened to, or a model is not loaded or unloaded.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum SpeechRefusal {
    /// The deployment does not listen.
    Off,
    /// There is nobody with this connection id.
    UnknownSpeaker {
        /// As it was sent.
        connection: String,
        /// Where.
        session: SessionId,
    },
    /// The caller listens to that one already.
    AlreadySubscribed {
        /// To whom.
        connection: ConnectionId,
        /// In this language, whatever was asked for now.
        language: String,
    },
    /// Nobody in the session listens.
    NoSubscriptions {
        /// Where.
        session: SessionId,
    },
    /// The caller does not listen to that one.
    NotSubscribed {
        /// As it was sent.
        connection: String,
    },
    /// The deployment's service does not recognise this language.
    UnknownLanguage {
        /// As it was sent.
        language: String,
        /// What does not understand it.
        engine: SpeechEngineKind,
    },
    /// The application has not loaded it.
    NotLoaded {
        /// Which.
        language: String,
    },
    /// It is there already.
    AlreadyLoaded,
    /// It is listened to.
    InUse,
    /// The recogniser does not answer.
    Unavailable,
    /// As much is going on as may be.
    Overloaded {
        /// What.
        why: String,
    },
}

impl From<SpeechRefusal> for Refusal {
    fn from(refusal: SpeechRefusal) -> Self {
        Self::Speech(refusal)
    }
}

impl From<&JobEnd> for SpeechRefusal {
    fn from(end: &JobEnd) -> Self {
        match end {
            JobEnd::Overloaded(why) => Self::Overloaded { why: why.clone() },
            JobEnd::Unavailable(_) | JobEnd::Failed(_) => Self::Unavailable,
        }
    }
}

/// All that is listened to.
#[derive(Debug, Default)]
pub(crate) struct Speech {
    recognisers: BTreeMap<JobId, Recogniser>,
    /// Languages that the application has loaded.
    loaded: BTreeSet<String>,
    /// Those that it is loading: whether they can be recognised is tried.
    trials: BTreeMap<JobId, Trial>,
}

/// What hears one speaker in one language.
#[derive(Debug)]
struct Recogniser {
    session: SessionId,
    speaker: ParticipantId,
    connection: ConnectionId,
    language: String,
    /// It can hear.
    is_ready: bool,
    /// Where the speaker's sound is taken, while there is any.
    tap: Option<(RouterId, TapId)>,
    listeners: BTreeMap<ParticipantId, Listener>,
    /// Recordings that it is heard for.
    hearings: Vec<Hearing>,
    /// It gets no more sound, and is let say what it has heard.
    is_finishing: bool,
}

/// Who is told the words.
#[derive(Debug)]
struct Listener {
    client: ClientId,
    /// Its request, while the recogniser begins.
    waiting: Option<Origin>,
    /// It knows a beginning of what is being said: without one, clients are not told the end.
    knows_beginning: bool,
}

#[derive(Debug)]
struct Trial {
    language: String,
    call: CallId,
}

impl Speech {
    /// How many hear.
    pub(crate) fn count(&self) -> usize {
        self.recognisers.len()
    }

    fn is_in_use(&self, language: &str) -> bool {
        self.recognisers.values().any(|recogniser| recogniser.language == language)
    }

    fn is_loaded(&self, language: &str) -> bool {
        let is_loading = || self.trials.values().any(|trial| trial.language == language);
        self.loaded.contains(language) || self.is_in_use(language) || is_loading()
    }

    /// Which hear a speaker.
    fn of_speaker(&self, speaker: ParticipantId) -> Vec<JobId> {
        self.recognisers.iter().filter(|(_, one)| one.speaker == speaker).map(|(job, _)| *job).collect()
    }

    /// Which tell somebody.
    fn of_listener(&self, listener: ParticipantId) -> Vec<JobId> {
        let hears = |one: &Recogniser| one.listeners.contains_key(&listener);
        self.recognisers.iter().filter(|(_, one)| hears(one)).map(|(job, _)| *job).collect()
    }

    /// What hears a speaker in a language, for whoever else wants to.
    fn known(&mut self, speaker: ParticipantId, language: &str) -> Option<(JobId, &mut Recogniser)> {
        let is_it = |one: &Recogniser| one.speaker == speaker && one.language == language && !one.is_finishing;
        self.recognisers.iter_mut().find(|(_, one)| is_it(one)).map(|(job, one)| (*job, one))
    }

    /// A listener has one language of a speaker at most.
    fn subscription(&self, listener: ParticipantId, speaker: ParticipantId) -> Option<(JobId, &Recogniser)> {
        let is_it = |one: &Recogniser| one.speaker == speaker && one.listeners.contains_key(&listener);
        self.recognisers.iter().find(|(_, one)| is_it(one)).map(|(job, one)| (*job, one))
    }
}

impl Registry {
    /// Makes a language ready to be listened to. The call is answered with [`Reply::Done`] once its recogniser has answered, or
    /// does not.
    pub fn load_speech_model(&mut self, language: String, call: CallId, now: Time) -> Result<(), SpeechRefusal> {
        let spec = self.cx.recogniser_spec(&language)?;
        if self.cx.speech.is_loaded(&language) {
            return Err(SpeechRefusal::AlreadyLoaded);
        }
        let job = self.cx.start_recogniser(spec, now);
        self.cx.speech.trials.insert(job, Trial { language, call });
        Ok(())
    }

    /// The opposite.
    pub fn unload_speech_model(&mut self, language: &str) -> Result<(), SpeechRefusal> {
        self.cx.recogniser_spec(language)?;
        if self.cx.speech.is_in_use(language) {
            return Err(SpeechRefusal::InUse);
        }
        let was_loaded = self.cx.speech.loaded.remove(language);
        if was_loaded { Ok(()) } else { Err(SpeechRefusal::NotLoaded { language: language.to_owned() }) }
    }

    /// A recogniser reports.
    pub(crate) fn recogniser_reports(&mut self, job: JobId, news: JobNews, now: Time) {
        match news {
            JobNews::Said(FromJob::Ready { .. }) => self.cx.recogniser_is_ready(job),
            JobNews::Said(FromJob::Recognised { text, raw, is_final, spoken }) => {
                self.cx.tell_words(job, &text, &raw, is_final, now);
                if let Some(spoken) = spoken {
                    self.cx.record_words(job, &text, spoken, now);
                }
            }
            JobNews::Said(FromJob::Finished) => self.cx.end_last_words(job, now),
            // It goes on by itself; what was being said is lost.
            JobNews::Restarting { why } => {
                tracing::warn!(?job, %why, "a recogniser is started anew");
                self.cx.miss_words_of(job, &why, now);
            }
            JobNews::Said(_) => {}
            JobNews::Ended(end) => self.cx.recogniser_ended(job, &end, now),
        }
    }

    /// It has not begun in time.
    pub(crate) fn expire_recogniser(&mut self, job: JobId, now: Time) {
        self.cx.stop_job(job);
        self.cx.recogniser_ended(job, &JobEnd::Failed("it does not begin".to_owned()), now);
    }
}

impl Session {
    /// A participant wants to be told what another one says, or itself.
    pub(crate) fn subscribe_to_speech(
        &mut self,
        origin: Origin,
        who: ParticipantId,
        connection: String,
        language: String,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        if cx.settings.speech.is_none() {
            return Err(SpeechRefusal::Off.into());
        }
        let Some((speaker, spoken)) = self.visible(&connection).and_then(|id| Some((id, self.participant(id)?))) else {
            return Err(SpeechRefusal::UnknownSpeaker { connection, session: self.id.clone() }.into());
        };
        if let Some((_, known)) = cx.speech.subscription(who, speaker) {
            let (connection, language) = (spoken.connection.clone(), known.language.clone());
            return Err(SpeechRefusal::AlreadySubscribed { connection, language }.into());
        }
        let spec = cx.recogniser_spec(&language)?;
        if !cx.may_be_recognised(&language) {
            return Err(SpeechRefusal::NotLoaded { language }.into());
        }
        let client = self.present(who)?.client;
        if let Some((_, recogniser)) = cx.speech.known(speaker, &language) {
            let waiting = (!recogniser.is_ready).then_some(origin);
            recogniser.listeners.insert(who, Listener { client, waiting, knows_beginning: false });
            return if waiting.is_none() { DONE } else { Ok(Response::Later) };
        }
        let job = cx.begin_recogniser(&self.id, (speaker, spoken), spec, now);
        if let Some(recogniser) = cx.speech.recognisers.get_mut(&job) {
            recogniser.listeners.insert(who, Listener { client, waiting: Some(origin), knows_beginning: false });
        }
        Ok(Response::Later)
    }

    /// No longer.
    pub(crate) fn unsubscribe_from_speech(
        &mut self,
        who: ParticipantId,
        connection: String,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        if cx.settings.speech.is_none() {
            return Err(SpeechRefusal::Off.into());
        }
        if !cx.speech.recognisers.values().any(|one| one.session == self.id) {
            return Err(SpeechRefusal::NoSubscriptions { session: self.id.clone() }.into());
        }
        let speaker = self.visible(&connection);
        let Some((job, _)) = speaker.and_then(|speaker| cx.speech.subscription(who, speaker)) else {
            return Err(SpeechRefusal::NotSubscribed { connection }.into());
        };
        cx.forget_listener(job, who, Ok(Reply::Done), now);
        DONE
    }

    /// A participant's sound has begun, or comes over a new transport, with which its tap may have been lost.
    pub(crate) fn speech_published(&self, speaker: ParticipantId, cx: &mut Context) {
        let Some(participant) = self.participant(speaker) else { return };
        for job in cx.speech.of_speaker(speaker) {
            cx.listen(job, participant);
        }
    }

    /// It has ended.
    pub(crate) fn speech_unpublished(&self, speaker: ParticipantId, cx: &mut Context) {
        for job in cx.speech.of_speaker(speaker) {
            cx.listen_no_more(job);
        }
    }

    /// Somebody has left: it is told nothing any more, and nobody is told anything of it.
    pub(crate) fn speech_left(&self, who: ParticipantId, participant: &Participant, cx: &mut Context, now: Time) {
        let (connection, session) = (participant.connection.clone(), self.id.clone());
        for job in cx.speech.of_listener(who) {
            let (connection, session) = (connection.clone(), session.clone());
            cx.forget_listener(job, who, Err(Refusal::RemovedMeanwhile { connection, session }), now);
        }
        let gone = SpeechRefusal::UnknownSpeaker { connection: connection.to_string(), session };
        for job in cx.speech.of_speaker(who) {
            cx.stop_recogniser(job, &gone, now);
        }
    }
}

impl Context {
    /// What recognises a language.
    fn recogniser_spec(&self, language: &str) -> Result<RecogniseSpec, SpeechRefusal> {
        let speech = self.settings.speech.as_ref().ok_or(SpeechRefusal::Off)?;
        let (by, engine) = match &speech.service {
            SpeechService::Vosk { servers, .. } => {
                let address = servers.get(language).cloned();
                (address.map(|address| SpeechEngine::Vosk { address }), SpeechEngineKind::Vosk)
            }
            SpeechService::Transcribe { account, languages } => {
                let by = languages.contains(&language).then(|| SpeechEngine::Transcribe(account.clone()));
                (by, SpeechEngineKind::Transcribe)
            }
            SpeechService::Azure { account, languages } => {
                let by = languages.contains(&language).then(|| SpeechEngine::Azure(account.clone()));
                (by, SpeechEngineKind::Azure)
            }
        };
        let language = language.to_owned();
        match by {
            Some(by) => Ok(RecogniseSpec { language, by }),
            None => Err(SpeechRefusal::UnknownLanguage { language, engine }),
        }
    }

    /// Whether somebody could be listened to in a language.
    pub(crate) fn can_recognise(&self, language: &str) -> Result<(), SpeechRefusal> {
        self.recogniser_spec(language)?;
        let refusal = || SpeechRefusal::NotLoaded { language: language.to_owned() };
        self.may_be_recognised(language).then_some(()).ok_or_else(refusal)
    }

    fn may_be_recognised(&self, language: &str) -> bool {
        !self.loads_by_hand() || self.speech.loaded.contains(language)
    }

    fn loads_by_hand(&self) -> bool {
        let service = self.settings.speech.as_ref().map(|speech| &speech.service);
        matches!(service, Some(SpeechService::Vosk { loading: ModelLoading::Manual, .. }))
    }

    fn start_recogniser(&mut self, spec: RecogniseSpec, now: Time) -> JobId {
        let job = self.start_job(JobPurpose::Recognise, JobSpec::Recognise(spec), None);
        if let Some(speech) = &self.settings.speech {
            self.timers.set(Timer::Recogniser(job), now + speech.start_timeout);
        }
        job
    }

    /// Begins one that nobody listens to yet.
    fn begin_recogniser(
        &mut self,
        session: &SessionId,
        (speaker, participant): (ParticipantId, &Participant),
        spec: RecogniseSpec,
        now: Time,
    ) -> JobId {
        let recogniser = Recogniser {
            session: session.clone(),
            speaker,
            connection: participant.connection.clone(),
            language: spec.language.clone(),
            is_ready: false,
            tap: None,
            listeners: BTreeMap::new(),
            hearings: vec![],
            is_finishing: false,
        };
        let job = self.start_recogniser(spec, now);
        self.speech.recognisers.insert(job, recogniser);
        self.listen(job, participant);
        job
    }

    /// Gives a recogniser its speaker's sound, if there is any and it has it not.
    fn listen(&mut self, job: JobId, speaker: &Participant) {
        let wants = |one: &&mut Recogniser| one.tap.is_none() && !one.is_finishing;
        let Some(recogniser) = self.speech.recognisers.get_mut(&job).filter(wants) else { return };
        let Some(stream) = speaker.stream.as_ref().filter(|it| it.description.properties.has_audio) else { return };
        let tap = self.ids.tap();
        recogniser.tap = Some((speaker.room, tap));
        let input = stream.description.properties.job_input(INPUT, Kinds { audio: true, video: false });
        self.add_job_input(job, (speaker.room, stream.publication), tap, input);
    }

    fn listen_no_more(&mut self, job: JobId) {
        let Some(recogniser) = self.speech.recognisers.get_mut(&job) else { return };
        if let Some((router, tap)) = recogniser.tap.take() {
            self.remove_job_input(job, router, tap);
        }
    }

    /// The media worker lost a tap, with everything it had: it is made anew once the speaker's sound comes again.
    pub(crate) fn speech_tap_ended(&mut self, tap: TapId) {
        let lost = self.speech.recognisers.iter_mut().find(|(_, one)| one.tap.is_some_and(|(_, its)| its == tap));
        if let Some((job, recogniser)) = lost {
            recogniser.tap = None;
            self.effects.push(Effect::Job(JobCommand::RemoveInput { job: *job, tap }));
        }
    }

    fn recogniser_is_ready(&mut self, job: JobId) {
        self.timers.cancel(Timer::Recogniser(job));
        if let Some(Trial { language, call }) = self.speech.trials.remove(&job) {
            self.stop_job(job);
            self.speech.loaded.insert(language);
            return self.answer_call(Some(call), Ok(Reply::Done));
        }
        let Some(recogniser) = self.speech.recognisers.get_mut(&job) else { return };
        recogniser.is_ready = true;
        let speaker = recogniser.speaker;
        let recordings: Vec<_> = recogniser.hearings.iter().map(|hearing| hearing.recording).collect();
        let waiting: Vec<_> = recogniser.listeners.values_mut().filter_map(|one| one.waiting.take()).collect();
        for recording in recordings {
            self.hears_words(recording, speaker);
        }
        for origin in waiting {
            self.reply(origin, Ok(Reply::Done));
        }
    }

    /// Clients count on it that nobody hears the end of what is said twice in a row.
    fn tell_words(&mut self, job: JobId, text: &str, raw: &str, is_final: bool, now: Time) {
        let Some(recogniser) = self.speech.recognisers.get_mut(&job) else { return };
        if text.trim().is_empty() || raw.trim().is_empty() {
            return;
        }
        let words = |is_final| {
            Arc::new(Notification::SpeechRecognised {
                session: recogniser.session.clone(),
                connection: recogniser.connection.clone(),
                language: recogniser.language.clone(),
                text: text.to_owned(),
                raw: raw.to_owned(),
                is_final,
                at: now,
            })
        };
        let (beginning, end) = (words(false), is_final.then(|| words(true)));
        let mut told = Vec::with_capacity(recogniser.listeners.len() + 1);
        for listener in recogniser.listeners.values_mut().filter(|one| one.waiting.is_none()) {
            if end.is_none() || !listener.knows_beginning {
                told.push((listener.client, &beginning));
            }
            told.extend(end.as_ref().map(|end| (listener.client, end)));
            listener.knows_beginning = end.is_none();
        }
        for (client, notification) in told {
            self.clients.notify(client, notification, &mut self.effects);
        }
    }

    /// Those who listen cannot know what else is lost: they are told once, and listen to nobody any more.
    fn recogniser_ended(&mut self, job: JobId, end: &JobEnd, now: Time) {
        let is_listened_to = self.speech.recognisers.get(&job).is_none_or(|one| !one.listeners.is_empty());
        if is_listened_to {
            tracing::warn!(?job, why = %end, "a recogniser has ended");
        } else {
            // For recordings it is tried again and again: what they say of it is enough.
            tracing::debug!(?job, why = %end, "a recogniser has ended");
        }
        let refusal = SpeechRefusal::from(end);
        if let Some(trial) = self.speech.trials.remove(&job) {
            self.timers.cancel(Timer::Recogniser(job));
            self.forget_job(job);
            return self.answer_call(Some(trial.call), Err(refusal.into()));
        }
        self.miss_words_of(job, &end.to_string(), now);
        let Some(recogniser) = self.dispose_of(job) else { return };
        for hearing in &recogniser.hearings {
            self.settle_words(hearing.recording);
        }
        for (who, listener) in recogniser.listeners {
            if let Some(origin) = listener.waiting {
                self.reply(origin, Err(refusal.clone().into()));
                continue;
            }
            for other in self.speech.of_listener(who) {
                self.forget_listener(other, who, Err(refusal.clone().into()), now);
            }
            self.notify(listener.client, &Arc::new(Notification::SpeechDisconnected));
        }
    }

    /// Takes somebody out who listens, and stops what nobody listens to; a request that waits is answered with `answer`.
    fn forget_listener(&mut self, job: JobId, who: ParticipantId, answer: Result<Reply, Refusal>, now: Time) {
        let Some(recogniser) = self.speech.recognisers.get_mut(&job) else { return };
        let waiting = recogniser.listeners.remove(&who).and_then(|listener| listener.waiting);
        if let Some(origin) = waiting {
            self.reply(origin, answer);
        }
        self.settle_recogniser(job, now);
    }

    /// Stops what those listen to who are left, without a word but to those whose requests wait. For recordings it finishes.
    fn stop_recogniser(&mut self, job: JobId, why: &SpeechRefusal, now: Time) {
        let Some(recogniser) = self.speech.recognisers.get_mut(&job) else { return };
        for hearing in recogniser.hearings.iter_mut().filter(|hearing| hearing.ended.is_none()) {
            hearing.ended = Some(now);
        }
        let listeners = std::mem::take(&mut recogniser.listeners);
        self.settle_recogniser(job, now);
        for origin in listeners.into_values().filter_map(|listener| listener.waiting) {
            self.reply(origin, Err(why.clone().into()));
        }
    }

    /// Forgets a recogniser whose job is over, or about to be.
    fn dispose_of(&mut self, job: JobId) -> Option<Recogniser> {
        let recogniser = self.speech.recognisers.remove(&job)?;
        self.timers.cancel(Timer::Recogniser(job));
        self.timers.cancel(Timer::LastWords(job));
        self.forget_job(job);
        if let Some((router, tap)) = recogniser.tap {
            self.effects.media(router, MediaOperation::RemoveTap { tap });
        }
        if !self.loads_by_hand() && !self.speech.is_in_use(&recogniser.language) {
            self.speech.loaded.remove(&recogniser.language);
        }
        Some(recogniser)
    }

    /// A session was taken out of the table as it was.
    pub(crate) fn end_speech(&mut self, session: &SessionId, now: Time) {
        let of_it = self.speech.recognisers.iter().filter(|(_, one)| one.session == *session);
        let jobs: Vec<_> = of_it.map(|(job, _)| *job).collect();
        for job in jobs {
            self.stop_recogniser(job, &SpeechRefusal::Unavailable, now);
        }
    }
}
