//! What small reads by REST cost the real program: its processor time for each, so how many one core serves in a second.
//!
//!     cargo build --release && cargo run --release -p madang --example small_reads [connections seconds rounds]
//!
//! All connections stay open and say who they are in each request (HTTP Basic), as applications do; each has one request under way
//! at a time. This program is another process than the server: only the latter's time counts, all of its threads and what the
//! kernel does for it.

mod program;

use std::time::{Duration, Instant};

use program::{Client, Madang, Rounds};

/// Of the session that is read.
const CONNECTIONS_OF_SESSION: usize = 3;
const READS: [&str; 3] = ["/sessions/room", "/config", "/sessions/nothing"];
/// What a core must serve in a second.
const GATE: f64 = 20_000.0;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>().expect("a number"));
    let mut argument = |default| arguments.next().unwrap_or(default);
    let (connections, seconds, rounds) = (argument(32), argument(3), argument(5));
    let server = Madang::start(|_| vec![]);
    let mut clients: Vec<_> = (0..connections).map(|_| server.connect()).collect();
    assert_eq!(clients[0].request("POST", "/sessions", "{\"customSessionId\":\"room\"}").0, 200);
    for _ in 0..CONNECTIONS_OF_SESSION {
        assert_eq!(clients[0].request("POST", "/sessions/room/connection", "{\"data\":\"somebody\"}").0, 200);
    }
    println!(
        "{connections} connections, {seconds} s at a time, {rounds} rounds; µs of processor time per request: median (least to most)"
    );
    let mut costs = READS.map(|path| (path, Rounds::default()));
    for _ in 0..rounds {
        for (path, costs) in &mut costs {
            costs.push(cost(&server, &mut clients, path, Duration::from_secs(seconds as u64)));
        }
    }
    for (path, costs) in costs {
        let per_core = 1e6 / costs.median();
        let verdict = if per_core >= GATE { "as it must be" } else { "too few" };
        println!("GET {path:<20}{costs:>24} µs: {per_core:>7.0} a second and core, {verdict}");
    }
}

/// Of one request, in µs.
fn cost(server: &Madang, clients: &mut [Client], path: &str, time: Duration) -> f64 {
    let status = if path.ends_with("nothing") { 404 } else { 200 };
    let (begin, cpu) = (Instant::now(), server.cpu());
    let mut requests = 0;
    while begin.elapsed() < time {
        clients.iter_mut().for_each(|client| client.send("GET", path, ""));
        for client in &mut *clients {
            assert_eq!(client.answer().0, status, "{path}");
        }
        requests += clients.len();
    }
    (server.cpu() - cpu).as_secs_f64() * 1e6 / requests as f64
}
