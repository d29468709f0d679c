//! The one TCP port: plain HTTP and WS, TLS, ICE over TCP and TURN over TCP, told apart by a connection's first bytes;
//! inside TLS HTTP, WS and TURN again.
//!
//! Clients before 2.23 force `wss` and old tutorials `https`, newer ones say `http`: all reach the same address. Which
//! requests there are, and what ICE and TURN say, is not known here.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, Version, header};
use axum::response::IntoResponse as _;
use history::{Fact, History, Incident, Trouble};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use media::{StreamEnds, Streams};
use rustls::AlertDescription;
use socket2::{Protocol, SockRef, TcpKeepalive, Type};
use stun::framing;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt as _;

use crate::bound::{Bound, Bounded};
use crate::connection::{Connection, ConnectionPlace};
use crate::limits::Limits;
use crate::network::Network;
use crate::program;
use crate::shares::Shares;
use crate::stopping::Stopping;
use crate::wrong_secrets::ShownSecret;

/// The most that one connection holds of what it reads: a request's head or a part of its body.
const MAX_READ: usize = 32 * 1024;
/// Finds peers that vanished without a word (sockets that never ping are not watched otherwise).
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// After `accept` failed, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const BACKLOG: i32 = 1024;
/// A TLS record of type handshake (RFC 8446 §5.1); no HTTP method begins with it.
const TLS_HANDSHAKE: u8 = 0x16;

/// Opens the port. `::` takes IPv4 too, or only IPv4 where there is no IPv6.
pub(crate) fn listen(ip: IpAddr, port: u16) -> Result<std::net::TcpListener, (SocketAddr, io::Error)> {
    let (socket, address) = media::bind_port(ip, port, Type::STREAM, Protocol::TCP)?;
    socket.listen(BACKLOG).map_err(|cause| (address, cause))?;
    Ok(socket.into())
}

/// What a port speaks besides plain HTTP.
#[derive(Clone)]
pub(crate) struct BesidesHttp {
    pub(crate) tls: TlsAcceptor,
    pub(crate) media: Streams,
    /// Is told of clients that do not trust the certificate.
    pub(crate) history: History,
}

/// Accepts connections until the server stops.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    besides: Option<BesidesHttp>,
    limits: Limits,
    mut stopping: Stopping,
    alive: mpsc::Sender<()>,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let shares = Shares::default();
    let mut failing = false;
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = stopping.requested() => return,
        };
        match accepted {
            Ok((stream, peer, permit)) => {
                failing = false;
                let network = Network::from(peer.ip());
                let Some(share) = shares.take(network, limits.connections_of(network)) else {
                    tracing::debug!(%peer, "refused: too many connections from there");
                    continue;
                };
                let place = Arc::new(ConnectionPlace { _permit: permit, _share: share, _alive: alive.clone() });
                let (router, besides, stopping) = (router.clone(), besides.clone(), stopping.clone());
                let connection = Opening { peer, place, router, limits, stopping };
                tokio::spawn(connection.serve(stream, besides));
            }
            Err(error) => {
                // Once: it is tried ten times a second.
                if !failing {
                    tracing::warn!(%error, "cannot accept connections");
                    failing = true;
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, permit))
}

/// A connection whose first byte is not known yet.
struct Opening {
    peer: SocketAddr,
    place: Arc<ConnectionPlace>,
    router: Router,
    limits: Limits,
    stopping: Stopping,
}

/// What a connection speaks, by its first byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Speech {
    Tls,
    Http,
    /// ICE or TURN, or neither: more bytes will tell.
    Media,
    Nothing,
}

impl Speech {
    fn of(first: u8) -> Self {
        match first {
            TLS_HANDSHAKE => Self::Tls,
            first if framing::may_begin(first) => Self::Media,
            // A method, or an empty line before it (RFC 9112 §2.2). That it is one is not certain yet.
            b'!'..=b'~' | b'\r' | b'\n' => Self::Http,
            _ => Self::Nothing,
        }
    }
}

