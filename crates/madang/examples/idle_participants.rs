//! What participants cost the real program who have joined, publish nothing and receive nothing.
//!
//!     cargo build --release && cargo run --release -p madang --example idle_participants [participants room-size seconds]
//!
//! They ping as openvidu-browser does and read what they are told. Both figures are the difference between all of them and the first
//! tenth, so that what the program needs once does not count; what the kernel keeps for their sockets is not in it.

mod program;

use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use program::{Client, Madang};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

const PING: Duration = Duration::from_secs(5);
/// After the last one has joined: memory that joining took goes back.
const SETTLING: Duration = Duration::from_secs(15);
const MOST_CPU: f64 = 0.0008;
const MOST_KB: f64 = 25.0;

type Socket = WebSocketStream<TcpStream>;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>().expect("a number"));
    let mut argument = |default| arguments.next().unwrap_or(default);
    let (participants, room_size, seconds) = (argument(2000), argument(10), argument(30));
    // All come from one address here.
    let limits = |_: &str| vec![("MADANG_UNJOINED_SOCKETS", "100000".to_owned())];
    let server = Madang::start(limits);
    let mut rest = server.connect();
    let few = participants.div_ceil(10);
    let time = Duration::from_secs(seconds as u64);
    join(&server, &mut rest, 0..few, room_size).await;
    let (kilobytes, cpu) = look(&server, time).await;
    join(&server, &mut rest, few..participants, room_size).await;
    let (more_kilobytes, more_cpu) = look(&server, time).await;
    let more = (participants - few) as f64;
    let (each, used) = ((more_kilobytes - kilobytes) / more, (more_cpu - cpu) / more);
    let verdict = |good| if good { "as it must be" } else { "too much" };
    println!("{participants} participants in rooms of {room_size}, joined and idle; each");
    println!("  {each:.1} kB resident (at most {MOST_KB}: {})", verdict(each <= MOST_KB));
    println!("  {used:.5} % of a core over {seconds} s (at most {MOST_CPU}: {})", verdict(used <= MOST_CPU));
}

/// Resident kilobytes, and per cent of a core, while the sockets that there are go on pinging.
async fn look(server: &Madang, time: Duration) -> (f64, f64) {
    tokio::time::sleep(SETTLING).await;
    let (begin, cpu) = (Instant::now(), server.cpu());
    tokio::time::sleep(time).await;
    let used = server.cpu() - cpu;
    (server.resident_kib() as f64 * 1.024, 100.0 * used.as_secs_f64() / begin.elapsed().as_secs_f64())
}

async fn join(server: &Madang, rest: &mut Client, numbers: std::ops::Range<usize>, room_size: usize) {
    for number in numbers {
        let room = format!("room-{}", number / room_size);
        if number % room_size == 0 {
            let body = json!({ "customSessionId": room }).to_string();
            assert_eq!(rest.request("POST", "/sessions", &body).0, 200);
        }
        let (_, connection) = rest.request("POST", &format!("/sessions/{room}/connection"), "{}");
        let connection: Value = serde_json::from_slice(&connection).expect("JSON");
        let stream = TcpStream::connect(("127.0.0.1", server.port())).await.expect("a connection");
        let url = format!("ws://127.0.0.1:{}/openvidu?sessionId={room}", server.port());
        let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.expect("a WebSocket");
        let ping =
            json!({"jsonrpc": "2.0", "method": "ping", "params": {"interval": PING.as_millis() as u64}, "id": 0});
        let join = json!({"jsonrpc": "2.0", "method": "joinRoom", "id": 1, "params": {
            "token": connection["token"], "session": room, "platform": "example", "sdkVersion": "2.32.2",
            "metadata": "{\"clientData\":\"somebody\"}", "secret": "", "recorder": false, "stt": false}});
        for request in [ping, join] {
            socket.send(Message::text(request.to_string())).await.expect("an open socket");
        }
        joined(&mut socket).await;
        tokio::spawn(stay(socket));
    }
}

/// Waits for the answer.
async fn joined(socket: &mut Socket) {
    loop {
        let frame = socket.next().await.expect("an answer").expect("an open socket");
        let frame: Value = serde_json::from_str(frame.to_text().expect("text")).expect("JSON");
        if frame["id"] == 1 {
            assert!(frame["error"].is_null(), "{frame}");
            return;
        }
    }
}

/// Reads what comes, and pings.
async fn stay(mut socket: Socket) {
    let mut pings = tokio::time::interval_at(tokio::time::Instant::now() + PING, PING);
    let ping = json!({"jsonrpc": "2.0", "method": "ping", "id": 2}).to_string();
    loop {
        let sent = tokio::select! {
            frame = socket.next() => if frame.is_some_and(|frame| frame.is_ok()) { Ok(()) } else { break },
            _ = pings.tick() => socket.send(Message::text(ping.clone())).await,
        };
        if sent.is_err() {
            break;
        }
    }
    panic!("the server has closed a socket");
}
