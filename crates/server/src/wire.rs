//! The second step of a start: threads, tasks and the queues between them, around what was opened.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use confinement::Confinement;
use delivery::EventSinks;
use doctor::{OwnFacts, OwnServer, SocketBuffers};
use history::OpenHistory;
use journal::{Journal, OpenJournal};
use media::{MediaNetwork, Streams};
use protocol::checkup::Relay;
use settings::{Config, bracketed};
use tokio::sync::{Mutex, watch};
use traces::{Calls, Exporter, ExporterLimits, Resource};

use crate::allowance::Allowance;
use crate::authority::OwnAuthority;
use crate::container_names::ContainerNames;
use crate::control::{Accounts, Control, Traces};
use crate::limits::Limits;
use crate::lost;
use crate::node::Node;
use crate::open::{Collector, Opened};
use crate::options;
use crate::program::{self, Program};
use crate::state::{AppState, Examination, Parts, RecordingFiles, RecordingPrograms, Restart};
use crate::threads::Threads;
use crate::vitals::Vitals;
use crate::wrong_secrets::WrongSecrets;

/// What runs, and how it is reached.
pub(crate) struct Wired {
    /// For handlers.
    pub(crate) state: AppState,
    /// Carries media that comes over TCP.
    pub(crate) streams: Streams,
    /// Tells everybody of changes of this machine's addresses.
    pub(crate) network_changes: watch::Sender<MediaNetwork>,
    pub(crate) threads: Threads,
}

/// What is opened but not part of what runs.
pub(crate) struct Ports {
    pub(crate) certificates: certificates::Certificates,
    pub(crate) http: crate::open::Listening,
    pub(crate) redirecting: Option<crate::open::Listening>,
    pub(crate) media_address: SocketAddr,
}

