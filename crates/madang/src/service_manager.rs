//! Tells systemd, or whoever speaks its protocol (sd_notify), how far the server is.

/// The server takes requests.
pub(crate) const READY: &str = "READY=1";
/// The server is ending.
pub(crate) const STOPPING: &str = "STOPPING=1";

/// Sends `state` if somebody wants to know. Nobody listening is no failure.
#[cfg(unix)]
pub(crate) fn tell(state: &str) {
    let Some(address) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let sent = std::os::unix::net::UnixDatagram::unbound()
        .and_then(|socket| socket.send_to(state.as_bytes(), std::path::Path::new(&address)));
    if let Err(error) = sent {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}

/// There is no such protocol here.
#[cfg(not(unix))]
pub(crate) fn tell(_state: &str) {}
