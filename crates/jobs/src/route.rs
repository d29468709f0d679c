//! Who gets which packets, and the queue to each job. Media threads use it for every tapped packet.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use protocol::id::{PublicationId, RouterId, TapId};
use protocol::job::{JobInput, ToJob};
use sfu::TapPacket;
use tokio::sync::mpsc;

use crate::{JobFigures, read, write};

/// Seconds of a few streams.
const CAPACITY: usize = 4096;
/// Places that packets leave to words.
const FOR_WORDS: usize = 512;

/// What is on its way to a job.
#[derive(Debug)]
pub(crate) enum ForJob {
    AddInput { router: RouterId, tap: TapId, input: JobInput },
    ChangeInput { input: JobInput },
    RemoveInput { tap: TapId },
    AddOutput { router: RouterId, publication: PublicationId },
    RemoveOutput { publication: PublicationId },
    Tell(ToJob),
    Packet { input: u16, packet: TapPacket },
}

/// The way to one job; it ends when all of these are gone.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    queue: mpsc::Sender<ForJob>,
    figures: Arc<JobFigures>,
}

impl Route {
    pub(crate) fn new(figures: Arc<JobFigures>) -> (Self, mpsc::Receiver<ForJob>) {
        let (queue, receiver) = mpsc::channel(CAPACITY);
        (Self { queue, figures }, receiver)
    }

    /// Words have their own places and are not dropped, unless the process has stood still for so long that it is about to be killed.
    pub(crate) fn say(&self, words: ForJob) {
        if self.queue.try_send(words).is_err() {
            tracing::warn!("a job takes no words");
        }
    }

    fn send(&self, input: u16, packet: TapPacket) {
        let has_room = self.queue.capacity() > FOR_WORDS;
        if !has_room || self.queue.try_send(ForJob::Packet { input, packet }).is_err() {
            self.figures.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// All of them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Routes(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// How many taps there are: without any, nobody looks for one.
    count: AtomicUsize,
    taps: RwLock<HashMap<TapId, (Route, u16)>>,
    outputs: RwLock<HashMap<PublicationId, Route>>,
}

impl Routes {
    /// Gives it back if it is for no job.
    pub(crate) fn send(&self, packet: TapPacket) -> Option<TapPacket> {
        if self.0.count.load(Ordering::Relaxed) == 0 {
            return Some(packet);
        }
        match read(&self.0.taps).get(&packet.tap) {
            Some((route, input)) => route.send(*input, packet),
            None => return Some(packet),
        }
        None
    }

    pub(crate) fn want_key_frame(&self, publication: PublicationId) {
        if let Some(route) = read(&self.0.outputs).get(&publication)
            // It is asked again.
            && route.queue.capacity() > FOR_WORDS
        {
            route.say(ForJob::Tell(ToJob::KeyFrame));
        }
    }

    pub(crate) fn add_tap(&self, tap: TapId, route: Route, input: u16) {
        let mut taps = write(&self.0.taps);
        taps.insert(tap, (route, input));
        self.0.count.store(taps.len(), Ordering::Relaxed);
    }

    pub(crate) fn remove_tap(&self, tap: TapId) {
        let mut taps = write(&self.0.taps);
        taps.remove(&tap);
        self.0.count.store(taps.len(), Ordering::Relaxed);
    }

    pub(crate) fn add_output(&self, publication: PublicationId, route: Route) {
        write(&self.0.outputs).insert(publication, route);
    }

    pub(crate) fn remove_output(&self, publication: PublicationId) {
        write(&self.0.outputs).remove(&publication);
    }
}
