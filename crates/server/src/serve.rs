//! The third step of a start: from here on clients are answered.

use tokio::sync::{mpsc, watch};

use crate::ports::{self, BesidesHttp};
use crate::state::AppState;
use crate::stopping::Stopping;
use crate::wire::{Ports, Wired};
use crate::{http, options, signalling};

/// How what is served is ended.
#[derive(Debug)]
pub(crate) struct Serving {
    /// Set once.
    pub(crate) stopping: watch::Sender<bool>,
    /// Yields `None` once every connection's task has ended.
    pub(crate) connections: mpsc::Receiver<()>,
}

/// Serves on every port, and keeps certificates and addresses up to date.
pub(crate) fn serve(wired: Wired, ports: Ports) -> (AppState, crate::wire::Threads, Serving) {
    let Wired { state, streams, network_changes, threads } = wired;
    let Ports { certificates, http: port, redirecting, media_address } = ports;
    let (stopping, stopped) = Stopping::new();
    let (alive, connections) = mpsc::channel(1);
    let limits = state.limits;
    let serve = |listener, router, besides| {
        tokio::spawn(ports::serve(listener, router, besides, limits, stopped.clone(), alive.clone()));
    };
    let router = http::router(state.clone(), signalling::router(&state, stopped.clone()));
    serve(port.listener, router, Some(BesidesHttp { tls: certificates.acceptor.clone(), media: streams }));
    if let Some(port) = redirecting {
        serve(port.listener, http::redirect(state.settings.clone(), certificates.challenges.clone()), None);
    }
    let addresses = media::follow_network(options::addresses(&state.settings), media_address, network_changes);
    let mut stopped = stopped;
    tokio::spawn(async move {
        tokio::select! {
            ((), ()) = async { tokio::join!(certificates.keep(), addresses) } => {}
            () = stopped.requested() => {}
        }
    });
    (state, threads, Serving { stopping, connections })
}
