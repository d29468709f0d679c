//! The threads and tasks of a running server: none of them ends while it runs, and all of them do when it stops.

use std::thread;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, sleep, timeout_at};

/// Between two looks at whether a thread has ended.
const LOOK: Duration = Duration::from_millis(10);
/// The same while nobody waits for it.
const CASUAL_LOOK: Duration = Duration::from_secs(1);

/// What ends by itself once nobody holds the other ends of its queues, in this order.
#[derive(Debug)]
pub(crate) struct Threads {
    /// The control loop.
    pub(crate) control: JoinHandle<()>,
    pub(crate) media: Vec<thread::JoinHandle<()>>,
    /// What writes recordings, and what orders it to.
    pub(crate) recordings: Vec<thread::JoinHandle<()>>,
}

/// How long each may take to end.
pub(crate) struct EndLimits {
    pub(crate) control: Duration,
    /// Of each thread.
    pub(crate) thread: Duration,
}

impl Threads {
    /// Completes once one of them has ended, which none should; with its name.
    pub(crate) async fn ended(&self) -> String {
        let mut look = interval(CASUAL_LOOK);
        loop {
            look.tick().await;
            if self.control.is_finished() {
                return "control".to_owned();
            }
            let ended = self.media.iter().chain(&self.recordings).find(|thread| thread.is_finished());
            if let Some(ended) = ended {
                return ended.thread().name().unwrap_or("a thread").to_owned();
            }
        }
    }

    /// Waits for each, not for ever: until its limit or the deadline for all of them, whichever comes first.
    pub(crate) async fn end(self, limits: EndLimits, deadline: Instant) {
        let within = |limit: Duration| deadline.min(Instant::now() + limit);
        // The loop ends when nobody can reach it any more, and then has its own limit for the last events.
        if timeout_at(within(limits.control), self.control).await.is_err() {
            tracing::warn!("the control loop did not end in time");
        }
        // The threads end when the control loop has dropped its ends of the queues; connections that did not end in time
        // still hold them, so there is a limit here too.
        for thread in &self.media {
            if !ended(thread, within(limits.thread)).await {
                tracing::warn!("a media worker did not end in time");
            }
        }
        // Neither the control loop nor a media thread holds the other ends: files are finished now.
        for thread in &self.recordings {
            if !ended(thread, within(limits.thread)).await {
                tracing::warn!("recorded files were not finished in time");
            }
        }
    }
}

/// Whether it ended in time. Nothing blocks on it: one that stands still must not keep the process either.
async fn ended(thread: &thread::JoinHandle<()>, deadline: Instant) -> bool {
    let end = async {
        while !thread.is_finished() {
            sleep(LOOK).await;
        }
    };
    timeout_at(deadline, end).await.is_ok()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(50);

    /// Threads that end when told, and what tells them.
    fn threads() -> (Threads, [mpsc::Sender<()>; 2], tokio::sync::oneshot::Sender<()>) {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let control = tokio::spawn(async { drop(stopped.await) });
        let thread = |name: &str| {
            let (stop, stopped) = mpsc::channel::<()>();
            let thread = thread::Builder::new().name(name.to_owned()).spawn(move || while stopped.recv().is_ok() {});
            (stop, thread.expect("a thread"))
        };
        let ((stop_media, media), (stop_writer, writer)) = (thread("media-0"), thread("writer"));
        (Threads { control, media: vec![media], recordings: vec![writer] }, [stop_media, stop_writer], stop)
    }

    #[tokio::test]
    async fn the_one_that_ended_is_named() {
        let (threads, [media, writer], control) = threads();
        drop(writer);
        assert_eq!(threads.ended().await, "writer");
        drop(media);
        while !threads.media[0].is_finished() {
            thread::yield_now();
        }
        assert_eq!(threads.ended().await, "media-0");
        drop(control);
        while !threads.control.is_finished() {
            tokio::task::yield_now().await;
        }
        assert_eq!(threads.ended().await, "control");
    }

    #[tokio::test]
    async fn threads_that_stand_still_are_waited_for_until_the_deadline_and_no_longer() {
        let (threads, stop, control) = threads();
        let hour = Duration::from_secs(3600);
        threads.end(EndLimits { control: hour, thread: hour }, Instant::now() + LIMIT).await;
        drop((stop, control));
    }

    #[tokio::test]
    async fn each_has_a_limit_of_its_own() {
        let (threads, stop, control) = threads();
        let limits = EndLimits { control: LIMIT, thread: LIMIT };
        threads.end(limits, Instant::now() + Duration::from_secs(3600)).await;
        drop((stop, control));
    }

    #[tokio::test]
    async fn those_that_end_are_not_waited_for_any_longer() {
        let (threads, stop, control) = threads();
        drop((stop, control));
        let hour = Duration::from_secs(3600);
        threads.end(EndLimits { control: hour, thread: hour }, Instant::now() + hour).await;
    }
}
