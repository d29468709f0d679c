//! Deliveries to real HTTP receivers on loopback: good ones and all kinds of bad ones.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protocol::event::{Event, EventName, EventStamp};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::*;

/// What a receiver does with a request.
#[derive(Clone, Debug)]
enum ReceiverAnswer {
    /// Verbatim.
    Text(&'static str),
    /// Status 200 once told to.
    Slow(Arc<Notify>),
    /// Status 200, then the connection is closed although nothing announced it.
    OkAndClose,
    /// Nothing, for ever.
    Silence,
    /// TCP reset.
    Reset,
}

const OK: ReceiverAnswer = ReceiverAnswer::Text("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

/// A request as it came over the wire.
#[derive(Debug)]
struct Received {
    connection: usize,
    head: String,
    body: String,
}

impl Received {
    fn session(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        body["sessionId"].as_str().unwrap().to_owned()
    }
}

/// The n-th request gets the n-th answer, every further one the last.
#[derive(Clone)]
struct ReceiverAnswers(Arc<Mutex<Vec<ReceiverAnswer>>>);

impl ReceiverAnswers {
    fn next(&self) -> ReceiverAnswer {
        let mut answers = self.0.lock().unwrap();
        if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() }
    }
}

struct Receiver {
    address: SocketAddr,
    requests: mpsc::UnboundedReceiver<Received>,
}

impl Receiver {
    async fn start(answers: Vec<ReceiverAnswer>) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").await.unwrap(), answers, None)
    }

    fn listen(listener: TcpListener, answers: Vec<ReceiverAnswer>, tls: Option<TlsAcceptor>) -> Self {
        let address = listener.local_addr().unwrap();
        let (sender, requests) = mpsc::unbounded_channel();
        let answers = ReceiverAnswers(Arc::new(Mutex::new(answers)));
        tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (sender, answers, tls) = (sender.clone(), answers.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, connection, sender, answers).await,
                        Some(tls) => serve(tls.accept(stream).await.unwrap(), connection, sender, answers).await,
                    }
                });
            }
        });
        Self { address, requests }
    }

    fn url(&self) -> String {
        format!("http://{}/hook?key=v", self.address)
    }

    async fn next(&mut self) -> Received {
        tokio::time::timeout(Duration::from_secs(20), self.requests.recv()).await.expect("a request").unwrap()
    }
}

trait Peer: AsyncRead + AsyncWrite + Unpin {
    fn reset(self);
}

impl Peer for TcpStream {
    fn reset(self) {
        socket2::SockRef::from(&self).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

impl Peer for TlsStream<TcpStream> {
    fn reset(self) {
        self.into_inner().0.reset();
    }
}

async fn serve(
    mut stream: impl Peer,
    connection: usize,
    requests: mpsc::UnboundedSender<Received>,
    answers: ReceiverAnswers,
) {
    let mut bytes = vec![];
    while let Some(request) = read_request(&mut stream, &mut bytes, connection).await {
        let _ = requests.send(request);
        match answers.next() {
            ReceiverAnswer::Text(text) => stream.write_all(text.as_bytes()).await.unwrap(),
            ReceiverAnswer::Slow(go) => {
                go.notified().await;
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            }
            ReceiverAnswer::OkAndClose => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
                return;
            }
            ReceiverAnswer::Silence => std::future::pending().await,
            ReceiverAnswer::Reset => return stream.reset(),
        }
    }
}

async fn read_request(stream: &mut impl Peer, bytes: &mut Vec<u8>, connection: usize) -> Option<Received> {
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let length: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("Content-Length: "))
                .expect("a Content-Length")
                .parse()
                .unwrap();
            let total = end + 4 + length;
            if bytes.len() >= total {
                let body = String::from_utf8(bytes[end + 4..total].to_vec()).unwrap();
                bytes.drain(..total);
                return Some(Received { connection, head, body });
            }
        }
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    }
}

const SOON: WebhookLimits = WebhookLimits {
    queue: 100,
    bytes: 1 << 20,
    patience: Duration::ZERO,
    connect: Duration::from_secs(10),
    read: Duration::from_millis(100),
};

/// As the server does: receivers' certificates are not looked at.
fn start(destination: Destination, limits: WebhookLimits) -> Webhook {
    Webhook::start(destination, limits, Arc::new(certificates::unverified::client()))
}

fn hook(url: &str, limits: WebhookLimits) -> Webhook {
    start(Destination::new(url, &[], EventName::DEFAULT.to_vec()).unwrap(), limits)
}

