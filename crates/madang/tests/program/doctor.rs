//! `madang doctor` against the real program: one that is well, and each thing broken in turn, in the way it breaks for people.
//! What needs networks of its own is tested in `e2e`.

use std::net::UdpSocket;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use testbed::program::RunningProgram;

use crate::madang;
use protocol::checkup::{Check, Checkup, Leg, Verdict};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;

/// Seconds from 1900, where NTP begins, to 1970.
const ERA: u64 = 2_208_988_800;

/// A folder with settings, and the server that runs with them.
struct World {
    folder: TempDir,
    settings: Vec<(&'static str, String)>,
}

impl World {
    fn new(settings: &[(&'static str, &str)]) -> Self {
        let own = |(name, value): &(&'static str, &str)| (*name, (*value).to_owned());
        let settings = [("COTURN_PORT", "0")].iter().chain(settings).map(own).collect();
        Self { folder: tempfile::tempdir().unwrap(), settings }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self) -> Command {
        let mut command = madang(self.path());
        command.envs(self.settings.iter().map(|(name, value)| (*name, value)));
        command
    }

    fn start(&self) -> RunningProgram {
        RunningProgram::start(self.command())
    }

    /// The doctor of this server, as its operator calls it.
    fn doctor(&self, server: &RunningProgram, arguments: &[&str]) -> Output {
        let mut command = self.command();
        command.env("SERVER_PORT", server.address.port().to_string());
        // Where nobody would answer; nobody elsewhere is asked in tests.
        command.arg("doctor").args(["--ntp", "127.0.0.1:9"]).args(arguments);
        command.output().unwrap()
    }

    fn checkup(&self, server: &RunningProgram, arguments: &[&str]) -> Checkup {
        read(&self.doctor(server, &[&["--json"], arguments].concat()))
    }
}

/// The report, which must agree with the exit status.
fn read(output: &Output) -> Checkup {
    let checkup: Checkup = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!(output.status.code(), Some(if checkup.healthy { 0 } else { 1 }), "{checkup:#?}");
    checkup
}

fn check(checkup: &Checkup, leg: Leg) -> &Check {
    let mut found = checkup.checks.iter().filter(|check| check.leg == leg);
    let worst = found.by_ref().max_by_key(|check| check.verdict);
    worst.unwrap_or_else(|| panic!("nothing of {leg:?}: {checkup:#?}"))
}

fn advises(checkup: &Checkup, leg: Leg, verdict: Verdict, words: &str) {
    let check = check(checkup, leg);
    assert_eq!(check.verdict, verdict, "{checkup:#?}");
    let advice = check.advice.as_deref().unwrap_or_default();
    assert!(format!("{} {advice}", check.finding).contains(words) && !advice.is_empty(), "{words}: {check:#?}");
}

fn of_verdict(checkup: &Checkup, verdict: Verdict) -> Vec<Leg> {
    checkup.checks.iter().filter(|check| check.verdict == verdict).map(|check| check.leg).collect()
}

/// What this machine grants is not up to the tests: whether the buffers are whole.
fn grants_large_buffers() -> bool {
    ["rmem_max", "wmem_max"].iter().all(|name| {
        let text = std::fs::read_to_string(format!("/proc/sys/net/core/{name}"));
        // Not shown in a network namespace of older kernels, where the machine's own holds.
        text.map_or(true, |text| text.trim().parse::<usize>().unwrap() >= 4 * 1024 * 1024)
    })
}

/// An authority, and certificates of it in the folder `owncert`.
struct Signer {
    params: CertificateParams,
    key: KeyPair,
}

impl Signer {
    fn new(world: &World) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        std::fs::create_dir(world.path().join("owncert")).unwrap();
        std::fs::write(world.path().join("root.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { params, key }
    }

    fn sign(self, world: &World, names: &[&str], change: impl FnOnce(&mut CertificateParams)) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &Issuer::new(self.params, &self.key)).unwrap();
        let write = |name: &str, text: String| std::fs::write(world.path().join("owncert").join(name), text).unwrap();
        write("certificate.cert", certificate.pem());
        write("certificate.key", key.serialize_pem());
    }
}

/// A server with a certificate for these names, examined from outside by somebody who trusts its authority.
fn examine_certificate(names: &[&str], more: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Checkup {
    let mut world = World::new(&[("CERTIFICATE_TYPE", "owncert")]);
    Signer::new(&world).sign(&world, names, change);
    world.settings.push(("MADANG_OWNCERT_DIR", world.path().join("owncert").display().to_string()));
    let server = world.start();
    let url = format!("https://localhost:{}", server.address.port());
    let root = world.path().join("root.pem").display().to_string();
    let mut command = world.command();
    command.env("OPENVIDU_SECRET", "MY_SECRET");
    command.args(["doctor", "--json", "--ntp", "127.0.0.1:9", "--url", &url, "--trust", &root]).args(more);
    read(&command.output().unwrap())
}

#[test]
fn a_server_that_is_well_has_nothing_to_hear() {
    // As a browser would take it: TURN inside TLS is at the address of media.
    let checkup = examine_certificate(&["localhost", "127.0.0.1"], &[], |_| {});
    assert!(checkup.healthy);
    let expected = if grants_large_buffers() { vec![] } else { vec![Leg::Buffers] };
    assert_eq!(of_verdict(&checkup, Verdict::Warning), expected, "{checkup:#?}");
    assert_eq!(of_verdict(&checkup, Verdict::Skipped), [Leg::Address, Leg::Proxy], "{checkup:#?}");
    assert_eq!(checkup.checks.len(), 15, "every leg: {checkup:#?}");
    let buffers = check(&checkup, Leg::Buffers);
    assert_eq!(buffers.verdict == Verdict::Ok, grants_large_buffers(), "{buffers:?}");
}

#[test]
fn a_development_server_is_well_and_is_told_so_in_both_languages() {
    let world = World::new(&[]);
    let server = world.start();
    let english = world.doctor(&server, &[]);
    let text = String::from_utf8(english.stdout).unwrap();
    assert!(english.status.success() && text.contains("Nothing has failed.") && text.contains("turn-tcp"), "{text}");
    let korean = world.doctor(&server, &["--lang", "ko"]);
    let text = String::from_utf8(korean.stdout).unwrap();
    assert!(korean.status.success() && text.contains("실패한 항목이 없습니다."), "{text}");
    // Also what the server says of itself.
    assert!(text.contains("UDP 포트의 버퍼"), "{text}");
}

#[test]
fn certificates_that_browsers_refuse_are_told_apart_and_the_secret_stays_here() {
    let expired = examine_certificate(&["localhost"], &[], |params| params.not_after = date_time_ymd(2020, 5, 17));
    advises(&expired, Leg::Certificate, Verdict::Failed, "expired on 2020-05-17");
    advises(&expired, Leg::Server, Verdict::Failed, "The secret was not sent");
    assert_eq!(expired.checks.len(), 2, "{expired:#?}");

    let names = ["other.example.org", "127.0.0.1"];
    let wrong = examine_certificate(&names, &["--insecure"], |_| {});
    advises(&wrong, Leg::Certificate, Verdict::Failed, "other.example.org");
    assert_eq!(of_verdict(&wrong, Verdict::Failed), [Leg::Certificate], "the rest is looked at: {wrong:#?}");

    let soon = examine_certificate(&["localhost", "127.0.0.1"], &[], |params| {
        let day = 24 * 60 * 60;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let at = |seconds: u64| (UNIX_EPOCH + std::time::Duration::from_secs(seconds)).into();
        (params.not_before, params.not_after) = (at(now - 87 * day), at(now + 3 * day + day / 2));
    });
    advises(&soon, Leg::Certificate, Verdict::Warning, "3 more days");
}

#[test]
fn files_that_do_not_come_into_use_are_noticed() {
    let mut world = World::new(&[("CERTIFICATE_TYPE", "owncert")]);
    Signer::new(&world).sign(&world, &["localhost"], |_| {});
    world.settings.push(("MADANG_OWNCERT_DIR", world.path().join("owncert").display().to_string()));
    let server = world.start();
    std::fs::write(world.path().join("owncert/certificate.key"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let checkup = world.checkup(&server, &[]);
    advises(&checkup, Leg::Certificate, Verdict::Failed, "the key does not belong to the certificate");
}

#[test]
fn an_address_that_leads_nowhere_or_elsewhere_is_named() {
    let world = World::new(&[("DOMAIN_OR_PUBLIC_IP", "nobody.invalid")]);
    let checkup = world.checkup(&world.start(), &[]);
    advises(&checkup, Leg::Address, Verdict::Failed, "nobody.invalid");
    advises(&checkup, Leg::Address, Verdict::Failed, "DOMAIN_OR_PUBLIC_IP");
    assert_eq!(check(&checkup, Leg::WebSocket).verdict, Verdict::Skipped);

    // Two servers; one sends its clients to the other.
    let other = World::new(&[]);
    let other_server = other.start();
    let port = other_server.address.port().to_string();
    let world = World::new(&[("DOMAIN_OR_PUBLIC_IP", "localhost"), ("HTTPS_PORT", &port)]);
    let checkup = world.checkup(&world.start(), &[]);
    advises(&checkup, Leg::Address, Verdict::Failed, "something else than this server");
    drop(other_server);
    let checkup = world.checkup(&world.start(), &[]);
    advises(&checkup, Leg::Port, Verdict::Failed, "nothing listens at port");
}

#[test]
fn a_server_that_is_not_there_or_does_not_know_us_is_the_only_finding() {
    let world = World::new(&[]);
    let server = world.start();
    let wrong = World::new(&[("OPENVIDU_SECRET", "another")]).checkup(&server, &[]);
    advises(&wrong, Leg::Server, Verdict::Failed, "OPENVIDU_SECRET");
    assert_eq!(wrong.checks.len(), 1);
    let address = server.address;
    server.stop();
    let mut command = world.command();
    command.env("SERVER_PORT", address.port().to_string()).args(["doctor", "--json"]);
    advises(&read(&command.output().unwrap()), Leg::Server, Verdict::Failed, "the connection is refused");
}

#[test]
fn a_relay_that_is_off_or_believes_another_secret_is_named() {
    let world = World::new(&[("MADANG_TURN_ALLOCATIONS", "0")]);
    let checkup = world.checkup(&world.start(), &[]);
    for leg in [Leg::TurnUdp, Leg::TurnTcp, Leg::TurnTls] {
        advises(&checkup, leg, Verdict::Warning, "MADANG_TURN_ALLOCATIONS");
    }
    assert!(checkup.healthy);

    // Another server's relay: it has one secret, and we believe it has another one.
    let relay = World::new(&[("COTURN_SHARED_SECRET_KEY", "one")]);
    let relay_server = relay.start();
    let url = read(&relay.doctor(&relay_server, &["--json"]));
    let told = &check(&url, Leg::TurnUdp).finding;
    let port = told.strip_prefix("turn:127.0.0.1:").and_then(|rest| rest.split(' ').next()).unwrap().to_owned();
    for secret in ["another", "one"] {
        let settings = [("COTURN_IP", "127.0.0.1"), ("COTURN_PORT", &port), ("COTURN_SHARED_SECRET_KEY", secret)];
        let world = World::new(&settings);
        let checkup = world.checkup(&world.start(), &[]);
        // That one leads to its own media only.
        let words = if secret == "another" { "error 401" } else { "does not come back" };
        advises(&checkup, Leg::TurnUdp, Verdict::Failed, words);
    }
}

#[test]
fn a_port_of_the_relay_that_is_taken_is_named() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let world = World::new(&[("COTURN_PORT", &port)]);
    let checkup = world.checkup(&world.start(), &[]);
    advises(&checkup, Leg::TurnUdp, Verdict::Warning, "COTURN_PORT");
    assert_eq!(check(&checkup, Leg::TurnTcp).verdict, Verdict::Ok);
}

#[test]
fn few_files_and_folders_that_cannot_be_written_are_named() {
    let mut world = World::new(&[("OPENVIDU_RECORDING", "true")]);
    let recordings = world.path().join("recordings");
    world.settings.push(("OPENVIDU_RECORDING_PATH", recordings.display().to_string()));
    let mut limited = Command::new("/bin/sh");
    limited.args(["-c", "ulimit -n 256 && exec \"$0\"", crate::MADANG]);
    let command = world.command();
    limited.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let server = RunningProgram::start(limited);
    // As when a disk is not mounted where it was.
    std::fs::remove_dir_all(&recordings).unwrap();
    std::fs::write(&recordings, "").unwrap();
    let checkup = world.checkup(&server, &[]);
    advises(&checkup, Leg::Files, Verdict::Failed, "LimitNOFILE");
    advises(&checkup, Leg::Disk, Verdict::Failed, "OPENVIDU_RECORDING_PATH");
}

/// A time server whose clock is ahead by these seconds. Answers until the test ends.
fn time_server(ahead: i64) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((length, peer)) = socket.recv_from(&mut question) {
            assert_eq!((length, question[0]), (48, 0x23), "a client of version 4");
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            let seconds = (now + ERA).wrapping_add_signed(ahead) as u32;
            let mut answer = [0; 48];
            (answer[0], answer[1]) = (0x24, 1);
            answer[24..32].copy_from_slice(&question[40..48]);
            for at in [32, 40] {
                answer[at..at + 4].copy_from_slice(&seconds.to_be_bytes());
            }
            let _ = socket.send_to(&answer, peer);
        }
    });
    address
}

#[test]
fn a_clock_that_is_wrong_is_noticed() {
    let world = World::new(&[]);
    let server = world.start();
    let at = |ahead| world.checkup(&server, &["--ntp", &time_server(ahead)]);
    assert_eq!(check(&at(0), Leg::Clock).verdict, Verdict::Ok);
    advises(&at(3600), Leg::Clock, Verdict::Failed, "behind");
    advises(&at(-3600), Leg::Clock, Verdict::Failed, "ahead");
    assert_eq!(check(&world.checkup(&server, &[]), Leg::Clock).verdict, Verdict::Skipped, "nobody answers");
}

#[test]
fn the_secret_is_never_an_argument_and_never_shown() {
    let world = World::new(&[]);
    let refused = world.command().args(["doctor", "--secret", "x"]).output().unwrap();
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("'--secret'"));
    let world = World::new(&[("OPENVIDU_SECRET", "hush-hush")]);
    let server = world.start();
    let output = world.doctor(&server, &["--json"]);
    assert!(output.status.success(), "{output:?}");
    assert!(!format!("{output:?}").contains("hush-hush"));
    assert!(!server.stop().contains("hush-hush"));
}

/// From the standard input, as somebody types it.
#[test]
fn the_secret_of_another_server_is_asked_for() {
    use std::io::Write as _;

    let world = World::new(&[("OPENVIDU_SECRET", "typed")]);
    let server = world.start();
    let mut command = World::new(&[]).command();
    command.args(["doctor", "--json", "--ntp", "127.0.0.1:9", "--url", &format!("http://{}", server.address)]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"typed\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("OPENVIDU_SECRET: "));
    assert!(read(&output).healthy);
}
