//! How much a connection may send, and how long it may take for a part of it. Whoever serves it can set a bound while it has
//! not shown who it is, renew or lift it, and say when a message has come to its end.
//!
//! It counts bytes and knows nothing of what they mean.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf, Take};
use tokio::time::{Instant, Sleep, sleep_until};

const LIFTED: u64 = u64::MAX;

/// The bytes that may still be read, lifted at first. Clones are one and the same.
#[derive(Clone, Debug)]
pub(crate) struct Bound(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    left: AtomicU64,
    /// Read since a message has come to its end.
    unfinished: AtomicU64,
    /// Counts the times at which nothing was unfinished.
    ended: AtomicU64,
    /// How long each may take, once that is known.
    patience: OnceLock<Duration>,
}

impl Default for Bound {
    fn default() -> Self {
        let (left, unfinished, ended) = (AtomicU64::new(LIFTED), AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Shared { left, unfinished, ended, patience: OnceLock::new() }))
    }
}

impl Bound {
    /// At most this many bytes from now on.
    pub(crate) fn set(&self, bytes: u64) {
        self.0.left.store(bytes, Ordering::Relaxed);
    }

    /// This many again, unless the bound has been lifted.
    pub(crate) fn renew(&self, bytes: u64) {
        self.change(|_| bytes);
    }

    /// From now on there are messages, each of which may take this long from its first byte to its last.
    pub(crate) fn expect_messages(&self, patience: Duration) {
        self.message_ended();
        // Said once for each connection.
        let _ = self.0.patience.set(patience);
    }

    /// What is read from now on is part of another message. Bytes of it that came with the end of this one do not count:
    /// nobody here knows of them.
    pub(crate) fn message_ended(&self) {
        self.0.unfinished.store(0, Ordering::Relaxed);
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// Something of so many bytes has come to its end that may also stand between the parts of a message. It is as if it had
    /// never been read.
    pub(crate) fn aside_ended(&self, bytes: u64) {
        self.change(|left| left + bytes);
        let unfinished = self.0.unfinished.load(Ordering::Relaxed).saturating_sub(bytes);
        self.0.unfinished.store(unfinished, Ordering::Relaxed);
        if unfinished == 0 {
            self.message_ended();
        }
    }

    /// As many as the other end likes.
    pub(crate) fn lift(&self) {
        self.set(LIFTED);
    }

    pub(crate) fn is_lifted(&self) -> bool {
        self.left() == LIFTED
    }

    pub(crate) fn is_used_up(&self) -> bool {
        self.left() == 0
    }

    fn left(&self) -> u64 {
        self.0.left.load(Ordering::Relaxed)
    }

    fn change(&self, to: impl Fn(u64) -> u64) {
        let unless_lifted = |left| (left != LIFTED).then(|| to(left));
        // Fails if it is lifted: nothing is to be done then.
        let _ = self.0.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, unless_lifted);
    }
}

/// A connection that is read as far as its bound allows, and as fast as it asks; beyond either reading fails.
pub(crate) struct Bounded<S> {
    stream: Take<S>,
    bound: Bound,
    message: Message,
}

/// The message that is being read.
#[derive(Default)]
struct Message {
    /// How many there were before it.
    number: u64,
    began: Option<Instant>,
    /// Made when somebody has to wait for the rest of it.
    expiry: Option<Pin<Box<Sleep>>>,
}

impl Message {
    /// Forgets what belongs to a message that has come to its end.
    fn catch_up(&mut self, bound: &Bound) {
        let number = bound.0.ended.load(Ordering::Relaxed);
        if number != self.number {
            *self = Self { number, ..Self::default() };
        }
    }

    fn read(&mut self, bytes: u64, bound: &Bound) {
        bound.0.unfinished.fetch_add(bytes, Ordering::Relaxed);
        if bytes > 0 && bound.0.patience.get().is_some() {
            self.began.get_or_insert_with(Instant::now);
        }
    }

