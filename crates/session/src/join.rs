//! Entering a session: the application makes a token, joining consumes it.

use protocol::event::Reason;
use protocol::id::{ConnectionId, RouterId};
use protocol::model::{ConnectionProperties, IceServer};
use subtle::ConstantTimeEq;

use crate::client::{Link, Origin, Presence, Seat};
use crate::command::{HiddenClient, Join};
use crate::connection::{Access, Insider, Participant, PendingConnection};
use crate::context::Context;
use crate::id::ParticipantId;
use crate::leave::Farewell;
use crate::registry::NotFound;
use crate::reply::{Joined, ParticipantData, ParticipantDescription};
use crate::request::{Decision, Response};
use crate::session::Session;
use crate::snapshot::Token;
use crate::{Effect, Noticed, Notification, Refusal, Registry, Reply, Time};

/// Who may come in, and as what.
struct Admission {
    connection: ConnectionId,
    created_at: Time,
    access: Access,
}

impl Registry {
    /// Makes a place for one client. `origin` is how the caller reached us, `wss://host[:port]`: tokens carry it.
    pub fn create_connection(
        &mut self,
        session: &str,
        properties: ConnectionProperties,
        origin: &str,
        now: Time,
    ) -> Result<ConnectionId, NotFound> {
        let session = self.sessions.get_mut(session).ok_or(NotFound::Session)?;
        let connection = loop {
            let connection = self.cx.ids.connection();
            if !session.knows(connection.as_str()) {
                break connection;
            }
        };
        let virtual_background = self.cx.settings.virtual_background;
        let token = Token { value: self.cx.ids.token(), origin: Some(origin.to_owned()), virtual_background };
        let invited = Noticed::Invited { role: properties.role, data: properties.data.clone() };
        self.cx.notice(&session.id, &connection, invited);
        let pending = PendingConnection { connection: connection.clone(), created_at: now, properties, token };
        session.add_pending(self.cx.ids.pending(), pending);
        Ok(connection)
    }
}

impl Session {
    /// `room` is where the newcomer's peer connections will be.
    pub(crate) fn join(
        &mut self,
        origin: Origin,
        request: Join,
        room: RouterId,
        cx: &mut Context,
        now: Time,
    ) -> Decision {
        let admission = self.admit(&request, cx, now)?;
        let joined = self.enter_as(origin, admission, request, room, cx, now);
        Ok(Response::Reply(Reply::Joined(Box::new(joined))))
    }

    /// Checks the secret, or that of a recording's page, or consumes the token.
    fn admit(&mut self, request: &Join, cx: &mut Context, now: Time) -> Result<Admission, Refusal> {
        let secret = cx.settings.secret.as_bytes();
        // An empty secret would let everybody in: ordinary clients send an empty one.
        if !secret.is_empty() && bool::from(secret.ct_eq(request.secret.as_bytes())) {
            let (connection, insider) = match request.hidden {
                Some(hidden @ HiddenClient::Recorder) => ("RECORDER".into(), Insider::Hidden(hidden)),
                Some(hidden @ HiddenClient::SpeechToText) => ("SPEECH_TO_TEXT".into(), Insider::Hidden(hidden)),
                None => {
                    let connection = cx.ids.connection();
                    let token = Token { value: cx.ids.token(), origin: None, virtual_background: false };
                    (connection, Insider::Visible { token })
                }
            };
            return Ok(Admission { connection, created_at: now, access: Access::Secret(insider) });
        }
        if request.hidden == Some(HiddenClient::Recorder)
            && let Some(recording) = self.recording_of_page(&request.secret, cx)
        {
            return Ok(Admission { connection: "RECORDER".into(), created_at: now, access: Access::Page(recording) });
        }
        if request.hidden == Some(HiddenClient::Recorder)
            && let Some(broadcast) = self.broadcast_of_page(&request.secret)
        {
            // There may be a recorder, too.
            return Ok(Admission {
                connection: "BROADCASTER".into(),
                created_at: now,
                access: Access::Page(broadcast),
            });
        }
        if request.hidden == Some(HiddenClient::Recorder) && self.redeem_view(&request.secret, now) {
            return Ok(Admission { connection: cx.ids.connection(), created_at: now, access: Access::Viewer });
        }
        let Some(pending) = self.redeem(&request.token) else {
            let token = request.token_as_sent.clone();
            return Err(Refusal::InvalidToken { session: self.id.clone(), token });
        };
        let PendingConnection { connection, created_at, properties, token } = pending;
        Ok(Admission { connection, created_at, access: Access::Token { properties, token } })
    }

