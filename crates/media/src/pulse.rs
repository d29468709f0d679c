//! Whether a worker's loop still turns: asked by others, answered between two turns. A thread that is there but stands still
//! looks like a living one to everybody else.

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
    /// `None` once nobody can ask any more.
    pub(crate) async fn next(&mut self) -> Option<oneshot::Sender<()>> {
        self.0.recv().await
    }

    /// Answers all that wait.
    pub(crate) fn answer(&mut self, first: Option<oneshot::Sender<()>>) {
        let mut asked = first;
        while let Some(answer) = asked {
            // Who asked may have given up.
            let _ = answer.send(());
            asked = self.0.try_recv().ok();
        }
    }
}
