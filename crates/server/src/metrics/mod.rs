//! `/metrics`: what operators see of this server in Prometheus, Grafana and the like. Counters come from what passes the control
//! loop, the rest is asked for when somebody looks. How many series there are does not depend on how many sessions there are:
//! no label names a session or a person; who wants that asks the REST API with `webRtcStats`.

mod counters;
pub(crate) mod disks;
mod distribution;
pub(crate) mod exposition;
mod process;
mod usage;

pub(crate) use counters::reason;
pub(crate) use usage::Usage;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use delivery::webhooks::WebhookState;
use jobs::JobFigures;
use media::RelayUse;
use protocol::event::Event;
use session::figures::Streams;
use session::question::Census;
use session::{MediaObservation, Noticed, QualityLevel, Refusal};
use traces::SpanCounts;

use counters::{Counters, Direction, Traffic};
use disks::Disk;
use distribution::Distribution;
use exposition::Exposition;
use process::ProcessFigures;

/// The counters. Clones are one and the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics(Arc<Mutex<Counters>>);

impl Metrics {
    pub(crate) fn saw(&self, observation: &MediaObservation) {
        self.lock().saw(observation);
    }

    pub(crate) fn happened(&self, event: &Event) {
        self.lock().happened(event);
    }

    pub(crate) fn noticed(&self, what: &Noticed) {
        self.lock().noticed(what);
    }

    /// The thread of a media worker has ended.
    pub(crate) fn lost_worker(&self) {
        self.lock().workers_lost += 1;
    }

    pub(crate) fn refused(&self, refusal: &Refusal) {
        self.lock().refused(refusal);
    }

    /// Of media, from and to clients, since the start.
    fn bytes(&self) -> [u64; 2] {
        let counters = self.lock();
        [0, 1].map(|way| counters.directions[way].kinds.iter().map(|kind| kind.bytes).sum())
    }

    /// Held by the control loop alone, for some additions each time, and for a copy by whoever looks.
    fn lock(&self) -> MutexGuard<'_, Counters> {
        // Nothing that panics is done while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is asked for when somebody looks.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) census: Census,
    pub(crate) webhooks: Vec<WebhookState>,
    /// Of the relay inside, if it has answered.
    pub(crate) relay: Option<RelayUse>,
    pub(crate) jobs: Arc<JobFigures>,
    pub(crate) disks: Vec<Disk>,
    /// Until when the certificate is valid, in seconds since 1970.
    pub(crate) certificate_until: Option<u64>,
    /// Media workers that have panicked.
    pub(crate) worker_panics: u64,
    pub(crate) secrets: Secrets,
    /// If there are traces.
    pub(crate) spans: Option<SpanCounts>,
    /// ms since 1970.
    pub(crate) started_at: u64,
    pub(crate) restarts: u32,
}

/// Attempts with a wrong secret.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Secrets {
    pub(crate) wrong: u64,
    /// Not looked at, since there were too many.
    pub(crate) held_up: u64,
}

/// Everything, as Prometheus reads it.
pub(crate) fn write(metrics: &Metrics, facts: &Facts) -> String {
    let counters = metrics.lock().clone();
    let mut out = Exposition::default();
    of_program(&mut out, facts);
    of_process(&mut out);
    of_machine(&mut out, facts);
    of_sessions(&mut out, &counters, facts);
    of_workers(&mut out, &counters, facts);
    of_media(&mut out, &counters);
    of_quality(&mut out, &counters, facts);
    of_recordings(&mut out, &counters, facts);
    of_jobs(&mut out, &facts.jobs);
    of_webhooks(&mut out, &facts.webhooks);
    of_relay(&mut out, facts.relay.as_ref());
    of_traces(&mut out, facts.spans);
    out.finish()
}

fn of_program(out: &mut Exposition, facts: &Facts) {
    let labels = [("version", env!("CARGO_PKG_VERSION")), ("openvidu", settings::COMPATIBLE_VERSION)];
    out.gauge("madang_build_info", "Which version runs, and which one of OpenVidu it is compatible with.")
        .sample(&labels, 1);
    out.counter("madang_restarts_total", "How often the server was started again by REST.").value(facts.restarts);
    let seconds = facts.started_at as f64 / 1000.0;
    out.gauge("process_start_time_seconds", "When the process began, in seconds since 1970.").value(seconds);
}

