//! How much a connection may send. Whoever serves it can set a bound while it has not shown who it is, and renew or lift it.
//!
//! It counts bytes and knows nothing of what they mean.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf, Take};

const LIFTED: u64 = u64::MAX;

/// The bytes that may still be read, lifted at first. Clones are one and the same.
#[derive(Clone, Debug)]
pub(crate) struct Bound(Arc<AtomicU64>);

impl Default for Bound {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(LIFTED)))
    }
}

impl Bound {
    /// At most this many bytes from now on.
    pub(crate) fn set(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    /// This many again, unless the bound has been lifted.
    pub(crate) fn renew(&self, bytes: u64) {
        self.change(|_| bytes);
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
        self.0.load(Ordering::Relaxed)
    }

    fn change(&self, to: impl Fn(u64) -> u64) {
        let unless_lifted = |left| (left != LIFTED).then(|| to(left));
        // Fails if it is lifted: nothing is to be done then.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, unless_lifted);
    }
}

/// A connection that is read as far as its bound allows; beyond it reading fails.
pub(crate) struct Bounded<S> {
    stream: Take<S>,
    bound: Bound,
}

impl<S: AsyncRead> Bounded<S> {
    pub(crate) fn new(stream: S, bound: Bound) -> Self {
        Self { stream: stream.take(LIFTED), bound }
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
        self.stream.set_limit(left);
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let read = left - self.stream.limit();
        self.bound.change(|left| left.saturating_sub(read));
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
}