impl Opening {
    async fn serve(self, stream: TcpStream, besides: Option<BesidesHttp>) {
        // Neither matters enough to refuse the connection.
        let _ = stream.set_nodelay(true);
        let socket = SockRef::from(&stream);
        let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEP_ALIVE));
        #[cfg(target_os = "linux")]
        let _ = socket.set_tcp_user_timeout(Some(self.limits.unread));

        let (mut stopping, patience) = (self.stopping.clone(), self.limits.opening);
        let first_byte = async {
            let mut first = [0];
            let length = stream.peek(&mut first).await.ok()?;
            (length == 1).then_some(first[0])
        };
        let first = tokio::select! {
            first = timeout(patience, first_byte) => first,
            () = stopping.requested() => return,
        };
        let first = match first {
            Ok(Some(first)) => first,
            Ok(None) => return,
            Err(_) => return tracing::debug!(peer = %self.peer, "connection without a byte"),
        };
        match (Speech::of(first), besides) {
            (Speech::Http, _) => self.http(stream, false).await,
            (Speech::Tls, Some(besides)) => match timeout(patience, besides.tls.accept(stream)).await {
                Ok(Ok(stream)) => self.encrypted(stream, besides.media).await,
                Ok(Err(error)) => {
                    tracing::debug!(peer = %self.peer, %error, "TLS handshake failed");
                    if distrusts_us(&error) {
                        let incident =
                            Incident { trouble: Trouble::CertificateRefused, ip: self.peer.ip().to_canonical() };
                        besides.history.tell(Fact::Incident(incident), program::now());
                    }
                }
                Err(_) => tracing::debug!(peer = %self.peer, "TLS handshake took too long"),
            },
            (Speech::Media, Some(besides)) => match StreamEnds::of(&stream) {
                Ok(ends) => self.media(stream, ends, false, besides.media).await,
                Err(error) => tracing::debug!(peer = %self.peer, %error, "connection broke"),
            },
            (Speech::Tls | Speech::Media, None) | (Speech::Nothing, _) => {
                tracing::debug!(peer = %self.peer, first, "nothing that this port speaks");
            }
        }
    }

    /// After the handshake.
    async fn encrypted(self, mut stream: TlsStream<TcpStream>, streams: Streams) {
        let mut stopping = self.stopping.clone();
        let first = tokio::select! {
            first = timeout(self.limits.opening, stream.fill_buf()) => first,
            () = stopping.requested() => return,
        };
        let first = match first {
            Ok(Ok(bytes)) => bytes.first().copied(),
            Ok(Err(error)) => return tracing::debug!(peer = %self.peer, %error, "TLS connection broke"),
            Err(_) => return tracing::debug!(peer = %self.peer, "TLS connection without a byte"),
        };
        match first.map(Speech::of) {
            Some(Speech::Http) => self.http(stream, true).await,
            Some(Speech::Media) => match StreamEnds::of(stream.get_ref().0) {
                Ok(ends) => self.media(stream, ends, true, streams).await,
                Err(error) => tracing::debug!(peer = %self.peer, %error, "connection broke"),
            },
            Some(Speech::Tls | Speech::Nothing) => tracing::debug!(peer = %self.peer, "neither HTTP nor TURN in TLS"),
            None => {}
        }
    }

    async fn media(self, stream: impl AsyncRead + AsyncWrite, ends: StreamEnds, tls: bool, streams: Streams) {
        let Self { peer, limits, mut stopping, place: _place, .. } = self;
        let end = tokio::select! {
            end = streams.carry(stream, ends, tls, limits.opening) => end,
            () = stopping.requested() => return,
        };
        if let Err(error) = end {
            tracing::debug!(%peer, %error, "media connection ended");
        }
    }

    async fn http(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, tls: bool) {
        let Self { peer, place, router, limits, mut stopping, .. } = self;
        let bound = Bound::default();
        let stream = Bounded::new(stream, bound.clone());
        let connection = Connection { peer, tls, shown: ShownSecret::default(), bound, _place: place };
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(connection.clone());
            respond(router.clone(), request)
        });
        let http = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_buf_size(MAX_READ)
            .max_header_size(MAX_READ)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut http = std::pin::pin!(http);
        let end = tokio::select! {
            end = http.as_mut() => end,
            () = stopping.requested() => {
                http.as_mut().graceful_shutdown();
                http.await
            }
        };
        if let Err(error) = end {
            tracing::debug!(%peer, %error, "HTTP connection broke");
        }
    }
}

/// The client says that it does not take our certificate (RFC 8446 §6.2).
fn distrusts_us(error: &io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    matches!(
        cause,
        Some(rustls::Error::AlertReceived(
            AlertDescription::BadCertificate
                | AlertDescription::UnsupportedCertificate
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateUnknown
                | AlertDescription::UnknownCA
        ))
    )
}

async fn respond(router: Router, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    if !names_its_host(&request) {
        return Ok((StatusCode::BAD_REQUEST, [(header::CONNECTION, "close")]).into_response());
    }
    router.oneshot(request).await
}

/// Once, from HTTP/1.1 on (RFC 9112 §3.2): a proxy that takes another of two for the right one would be misled.
fn names_its_host(request: &Request<Incoming>) -> bool {
    match request.headers().get_all(header::HOST).iter().count() {
        0 => request.version() < Version::HTTP_11,
        count => count == 1,
    }
}
