//! RPC sessions and sockets: who can be told something, and how. A client is one RPC session; it outlives its sockets.
//! What a client may do is not decided here.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use protocol::id::{ConnectionId, MediaRequestId, SessionId};
use protocol::rpc::{ClientReply, ClientRequest, InvalidParams, RpcError, ServerNotification};

use crate::id::{ClientId, Ids, ParticipantId};
use crate::{Effect, PeerInfo, SocketId};

/// Notifications kept for a client without a socket. Who misses more than this is put out.
const QUEUED_NOTIFICATIONS: usize = 1000;
/// The same in bytes, roughly.
const QUEUED_BYTES: usize = 4 << 20;
/// Requests kept while one of them waits for media.
pub(crate) const QUEUED_REQUESTS: usize = 256;

/// One RPC session.
#[derive(Debug)]
pub(crate) struct Client {
    /// The handle for reconnection: a secret of this client.
    pub(crate) rpc_session: Arc<str>,
    pub(crate) peer: PeerInfo,
    pub(crate) link: Link,
    pub(crate) place: Place,
    /// The media request that the client's current request waits for.
    pub(crate) waiting: Option<MediaRequestId>,
    /// Requests that arrived meanwhile.
    pub(crate) requests: VecDeque<QueuedRequest>,
}

/// How a client is reached.
#[derive(Debug)]
pub(crate) enum Link {
    /// By this socket.
    Open(SocketId),
    /// Not at present; it may come back and then gets these.
    Lost(MissedNotifications),
}

/// What a client without a socket has missed.
#[derive(Debug, Default)]
pub(crate) struct MissedNotifications {
    queue: Vec<Arc<ServerNotification>>,
    bytes: usize,
}

/// Where a client is in its life.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// It never joined.
    Outside,
    /// It is in a session.
    Inside(Seat),
    /// It left or was put out; only its socket lingers.
    Gone {
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
    pub(crate) socket: SocketId,
    pub(crate) request: i64,
}

/// A request that waits for its turn.
#[derive(Debug)]
pub(crate) struct QueuedRequest {
    pub(crate) origin: Origin,
    pub(crate) content: Result<ClientRequest, InvalidParams>,
}

/// A socket that is open.
#[derive(Debug)]
struct Socket {
    peer: PeerInfo,
    /// Whose it is; none before its first request, and none any more once its client came back on another socket.
    client: Option<ClientId>,
}