fn of_process(out: &mut Exposition) {
    let Some(process) = ProcessFigures::read() else { return };
    out.counter("process_cpu_seconds_total", "Time on a processor.").value(process.cpu_seconds);
    out.gauge("process_resident_memory_bytes", "Memory in use.").value(process.resident_bytes);
    out.gauge("process_open_fds", "Open files and sockets.").value(process.open_files);
    if let Some(most) = process.most_files {
        out.gauge("process_max_fds", "As many of them as may be open.").value(most);
    }
    let mut family = out.counter("madang_worker_cpu_seconds_total", "Time of a media worker's thread on a processor.");
    for (worker, seconds) in process.workers {
        family.sample(&[("worker", &worker.to_string())], seconds);
    }
}

fn of_machine(out: &mut Exposition, facts: &Facts) {
    if let Ok(processors) = std::thread::available_parallelism() {
        out.gauge("madang_processors", "Processors that this process may use.").value(processors);
    }
    let mut family = out.gauge("madang_disk_free_bytes", "What may still be written, by what the folder holds.");
    for disk in &facts.disks {
        family.sample(&[("holds", disk.holds)], disk.free);
    }
    let mut family = out.gauge("madang_disk_size_bytes", "The same disks in all.");
    for disk in &facts.disks {
        family.sample(&[("holds", disk.holds)], disk.size);
    }
    if let Some(until) = facts.certificate_until {
        let help = "Until when the certificate in use is valid, in seconds since 1970.";
        out.gauge("madang_certificate_expiry_timestamp_seconds", help).value(until);
    }
    let help = "Attempts with a wrong secret; held_up: those that were not looked at, since there had been too many.";
    let mut family = out.counter("madang_wrong_secrets_total", help);
    family.sample(&[("result", "wrong")], facts.secrets.wrong);
    family.sample(&[("result", "held_up")], facts.secrets.held_up);
}

fn of_sessions(out: &mut Exposition, counters: &Counters, facts: &Facts) {
    let Census { figures, media } = &facts.census;
    out.gauge("madang_sessions", "Sessions, whether or not somebody has joined.").value(figures.sessions);
    out.gauge("madang_participants", "Who has joined, without those whom nobody sees.").value(media.participants);
    out.gauge("madang_sockets", "Open WebSockets.").value(figures.sockets);
    let mut family =
        out.gauge("madang_streams", "Streams by what they carry, and by who is counted: publishers or subscribers.");
    for (direction, Streams { audio, screen, video }) in [("published", media.published), ("received", media.received)]
    {
        for (kind, count) in [("audio", audio), ("screen", screen), ("video", video)] {
            family.sample(&[("direction", direction), ("kind", kind)], count);
        }
    }
    out.counter("madang_sessions_created_total", "Sessions made.").value(counters.sessions_created);
    by(
        out,
        "madang_sessions_destroyed_total",
        "Sessions that ended after somebody had joined.",
        "reason",
        &counters.sessions_destroyed,
    );
    out.counter("madang_participants_joined_total", "Joins.").value(counters.joined);
    by(out, "madang_participants_left_total", "Participants who are gone.", "reason", &counters.left);
    by(
        out,
        "madang_refusals_total",
        "Requests of clients and applications that were refused, joins among them.",
        "reason",
        &counters.refusals,
    );
    let help = "Requests of clients that wait for a media worker.";
    out.gauge("madang_media_requests", help).value(figures.media_requests);
}

fn of_workers(out: &mut Exposition, counters: &Counters, facts: &Facts) {
    let workers: Vec<_> = facts.census.media.workers.iter().map(|one| (one.worker.0.to_string(), one)).collect();
    let mut family = out.gauge("madang_worker_sessions", "Sessions in use of a media worker.");
    for (worker, figures) in &workers {
        family.sample(&[("worker", worker)], figures.sessions);
    }
    let help =
        "Defects of media workers; panicked: one started again and ended its transports, lost: its thread is gone.";
    let mut family = out.counter("madang_worker_failures_total", help);
    family.sample(&[("result", "panicked")], facts.worker_panics);
    family.sample(&[("result", "lost")], counters.workers_lost);
    let help =
        "Participants, and streams that they send and receive, of a media worker: new sessions go where it is least.";
    let mut family = out.gauge("madang_worker_load", help);
    for (worker, figures) in &workers {
        family.sample(&[("worker", worker)], figures.load);
    }
}

