//! The third step of a start: from here on clients are answered.

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::ports::{self, BesidesHttp};
use crate::state::AppState;
use crate::stopping::Stopping;
use crate::threads::Threads;
use crate::wire::{Ports, Wired};
use crate::{http, options, signalling};

/// How what is served is ended.
#[derive(Debug)]
pub(crate) struct Serving {
    /// Set once.
    pub(crate) stopping: watch::Sender<bool>,
    /// Yields `None` once every connection's task has ended.
    pub(crate) connections: mpsc::Receiver<()>,
    /// Those that end when it stops, and not before.
    pub(crate) tasks: Vec<(&'static str, JoinHandle<()>)>,
}

/// Serves on every port, and keeps certificates and addresses up to date.
pub(crate) fn serve(wired: Wired, ports: Ports) -> (AppState, Threads, Serving) {
    let Wired { state, streams, network_changes, threads } = wired;
    let Ports { certificates, http: port, redirecting, media_address } = ports;
    let (stopping, stopped) = Stopping::new();
    let (alive, connections) = mpsc::channel(1);
    let limits = state.limits;
    let (limits, redirecting_limits) = match &redirecting {
        Some(_) => limits.with_redirecting_port(),
        None => (limits, limits),
    };
    let serve = |listener, router, besides, limits| {
        tokio::spawn(ports::serve(listener, router, besides, limits, stopped.clone(), alive.clone()))
    };
    let router = http::router(state.clone(), signalling::router(&state, stopped.clone()));
    let besides = BesidesHttp { tls: certificates.acceptor.clone(), media: streams, history: state.history.clone() };
    let mut tasks = vec![("the HTTP port", serve(port.listener, router, Some(besides), limits))];
    if let Some(port) = redirecting {
        let router = http::redirect(state.settings.clone(), certificates.challenges.clone());
        tasks.push(("the redirecting port", serve(port.listener, router, None, redirecting_limits)));
    }
    let (history, mut network) = (state.history.clone(), state.media_network.clone());
    let offers = async move {
        while network.changed().await.is_ok() {
            history.offers(options::offered(&network.borrow_and_update()));
        }
    };
    let addresses = media::follow_network(options::addresses(&state.settings), media_address, network_changes);
    let mut stopped = stopped;
    let keeping = async move {
        let kept = async {
            tokio::join!(certificates.keep(), addresses, offers);
            // There may be nothing to keep up to date.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = kept => {}
            () = stopped.requested() => {}
        }
    };
    tasks.push(("what keeps certificates and addresses up to date", tokio::spawn(keeping)));
    (state, threads, Serving { stopping, connections, tasks })
}
