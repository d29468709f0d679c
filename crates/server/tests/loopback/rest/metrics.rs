//! `/metrics`: who gets them, that Prometheus can read them, what they count, and that the dashboard asks for nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use protocol::model::MediaServer;
use serde_json::{Value, json};
use testbed::rest::Request;
use testbed::server::TestServer;

use super::participants::Participant;
use super::streams::recorded;

/// What is exposed, read as strictly as the format is written down (version 0.0.4).
pub(crate) struct Exposed {
    /// With their types.
    families: BTreeMap<String, String>,
    /// Name and labels as they stand, with the value.
    samples: BTreeMap<String, f64>,
}

impl Exposed {
    pub(crate) fn read(text: &str) -> Self {
        let (mut families, mut samples) = (BTreeMap::new(), BTreeMap::new());
        let (mut helped, mut current) = (BTreeSet::new(), String::new());
        assert!(text.ends_with('\n'));
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').expect("a help");
                assert!(!help.is_empty() && helped.insert(name.to_owned()), "{line}");
                current = String::new();
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').expect("a type");
                assert!(helped.contains(name) && is_name(name), "{line}");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
                assert_eq!(families.insert(name.to_owned(), kind.to_owned()), None, "{line}");
                current = name.to_owned();
            } else {
                let (series, value) = line.rsplit_once(' ').expect("a value");
                let name = series.split('{').next().unwrap();
                let is_histogram = families.get(&current).is_some_and(|kind| kind == "histogram");
                let suffix =
                    name.strip_prefix(current.as_str()).unwrap_or_else(|| panic!("{line} is not of {current}"));
                let suffixes: &[&str] = if is_histogram { &["_bucket", "_sum", "_count"] } else { &[""] };
                assert!(suffixes.contains(&suffix), "{line}");
                check_labels(&series[name.len()..]);
                let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
                assert!(value.is_finite() && value >= 0.0, "{line}");
                assert_eq!(samples.insert(series.to_owned(), value), None, "{line} comes twice");
            }
        }
        let exposed = Self { families, samples };
        exposed.check_histograms();
        exposed
    }

    /// Buckets grow up to the one that holds everything.
    fn check_histograms(&self) {
        let mut buckets: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for (series, value) in self.samples.iter().filter(|(series, _)| series.contains("_bucket{")) {
            let (before, bound) = series.split_once("le=\"").expect("a bound");
            let (bound, after) = bound.split_once('"').expect("its end");
            let rest = before.replace("_bucket", "_count").trim_end_matches(',').to_owned() + after;
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().expect("a number") };
            buckets.entry(rest.replace("{}", "")).or_default().push((bound, *value));
        }
        assert!(!buckets.is_empty());
        for (count, mut buckets) in buckets {
            buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
            assert!(buckets.is_sorted_by(|one, other| one.1 <= other.1), "{count}: {buckets:?}");
            assert_eq!(buckets.last(), Some(&(f64::INFINITY, self.samples[&count])), "{count}");
        }
    }

    pub(crate) fn value(&self, series: &str) -> f64 {
        *self.samples.get(series).unwrap_or_else(|| panic!("{series} is not among {:?}", self.samples.keys()))
    }

    fn has(&self, name: &str) -> bool {
        let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
        let is_histogram = |name| self.families.get(name).is_some_and(|kind| kind == "histogram");
        self.families.contains_key(name) && !is_histogram(name) || of_histogram.is_some_and(is_histogram)
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

/// `{name="value",…}` or nothing; no value of ours needs to be escaped.
fn check_labels(labels: &str) {
    if labels.is_empty() {
        return;
    }
    let inside = labels.strip_prefix('{').and_then(|labels| labels.strip_suffix('}')).expect(labels);
    for label in inside.split(',') {
        let (name, value) = label.split_once('=').expect(labels);
        assert!(is_name(name), "{labels}");
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).expect(labels);
        assert!(!value.is_empty() && !value.contains(['"', '\\']), "{labels}");
    }
}

