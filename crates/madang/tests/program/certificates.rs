//! The certificates that the real program shows: those it signs itself, the operator's, and those of an ACME authority
//! (Debian's `pebble`).

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use aws_lc_rs::digest;
use testbed::PATIENCE;
use testbed::program::{RunningProgram, get, lines};

use crate::madang;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// A connection of a client that trusts `root` alone and has asked for `name`.
fn connect(address: SocketAddr, name: &str, root: &CertificateDer<'static>) -> io::Result<Tls> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address)?);
    stream.sock.set_read_timeout(Some(PATIENCE))?;
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// The server's own certificate in such a handshake.
fn shown(address: SocketAddr, name: &str, root: &CertificateDer<'static>) -> io::Result<CertificateDer<'static>> {
    connect(address, name, root).map(|stream| stream.conn.peer_certificates().unwrap()[0].clone().into_owned())
}

/// Handshakes until one shows what is wanted.
fn shown_at_last(
    address: SocketAddr,
    name: &str,
    root: &CertificateDer<'static>,
    wanted: impl Fn(&CertificateDer<'static>) -> bool,
) -> CertificateDer<'static> {
    let start = Instant::now();
    loop {
        match shown(address, name, root) {
            Ok(certificate) if wanted(&certificate) => return certificate,
            other => assert!(start.elapsed() < PATIENCE, "it is never shown: {other:?}"),
        }
    }
}

/// A certificate that signs itself, and its key.
fn own(name: &str) -> (String, String, CertificateDer<'static>) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem(), certificate.der().clone())
}

#[test]
fn whoever_trusts_the_authority_once_accepts_every_certificate_that_follows() {
    let folder = tempfile::tempdir().unwrap();
    let server = RunningProgram::start(madang(folder.path()));
    let (head, body) = server.get("/trust/madang.crt", "");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("application/x-x509-ca-cert"), "{head}");
    let authority = CertificateDer::from(body);
    let first = shown(server.address, "127.0.0.1", &authority).unwrap();
    assert_eq!(shown(server.address, "localhost", &authority).unwrap(), first);
    server.stop();

    // Both are kept.
    let server = RunningProgram::start(madang(folder.path()));
    assert_eq!(server.get("/trust/madang.crt", "").1, authority.to_vec());
    assert_eq!(shown(server.address, "localhost", &authority).unwrap(), first);
    server.stop();

    // The certificate may go; who trusts the authority does not notice.
    std::fs::remove_file(folder.path().join("data").join("certificate.pem")).unwrap();
    let server = RunningProgram::start(madang(folder.path()));
    assert_ne!(shown(server.address, "localhost", &authority).unwrap(), first);
}

#[test]
fn devices_are_told_how_to_trust_in_their_language() {
    let folder = tempfile::tempdir().unwrap();
    let server = RunningProgram::start(madang(folder.path()));
    let (_, authority) = server.get("/trust/madang.crt", "");
    let digest = digest::digest(&digest::SHA256, &authority);
    let fingerprint: Vec<_> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    for (language, words) in [("en", ["Trust this server", "iPhone"]), ("ko-KR,ko", ["이 서버 신뢰하기", "인증서"])]
    {
        let (head, page) = server.get("/trust", &format!("Accept-Language: {language}\r\n"));
        let page = String::from_utf8(page).unwrap();
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("default-src 'none'"), "{head}");
        for part in [words[0], words[1], &fingerprint.join(":"), "<svg", "href=\"/trust/madang.crt\""] {
            assert!(page.contains(part), "{language} {part}");
        }
    }
    let log = server.stop();
    assert!(log.contains(&fingerprint.join(":")), "to compare: {log}");
}

