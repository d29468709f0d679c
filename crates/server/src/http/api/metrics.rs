//! `/metrics`, for Prometheus.

use std::time::UNIX_EPOCH;

use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use session::question::TakeCensus;

use crate::http::error::ApiError;
use crate::metrics::exposition;
use crate::metrics::{self, Facts, Secrets, disks};
use crate::state::{AppState, Parts};

/// Get metrics
///
/// How much there is of everything, for Prometheus: sessions, participants, streams, media, losses, delays, freezes, recordings,
/// webhooks, the relay and the process. No label names a session or a person.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "getMetrics",
    tag = "Operation",
    responses((
        status = 200,
        description = "Prometheus' text format 0.0.4",
        body = String,
    )),
)]
pub(crate) async fn show(State(state): State<AppState>) -> Result<([(HeaderName, &'static str); 1], String), ApiError> {
    let Parts { control, relay, webhooks, program, settings, certificate, wrong_secrets, .. } = &*state;
    // A disk of the network may not answer.
    let disks = tokio::task::spawn_blocking({
        let settings = settings.clone();
        move || disks::look(&settings)
    });
    let (census, relay, disks) = tokio::join!(control.look_up(TakeCensus), relay.ask(), disks);
    let until = certificate.validity().and_then(|validity| validity.until.duration_since(UNIX_EPOCH).ok());
    let facts = Facts {
        census: census?,
        webhooks: webhooks.iter().map(|one| one.state()).collect(),
        relay,
        jobs: state.job_figures.clone(),
        disks: disks.unwrap_or_default(),
        certificate_until: until.map(|until| until.as_secs()),
        worker_panics: state.vitals.worker_panics(),
        secrets: Secrets { wrong: wrong_secrets.wrong(), held_up: wrong_secrets.held_up() },
        spans: state.spans.as_ref().map(|spans| spans.counts()),
        started_at: program.started_at(),
        restarts: program.restarts(),
    };
    Ok(([(CONTENT_TYPE, exposition::CONTENT_TYPE)], metrics::write(control.metrics(), &facts)))
}
