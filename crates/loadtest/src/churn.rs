//! Participants who come and go.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::application::Application;
use crate::member::{ParticipantError, Seat, Stage};
use crate::participant::take_part;
use crate::target::Credentials;

/// How one of them behaves.
pub(crate) struct Habit {
    /// When it comes for the first time.
    pub(crate) first: Duration,
    pub(crate) stay: Duration,
}

/// Comes, stays, goes, and comes again with another token. Once `settle` says so whoever is there stays, and whoever is not does
/// not come any more; `leave` ends it.
pub(crate) async fn come_and_go(
    stage: Arc<Stage>,
    mut seat: Seat,
    credentials: Credentials,
    habit: Habit,
    settle: watch::Receiver<bool>,
    mut leave: watch::Receiver<bool>,
) -> Result<(), ParticipantError> {
    if timeout(habit.first, leave.wait_for(|leave| *leave)).await.is_ok() {
        return Ok(());
    }
    loop {
        let (go, told) = watch::channel(false);
        let life = take_part(Arc::clone(&stage), seat.clone(), told);
        tokio::pin!(life);
        tokio::select! {
            ended = &mut life => return ended,
            () = time_is_up(habit.stay, settle.clone()) => {}
            // Whoever would tell it may be gone: that is the same.
            _ = leave.wait_for(|leave| *leave) => {}
        }
        go.send_replace(true);
        life.await?;
        if *settle.borrow() || *leave.borrow() {
            return Ok(());
        }
        seat.token = Application::new(&stage.server, &credentials).create_token(&seat.session, false).await?;
    }
}

/// Never, once it shall stay.
async fn time_is_up(stay: Duration, mut settle: watch::Receiver<bool>) {
    if timeout(stay, settle.wait_for(|settle| *settle)).await.is_ok() {
        std::future::pending::<()>().await;
    }
}
