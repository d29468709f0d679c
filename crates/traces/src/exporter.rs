//! The way of spans to a collector: OTLP over HTTP, many at a time.
//!
//! Nobody waits for it. Spans stand in a queue with a bound; when it is full, because the collector is away or too slow, the *new* one
//! is dropped and counted. What the collector cannot take now is sent again, less and less often, and given up after a minute;
//! what it refuses is not sent again. Calls notice nothing of that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use delivery::client::{Answer, Client};
use delivery::endpoint::Endpoint;
use http::StatusCode;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::otlp::{self, Resource};
use crate::span::Span;

/// Bounds of it.
#[derive(Clone, Copy, Debug)]
pub struct ExporterLimits {
    /// Spans that wait. One takes some 500 bytes.
    pub queue: usize,
    /// Spans in one request.
    pub batch: usize,
    /// How long the first one waits for others.
    pub gather: Duration,
    /// Until the first further attempt; each pause after it is twice as long.
    pub first_pause: Duration,
    /// But no longer than this.
    pub longest_pause: Duration,
    /// How long one request is tried.
    pub patience: Duration,
}

impl Default for ExporterLimits {
    fn default() -> Self {
        Self {
            queue: 4096,
            batch: 512,
            gather: Duration::from_secs(1),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
            patience: Duration::from_secs(60),
        }
    }
}

/// Takes spans. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Spans {
    queue: mpsc::Sender<Span>,
    figures: Arc<SpanFigures>,
}