fn created(session: &str) -> Arc<Event> {
    Arc::new(Event::SessionCreated(EventStamp { session: session.into(), session_created_at: 7, timestamp: 7 }))
}

async fn until(hook: &Webhook, done: impl FnMut(&DeliveryCounts) -> bool) -> DeliveryCounts {
    let mut counts = hook.counts();
    *tokio::time::timeout(Duration::from_secs(20), counts.wait_for(done)).await.expect("counts").unwrap()
}

#[tokio::test]
async fn a_request_has_the_configured_headers_first_and_a_length() {
    let mut receiver = Receiver::start(vec![OK]).await;
    let headers = ["X-Key: abc".to_owned(), "Authorization: Basic Zm9vOmJhcg==".to_owned()];
    let destination = Destination::new(&receiver.url(), &headers, EventName::DEFAULT.to_vec()).unwrap();
    let mut hook = start(destination, WebhookLimits::default());
    hook.send(&created("room-7"));
    let request = receiver.next().await;
    let address = receiver.address;
    assert_eq!(
        request.head,
        format!(
            "POST /hook?key=v HTTP/1.1\r\nX-Key: abc\r\nAuthorization: Basic Zm9vOmJhcg==\r\n\
             Content-Type: application/json\r\nContent-Length: 90\r\nHost: {address}\r\nConnection: Keep-Alive"
        )
    );
    assert_eq!(
        request.body,
        r#"{"sessionId":"room-7","uniqueSessionId":"room-7_7","timestamp":7,"event":"sessionCreated"}"#
    );
}

