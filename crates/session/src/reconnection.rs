//! Losing a socket and coming back on another one. Participants, streams and media stay untouched meanwhile.

use std::sync::Arc;

use protocol::error::ErrorCode;
use protocol::rpc::{ClientReply, RpcError};

use crate::client::{Link, MissedNotifications, Origin, Place};
use crate::id::ClientId;
use crate::timer::Timer;
use crate::{Effect, Registry, SocketId, Time};

impl Registry {
    /// The client's socket is gone. Whoever is in a session has some time to come back.
    pub(crate) fn lose_socket(&mut self, id: ClientId, now: Time) {
        let Some(client) = self.clients.get_mut(id) else { return };
        client.link = Link::Lost(MissedNotifications::default());
        if matches!(client.place, Place::Inside(_)) {
            tracing::debug!(client = ?id, "socket lost");
            self.timers.set(Timer::Grace(id), now + self.settings.reconnection_grace);
        } else {
            self.drop_client(id);
        }
    }

    pub(crate) fn rebind(&mut self, socket: SocketId, request: i64, rpc_session: Option<&str>, now: Time) {
        if !self.clients.is_open(socket) {
            return;
        }
        let Some(rpc_session) = rpc_session else {
            if let Some(client) = self.clients.of_socket(socket, &mut self.ids) {
                self.clients.reply(Origin { client, socket, request }, Ok(ClientReply::Value { value: "OK" }));
            }
            return;
        };
        let Some(client) = self.clients.by_rpc_session(rpc_session) else {
            let result = Err(RpcError::new(ErrorCode::ReconnectionError, "reconnection error"));
            // An error carries no RPC session, and this socket need not have one.
            let rpc_session = Arc::from("");
            self.clients.effects.push_back(Effect::Reply { socket, request, rpc_session, result });
            return;
        };
        self.leave_former_client(client, socket, now);
        let missed = self.clients.link(client, socket);
        self.timers.cancel(Timer::Grace(client));
        let value = "reconnection successful";
        self.clients.reply(Origin { client, socket, request }, Ok(ClientReply::Value { value }));
        for notification in missed.into_queue() {
            self.clients.notify(client, &notification);
        }
        if self.clients.get(client).is_some_and(|client| matches!(client.place, Place::Gone { .. })) {
            self.timers.set(Timer::Linger(client), now + self.settings.linger);
        }
        tracing::debug!(?client, "socket bound again");
    }

    /// A socket that carried another client until now is lost to that one.
    fn leave_former_client(&mut self, client: ClientId, socket: SocketId, now: Time) {
        if let Some(former) = self.clients.unlink(socket)
            && former != client
        {
            self.lose_socket(former, now);
        }
    }
}
