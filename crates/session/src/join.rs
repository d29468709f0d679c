//! Entering a session: `POST …/connection` makes a token, joinRoom consumes it.

use std::collections::BTreeMap;

use protocol::error::ErrorCode;
use protocol::event::Reason;
use protocol::id::{ConnectionId, SessionId};
use protocol::media::MediaCommand;
use protocol::model::{ConnectionProperties, IceServer, MediaServer};
use protocol::rpc::{
    ClientReply, JoinRoom, Joined, JoinedRecording, LegacyTurn, RemoteParticipant, RpcError, ServerNotification,
};
use subtle::ConstantTimeEq;

use crate::candidate::EarlyCandidates;
use crate::client::{Origin, Place, Seat};
use crate::connection::{Access, Insider, Participant, PendingConnection, metadata};
use crate::leave::Farewell;
use crate::registry::NotFound;
use crate::request::{Answer, Answered, refuse};
use crate::{Registry, Time, token, version};

/// Where TURN listens unless its URI says otherwise.
const TURN_PORT: u16 = 3478;

/// Who may come in, and as what.
struct Admission {
    connection: ConnectionId,
    created_at: Time,
    access: Access,
}

impl Registry {
    /// `POST …/connection`. `origin` is how the caller reached us, `wss://host[:port]`: tokens carry it.
    pub fn create_connection(
        &mut self,
        session: &str,
        properties: ConnectionProperties,
        origin: &str,
        now: Time,
    ) -> Result<ConnectionId, NotFound> {
        let session = self.sessions.get_mut(session).ok_or(NotFound::Session)?;
        let connection = loop {
            let connection = self.ids.connection();
            if !session.knows(connection.as_str()) {
                break connection;
            }
        };
        let token = self.ids.token();
        let token_url = token::url(origin, &session.id, &token);
        let pending =
            PendingConnection { connection: connection.clone(), created_at: now, properties, token, token_url };
        session.add_pending(self.ids.pending(), pending);
        Ok(connection)
    }

    pub(crate) fn join(&mut self, origin: Origin, request: JoinRoom, now: Time) -> Answered {
        let Some(session) = self.sessions.get(request.session.as_str()) else {
            let text = format_args!("Unable to join session. Session {} cannot be found", request.session);
            return refuse(ErrorCode::RoomNotFound, text);
        };
        let session = session.id.clone();
        let admission = self.admit(&session, &request, now)?;
        let reply = self.enter(origin, session, admission, request, now);
        Ok(Answer::Reply(ClientReply::Joined(Box::new(reply))))
    }

    /// Checks the secret or consumes the token.
    fn admit(&mut self, session: &SessionId, request: &JoinRoom, now: Time) -> Result<Admission, RpcError> {
        let secret = self.settings.secret.as_bytes();
        // An empty secret would let everybody in: ordinary clients send an empty one.
        if !secret.is_empty() && bool::from(secret.ct_eq(request.secret.as_bytes())) {
            let (connection, insider) = if request.recorder {
                ("RECORDER".into(), Insider::Recorder)
            } else if request.stt {
                ("SPEECH_TO_TEXT".into(), Insider::SpeechToText)
            } else {
                (self.ids.connection(), Insider::Visible { token: self.ids.token() })
            };
            return Ok(Admission { connection, created_at: now, access: Access::Secret(insider) });
        }
        let redeemed = self.sessions.get_mut(session).and_then(|session| session.redeem(token::value(&request.token)));
        let Some(pending) = redeemed else {
            let text = format_args!("Unable to join session {session}. Token {} is not valid", request.token);
            return Err(RpcError::new(ErrorCode::UserUnauthorized, text));
        };
        let PendingConnection { connection, created_at, properties, token_url: url, .. } = pending;
        Ok(Admission { connection, created_at, access: Access::Token { properties, url } })
    }

