//! What is in a recording: each publisher's stream is tapped for it, as long as it is published and to be recorded.

use protocol::id::{PublicationId, RecordingKey, RouterId, TapId};
use protocol::media::MediaOperation;
use protocol::model::OutputMode;
use protocol::recording::{RecordedStream, RecordingCommand};

use super::{Phase, Recording, RecordingStartFailure};
use crate::Time;
use crate::connection::{Access, Participant};
use crate::context::Context;
use crate::id::ParticipantId;
use crate::session::Session;
use crate::timer::Timer;

/// A stream that is in a recording.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tapped {
    pub(super) tap: TapId,
    /// Where it is published.
    room: RouterId,
}

impl Recording {
    fn is_individual(&self) -> bool {
        self.properties.output_mode == OutputMode::Individual
    }

    /// Whose stream a tap is of.
    pub(super) fn publisher(&self, tap: TapId) -> Option<ParticipantId> {
        self.taps.iter().find(|(_, known)| known.tap == tap).map(|(participant, _)| *participant)
    }
}

impl Session {
    /// A participant has begun to publish.
    pub(crate) fn record_published(&mut self, publisher: ParticipantId, cx: &mut Context, now: Time) {
        match self.recording {
            Some(key) => {
                cx.timers.cancel(Timer::AutomaticStop(key));
                self.put_in(key, publisher, cx, now);
            }
            None if self.always_record && self.publishers() == 1 => {
                let properties = self.properties.default_recording_properties.clone();
                let is_full = cx.recorded_streams() >= cx.settings.recording.max_streams;
                self.begin_recording(properties, None, cx, now);
                if is_full && let Some(key) = self.recording {
                    self.fail_start(key, RecordingStartFailure::Overloaded, cx, now);
                }
            }
            None => {}
        }
    }

    /// A participant's stream has ended, or shall not be recorded any more.
    pub(crate) fn record_unpublished(&mut self, publisher: ParticipantId, cx: &mut Context, now: Time) {
        if let Some(key) = self.recording {
            self.take_out(key, publisher, cx, now);
        }
    }

    /// A stream comes over a new transport; its tap may have been lost with the old one.
    pub(crate) fn record_republished(&mut self, publisher: ParticipantId, cx: &mut Context, now: Time) {
        if let Some(key) = self.recording {
            self.put_in(key, publisher, cx, now);
        }
    }

    /// Whether a participant's stream is to be recorded has changed.
    pub(crate) fn record_changed(&mut self, publisher: ParticipantId, record: bool, cx: &mut Context, now: Time) {
        let Some(key) = self.recording else { return };
        if record {
            self.put_in(key, publisher, cx, now);
        } else if cx.recordings.get(&key).is_some_and(Recording::is_individual) {
            self.record_unpublished(publisher, cx, now);
        }
    }

    /// A participant's microphone or camera was switched on or off.
    pub(crate) fn record_switched(&mut self, publisher: ParticipantId, cx: &mut Context) {
        let Some((key, recording)) = self.recording.and_then(|key| Some((key, cx.recordings.get(&key)?))) else {
            return;
        };
        let Some(&Tapped { tap, .. }) = recording.taps.get(&publisher) else { return };
        let Some((stream, _)) = self.participant(publisher).and_then(|own| recorded(own, recording)) else { return };
        let RecordedStream { audio_active, video_active, .. } = stream;
        cx.effects.recording(RecordingCommand::Change { recording: key, tap, audio_active, video_active });
    }

    pub(super) fn recorded_stream_failed(
        &mut self,
        key: RecordingKey,
        tap: TapId,
        why: &str,
        cx: &mut Context,
        now: Time,
    ) {
        let Some(recording) = cx.recordings.get(&key) else { return };
        tracing::warn!(session = %recording.session, recording = recording.id(), why, "a stream cannot be recorded");
        let Some(publisher) = recording.publisher(tap) else { return };
        match recording.phase {
            Phase::Starting { .. } if !recording.properties.ignore_failed_streams => {
                self.fail_start(key, RecordingStartFailure::Stream(why.to_owned()), cx, now);
            }
            _ => self.take_out(key, publisher, cx, now),
        }
    }

