//! What becomes of a panic: a defect in a rule ends the session that it was about, and nobody else's call.
//!
//! The state of that session may be anything, so that ending it may panic again. It is ended in good order as far as that
//! goes, each attempt with one participant less, and at last taken out of the table as it is. Everything that was queued for
//! others is still done.

use std::panic::{AssertUnwindSafe, catch_unwind};

use protocol::event::Reason;
use protocol::id::SessionId;
use protocol::media::MediaOperation;

use crate::session::Session;
use crate::timer::Timer;
use crate::{Refusal, Registry, Time};

/// What clients and applications are told: clients know the word, and join again.
const REASON: Reason = Reason::NodeCrashed;

/// A call into the registry panicked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Defect {
    /// The session that it was about, which is gone. None: it was about no session; whoever asked gets no answer.
    pub session: Option<SessionId>,
}

impl Registry {
    /// Runs one call, and contains the damage if it panics. To be followed by [`Registry::poll_effect`] in both cases.
    ///
    /// # Errors
    /// The defect; see there.
    pub fn guarded<T>(&mut self, now: Time, call: impl FnOnce(&mut Self, Time) -> T) -> Result<T, Defect> {
        self.sessions.take_at_work();
        self.attempt(|registry| call(registry, now)).ok_or_else(|| self.contain(now))
    }

    /// Ends the session that was at work, and goes on with what others wait for.
    fn contain(&mut self, now: Time) -> Defect {
        let session = self.sessions.take_at_work();
        let mut broken = session.clone();
        loop {
            match &broken {
                Some(session) => {
                    tracing::error!(%session, "a rule about this session panicked: the session is closed");
                    self.close_broken(session, now);
                }
                None => tracing::error!("a rule about no session in particular panicked: what was asked is abandoned"),
            }
            self.sessions.take_at_work();
            // Whatever panics in there has been taken from its queue before: this comes to an end.
            if self.attempt(|registry| registry.settle(now)).is_some() {
                return Defect { session };
            }
            broken = self.sessions.take_at_work();
        }
    }

    fn attempt<T>(&mut self, call: impl FnOnce(&mut Self) -> T) -> Option<T> {
        catch_unwind(AssertUnwindSafe(|| call(self))).ok()
    }

    fn close_broken(&mut self, id: &SessionId, now: Time) {
        let participants =
            |registry: &Self| registry.sessions.get(id).map_or(0, |session| session.participants().count());
        let mut left = participants(self);
        while self.attempt(|registry| registry.end_session(id, REASON, now)).is_none() {
            let still = participants(self);
            if still >= left {
                break;
            }
            left = still;
        }
        if let Some(broken) = self.sessions.remove(id) {
            self.tear_down(broken, now);
        }
        if self.attempt(|registry| registry.close_stragglers(id)).is_none() {
            tracing::error!(session = %id, "clients of a broken session may wait until they give up");
        }
    }

    /// Those who were on their way out when it happened: without their socket they know enough.
    fn close_stragglers(&mut self, session: &SessionId) {
        for request in self.cx.media.of_session(session) {
            self.cx.abandon_media(request, Err(Refusal::Internal));
        }
        for client in self.cx.clients.seated_in(session) {
            self.cx.timers.cancel(Timer::Grace(client));
            self.cx.clients.close(client, &mut self.cx.effects);
        }
    }

    /// Media and applications hear that it is over; the rest as far as it goes.
    fn tear_down(&mut self, mut broken: Session, now: Time) {
        broken.in_all_rooms(&MediaOperation::CloseRouter, &mut self.cx);
        for (_, participant) in broken.participants() {
            if let Some(stream) = &participant.stream {
                stream.let_camera_go(&participant.access, &mut self.cx);
            }
        }
        self.attempt(|registry| broken.end_recording(REASON, &mut registry.cx, now));
        self.attempt(|registry| broken.end_broadcast(REASON, &mut registry.cx, now));
        self.attempt(|registry| registry.cx.end_speech(&broken.id, now));
        self.bury(broken.id.clone(), broken.number, broken.destroyed(REASON, now), now);
    }
}

