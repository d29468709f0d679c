//! One WebSocket: a task that reads frames, answers pings, and writes its queue.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use protocol::error::ErrorCode;
use protocol::recording::PagePass;
use protocol::rpc::{ClientRequest, Incoming, RpcError, error_frame, parse, pong_frame};
use session::{ClientHandle, PeerInfo, SocketId};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::Instrument as _;

use super::keep_alive::KeepAlive;
use super::{MAX_MESSAGE, SharedState};
use crate::client_address::Sender;
use crate::connection::Connection;
use crate::control::{Control, SocketInput};
use crate::outbox::{Outbox, Outgoing, Outlet, outbox};
use crate::standing::{MAX_STRANGERS_MESSAGE, Standing};
use crate::stopping::Stopping;
use crate::well_known_secret::AdmitsSecret as _;
use crate::wrong_secrets::SecretVerdict;

/// A client that takes longer for one frame has gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the client may take to confirm a close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Who is at the other end.
pub(super) struct Caller {
    pub(super) socket: SocketId,
    pub(super) peer: PeerInfo,
    pub(super) sender: Sender,
    pub(super) standing: Standing,
    /// Keeps the place among the open connections.
    pub(super) _connection: Connection,
}

/// Serves a socket to its end.
pub(super) async fn run(web_socket: WebSocket, caller: Caller, shared: SharedState, stopping: Stopping) {
    let Caller { socket, peer, sender, standing, _connection } = caller;
    let control = shared.control.clone();
    let span = tracing::debug_span!("socket", id = socket.0, ip = %peer.ip);
    async {
        tracing::debug!("open");
        let (for_control, outlet) = outbox(standing.clone());
        let answers = for_control.clone();
        let (sink, stream) = web_socket.split();
        if control.socket(socket, SocketInput::Opened { peer, outbox: for_control }).await.is_err() {
            return;
        }
        let open = OpenSocket { control: control.clone(), socket: Some(socket) };
        let overflow = outlet.overflow();
        let stranger_since = Instant::now();
        let keep_alive = KeepAlive::new(stranger_since.into_std());
        let on_their_way = Arc::new(Semaphore::new(MAX_MESSAGE));
        let reader = Reader { socket, sender, shared, answers, keep_alive, standing, stranger_since, on_their_way };
        let mut reader = std::pin::pin!(reader.read(stream, stopping));
        tokio::select! {
            // The writer ends the socket: also a reader's close goes through the queue, behind what is already in it.
            end = write(sink, outlet) => {
                tracing::debug!(?end, "closed");
                if let WriteEnd::Closed = end {
                    // The client confirms, or may at least read why before the connection is gone.
                    let _ = timeout(CLOSE_TIMEOUT, reader).await;
                }
            }
            () = &mut reader => tracing::debug!("lost"),
            () = overflow => tracing::debug!("cut off: the client does not read"),
        }
        open.close().await;
    }
    .instrument(span)
    .await;
}

/// A socket that the control loop knows: it is told of the end even if this task panics, or its client would stay for ever.
struct OpenSocket {
    control: Control,
    /// Until it is told.
    socket: Option<SocketId>,
}

impl OpenSocket {
    async fn close(mut self) {
        if let Some(socket) = self.socket.take() {
            let _ = self.control.socket(socket, SocketInput::Closed).await;
        }
    }
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        if let (Some(socket), Ok(runtime)) = (self.socket.take(), tokio::runtime::Handle::try_current()) {
            let control = self.control.clone();
            runtime.spawn(async move { control.socket(socket, SocketInput::Closed).await });
        }
    }
}

/// Why writing ended.
#[derive(Debug)]
enum WriteEnd {
    Closed,
    TooSlow,
    Broken,
    Abandoned,
}

