//! What strangers can make the real program remember. Bounds are generous: they catch what grows with each connection's
//! body, not a few pages.

use std::time::Duration;

use testbed::PATIENCE;
use testbed::program::RunningProgram;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::madang;

const CONNECTIONS: usize = 200;
const MIB: usize = 1024 * 1024;

fn start() -> (RunningProgram, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (RunningProgram::start(madang(folder.path())), folder)
}

async fn connect(server: &RunningProgram) -> TcpStream {
    TcpStream::connect(server.address).await.unwrap()
}

/// Sends `bytes` on every connection at once and waits until each was answered with this status.
async fn all_answered(connections: &mut [TcpStream], bytes: &[u8], status: &str) {
    let exchanges = connections.iter_mut().map(|stream| async move {
        let (mut reader, mut writer) = stream.split();
        let mut start = [0; 12];
        let (sent, read) = tokio::join!(writer.write_all(bytes), reader.read_exact(&mut start));
        sent.unwrap();
        read.unwrap();
        assert_eq!(String::from_utf8_lossy(&start), format!("HTTP/1.1 {status}"));
    });
    timeout(PATIENCE, futures_util::future::join_all(exchanges)).await.expect("answers");
}

fn post(path: &str, authorization: &str, body: usize) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\n{authorization}Content-Type: application/json\r\nContent-Length: {body}\r\n\r\n"
    );
    [head.as_bytes(), &vec![b' '; body]].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_on_many_connections_are_not_kept() {
    let (server, _folder) = start();
    let mut connections = vec![];
    for _ in 0..CONNECTIONS {
        connections.push(connect(&server).await);
    }
    let before = server.resident();
    // In total 2 GiB, were they kept.
    all_answered(&mut connections, &post("/openvidu/api/sessions", "", 10 * MIB), "401").await;
    let grown = server.resident().saturating_sub(before);
    assert!(grown < CONNECTIONS * MIB / 2, "{} MiB for {CONNECTIONS} bodies that nobody looks at", grown / MIB);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_never_end_cost_little() {
    let (server, _folder) = start();
    let before = server.resident();
    let mut connections = vec![];
    for path in ["/call/token", "/openvidu/api/sessions", "/openvidu"] {
        for _ in 0..CONNECTIONS / 2 {
            let mut stream = connect(&server).await;
            let unfinished = post(path, "", MIB);
            // What the server does not take stays in the kernel.
            let _ = timeout(Duration::from_millis(1), stream.write_all(&unfinished[..unfinished.len() - 1])).await;
            connections.push(stream);
        }
    }
    // Served after the others have been looked at.
    let mut last = [connect(&server).await];
    all_answered(&mut last, b"GET /openvidu/accept-certificate HTTP/1.1\r\nHost: x\r\n\r\n", "200").await;
    let grown = server.resident().saturating_sub(before);
    assert!(grown < connections.len() * MIB / 4, "{} MiB for {} connections", grown / MIB, connections.len());
}

/// Those that an unjoined socket may cost while nothing comes.
const IDLE_SOCKET: usize = 16 * 1024;

/// Opens as many WebSockets at once as the two processes have descriptors for, each of another client of a proxy.
async fn open_sockets(server: &RunningProgram, count: usize) -> Vec<TcpStream> {
    let mut sockets = vec![];
    for number in 0..count {
        let mut stream = connect(server).await;
        let request = format!(
            "GET /openvidu HTTP/1.1\r\nHost: x\r\nX-Real-IP: 10.0.{}.{}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            number / 250,
            number % 250
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        sockets.push(stream);
    }
    for stream in &mut sockets {
        let mut head = [0; 12];
        timeout(PATIENCE, stream.read_exact(&mut head)).await.expect("an answer").unwrap();
        assert_eq!(String::from_utf8_lossy(&head), "HTTP/1.1 101");
    }
    sockets
}

/// This process, too, may open as many files as the machine allows.
fn raise_descriptors() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    maximum.map_or(usize::MAX, |maximum| maximum.try_into().unwrap_or(usize::MAX))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_sockets_cost_little_and_what_they_cost_comes_back() {
    // One round shows what the program needs once and for all: code, and the buffers of its threads.
    let count = (raise_descriptors() / 2).saturating_sub(600).min(5000);
    assert!(count >= 200, "too few descriptors for this test");
    let (server, _folder) = start();
    drop(open_sockets(&server, 100).await);
    let before = server.resident();
    let sockets = open_sockets(&server, count).await;
    let grown = server.resident().saturating_sub(before);
    assert!(grown / count <= IDLE_SOCKET, "{} bytes for each of {count} sockets", grown / count);
    drop(sockets);
    testbed::eventually("the memory goes back", || (server.resident() <= before + before / 5).then_some(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_connections_leaves_descriptors_and_does_not_end() {
    let folder = tempfile::tempdir().unwrap();
    let program = madang(folder.path());
    // Few, of which only some are given at first.
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -Hn 400; ulimit -Sn 100; exec \"$0\""]).arg(program.get_program());
    limited
        .env_clear()
        .envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("RUST_LOG", "debug");
    limited
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let server = RunningProgram::start(limited);
    let mut flood = vec![];
    for _ in 0..1000 {
        flood.extend(TcpStream::connect(server.address).await);
    }
    testbed::eventually("those beyond the limit are refused", || (server.descriptors() < 300).then_some(()));
    drop(flood);
    let mut last = [connect(&server).await];
    all_answered(&mut last, b"GET /openvidu/accept-certificate HTTP/1.1\r\nHost: x\r\n\r\n", "200").await;
    let log = server.stop();
    for unwanted in ["cannot accept", "cannot list", "media addresses have changed"] {
        assert!(!log.contains(unwanted), "{unwanted}: {log}");
    }
}
