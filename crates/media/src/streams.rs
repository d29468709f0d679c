//! Connections that carry media instead of requests: ICE over TCP and TURN over TCP and TLS, one task each, from the TCP
//! port to the media worker and back.
//!
//! Both ways are bounded. In: one queue for all, and a connection is not read while its message waits for a place in it,
//! so that TCP slows the sender. Out: some bytes for each connection; a message that finds no room is dropped whole, as a
//! network drops datagrams, because media that waits is worth nothing. What a message means is not known here.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::SockRef;
use stun::framing::{Framing, StreamDecoder};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

/// Messages on their way to the worker, of all connections.
const QUEUE: usize = 1024;
/// Bytes on their way to one client: two large key frames. The kernel holds [`UNSENT`] more, and what is under way.
const ROOM: usize = 256 * 1024;
/// Bytes that the kernel takes before it has to send some; more would only grow old there.
const UNSENT: u32 = 64 * 1024;
/// Read from a connection at once.
const PIECE: usize = 8 * 1024;

/// How long is waited for clients.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// Without a message of ICE: clients check their paths every few seconds (RFC 7675 §5.1).
    ice_silence: Duration,
    /// Without a message of TURN: clients refresh permissions every five minutes (RFC 8656 §9).
    turn_silence: Duration,
    /// While a client takes nothing of what waits for it.
    stall: Duration,
}

const PATIENCE: Patience = Patience {
    ice_silence: Duration::from_secs(30),
    turn_silence: Duration::from_secs(600),
    stall: Duration::from_secs(30),
};

/// One connection; never used again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct StreamId(pub(super) u64);

/// What the worker hears of connections, in order for each of them: one `Opened`, `Message`s, one `Closed`.
#[derive(Debug)]
pub(super) enum StreamEvent {
    Opened { stream: StreamId, ends: StreamEnds, framing: Framing, outbox: Arc<Outbox> },
    Message { stream: StreamId, contents: Vec<u8> },
    Closed { stream: StreamId },
}

/// The two addresses of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamEnds {
    /// The client's.
    pub peer: SocketAddr,
    /// Ours.
    pub local: SocketAddr,
}

impl StreamEnds {
    /// Those of a connection that shall carry media.
    pub fn of(stream: &TcpStream) -> io::Result<Self> {
        // Without it more waits, which does no harm but to what is late.
        let _ = SockRef::from(stream).set_tcp_notsent_lowat(UNSENT);
        let canonical = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
        Ok(Self { peer: canonical(stream.peer_addr()?), local: canonical(stream.local_addr()?) })
    }
}