#[test]
fn the_operators_certificate_follows_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("owncert");
    std::fs::create_dir(&files).unwrap();
    let write = |name: &str, text: &str| std::fs::write(files.join(name), text).unwrap();
    let (first, second) = (own("call.example.org"), own("call.example.org"));
    write("certificate.cert", &first.0);
    write("certificate.key", &first.1);
    let mut command = madang(folder.path());
    command.env("CERTIFICATE_TYPE", "owncert").env("MADANG_OWNCERT_DIR", &files);
    let mut server = RunningProgram::start(command);
    let shows = |server: &RunningProgram, root| shown(server.address, "call.example.org", root).is_ok();
    assert!(shows(&server, &first.2));
    assert!(server.get("/trust", "").0.starts_with("HTTP/1.1 401"), "nothing to trust here");

    write("certificate.cert", "-----BEGIN CERTIFICATE-----\nnonsense");
    server.says("the changed certificate cannot be used; the one before stays");
    assert!(shows(&server, &first.2), "the one before");

    write("certificate.cert", &second.0);
    server.says("the key does not belong to the certificate");
    assert!(shows(&server, &first.2) && !shows(&server, &second.2));

    write("certificate.key", &second.1);
    server.says("the certificate was read anew");
    assert!(shows(&server, &second.2) && !shows(&server, &first.2));
}

/// `openssl x509 -req` without extensions makes those, and many a private authority does.
#[test]
fn an_operators_certificate_of_version_1_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/program/version_1");
    let mut command = madang(folder.path());
    command.env("CERTIFICATE_TYPE", "owncert").env("MADANG_OWNCERT_DIR", &files);
    let server = RunningProgram::start(command);
    // rustls, as a client, reads none of these.
    let address = server.address.to_string();
    let client =
        Command::new("openssl").args(["s_client", "-connect", &address]).stdin(Stdio::null()).output().unwrap();
    let seen = String::from_utf8_lossy(&client.stdout);
    let certificate = std::fs::read_to_string(files.join("certificate.cert")).unwrap();
    assert!(seen.contains(&certificate), "{seen}");
}

#[test]
fn an_operators_certificate_that_cannot_be_used_is_named_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |part: &str| {
        let mut command = madang(folder.path());
        command.env("CERTIFICATE_TYPE", "owncert").env("MADANG_OWNCERT_DIR", folder.path());
        let output = command.output().unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && log.contains("MADANG_OWNCERT_DIR") && log.contains(part), "{log}");
    };
    fails("certificate.cert or certificate.key is missing");
    let (one, other) = (own("a.example.org"), own("a.example.org"));
    std::fs::write(folder.path().join("certificate.cert"), one.0).unwrap();
    std::fs::write(folder.path().join("certificate.key"), other.1).unwrap();
    fails("the key does not belong to the certificate");
}

/// An ACME authority that asks at `tls_port` and `http_port` of this machine, whatever the name, and whose certificates
/// are short-lived.
struct Pebble {
    processes: [Child; 2],
    directory: String,
    management: SocketAddr,
    /// Of its own HTTPS.
    root: CertificateDer<'static>,
}