/// All clients and sockets, and the queue of what is to be done.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    table: HashMap<ClientId, Client>,
    by_rpc_session: HashMap<Arc<str>, ClientId>,
    sockets: HashMap<SocketId, Socket>,
    pub(crate) effects: VecDeque<Effect>,
    /// Those whose missed notifications exceeded the limit; put out at the end of the call.
    overflowed: Vec<ClientId>,
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

    /// The client of a socket; made at its first request.
    pub(crate) fn of_socket(&mut self, socket: SocketId, ids: &mut Ids) -> Option<ClientId> {
        let entry = self.sockets.get_mut(&socket)?;
        if let Some(client) = entry.client {
            return Some(client);
        }
        let id = ids.client();
        let client = Client {
            rpc_session: ids.rpc_session(),
            peer: entry.peer.clone(),
            link: Link::Open(socket),
            place: Place::Outside,
            waiting: None,
            requests: VecDeque::new(),
        };
        entry.client = Some(id);
        self.by_rpc_session.insert(Arc::clone(&client.rpc_session), id);
        self.table.insert(id, client);
        Some(id)
    }

    pub(crate) fn by_rpc_session(&self, rpc_session: &str) -> Option<ClientId> {
        self.by_rpc_session.get(rpc_session).copied()
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
    pub(crate) fn link(&mut self, client: ClientId, socket: SocketId) -> MissedNotifications {
        let Some(entry) = self.table.get_mut(&client) else { return MissedNotifications::default() };
        let missed = match std::mem::replace(&mut entry.link, Link::Open(socket)) {
            Link::Open(former) => {
                if let Some(former) = self.sockets.get_mut(&former) {
                    former.client = None;
                }
                MissedNotifications::default()
            }
            Link::Lost(missed) => missed,
        };
        if let Some(socket) = self.sockets.get_mut(&socket) {
            socket.client = Some(client);
        }
        missed
    }

    /// Ends an RPC session. Its socket, if any, stays but belongs to nobody.
    pub(crate) fn remove(&mut self, client: ClientId) {
        let Some(client) = self.table.remove(&client) else { return };
        self.by_rpc_session.remove(&client.rpc_session);
        if let Link::Open(socket) = client.link
            && let Some(socket) = self.sockets.get_mut(&socket)
        {
            socket.client = None;
        }
    }

    /// Ends an RPC session and closes its socket.
    pub(crate) fn close(&mut self, client: ClientId) {
        let socket = match self.get(client).map(|client| &client.link) {
            Some(Link::Open(socket)) => Some(*socket),
            _ => None,
        };
        self.remove(client);
        if let Some(socket) = socket {
            self.sockets.remove(&socket);
            self.effects.push_back(Effect::CloseSocket { socket });
        }
    }

    /// Whether the answer to a request can still reach who asked.
    pub(crate) fn is_current(&self, origin: Origin) -> bool {
        self.get(origin.client)
            .is_some_and(|client| matches!(client.link, Link::Open(socket) if socket == origin.socket))
    }

    /// Answers, unless the asker has changed its socket: then nobody waits any more.
    pub(crate) fn reply(&mut self, origin: Origin, result: Result<ClientReply, RpcError>) {
        if !self.is_current(origin) {
            return;
        }
        let rpc_session = Arc::clone(&self.table[&origin.client].rpc_session);
        let Origin { socket, request, .. } = origin;
        self.effects.push_back(Effect::Reply { socket, request, rpc_session, result });
    }

    /// Tells a client something, now or when it is back.
    pub(crate) fn notify(&mut self, client: ClientId, notification: &Arc<ServerNotification>) {
        let Some(entry) = self.table.get_mut(&client) else { return };
        match &mut entry.link {
            Link::Open(socket) => {
                self.effects.push_back(Effect::Notify { socket: *socket, notification: Arc::clone(notification) });
            }
            Link::Lost(missed) => {
                if !missed.push(notification) && matches!(entry.place, Place::Inside(_)) {
                    self.overflowed.push(client);
                }
            }
        }
    }

    pub(crate) fn take_overflowed(&mut self) -> Vec<ClientId> {
        std::mem::take(&mut self.overflowed)
    }

    /// How many RPC sessions and how many sockets there are.
    pub(crate) fn count(&self) -> (usize, usize) {
        (self.table.len(), self.sockets.len())
    }
}

impl MissedNotifications {
    /// Whether there was room.
    fn push(&mut self, notification: &Arc<ServerNotification>) -> bool {
        let bytes = self.bytes + weight(notification);
        if self.queue.len() >= QUEUED_NOTIFICATIONS || bytes > QUEUED_BYTES {
            return false;
        }
        self.bytes = bytes;
        self.queue.push(Arc::clone(notification));
        true
    }

    pub(crate) fn into_queue(self) -> Vec<Arc<ServerNotification>> {
        self.queue
    }
}

/// Roughly how much memory a notification holds: the texts that clients choose, and something for the rest.
fn weight(notification: &ServerNotification) -> usize {
    let chosen = match notification {
        ServerNotification::SendMessage { data, kind, .. } => {
            data.as_ref().map_or(0, String::len) + kind.as_ref().map_or(0, String::len)
        }
        ServerNotification::StreamPropertyChanged { property, new_value, reason, .. } => {
            property.len() + new_value.len() + reason.len()
        }
        ServerNotification::ParticipantJoined { metadata, .. } => metadata.len(),
        ServerNotification::ParticipantPublished { streams: [stream], .. } => {
            stream.type_of_video.as_ref().map_or(0, String::len)
                + stream.video_dimensions.as_ref().map_or(0, String::len)
        }
        _ => 0,
    };
    chosen + 200
}
