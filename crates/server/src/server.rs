//! A server as whoever starts it sees it.

use std::net::SocketAddr;
use std::time::Duration;

use session::Registry;
use session::command::ApplicationCommand;
use settings::{Config, bracketed};
use tokio::time::{Instant, interval, timeout_at};

use crate::control::Control;
use crate::descriptors;
use crate::http;
use crate::limits::Limits;
use crate::open::{Opened, StartError};
use crate::program::Program;
use crate::serve::{Serving, serve};
use crate::state::AppState;
use crate::threads::{EndLimits, Threads};
use crate::vitals::Silent;
use crate::wire::wire;

/// For everything that [`Server::stop`] waits for, together: service managers lose patience after 30 s.
pub const STOP_DEADLINE: Duration = Duration::from_secs(25);
/// How long connections may take to end once the server stops, and then recordings, and each thread.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);
/// Between two looks at what should not have ended.
const LOOK: Duration = Duration::from_secs(1);

/// A running server. [`Server::stop`] ends it; dropping it does so without waiting.
#[derive(Debug)]
pub struct Server {
    state: AppState,
    address: SocketAddr,
    redirecting_address: Option<SocketAddr>,
    media_address: SocketAddr,
    threads: Threads,
    serving: Serving,
}

impl Server {
    /// Binds the ports and serves. Must be called inside a Tokio runtime. There is no file to which settings could be
    /// written: a restart cannot be asked for by REST.
    ///
    /// # Errors
    /// See [`StartError`]; so for the other two.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_with(config, Limits::default()).await
    }

    /// The same with other limits.
    pub async fn start_with(config: Config, limits: Limits) -> Result<Self, StartError> {
        Self::launch(Program::embedding(), config, limits)
    }

    /// As the server of `program`, whose settings `config` was read from.
    pub async fn start_in(program: Program, config: Config) -> Result<Self, StartError> {
        Self::launch(program, config, Limits::default())
    }

    fn launch(program: Program, config: Config, limits: Limits) -> Result<Self, StartError> {
        warn_of(&config);
        let opened = Opened::open(config)?;
        let (address, media_address) = (opened.http.address, opened.media_address);
        let redirecting_address = opened.redirecting.as_ref().map(|port| port.address);
        let streams = if opened.config.openvidu_recording { opened.config.madang_recorded_streams } else { 0 };
        let descriptors = descriptors::raise();
        let limits = limits.within(descriptors, usize::try_from(streams).unwrap_or(usize::MAX));
        tracing::info!(connections = limits.connections, descriptors, "as many connections at a time");
        let (wired, ports) = wire(program, limits, opened).map_err(StartError::Thread)?;
        let (state, threads, serving) = serve(wired, ports);
        Ok(Self { state, address, redirecting_address, media_address, threads, serving })
    }

    /// The sessions; lets programs that embed the server create some without HTTP.
    pub fn control(&self) -> &Control {
        &self.state.control
    }

    /// What is set; ports are those really bound.
    pub fn settings(&self) -> &Config {
        &self.state.settings
    }

    /// Where HTTP and WebSocket are served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where requests are only sent on to HTTPS, if anywhere.
    pub fn redirecting_address(&self) -> Option<SocketAddr> {
        self.redirecting_address
    }

    /// Where media is received.
    pub fn media_address(&self) -> SocketAddr {
        self.media_address
    }

    /// What clients are told about where to send media; it may change.
    pub fn media_candidates(&self) -> sfu::Candidates {
        self.state.media_network.borrow().candidates.clone()
    }

    /// Completes once somebody who may has asked for a restart by REST. It is for the owner to stop this server and to
    /// start another one.
    pub async fn restart_requested(&self) {
        self.state.restart.requested().await;
    }

    /// A few lines for the person who started it, an empty one after them. Scripts wait for "OpenVidu is ready!".
    pub fn banner(&self) -> String {
        let config = self.settings();
        let port = config.server_port;
        let mut lines = vec![];
        if config.madang_call_page.is_on() {
            lines.push(("Try a call at", format!("http://localhost:{port}/")));
        }
        let candidates = self.media_candidates();
        for candidate in candidates.udp.iter().filter(|candidate| !candidate.ip().is_loopback()) {
            lines.push(("On the network", format!("https://{}:{port}/", bracketed(candidate.ip()))));
        }
        if let Some(host) = config.domain_or_public_ip.for_url() {
            lines.push(("Public", format!("{}/", config.public_url(&host))));
        }
        if http::guides_are_built() {
            lines.push(("Guides", format!("http://localhost:{port}/docs/")));
        }
        lines.push(("REST API", format!("http://localhost:{port}/openvidu/api")));
        let tcp = candidates.tcp.first().map(|address| format!(", TCP {}", address.port()));
        lines.push(("Media", format!("UDP {}{}", self.media_address.port(), tcp.unwrap_or_default())));
        let lines: String = lines.iter().map(|(what, value)| format!("  {what:<18}{value}\n")).collect();
        format!("\nOpenVidu is ready!  (Madang {})\n{lines}", env!("CARGO_PKG_VERSION"))
    }

    /// Whether what calls depend on is alive: it is asked, and has two seconds to answer.
    ///
    /// # Errors
    /// Who did not answer.
    pub async fn check(&self) -> Result<(), Silent> {
        self.state.vitals.check().await
    }

    /// Completes once a part has ended that must not while the server runs; with its name. The server may still answer, but it
    /// is not what it was: it is for the owner to end the process, so that it is started again.
    pub async fn failed(&self) -> String {
        let mut look = interval(LOOK);
        let task = async {
            loop {
                look.tick().await;
                if let Some((name, _)) = self.serving.tasks.iter().find(|(_, task)| task.is_finished()) {
                    return (*name).to_owned();
                }
            }
        };
        tokio::select! {
            thread = self.threads.ended() => format!("the thread {thread}"),
            task = task => task,
        }
    }

    /// Ends every session, tells every connection to end, waits for them (not for ever), delivers the last events and ends
    /// the threads. Takes [`STOP_DEADLINE`] at most, whatever stands still.
    pub async fn stop(self) {
        let deadline = Instant::now() + STOP_DEADLINE;
        let within_grace = || deadline.min(Instant::now() + SHUTDOWN_GRACE);
        let Self { state, threads, mut serving, .. } = self;
        let control = &state.control;
        // A loop that stands still is told nothing.
        let _ = timeout_at(within_grace(), control.call(Registry::shut_down)).await;
        serving.stopping.send_replace(true);
        if timeout_at(within_grace(), serving.connections.recv()).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        // What connections began while they were ending.
        let ended = async {
            let _ = control.call(Registry::shut_down).await;
            recordings_ended(control).await;
        };
        if timeout_at(within_grace(), ended).await.is_err() {
            tracing::warn!("some recordings take long: they will be ready some time after the next start");
            let _ = timeout_at(within_grace(), control.call(|registry, _| registry.finish_endings())).await;
        }
        drop(state);
        threads.end(EndLimits { control: SHUTDOWN_GRACE * 2, thread: SHUTDOWN_GRACE }, deadline).await;
    }
}

/// What an operator should know about what is set, though it works.
fn warn_of(config: &Config) {
    if config.openvidu_secret.is_for_development() {
        let whom = if config.madang_allow_my_secret { "everybody" } else { "this machine only" };
        tracing::warn!("OPENVIDU_SECRET is the one that everybody knows, for development only: REST is open to {whom}");
    }
    if config.support_deprecated_api {
        tracing::warn!(
            "SUPPORT_DEPRECATED_API: the paths from before OpenVidu 2.16 are served, /api/sessions and others"
        );
    }
    if config.openvidu_dev {
        tracing::warn!("OPENVIDU_DEV is set: this server is not for production");
    }
}

/// Completes once no session waits for a recording of its own.
async fn recordings_ended(control: &Control) {
    let _ = control.ask(ApplicationCommand::AwaitEnd { session: None }).await;
}