#[tokio::test]
async fn events_arrive_in_order_on_one_connection() {
    let mut receiver = Receiver::start(vec![OK]).await;
    let mut hook = hook(&receiver.url(), WebhookLimits::default());
    for n in 0..50 {
        hook.send(&created(&n.to_string()));
    }
    for n in 0..50 {
        let request = receiver.next().await;
        assert_eq!((request.session(), request.connection), (n.to_string(), 0));
    }
    hook.close(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn a_connection_that_the_receiver_closed_is_opened_again() {
    let mut receiver = Receiver::start(vec![ReceiverAnswer::OkAndClose]).await;
    let mut hook = hook(&receiver.url(), WebhookLimits::default());
    for n in 0..3 {
        hook.send(&created(&n.to_string()));
        assert_eq!(receiver.next().await.session(), n.to_string());
        let counts = until(&hook, |counts| counts.delivered == n + 1).await;
        assert_eq!(counts, DeliveryCounts { delivered: n + 1, ..DeliveryCounts::default() });
    }
}

#[tokio::test]
async fn an_event_that_is_filtered_out_is_not_sent() {
    let mut receiver = Receiver::start(vec![OK]).await;
    let destination = Destination::new(&receiver.url(), &[], vec![EventName::SessionDestroyed]).unwrap();
    let mut hook = start(destination, WebhookLimits::default());
    hook.send(&created("a"));
    hook.send(&Arc::new(Event::SessionDestroyed(protocol::event::Closing {
        stamp: EventStamp { session: "b".into(), session_created_at: 7, timestamp: 9 },
        start_time: 7,
        reason: None,
    })));
    assert_eq!(receiver.next().await.session(), "b");
}

#[tokio::test]
async fn a_slow_receiver_gets_everything_in_order_and_delays_nobody() {
    let go = Arc::new(Notify::new());
    let mut receiver = Receiver::start(vec![ReceiverAnswer::Slow(Arc::clone(&go)), OK]).await;
    let mut hook = hook(&receiver.url(), WebhookLimits::default());
    for n in 0..10 {
        // Returns although the receiver has not even answered the first.
        hook.send(&created(&n.to_string()));
    }
    assert_eq!(receiver.next().await.session(), "0");
    assert!(receiver.requests.try_recv().is_err(), "the second is sent only after the first was answered");
    go.notify_one();
    for n in 1..10 {
        assert_eq!(receiver.next().await.session(), n.to_string());
    }
    assert_eq!(until(&hook, |counts| counts.delivered == 10).await.refused, 0);
}

#[tokio::test]
async fn any_other_status_than_200_is_final() {
    for answer in [
        "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n",
    ] {
        let mut receiver = Receiver::start(vec![ReceiverAnswer::Text(answer), OK]).await;
        let mut hook = hook(&receiver.url(), WebhookLimits::default());
        hook.send(&created("a"));
        hook.send(&created("b"));
        assert_eq!(receiver.next().await.session(), "a");
        assert_eq!(receiver.next().await.session(), "b", "{answer}");
        let counts = until(&hook, |counts| counts.delivered == 1).await;
        assert_eq!(counts, DeliveryCounts { delivered: 1, refused: 1, ..DeliveryCounts::default() });
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let mut elsewhere = Receiver::start(vec![OK]).await;
        let text = format!("HTTP/1.1 {status}\r\nLocation: http://{}/\r\nContent-Length: 0\r\n\r\n", elsewhere.address);
        let mut receiver = Receiver::start(vec![ReceiverAnswer::Text(text.leak()), OK]).await;
        let mut hook = hook(&receiver.url(), WebhookLimits::default());
        hook.send(&created("a"));
        hook.send(&created("b"));
        assert_eq!(receiver.next().await.session(), "a");
        assert_eq!(receiver.next().await.session(), "b");
        until(&hook, |counts| counts.delivered == 1 && counts.refused == 1).await;
        assert!(elsewhere.requests.try_recv().is_err());
    }
}

#[tokio::test]
async fn a_reset_is_tried_four_times_more_and_the_next_event_follows() {
    let mut answers = vec![ReceiverAnswer::Reset; 5];
    answers.push(OK);
    let mut receiver = Receiver::start(answers).await;
    let mut hook = hook(&receiver.url(), WebhookLimits::default());
    hook.send(&created("a"));
    hook.send(&created("b"));
    for _ in 0..5 {
        assert_eq!(receiver.next().await.session(), "a");
    }
    assert_eq!(receiver.next().await.session(), "b");
    let counts = until(&hook, |counts| counts.delivered == 1).await;
    assert_eq!(counts, DeliveryCounts { delivered: 1, unreachable: 1, ..DeliveryCounts::default() });
}

#[tokio::test]
async fn an_event_that_gets_through_at_a_later_attempt_is_delivered_once() {
    let mut receiver = Receiver::start(vec![ReceiverAnswer::Reset, ReceiverAnswer::Reset, OK]).await;
    let mut hook = hook(&receiver.url(), WebhookLimits::default());
    hook.send(&created("a"));
    for _ in 0..3 {
        assert_eq!(receiver.next().await.session(), "a");
    }
    let counts = until(&hook, |counts| counts.delivered == 1).await;
    assert_eq!(counts, DeliveryCounts { delivered: 1, ..DeliveryCounts::default() });
}

#[tokio::test]
async fn a_receiver_that_hangs_is_left_after_each_read_timeout() {
    let mut answers = vec![ReceiverAnswer::Silence; 5];
    answers.push(OK);
    let mut receiver = Receiver::start(answers).await;
    let mut hook = hook(&receiver.url(), SOON);
    hook.send(&created("a"));
    hook.send(&created("b"));
    for connection in 0..5 {
        let request = receiver.next().await;
        assert_eq!((request.session(), request.connection), ("a".to_owned(), connection));
    }
    assert_eq!(receiver.next().await.session(), "b");
    until(&hook, |counts| counts.delivered == 1 && counts.unreachable == 1).await;
}

#[tokio::test]
async fn what_is_not_http_is_tried_again() {
    let mut receiver = Receiver::start(vec![ReceiverAnswer::Text("220 smtp ready\r\n\r\n"), OK]).await;
    let mut hook = hook(&receiver.url(), WebhookLimits::default());
    hook.send(&created("a"));
    assert_eq!(receiver.next().await.session(), "a");
    assert_eq!(receiver.next().await.session(), "a");
    until(&hook, |counts| counts.delivered == 1).await;
}

#[tokio::test]
async fn a_status_counts_although_its_body_never_ends() {
    let endless = ReceiverAnswer::Text("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx");
    let mut receiver = Receiver::start(vec![endless, OK]).await;
    let mut hook = hook(&receiver.url(), WebhookLimits::default());
    hook.send(&created("a"));
    hook.send(&created("b"));
    assert_eq!(receiver.next().await.session(), "a");
    let second = receiver.next().await;
    assert_eq!((second.session(), second.connection), ("b".to_owned(), 1));
    until(&hook, |counts| counts.delivered == 2).await;
}

#[tokio::test]
async fn events_follow_once_a_receiver_that_was_down_is_up() {
    // Bound, so that nobody else takes the port, but not listening.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    // For want of patience the first one is given up.
    let limits = WebhookLimits { patience: Duration::ZERO, ..WebhookLimits::default() };
    let mut hook = hook(&format!("http://{address}/"), limits);
    hook.send(&created("a"));
    until(&hook, |counts| counts.unreachable == 1).await;
    let mut receiver = Receiver::listen(socket.listen(16).unwrap(), vec![OK], None);
    hook.send(&created("b"));
    assert_eq!(receiver.next().await.session(), "b");
    assert_eq!(until(&hook, |counts| counts.delivered == 1).await.unreachable, 1);
}

#[tokio::test]
async fn events_wait_for_a_receiver_that_is_down_and_arrive_in_order() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let mut hook = hook(&format!("http://{address}/"), WebhookLimits::default());
    for n in 0..100 {
        hook.send(&created(&n.to_string()));
    }
    until(&hook, |counts| counts.away).await;
    let mut receiver = Receiver::listen(socket.listen(16).unwrap(), vec![OK], None);
    for n in 0..100 {
        assert_eq!(receiver.next().await.session(), n.to_string());
    }
    let counts = until(&hook, |counts| counts.delivered == 100).await;
    assert_eq!(counts, DeliveryCounts { delivered: 100, ..DeliveryCounts::default() }, "nothing is lost");
}

#[tokio::test]
async fn a_proxy_before_a_receiver_that_is_down_costs_one_event() {
    let mut answers = vec![ReceiverAnswer::Reset; 10];
    answers.push(OK);
    let mut receiver = Receiver::start(answers).await;
    let mut hook = hook(&receiver.url(), WebhookLimits::default());
    for session in ["a", "b", "c"] {
        hook.send(&created(session));
    }
    let mut heard = vec![];
    while heard.len() < 12 {
        heard.push(receiver.next().await.session());
    }
    assert_eq!(heard.concat(), "aaaaabbbbbbc");
    let counts = until(&hook, |counts| counts.delivered == 2).await;
    assert_eq!(counts, DeliveryCounts { delivered: 2, unreachable: 1, ..DeliveryCounts::default() });
}

#[tokio::test]
async fn a_receiver_whose_certificate_nobody_trusts_is_away_until_somebody_does() {
    let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authority.pem");
    std::fs::write(&file, key.cert.pem()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], key.signing_key.into())
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let address = listener.local_addr().unwrap();
    let destination = |host: &str| {
        let url = format!("https://{host}:{}/hook", address.port());
        Destination::new(&url, &[], EventName::DEFAULT.to_vec()).unwrap()
    };
    // The handshakes that fail end on their own.
    let refusing = tokio::spawn(async move {
        for _ in 0..10 {
            let (stream, _) = listener.accept().await.unwrap();
            let _ = acceptor.accept(stream).await;
        }
        (listener, acceptor)
    });
    let limits = WebhookLimits { patience: Duration::ZERO, ..WebhookLimits::default() };
    let trusting = |file: Option<&std::path::Path>| Arc::new(certificates::verified::client(file).unwrap());
    let mut stranger = Webhook::start(destination("localhost"), limits, trusting(None));
    stranger.send(&created("a"));
    assert_eq!(until(&stranger, |counts| counts.unreachable == 1).await.delivered, 0);
    let mut misnamed = Webhook::start(destination("127.0.0.1"), limits, trusting(Some(&file)));
    misnamed.send(&created("b"));
    assert_eq!(until(&misnamed, |counts| counts.unreachable == 1).await.delivered, 0);

    let (listener, acceptor) = refusing.await.unwrap();
    let mut receiver = Receiver::listen(listener, vec![OK], Some(acceptor));
    let mut trusted = Webhook::start(destination("localhost"), limits, trusting(Some(&file)));
    trusted.send(&created("c"));
    assert_eq!(receiver.next().await.session(), "c");
}

