//! Clients and sockets: who can be told something, and how. A client outlives its sockets, and may have none at all.
//! What a client may do is not decided here.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use protocol::id::{ConnectionId, MediaRequestId, SessionId};

use crate::absence::Absence;
use crate::command::{Asker, ClientCommand, ClientHandle, SocketId};
use crate::effect::Effects;
use crate::id::{ClientId, Ids, ParticipantId};
use crate::{Effect, Notification, PeerInfo, Time};

/// Notifications kept for a client without a socket. Who misses more than this is put out.
const QUEUED_NOTIFICATIONS: usize = 1000;
/// The same in bytes, roughly.
const QUEUED_BYTES: usize = 4 << 20;
/// Requests kept while one of them waits for media.
const QUEUED_REQUESTS: usize = 256;
/// The same in bytes, roughly: two of the longest.
const QUEUED_REQUEST_BYTES: usize = 2 << 20;

/// One of them.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) handle: ClientHandle,
    pub(crate) peer: PeerInfo,
    pub(crate) link: Link,
    pub(crate) presence: Presence,
    /// The media request that the client's current request waits for.
    pub(crate) waiting: Option<MediaRequestId>,
    /// Requests that arrived meanwhile.
    pub(crate) requests: VecDeque<QueuedRequest>,
    /// It was put out for having no socket, and may come back.
    pub(crate) absence: Option<Box<Absence>>,
}

impl Client {
    /// Whether another request may wait.
    pub(crate) fn has_room_for(&self, command: &ClientCommand) -> bool {
        // Few wait, and only while media works: there is no need for a sum that is kept.
        let waiting: usize = self.requests.iter().map(|waiting| waiting.command.weight()).sum();
        self.requests.len() < QUEUED_REQUESTS && waiting + command.weight() <= QUEUED_REQUEST_BYTES
    }

    /// Since when it has no socket, if it had one.
    pub(crate) fn lost_since(&self) -> Option<Time> {
        match &self.link {
            Link::RecordingLosses(missed) => Some(missed.since),
            Link::Open(_) | Link::Calls => None,
        }
    }

    /// What it has missed so far; the rest is missed, too.
    pub(crate) fn take_missed(&mut self) -> MissedNotifications {
        match &mut self.link {
            Link::RecordingLosses(missed) => {
                let empty = MissedNotifications::from(missed.since);
                std::mem::replace(missed, empty)
            }
            Link::Open(_) | Link::Calls => MissedNotifications::default(),
        }
    }
}

/// How a client is reached.
#[derive(Debug)]
pub(crate) enum Link {
    /// By this socket.
    Open(SocketId),
    /// Not at present; it may come back and then gets these.
    RecordingLosses(MissedNotifications),
    /// It has no socket and never had: it makes calls, and hears nothing but their answers.
    Calls,
}

/// What a client without a socket has missed.
#[derive(Debug, Default)]
pub(crate) struct MissedNotifications {
    since: Time,
    queue: Vec<Arc<Notification>>,
    bytes: usize,
}

/// Where a client is in its life.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Presence {
    /// It never joined.
    NotJoined,
    /// It is in a session.
    Joined(Seat),
    /// It left or was put out; only its socket lingers.
    Left {
        /// The session it was in.
        session: SessionId,
        /// Which connection it was.
        connection: ConnectionId,
    },
}

/// A participant's address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Seat {
    pub(crate) session: SessionId,
    pub(crate) participant: ParticipantId,
}

/// Where a request came from, and so where its answer goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Origin {
    pub(crate) client: ClientId,
    /// None: the rules themselves, and nobody is answered.
    pub(crate) asker: Option<Asker>,
}

/// A request that waits for its turn.
#[derive(Debug)]
pub(crate) struct QueuedRequest {
    pub(crate) origin: Origin,
    pub(crate) command: ClientCommand,
}

/// A socket that is open.
#[derive(Debug)]
struct Socket {
    peer: PeerInfo,
    /// Whose it is; none before its first request, and none any more once its client came back on another socket.
    client: Option<ClientId>,
}

/// All clients and sockets.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    table: HashMap<ClientId, Client>,
    by_handle: HashMap<ClientHandle, ClientId>,
    sockets: HashMap<SocketId, Socket>,
    /// Those whose missed notifications exceeded the limit; put out at the end of the call.
    overflowed: VecDeque<ClientId>,
}

impl Clients {
    pub(crate) fn open(&mut self, socket: SocketId, peer: PeerInfo) {
        self.sockets.insert(socket, Socket { peer, client: None });
    }

    pub(crate) fn is_open(&self, socket: SocketId) -> bool {
        self.sockets.contains_key(&socket)
    }

    /// Forgets a socket and says whose it was.
    pub(crate) fn forget_socket(&mut self, socket: SocketId) -> Option<ClientId> {
        self.sockets.remove(&socket)?.client
    }

    /// The client of a socket, if it has asked for something.
    pub(crate) fn on_socket(&self, socket: SocketId) -> Option<&Client> {
        self.table.get(&self.sockets.get(&socket)?.client?)
    }

    /// The client of a socket; made at its first request.
    pub(crate) fn of_socket(&mut self, socket: SocketId, ids: &mut Ids) -> Option<ClientId> {
        let entry = self.sockets.get(&socket)?;
        if let Some(client) = entry.client {
            return Some(client);
        }
        let (peer, link) = (entry.peer.clone(), Link::Open(socket));
        let id = self.add(peer, link, ids);
        if let Some(entry) = self.sockets.get_mut(&socket) {
            entry.client = Some(id);
        }
        Some(id)
    }

