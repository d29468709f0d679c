//! The way of packets that are made on this machine into the media workers.

use protocol::id::{PublicationId, RouterId};
use sfu::LocalPacket;
use tokio::sync::mpsc;

/// Batches on their way to one worker.
const QUEUE: usize = 256;

/// Packets of one local publication, in order.
#[derive(Debug)]
pub struct LocalMedia {
    /// Which.
    pub publication: PublicationId,
    /// What was made of it since the last batch.
    pub packets: Vec<LocalPacket>,
}

/// Hands them over. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LocalSource {
    /// Of each worker, by number.
    queues: Vec<mpsc::Sender<LocalMedia>>,
}

impl LocalSource {
    pub(super) fn new(count: u16) -> (Self, Vec<mpsc::Receiver<LocalMedia>>) {
        let (queues, receivers) = (0..count).map(|_| mpsc::channel(QUEUE)).unzip();
        (Self { queues }, receivers)
    }

    /// To no worker, but to a queue in the place of one: for tests of those who make packets.
    pub fn detached() -> (Self, mpsc::Receiver<LocalMedia>) {
        let (queue, receiver) = mpsc::channel(QUEUE);
        (Self { queues: vec![queue] }, receiver)
    }

    /// To the worker that the room is in. `false`: it found no room there, and is lost, as on a network. Never waits.
    pub fn send(&self, router: RouterId, media: LocalMedia) -> bool {
        self.queues.get(usize::from(router.worker.0)).is_some_and(|queue| queue.try_send(media).is_ok())
    }
}
