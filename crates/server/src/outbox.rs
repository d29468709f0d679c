//! The one ordered queue of what goes to a client.
//!
//! Bounded in frames and bytes. A client that does not read is cut off: it can come back and fetch what the session
//! kept for it, while waiting for it would hold up everybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::extract::ws::{CloseFrame, Utf8Bytes};
use tokio::sync::{Notify, mpsc};

use crate::standing::Standing;

/// Some seconds of a very lively session.
const MAX_FRAMES: usize = 4096;
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// What the socket's task takes from the queue.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Frame(Utf8Bytes),
    Close(CloseFrame),
}

#[derive(Debug, Default)]
struct Shared {
    bytes: AtomicUsize,
    overflow: Notify,
    closing: AtomicBool,
}

/// The end that is written to.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    queue: mpsc::Sender<Outgoing>,
    shared: Arc<Shared>,
    /// Of the socket's client.
    pub(crate) standing: Standing,
}

/// The socket's end.
#[derive(Debug)]
pub(crate) struct Outlet {
    queue: mpsc::Receiver<Outgoing>,
    shared: Arc<Shared>,
}

/// The client does not read, or its socket is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct CutOff;

/// An empty queue. Clones of the first end write to the same.
pub(crate) fn outbox(standing: Standing) -> (Outbox, Outlet) {
    let (sender, receiver) = mpsc::channel(MAX_FRAMES);
    let shared = Arc::<Shared>::default();
    (Outbox { queue: sender, shared: shared.clone(), standing }, Outlet { queue: receiver, shared })
}

impl Outbox {
    /// Appends a frame, or cuts the socket off.
    pub(crate) fn push(&self, frame: Utf8Bytes) -> Result<(), CutOff> {
        let length = frame.len();
        // Taken first: once the frame is in the queue the other end may give its bytes back.
        let bytes = self.shared.bytes.fetch_add(length, Ordering::Relaxed) + length;
        // A single frame always fits, or a very long session list could never be sent.
        if (bytes > MAX_BYTES && bytes > length) || self.queue.try_send(Outgoing::Frame(frame)).is_err() {
            self.shared.bytes.fetch_sub(length, Ordering::Relaxed);
            self.shared.overflow.notify_one();
            return Err(CutOff);
        }
        Ok(())
    }

    /// Code 1000 without a reason, after all that was pushed.
    pub(crate) fn close(&self) {
        self.close_with(1000, "");
    }

    pub(crate) fn close_with(&self, code: u16, reason: &'static str) {
        self.shared.closing.store(true, Ordering::Relaxed);
        let frame = CloseFrame { code, reason: reason.into() };
        if self.queue.try_send(Outgoing::Close(frame)).is_err() {
            self.shared.overflow.notify_one();
        }
    }

    /// Whether a close is on its way: what the client still says is of no interest.
    pub(crate) fn is_closing(&self) -> bool {
        self.shared.closing.load(Ordering::Relaxed)
    }
}

impl Outlet {
    /// The next in order; `None` once every writer is gone.
    pub(crate) async fn next(&mut self) -> Option<Outgoing> {
        let next = self.queue.recv().await;
        if let Some(Outgoing::Frame(frame)) = &next {
            self.shared.bytes.fetch_sub(frame.len(), Ordering::Relaxed);
        }
        next
    }

    /// Completes when the queue has overflowed. May be awaited while `next` is not.
    pub(crate) fn overflow(&self) -> impl Future<Output = ()> + use<> {
        let shared = self.shared.clone();
        async move { shared.overflow.notified().await }
    }
}

#[cfg(test)]
mod tests {
    use settings::LOCALHOST;

    use super::*;
    use crate::bound::Bound;
    use crate::shares::Shares;

    fn pair() -> (Outbox, Outlet) {
        let shares = Shares::default();
        let share = shares.take(LOCALHOST.into(), 1).unwrap();
        outbox(Standing::of_stranger(LOCALHOST.into(), shares, share, Bound::default()))
    }

    #[tokio::test]
    async fn frames_leave_in_order_and_the_close_last() {
        let (outbox, mut outlet) = pair();
        outbox.push("a".into()).unwrap();
        outbox.push("b".into()).unwrap();
        outbox.close();
        drop(outbox);
        assert!(matches!(outlet.next().await, Some(Outgoing::Frame(f)) if f.as_str() == "a"));
        assert!(matches!(outlet.next().await, Some(Outgoing::Frame(f)) if f.as_str() == "b"));
        assert!(matches!(outlet.next().await, Some(Outgoing::Close(f)) if f.code == 1000));
        assert!(outlet.next().await.is_none());
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_cut_off_by_count() {
        let (outbox, outlet) = pair();
        let pushed = (0..).take_while(|_| outbox.push("x".into()).is_ok()).count();
        assert_eq!(pushed, MAX_FRAMES);
        outlet.overflow().await;
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_cut_off_by_size() {
        let (outbox, mut outlet) = pair();
        let megabyte = Utf8Bytes::from("x".repeat(1024 * 1024));
        for _ in 0..8 {
            outbox.push(megabyte.clone()).unwrap();
        }
        assert_eq!(outbox.push(megabyte.clone()), Err(CutOff));
        outlet.overflow().await;
        outlet.next().await;
        assert_eq!(outbox.push(megabyte), Ok(()), "what was taken makes room");
    }

    #[tokio::test]
    async fn one_large_frame_always_fits() {
        let (outbox, _outlet) = pair();
        assert_eq!(outbox.push("x".repeat(MAX_BYTES + 1).into()), Ok(()));
    }
}
