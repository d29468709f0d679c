//! Where the worker's thread sleeps: until a datagram comes, until a port has room again, until a point in time, or until one
//! of its queues wakes it.
//!
//! The queues are those of `tokio::sync`, which need no runtime: polled with [`Poller::waker`], they wake by it. Waking costs
//! a system call only while the thread sleeps, and one for all that happens until it is awake.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

/// Of the wake-up; ports have others.
const WAKE: Token = Token(usize::MAX);
/// Ports, and the wake-up.
const EVENTS: usize = 8;

/// After the network itself failed: who tries again at once takes the whole core.
pub(super) const ERROR_PAUSE: Duration = Duration::from_millis(10);

const AWAKE: u8 = 0;
/// Sleeps, or is about to.
const ASLEEP: u8 = 1;
/// Has to look at its queues before it sleeps again.
const CALLED: u8 = 2;

/// See the module.
pub(super) struct Poller {
    poll: Poll,
    events: Events,
    call: Arc<Call>,
    waker: Waker,
}

/// Calls the worker to its queues.
struct Call {
    state: AtomicU8,
    waker: mio::Waker,
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(CALLED, Ordering::AcqRel) == ASLEEP
            && let Err(error) = self.waker.wake()
        {
            tracing::error!(%error, "the media worker could not be woken");
        }
    }
}

impl Poller {
    pub(super) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let call = Arc::new(Call { state: AtomicU8::new(AWAKE), waker: mio::Waker::new(poll.registry(), WAKE)? });
        let waker = Waker::from(call.clone());
        Ok(Self { poll, events: Events::with_capacity(EVENTS), call, waker })
    }

    /// For ports.
    pub(super) fn registry(&self) -> &mio::Registry {
        self.poll.registry()
    }

    /// For queues.
    pub(super) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Sleeps until something happens, but not at all if the worker is `busy`. Tells what happened to ports; returns whether
    /// queues have to be looked at.
    pub(super) fn wait(
        &mut self,
        busy: bool,
        deadline: Option<Instant>,
        mut happened: impl FnMut(&mio::event::Event),
    ) -> bool {
        let may_sleep =
            !busy && self.call.state.compare_exchange(AWAKE, ASLEEP, Ordering::AcqRel, Ordering::Acquire).is_ok();
        let timeout = match may_sleep {
            // Rounded up to milliseconds on the way to the kernel.
            true => deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())),
            false => Some(Duration::ZERO),
        };
        let polled = self.poll.poll(&mut self.events, timeout);
        let called = self.call.state.swap(AWAKE, Ordering::AcqRel) == CALLED;
        match polled {
            Ok(()) => self.events.iter().filter(|event| event.token() != WAKE).for_each(&mut happened),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Nothing can be done about it but to go on, and not to take the whole core.
            Err(error) => {
                tracing::error!(%error, "the media worker cannot wait for its ports");
                std::thread::sleep(ERROR_PAUSE);
            }
        }
        called
    }
}

#[cfg(test)]
mod tests {
    use std::task::Context;
    use std::thread;

    use tokio::sync::mpsc;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn state(poller: &Poller) -> u8 {
        poller.call.state.load(Ordering::Acquire)
    }

    #[test]
    fn a_queue_wakes_it_and_nothing_is_missed() {
        let mut poller = Poller::new().unwrap();
        let (sender, mut receiver) = mpsc::channel(4);
        let mut received = vec![];
        let waker = poller.waker();
        let sending = thread::spawn(move || (0..20_000).for_each(|number| sender.blocking_send(number).unwrap()));
        // It ends with the sender: whoever missed a wake-up would sleep for an hour.
        loop {
            match receiver.poll_recv(&mut Context::from_waker(&waker)) {
                std::task::Poll::Ready(Some(number)) => received.push(number),
                std::task::Poll::Ready(None) => break,
                std::task::Poll::Pending => {
                    poller.wait(false, Some(Instant::now() + HOUR), |_| panic!("there is no port"));
                }
            }
        }
        assert_eq!(received, (0..20_000).collect::<Vec<_>>());
        sending.join().unwrap();
    }

    #[test]
    fn a_call_while_it_is_awake_is_heard_before_it_sleeps() {
        let mut poller = Poller::new().unwrap();
        poller.waker().wake_by_ref();
        poller.waker().wake_by_ref();
        assert_eq!(state(&poller), CALLED);
        assert!(poller.wait(false, None, |_| {}), "it does not sleep");
        assert_eq!(state(&poller), AWAKE);
        poller.waker().wake_by_ref();
        assert!(poller.wait(true, None, |_| {}), "nor is it forgotten while there is other work");
        assert!(!poller.wait(true, None, |_| {}), "it is heard once");
        assert!(!poller.wait(false, Some(Instant::now()), |_| {}), "a deadline that has passed");
    }
}
