//! Coming back late. Who has been without a socket for longer than the grace period is put out, as everybody expects who looks at
//! the others in the call; but its client goes on trying, and may only have slept, or changed its network. For some time it may
//! come back into the same session with the same connection, without its application doing anything: to the others it has left
//! and joined again.
//!
//! What it did not hear meanwhile is made up for from what it knew when it was put out. Signals of that time are lost.
//! Its media has gone; clients renew their peer connections by themselves, and the stream that it published then keeps its id.

use protocol::event::Reason;
use protocol::id::{ConnectionId, RouterId, SessionId, StreamId};

use crate::client::{MissedNotifications, Origin};
use crate::connection::{Access, Insider, Participant};
use crate::context::Context;
use crate::id::{ClientId, ParticipantId};
use crate::reply::{ParticipantDescription, StreamDescription};
use crate::session::Session;
use crate::timer::Timer;
use crate::{Notification, Registry, Reply, Time};

/// One of those who may come back.
#[derive(Debug)]
pub(crate) struct Absence {
    session: SessionId,
    /// Another session may have its id by now.
    number: u64,
    participant: Box<Participant>,
    /// Whom it knows of, with their streams.
    known: Vec<(ConnectionId, Option<StreamId>)>,
    /// What it missed before it was put out.
    missed: MissedNotifications,
}

/// A stream without media, whose publisher is there again.
#[derive(Clone, Debug)]
pub(crate) struct LapsedStream {
    pub(crate) description: StreamDescription,
    pub(crate) loopback: bool,
}

impl Registry {
    /// The grace period of a client without a socket has passed.
    pub(crate) fn end_grace(&mut self, client: ClientId, now: Time) {
        if self.is_heard(client, now) {
            self.cx.timers.set(Timer::Grace(client), now + self.cx.settings.reconnection_grace / 2);
            return;
        }
        let absence = self.absence_of(client);
        self.put_out(client, now);
        if let Some(absence) = absence.filter(|absence| self.awaits(absence))
            && let Some(entry) = self.cx.clients.get_mut(client)
        {
            entry.absence = Some(absence);
            self.cx.timers.set(Timer::Return(client), now + self.cx.settings.return_window);
        } else {
            self.cx.drop_client(client);
        }
    }

    /// Its media still comes: it has lost its socket alone, and the others see and hear it.
    fn is_heard(&self, client: ClientId, now: Time) -> bool {
        let Some(entry) = self.cx.clients.get(client) else { return false };
        let is_in_time = entry.lost_since().is_some_and(|since| now < since + self.cx.settings.return_window);
        is_in_time
            && self.seat_of(client).is_some_and(|seat| {
                let session = self.sessions.get(&seat.session);
                session.is_some_and(|session| session.is_heard(seat.participant, &self.cx, now))
            })
    }

    fn absence_of(&mut self, client: ClientId) -> Option<Box<Absence>> {
        if self.cx.settings.return_window.is_zero() {
            return None;
        }
        let seat = self.seat_of(client)?;
        let session = self.sessions.get(&seat.session)?;
        let participant = Box::new(session.participant(seat.participant)?.absent()?);
        let others = session.visible_participants().filter(|(id, _)| *id != seat.participant);
        let known =
            others.map(|(_, other)| (other.connection.clone(), other.stream.as_ref().map(|it| it.id().clone())));
        let (session, number, known) = (session.id.clone(), session.number, known.collect());
        let missed = self.cx.clients.get_mut(client)?.take_missed();
        Some(Box::new(Absence { session, number, participant, known, missed }))
    }

    /// Whether the session is still there that an absent client was in.
    pub(crate) fn awaits(&self, absence: &Absence) -> bool {
        self.sessions.get(&absence.session).is_some_and(|session| session.number == absence.number)
    }