#[cfg(test)]
mod tests {
    use protocol::id::WorkerId;
    use protocol::model::{
        ConnectionProperties, ForcedVideoCodec, MediaMode, RecordingMode, RecordingNotification, RecordingProperties,
        SessionProperties,
    };

    use super::*;
    use crate::command::{ClientCommand, Command, Join, SocketId};
    use crate::{BroadcastSettings, Effect, PeerInfo, RecordingSettings, Settings};

    const SECOND: std::time::Duration = std::time::Duration::from_secs(1);

    fn settings() -> Settings {
        Settings {
            secret: "secret".to_owned(),
            ice_servers: vec![],
            turn: None,
            media_workers: vec![WorkerId(0)],
            session_span: 200,
            reconnection_grace: SECOND,
            return_window: SECOND,
            linger: SECOND,
            media_timeout: SECOND,
            garbage_interval: SECOND,
            garbage_threshold: SECOND,
            video_bandwidth: crate::VideoBandwidth::default(),
            signals: None,
            network_quality: None,
            broadcast: BroadcastSettings {
                max_streams: 1,
                has_captions: false,
                start_timeout: SECOND,
                patience: SECOND,
            },
            virtual_background: false,
            transcodes: true,
            camera_states: false,
            filter_images: None,
            recording: RecordingSettings {
                enabled: false,
                notification: RecordingNotification::None,
                auto_stop: SECOND,
                max_streams: 1,
                start_timeout: SECOND,
                page_start_timeout: SECOND,
                subtitles: None,
                processing_timeout: SECOND,
            },
            speech: None,
        }
    }

    /// Somebody in `room`.
    fn join(registry: &mut Registry, socket: SocketId, now: Time) {
        let id = registry.create_connection("room", ConnectionProperties::default(), "ws://x", now).expect("a room");
        let made = registry.connection("room", id.as_str()).expect("it was just made");
        registry.socket_opened(socket, PeerInfo { ip: String::new(), user_id: String::new() });
        let join = Join {
            session: "room".into(),
            token: made.token.expect("unused").value,
            token_as_sent: String::new(),
            secret: String::new(),
            hidden: None,
            client_data: String::new(),
            platform: String::new(),
            client_version: None,
        };
        registry.handle(Command::Socket { socket, request: 1, command: ClientCommand::Join(Box::new(join)) }, now);
    }

    fn effects(registry: &mut Registry) -> Vec<Effect> {
        std::iter::from_fn(|| registry.poll_effect()).collect()
    }

    #[test]
    fn a_session_that_cannot_be_ended_is_taken_out_and_its_clients_lose_their_sockets() {
        let now = Time::from_millis(1000);
        let mut registry = Registry::new(settings(), [1; 32]);
        let properties = SessionProperties {
            media_mode: MediaMode::Routed,
            recording_mode: RecordingMode::Manual,
            custom_session_id: "room".to_owned(),
            default_recording_properties: RecordingProperties::default(),
            forced_video_codec: ForcedVideoCodec::MediaServerPreferred,
            allow_transcoding: false,
            media_node: None,
            last_n: 0,
            loudest: 0,
        };
        let id = registry.create_session(properties, now).expect("a free id");
        let sockets = [SocketId(1), SocketId(2)];
        sockets.iter().for_each(|socket| join(&mut registry, *socket, now));
        effects(&mut registry);
        // As after attempts that all panicked.
        let broken = registry.sessions.remove(&id).expect("it is there");
        registry.tear_down(broken, now);
        registry.close_stragglers(&id);
        let effects = effects(&mut registry);
        let closed: Vec<_> = effects.iter().filter(|effect| matches!(effect, Effect::CloseSocket { .. })).collect();
        assert_eq!(closed.len(), 2, "{effects:?}");
        let is_end = |effect: &&Effect| matches!(effect, Effect::Event(protocol::event::Event::SessionDestroyed(_)));
        assert_eq!(effects.iter().filter(is_end).count(), 1, "{effects:?}");
        let is_close =
            |effect: &Effect| matches!(effect, Effect::Media(command) if command.op == MediaOperation::CloseRouter);
        assert!(effects.iter().any(is_close), "{effects:?}");
        let figures = registry.figures();
        assert_eq!((figures.sessions, figures.clients, figures.timers), (0, 0, 1), "but for the garbage collector");
    }
}
