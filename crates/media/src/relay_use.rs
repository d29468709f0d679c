//! What the relay has been used for: asked by others, answered by the media threads between two datagrams.

use std::collections::BTreeMap;
use std::task::{Context, Poll};

use tokio::sync::{mpsc, oneshot};
use turn::{Totals, Transport, Usage};

/// Questions that wait; more are not answered.
const QUEUE: usize = 16;
/// Who is listed: the media thread has no time for fifty thousand.
const MOST_USERS: usize = 1000;

/// The use of a relay.
#[derive(Default, Debug)]
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

    /// What another worker's was used for.
    fn add(&mut self, other: Self) {
        self.allocations += other.allocations;
        self.totals += other.totals;
        self.usage += other.usage;
        for (user, usage) in other.users {
            *self.users.entry(user).or_default() += usage;
        }
    }
}

/// For those who ask.
#[derive(Clone, Debug)]
pub struct RelayQuestions(Vec<mpsc::Sender<oneshot::Sender<RelayUse>>>);

impl RelayQuestions {
    /// Of so many workers.
    pub(crate) fn new(workers: u16) -> (Self, Vec<Questioned>) {
        let (questions, questioned) = (0..workers).map(|_| mpsc::channel(QUEUE)).unzip::<_, _, _, Vec<_>>();
        (Self(questions), questioned.into_iter().map(Questioned).collect())
    }

    /// `None`: a media thread is gone, or has too many questions already.
    pub async fn ask(&self) -> Option<RelayUse> {
        let mut answers = vec![];
        for worker in &self.0 {
            let (answer, answered) = oneshot::channel();
            worker.try_send(answer).ok()?;
            answers.push(answered);
        }
        let mut all = RelayUse::default();
        for answered in answers {
            all.add(answered.await.ok()?);
        }
        Some(all)
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
