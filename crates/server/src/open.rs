//! The first step of a start: everything that can fail because of what else there is on this machine (ports, files,
//! certificates) is opened before anything runs.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bucket::Bucket;
use certificates::{Certificates, OpenError};
use delivery::EventSinks;
use delivery::cdr::Cdr;
use delivery::client::{Client, ClientLimits};
use delivery::endpoint::Endpoint;
use delivery::webhooks::{self, Webhook};
use history::OpenHistory;
use journal::OpenJournal;
use media::{MediaNetwork, MediaSocket, WorkerSockets};
use rustls::ClientConfig;
use settings::{CertificateType, Config, LOCALHOST};
use tokio::net::TcpListener;

use crate::turn_offer::TurnOffer;
use crate::{options, ports};

/// What a server needs of its machine, opened.
pub(crate) struct Opened {
    /// With the ports really bound.
    pub(crate) config: Config,
    pub(crate) certificates: Certificates,
    pub(crate) http: Listening,
    /// Where requests are only sent on to HTTPS, or authorities ask.
    pub(crate) redirecting: Option<Listening>,
    /// Of each media worker, on the same ports.
    pub(crate) sockets: Vec<WorkerSockets>,
    pub(crate) media_address: SocketAddr,
    /// Of each of them.
    pub(crate) buffers: media::SocketBuffers,
    pub(crate) network: MediaNetwork,
    pub(crate) turn: TurnOffer,
    /// `None` if this server does not record.
    pub(crate) recordings: Option<recordings::Store>,
    pub(crate) bucket: Option<Arc<Bucket>>,
    /// Started, since that is how it is found out whether they can be written.
    pub(crate) events: EventSinks,
    /// `None` if nobody is told of events, or the disk does not let us.
    pub(crate) journal: Option<OpenJournal>,
    pub(crate) history: OpenHistory,
    /// `None` if there are no traces.
    pub(crate) collector: Option<Collector>,
}

/// Who gets traces.
pub(crate) struct Collector {
    pub(crate) endpoint: Endpoint,
    pub(crate) client: Client,
}

/// A TCP port.
pub(crate) struct Listening {
    pub(crate) listener: TcpListener,
    pub(crate) address: SocketAddr,
}

impl Opened {
    /// Everything that `config` names. Must be called inside a Tokio runtime.
    pub(crate) fn open(mut config: Config) -> Result<Self, StartError> {
        let recordings = open_recordings(&config)?;
        let bucket =
            options::bucket(&config).map_err(StartError::Config)?.map(Arc::new).filter(|_| recordings.is_some());
        let events = event_sinks(&config)?;
        let collector = collector(&config)?;
        let journal = open_journal(&config, &events);
        let certificates = Certificates::open(&options::certificates(&config))?;
        let redirecting = config.redirecting_port().map(|port| listen(config.madang_listen, port)).transpose();
        let redirecting = redirecting.map_err(|(address, cause)| StartError::Redirect { address, cause })?;
        let redirecting = redirecting.or_else(|| listen_for_authority(&config));
        let http = listen(config.madang_listen, config.server_port)
            .map_err(|(address, cause)| StartError::Tcp { address, cause })?;
        config.server_port = http.address.port();

        let media = MediaSocket::bind(config.madang_listen, config.madang_udp_port)
            .map_err(|(address, cause)| StartError::Udp { address, cause })?;
        let (media_address, buffers) = (media.address(), media.buffers());
        config.madang_udp_port = media_address.port();
        let network = MediaNetwork::now(&options::addresses(&config), media_address);
        tracing::info!(candidates = ?network.candidates, "media");
        let history = open_history(&config, &network);
        let mut sockets = WorkerSockets { media, turn: None };
        let turn = TurnOffer::new(&config, &network.candidates.udp, &mut sockets)
            .map_err(|(path, cause)| StartError::TurnSecret { path, cause })?;
        let sockets = shared(sockets, options::workers(&config));
        Ok(Self {
            config,
            certificates,
            http,
            redirecting,
            sockets,
            media_address,
            buffers,
            network,
            turn,
            recordings,
            bucket,
            events,
            journal,
            history,
            collector,
        })
    }

    /// How clients of the local network reach this machine.
    pub(crate) fn local_host(&self) -> IpAddr {
        self.network.candidates.udp.first().map_or(LOCALHOST, SocketAddr::ip)
    }
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
    /// Who may have signed the certificate of webhooks' receiver.
    #[error("cannot use the certificates in {}: {cause} (setting MADANG_WEBHOOK_AUTHORITY)", path.display())]
    WebhookAuthority {
        /// Where.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Who may have signed the certificate of the collector of traces.
    #[error("cannot use the certificates in {}: {cause} (setting OTEL_EXPORTER_OTLP_CERTIFICATE)", path.display())]
    CollectorAuthority {
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
            OpenError::Folder { folder: path, cause } => Self::Certificate { path, cause },
            OpenError::Own { folder: path, cause } => Self::OwnCertificate { path, cause },
        }
    }
}