    /// Adds the participant and tells the others; the answer follows.
    fn enter(
        &mut self,
        origin: Origin,
        session: SessionId,
        admission: Admission,
        request: JoinRoom,
        now: Time,
    ) -> Joined {
        let Admission { connection, created_at, access } = admission;
        self.make_room_for_hidden(&session, &connection, now);
        let peer = self.clients.get(origin.client).map(|client| client.peer.clone());
        let (ip, final_user_id) = peer.map(|peer| (peer.ip, peer.final_user_id)).unwrap_or_default();
        let server_data = match &access {
            Access::Token { properties, .. } => properties.data.as_str(),
            Access::Secret(_) => "",
        };
        let participant = Participant {
            client: origin.client,
            metadata: metadata(&request.metadata, server_data),
            connection: connection.clone(),
            access,
            created_at,
            active_at: now,
            ip,
            platform: request.platform,
            client_data: request.metadata,
            stream: None,
            subscriptions: BTreeMap::new(),
            early_candidates: EarlyCandidates::default(),
        };
        let hidden = participant.is_hidden();
        self.emit_joined(&session, &participant, now);
        let (record, custom_ice_servers) = match &participant.access {
            Access::Token { properties, .. } => (Some(properties.record), properties.custom_ice_servers.clone()),
            Access::Secret(_) => (None, vec![]),
        };
        let turn = self.settings.turn.as_ref();
        // The relay's log and figures then name the connection.
        let turn = turn.map(|turn| turn.ice_servers(connection.as_str(), now)).unwrap_or_default();
        // Clients before 2.21 read nothing else, and contact third parties without it.
        let legacy_turn = custom_ice_servers.iter().chain(&turn).find_map(legacy_turn);
        let ice_servers = [custom_ice_servers, turn, self.settings.ice_servers.clone()];
        let reply = Joined {
            id: connection.clone(),
            final_user_id: (!hidden).then_some(final_user_id),
            created_at: now.as_millis(),
            metadata: participant.metadata.clone(),
            value: self.who_is_there(&session),
            session: session.clone(),
            version: version::answered(request.sdk_version.as_deref(), &self.settings.compatible_version).to_owned(),
            media_server: self.settings.media_server.as_str(),
            video_simulcast: self.settings.video_simulcast && self.settings.media_server == MediaServer::Mediasoup,
            record,
            role: participant.role(),
            recording: self
                .recording_told_to(&session, participant.role())
                .filter(|_| !hidden)
                .map(|(recording_id, recording_name)| JoinedRecording { recording_id, recording_name }),
            turn: legacy_turn,
            custom_ice_servers: ice_servers.into_iter().find(|servers| !servers.is_empty()).unwrap_or_default(),
        };
        if !hidden {
            let (id, created_at, metadata) = (connection.clone(), now.as_millis(), participant.metadata.clone());
            self.broadcast(&session, None, ServerNotification::ParticipantJoined { id, created_at, metadata });
        }
        self.take_seat(origin, session, participant);
        reply
    }

    fn take_seat(&mut self, origin: Origin, session: SessionId, participant: Participant) {
        let id = self.ids.participant();
        tracing::info!(session = %session, connection = %participant.connection, "connection joined");
        if let Some(entry) = self.sessions.get_mut(&session) {
            let router = (!entry.in_use).then_some(entry.router);
            entry.in_use = true;
            entry.enter(id, participant);
            if let Some(router) = router {
                self.command(MediaCommand::CreateRouter { router });
            }
        }
        if let Some(client) = self.clients.get_mut(origin.client) {
            client.place = Place::Inside(Seat { session, participant: id });
        }
    }

    /// The hidden participants of one kind share a connection id: the newest is the one that works.
    fn make_room_for_hidden(&mut self, session: &SessionId, connection: &ConnectionId, now: Time) {
        if let Some(participant) = self.sessions.get(session).and_then(|entry| entry.active(connection.as_str())) {
            let former = Seat { session: session.clone(), participant };
            self.remove_participant(&former, Reason::ForceDisconnectByServer, Farewell::Evicted { answer: None }, now);
        }
    }

    fn who_is_there(&self, session: &SessionId) -> Vec<RemoteParticipant> {
        let Some(session) = self.sessions.get(session) else { return vec![] };
        session
            .participants()
            .filter(|(_, participant)| !participant.is_hidden())
            .map(|(_, participant)| participant.describe())
            .collect()
    }
}

/// The TURN server as clients up to 2.22 want it.
fn legacy_turn(server: &IceServer) -> Option<LegacyTurn> {
    let rest = server.url.strip_prefix("turn:").or_else(|| server.url.strip_prefix("turns:"))?;
    let address = rest.split('?').next().unwrap_or(rest);
    let port_start = address.rfind(':').filter(|at| !address[*at..].contains(']'));
    let (host, port) = match port_start {
        Some(at) => (&address[..at], address[at + 1..].parse().unwrap_or(TURN_PORT)),
        None => (address, TURN_PORT),
    };
    Some(LegacyTurn {
        coturn_ip: host.to_owned(),
        coturn_port: port,
        turn_username: server.username.clone()?,
        turn_credential: server.credential.clone()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> IceServer {
        IceServer { url: url.to_owned(), username: Some("u".to_owned()), credential: Some("c".to_owned()) }
    }

    #[test]
    fn the_four_turn_fields_are_read_off_the_uri() {
        let turn = |url: &str| legacy_turn(&server(url)).map(|turn| (turn.coturn_ip, turn.coturn_port));
        assert_eq!(turn("turn:203.0.113.5:3479?transport=tcp"), Some(("203.0.113.5".to_owned(), 3479)));
        assert_eq!(turn("turns:example.com"), Some(("example.com".to_owned(), TURN_PORT)));
        assert_eq!(turn("turn:[2001:db8::1]:443"), Some(("[2001:db8::1]".to_owned(), 443)));
        assert_eq!(turn("turn:[2001:db8::1]"), Some(("[2001:db8::1]".to_owned(), TURN_PORT)));
        assert_eq!(turn("stun:example.com"), None);
    }
}
