//! Speech that is heard for recordings with subtitles. A recording is one more listener of a recogniser; unlike clients it wants to
//! know when words were said, and waits for the last of them: a recogniser that nobody else needs is let finish what it has heard.

use std::collections::BTreeSet;
use std::time::Duration;

use protocol::id::{JobId, RecordingKey, SessionId, TapId};
use protocol::job::{JobCommand, ToJob};
use protocol::media::MediaOperation;
use protocol::recording::RecordingCommand;
use protocol::speech::Spoken;

use super::{Recogniser, Speech, SpeechRefusal};
use crate::connection::Participant;
use crate::context::Context;
use crate::id::ParticipantId;
use crate::timer::Timer;
use crate::{Effect, Time};

/// So long recordings wait for the end of what is being said when they, or a speaker's part in them, end.
const LAST_WORDS: Duration = Duration::from_secs(6);

/// That a speaker is heard for the subtitles of a recording.
#[derive(Debug)]
pub(crate) struct Hearing {
    pub(crate) recording: RecordingKey,
    /// By which its sound is recorded.
    pub(crate) tap: Option<TapId>,
    /// The speaker's.
    pub(crate) name: Option<String>,
    /// When its sound was recorded no more: only what was said before is waited for.
    pub(crate) ended: Option<Time>,
}

impl Speech {
    /// Whether words may still come for a recording.
    pub(crate) fn is_heard_for(&self, recording: RecordingKey) -> bool {
        self.recognisers.values().any(|one| one.hearings.iter().any(|hearing| hearing.recording == recording))
    }
}

impl Context {
    /// Listens to somebody for a recording's subtitles, unless that is done already.
    pub(crate) fn begin_hearing(
        &mut self,
        session: &SessionId,
        (speaker, participant): (ParticipantId, &Participant),
        language: &str,
        hearing: Hearing,
        now: Time,
    ) -> Result<(), SpeechRefusal> {
        let recording = hearing.recording;
        let is_it = |known: &Hearing| known.recording == recording && known.tap == hearing.tap && known.ended.is_none();
        let of_speaker = self.speech.recognisers.values().filter(|one| one.speaker == speaker);
        if of_speaker.flat_map(|one| &one.hearings).any(is_it) {
            return Ok(());
        }
        if let Some((_, recogniser)) = self.speech.known(speaker, language) {
            recogniser.hearings.push(hearing);
            if recogniser.is_ready {
                self.hears_words(recording, speaker);
            }
            return Ok(());
        }
        self.can_recognise(language)?;
        let spec = self.recogniser_spec(language)?;
        let job = self.begin_recogniser(session, (speaker, participant), spec, now);
        if let Some(recogniser) = self.speech.recognisers.get_mut(&job) {
            recogniser.hearings.push(hearing);
        }
        Ok(())
    }

    /// A speaker is in a recording no more.
    pub(crate) fn end_hearing(&mut self, recording: RecordingKey, speaker: ParticipantId, now: Time) {
        self.end_hearings_of(|one, hearing| one.speaker == speaker && hearing.recording == recording, now);
    }

    /// A recording has ended.
    pub(crate) fn end_hearings(&mut self, recording: RecordingKey, now: Time) {
        self.end_hearings_of(|_, hearing| hearing.recording == recording, now);
    }

    fn end_hearings_of(&mut self, which: impl Fn(&Recogniser, &Hearing) -> bool, now: Time) {
        let mut ended = vec![];
        for (job, recogniser) in &mut self.speech.recognisers {
            let mut hearings = std::mem::take(&mut recogniser.hearings);
            for hearing in hearings.iter_mut().filter(|hearing| hearing.ended.is_none() && which(recogniser, hearing)) {
                hearing.ended = Some(now);
                ended.push(*job);
            }
            recogniser.hearings = hearings;
        }
        for job in ended {
            self.settle_recogniser(job, now);
        }
    }

    /// Goes on, finishes or stops, by who still needs it.
    pub(super) fn settle_recogniser(&mut self, job: JobId, now: Time) {
        let Some(recogniser) = self.speech.recognisers.get_mut(&job) else { return };
        if recogniser.listeners.is_empty() && recogniser.hearings.is_empty() {
            self.stop_job(job);
            self.dispose_of(job);
            return;
        }
        if recogniser.hearings.iter().any(|hearing| hearing.ended.is_some())
            && !self.timers.is_set(Timer::LastWords(job))
        {
            self.timers.set(Timer::LastWords(job), now + LAST_WORDS);
        }
        let is_needed = |hearing: &Hearing| hearing.ended.is_none();
        if recogniser.listeners.is_empty() && !recogniser.hearings.iter().any(is_needed) && !recogniser.is_finishing {
            recogniser.is_finishing = true;
            let tap = recogniser.tap.take();
            if let Some((router, tap)) = tap {
                self.effects.media(router, MediaOperation::RemoveTap { tap });
            }
            self.effects.push(Effect::Job(JobCommand::Tell { job, message: ToJob::Finish }));
        }
    }

    /// What was said to the end of a speaker's part in recordings has been told, or is waited for no longer.
    pub(crate) fn end_last_words(&mut self, job: JobId, now: Time) {
        self.forget_hearings(job, |hearing| hearing.ended.is_some(), now);
    }

    fn forget_hearings(&mut self, job: JobId, which: impl Fn(&Hearing) -> bool, now: Time) {
        let Some(recogniser) = self.speech.recognisers.get_mut(&job) else { return };
        let forgotten: Vec<_> = recogniser.hearings.extract_if(.., |hearing| which(hearing)).collect();
        if !recogniser.hearings.iter().any(|hearing| hearing.ended.is_some()) {
            self.timers.cancel(Timer::LastWords(job));
        }
        self.settle_recogniser(job, now);
        for hearing in forgotten {
            self.settle_words(hearing.recording);
        }
    }

    /// What was said is told to recordings.
    pub(super) fn record_words(&mut self, job: JobId, text: &str, spoken: Spoken, now: Time) {
        let Some(recogniser) = self.speech.recognisers.get(&job) else { return };
        let ago = |ms| now.as_millis().saturating_sub(ms);
        let (began, ended) = (ago(spoken.began), ago(spoken.ended));
        let is_before_end = |hearing: &&Hearing| hearing.ended.is_none_or(|end| began < end.as_millis());
        let is_text = !text.trim().is_empty();
        for hearing in recogniser.hearings.iter().filter(is_before_end).filter(|_| is_text) {
            self.effects.recording(RecordingCommand::Words {
                recording: hearing.recording,
                tap: hearing.tap,
                name: hearing.name.clone(),
                text: text.to_owned(),
                spoken: spoken.clone(),
            });
        }
        // Others may be listening on: nothing that was recorded comes after this.
        if !recogniser.is_finishing {
            self.forget_hearings(job, |hearing| hearing.ended.is_some_and(|end| ended >= end.as_millis()), now);
        }
    }

    /// Words of its speaker are lost to the recordings that it is heard for.
    pub(super) fn miss_words_of(&mut self, job: JobId, why: &str, now: Time) {
        let Some(recogniser) = self.speech.recognisers.get(&job) else { return };
        let speaker = recogniser.speaker;
        let recordings: BTreeSet<_> = recogniser.hearings.iter().map(|hearing| hearing.recording).collect();
        for recording in recordings {
            self.miss_words(recording, speaker, why, now);
        }
    }
}
