//! The words of a recording with subtitles: everybody whose sound is in it is listened to, by the recogniser that clients are told
//! by, too (`speech`), for as long as that is so. Recording goes on whatever becomes of that: who is not heard is tried again,
//! and the recorder is told that words are missing.

use std::collections::BTreeSet;
use std::time::Duration;

use protocol::id::{RecordingKey, TapId};
use protocol::model::RecordingProperties;
use protocol::name;
use protocol::recording::RecordingCommand;

use super::{Phase, Recording};
use crate::connection::Participant;
use crate::context::Context;
use crate::id::ParticipantId;
use crate::session::Session;
use crate::speech::{Hearing, SpeechRefusal};
use crate::timer::Timer;
use crate::{Registry, Time};

/// Until somebody is listened to anew who could not be.
const AGAIN: Duration = Duration::from_secs(5);

/// Of a recording that has them.
#[derive(Debug)]
pub(super) struct Subtitles {
    language: String,
    /// Who should be heard and is not.
    unheard: BTreeSet<ParticipantId>,
    /// Words may come.
    is_open: bool,
}

impl Subtitles {
    /// What properties ask for, whose absent ones are filled in.
    pub(super) fn of(properties: &RecordingProperties) -> Option<Self> {
        let language = properties.subtitles.clone()?;
        Some(Self { language, unheard: BTreeSet::new(), is_open: true })
    }
}

impl Context {
    /// What a recording's subtitles are to be like: properties with a language, or with none.
    pub(super) fn fill_in_subtitles(&self, mut properties: RecordingProperties) -> RecordingProperties {
        let language = properties.subtitles.or_else(|| self.settings.recording.subtitles.clone());
        properties.subtitles = language.filter(|language| !language.is_empty() && properties.has_audio);
        properties
    }

    /// Whether there can be subtitles in a language now. Nobody is asked for those that the deployment itself wants.
    pub(super) fn check_subtitles(&self, properties: &RecordingProperties) -> Result<(), SpeechRefusal> {
        match &properties.subtitles {
            Some(language) if !language.is_empty() && properties.has_audio => self.can_recognise(language),
            _ => Ok(()),
        }
    }

    /// Somebody is not heard (any more). The first time it is told.
    pub(crate) fn miss_words(&mut self, key: RecordingKey, speaker: ParticipantId, why: &str, now: Time) {
        let Some(recording) = self.recordings.get_mut(&key) else { return };
        let Some(subtitles) = &mut recording.subtitles else { return };
        if subtitles.unheard.insert(speaker) {
            tracing::warn!(
                session = %recording.session, recording = recording.id(), why, "words are missing in the subtitles"
            );
            self.effects.recording(RecordingCommand::WordsMissing { recording: key });
        }
        self.timers.set(Timer::Unheard(key), now + AGAIN);
    }

    /// Somebody is heard.
    pub(crate) fn hears_words(&mut self, key: RecordingKey, speaker: ParticipantId) {
        if let Some(subtitles) = self.recordings.get_mut(&key).and_then(|recording| recording.subtitles.as_mut()) {
            subtitles.unheard.remove(&speaker);
        }
    }

    /// Somebody is not to be heard any more.
    pub(super) fn listen_no_more_for(&mut self, key: RecordingKey, speaker: ParticipantId, now: Time) {
        self.hears_words(key, speaker);
        self.end_hearing(key, speaker, now);
    }

    /// Tells the recorder once no more words can come.
    pub(crate) fn settle_words(&mut self, key: RecordingKey) {
        let is_heard = self.speech.is_heard_for(key);
        let Some(recording) = self.recordings.get_mut(&key) else { return };
        let Some(subtitles) = &mut recording.subtitles else { return };
        if !is_heard && matches!(recording.phase, Phase::Stopped { .. }) && std::mem::take(&mut subtitles.is_open) {
            self.timers.cancel(Timer::Unheard(key));
            self.effects.recording(RecordingCommand::WordsComplete { recording: key });
        }
    }
}

impl Registry {
    /// Time to try again to hear whom nobody could.
    pub(crate) fn hear_again(&mut self, key: RecordingKey, now: Time) {
        let Some((session, cx)) = self.recorded_session(key) else { return };
        let subtitles = cx.recordings.get(&key).and_then(|recording| recording.subtitles.as_ref());
        let unheard = subtitles.map(|subtitles| subtitles.unheard.clone()).unwrap_or_default();
        for speaker in unheard {
            session.write_down(key, speaker, cx, now);
        }
    }
}

impl Session {
    /// Listens to somebody whose sound is in a recording with subtitles.
    pub(super) fn write_down(&self, key: RecordingKey, speaker: ParticipantId, cx: &mut Context, now: Time) {
        let Some(recording) = cx.recordings.get(&key) else { return };
        let Some(subtitles) = &recording.subtitles else { return };
        let Some(participant) = self.participant(speaker) else { return };
        let Some(tap) = recording.heard_by(speaker, participant) else { return };
        let language = subtitles.language.clone();
        let name = name::shown(&participant.data.client, &participant.data.server);
        let hearing = Hearing { recording: key, tap, name, ended: None };
        if let Err(refusal) = cx.begin_hearing(&self.id, (speaker, participant), &language, hearing, now) {
            cx.miss_words(key, speaker, &format!("{refusal:?}"), now);
        }
    }
}

impl Recording {
    /// By which tap somebody's sound is in it, if it is; a page shows whom it likes, and nobody is tapped.
    fn heard_by(&self, speaker: ParticipantId, participant: &Participant) -> Option<Option<TapId>> {
        let stream = participant.stream.as_ref().filter(|stream| stream.description.properties.has_audio);
        let is_page = self.properties.composition().is_some_and(|composition| composition.is_page());
        let tap = self.taps.get(&speaker).map(|tapped| tapped.tap);
        (stream.is_some() && (is_page || tap.is_some())).then_some(tap)
    }
}