/// As labels call them: what comes from publishers, and what goes to subscribers.
const DIRECTIONS: [&str; 2] = ["in", "out"];
const KINDS: [&str; 2] = ["audio", "video"];

fn of_media(out: &mut Exposition, counters: &Counters) {
    let directions = || DIRECTIONS.into_iter().zip(&counters.directions);
    let mut counted = |name, help, count: fn(&Direction) -> u64| {
        let mut family = out.counter(name, help);
        for (direction, of) in directions() {
            family.sample(&[("direction", direction)], count(of));
        }
    };
    let help = "Peer connections that began; in: of publishers, out: of subscribers.";
    counted("madang_media_negotiated_total", help, |of| of.negotiated);
    let help = "Peer connections whose client was heard (ICE).";
    counted("madang_media_reached_total", help, |of| of.reached);
    let help = "Peer connections that came up (DTLS); in: of publishers, out: of subscribers.";
    counted("madang_media_connected_total", help, |of| of.connected);
    let help = "Peer connections that ended at the client's side, lost or closed.";
    counted("madang_media_disconnected_total", help, |of| of.disconnected);
    let mut counted = |name, help, count: fn(&Traffic) -> u64| {
        let mut family = out.counter(name, help);
        for (direction, of) in directions() {
            for (kind, traffic) in KINDS.into_iter().zip(&of.kinds) {
                family.sample(&[("direction", direction), ("kind", kind)], count(traffic));
            }
        }
    };
    counted("madang_media_bytes_total", "Media without headers; in: from clients, out: to them.", |of| of.bytes);
    counted("madang_media_packets_total", "Packets of media.", |of| of.packets);
    let help = "Requests for lost packets; in: to publishers, out: from subscribers.";
    counted("madang_media_nacks_total", help, |of| of.nacks);
    let help = "Key frames asked for; in: of publishers, out: by subscribers.";
    counted("madang_media_key_frame_requests_total", help, |of| of.key_frame_requests);
    counted("madang_media_frames_total", "Complete frames of pictures.", |of| of.frames);
    let help = "How often a picture stood still, as it came in or went out.";
    counted("madang_media_freezes_total", help, |of| of.freezes);
    let mut family = out.counter("madang_media_frozen_seconds_total", "How long pictures stood still.");
    for (direction, of) in directions() {
        let video = &of.kinds[1];
        family.sample(&[("direction", direction), ("kind", "video")], video.frozen_ms as f64 / 1000.0);
    }
    let mut family =
        out.counter("madang_media_paths_total", "Ways that peer connections have taken, changes of the way included.");
    for protocol in ["tcp", "udp"] {
        for relayed in ["false", "true"] {
            let count = counters.paths.get(&(protocol, relayed)).copied().unwrap_or_default();
            family.sample(&[("protocol", protocol), ("relayed", relayed)], count);
        }
    }
    let help = "Changes of the simulcast layer that a subscriber gets, first ones included.";
    out.counter("madang_media_layer_changes_total", help).value(counters.layer_changes);
    let help = "Publishers of whom nothing came for a while.";
    out.counter("madang_media_silences_total", help).value(counters.silences);
    let help = "Publishers whose pictures stopped while sound went on: frozen, switched off, or a screen on which nothing moves.";
    out.counter("madang_media_stills_total", help).value(counters.stills);
}

fn of_quality(out: &mut Exposition, counters: &Counters, facts: &Facts) {
    let mut by_kind = |name, help, of: fn(&Traffic) -> &Distribution| {
        let mut family = out.histogram(name, help);
        for (direction, all) in DIRECTIONS.into_iter().zip(&counters.directions) {
            for (kind, traffic) in KINDS.into_iter().zip(&all.kinds) {
                let Distribution { bounds, counts, sum } = of(traffic);
                family.distribution(&[("direction", direction), ("kind", kind)], *bounds, counts, *sum);
            }
        }
    };
    let help = "Share of packets lost on the way, of each stream in each period of statistics.";
    by_kind("madang_media_loss_ratio", help, |of| &of.loss);
    by_kind("madang_media_jitter_seconds", "Jitter, of each stream in each period.", |of| &of.jitter);
    let help = "To the client and back, of each peer connection in each period.";
    let mut family = out.histogram("madang_media_round_trip_seconds", help);
    for (direction, all) in DIRECTIONS.into_iter().zip(&counters.directions) {
        let Distribution { bounds, counts, sum } = &all.round_trip;
        family.distribution(&[("direction", direction)], *bounds, counts, *sum);
    }
    let help =
        "Publishers by the level of their network, 5 is excellent, 0 cut off; with OPENVIDU_PRO_NETWORK_QUALITY.";
    let mut family = out.gauge("madang_network_quality_publishers", help);
    for (level, count) in QualityLevel::ALL.iter().zip(facts.census.media.qualities) {
        family.sample(&[("level", &openvidu::notification::quality_level(*level).to_string())], count);
    }
}

