//! Whether a worker's loop still turns: asked by others, answered between two turns. A thread that is there but stands still
//! looks like a living one to everybody else.

use std::task::{Context, Poll};

use tokio::sync::{mpsc, oneshot};

/// Questions that wait. Who finds no room waits, too, and is answered late or not at all.
const QUEUE: usize = 16;

/// For those who ask.
#[derive(Clone, Debug)]
pub struct Pulse(mpsc::Sender<oneshot::Sender<()>>);

impl Pulse {
    pub(crate) fn new() -> (Self, PulseQuestions) {
        let (questions, asked) = mpsc::channel(QUEUE);
        (Self(questions), PulseQuestions(asked))
    }

    /// Completes when the worker has answered; `false`: it is gone. One that stands still never answers: whoever asks sets a
    /// limit.
    pub async fn ask(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        self.0.send(answer).await.is_ok() && answered.await.is_ok()
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
