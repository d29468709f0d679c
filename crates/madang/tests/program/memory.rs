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
