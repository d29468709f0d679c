//! What is in a recording: each publisher's stream is tapped for it, as long as it is published and to be recorded.

use protocol::id::{PublicationId, RecordingKey, TapId};
use protocol::media::MediaCommand;
use protocol::model::OutputMode;
use protocol::recording::{Failure, RecordedStream, RecordingCommand};

use super::{Phase, Recording, StartRefusal};
use crate::client::Seat;
use crate::connection::{Access, Participant};
use crate::id::ParticipantId;
use crate::timer::Timer;
use crate::{Effect, Registry, Time};

impl Recording {
    fn is_individual(&self) -> bool {
        self.properties.output_mode == OutputMode::Individual
    }

    /// Whose stream a tap is of.
    fn publisher(&self, tap: TapId) -> Option<ParticipantId> {
        self.taps.iter().find(|(_, known)| **known == tap).map(|(participant, _)| *participant)
    }
}

impl Registry {
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
                    self.fail_start(key, Failure::Overloaded(StartRefusal::Overloaded.to_string()), now);
                }
            }
            None => {}
        }
    }

    /// A participant's stream has ended, or shall not be recorded any more.
    pub(crate) fn record_unpublished(&mut self, seat: &Seat, now: Time) {
        if let Some(key) = self.sessions.get(&seat.session).and_then(|session| session.recording) {
            self.take_out(key, seat.participant, now);
        }
    }

    /// A stream comes over a new transport; its tap may have been lost with the old one.
    pub(crate) fn record_republished(&mut self, seat: &Seat) {
        if let Some(key) = self.sessions.get(&seat.session).and_then(|session| session.recording) {
            self.tap(key, seat);
        }
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
        let Some(&tap) = recording.taps.get(&seat.participant) else { return };
        let Some((stream, _)) = session.participant(seat.participant).and_then(|own| recorded(own, recording)) else {
            return;
        };
        let RecordedStream { audio_active, video_active, .. } = stream;
        let change = RecordingCommand::Change { recording: key, tap, audio_active, video_active };
        self.clients.effects.push_back(Effect::Recording(change));
    }

    /// The media worker lost a tap: with the stream, of whose end we know already, or with everything it had.
    pub(crate) fn tap_ended(&mut self, tap: TapId, now: Time) {
        let found = self.recordings.iter().find_map(|(key, recording)| Some((*key, recording.publisher(tap)?)));
        if let Some((key, participant)) = found {
            self.take_out(key, participant, now);
        }
    }

    pub(super) fn stream_failed(&mut self, key: RecordingKey, tap: TapId, why: &str, now: Time) {
        let Some(recording) = self.recordings.get(&key) else { return };
        tracing::warn!(session = %recording.session, recording = recording.id(), why, "a stream cannot be recorded");
        let Some(participant) = recording.publisher(tap) else { return };
        match recording.phase {
            Phase::Starting { .. } if !recording.properties.ignore_failed_streams => {
                self.fail_start(key, why.into(), now);
            }
            _ => self.take_out(key, participant, now),
        }
    }

    /// Puts a participant's stream into a recording, unless it is in it or has nothing for it.
    pub(super) fn tap(&mut self, key: RecordingKey, seat: &Seat) {
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
        let tap = self.ids.tap();
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
                missing.insert(tap);
            }
        }
        let add = RecordingCommand::Add { recording: key, tap, stream };
        self.clients.effects.push_back(Effect::Recording(add));
        self.command(MediaCommand::SetTap { tap, publication, audio, video });
    }

    /// Takes a participant's stream out of a recording, if it is in it.
    fn take_out(&mut self, key: RecordingKey, participant: ParticipantId, now: Time) {
        let Some(recording) = self.recordings.get_mut(&key) else { return };
        let Some(tap) = recording.taps.remove(&participant) else { return };
        if let Phase::Starting { missing, .. } = &mut recording.phase {
            missing.remove(&tap);
        }
        self.untap(key, tap);
        self.start_if_complete(key, now);
    }

    pub(super) fn untap(&mut self, recording: RecordingKey, tap: TapId) {
        self.command(MediaCommand::RemoveTap { tap });
        self.clients.effects.push_back(Effect::Recording(RecordingCommand::Remove { recording, tap }));
    }

    /// How many streams are being recorded; every recording needs room for one.
    pub(super) fn recorded_streams(&self) -> usize {
        let live = self.recordings.values().filter(|recording| !matches!(recording.phase, Phase::Stopped { .. }));
        live.map(|recording| recording.taps.len().max(1)).sum()
    }
}

/// What of a participant's stream goes into a recording.
fn recorded(participant: &Participant, recording: &Recording) -> Option<(RecordedStream, PublicationId)> {
    let stream = participant.stream.as_ref()?;
    if recording.properties.composition().is_some_and(|composition| composition.is_page()) {
        // The page shows whom it likes.
        return None;
    }
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