    /// Adds the participant and tells the others; the answer follows.
    fn enter_as(
        &mut self,
        origin: Origin,
        admission: Admission,
        request: Join,
        room: RouterId,
        cx: &mut Context,
        now: Time,
    ) -> Joined {
        let Admission { connection, created_at, access } = admission;
        self.make_room_for_hidden(&connection, cx, now);
        let peer = cx.clients.get(origin.client).map(|client| client.peer.clone());
        let (ip, user_id) = peer.map(|peer| (peer.ip, peer.user_id)).unwrap_or_default();
        let (server_data, record, own_servers) = match &access {
            Access::Token { properties, .. } => {
                (properties.data.clone(), Some(properties.record), properties.custom_ice_servers.clone())
            }
            Access::Secret(_) | Access::Page(_) | Access::Viewer | Access::Camera(_) => (String::new(), None, vec![]),
        };
        let participant = Participant {
            data: ParticipantData { client: request.client_data, server: server_data },
            ip,
            platform: request.platform,
            ..Participant::new(origin.client, connection.clone(), access, room, created_at, now)
        };
        let (hidden, role, data) = (participant.is_hidden(), participant.role(), participant.data.clone());
        self.emit_joined(&participant, cx, now);
        if !hidden {
            cx.notice(&self.id, &connection, Noticed::Entered { made_at: created_at, role });
        }
        let (ice_servers, relay) = ice_servers(own_servers, &connection, cx, now);
        let joined = Joined {
            connection: connection.clone(),
            session: self.id.clone(),
            joined_at: now,
            user_id: (!hidden).then_some(user_id),
            data: data.clone(),
            others: self.who_is_there(),
            role,
            record,
            recording: self.recording_told_to(role, cx).filter(|_| !hidden),
            ice_servers,
            relay,
            client_version: request.client_version,
        };
        if !hidden {
            self.broadcast(None, Notification::ParticipantJoined { connection, joined_at: now, data }, cx);
        }
        self.take_seat(origin, participant, cx);
        cx.expect_media_of_caller(origin.client, now);
        joined
    }

    pub(crate) fn take_seat(&mut self, origin: Origin, participant: Participant, cx: &mut Context) -> ParticipantId {
        let id = cx.ids.participant();
        tracing::info!(session = %self.id, connection = %participant.connection, "connection joined");
        let room = participant.room;
        self.enter(id, participant);
        self.open_room(room, cx);
        self.select(id, cx);
        if let Some(client) = cx.clients.get_mut(origin.client) {
            client.presence = Presence::Joined(Seat { session: self.id.clone(), participant: id });
            if let Link::Open(socket) = client.link {
                cx.effects.push(Effect::Entered { socket });
            }
        }
        id
    }

    /// The hidden participants of one kind share a connection id: the newest is the one that works.
    fn make_room_for_hidden(&mut self, connection: &ConnectionId, cx: &mut Context, now: Time) {
        if let Some(former) = self.active(connection.as_str()) {
            let reason = Reason::ForceDisconnectByServer;
            self.remove_participant(former, reason, Farewell::Evicted { answer: None }, cx, now);
        }
    }

    fn who_is_there(&self) -> Vec<ParticipantDescription> {
        self.participants()
            .filter(|(_, participant)| !participant.is_hidden())
            .map(|(_, participant)| participant.describe())
            .collect()
    }
}

/// Those that a newcomer shall use, and the first that relays. Who has servers of its own gets those alone; but clients
/// that take a single one get one that relays, wherever it comes from.
fn ice_servers(
    own: Vec<IceServer>,
    connection: &ConnectionId,
    cx: &Context,
    now: Time,
) -> (Vec<IceServer>, Option<IceServer>) {
    let turn = cx.settings.turn.as_ref();
    // The relay's log and figures then name the connection.
    let turn = turn.map(|turn| turn.ice_servers(connection.as_str(), now)).unwrap_or_default();
    let relay = own.iter().chain(&turn).find(|server| relays(server)).cloned();
    let servers = [own, turn, cx.settings.ice_servers.clone()];
    (servers.into_iter().find(|servers| !servers.is_empty()).unwrap_or_default(), relay)
}

/// RFC 7065.
fn relays(server: &IceServer) -> bool {
    let is_turn = server.url.starts_with("turn:") || server.url.starts_with("turns:");
    is_turn && server.username.is_some() && server.credential.is_some()
}
