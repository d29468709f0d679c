//! The server: sockets, files and time around the pure cores `session` and `sfu`.
//!
//! * [`control`]: one task that owns the sessions.
//! * `signalling`: one task per WebSocket `/openvidu`.
//! * [`http`]: REST and pages.
//! * `media`: one thread that owns the peer connections and the UDP port.
//! * [`recorder`]: the thread that writes the files of recorded streams; `recordings`: what is made of them;
//!   `jobs`: the programs that help with that.
//! * `turn_offer`: which TURN server clients are told of.
//! * [`ports`]: the one TCP port, plain and TLS.
//! * [`limits`]: what strangers may take; `network`, `shares`, `allowance` and `wrong_secrets` hold them to it.
//! * `options`: the settings in the terms of the parts that use them.
//! * [`program`]: what stays while the server restarts; `node`: how a cluster would know it.
//!
//! There is no rule about sessions or packets here: it only carries.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bucket::Bucket;
use certificates::{Certificates, OpenError};
use delivery::EventSinks;
use delivery::cdr::Cdr;
use delivery::webhooks::{self, Webhook};
use doctor::{OwnFacts, OwnServer, SocketBuffers};
use protocol::checkup::Relay;
use rand::RngCore as _;
use session::Registry;
use session::command::ApplicationCommand;
use settings::{CertificateType, LOCALHOST, bracketed};
pub use settings::{Config, ConfigError};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, watch};

use allowance::Allowance;
pub use control::{Control, Stopped};
use http::trust::Trust;
use jobs::Transcoder;
pub use limits::Limits;
use node::Node;
pub use options::load as load_settings;
use ports::Besides;
pub use program::Program;
use turn_offer::TurnOffer;
use wrong_secrets::WrongSecrets;

mod allowance;
mod bound;
pub mod control;
pub mod http;
mod jobs;
pub mod limits;
mod media;
mod network;
mod node;
mod options;
pub mod ports;
pub mod program;
pub mod recorder;
mod recordings;
mod shares;
mod signalling;
mod turn_offer;
mod wrong_secrets;

/// How long connections may take to end once the server stops.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// What request handlers share.
#[derive(Debug)]
pub struct App {
    /// The settings; ports are those really bound.
    pub config: Config,
    /// The sessions.
    pub control: Control,
    /// What strangers may take.
    pub limits: Limits,
    pub(crate) wrong_secrets: WrongSecrets,
    pub(crate) node: Node,
    /// Set if this server's certificate was signed here.
    pub(crate) trust: Option<Trust>,
    /// The addresses of this machine.
    pub(crate) network: watch::Receiver<media::Network>,
    /// Where recordings are; `None` if this server does not record.
    pub(crate) recordings: Option<recordings::Store>,
    /// What composes them.
    pub(crate) transcoder: Transcoder,
    /// The pages that some of them show.
    pub(crate) layouts: recordings::Layouts,
    /// Tells what the relay has been used for.
    pub(crate) relay: media::RelayQuestions,
    /// Where the finished ones are kept, if not there.
    pub(crate) bucket: Option<Arc<Bucket>>,
    pub(crate) program: Program,
    /// For those who examine it.
    pub(crate) doctor: OwnServer,
    /// Held while the server examines itself.
    pub(crate) examining: tokio::sync::Mutex<()>,
    /// Users of the relay for those who examine it without the secret.
    pub(crate) guests: Allowance,
    /// Held by whoever writes settings.
    pub(crate) changing_settings: tokio::sync::Mutex<()>,
    /// Somebody asked for a restart.
    restart: Notify,
}

impl App {
    /// Makes [`Server::restart_requested`] complete.
    pub(crate) fn request_restart(&self) {
        self.restart.notify_one();
    }
}