impl Spans {
    /// One has ended. Never waits.
    pub fn tell(&self, span: Span) {
        if self.queue.try_send(span).is_err() {
            self.figures.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What became of spans, counted as it happens.
#[derive(Debug, Default)]
pub struct SpanFigures {
    exported: AtomicU64,
    rejected: AtomicU64,
    dropped: AtomicU64,
}

/// The same at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SpanCounts {
    /// The collector has them.
    pub exported: u64,
    /// It did not want them.
    pub rejected: u64,
    /// It was away or too slow.
    pub dropped: u64,
}

impl SpanFigures {
    /// Up to now.
    pub fn counts(&self) -> SpanCounts {
        let [exported, rejected, dropped] =
            [&self.exported, &self.rejected, &self.dropped].map(|count| count.load(Ordering::Relaxed));
        SpanCounts { exported, rejected, dropped }
    }
}

/// The task that sends.
#[derive(Debug)]
pub struct Exporter {
    task: JoinHandle<()>,
    closing: watch::Sender<bool>,
    figures: Arc<SpanFigures>,
}

impl Exporter {
    /// Starts it. Must be called inside a Tokio runtime.
    pub fn start(endpoint: Endpoint, client: Client, resource: Resource, limits: ExporterLimits) -> (Spans, Self) {
        let (queue, spans) = mpsc::channel(limits.queue);
        let (closing, is_closing) = watch::channel(false);
        let figures = Arc::<SpanFigures>::default();
        let sending =
            Sending { endpoint, client, resource, limits, is_closing, figures: figures.clone(), is_away: false };
        let task = tokio::spawn(sending.run(spans));
        (Spans { queue, figures: figures.clone() }, Self { task, closing, figures })
    }

    /// What is counted.
    pub fn figures(&self) -> Arc<SpanFigures> {
        self.figures.clone()
    }

    /// Sends what there is, once, but does not wait longer than that.
    pub async fn close(self, patience: Duration) {
        let _ = self.closing.send(true);
        // It ended, or takes too long: traces are not worth more.
        let _ = timeout(patience, self.task).await;
    }
}

struct Sending {
    endpoint: Endpoint,
    client: Client,
    resource: Resource,
    limits: ExporterLimits,
    is_closing: watch::Receiver<bool>,
    figures: Arc<SpanFigures>,
    /// It does not take anything now, which has been said.
    is_away: bool,
}

/// What becomes of a request.
enum Outcome {
    /// Of its spans so many were not wanted.
    Taken {
        rejected: u64,
    },
    Refused(StatusCode),
    Later {
        pause: Option<Duration>,
        why: String,
    },
}

impl Sending {
    async fn run(mut self, mut spans: mpsc::Receiver<Span>) {
        let batch = self.limits.batch;
        loop {
            let mut gathered = Vec::new();
            tokio::select! {
                received = spans.recv_many(&mut gathered, batch) => {
                    if received == 0 {
                        return;
                    }
                }
                () = closed(&mut self.is_closing) => {}
            }
            if !*self.is_closing.borrow() {
                let others = async {
                    loop {
                        let room = batch - gathered.len();
                        if room == 0 || spans.recv_many(&mut gathered, room).await == 0 {
                            break;
                        }
                    }
                };
                tokio::select! {
                    _ = timeout(self.limits.gather, others) => {}
                    () = closed(&mut self.is_closing) => {}
                }
            }
            while gathered.len() < batch
                && let Ok(span) = spans.try_recv()
            {
                gathered.push(span);
            }
            if gathered.is_empty() {
                // Nothing is left, and nothing more is waited for.
                return;
            }
            self.send(gathered).await;
        }
    }

    async fn send(&mut self, spans: Vec<Span>) {
        let count = spans.len() as u64;
        let body = otlp::request(&self.resource, spans);
        let began = Instant::now();
        let mut pause = self.limits.first_pause;
        loop {
            let why = match self.attempt(body.clone()).await {
                Outcome::Taken { rejected } => {
                    let rejected = rejected.min(count);
                    self.figures.exported.fetch_add(count - rejected, Ordering::Relaxed);
                    self.figures.rejected.fetch_add(rejected, Ordering::Relaxed);
                    return self.came_back();
                }
                Outcome::Refused(status) => {
                    self.figures.rejected.fetch_add(count, Ordering::Relaxed);
                    return self.went_away(&format!("it answered {status}"));
                }
                Outcome::Later { pause: wanted, why } => {
                    pause = wanted.unwrap_or(pause).min(self.limits.longest_pause);
                    why
                }
            };
            self.went_away(&why);
            if began.elapsed() + pause > self.limits.patience || *self.is_closing.borrow() {
                self.figures.dropped.fetch_add(count, Ordering::Relaxed);
                return;
            }
            tokio::select! {
                () = sleep(pause) => {}
                // Once more, and no more.
                () = closed(&mut self.is_closing) => {}
            }
            pause = (pause * 2).min(self.limits.longest_pause);
        }
    }

    async fn attempt(&mut self, body: Bytes) -> Outcome {
        let answer = match self.client.post(&self.endpoint, body).await {
            Ok(answer) => answer,
            Err(error) => return Outcome::Later { pause: None, why: error.to_string() },
        };
        let Answer { status, retry_after, body } = answer;
        match status {
            // As OTLP names those that are worth another attempt.
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                Outcome::Later { pause: retry_after, why: format!("it answered {status}") }
            }
            status if status.is_success() => Outcome::Taken { rejected: otlp::rejected(&body) },
            status => Outcome::Refused(status),
        }
    }

    /// Once for each failure.
    fn went_away(&mut self, why: &str) {
        if !self.is_away {
            let collector = &self.endpoint;
            tracing::warn!(%collector, why, "traces do not reach the collector (setting OTEL_EXPORTER_OTLP_ENDPOINT)");
        }
        self.is_away = true;
    }

    fn came_back(&mut self) {
        if self.is_away {
            tracing::info!(collector = %self.endpoint, "traces reach the collector again");
        }
        self.is_away = false;
    }
}

/// Completes once the server stops.
async fn closed(is_closing: &mut watch::Receiver<bool>) {
    if is_closing.wait_for(|is_closing| *is_closing).await.is_err() {
        // The exporter was dropped and not closed: what is queued is sent as ever.
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use delivery::client::ClientLimits;
    use http::HeaderValue;
    use http::header::AUTHORIZATION;
    use opentelemetry_proto::tonic::collector::trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
    };
    use prost::Message as _;
    use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::TcpListener;

    use super::*;
    use crate::span::{SpanId, TraceId};

    const PATIENCE: Duration = Duration::from_secs(60);
    const QUICK: ExporterLimits = ExporterLimits {
        queue: 8,
        batch: 4,
        gather: Duration::from_millis(1),
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(1),
        patience: PATIENCE,
    };

    fn span(number: u8) -> Span {
        Span {
            trace: TraceId::new([1; 16]).unwrap(),
            id: SpanId::new([number; 8]).unwrap(),
            parent: None,
            parent_is_remote: false,
            name: "connection",
            is_request: false,
            from: 1,
            until: 2,
            attributes: vec![("a", true.into())],
            events: vec![],
            error: Some("why".to_owned()),
        }
    }

    fn start(url: &str, limits: ExporterLimits) -> (Spans, Exporter) {
        let headers = vec![(AUTHORIZATION, HeaderValue::from_static("key"))];
        let endpoint = Endpoint::new(&format!("{url}/v1/traces"), headers).unwrap();
        let tls = certificates::unverified::client();
        let client = Client::new(ClientLimits { connect: PATIENCE, read: PATIENCE }, Arc::new(tls), "");
        let resource = Resource { service: "calls".to_owned(), version: "1", instance: "one".to_owned() };
        Exporter::start(endpoint, client, resource, limits)
    }

    /// Answers each request on one connection after the other, and hands out what they held.
    async fn collector(answers: Vec<(&'static str, Vec<u8>)>) -> (String, mpsc::Receiver<ExportTraceServiceRequest>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (requests, received) = mpsc::channel(16);
        tokio::spawn(async move {
            for (head, answer) in answers {
                let mut stream = BufReader::new(listener.accept().await.unwrap().0);
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    stream.read_line(&mut line).await.unwrap();
                    let line = line.trim().to_ascii_lowercase();
                    if let Some(number) = line.strip_prefix("content-length: ") {
                        length = number.parse().unwrap();
                    }
                    if line.is_empty() {
                        break;
                    }
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).await.unwrap();
                requests.send(ExportTraceServiceRequest::decode(&*body).unwrap()).await.unwrap();
                let head = format!("HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", answer.len());
                stream.write_all(&[head.as_bytes(), &answer].concat()).await.unwrap();
            }
        });
        (url, received)
    }

    async fn next(received: &mut mpsc::Receiver<ExportTraceServiceRequest>) -> ExportTraceServiceRequest {
        timeout(PATIENCE, received.recv()).await.expect("in time").expect("a request")
    }

    #[tokio::test]
    async fn what_a_collector_cannot_take_now_is_sent_again_and_what_it_refuses_is_not() {
        let partial = ExportTracePartialSuccess { rejected_spans: 1, error_message: String::new() };
        let partial = ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec();
        let answers = vec![
            ("503 Service Unavailable\r\nRetry-After: 0", vec![]),
            ("200 OK", partial),
            ("400 Bad Request", vec![]),
            ("200 OK", vec![]),
        ];
        let (url, mut received) = collector(answers).await;
        let (spans, exporter) = start(&url, QUICK);
        let figures = exporter.figures();
        spans.tell(span(1));
        let first = next(&mut received).await;
        assert_eq!(first, next(&mut received).await);
        let of_resource = &first.resource_spans[0];
        let sent = &of_resource.scope_spans[0].spans[0];
        assert_eq!((sent.name.as_str(), &sent.span_id[..], sent.end_time_unix_nano), ("connection", &[1; 8][..], 2));
        assert_eq!(sent.status.as_ref().map(|status| (status.code, status.message.as_str())), Some((2, "why")));
        spans.tell(span(2));
        next(&mut received).await;
        spans.tell(span(3));
        next(&mut received).await;
        exporter.close(PATIENCE).await;
        assert_eq!(figures.counts(), SpanCounts { exported: 1, rejected: 2, dropped: 0 });
    }

    #[tokio::test]
    async fn a_collector_that_is_away_costs_spans_and_nothing_else() {
        // Nobody listens there any more.
        let url = format!("http://{}", TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap());
        let longer = ExporterLimits { first_pause: PATIENCE, longest_pause: PATIENCE, patience: 2 * PATIENCE, ..QUICK };
        let (spans, exporter) = start(&url, longer);
        let figures = exporter.figures();
        for number in 1..=100 {
            spans.tell(span(number));
        }
        assert_eq!(figures.counts().dropped, 100 - 8, "the queue has a bound");
        exporter.close(PATIENCE).await;
        assert_eq!(figures.counts(), SpanCounts { exported: 0, rejected: 0, dropped: 100 });
    }

    #[tokio::test]
    async fn what_is_queued_when_the_server_stops_is_sent() {
        let (url, mut received) = collector(vec![("200 OK", vec![]), ("200 OK", vec![])]).await;
        let (spans, exporter) = start(&url, ExporterLimits { gather: PATIENCE, ..QUICK });
        let figures = exporter.figures();
        for number in 1..=6 {
            spans.tell(span(number));
        }
        exporter.close(PATIENCE).await;
        let sizes = [next(&mut received).await, next(&mut received).await]
            .map(|request| request.resource_spans[0].scope_spans[0].spans.len());
        assert_eq!((sizes, figures.counts().exported), ([4, 2], 6));
    }
}