#[tokio::test]
async fn few_but_huge_signals_fill_a_queue_and_leave_room_for_what_happens() {
    let go = Arc::new(Notify::new());
    let mut receiver = Receiver::start(vec![ReceiverAnswer::Slow(Arc::clone(&go)), OK]).await;
    let mut hook = hook(&receiver.url(), WebhookLimits { bytes: 8 << 20, ..WebhookLimits::default() });
    let signal = |from: &str| {
        Arc::new(Event::SignalSent(protocol::event::SignalSent {
            stamp: EventStamp { session: "signal".into(), session_created_at: 7, timestamp: 7 },
            from: Some(from.into()),
            to: vec![],
            kind: None,
            data: Some("x".repeat(100_000)),
        }))
    };
    hook.send(&created("first"));
    assert_eq!(receiver.next().await.session(), "first");
    for from in ["a", "b", "c", "d", "e", "f"] {
        for _ in 0..100 {
            hook.send(&signal(from));
        }
    }
    hook.send(&created("last"));
    // An eighth of 8 MiB holds ten, half of it forty-one.
    assert_eq!(hook.counts().borrow().overflowed, 600 - 41);
    go.notify_one();
    for _ in 0..41 {
        assert_eq!(receiver.next().await.session(), "signal");
    }
    assert_eq!(receiver.next().await.session(), "last");
}