/// A running server. [`Server::stop`] ends it; dropping it does so without waiting.
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
    address: SocketAddr,
    redirecting_address: Option<SocketAddr>,
    media_address: SocketAddr,
    network: watch::Receiver<media::Network>,
    media_thread: Option<std::thread::JoinHandle<()>>,
    /// What writes recordings, and what orders it to.
    recording_threads: Vec<std::thread::JoinHandle<()>>,
    control_task: tokio::task::JoinHandle<()>,
    stopping: watch::Sender<bool>,
    /// Yields `None` once every connection's task has ended.
    connections: mpsc::Receiver<()>,
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The TCP port.
    #[error("cannot listen on TCP {address}: {cause} (setting SERVER_PORT or MADANG_LISTEN)")]
    Tcp {
        /// Which.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// The TCP port that redirects.
    #[error("cannot listen on TCP {address}: {cause} (setting HTTP_PORT; empty: no redirect to HTTPS)")]
    Redirect {
        /// Which.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// The UDP port.
    #[error("cannot use UDP {address} for media: {cause} (setting MADANG_UDP_PORT or MADANG_LISTEN)")]
    Udp {
        /// Which.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// The certificate's files.
    #[error("cannot use the certificate in {}: {cause} (setting MADANG_DATA_DIR)", path.display())]
    Certificate {
        /// Where.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The secret of TURN users.
    #[error("cannot read {}: {cause} (setting MADANG_DATA_DIR)", path.display())]
    TurnSecret {
        /// Where.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The operator's own certificate.
    #[error("cannot use the certificate in {}: {cause} (settings CERTIFICATE_TYPE and MADANG_OWNCERT_DIR)", path.display())]
    OwnCertificate {
        /// Where.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The CDR files.
    #[error("cannot write CDR files in {}: {cause} (setting OPENVIDU_CDR_PATH)", path.display())]
    Cdr {
        /// Where.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The folder of recordings.
    #[error("cannot use the folder of the recordings, {}: {cause} (setting OPENVIDU_RECORDING_PATH)", path.display())]
    Recordings {
        /// Where.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A setting.
    #[error("{}", settings::report::faults(std::slice::from_ref(.0)))]
    Config(settings::Fault),
    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

impl From<OpenError> for StartError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Kept { folder: path, cause } => Self::Certificate { path, cause },
            OpenError::Own { folder: path, cause } => Self::OwnCertificate { path, cause },
        }
    }
}

impl Server {
    /// Binds the ports and serves. Must be called inside a Tokio runtime. There is no file to which settings could be
    /// written: a restart cannot be asked for by REST.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_with(config, Limits::default()).await
    }

    /// The same with other limits.
    pub async fn start_with(config: Config, limits: Limits) -> Result<Self, StartError> {
        Self::launch(Program::embedding(), config, limits).await
    }

    /// As the server of `program`, whose settings `config` was read from.
    pub async fn start_in(program: Program, config: Config) -> Result<Self, StartError> {
        Self::launch(program, config, Limits::default()).await
    }

    async fn launch(program: Program, mut config: Config, limits: Limits) -> Result<Self, StartError> {
        if config.openvidu_secret.is_for_development() {
            tracing::warn!("OPENVIDU_SECRET is the one that everybody knows: for development only");
        }
        if config.support_deprecated_api {
            tracing::warn!(
                "SUPPORT_DEPRECATED_API: the paths from before OpenVidu 2.16 are served, /api/sessions and others"
            );
        }
        if config.openvidu_dev {
            tracing::warn!("OPENVIDU_DEV is set: this server is not for production");
        }
        let recordings = open_recordings(&config)?;
        let bucket =
            options::bucket(&config).map_err(StartError::Config)?.map(Arc::new).filter(|_| recordings.is_some());
        let events = event_sinks(&config)?;
        let certificates = Certificates::open(&options::certificates(&config))?;
        let redirecting = config.redirecting_port().map(|port| listen(config.madang_listen, port)).transpose();
        let redirecting = redirecting.map_err(|(address, cause)| StartError::Redirect { address, cause })?;
        let redirecting = redirecting.or_else(|| listen_for_authority(&config));
        let (listener, address) = listen(config.madang_listen, config.server_port)
            .map_err(|(address, cause)| StartError::Tcp { address, cause })?;
        config.server_port = address.port();

        let socket = media::bind(config.madang_listen, config.madang_udp_port)
            .map_err(|(address, cause)| StartError::Udp { address, cause })?;
        let (media_address, buffers) = (socket.address(), socket.buffers());
        config.madang_udp_port = media_address.port();
        let network = media::Network::now(&config, media_address);
        tracing::info!(candidates = ?network.candidates, "media");
        let fallback_host = network.candidates.udp.first().map_or(LOCALHOST, SocketAddr::ip);
        let mut sockets = media::Sockets { media: socket, turn: None };
        let turn = TurnOffer::new(&config, &network.candidates.udp, &mut sockets)?;
        let rules = options::session(&config, fallback_host, media_address.port());
        let rules = session::Settings { turn: turn.server.clone(), ..rules };
        let dialect = options::dialect(&config);
        let (network_changes, network) = watch::channel(network);
        let own_turn = turn.own_secret.is_some();
        let (recorder, taps, packets) = recorder::queue();
        let worker =
            media::start(sockets, &config, network.clone(), taps, turn.own_secret).map_err(StartError::Thread)?;
        let limit = config.madang_compositions as usize;
        let transcoder = Transcoder::find(config.madang_transcoder.as_ref(), &config.madang_data_dir, limit);
        let public_url = config.public_url(fallback_host);
        let layouts = recordings::Layouts::new(&config, public_url.clone(), address, certificates.shown.clone());
        let mut recording_threads = vec![];
        let recording = match &recordings {
            Some(store) => {
                let recorder = recorder::start(recorder, packets, worker.handle.weak()).map_err(StartError::Thread)?;
                let max_streams = rules.recording.max_streams;
                transcoder.check();
                layouts.tidy();
                let kept =
                    bucket.clone().map(|bucket| recordings::Kept::new(bucket, config.madang_recording_local_copy));
                let place = recordings::Place {
                    store: store.clone(),
                    kept,
                    public_url,
                    transcoder: transcoder.clone(),
                    has_captions: config.madang_recording_captions,
                    layouts: layouts.clone(),
                    stop: Arc::default(),
                };
                let running = recordings::start(place, recorder, max_streams).map_err(StartError::Thread)?;
                recording_threads.extend([running.thread, running.writer]);
                (running.queue, Some(running.told))
            }
            None => (recordings::Queue::off(), None),
        };
        let (control, control_task) =
            Control::start((rules, dialect), random_seed(), worker.handle, worker.events, recording, events);

        let trust = certificates.authority.as_deref().and_then(Trust::new);
        if let Some(trust) = &trust {
            tracing::info!(sha256 = trust.fingerprint(), "devices can be told at /trust to trust this server");
        }
        let node = Node::new(&config, fallback_host);
        let authority = trust.as_ref().map(|trust| trust.authority().clone());
        let relay = match &turn.server {
            _ if !config.openvidu_webrtc_ice_servers.is_empty() => Relay::Listed,
            _ if own_turn => Relay::Own,
            Some(_) => Relay::Other,
            None => Relay::Off,
        };
        let doctor = OwnServer::new(OwnFacts {
            relay,
            turn: turn.server.map(|turn| doctor::TurnServer { uris: turn.uris, secret: turn.secret }),
            buffers: SocketBuffers { receive: buffers.receive, send: buffers.send, wanted: buffers.wanted },
            certificate: options::certificates(&config),
            authority,
        });
        let app = Arc::new(App {
            config,
            control,
            limits,
            wrong_secrets: WrongSecrets::new(limits.wrong_secrets),
            node,
            trust,
            network: network.clone(),
            recordings,
            transcoder,
            layouts,
            relay: worker.relay,
            bucket,
            program,
            doctor,
            examining: tokio::sync::Mutex::default(),
            guests: Allowance::new(limits.guests),
            changing_settings: tokio::sync::Mutex::new(()),
            restart: Notify::new(),
        });
        let (stopping, stopped) = watch::channel(false);
        let stopped = Stopping(stopped);
        tokio::spawn(media::follow(app.config.clone(), media_address, network_changes, stopped.clone()));
        let (alive, connections) = mpsc::channel(1);
        let router = http::router(app.clone(), signalling::router(app.clone(), stopped.clone()));
        let redirecting_address = redirecting.as_ref().map(|(_, address)| *address);
        let serve = |listener, router, besides| {
            tokio::spawn(ports::serve(listener, router, besides, limits, stopped.clone(), alive.clone()));
        };
        serve(listener, router, Some(Besides { tls: certificates.acceptor.clone(), media: worker.streams.clone() }));
        if let Some((listener, _)) = redirecting {
            serve(listener, http::redirect(app.clone(), certificates.challenges.clone()), None);
        }
        let mut stopping_certificates = stopped;
        tokio::spawn(async move {
            tokio::select! {
                () = certificates.keep() => {}
                () = stopping_certificates.requested() => {}
            }
        });
        Ok(Self {
            app,
            address,
            redirecting_address,
            media_address,
            network,
            media_thread: Some(worker.thread),
            recording_threads,
            control_task,
            stopping,
            connections,
        })
    }

    /// What handlers share; lets programs that embed the server create sessions without HTTP.
    pub fn app(&self) -> &Arc<App> {
        &self.app
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
        self.network.borrow().candidates.clone()
    }

    /// Completes once somebody who may has asked for a restart by REST. It is for the owner to stop this server and to
    /// start another one.
    pub async fn restart_requested(&self) {
        self.app.restart.notified().await;
    }

    /// A few lines for the person who started it, an empty one after them. Scripts wait for "OpenVidu is ready!".
    pub fn banner(&self) -> String {
        let config = &self.app.config;
        let port = config.server_port;
        let mut lines = vec![];
        if config.madang_call_page {
            lines.push(("Try a call at", format!("http://localhost:{port}/")));
        }
        let candidates = self.media_candidates();
        for candidate in candidates.udp.iter().filter(|candidate| !candidate.ip().is_loopback()) {
            lines.push(("On the network", format!("https://{}:{port}/", bracketed(candidate.ip()))));
        }
        if let Some(host) = config.domain_or_public_ip.for_url() {
            lines.push(("Public", format!("https://{host}:{}/", config.https_port())));
        }
        lines.push(("REST API", format!("http://localhost:{port}/openvidu/api")));
        let tcp = candidates.tcp.first().map(|address| format!(", TCP {}", address.port()));
        lines.push(("Media", format!("UDP {}{}", self.media_address.port(), tcp.unwrap_or_default())));
        let lines: String = lines.iter().map(|(what, value)| format!("  {what:<18}{value}\n")).collect();
        format!("\nOpenVidu is ready!  (Madang {})\n{lines}", env!("CARGO_PKG_VERSION"))
    }

    /// Ends every session, tells every connection to end, waits for them (not for ever), delivers the last events and
    /// ends the media thread.
    pub async fn stop(mut self) {
        let _ = self.app.control.call(Registry::shut_down).await;
        self.stopping.send_replace(true);
        if tokio::time::timeout(SHUTDOWN_GRACE, self.connections.recv()).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        // What connections began while they were ending.
        let _ = self.app.control.call(Registry::shut_down).await;
        if tokio::time::timeout(SHUTDOWN_GRACE, recordings_ended(&self.app.control)).await.is_err() {
            tracing::warn!("some recordings take long: they will be ready some time after the next start");
            let _ = self.app.control.call(|registry, _| registry.finish_endings()).await;
        }
        let thread = self.media_thread.take();
        drop(self.app);
        // The loop ends when nobody can reach it any more, and then has its own limit for the last events.
        if tokio::time::timeout(SHUTDOWN_GRACE * 2, self.control_task).await.is_err() {
            tracing::warn!("the control loop did not end in time");
        }
        // The thread ends when the control loop has dropped its end of the queue; connections that did not end in time
        // still hold it, so there is a limit here too.
        if let Some(thread) = thread {
            let _ = tokio::time::timeout(SHUTDOWN_GRACE, tokio::task::spawn_blocking(move || thread.join())).await;
        }
        // Neither the control loop nor the media thread holds the other ends: files are finished now.
        for thread in self.recording_threads {
            if tokio::time::timeout(SHUTDOWN_GRACE, tokio::task::spawn_blocking(move || thread.join())).await.is_err() {
                tracing::warn!("recorded files were not finished in time");
            }
        }
    }
}

/// Completes once no session waits for a recording of its own.
async fn recordings_ended(control: &Control) {
    let _ = control.ask(ApplicationCommand::AwaitEnd { session: None }).await;
}

/// Tells tasks when the server stops.
#[derive(Clone, Debug)]
pub(crate) struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Completes once it does. A server that was dropped has stopped.
    pub(crate) async fn requested(&mut self) {
        let _ = self.0.wait_for(|stopping| *stopping).await;
    }
}

fn listen(ip: IpAddr, port: u16) -> Result<(TcpListener, SocketAddr), (SocketAddr, io::Error)> {
    let listener = ports::listen(ip, port)?;
    let open = TcpListener::from_std(listener).and_then(|listener| Ok((listener.local_addr()?, listener)));
    open.map(|(address, listener)| (listener, address)).map_err(|cause| ((ip, port).into(), cause))
}

/// Where ACME authorities ask by plain HTTP (RFC 8555 §8.3), if no other port is set and nobody else has this one.
fn listen_for_authority(config: &Config) -> Option<(TcpListener, SocketAddr)> {
    const STANDARD: u16 = 80;
    if config.certificate_type != CertificateType::LetsEncrypt || config.http_port.is_some() {
        return None;
    }
    let failed = |error: &(SocketAddr, io::Error)| {
        tracing::warn!(error = %error.1, "port 80 cannot be had: the authority can look for this server by TLS only");
    };
    listen(config.madang_listen, STANDARD).inspect_err(failed).ok()
}

fn open_recordings(config: &Config) -> Result<Option<recordings::Store>, StartError> {
    let path = &config.openvidu_recording_path;
    let store = config.openvidu_recording.then(|| recordings::Store::open(path)).transpose();
    store.map_err(|cause| StartError::Recordings { path: path.clone(), cause })
}

fn event_sinks(config: &Config) -> Result<EventSinks, StartError> {
    let cdr = config.openvidu_cdr.then(|| Cdr::start(&config.openvidu_cdr_path)).transpose();
    let cdr = cdr.map_err(|cause| StartError::Cdr { path: config.openvidu_cdr_path.clone(), cause })?;
    let webhook = options::webhook(config).map_err(StartError::Config)?;
    // Receivers inside a deployment commonly have certificates that nobody signed, and operators rely on their being
    // accepted.
    let tls = Arc::new(certificates::unverified::client());
    let start = |destination| Webhook::start(destination, webhooks::Limits::default(), tls.clone());
    let webhooks = webhook.into_iter().map(start).collect();
    Ok(EventSinks { cdr, webhooks })
}

fn random_seed() -> [u8; 32] {
    let mut seed = [0; 32];
    rand::rng().fill_bytes(&mut seed);
    seed
}