    /// When it must have ended.
    fn deadline(&self, bound: &Bound) -> Option<Instant> {
        Some(self.began? + *bound.0.patience.get()?)
    }

    /// Ready once it has taken too long.
    fn poll_expiry(&mut self, bound: &Bound, context: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline(bound) else { return Poll::Pending };
        self.expiry.get_or_insert_with(|| Box::pin(sleep_until(deadline))).as_mut().poll(context)
    }
}

impl<S: AsyncRead> Bounded<S> {
    pub(crate) fn new(stream: S, bound: Bound) -> Self {
        Self { stream: stream.take(LIFTED), bound, message: Message::default() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = self.bound.left();
        if left == 0 {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::QuotaExceeded, "more than a stranger may send")));
        }
        let Self { stream, bound, message } = &mut *self;
        message.catch_up(bound);
        let too_late = || Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "a message takes too long")));
        if message.deadline(bound).is_some_and(|deadline| deadline <= Instant::now()) {
            return too_late();
        }
        stream.set_limit(left);
        if Pin::new(&mut *stream).poll_read(context, buffer)?.is_pending() {
            ready!(message.poll_expiry(bound, context));
            return too_late();
        }
        let read = left - stream.limit();
        bound.change(|left| left.saturating_sub(read));
        message.read(read, bound);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(self.stream.get_mut()).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.get_mut()).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.get_mut()).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.stream.get_mut()).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.get_ref().is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_connection_is_read_as_far_as_its_bound_allows() {
        let (mut other, stream) = tokio::io::duplex(1000);
        let bound = Bound::default();
        let mut bounded = Bounded::new(stream, bound.clone());
        other.write_all(&[7; 100]).await.unwrap();
        let mut buffer = [0; 80];
        assert_eq!(bounded.read(&mut buffer[..10]).await.unwrap(), 10, "there is no bound at first");
        bound.set(50);
        assert_eq!(bounded.read(&mut buffer[..30]).await.unwrap(), 30);
        assert_eq!(bounded.read(&mut buffer).await.unwrap(), 20);
        assert!(bound.is_used_up() && bounded.read(&mut buffer).await.is_err());
        bound.renew(15);
        assert_eq!(bounded.read(&mut buffer).await.unwrap(), 15);
        bound.lift();
        bound.renew(0);
        assert_eq!(bounded.read(&mut buffer).await.unwrap(), 25, "once lifted, it is not renewed");
        assert!(bound.is_lifted());
        bounded.write_all(b"answer").await.unwrap();
        let mut answer = [0; 6];
        other.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"answer", "writing has no bound");
    }

    #[tokio::test]
    async fn a_message_that_began_has_to_end() {
        let (mut other, stream) = tokio::io::duplex(1000);
        let bound = Bound::default();
        let mut bounded = Bounded::new(stream, bound.clone());
        let mut byte = [0];
        let longer = Duration::from_millis(20);
        assert!(timeout(longer, bounded.read(&mut byte)).await.is_err(), "nobody has spoken of messages");
        bound.expect_messages(Duration::from_millis(1));
        assert!(timeout(longer, bounded.read(&mut byte)).await.is_err(), "none has begun");
        for _ in 0..3 {
            other.write_all(b"x").await.unwrap();
            bounded.read_exact(&mut byte).await.unwrap();
            bound.message_ended();
            assert!(timeout(longer, bounded.read(&mut byte)).await.is_err(), "it has ended, and none has begun since");
        }
        other.write_all(b"xxx").await.unwrap();
        bounded.read_exact(&mut [0; 3]).await.unwrap();
        bound.aside_ended(2);
        assert!(bounded.read(&mut byte).await.is_err(), "what stands in between does not end it");
        bound.aside_ended(1);
        assert!(timeout(longer, bounded.read(&mut byte)).await.is_err(), "nothing else was read");
        // However much comes of it.
        let dripping = tokio::spawn(async move { while other.write_all(b"x").await.is_ok() {} });
        let error = loop {
            if let Err(error) = bounded.read(&mut byte).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(bounded);
        dripping.await.unwrap();
    }
}