    /// Puts a participant's stream into a recording, with what is said in it.
    pub(super) fn put_in(&self, key: RecordingKey, publisher: ParticipantId, cx: &mut Context, now: Time) {
        self.tap(key, publisher, cx);
        self.write_down(key, publisher, cx, now);
    }

    /// Puts a participant's stream into a recording, unless it is in it or has nothing for it.
    fn tap(&self, key: RecordingKey, publisher: ParticipantId, cx: &mut Context) {
        let is_full = cx.recorded_streams() >= cx.settings.recording.max_streams;
        let Some(recording) = cx.recordings.get_mut(&key) else { return };
        if recording.taps.contains_key(&publisher) {
            return;
        }
        let Some(participant) = self.participant(publisher) else { return };
        let Some((stream, publication)) = recorded(participant, recording) else { return };
        if !recording.taps.is_empty() && is_full {
            tracing::warn!(session = %self.id, stream = %stream.stream, "too many streams are recorded: left out");
            return;
        }
        let tap = cx.ids.tap();
        let (audio, video) = (stream.has_audio, stream.has_video);
        // Whether a camera sends anything, nobody knows.
        let awaited = participant.stream.as_ref().filter(|_| !participant.is_camera()).is_some_and(|stream| {
            let properties = &stream.description.properties;
            (audio && properties.audio_active.unwrap_or(true)) || (video && properties.video_active.unwrap_or(true))
        });
        recording.taps.insert(publisher, Tapped { tap, room: participant.room });
        if let Phase::Starting { missing, whole: false, .. } = &mut recording.phase
            && awaited
        {
            missing.insert(tap);
        }
        cx.effects.recording(RecordingCommand::Add { recording: key, tap, stream });
        cx.effects.media(participant.room, MediaOperation::SetTap { tap, publication, audio, video });
    }

    /// Takes a participant's stream out of a recording, if it is in it.
    pub(super) fn take_out(&mut self, key: RecordingKey, publisher: ParticipantId, cx: &mut Context, now: Time) {
        cx.listen_no_more_for(key, publisher, now);
        let Some(recording) = cx.recordings.get_mut(&key) else { return };
        let Some(tapped) = recording.taps.remove(&publisher) else { return };
        if let Phase::Starting { missing, .. } = &mut recording.phase {
            missing.remove(&tapped.tap);
        }
        cx.untap(key, tapped);
        self.start_if_complete(cx, now);
    }
}

impl Context {
    pub(super) fn untap(&mut self, recording: RecordingKey, Tapped { tap, room }: Tapped) {
        self.effects.media(room, MediaOperation::RemoveTap { tap });
        self.effects.recording(RecordingCommand::Remove { recording, tap });
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
    let record = match &participant.access {
        Access::Token { properties, .. } => properties.record,
        Access::Camera(camera) => camera.properties.record,
        Access::Secret(_) | Access::Page(_) | Access::Viewer => true,
    };
    let (id, described) = (&stream.description.id, &stream.description.properties);
    let has_audio = recording.properties.has_audio && described.has_audio;
    let has_video = recording.properties.has_video && described.has_video;
    // A composed recording films the room as it is.
    let wanted = (record || !recording.is_individual()) && (has_audio || has_video);
    let recorded = RecordedStream {
        connection: participant.connection.clone(),
        stream: id.clone(),
        client_data: participant.data.client.clone(),
        server_data: participant.data.server.clone(),
        has_audio,
        has_video,
        audio_active: described.audio_active.unwrap_or(true),
        video_active: described.video_active.unwrap_or(true),
        type_of_video: described.type_of_video.clone(),
    };
    wanted.then_some((recorded, stream.publication))
}
