//! What applications ask, as commands: the same as the registry's own methods, answered by an effect.

use std::task::Poll;

use crate::command::{ApplicationCommand, CallId};
use crate::registry::NotFound;
use crate::snapshot::Include;
use crate::{Refusal, Registry, Reply, Time};

impl Registry {
    pub(crate) fn take_from_application(&mut self, call: CallId, command: ApplicationCommand, now: Time) {
        if let Some(result) = self.carry_out(call, command, now).transpose() {
            self.cx.answer_call(Some(call), result);
        }
    }

    /// Nothing, if the answer comes later.
    fn carry_out(&mut self, call: CallId, command: ApplicationCommand, now: Time) -> Result<Option<Reply>, Refusal> {
        let done = |()| Some(Reply::Done);
        match command {
            ApplicationCommand::CreateSession(properties) => {
                let id = self.create_session(*properties, now)?;
                let snapshot = self.session(id.as_str(), Include::default()).ok_or(NotFound::Session)?;
                Ok(Some(Reply::Session(Box::new(snapshot))))
            }
            ApplicationCommand::CloseSession { session } => Ok(self.close_session(&session, now).map(done)?),
            ApplicationCommand::AwaitEnd { session } => {
                let end = match session {
                    Some(session) => self.when_ended(&session, call),
                    None => self.when_all_ended(call),
                };
                Ok(if let Poll::Ready(()) = end { Some(Reply::Done) } else { None })
            }
            ApplicationCommand::CreateConnection { session, properties, origin } => {
                let connection = self.create_connection(&session, *properties, &origin, now)?;
                let snapshot = self.connection(&session, connection.as_str())?;
                Ok(Some(Reply::Connection(Box::new(snapshot))))
            }
            ApplicationCommand::ConnectCamera { session, camera } => {
                let connection = self.connect_camera(&session, *camera, now)?;
                let snapshot = self.connection(&session, connection.as_str())?;
                Ok(Some(Reply::Connection(Box::new(snapshot))))
            }
            ApplicationCommand::UpdateConnection { session, connection, update } => {
                let snapshot = self.update_connection(&session, &connection, update, now)?;
                Ok(Some(Reply::Connection(Box::new(snapshot))))
            }
            ApplicationCommand::CloseConnection { session, connection } => {
                Ok(self.close_connection(&session, &connection, now).map(done)?)
            }
            ApplicationCommand::UnpublishStream { session, stream } => {
                Ok(self.unpublish_stream(&session, &stream, now).map(done)?)
            }
            ApplicationCommand::Signal { session, signal } => Ok(self.signal(&session, signal, now).map(done)?),
            ApplicationCommand::TakeGuestPlace { room, place, origin, asker } => {
                let place = self.take_guest_place(*room, *place, &origin, asker, now);
                Ok(Some(Reply::Connection(Box::new(place.map_err(Refusal::GuestPlace)?))))
            }
            ApplicationCommand::StartRecording { session, properties } => {
                self.start_recording(&session, *properties, call, now)?;
                Ok(None)
            }
            ApplicationCommand::StartBroadcast { session, broadcast } => {
                self.start_broadcast(&session, *broadcast, call, now)?;
                Ok(None)
            }
            ApplicationCommand::StopBroadcast { session } => Ok(self.stop_broadcast(&session, now).map(done)?),
            ApplicationCommand::StopRecording { recording } => {
                self.stop_recording(&recording, call, now)?;
                Ok(None)
            }
            ApplicationCommand::LoadSpeechModel { language } => {
                self.load_speech_model(language, call, now)?;
                Ok(None)
            }
            ApplicationCommand::UnloadSpeechModel { language } => Ok(self.unload_speech_model(&language).map(done)?),
        }
    }
}
