//! A socket that is full for real: its network takes a kilobyte a second, until it is told to be faster. This is tested in a
//! network of its own, in a second process, because only there may everybody make such a network.

use std::net::UdpSocket;
use std::process::Command;

use sfu::Transmit;

use super::*;

/// Set in the second process.
const INSIDE: &str = "MADANG_TEST_SLOW_NETWORK";
/// What the second process says if it could not make its network.
const UNABLE: i32 = 77;
/// The least that Linux gives a socket.
const SEND_BUFFER: usize = 4096;
const DATAGRAM: usize = 1200;
/// Twice what a worker keeps while the kernel takes nothing.
const DATAGRAMS: u32 = 1800;

#[test]
fn a_full_socket_stops_nothing() {
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    let slow =
        "ip link set lo up && tc qdisc add dev lo root tbf rate 8kbit burst 3000 limit 10mb || exit 77; exec \"$@\"";
    let test = std::env::current_exe().expect("this program");
    let name = "worker::tests::full_socket::a_full_socket_stops_nothing";
    for unshare in [&["--net"][..], &["--map-root-user", "--net"]] {
        let mut command = Command::new("unshare");
        command.args(unshare).args(["--", "sh", "-c", slow, "sh"]).arg(&test).args(["--exact", name, "--nocapture"]);
        match command.env(INSIDE, "1").status() {
            Ok(status) if status.success() => return,
            // `unshare` says 1 if it may not.
            Ok(status) if [Some(UNABLE), Some(1)].contains(&status.code()) => {}
            other => panic!("{other:?}"),
        }
    }
    eprintln!("not tested: no network of our own (unshare, ip and tc with tbf are needed)");
}

fn inside() {
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let destination = client.local_addr().expect("an address");
    let Bench { mut worker, commands, mut events, pulse, _network: network, _others: others } = bench_with(SEND_BUFFER);
    let source = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), worker.ports.media.port);
    worker.command(MediaOperation::CreateRouter.at(ROUTER));
    let numbers: Vec<_> = (0..DATAGRAMS).collect();
    for train in numbers.chunks(10) {
        let datagram = |number: &u32| [&number.to_be_bytes()[..], &[0xff; DATAGRAM - 4]].concat();
        let contents = train.iter().flat_map(datagram).collect();
        worker.transmit(Transmit { protocol: Protocol::Udp, source, destination, contents, segment: DATAGRAM });
    }
    worker.send();
    assert!(worker.ports.media.queue.is_blocked(), "the kernel has no room");

    let all = while_it_runs(worker, async move {
        for number in 1..=3 {
            assert!(pulse.ask().await, "its loop turns");
            assert!(others.1.ask().await.is_some(), "it answers questions");
            commands.send(publish(number)).await.expect("it takes commands");
            assert!(matches!(events.recv().await, Some(MediaEvent::Failed { .. })), "and carries them out");
        }
        // The network is as fast as others.
        let tc = ["qdisc", "change", "dev", "lo", "root", "tbf", "rate", "80mbit", "burst", "3000", "limit", "10mb"];
        assert!(Command::new("tc").args(tc).status().expect("tc").success());
        // Behind everything else that waits, it answers who asks for an address.
        let request = stun::binding::request([7; 12]);
        client.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
        let mut all = vec![];
        let mut contents = [0; 2 * DATAGRAM];
        client.send_to(&request, source).expect("sent");
        loop {
            match client.recv(&mut contents) {
                Ok(DATAGRAM) => all.push(u32::from_be_bytes([contents[0], contents[1], contents[2], contents[3]])),
                Ok(length) => {
                    assert!(stun::binding::mapped_address(&contents[..length], [7; 12]).is_some());
                    break;
                }
                // Requests may be lost.
                Err(_) => drop(client.send_to(&request, source).expect("sent")),
            }
        }
        drop((commands, network));
        all
    });
    assert!(all.is_sorted_by(|one, next| one < next), "in order, each once");
    assert!(all.len() > 100 && all.len() < DATAGRAMS as usize, "{} of {DATAGRAMS}", all.len());
    assert_eq!(all[0], 0, "what comes first waits, what comes last is lost");
}
