//! How tasks hear that the server stops.

use tokio::sync::watch;

/// Tells a task when the server stops.
#[derive(Clone, Debug)]
pub(crate) struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// With what makes it complete.
    pub(crate) fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Completes once it does. A server that was dropped has stopped.
    pub(crate) async fn requested(&mut self) {
        let _ = self.0.wait_for(|stopping| *stopping).await;
    }
}