fn of_recordings(out: &mut Exposition, counters: &Counters, facts: &Facts) {
    let help = "Recordings that are starting, running or being processed.";
    out.gauge("madang_recordings", help).value(facts.census.figures.recordings);
    let help = "Sessions that are being broadcast.";
    out.gauge("madang_broadcasts", help).value(facts.census.figures.broadcasts);
    by(out, "madang_recordings_total", "Recordings that came so far.", "status", &counters.recordings);
    let help = "Speakers whose words are written down, each counted once for each language.";
    out.gauge("madang_recognisers", help).value(facts.census.figures.recognisers);
}

fn of_webhooks(out: &mut Exposition, webhooks: &[WebhookState]) {
    let sum = |of: fn(&WebhookState) -> u64| webhooks.iter().map(of).sum::<u64>();
    out.gauge("madang_webhook_queue", "Events that wait for applications.").value(sum(|one| one.waiting as u64));
    let help = "Applications that cannot be reached now.";
    out.gauge("madang_webhook_away", help).value(sum(|one| u64::from(one.counts.away)));
    let help = "What became of events: delivered, refused (answered with another status than 200), unreachable (given up), or \
        overflowed (dropped, as the queue was full).";
    let mut family = out.counter("madang_webhook_events_total", help);
    family.sample(&[("result", "delivered")], sum(|one| one.counts.delivered));
    family.sample(&[("result", "overflowed")], sum(|one| one.counts.overflowed));
    family.sample(&[("result", "refused")], sum(|one| one.counts.refused));
    family.sample(&[("result", "unreachable")], sum(|one| one.counts.unreachable));
}

fn of_jobs(out: &mut Exposition, jobs: &JobFigures) {
    out.gauge("madang_jobs", "Live work with media, in processes of its own.").value(jobs.running());
    let help = "Processes of live work that were started in the place of one that had died.";
    out.counter("madang_job_restarts_total", help).value(jobs.restarts());
    let help = "Live work that was not begun: as much runs as may, or the machine lacks something for it.";
    out.counter("madang_jobs_refused_total", help).value(jobs.refused());
    let help = "Packets that found no room on their way to live work, or back.";
    out.counter("madang_job_packets_dropped_total", help).value(jobs.dropped());
}

fn of_relay(out: &mut Exposition, relay: Option<&RelayUse>) {
    let Some(relay) = relay else { return };
    out.gauge("madang_turn_allocations", "Ways of clients through the relay inside.").value(relay.allocations);
    out.counter("madang_turn_allocations_total", "Those that were made.").value(relay.totals.allocations);
    let help = "What went through the relay; in: from clients, out: to them.";
    let mut family = out.counter("madang_turn_bytes_total", help);
    family.sample(&[("direction", "in")], relay.usage.received.bytes);
    family.sample(&[("direction", "out")], relay.usage.sent.bytes);
    let help = "Authenticated requests to the relay that were refused.";
    out.counter("madang_turn_refused_total", help).value(relay.totals.refused);
}

fn of_traces(out: &mut Exposition, spans: Option<SpanCounts>) {
    let Some(SpanCounts { exported, rejected, dropped }) = spans else { return };
    let help = "Spans of traces; rejected: the collector did not want them, dropped: it was away or too slow.";
    let mut family = out.counter("madang_trace_spans_total", help);
    family.sample(&[("result", "exported")], exported);
    family.sample(&[("result", "rejected")], rejected);
    family.sample(&[("result", "dropped")], dropped);
}

fn by(out: &mut Exposition, name: &'static str, help: &str, label: &'static str, counts: &BTreeMap<&'static str, u64>) {
    let mut family = out.counter(name, help);
    for (value, count) in counts {
        family.sample(&[(label, value)], count);
    }
}
