//! What the relay has been used for: asked by others, answered by the media thread between two datagrams.

use std::collections::BTreeMap;
use std::task::{Context, Poll};

use tokio::sync::{mpsc, oneshot};
use turn::{Totals, Transport, Usage};

/// Questions that wait; more are not answered.
const QUEUE: usize = 16;
/// Who is listed: the media thread has no time for fifty thousand.
const MOST_USERS: usize = 1000;

/// The use of a relay.
#[derive(Debug)]
pub struct RelayUse {
    /// How many allocations there are.
    pub allocations: usize,
    /// What happened since the start, and what went through allocations that have ended.
    pub totals: Totals,
    /// What went through all, those that there are included.
    pub usage: Usage,
    /// What went through those that there are, by label of the user and transport.
    pub users: BTreeMap<(String, &'static str), Usage>,
}

impl RelayUse {
    fn of(turn: &turn::Server) -> Self {
        let totals = turn.totals();
        let mut relay_use = Self { allocations: 0, totals, usage: totals.ended, users: BTreeMap::new() };
        for allocation in turn.allocations() {
            relay_use.allocations += 1;
            relay_use.usage += allocation.usage;
            if relay_use.users.len() < MOST_USERS {
                let transport = match allocation.client.transport {
                    Transport::Udp => "udp",
                    Transport::Stream => "tcp",
                };
                // Behind the time until which it is valid.
                let label = allocation.user.split_once(':').map_or(allocation.user, |(_, label)| label);
                *relay_use.users.entry((label.to_owned(), transport)).or_default() += allocation.usage;
            }
        }
        relay_use
    }
}

/// For those who ask.
#[derive(Clone, Debug)]
pub struct RelayQuestions(mpsc::Sender<oneshot::Sender<RelayUse>>);

impl RelayQuestions {
    pub(crate) fn new() -> (Self, Questioned) {
        let (questions, questioned) = mpsc::channel(QUEUE);
        (Self(questions), Questioned(questioned))
    }

    /// `None`: the media thread is gone, or has too many questions already.
    pub async fn ask(&self) -> Option<RelayUse> {
        let (answer, answered) = oneshot::channel();
        self.0.try_send(answer).ok()?;
        answered.await.ok()
    }
}

/// For the one who answers.
#[derive(Debug)]
pub(crate) struct Questioned(mpsc::Receiver<oneshot::Sender<RelayUse>>);

impl Questioned {
    /// Answers all that wait. The next one wakes the worker.
    pub(crate) fn answer(&mut self, turn: &turn::Server, context: &mut Context<'_>) {
        while let Poll::Ready(Some(asked)) = self.0.poll_recv(context) {
            // Who asked may have gone.
            let _ = asked.send(RelayUse::of(turn));
        }
    }
}