/// Starts everything but the ports.
pub(crate) fn wire(program: Program, limits: Limits, opened: Opened) -> io::Result<(Wired, Ports)> {
    let local_host = opened.local_host();
    let Opened { config, certificates, http, redirecting, sockets, media_address, buffers, .. } = opened;
    let Opened { network, turn, recordings, bucket, mut events, journal, history, collector, .. } = opened;
    let node = Arc::new(Node::new(&config, local_host));
    let journal = journal.and_then(|journal| begin_journal(journal, &node, &mut events));
    let rules = options::session(&config, local_host, media_address.port());
    if let Some(why) = options::deaf(&config) {
        tracing::warn!("{why} (docs/speech-to-text.md)");
    }
    let rules = session::Settings { turn: turn.server.clone(), ..rules };
    let own_turn = turn.own_secret.is_some();
    let (network_changes, network) = watch::channel(network);

    let (history, traces) = match collector {
        Some(collector) => traced(collector, history, &config),
        None => (history, None),
    };
    let spans = traces.as_ref().map(|traces| traces.exporter.figures());
    let history = history.start(program::now())?;
    let (writer, taps, packets) = recordings::writer::queue();
    let routes = jobs::JobRoutes::default();
    let taps = routes.taps(taps);
    let workers = media::start(options::worker(&config, turn.own_secret), sockets, network.clone(), taps)?;
    let rules = session::Settings { media_workers: workers.handle.workers().collect(), ..rules };

    let limit = config.madang_compositions as usize;
    let confinement = Confinement::of(&config.madang_helper_user);
    let (chosen, data) = (config.madang_transcoder.as_ref(), &config.madang_data_dir);
    let transcoder = recordings::Transcoder::find(chosen, data, limit, confinement.clone());
    let public_url = config.public_url(&bracketed(local_host));
    let shown = certificates.shown.clone();
    let layouts = recordings::Layouts::new(recordings::LayoutOptions {
        chromium: config.madang_chromium.clone().into(),
        confinement,
        scratch: config.madang_data_dir.join("browser"),
        folder: config.openvidu_recording_custom_layout.clone(),
        public_url: public_url.clone(),
        composed_url: config.openvidu_recording_composed_url.clone(),
        refuses_inside: config.madang_refuse_private_targets,
        with_password: config.openvidu_recording_composed_basicauth,
        secret: config.openvidu_secret.expose().to_owned(),
        address: http.address,
        trusted_key: Arc::new(move || shown.key_digest()),
    });
    let mut recording_threads = vec![];
    let recording = match &recordings {
        Some(store) => {
            let media = workers.handle.weak();
            let writer = recordings::writer::start(writer, packets, move |command| media.send(command))?;
            let max_streams = rules.recording.max_streams;
            layouts.tidy();
            let local_copy = config.madang_recording_local_copy;
            let premises = recordings::Premises {
                store: store.clone(),
                destination: bucket.clone().map(|bucket| recordings::Destination { bucket, local_copy }),
                public_url,
                transcoder: transcoder.clone(),
                has_captions: config.madang_recording_captions,
                layouts: layouts.clone(),
                stop: Arc::default(),
            };
            let running = recordings::start(premises, writer, max_streams)?;
            recording_threads.extend([running.thread, running.writer]);
            (running.commands, Some(running.news))
        }
        None => (recordings::RecordingCommands::off(), None),
    };
    transcoder.check();
    let job_options = jobs::JobOptions {
        transcoder: transcoder.clone(),
        limit: config.madang_jobs as usize,
        layouts: Some(layouts.clone()),
    };
    let jobs = jobs::Jobs::new(job_options, routes, workers.handle.weak(), workers.local);
    let job_figures = jobs.0.figures();
    let webhooks = events.webhooks.iter().map(delivery::webhooks::Webhook::watch).collect();
    let (control, control_task) = Control::start(
        (rules, options::dialect(&config)),
        rand::random(),
        workers.handle,
        workers.events,
        recording,
        Some(jobs),
        Accounts { events, journal, history: Some(history.clone()), traces },
    );

    let authority = certificates.authority.as_deref().and_then(OwnAuthority::new).map(Arc::new);
    if let Some(authority) = &authority {
        tracing::info!(sha256 = authority.fingerprint(), "devices can be told at /trust to trust this server");
    }
    let relay = match &turn.server {
        _ if !config.openvidu_webrtc_ice_servers.is_empty() => Relay::Listed,
        _ if own_turn => Relay::Own,
        Some(_) => Relay::Other,
        None => Relay::Off,
    };
    let server = OwnServer::new(OwnFacts {
        relay,
        turn: turn.server.map(|turn| doctor::TurnServer { uris: turn.uris, secret: turn.secret }),
        buffers: SocketBuffers { receive: buffers.receive, send: buffers.send, wanted: buffers.wanted },
        certificate: options::certificates(&config),
        authority: authority.as_ref().map(|authority| authority.certificate().clone()),
    });
    let program = Arc::new(program);
    let state = Parts {
        node,
        settings: Arc::new(config),
        limits,
        wrong_secrets: Arc::new(WrongSecrets::new(limits.wrong_secrets)),
        vitals: Vitals::new(control.clone(), workers.pulse),
        history,
        logins: Arc::default(),
        container_names: Arc::new(ContainerNames::of_this_machine()),
        control,
        certificate: certificates.shown.clone(),
        media_network: network,
        relay: workers.relay,
        job_figures,
        spans,
        webhooks,
        recording_files: RecordingFiles { store: recordings, bucket },
        recording_programs: RecordingPrograms { transcoder, layouts },
        restart: Arc::new(Restart::of(program.clone())),
        program,
        authority,
        examination: Arc::new(Examination { server, running: Mutex::default(), guests: Allowance::new(limits.guests) }),
    };
    let threads = Threads { control: control_task, media: workers.threads, recordings: recording_threads };
    let wired = Wired { state: state.into(), streams: workers.streams, network_changes, threads };
    Ok((wired, Ports { certificates, http, redirecting, media_address }))
}

/// Lets traces be made of what the history is told.
fn traced(collector: Collector, history: OpenHistory, config: &Config) -> (OpenHistory, Option<Traces>) {
    let Collector { endpoint, client } = collector;
    let resource = Resource {
        service: config.otel_service_name.clone(),
        version: env!("CARGO_PKG_VERSION"),
        instance: format!("{:032x}", rand::random::<u128>()),
    };
    let (spans, exporter) = Exporter::start(endpoint, client, resource, ExporterLimits::default());
    let (calls, requests) = Calls::new(rand::random(), move |span| spans.tell(span));
    (history.followed_by(Box::new(calls)), Some(Traces { requests, exporter }))
}

/// Tells what the last run has left in it, and begins a new one.
fn begin_journal(mut journal: OpenJournal, node: &Node, events: &mut EventSinks) -> Option<Journal> {
    lost::tell(&journal.take_lost(), node, events);
    let failed = |error: &io::Error| {
        tracing::warn!(%error, "no journal of sessions: applications would not be told what a crash ends");
    };
    journal.start().inspect_err(failed).ok()
}