async fn write(mut sink: SplitSink<WebSocket, Message>, mut outlet: Outlet) -> WriteEnd {
    while let Some(outgoing) = outlet.next().await {
        let (message, last) = match outgoing {
            Outgoing::Frame(frame) => (Message::Text(frame), false),
            Outgoing::Close(frame) => (Message::Close(Some(frame)), true),
        };
        match timeout(WRITE_TIMEOUT, sink.send(message)).await {
            Ok(Ok(())) if !last => {}
            Ok(Ok(())) => return WriteEnd::Closed,
            Ok(Err(_)) => return WriteEnd::Broken,
            Err(_) => return WriteEnd::TooSlow,
        }
    }
    WriteEnd::Abandoned
}

struct Reader {
    socket: SocketId,
    sender: Sender,
    shared: SharedState,
    answers: Outbox,
    keep_alive: KeepAlive,
    standing: Standing,
    /// As long as it is one.
    stranger_since: Instant,
    /// Bytes of requests that the control loop has not taken yet: its queue is everybody's.
    on_their_way: Arc<Semaphore>,
}

impl Reader {
    /// Returns when the client is gone; whoever closes here only asks the writer to.
    async fn read(mut self, mut stream: SplitStream<WebSocket>, mut stopping: Stopping) {
        loop {
            let deadline = self.deadline();
            let expiry = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            let message = tokio::select! {
                message = stream.next() => message,
                () = expiry => {
                    // Somebody may have let it in meanwhile, or put it out.
                    if self.deadline().is_none_or(|deadline| deadline > Instant::now()) {
                        continue;
                    }
                    self.answers.close_with(1000, "Close for not receive ping from client");
                    return drain(stream).await;
                }
                () = self.standing.departure() => {
                    self.stranger_since = Instant::now();
                    continue;
                }
                () = stopping.requested() => {
                    self.answers.close_with(1001, "");
                    return drain(stream).await;
                }
            };
            let longest = if self.standing.is_inside() { MAX_MESSAGE } else { MAX_STRANGERS_MESSAGE };
            let used_up = self.standing.has_read_all_it_may();
            match &message {
                Some(Ok(Message::Ping(payload) | Message::Pong(payload))) => {
                    self.standing.control_frame_ended(payload.len());
                }
                _ => self.standing.message_ended(),
            }
            match message {
                Some(Ok(Message::Text(text))) if text.len() > longest => {
                    self.answers.close_with(1009, "");
                    return drain(stream).await;
                }
                Some(Ok(Message::Binary(bytes))) if bytes.len() > longest => {
                    self.answers.close_with(1009, "");
                    return drain(stream).await;
                }
                Some(Ok(Message::Text(text))) => {
                    if self.frame(&text).await.is_break() {
                        return;
                    }
                }
                Some(Ok(Message::Binary(_))) => self.keep_alive.heard(),
                // Answered by the WebSocket layer.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_))) => return drain(stream).await,
                Some(Err(error)) if used_up || is_too_long(&error) => {
                    self.answers.close_with(1009, "");
                    // Nothing more can be read; the writer ends the socket.
                    return std::future::pending().await;
                }
                Some(Err(_)) | None => return,
            }
        }
    }

    /// When the socket is given up, if nothing arrives before.
    fn deadline(&self) -> Option<Instant> {
        let deadline = if self.standing.is_inside() {
            self.keep_alive.deadline()
        } else {
            Some(self.keep_alive.strangers_deadline(self.stranger_since.into_std(), &self.shared.limits))
        };
        deadline.map(Instant::from_std)
    }

