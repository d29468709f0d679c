//! Whether the workers' loops still turn: asked by others, answered between two turns. A thread that is there but stands still
//! looks like a living one to everybody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::sync::{mpsc, oneshot};

/// Questions that wait. Who finds no room waits, too, and is answered late or not at all.
const QUEUE: usize = 16;

/// For those who ask.
#[derive(Clone, Debug)]
pub struct Pulse {
    workers: Vec<mpsc::Sender<oneshot::Sender<()>>>,
    panics: Arc<AtomicU64>,
}

impl Pulse {
    /// Of so many workers.
    pub(crate) fn new(workers: u16) -> (Self, Vec<PulseQuestions>) {
        let (questions, asked) = (0..workers).map(|_| mpsc::channel(QUEUE)).unzip::<_, _, _, Vec<_>>();
        let panics = Arc::<AtomicU64>::default();
        let asked = asked.into_iter().map(|asked| PulseQuestions { asked, panics: panics.clone() }).collect();
        (Self { workers: questions, panics }, asked)
    }

    /// How often one has panicked and started again, which has ended its transports.
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// Completes when all have answered; `false`: one is gone. One that stands still never answers: whoever asks sets a limit.
    pub async fn ask(&self) -> bool {
        let mut answers = vec![];
        for worker in &self.workers {
            let (answer, answered) = oneshot::channel();
            if worker.send(answer).await.is_err() {
                return false;
            }
            answers.push(answered);
        }
        for answered in answers {
            if answered.await.is_err() {
                return false;
            }
        }
        true
    }
}

/// For the one who answers.
#[derive(Debug)]
pub(crate) struct PulseQuestions {
    asked: mpsc::Receiver<oneshot::Sender<()>>,
    panics: Arc<AtomicU64>,
}

impl PulseQuestions {
    /// It starts again.
    pub(crate) fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    /// Answers all that wait. The next one wakes the worker.
    pub(crate) fn answer(&mut self, context: &mut Context<'_>) {
        while let Poll::Ready(Some(answer)) = self.asked.poll_recv(context) {
            // Who asked may have given up.
            let _ = answer.send(());
        }
    }
}