/// The way of connections to the worker.
#[derive(Clone, Debug)]
pub struct Streams {
    /// Of each worker.
    events: Arc<[mpsc::Sender<StreamEvent>]>,
    next: Arc<AtomicU64>,
    patience: Patience,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum StreamEnd {
    /// The client said nothing for too long.
    #[error("no message in time")]
    Silent,
    /// The client takes nothing of what waits for it.
    #[error("the client does not read")]
    Stalled,
    /// What it sent is neither ICE nor TURN.
    #[error("{0}")]
    Broken(#[from] stun::framing::FramingError),
    /// The connection broke.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It led to nothing, or the worker is gone.
    #[error("ended by the media worker")]
    Dropped,
    /// No client does that.
    #[error("ICE inside TLS")]
    IceInTls,
}

impl Streams {
    /// To so many workers.
    pub(crate) fn new(workers: u16) -> (Self, Vec<mpsc::Receiver<StreamEvent>>) {
        let (events, to_workers): (Vec<_>, Vec<_>) = (0..workers).map(|_| mpsc::channel(QUEUE)).unzip();
        (Self { events: events.into(), next: Arc::default(), patience: PATIENCE }, to_workers)
    }

    /// The way of a connection to the worker that its first message is for; to any, if it is for none.
    fn way(&self, stream: StreamId, first: &[u8]) -> Result<Way, StreamEnd> {
        let named = sfu::worker_of_check(first).map(|worker| usize::from(worker.0));
        let any = stream.0 as usize % self.events.len().max(1);
        let way = named.and_then(|worker| self.events.get(worker)).or_else(|| self.events.get(any));
        way.cloned().map(Way).ok_or(StreamEnd::Dropped)
    }

    /// Carries a connection until it ends; `opening` is how long its first whole message may take.
    pub async fn carry(
        &self,
        stream: impl AsyncRead + AsyncWrite,
        ends: StreamEnds,
        encrypted: bool,
        opening: Duration,
    ) -> Result<(), StreamEnd> {
        let (read, write) = split(stream);
        let mut messages = Messages { read, decoder: StreamDecoder::default() };
        let Some(first) = timeout(opening, messages.next()).await.map_err(|_| StreamEnd::Silent)?? else {
            return Ok(());
        };
        let framing = messages.decoder.framing().unwrap_or(Framing::Turn);
        if encrypted && framing == Framing::Ice {
            return Err(StreamEnd::IceInTls);
        }
        let stream = StreamId(self.next.fetch_add(1, Ordering::Relaxed));
        let outbox = Arc::new(Outbox::new(framing));
        let way = self.way(stream, &first)?;
        way.tell(StreamEvent::Opened { stream, ends, framing, outbox: outbox.clone() }).await?;
        let end = tokio::select! {
            end = self.receive(&way, stream, first, messages, framing) => end,
            end = outbox.drain(write, self.patience.stall) => end,
        };
        way.tell(StreamEvent::Closed { stream }).await?;
        end
    }

    async fn receive(
        &self,
        way: &Way,
        stream: StreamId,
        first: Vec<u8>,
        mut messages: Messages<impl AsyncRead>,
        framing: Framing,
    ) -> Result<(), StreamEnd> {
        let silence = match framing {
            Framing::Ice => self.patience.ice_silence,
            Framing::Turn => self.patience.turn_silence,
        };
        let mut next = Some(first);
        while let Some(contents) = next {
            way.tell(StreamEvent::Message { stream, contents }).await?;
            next = timeout(silence, messages.next()).await.map_err(|_| StreamEnd::Silent)??;
        }
        Ok(())
    }
}

/// To the worker of a connection.
struct Way(mpsc::Sender<StreamEvent>);

impl Way {
    async fn tell(&self, event: StreamEvent) -> Result<(), StreamEnd> {
        self.0.send(event).await.map_err(|_| StreamEnd::Dropped)
    }
}

/// The messages of a connection.
struct Messages<R> {
    read: ReadHalf<R>,
    decoder: StreamDecoder,
}

impl<R: AsyncRead> Messages<R> {
    /// `None` at the end of the stream.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, StreamEnd> {
        let mut piece = [0; PIECE];
        loop {
            if let Some(message) = self.decoder.next_message()? {
                return Ok(Some(message.to_vec()));
            }
            match self.read.read(&mut piece).await? {
                0 => return Ok(None),
                length => self.decoder.push(&piece[..length]),
            }
        }
    }
}

/// What waits to be sent on one connection.
#[derive(Debug)]
pub(super) struct Outbox {
    framing: Framing,
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// Taken by the task and not sent yet.
    being_sent: usize,
    closed: bool,
}

impl Outbox {
    pub(super) fn new(framing: Framing) -> Self {
        Self { framing, waiting: Mutex::default(), changed: Notify::new() }
    }

    /// Queues a message; `false` if there was no room for it.
    pub(super) fn push(&self, message: &[u8]) -> bool {
        let mut waiting = self.lock();
        if waiting.bytes.len() + waiting.being_sent + message.len() > ROOM {
            return false;
        }
        self.framing.write(message, &mut waiting.bytes);
        drop(waiting);
        self.changed.notify_one();
        true
    }

