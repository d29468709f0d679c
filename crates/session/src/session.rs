//! One session: its connections and the tables to find them. What happens to them is decided elsewhere.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use protocol::id::{ConnectionId, RecordingKey, RouterId, SessionId};
use protocol::media::MediaOperation;
use protocol::model::SessionProperties;

use crate::broadcast::Broadcast;
use crate::connection::{Access, Participant, PendingConnection};
use crate::context::Context;
use crate::guest_room::GuestRoom;
use crate::id::{ParticipantId, PendingId};
use crate::request::impossible;
use crate::stream::Stream;
use crate::viewer::View;
use crate::{Notification, Refusal, Time};

/// A session lives from its creation by an application until its last participant leaves.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) created_at: Time,
    pub(crate) properties: SessionProperties,
    /// What its rooms have in common; sessions are ordered by it.
    pub(crate) number: u64,
    /// Its rooms in the media workers where participants are, in the order of their opening. None: nobody has ever joined.
    rooms: Vec<RouterId>,
    /// The one that is starting or running.
    pub(crate) recording: Option<RecordingKey>,
    /// What of it goes to a target outside, or is about to.
    pub(crate) on_air: Option<Broadcast>,
    /// It records by itself; no more once the application has stopped a recording.
    pub(crate) always_record: bool,
    /// Visitors made it: anybody may enter.
    pub(crate) guest_room: Option<GuestRoom>,
    /// Passes for operators who want to look in.
    pub(crate) views: Vec<View>,
    /// In the order of joining.
    participants: BTreeMap<ParticipantId, Participant>,
    /// In the order of creation.
    pending: BTreeMap<PendingId, PendingConnection>,
    by_connection: HashMap<ConnectionId, Slot>,
    by_token: HashMap<String, PendingId>,
    /// Those who are not hidden: they keep the session open.
    visible: usize,
}

/// In which table a connection stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Slot {
    Pending(PendingId),
    Active(ParticipantId),
}

impl Session {
    pub(crate) fn new(id: SessionId, number: u64, properties: SessionProperties, created_at: Time) -> Self {
        Self {
            id,
            created_at,
            properties,
            number,
            rooms: Vec::new(),
            recording: None,
            on_air: None,
            always_record: false,
            guest_room: None,
            views: vec![],
            participants: BTreeMap::new(),
            pending: BTreeMap::new(),
            by_connection: HashMap::new(),
            by_token: HashMap::new(),
            visible: 0,
        }
    }

    pub(crate) fn add_pending(&mut self, id: PendingId, connection: PendingConnection) {
        self.by_connection.insert(connection.connection.clone(), Slot::Pending(id));
        self.by_token.insert(connection.token.value.clone(), id);
        self.pending.insert(id, connection);
    }

    pub(crate) fn remove_pending(&mut self, id: PendingId) -> Option<PendingConnection> {
        let connection = self.pending.remove(&id)?;
        self.by_connection.remove(&connection.connection);
        self.by_token.remove(&connection.token.value);
        Some(connection)
    }

    /// Consumes a token: nobody else gets in with it.
    pub(crate) fn redeem(&mut self, token: &str) -> Option<PendingConnection> {
        let id = *self.by_token.get(token)?;
        self.remove_pending(id)
    }

    /// Whether a token opens it, or has let somebody in who still is there.
    pub(crate) fn has_token(&self, token: &str) -> bool {
        let let_in = |participant: &Participant| matches!(&participant.access, Access::Token { token: own, .. } if own.value == token);
        self.by_token.contains_key(token) || self.participants.values().any(let_in)
    }

    /// Whose token it is, which nobody has used.
    pub(crate) fn pending_by_token(&self, token: &str) -> Option<&PendingConnection> {
        self.pending.get(self.by_token.get(token)?)
    }

    pub(crate) fn enter(&mut self, id: ParticipantId, participant: Participant) {
        self.visible += usize::from(!participant.is_hidden());
        self.by_connection.insert(participant.connection.clone(), Slot::Active(id));
        self.participants.insert(id, participant);
    }

    pub(crate) fn leave(&mut self, id: ParticipantId) -> Option<Participant> {
        let participant = self.participants.remove(&id)?;
        self.visible -= usize::from(!participant.is_hidden());
        self.by_connection.remove(&participant.connection);
        Some(participant)
    }

    /// Somebody has joined.
    pub(crate) fn in_use(&self) -> bool {
        !self.rooms.is_empty()
    }