/// The ports of so many media workers.
fn shared(first: WorkerSockets, workers: u16) -> Vec<WorkerSockets> {
    let more: io::Result<Vec<_>> = (1..workers).map(|_| first.share()).collect();
    let more = more.unwrap_or_else(|error| {
        tracing::warn!(%error, "this system lets no threads share a UDP port: one carries all media (setting MADANG_WORKERS)");
        vec![]
    });
    std::iter::once(first).chain(more).collect()
}

fn listen(ip: IpAddr, port: u16) -> Result<Listening, (SocketAddr, io::Error)> {
    let listener = ports::listen(ip, port)?;
    let open = TcpListener::from_std(listener).and_then(|listener| Ok((listener.local_addr()?, listener)));
    open.map(|(address, listener)| Listening { listener, address }).map_err(|cause| ((ip, port).into(), cause))
}

/// Where ACME authorities ask by plain HTTP (RFC 8555 §8.3), if no other port is set and nobody else has this one.
fn listen_for_authority(config: &Config) -> Option<Listening> {
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

/// For webhooks.
fn trusting(authority: Option<&Path>) -> Result<ClientConfig, StartError> {
    let path = authority.map(Path::to_owned).unwrap_or_default();
    certificates::verified::client(authority).map_err(|cause| StartError::WebhookAuthority { path, cause })
}

fn event_sinks(config: &Config) -> Result<EventSinks, StartError> {
    let cdr = config.openvidu_cdr.then(|| Cdr::start(&config.openvidu_cdr_path)).transpose();
    let cdr = cdr.map_err(|cause| StartError::Cdr { path: config.openvidu_cdr_path.clone(), cause })?;
    let webhook = options::webhook(config).map_err(StartError::Config)?;
    let tls = Arc::new(match config.madang_webhook_authority.as_str() {
        "none" => certificates::unverified::client(),
        "" => trusting(None)?,
        path => trusting(Some(Path::new(path)))?,
    });
    let start = |destination| Webhook::start(destination, webhooks::WebhookLimits::default(), tls.clone());
    let webhooks = webhook.into_iter().map(start).collect();
    Ok(EventSinks { cdr, webhooks })
}

/// Connected when there is something to send: it may be started after this server.
fn collector(config: &Config) -> Result<Option<Collector>, StartError> {
    const LIMITS: ClientLimits = ClientLimits { connect: Duration::from_secs(5), read: Duration::from_secs(10) };
    const AUTHORITY: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE: the file of the authority that signed it";
    let Some(endpoint) = options::collector(config).map_err(StartError::Config)? else { return Ok(None) };
    let authority = Some(&config.otel_exporter_otlp_certificate).filter(|path| !path.is_empty()).map(Path::new);
    let unusable = |cause| {
        let path = authority.map(Path::to_owned).unwrap_or_default();
        StartError::CollectorAuthority { path, cause }
    };
    let tls = certificates::verified::client(authority).map_err(unusable)?;
    Ok(Some(Collector { endpoint, client: Client::new(LIMITS, Arc::new(tls), AUTHORITY) }))
}

/// What cannot be kept on the disk is known as long as it goes on.
fn open_history(config: &Config, network: &MediaNetwork) -> OpenHistory {
    let options = options::history(config, network);
    let (file, offered) = (options.file.clone(), options.offered.clone());
    OpenHistory::open(options).unwrap_or_else(|error| {
        let file = file.unwrap_or_default();
        tracing::warn!(
            file = %file.display(), %error,
            "no history of sessions: the dashboard shows only those that go on (setting MADANG_DATA_DIR)"
        );
        OpenHistory::in_memory(offered)
    })
}

/// Without it the server runs as well, but nobody learns what a crash has ended.
fn open_journal(config: &Config, events: &EventSinks) -> Option<OpenJournal> {
    if events.cdr.is_none() && events.webhooks.is_empty() {
        return None;
    }
    let folder = &config.madang_data_dir;
    match OpenJournal::open(folder) {
        Ok(journal) => Some(journal),
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
            tracing::warn!(
                folder = %folder.display(),
                "another server has this MADANG_DATA_DIR: applications would not be told what a crash of this one ends"
            );
            None
        }
        Err(error) => {
            tracing::warn!(
                folder = %folder.display(), %error,
                "no journal of sessions: applications would not be told what a crash ends (setting MADANG_DATA_DIR)"
            );
            None
        }
    }
}