    #[cfg(test)]
    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// The connection ends once it has been given what waits.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    async fn drain(&self, mut write: WriteHalf<impl AsyncWrite>, stall: Duration) -> Result<(), StreamEnd> {
        let mut bytes = vec![];
        loop {
            if !self.take(&mut bytes) {
                let _ = timeout(stall, write.shutdown()).await;
                return Err(StreamEnd::Dropped);
            }
            if bytes.is_empty() {
                self.changed.notified().await;
                continue;
            }
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let sent = timeout(stall, write.write(rest)).await.map_err(|_| StreamEnd::Stalled)??;
                if sent == 0 {
                    return Err(io::Error::from(io::ErrorKind::WriteZero).into());
                }
                rest = &rest[sent..];
                self.lock().being_sent = rest.len();
            }
            // Encrypted ones hold back otherwise.
            timeout(stall, write.flush()).await.map_err(|_| StreamEnd::Stalled)??;
        }
    }

    /// Exchanges what has been sent for what waits; `false` if nothing more will come.
    fn take(&self, bytes: &mut Vec<u8>) -> bool {
        bytes.clear();
        let mut waiting = self.lock();
        std::mem::swap(&mut waiting.bytes, bytes);
        waiting.being_sent = bytes.len();
        !(bytes.is_empty() && waiting.closed)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing that panics is done while it is held.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// A binding request, as it opens either kind of stream.
    fn check() -> Vec<u8> {
        [b"\x00\x01\x00\x00\x21\x12\xa4\x42".as_slice(), &[7; 12]].concat()
    }

    fn framed(framing: Framing, message: &[u8]) -> Vec<u8> {
        let mut stream = vec![];
        framing.write(message, &mut stream);
        stream
    }

    fn ends() -> StreamEnds {
        StreamEnds { peer: "198.51.100.1:5000".parse().unwrap(), local: "192.0.2.1:443".parse().unwrap() }
    }

    struct Carried {
        client: DuplexStream,
        events: mpsc::Receiver<StreamEvent>,
        task: tokio::task::JoinHandle<Result<(), StreamEnd>>,
    }

    fn carry(encrypted: bool) -> Carried {
        carry_with(encrypted, HOUR, PATIENCE)
    }

    fn carry_with(encrypted: bool, opening: Duration, patience: Patience) -> Carried {
        let (client, server) = duplex(1000);
        let (streams, mut events) = Streams::new(1);
        let (streams, events) = (Streams { patience, ..streams }, events.remove(0));
        let task = tokio::spawn(async move { streams.carry(server, ends(), encrypted, opening).await });
        Carried { client, events, task }
    }

    impl Carried {
        async fn opened(&mut self) -> (Framing, Arc<Outbox>) {
            match self.events.recv().await {
                Some(StreamEvent::Opened { framing, outbox, .. }) => (framing, outbox),
                other => panic!("{other:?}"),
            }
        }

        async fn message(&mut self) -> Vec<u8> {
            match self.events.recv().await {
                Some(StreamEvent::Message { contents, .. }) => contents,
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn messages_go_both_ways_and_the_end_is_told() {
        for framing in [Framing::Ice, Framing::Turn] {
            let mut carried = carry(false);
            carried.client.write_all(&framed(framing, &check())).await.unwrap();
            let (told, outbox) = carried.opened().await;
            assert_eq!(told, framing);
            assert_eq!(carried.message().await, check());
            assert!(outbox.push(&check()));
            let mut answer = vec![0; framed(framing, &check()).len()];
            carried.client.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, framed(framing, &check()));
            drop(carried.client);
            assert!(matches!(carried.events.recv().await, Some(StreamEvent::Closed { .. })));
            assert!(carried.task.await.unwrap().is_ok());
        }
    }

    #[tokio::test]
    async fn nothing_is_told_of_a_stream_that_is_neither() {
        let mut carried = carry(false);
        carried.client.write_all(&[0; 10]).await.unwrap();
        assert!(matches!(carried.task.await.unwrap(), Err(StreamEnd::Broken(_))));
        assert!(carried.events.recv().await.is_none());

        let mut carried = carry(true);
        carried.client.write_all(&framed(Framing::Ice, &check())).await.unwrap();
        assert!(matches!(carried.task.await.unwrap(), Err(StreamEnd::IceInTls)));
    }

    #[tokio::test]
    async fn whoever_opens_too_slowly_or_falls_silent_is_dropped() {
        let short = Duration::from_millis(20);
        let mut carried = carry_with(false, short, PATIENCE);
        carried.client.write_all(&framed(Framing::Ice, &check())[..15]).await.unwrap();
        assert!(matches!((&mut carried.task).await.unwrap(), Err(StreamEnd::Silent)));

        let mut carried = carry_with(false, HOUR, Patience { ice_silence: short, ..PATIENCE });
        carried.client.write_all(&framed(Framing::Ice, &check())).await.unwrap();
        carried.opened().await;
        assert!(matches!((&mut carried.task).await.unwrap(), Err(StreamEnd::Silent)));
    }

    #[tokio::test]
    async fn who_reads_slowly_misses_whole_messages_and_costs_bounded_memory() {
        let mut carried = carry(false);
        carried.client.write_all(&framed(Framing::Ice, &check())).await.unwrap();
        let (_, outbox) = carried.opened().await;
        let packet = |number: u32| [&number.to_be_bytes()[..], &[1; 1196]].concat();
        let taken: Vec<u32> = (0..10_000).filter(|number| outbox.push(&packet(*number))).collect();
        assert!(taken.len() * 1202 <= ROOM + 1202 * 2 && taken.len() > 200, "{}", taken.len());
        // It reads again: what was taken arrives whole and in order, and there is room again.
        for number in &taken {
            let mut frame = vec![0; 1202];
            carried.client.read_exact(&mut frame).await.unwrap();
            assert_eq!(frame, framed(Framing::Ice, &packet(*number)));
        }
        assert!(outbox.push(&packet(0)));
    }

    #[tokio::test]
    async fn who_stops_reading_is_dropped() {
        let mut carried = carry_with(false, HOUR, Patience { stall: Duration::from_millis(20), ..PATIENCE });
        carried.client.write_all(&framed(Framing::Ice, &check())).await.unwrap();
        let (_, outbox) = carried.opened().await;
        while outbox.push(&[1; 1200]) {}
        assert!(matches!((&mut carried.task).await.unwrap(), Err(StreamEnd::Stalled)));
    }

    #[tokio::test]
    async fn the_worker_ends_a_connection_after_its_last_words() {
        let mut carried = carry(false);
        carried.client.write_all(&framed(Framing::Turn, &check())).await.unwrap();
        let (_, outbox) = carried.opened().await;
        outbox.push(&check());
        outbox.close();
        let mut all = vec![];
        carried.client.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, check());
        assert!(matches!(carried.task.await.unwrap(), Err(StreamEnd::Dropped)));
    }
}
