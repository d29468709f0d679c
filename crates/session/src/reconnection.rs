//! Losing a socket and coming back on another one. Participants, streams and media stay untouched meanwhile.

use crate::client::{Link, MissedNotifications, Origin, Presence};
use crate::command::{Asker, ClientHandle, SocketId};
use crate::id::ClientId;
use crate::timer::Timer;
use crate::{Effect, Noticed, Refusal, Registry, Reply, Time};

impl Registry {
    /// The client's socket is gone. Whoever is in a session has some time to come back.
    pub(crate) fn lose_socket(&mut self, id: ClientId, now: Time) {
        let Some(client) = self.cx.clients.get_mut(id) else { return };
        client.link = Link::RecordingLosses(MissedNotifications::from(now));
        if matches!(client.presence, Presence::Joined(_)) {
            tracing::debug!(client = ?id, "socket lost");
            if let Some(seat) = self.seat_of(id) {
                self.notice(&seat, Noticed::SocketLost);
            }
            self.cx.timers.set(Timer::Grace(id), now + self.cx.settings.reconnection_grace);
        } else {
            self.cx.drop_client(id);
        }
    }

    pub(crate) fn resume(&mut self, socket: SocketId, request: i64, handle: Option<&ClientHandle>, now: Time) {
        let cx = &mut self.cx;
        if !cx.clients.is_open(socket) {
            return;
        }
        let asker = Asker::Socket { socket, request };
        let answered = |client| Origin { client, asker: Some(asker) };
        let Some(handle) = handle else {
            if let Some(client) = cx.clients.of_socket(socket, &mut cx.ids) {
                cx.reply(answered(client), Ok(Reply::Greeted));
            }
            return;
        };
        let Some(client) = cx.clients.by_handle(handle) else {
            // This socket need not have a client.
            cx.effects.reply(asker, None, Err(Refusal::UnknownClient));
            return;
        };
        if let Some(absence) = cx.clients.get_mut(client).and_then(|client| client.absence.take()) {
            if !self.awaits(&absence) {
                self.cx.drop_client(client);
                return self.cx.effects.reply(asker, None, Err(Refusal::UnknownClient));
            }
            self.leave_former_client(client, socket, now);
            self.cx.clients.link(client, socket, &mut self.cx.effects);
            return self.readmit(answered(client), *absence, now);
        }
        self.leave_former_client(client, socket, now);
        let cx = &mut self.cx;
        let missed = cx.clients.link(client, socket, &mut cx.effects);
        cx.timers.cancel(Timer::Grace(client));
        if let Some(Presence::Joined(seat)) = cx.clients.get(client).map(|client| client.presence.clone()) {
            cx.effects.push(Effect::Entered { socket });
            self.notice(&seat, Noticed::SocketBack);
        }
        let cx = &mut self.cx;
        cx.reply(answered(client), Ok(Reply::Resumed));
        for notification in missed.into_queue() {
            cx.notify(client, &notification);
        }
        if cx.clients.get(client).is_some_and(|client| matches!(client.presence, Presence::Left { .. })) {
            cx.timers.set(Timer::Linger(client), now + cx.settings.linger);
        }
        tracing::debug!(?client, "socket bound again");
    }

    /// A socket that carried another client until now is lost to that one.
    fn leave_former_client(&mut self, client: ClientId, socket: SocketId, now: Time) {
        if let Some(former) = self.cx.clients.unlink(socket)
            && former != client
        {
            self.lose_socket(former, now);
        }
    }
}
