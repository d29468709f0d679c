//! What handlers share. Each takes the parts that it needs, as `State<Control>` or `State<Settings>`, and sees no others.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;
use bucket::Bucket;
use delivery::webhooks::WebhookWatch;
use doctor::OwnServer;
use history::History;
use jobs::JobFigures;
use recordings::{Layouts, Store, Transcoder};
use settings::Config;
use tokio::sync::{Mutex, Notify, watch};
use traces::SpanFigures;

use media::RelayQuestions;

use crate::allowance::Allowance;
use crate::authority::OwnAuthority;
use crate::container_names::ContainerNames;
use crate::control::Control;
use crate::limits::Limits;
use crate::logins::Logins;
use crate::node::Node;
use crate::program::Program;
use crate::vitals::Vitals;
use crate::wrong_secrets::WrongSecrets;

/// What is set; ports are those really bound.
pub(crate) type Settings = Arc<Config>;
/// Where clients are told to send media; it may change.
pub(crate) type MediaNetwork = watch::Receiver<media::MediaNetwork>;
/// Which certificate connections are shown.
pub(crate) type Certificate = Arc<certificates::ServedCertificate>;
/// Ways to look at the queues of events.
pub(crate) type Webhooks = Arc<[WebhookWatch]>;

/// All of it: for the router, which hands out the parts. It and its layers are copied several times for each request, and so this is
/// one reference.
#[derive(Clone, Debug)]
pub(crate) struct AppState(Arc<Parts>);

impl From<Parts> for AppState {
    fn from(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What [`AppState`] holds.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) settings: Settings,
    /// What strangers may take.
    pub(crate) limits: Limits,
    pub(crate) wrong_secrets: Arc<WrongSecrets>,
    /// Names of this server that browsers do not know.
    pub(crate) container_names: Arc<ContainerNames>,
    /// The sessions.
    /// What happened in sessions.
    pub(crate) history: History,
    /// Who has shown the secret to the dashboard.
    pub(crate) logins: Arc<Logins>,
    pub(crate) control: Control,
    /// Whether what calls depend on is alive.
    pub(crate) vitals: Vitals,
    pub(crate) certificate: Certificate,
    pub(crate) media_network: MediaNetwork,
    /// Tells what the relay has been used for.
    pub(crate) relay: RelayQuestions,
    /// How much live work with media there is.
    pub(crate) job_figures: Arc<JobFigures>,
    /// What became of traces, if there are any.
    pub(crate) spans: Option<Arc<SpanFigures>>,
    /// What became of events for applications.
    pub(crate) webhooks: Webhooks,
    pub(crate) recording_files: RecordingFiles,
    pub(crate) recording_programs: RecordingPrograms,
    pub(crate) node: Arc<Node>,
    pub(crate) program: Arc<Program>,
    pub(crate) restart: Arc<Restart>,
    /// Set if this server's certificate was signed here.
    pub(crate) authority: Option<Arc<OwnAuthority>>,
    pub(crate) examination: Arc<Examination>,
}

/// Where recordings are.
#[derive(Clone, Debug)]
pub(crate) struct RecordingFiles {
    /// `None` if this server does not record.
    pub(crate) store: Option<Store>,
    /// Where the finished ones are kept, if not there.
    pub(crate) bucket: Option<Arc<Bucket>>,
}

/// What helps to make them.
#[derive(Clone, Debug)]
pub(crate) struct RecordingPrograms {
    /// Composes several streams.
    pub(crate) transcoder: Transcoder,
    /// The pages that some of them show.
    pub(crate) layouts: Layouts,
}

/// The server's way to be started anew.
#[derive(Debug)]
pub(crate) struct Restart {
    pub(crate) program: Arc<Program>,
    /// Held by whoever writes settings.
    pub(crate) changing_settings: Mutex<()>,
    requested: Notify,
}

impl Restart {
    pub(crate) fn of(program: Arc<Program>) -> Self {
        Self { program, changing_settings: Mutex::default(), requested: Notify::new() }
    }

    /// Makes [`Restart::requested`] complete.
    pub(crate) fn request(&self) {
        self.requested.notify_one();
    }

    /// Completes once somebody has asked for it.
    pub(crate) async fn requested(&self) {
        self.requested.notified().await;
    }
}

/// For those who examine this server.
#[derive(Debug)]
pub(crate) struct Examination {
    pub(crate) server: OwnServer,
    /// Held while it examines itself.
    pub(crate) running: Mutex<()>,
    /// Users of the relay for those without the secret.
    pub(crate) guests: Allowance,
}

macro_rules! parts {
    ($($field:ident: $part:ty),+ $(,)?) => {
        $(impl FromRef<AppState> for $part {
            fn from_ref(state: &AppState) -> Self {
                state.$field.clone()
            }
        })+
    };
}

parts! {
    settings: Settings,
    limits: Limits,
    wrong_secrets: Arc<WrongSecrets>,
    container_names: Arc<ContainerNames>,
    control: Control,
    history: History,
    logins: Arc<Logins>,
    vitals: Vitals,
    media_network: MediaNetwork,
    relay: RelayQuestions,
    job_figures: Arc<JobFigures>,
    webhooks: Webhooks,
    recording_files: RecordingFiles,
    recording_programs: RecordingPrograms,
    node: Arc<Node>,
    program: Arc<Program>,
    restart: Arc<Restart>,
    authority: Option<Arc<OwnAuthority>>,
    examination: Arc<Examination>,
}
