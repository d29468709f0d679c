//! What is told of recordings: to the application server as views and events, to participants as notifications.

use std::sync::Arc;

use protocol::event::{Event, EventStamp, Reason, RecordingEvent, RecordingStatus};
use protocol::model::{RecordingNotification, Role};
use protocol::recording::{Measured, RecordingView};

use super::{Phase, Recording};
use crate::context::Context;
use crate::reply::RecordingName;
use crate::session::Session;
use crate::{Notification, RecordingSettings, Registry, Time};

impl Recording {
    pub(super) fn id(&self) -> &str {
        // One that fails before it is named had the session's name in prospect.
        self.name.as_ref().map_or(self.session.as_str(), |name| &name.id)
    }

    pub(super) fn file_name(&self) -> &str {
        match &self.name {
            Some(name) => &name.name,
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

    pub(super) fn planned(&self) -> Measured {
        let (has_audio, has_video) = (self.properties.has_audio, self.properties.has_video);
        Measured { has_audio, has_video, ..Measured::default() }
    }

    /// As it is now.
    pub(super) fn now(&self) -> RecordingView {
        let measured = match self.phase {
            Phase::Stopped { measured: Some(measured), .. } => measured,
            _ => self.planned(),
        };
        self.view(self.status(), &measured)
    }

    pub(super) fn view(&self, status: RecordingStatus, measured: &Measured) -> RecordingView {
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
            subtitles: self.properties.subtitles.clone(),
            status,
            lost: measured.lost,
        }
    }

    pub(super) fn event(
        &self,
        status: RecordingStatus,
        reason: Option<Reason>,
        measured: &Measured,
        now: Time,
    ) -> Event {
        let started = status == RecordingStatus::Started;
        Event::RecordingStatusChanged(RecordingEvent {
            stamp: EventStamp {
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
    /// Those that are starting, running or being processed. The finished ones are on disk.
    pub fn recordings(&self) -> Vec<RecordingView> {
        let named = self.cx.recordings.values().filter(|recording| recording.name.is_some());
        named.map(Recording::now).collect()
    }

    /// One of them.
    pub fn recording(&self, id: &str) -> Option<RecordingView> {
        let is_named = |recording: &&Recording| recording.name.as_ref().is_some_and(|name| name.id == id);
        let recording = self.cx.recordings.values().find(is_named)?;
        Some(recording.now())
    }
}

impl Session {
    /// What the session's recording is called, for somebody who comes in now.
    pub(crate) fn recording_told_to(&self, role: Role, cx: &Context) -> Option<RecordingName> {
        let recording = cx.recordings.get(&self.recording?)?;
        recording.name.clone().filter(|_| cx.settings.recording.tells(role))
    }

    pub(super) fn tell_of_recording(&self, notification: Notification, cx: &mut Context) {
        let notification = Arc::new(notification);
        for (_, participant) in self.participants() {
            if !participant.is_hidden() && cx.settings.recording.tells(participant.role()) {
                cx.notify(participant.client, &notification);
            }
        }
    }
}

impl RecordingSettings {
    fn tells(&self, role: Role) -> bool {
        match self.notification {
            RecordingNotification::None => false,
            RecordingNotification::Moderator => role == Role::Moderator,
            RecordingNotification::PublisherModerator => role != Role::Subscriber,
            RecordingNotification::All => true,
        }
    }
}