impl Drop for Pebble {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Pebble {
    fn start(folder: &Path, tls_port: u16, http_port: u16, seconds: u32) -> Self {
        let [address, management, dns] = free_ports().map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let root_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&root_key).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate =
            CertificateParams::new(names).unwrap().signed_by(&key, &Issuer::new(params, &root_key)).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
        write("root.pem", &root.pem());
        write("pebble.pem", &certificate.pem());
        write("pebble.key.pem", &key.serialize_pem());
        let config = serde_json::json!({"pebble": {
            "listenAddress": address.to_string(), "managementListenAddress": management.to_string(),
            "certificate": folder.join("pebble.pem"), "privateKey": folder.join("pebble.key.pem"),
            "tlsPort": tls_port, "httpPort": http_port, "certificateValidityPeriod": seconds,
        }});
        write("pebble.json", &config.to_string());
        let mut names = Command::new("pebble-challtestsrv");
        names.args(["-dns01", &dns.to_string(), "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""]);
        names.args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-management", ""]);
        let mut authority = Command::new("pebble");
        authority.arg("-config").arg(folder.join("pebble.json")).args(["-dnsserver", &dns.to_string()]);
        // At once, every time anew, and without refusing one request in twenty.
        authority.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_AUTHZREUSE", "0").env("PEBBLE_WFE_NONCEREJECT", "0");
        let processes = [ready(names, "Starting management server"), ready(authority, "ACME directory available")];
        Self { processes, directory: format!("https://{address}/dir"), management, root: root.der().clone() }
    }

    /// Of the certificates it issues.
    fn issuer(&self) -> CertificateDer<'static> {
        let mut stream = connect(self.management, "localhost", &self.root).unwrap();
        stream.write_all(b"GET /roots/0 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = vec![];
        stream.read_to_end(&mut answer).unwrap();
        CertificateDer::from_pem_slice(&answer).unwrap()
    }

    fn madang(&self, folder: &Path, port: u16, http_port: u16) -> Command {
        let mut command = madang(folder);
        command.env("SERVER_PORT", port.to_string()).env("HTTP_PORT", http_port.to_string());
        command.env("CERTIFICATE_TYPE", "letsencrypt").env("LETSENCRYPT_EMAIL", "ops@example.org");
        command.env("DOMAIN_OR_PUBLIC_IP", NAME).env("MADANG_ACME_DIRECTORY", &self.directory);
        command.env("MADANG_ACME_ROOT", folder.join("root.pem"));
        command
    }
}

const NAME: &str = "call.example.org";

/// Each is given away once, and below those that the system gives to connections and to whoever asks for any: between
/// now and the start of the program that gets it nobody else takes it.
fn free_ports<const N: usize>() -> [u16; N] {
    const LOWEST: u32 = 11_000;
    const COUNT: u32 = 20_000;

    static NEXT: AtomicU32 = AtomicU32::new(0);
    std::array::from_fn(|_| {
        // Other test programs of this machine begin elsewhere.
        let numbers = || NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(std::process::id().wrapping_mul(97));
        let ports = std::iter::repeat_with(numbers).map(|number| (LOWEST + number % COUNT) as u16);
        ports.take(COUNT as usize).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
    })
}

/// Starts a program and waits until it says `text`.
fn ready(mut command: Command, text: &str) -> Child {
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = spawned.expect("Debian's package pebble (scripts/tools.sh test installs it)");
    let log = lines(child.stdout.take().unwrap());
    while !log.recv_timeout(PATIENCE).expect("a start in time").contains(text) {}
    // Read on, or it would stand still once the pipe is full.
    std::thread::spawn(move || log.iter().for_each(drop));
    child
}

#[test]
fn an_authority_issues_a_certificate_over_tls_and_the_next_handshake_uses_the_renewed_one() {
    let folder = tempfile::tempdir().unwrap();
    let [port, http_port, nowhere] = free_ports();
    // Renewed two thirds through.
    let pebble = Pebble::start(folder.path(), port, nowhere, 30);
    let mut server = RunningProgram::start(pebble.madang(folder.path(), port, http_port));
    let issuer = pebble.issuer();
    let first = shown_at_last(server.address, NAME, &issuer, |_| true);
    server.says("a new certificate of the authority is in use");
    server.says("a new certificate of the authority is in use");
    shown_at_last(server.address, NAME, &issuer, |certificate| *certificate != first);
    let (head, _) = get(([127, 0, 0, 1], http_port).into(), "/some/page?x", "");
    assert!(
        head.starts_with("HTTP/1.1 301") && head.contains(&format!("https://127.0.0.1:{port}/some/page?x")),
        "{head}"
    );
    server.stop();
}

#[test]
fn an_authority_that_cannot_come_by_tls_is_answered_by_plain_http_and_the_certificate_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let [port, http_port, nowhere] = free_ports();
    let pebble = Pebble::start(folder.path(), nowhere, http_port, 24 * 60 * 60);
    let mut server = RunningProgram::start(pebble.madang(folder.path(), port, http_port));
    server.says("the authority did not find us by TLS; trying plain HTTP");
    server.says("a new certificate of the authority is in use");
    let issuer = pebble.issuer();
    let first = shown(server.address, NAME, &issuer).unwrap();
    server.stop();
    let again = RunningProgram::start(pebble.madang(folder.path(), port, http_port));
    assert_eq!(shown(again.address, NAME, &issuer).unwrap(), first, "from the first handshake on");
    let log = again.stop();
    assert!(!log.contains("a new certificate"), "{log}");
}
