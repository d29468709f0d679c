//! Which TURN server clients are told of: the one inside the media worker, or another that the operator has configured.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use media::{MediaSocket, WorkerSockets};
use rand::Rng as _;
use rand::distr::Alphanumeric;
use session::TurnServer;
use settings::{CertificateType, Config, LOCALHOST, TurnAddress, bracketed};
use turn::SharedSecret;

/// Beside the certificate; the same after a restart, so that credentials stay valid.
const FILE: &str = "turn.secret";
const LENGTH: usize = 35;

/// What clients are told, and what the media worker has to know for it.
#[derive(Debug)]
pub(crate) struct TurnOffer {
    /// With a connection's own list these are not used.
    pub(crate) server: Option<TurnServer>,
    /// Whose credentials our own relay believes. `None`: it is off.
    pub(crate) own_secret: Option<SharedSecret>,
}

impl TurnOffer {
    /// For a server whose media is at `candidates`. Opens the relay's UDP port. An error: the file with the secret, and what is
    /// wrong with it.
    pub(crate) fn new(
        config: &Config,
        candidates: &[SocketAddr],
        sockets: &mut WorkerSockets,
    ) -> Result<Self, (PathBuf, io::Error)> {
        let given = config.coturn_shared_secret_key.expose();
        let host = host(config, candidates);
        if !config.openvidu_webrtc_ice_servers.is_empty() {
            return Ok(Self { server: None, own_secret: None });
        }
        if let (TurnAddress::Ip(_), false) = (config.coturn_ip, given.is_empty()) {
            let port = Some(config.coturn_port);
            let server = TurnServer { uris: uris(&host, port, port, None), secret: SharedSecret::new(given) };
            return Ok(Self { server: Some(server), own_secret: None });
        }
        if config.madang_turn_allocations == 0 {
            return Ok(Self { server: None, own_secret: None });
        }
        let secret = if given.is_empty() {
            let folder = &config.madang_data_dir;
            kept_secret(folder).map_err(|cause| (folder.join(FILE), cause))?
        } else {
            given.to_owned()
        };
        let secret = SharedSecret::new(&secret);
        let tcp = config.ice_tcp_port();
        // Browsers ask nobody whether to trust a certificate here.
        let tls = tcp.filter(|_| config.certificate_type != CertificateType::SelfSigned);
        let uris = uris(&host, udp_port(config, sockets), tcp, tls);
        let server = (!uris.is_empty()).then(|| TurnServer { uris, secret: secret.clone() });
        Ok(Self { server, own_secret: Some(secret) })
    }
}

/// Where clients find it, as it stands in a URI.
fn host(config: &Config, candidates: &[SocketAddr]) -> String {
    let of_family = |v4: bool| candidates.iter().find(|candidate| candidate.is_ipv4() == v4);
    let found = match config.coturn_ip {
        TurnAddress::Ip(ip) => return bracketed(ip),
        TurnAddress::Public => None,
        TurnAddress::FoundV4 => of_family(true),
        TurnAddress::FoundV6 => of_family(false),
    };
    let found = found.or(candidates.first()).map_or(LOCALHOST, SocketAddr::ip);
    config.domain_or_public_ip.for_url().unwrap_or_else(|| bracketed(found))
}

/// A port of its own, because Chromium takes what comes from a TURN server's address and port for the relay's: at the
/// port of media no direct path would work.
fn udp_port(config: &Config, sockets: &mut WorkerSockets) -> Option<u16> {
    let media = sockets.media.address().port();
    if config.coturn_port == media {
        return Some(media);
    }
    sockets.turn = MediaSocket::bind_turn(config.madang_listen, config.coturn_port);
    sockets.turn.as_ref().map(|socket| socket.address().port())
}

/// UDP first: it is the best way, and clients before 2.21 know no other.
fn uris(host: &str, udp: Option<u16>, tcp: Option<u16>, tls: Option<u16>) -> Vec<String> {
    let udp = udp.map(|port| format!("turn:{host}:{port}"));
    let tcp = tcp.map(|port| format!("turn:{host}:{port}?transport=tcp"));
    let tls = tls.map(|port| format!("turns:{host}:{port}?transport=tcp"));
    [udp, tcp, tls].into_iter().flatten().collect()
}