    /// An absent client is on a socket again, to which this was the way.
    pub(crate) fn readmit(&mut self, origin: Origin, absence: Absence, now: Time) {
        let Absence { session: id, number: _, participant, known, missed } = absence;
        let room = self.place(id.as_str());
        let Some((room, session)) = room.zip(self.sessions.get_mut(&id)) else { return };
        self.cx.timers.cancel(Timer::Return(origin.client));
        self.cx.reply(origin, Ok(Reply::Resumed));
        for notification in missed.into_queue() {
            self.cx.notify(origin.client, &notification);
        }
        for news in session.since(&known) {
            self.cx.notify(origin.client, &news.into());
        }
        session.enter_again(origin, *participant, room, &mut self.cx, now);
    }
}

impl Participant {
    /// What comes back of it, if it may: those whom nobody sees join anew.
    fn absent(&self) -> Option<Self> {
        let access = match &self.access {
            Access::Token { .. } | Access::Secret(Insider::Visible { .. }) => self.access.clone(),
            Access::Secret(Insider::Hidden(_)) | Access::Page(_) | Access::Viewer | Access::Camera(_) => return None,
        };
        let published = self
            .stream
            .as_ref()
            .map(|stream| LapsedStream { description: stream.description.clone(), loopback: stream.loopback });
        let lapsed = published.or_else(|| self.lapsed.clone());
        let former =
            Self::new(self.client, self.connection.clone(), access, self.room, self.created_at, self.active_at);
        let (ip, platform, data) = (self.ip.clone(), self.platform.clone(), self.data.clone());
        Some(Self { ip, platform, data, lapsed, ..former })
    }
}

impl Session {
    /// Media or reports of it came in the last period of statistics of one of its peer connections.
    fn is_heard(&self, who: ParticipantId, cx: &Context, now: Time) -> bool {
        let Some(participant) = self.participant(who) else { return false };
        participant.peer_connections().any(|peer_connection| {
            let condition = cx.legs.condition(peer_connection.transport);
            condition.is_some_and(|condition| condition.is_heard(now, cx.settings.reconnection_grace))
        })
    }

    fn visible_participants(&self) -> impl Iterator<Item = (ParticipantId, &Participant)> {
        self.participants().filter(|(_, participant)| !participant.is_hidden())
    }

    /// What somebody has to be told who knew of these people and their streams.
    fn since(&self, known: &[(ConnectionId, Option<StreamId>)]) -> Vec<Notification> {
        let mut news = vec![];
        for (connection, stream) in known {
            let connection = connection.clone();
            let Some(there) = self.visible(connection.as_str()).and_then(|id| self.participant(id)) else {
                news.push(Notification::ParticipantLeft { connection, reason: Reason::Disconnect });
                continue;
            };
            let published = there.stream.as_ref().map(|stream| &stream.description);
            if published.map(|description| &description.id) == stream.as_ref() {
                continue;
            }
            if stream.is_some() {
                let connection = connection.clone();
                news.push(Notification::StreamUnpublished { connection, reason: Reason::Unpublish });
            }
            let published = published.cloned();
            news.extend(published.map(|stream| Notification::StreamPublished { connection, stream }));
        }
        for (_, newcomer) in self.visible_participants() {
            if !known.iter().any(|(connection, _)| *connection == newcomer.connection) {
                let ParticipantDescription { connection, joined_at, data, stream } = newcomer.describe();
                news.push(Notification::ParticipantJoined { connection: connection.clone(), joined_at, data });
                news.extend(stream.map(|stream| Notification::StreamPublished { connection, stream }));
            }
        }
        news
    }

    fn enter_again(&mut self, origin: Origin, former: Participant, room: RouterId, cx: &mut Context, now: Time) {
        let ip = cx.clients.get(origin.client).map(|client| client.peer.ip.clone()).unwrap_or_default();
        let participant = Participant { room, active_at: now, ip, ..former };
        self.emit_joined(&participant, cx, now);
        let (connection, data) = (participant.connection.clone(), participant.data.clone());
        self.broadcast(None, Notification::ParticipantJoined { connection, joined_at: now, data }, cx);
        self.take_seat(origin, participant, cx);
    }
}