#[tokio::test]
async fn they_need_the_secret_and_are_prometheus_text() {
    let server = TestServer::start().await;
    for request in [
        Request::anonymous("GET", "/metrics"),
        Request::new("GET", "/metrics").header("Authorization", &testbed::rest::basic("OPENVIDUAPP:wrong")),
    ] {
        let refused = server.send(request).await;
        assert!(refused.status == 401 && refused.is_empty(), "{refused:?}");
    }
    let answer = server.get("/metrics").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain; version=0.0.4; charset=utf-8")));
    let exposed = Exposed::read(answer.text());
    assert_eq!(exposed.value("madang_sessions"), 0.0);
    assert!(exposed.value("process_resident_memory_bytes") > 1e6);
    assert!(exposed.value("process_open_fds") < exposed.value("process_max_fds"));
    assert!(
        exposed.value("madang_disk_free_bytes{holds=\"data\"}")
            <= exposed.value("madang_disk_size_bytes{holds=\"data\"}")
    );
    assert!(exposed.value("madang_processors") >= 1.0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    assert!(exposed.value("madang_certificate_expiry_timestamp_seconds") > now);
    assert_eq!(exposed.value("madang_wrong_secrets_total{result=\"wrong\"}"), 1.0, "the one above");
    assert!(exposed.samples.keys().any(|series| series.starts_with("madang_build_info{version=\"")));
}

#[tokio::test]
async fn they_count_what_happens_and_name_nobody() {
    let server = TestServer::start_with(|config| config.openvidu_enterprise_media_server = MediaServer::Kurento).await;
    server.create_session("room-of-secrets").await;
    let mut ann = Participant::join(&server, "room-of-secrets", "{}", "ann").await;
    let mut bob = Participant::join(&server, "room-of-secrets", "{}", "bob").await;
    let published = ann.request("publishVideo", recorded("publishVideo")).await;
    let mut receive = recorded("receiveVideoFrom");
    receive["sender"] = published["result"]["id"].clone();
    bob.request("receiveVideoFrom", receive).await;
    let mut stranger = server.client().await;
    let join = json!({"token": "wss://x?sessionId=room-of-secrets&token=tok_wrong", "session": "room-of-secrets",
        "platform": "x", "sdkVersion": "2.32.2", "metadata": "", "secret": "", "recorder": false, "stt": false});
    let refused = stranger.request("joinRoom", join).await;
    assert!(refused["error"].is_object(), "{refused}");
    bob.request("leaveRoom", json!({})).await;
    let answer = server.get("/metrics").await;
    let exposed = Exposed::read(answer.text());
    for (series, value) in [
        ("madang_sessions", 1.0),
        ("madang_sessions_created_total", 1.0),
        ("madang_participants", 1.0),
        ("madang_participants_joined_total", 2.0),
        ("madang_participants_left_total{reason=\"disconnect\"}", 1.0),
        ("madang_streams{direction=\"published\",kind=\"video\"}", 1.0),
        ("madang_streams{direction=\"received\",kind=\"video\"}", 0.0),
        ("madang_refusals_total{reason=\"invalid_token\"}", 1.0),
        ("madang_webhook_events_total{result=\"delivered\"}", 0.0),
        ("madang_media_negotiated_total{direction=\"in\"}", 1.0),
        ("madang_media_negotiated_total{direction=\"out\"}", 1.0),
        // Nothing has happened, and Prometheus has to see that it begins.
        ("madang_recordings_total{status=\"failed\"}", 0.0),
        ("madang_worker_failures_total{result=\"panicked\"}", 0.0),
        ("madang_jobs_refused_total", 0.0),
    ] {
        assert_eq!(exposed.value(series), value, "{series}");
    }
    let loads = exposed.samples.iter().filter(|(series, _)| series.starts_with("madang_worker_load{"));
    assert_eq!(loads.map(|(_, value)| value).sum::<f64>(), 2.0);
    for name in ["room-of-secrets", "ann", &ann.id, &bob.id] {
        assert!(!answer.text().contains(&format!("\"{name}\"")), "{name}");
    }
    let before = exposed.samples.len();
    for number in 0..20 {
        server.create_session(&format!("another-{number}")).await;
    }
    let exposed = Exposed::read(server.get("/metrics").await.text());
    assert_eq!((exposed.value("madang_sessions"), exposed.samples.len()), (21.0, before), "no series for each session");
}

#[tokio::test]
async fn the_dashboard_asks_for_metrics_that_there_are() {
    let server = TestServer::start().await;
    let exposed = Exposed::read(server.get("/metrics").await.text());
    let dashboard: Value =
        serde_json::from_str(include_str!("../../../../../docs/grafana/madang.json")).expect("it is JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let mut asked = BTreeSet::new();
    for target in targets {
        let expression = target["expr"].as_str().expect("an expression");
        let names: Vec<_> = names_in(expression).collect();
        assert!(!names.is_empty(), "{expression}");
        for name in names {
            assert!(exposed.has(name), "{name} of {expression}");
            asked.insert(name.trim_end_matches("_bucket").to_owned());
        }
    }
    // Everything that is measured of media can be seen.
    for name in exposed.families.keys().filter(|name| name.starts_with("madang_media_")) {
        let unseen = ["madang_media_frames_total"];
        assert!(asked.contains(name) || unseen.contains(&name.as_str()), "{name} is on no panel");
    }
}

#[tokio::test]
async fn alerts_ask_for_metrics_that_there_are() {
    let server = TestServer::start().await;
    let exposed = Exposed::read(server.get("/metrics").await.text());
    let rules = include_str!("../../../../../docs/prometheus/alerts.yml");
    let names: BTreeSet<_> = names_in(rules).collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        // It is there where traces are on.
        assert!(exposed.has(name) || name == "madang_trace_spans_total", "{name}");
    }
}

/// Of metrics.
fn names_in(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("madang_") || word.starts_with("process_"))
}
