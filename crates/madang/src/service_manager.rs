//! What the service manager is told: systemd, or whoever speaks its protocol (sd_notify(3)). Nobody listening is no failure.

use std::time::Duration;

use server::Server;
use tokio::time::sleep;

/// How far the server is.
pub(crate) enum Progress {
    /// It takes requests.
    Ready,
    /// It is ending.
    Stopping,
}

pub(crate) fn tell(progress: Progress) {
    #[cfg(unix)]
    notify(match progress {
        Progress::Ready => sd_notify::NotifyState::Ready,
        Progress::Stopping => sd_notify::NotifyState::Stopping,
    });
    #[cfg(not(unix))]
    let _ = progress;
}

/// Says again and again that the server is alive, as often as the service manager wants to hear it, and only while the control
/// loop and the media worker answer: one that stands still is started anew. Never completes.
pub(crate) async fn keep_telling(server: &Server) {
    let Some(patience) = watchdog() else { return std::future::pending().await };
    loop {
        match server.check().await {
            #[cfg(unix)]
            Ok(()) => notify(sd_notify::NotifyState::Watchdog),
            #[cfg(not(unix))]
            Ok(()) => {}
            Err(silent) => tracing::error!("{silent}; the service manager starts the server anew if that lasts"),
        }
        // Once may be missed.
        sleep(patience / 3).await;
    }
}

/// How long the service manager waits for a sign of life, if it does.
fn watchdog() -> Option<Duration> {
    #[cfg(unix)]
    return sd_notify::watchdog_enabled().filter(|patience| !patience.is_zero());
    #[cfg(not(unix))]
    None
}

#[cfg(unix)]
fn notify(state: sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}