    /// A new client without a socket.
    pub(crate) fn without_socket(&mut self, peer: PeerInfo, ids: &mut Ids) -> ClientId {
        self.add(peer, Link::Calls, ids)
    }

    fn add(&mut self, peer: PeerInfo, link: Link, ids: &mut Ids) -> ClientId {
        let id = ids.client();
        let (handle, presence) = (ids.client_handle(), Presence::NotJoined);
        self.by_handle.insert(handle.clone(), id);
        let client = Client { handle, peer, link, presence, waiting: None, requests: VecDeque::new(), absence: None };
        self.table.insert(id, client);
        id
    }

    pub(crate) fn by_handle(&self, handle: &ClientHandle) -> Option<ClientId> {
        self.by_handle.get(handle).copied()
    }

    pub(crate) fn get(&self, client: ClientId) -> Option<&Client> {
        self.table.get(&client)
    }

    pub(crate) fn get_mut(&mut self, client: ClientId) -> Option<&mut Client> {
        self.table.get_mut(&client)
    }

    /// The client's socket belongs to nobody from now on: to the client it is as good as closed.
    pub(crate) fn unlink(&mut self, socket: SocketId) -> Option<ClientId> {
        self.sockets.get_mut(&socket)?.client.take()
    }

    /// Moves a client to a socket. Its former socket counts as one that never joined.
    pub(crate) fn link(&mut self, client: ClientId, socket: SocketId, effects: &mut Effects) -> MissedNotifications {
        let Some(entry) = self.table.get_mut(&client) else { return MissedNotifications::default() };
        let missed = match std::mem::replace(&mut entry.link, Link::Open(socket)) {
            Link::Open(former) => {
                if let Some(former) = self.sockets.get_mut(&former) {
                    former.client = None;
                }
                if former != socket && matches!(entry.presence, Presence::Joined(_)) {
                    effects.push(Effect::Departed { socket: former });
                }
                MissedNotifications::default()
            }
            Link::RecordingLosses(missed) => missed,
            Link::Calls => MissedNotifications::default(),
        };
        if let Some(socket) = self.sockets.get_mut(&socket) {
            socket.client = Some(client);
        }
        missed
    }

    /// Forgets a client. Its socket, if any, stays but belongs to nobody.
    pub(crate) fn remove(&mut self, client: ClientId) {
        let Some(client) = self.table.remove(&client) else { return };
        self.by_handle.remove(&client.handle);
        if let Link::Open(socket) = client.link
            && let Some(socket) = self.sockets.get_mut(&socket)
        {
            socket.client = None;
        }
    }

    /// Forgets a client and closes its socket.
    pub(crate) fn close(&mut self, client: ClientId, effects: &mut Effects) {
        let socket = match self.get(client).map(|client| &client.link) {
            Some(Link::Open(socket)) => Some(*socket),
            _ => None,
        };
        self.remove(client);
        if let Some(socket) = socket {
            self.sockets.remove(&socket);
            effects.push(Effect::CloseSocket { socket });
        }
    }

    /// Whether the answer to a request can still reach who asked.
    pub(crate) fn is_current(&self, origin: Origin) -> bool {
        self.get(origin.client).is_some_and(|client| match (&client.link, origin.asker) {
            (Link::Open(current), Some(Asker::Socket { socket, .. })) => *current == socket,
            (_, Some(Asker::Call(_))) | (Link::Open(_), None) => true,
            (Link::RecordingLosses(_) | Link::Calls, _) => false,
        })
    }

    /// Tells a client something, now or when it is back.
    pub(crate) fn notify(&mut self, client: ClientId, notification: &Arc<Notification>, effects: &mut Effects) {
        let Some(entry) = self.table.get_mut(&client) else { return };
        match &mut entry.link {
            Link::Open(socket) => {
                effects.push(Effect::Notify { socket: *socket, notification: Arc::clone(notification) });
            }
            Link::RecordingLosses(missed) => {
                if !missed.push(notification) && matches!(entry.presence, Presence::Joined(_)) {
                    self.overflowed.push_back(client);
                }
            }
            Link::Calls => {}
        }
    }

    pub(crate) fn take_overflowed(&mut self) -> Option<ClientId> {
        self.overflowed.pop_front()
    }

    /// Those who are in a session, as far as they know.
    pub(crate) fn seated_in(&self, session: &SessionId) -> Vec<ClientId> {
        let is_in = |client: &Client| matches!(&client.presence, Presence::Joined(seat) if seat.session == *session);
        self.table.iter().filter(|(_, client)| is_in(client)).map(|(id, _)| *id).collect()
    }

    /// How many clients and how many sockets there are.
    pub(crate) fn count(&self) -> (usize, usize) {
        (self.table.len(), self.sockets.len())
    }
}

impl MissedNotifications {
    /// None yet.
    pub(crate) fn from(since: Time) -> Self {
        Self { since, ..Self::default() }
    }

    /// Whether there was room.
    fn push(&mut self, notification: &Arc<Notification>) -> bool {
        let bytes = self.bytes + notification.weight();
        if self.queue.len() >= QUEUED_NOTIFICATIONS || bytes > QUEUED_BYTES {
            return false;
        }
        self.bytes = bytes;
        self.queue.push(Arc::clone(notification));
        true
    }

    pub(crate) fn into_queue(self) -> Vec<Arc<Notification>> {
        self.queue
    }
}