    async fn frame(&mut self, text: &str) -> ControlFlow<()> {
        if self.answers.is_closing() {
            return ControlFlow::Continue(());
        }
        let incoming = parse(text);
        tracing::trace!(bytes = text.len(), "frame");
        let input = match incoming {
            Incoming::Ping { id, interval: Ok(interval) } => {
                self.keep_alive.ping(interval, Instant::now().into_std());
                return self.answer(pong_frame(id));
            }
            Incoming::Ping { id, interval: Err(error) } => {
                self.keep_alive.heard();
                return self.answer(error_frame(id, &RpcError::new(ErrorCode::Internal, error)));
            }
            Incoming::Connect { id, rpc_session } => {
                SocketInput::Resume { id, client: rpc_session.map(ClientHandle::from) }
            }
            Incoming::Request { id, request } => {
                let method = request.as_ref().ok().and_then(ClientRequest::method);
                let called =
                    self.shared.control.traced().and(method).map(|method| (method, self.shared.control.nanos()));
                let command = openvidu::request::command(request.map(|request| self.vet(request)));
                let bytes = u32::try_from(text.len()).unwrap_or(u32::MAX);
                // It is never closed.
                let Ok(_bytes) = self.on_their_way.clone().acquire_many_owned(bytes).await else {
                    return ControlFlow::Break(());
                };
                SocketInput::Request { id, command, called, _bytes }
            }
            Incoming::WithoutId => {
                self.keep_alive.heard();
                return self.answer(protocol::rpc::error_frame_without_id());
            }
            Incoming::Noise => {
                self.keep_alive.heard();
                return ControlFlow::Continue(());
            }
        };
        self.keep_alive.heard();
        match self.shared.control.socket(self.socket, input).await {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }

    /// Takes a wrong secret out of a request to join: what remains may still be a token. What the page of a recording was given
    /// is not guessed: its session knows it.
    fn vet(&self, request: ClientRequest) -> ClientRequest {
        let secret = &self.shared.settings.openvidu_secret;
        let is_pass = |given: &str| PagePass::is_like(given) && !PagePass::is_like(secret.expose());
        match request {
            ClientRequest::JoinRoom(mut join) if !join.secret.is_empty() && !is_pass(&join.secret) => {
                let is_right = || secret.is(join.secret.as_bytes());
                let judge =
                    || self.shared.wrong_secrets.judge(self.sender.network(), Instant::now().into_std(), is_right);
                if !self.shared.settings.admits_secret_of(&self.sender) || judge() != SecretVerdict::Right {
                    join.secret.clear();
                }
                ClientRequest::JoinRoom(join)
            }
            other => other,
        }
    }

    fn answer(&self, frame: String) -> ControlFlow<()> {
        match self.answers.push(frame.into()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }
}

/// Reads on until the client has confirmed the close, or the connection breaks: unread bytes would make the kernel
/// reset the connection, and the client might never see why it was closed.
async fn drain(mut stream: SplitStream<WebSocket>) {
    let _ = timeout(CLOSE_TIMEOUT, async { while let Some(Ok(_)) = stream.next().await {} }).await;
}

fn is_too_long(error: &axum::Error) -> bool {
    let source = std::error::Error::source(error);
    matches!(source.and_then(|error| error.downcast_ref()), Some(tokio_tungstenite::tungstenite::Error::Capacity(_)))
}

#[cfg(test)]
mod tests {
    use session::question::DescribeLoad;
    use settings::LOCALHOST;

    use super::*;
    use crate::bound::Bound;
    use crate::control::tests::started;
    use crate::shares::Shares;

    #[tokio::test]
    async fn a_socket_whose_task_panics_is_closed_for_its_client_too() {
        let (control, _task, _media) = started();
        let sockets = async || {
            let load = DescribeLoad { sessions: false, recordings: false, broadcasts: false };
            control.look_up(load).await.unwrap().figures.sockets
        };
        let shares = Shares::default();
        let share = shares.take(LOCALHOST.into(), 1).unwrap();
        let (outbox, _outlet) = outbox(Standing::of_stranger(LOCALHOST.into(), shares, share, Bound::default()));
        let socket = SocketId(1);
        control
            .socket(
                socket,
                SocketInput::Opened { peer: PeerInfo { ip: String::new(), user_id: String::new() }, outbox },
            )
            .await
            .unwrap();
        assert_eq!(sockets().await, 1);
        let open = OpenSocket { control: control.clone(), socket: Some(socket) };
        let task = tokio::spawn(async move {
            let _open = open;
            panic!("a defect, on purpose");
        });
        assert!(task.await.is_err());
        let is_closed = async {
            while sockets().await > 0 {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(60), is_closed).await.expect("the loop is told");
    }
}
