//! What ten thousand sessions with three connections each cost, by REST against the real program.
//!
//!     cargo build --release && cargo run --release -p madang --example many_sessions [sessions]
//!
//! Times depend on the machine and on what else it does: compare the columns of one run.

mod program;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use program::{Client, Madang, micros};

/// Of a measurement at a given size.
const SAMPLES: usize = 2000;
const CLIENTS: usize = 8;
/// Room for filling the server before the collector runs.
const GARBAGE_INTERVAL: u64 = 40;

fn main() {
    let sessions = std::env::args().nth(1).map_or(10_000, |count| count.parse().expect("a number of sessions"));
    let server = Madang::start(|_| vec![]);
    let mut client = server.connect();
    let empty = Sample::take(&mut client);
    let memory = server.resident_kib();
    let filled = fill(&server, sessions);
    let per_session = (server.resident_kib() - memory) as f64 / sessions as f64;
    println!("{sessions} sessions with 3 connections each");
    println!("  filled at {:.0} requests/s by {CLIENTS} clients", sessions as f64 * 4.0 / filled.as_secs_f64());
    println!("  {per_session:.2} KiB resident per session");
    let full = Sample::take(&mut client);
    println!("  one client, one request after the other: median, 99th percentile; in an empty server");
    for ((name, at_size), (_, without)) in full.0.iter().zip(&empty.0) {
        println!(
            "    {name:<7}{:>5.0} µs {:>6.0} µs; {:>5.0} µs {:>6.0} µs; ratio of medians {:.2}",
            micros(at_size, 50),
            micros(at_size, 99),
            micros(without, 50),
            micros(without, 99),
            micros(at_size, 50) / micros(without, 50)
        );
    }
    let quiet = latencies_during(&server, || thread::sleep(Duration::from_secs(1)));
    let mut bytes = 0;
    let mut lists = vec![];
    let busy = latencies_during(&server, || {
        for _ in 0..10 {
            let start = Instant::now();
            bytes = client.request("GET", "/sessions?pendingConnections=true", "").1.len();
            lists.push(start.elapsed());
        }
    });
    lists.sort_unstable();
    println!("  the whole list: {:.1} MiB in {:.0} ms", bytes as f64 / 1_048_576.0, micros(&lists, 50) / 1000.0);
    println!(
        "  what others wait meanwhile: 99th percentile {:.1} ms, longest {:.1} ms (otherwise {:.1}, {:.1})",
        micros(&busy, 99) / 1000.0,
        micros(&busy, 100) / 1000.0,
        micros(&quiet, 99) / 1000.0,
        micros(&quiet, 100) / 1000.0
    );
    drop(server);
    collect_garbage(sessions);
}

/// Fills another server whose collector soon finds everything old, and looks how long others have to wait for that.
fn collect_garbage(sessions: usize) {
    let server = Madang::start(|_| {
        vec![
            ("OPENVIDU_SESSIONS_GARBAGE_INTERVAL", GARBAGE_INTERVAL.to_string()),
            ("OPENVIDU_SESSIONS_GARBAGE_THRESHOLD", "0".to_owned()),
        ]
    });
    let filled = fill(&server, sessions);
    if filled >= Duration::from_secs(GARBAGE_INTERVAL) {
        println!("  the collector ran while the server was being filled: no figure");
        return;
    }
    let mut client = server.connect();
    let waits = latencies_during(&server, || {
        while client.request("GET", "/sessions/room-0", "").0 == 200 {
            thread::sleep(Duration::from_millis(1));
        }
    });
    println!("  while the collector removes all of them: longest wait {:.1} ms", micros(&waits, 100) / 1000.0);
}

/// Makes the sessions; how long that took.
fn fill(server: &Madang, sessions: usize) -> Duration {
    let next = AtomicUsize::new(0);
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = server.connect();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= sessions {
                        return;
                    }
                    let body = format!("{{\"customSessionId\":\"room-{number}\"}}");
                    assert_eq!(client.request("POST", "/sessions", &body).0, 200);
                    for _ in 0..3 {
                        let path = format!("/sessions/room-{number}/connection");
                        assert_eq!(client.request("POST", &path, "{\"data\":\"somebody\"}").0, 200);
                    }
                }
            });
        }
    });
    start.elapsed()
}

/// Sorted times of each kind of request.
struct Sample([(&'static str, Vec<Duration>); 4]);

impl Sample {
    fn take(client: &mut Client) -> Self {
        let mut sample = Self([("create", vec![]), ("get", vec![]), ("token", vec![]), ("delete", vec![])]);
        for number in 0..SAMPLES {
            let path = format!("/sessions/sample-{number}");
            let body = format!("{{\"customSessionId\":\"sample-{number}\"}}");
            let requests = [
                ("POST", "/sessions".to_owned(), body.as_str(), 200),
                ("GET", path.clone(), "", 200),
                ("POST", format!("{path}/connection"), "{}", 200),
                ("DELETE", path, "", 204),
            ];
            for ((method, path, body, expected), (_, times)) in requests.iter().zip(&mut sample.0) {
                let start = Instant::now();
                let (status, _) = client.request(method, path, body);
                times.push(start.elapsed());
                assert_eq!(status, *expected, "{method} {path}");
            }
        }
        sample.0.iter_mut().for_each(|(_, times)| times.sort_unstable());
        sample
    }
}

/// Sorted times of small requests that are sent one after the other while `work` is done.
fn latencies_during(server: &Madang, work: impl FnOnce()) -> Vec<Duration> {
    let done = AtomicBool::new(false);
    let mut client = server.connect();
    thread::scope(|scope| {
        let others = scope.spawn(|| {
            let mut times = vec![];
            while !done.load(Ordering::Relaxed) {
                let start = Instant::now();
                client.request("GET", "/sessions/nothing", "");
                times.push(start.elapsed());
            }
            times.sort_unstable();
            times
        });
        work();
        done.store(true, Ordering::Relaxed);
        others.join().expect("times")
    })
}