#[tokio::test]
async fn a_full_queue_drops_the_newest_and_counts_them() {
    let go = Arc::new(Notify::new());
    let mut receiver = Receiver::start(vec![ReceiverAnswer::Slow(Arc::clone(&go)), OK]).await;
    let mut hook = hook(&receiver.url(), WebhookLimits { queue: 2, ..WebhookLimits::default() });
    hook.send(&created("0"));
    assert_eq!(receiver.next().await.session(), "0", "it has left the queue");
    for n in 1..=5 {
        hook.send(&created(&n.to_string()));
    }
    assert_eq!(hook.counts().borrow().overflowed, 3);
    go.notify_one();
    assert_eq!(receiver.next().await.session(), "1");
    assert_eq!(receiver.next().await.session(), "2");
    hook.send(&created("6"));
    assert_eq!(receiver.next().await.session(), "6");
}

#[tokio::test]
async fn closing_delivers_what_is_queued_but_does_not_wait_for_ever() {
    let mut receiver = Receiver::start(vec![OK]).await;
    let mut good = hook(&receiver.url(), WebhookLimits::default());
    good.send(&created("a"));
    good.close(Duration::from_secs(10)).await;
    assert_eq!(receiver.next().await.session(), "a");

    let silent = Receiver::start(vec![ReceiverAnswer::Silence]).await;
    let mut bad = hook(&silent.url(), WebhookLimits::default());
    bad.send(&created("a"));
    // Ends well before the 50 s of the receiver's silence.
    tokio::time::timeout(Duration::from_secs(20), bad.close(Duration::from_millis(50))).await.unwrap();
}

#[tokio::test]
async fn a_certificate_that_nobody_signed_is_accepted() {
    let key = rcgen::generate_simple_self_signed(["elsewhere.invalid".to_owned()]).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], key.signing_key.into())
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut receiver = Receiver::listen(listener, vec![OK], Some(TlsAcceptor::from(Arc::new(config))));
    let mut hook = hook(&format!("https://localhost:{}/hook", receiver.address.port()), WebhookLimits::default());
    hook.send(&created("a"));
    hook.send(&created("b"));
    assert_eq!(receiver.next().await.session(), "a");
    let second = receiver.next().await;
    assert_eq!((second.session(), second.connection), ("b".to_owned(), 0));
}

#[test]
fn addresses_and_headers_that_cannot_work_are_refused_with_the_rule() {
    let refused = |url: &str, headers: &[&str]| {
        let headers: Vec<String> = headers.iter().map(|&header| header.to_owned()).collect();
        Destination::new(url, &headers, vec![]).unwrap_err().to_string()
    };
    for url in ["", "/hook", "localhost:5000", "ftp://127.0.0.1/", "http://", "http://a b/"] {
        assert!(refused(url, &[]).starts_with("Is not a valid URL."), "{url}");
    }
    for header in ["X-Key", "X Key: v", ": v", "X-Key: ", "X-Key: a\r\nX-Other: b"] {
        assert!(refused("http://127.0.0.1/", &[header]).contains("Must be 'HEADER_NAME: HEADER_VALUE'"), "{header}");
    }
    assert!(refused("http://127.0.0.1/", &["Content-Length: 5"]).contains("content-length"));
}

#[test]
fn an_address_shows_neither_path_nor_password() {
    let destination = Destination::new("https://user:pass@[::1]/hook?token=t", &[], vec![]).unwrap();
    assert_eq!(destination.to_string(), "https://[::1]:443");
    assert!(!format!("{destination:?}").contains("pass"));
    assert_eq!(destination.endpoint.request_headers(0)["authorization"], "Basic dXNlcjpwYXNz");
    assert_eq!(destination.endpoint.request_headers(0)["host"], "[::1]");
}

#[test]
fn a_content_type_of_ones_own_stands_beside_the_one_that_is_always_sent() {
    let types = |header: &str| {
        let destination = Destination::new("http://127.0.0.1/", &[header.to_owned()], vec![]).unwrap();
        let headers = destination.endpoint.request_headers(0);
        headers.get_all("content-type").iter().map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(types("Content-Type: application/json"), ["application/json"]);
    assert_eq!(types("Content-Type: text/plain"), ["text/plain", "application/json"]);
}
