//! Whether the workers' loops still turn: asked by others, answered between two turns. A thread that is there but stands still
//! looks like a living one to everybody else.

use std::task::{Context, Poll};

use tokio::sync::{mpsc, oneshot};

/// Questions that wait. Who finds no room waits, too, and is answered late or not at all.
const QUEUE: usize = 16;

/// For those who ask.
#[derive(Clone, Debug)]
pub struct Pulse(Vec<mpsc::Sender<oneshot::Sender<()>>>);

impl Pulse {
    /// Of so many workers.
    pub(crate) fn new(workers: u16) -> (Self, Vec<PulseQuestions>) {
        let (questions, asked) = (0..workers).map(|_| mpsc::channel(QUEUE)).unzip::<_, _, _, Vec<_>>();
        (Self(questions), asked.into_iter().map(PulseQuestions).collect())
    }

    /// Completes when all have answered; `false`: one is gone. One that stands still never answers: whoever asks sets a limit.
    pub async fn ask(&self) -> bool {
        let mut answers = vec![];
        for worker in &self.0 {
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
pub(crate) struct PulseQuestions(mpsc::Receiver<oneshot::Sender<()>>);

impl PulseQuestions {
    /// Answers all that wait. The next one wakes the worker.
    pub(crate) fn answer(&mut self, context: &mut Context<'_>) {
        while let Poll::Ready(Some(answer)) = self.0.poll_recv(context) {
            // Who asked may have given up.
            let _ = answer.send(());
        }
    }
}