    /// Its rooms in the media workers.
    pub(crate) fn rooms(&self) -> &[RouterId] {
        &self.rooms
    }

    /// Somebody is in that room now.
    pub(crate) fn open_room(&mut self, room: RouterId, cx: &mut Context) {
        if !self.rooms.contains(&room) {
            self.rooms.push(room);
            cx.effects.media(room, MediaOperation::CreateRouter);
        }
    }

    /// Asks the same in each of its rooms.
    pub(crate) fn in_all_rooms(&self, operation: &MediaOperation, cx: &mut Context) {
        for room in &self.rooms {
            cx.effects.media(*room, operation.clone());
        }
    }

    pub(crate) fn has_visible_participants(&self) -> bool {
        self.visible > 0
    }

    /// How many people there are, and how many may come. Those whom nobody sees do not count.
    pub(crate) fn connections_count(&self) -> usize {
        self.visible + self.pending.len()
    }

    /// Whether a connection id is taken.
    pub(crate) fn knows(&self, connection: &str) -> bool {
        self.by_connection.contains_key(connection)
    }

    pub(crate) fn participant(&self, id: ParticipantId) -> Option<&Participant> {
        self.participants.get(&id)
    }

    pub(crate) fn participant_mut(&mut self, id: ParticipantId) -> Option<&mut Participant> {
        self.participants.get_mut(&id)
    }

    /// Somebody who must be there, since it asks.
    pub(crate) fn present(&self, id: ParticipantId) -> Result<&Participant, Refusal> {
        self.participants.get(&id).ok_or_else(|| impossible("a participant is not in its session", &self.id, id))
    }

    pub(crate) fn present_mut(&mut self, id: ParticipantId) -> Result<&mut Participant, Refusal> {
        let session = &self.id;
        let found = self.participants.get_mut(&id);
        found.ok_or_else(|| impossible("a participant is not in its session", session, id))
    }

    /// Tells everybody, hidden participants too.
    pub(crate) fn broadcast(&self, except: Option<ParticipantId>, notification: Notification, cx: &mut Context) {
        let notification = Arc::new(notification);
        for (id, participant) in self.participants() {
            if Some(id) != except {
                cx.notify(participant.client, &notification);
            }
        }
    }

    /// In the order of joining.
    pub(crate) fn participants(&self) -> impl Iterator<Item = (ParticipantId, &Participant)> {
        self.participants.iter().map(|(id, participant)| (*id, participant))
    }

    pub(crate) fn participants_mut(&mut self) -> impl Iterator<Item = (ParticipantId, &mut Participant)> {
        self.participants.iter_mut().map(|(id, participant)| (*id, participant))
    }

    /// In the order of creation.
    pub(crate) fn pending(&self) -> impl Iterator<Item = &PendingConnection> {
        self.pending.values()
    }

    /// Who is there under a connection id, hidden or not.
    pub(crate) fn active(&self, connection: &str) -> Option<ParticipantId> {
        match self.by_connection.get(connection)? {
            Slot::Active(id) => Some(*id),
            Slot::Pending(_) => None,
        }
    }

    /// The same without those whom nobody can see.
    pub(crate) fn visible(&self, connection: &str) -> Option<ParticipantId> {
        self.active(connection).filter(|id| !self.participants[id].is_hidden())
    }

    pub(crate) fn pending_id(&self, connection: &str) -> Option<PendingId> {
        match self.by_connection.get(connection)? {
            Slot::Pending(id) => Some(*id),
            Slot::Active(_) => None,
        }
    }

    pub(crate) fn pending_by_id(&self, id: PendingId) -> Option<&PendingConnection> {
        self.pending.get(&id)
    }

    pub(crate) fn pending_all_mut(&mut self) -> impl Iterator<Item = &mut PendingConnection> {
        self.pending.values_mut()
    }

    pub(crate) fn pending_mut(&mut self, id: PendingId) -> Option<&mut PendingConnection> {
        self.pending.get_mut(&id)
    }

    /// Who publishes exactly this stream.
    pub(crate) fn publisher_of(&self, stream: &str) -> Option<(ParticipantId, &Stream)> {
        let id = self.active(crate::connection::owner_in(stream)?)?;
        let published = self.participants[&id].stream.as_ref()?;
        (published.id().as_str() == stream).then_some((id, published))
    }
}