/// The one that is kept; makes it first if need be.
fn kept_secret(folder: &Path) -> io::Result<String> {
    match fs::read_to_string(folder.join(FILE)) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Ok(_) => {}
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
        Err(error) => return Err(error),
    }
    let secret: String = rand::rng().sample_iter(Alphanumeric).take(LENGTH).map(char::from).collect();
    // Read-only installations work too; credentials then end with the process.
    let kept = fs::create_dir_all(folder).and_then(|()| durable::replace(&folder.join(FILE), &secret));
    if let Err(error) = kept {
        tracing::warn!(folder = %folder.display(), %error, "the secret of TURN users cannot be kept");
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use settings::Sources;

    use super::*;

    fn config(folder: &Path) -> Config {
        Config { madang_data_dir: folder.to_owned(), madang_listen: LOCALHOST, coturn_port: 0, ..Config::default() }
    }

    fn candidate() -> SocketAddr {
        (LOCALHOST, 40_000).into()
    }

    fn offer(config: &Config) -> (TurnOffer, WorkerSockets) {
        let mut sockets = WorkerSockets { media: MediaSocket::bind(LOCALHOST, 0).unwrap(), turn: None };
        (TurnOffer::new(config, &[candidate()], &mut sockets).unwrap(), sockets)
    }

    #[test]
    fn the_secret_is_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let first = kept_secret(folder.path()).unwrap();
        assert!(first.len() == LENGTH && first.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(kept_secret(folder.path()).unwrap(), first);
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(folder.path().join(FILE), "\n").unwrap();
        assert_eq!(kept_secret(folder.path()).unwrap().len(), LENGTH, "an empty one is none");
        fs::remove_file(folder.path().join(FILE)).unwrap();
        fs::create_dir(folder.path().join(FILE)).unwrap();
        assert!(kept_secret(folder.path()).is_err());
    }

    #[test]
    fn clients_are_told_the_ways_there_are_at_the_address_they_reach_us_by() {
        let hosts = ["call.example.org", "[2001:db8::1]"];
        assert_eq!(uris(hosts[0], Some(3478), None, None), ["turn:call.example.org:3478"]);
        let both = ["turn:[2001:db8::1]:3478", "turn:[2001:db8::1]:443?transport=tcp"];
        assert_eq!(uris(hosts[1], Some(3478), Some(443), None), both);
        let folder = tempfile::tempdir().unwrap();
        let (told, sockets) = offer(&config(folder.path()));
        let port = sockets.turn.unwrap().address().port();
        let expected = [format!("turn:127.0.0.1:{port}"), "turn:127.0.0.1:4443?transport=tcp".to_owned()];
        assert_eq!(told.server.unwrap().uris, expected);
        let trusted = Config { certificate_type: CertificateType::Own, ..config(folder.path()) };
        assert_eq!(offer(&trusted).0.server.unwrap().uris[2], "turns:127.0.0.1:4443?transport=tcp");
    }

    #[test]
    fn a_port_that_is_taken_is_not_offered() {
        let folder = tempfile::tempdir().unwrap();
        let taken = MediaSocket::bind(LOCALHOST, 0).unwrap();
        let config = Config { coturn_port: taken.address().port(), ..config(folder.path()) };
        let (offer, sockets) = offer(&config);
        assert!(sockets.turn.is_none());
        assert_eq!(offer.server.unwrap().uris, ["turn:127.0.0.1:4443?transport=tcp"]);
    }

    #[test]
    fn media_and_relay_can_share_a_port() {
        let folder = tempfile::tempdir().unwrap();
        let mut sockets = WorkerSockets { media: MediaSocket::bind(LOCALHOST, 0).unwrap(), turn: None };
        let port = sockets.media.address().port();
        let config = Config { coturn_port: port, ..config(folder.path()) };
        let offer = TurnOffer::new(&config, &[candidate()], &mut sockets).unwrap();
        assert!(sockets.turn.is_none());
        assert_eq!(offer.server.unwrap().uris[0], format!("turn:127.0.0.1:{port}"));
    }

    #[test]
    fn another_server_replaces_ours_and_an_address_alone_is_where_ours_is() {
        let folder = tempfile::tempdir().unwrap();
        let coturn_ip = TurnAddress::Ip("2001:db8::9".parse().unwrap());
        let elsewhere = Config { coturn_ip, ..config(folder.path()) };
        let (ours, sockets) = offer(&elsewhere);
        let port = sockets.turn.unwrap().address().port();
        assert_eq!(ours.server.unwrap().uris[0], format!("turn:[2001:db8::9]:{port}"));
        assert!(ours.own_secret.is_some());
        let pairs = [("COTURN_IP", "198.51.100.9"), ("COTURN_SHARED_SECRET_KEY", "shared")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (another, sockets) = offer(&Config::load(&Sources::new(pairs, folder.path())).unwrap());
        assert!(another.own_secret.is_none() && sockets.turn.is_none());
        let server = another.server.unwrap();
        assert_eq!(server.uris, ["turn:198.51.100.9:3478", "turn:198.51.100.9:3478?transport=tcp"]);
        assert_eq!(server.secret.issue(1, "a"), SharedSecret::new("shared").issue(1, "a"));
    }

    #[test]
    fn the_public_name_comes_before_what_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let candidates = ["10.0.0.5:1", "[2001:db8::5]:1"].map(|text| text.parse().unwrap());
        let mut config = config(folder.path());
        for (address, expected) in [
            (TurnAddress::Public, "10.0.0.5"),
            (TurnAddress::FoundV4, "10.0.0.5"),
            (TurnAddress::FoundV6, "[2001:db8::5]"),
        ] {
            config.coturn_ip = address;
            assert_eq!(host(&config, &candidates), expected);
        }
        config.domain_or_public_ip = settings::PublicHost::Name("call.example.org".to_owned());
        assert_eq!(host(&config, &candidates), "call.example.org");
    }

    #[test]
    fn another_list_or_a_quota_of_nothing_turns_ours_off() {
        let folder = tempfile::tempdir().unwrap();
        let off = Config { madang_turn_allocations: 0, ..config(folder.path()) };
        let (offer, sockets) = offer(&off);
        assert!(offer.server.is_none() && offer.own_secret.is_none() && sockets.turn.is_none());
    }
}
