//! Findings in English: what was seen, and what to do; nothing to do is an empty text.

use std::fmt::Display;
use std::path::Path;
use std::time::SystemTime;

use jiff::Timestamp;
use protocol::checkup::{Leg, Relay};

use super::connection::Unreachable;
use super::finding::{Access, Authority, Finding};

const MEBIBYTE: usize = 1024 * 1024;
const WAITING: &str = "recordings that have ended stay in OPENVIDU_RECORDING_PATH and are sent as soon as they can be.";

#[expect(clippy::too_many_lines, reason = "one arm for each finding")]
pub(super) fn tell(finding: &Finding) -> (String, String) {
    match finding {
        Finding::Answers { url } => (format!("The server at {url} answers and accepts the secret."), String::new()),
        Finding::NotReached { url, why } => (
            format!("No server answers at {url}: {}.", unreachable(why)),
            "Start it (./openvidu start, or madang), and look into its log if it does not stay. Is the port the SERVER_PORT \
             of .env? With --url: is the address right, and the port open in the firewall?"
                .to_owned(),
        ),
        Finding::NotMadang { url, status } => (
            format!("What answers at {url} is not Madang, or an older version of it (status {status})."),
            "Another program may have this port: change SERVER_PORT, or stop it. A proxy in front must pass everything \
             below /openvidu on to Madang."
                .to_owned(),
        ),
        Finding::SecretWrong { url } => (
            format!("The server at {url} does not accept the secret."),
            "If OPENVIDU_SECRET in .env was changed, restart the server. With --url, give the secret of that server."
                .to_owned(),
        ),
        Finding::AccessDenied { url } => (
            format!("The server at {url} does not let this address use the REST API."),
            "Run the doctor on the server itself, or add this address to ALLOWED_ACCESS_TO_RESTAPI.".to_owned(),
        ),
        Finding::SecretHeldBack { url } => (
            format!("The secret was not sent to {url}, since its certificate is not trusted; nothing else was examined."),
            "For a certificate that the server made itself, download /trust/madang.crt from it, compare the fingerprint with \
             the one in its log, and add --trust FILE. Otherwise mend the certificate, or add --insecure if you are sure \
             who answers."
                .to_owned(),
        ),

        Finding::LeadsHere { url, addresses } => {
            (format!("{url} leads to this server ({}).", list(addresses)), String::new())
        }
        Finding::AddressUnset => (
            "DOMAIN_OR_PUBLIC_IP is not set: clients are sent to whatever address the application used.".to_owned(),
            "For other machines, set it to the name or address by which clients reach this server.".to_owned(),
        ),
        Finding::Unresolved { host, error } => (
            format!("The name {host} is not known here: {error}."),
            "Correct DOMAIN_OR_PUBLIC_IP, or add the name to the DNS, and restart the server.".to_owned(),
        ),
        Finding::LeadsElsewhere { url } => (
            format!("{url} leads to something else than this server."),
            "Correct DOMAIN_OR_PUBLIC_IP or the DNS. If a proxy stands there, it must pass everything below /openvidu on to \
             this server (docs/one-machine.md has a configuration)."
                .to_owned(),
        ),
        Finding::MediaAddressesPrivate { host, offered } => (
            format!("{host} is a public address, but media is offered at private ones only: {}.", list(offered)),
            "Set DOMAIN_OR_PUBLIC_IP, or MADANG_MEDIA_ADDRESSES to the public address, or else clients on other networks \
             join and see nobody."
                .to_owned(),
        ),

        Finding::PortOpen { address } => (format!("TCP {address} takes connections."), String::new()),
        Finding::PortClosed { host, port, why } => (
            format!("TCP port {port} of {host} cannot be reached: {}.", unreachable(why)),
            match why {
                Unreachable::Refused => format!(
                    "The machine is there, but nothing listens at port {port}: correct HTTPS_PORT or SERVER_PORT, start the \
                     proxy that should listen there, or correct DOMAIN_OR_PUBLIC_IP."
                ),
                _ => format!(
                    "Open {port}/tcp in the firewall (of the machine, and of the cloud provider), and forward it in the \
                     router. Is DOMAIN_OR_PUBLIC_IP right? Some routers do not lead back to machines behind them: run \
                     madang doctor --url from another network then."
                ),
            },
        ),

        Finding::Trusted { name, days, authority: Authority::Public } => {
            (format!("The certificate is trusted for {name} and valid for {days} more days."), String::new())
        }
        Finding::Trusted { name, days, authority: Authority::Given } => (
            format!("The certificate is right for {name}, valid for {days} more days, and signed by who was named by --trust."),
            String::new(),
        ),
        Finding::Trusted { name, days, authority: Authority::Own } => (
            format!(
                "The certificate is right for {name} and valid for {days} more days, but signed by this server itself, \
                 whom browsers do not know."
            ),
            "Each device has to be told once to trust it, at /trust. With a public name, CERTIFICATE_TYPE=letsencrypt does \
             without that."
                .to_owned(),
        ),
        Finding::PlainHttp => (
            "Clients are sent to plain HTTP, where there is no certificate.".to_owned(),
            "Browsers give camera and microphone only to localhost and to HTTPS: set DOMAIN_OR_PUBLIC_IP for other machines."
                .to_owned(),
        ),
        Finding::Expired { until } => (
            format!("The certificate has expired on {}.", day(*until)),
            "Renew it. owncert: put the new one into MADANG_OWNCERT_DIR, where it is read at once. letsencrypt: the log says \
             why it was not renewed; port 80 or 443 must lead here. A proxy in front has a certificate of its own."
                .to_owned(),
        ),
        Finding::NotYetValid { from } => (
            format!("The certificate is not valid before {}.", day(*from)),
            "Is the clock of this machine right?".to_owned(),
        ),
        Finding::WrongName { name, holds } => (
            format!("The certificate is not for {name} but for {}.", if holds.is_empty() { "others".to_owned() } else { list(holds) }),
            "Get one that holds this name, or set DOMAIN_OR_PUBLIC_IP to the name that the certificate has.".to_owned(),
        ),
        Finding::Untrusted { alone } => (
            "The certificate is signed by nobody whom browsers trust.".to_owned(),
            if *alone {
                "The server shows one certificate alone: put those of its authority (the chain, often fullchain.pem) behind \
                 it in the same file. For an authority of your own, add --trust FILE."
            } else {
                "For an authority of your own, add --trust FILE; every device has to be told to trust it, too."
            }
            .to_owned(),
        ),
        Finding::CertificateBroken { error } => (
            format!("There is no TLS, or the certificate cannot be used: {error}."),
            "Does the port speak TLS? If a proxy stands there, look into its configuration.".to_owned(),
        ),
        Finding::ExpiresSoon { days } => (
            format!("The certificate is valid for {days} more days only, and should have been renewed."),
            "The log says why it was not. owncert: put the new files into MADANG_OWNCERT_DIR.".to_owned(),
        ),
        Finding::NotNewest => (
            "The certificate that is shown is not the one that the server has in its files.".to_owned(),
            "The new files may not be usable (the log says why), or something in front shows a certificate of its own: set \
             HTTPS_PORT to its port and SERVER_PORT to another one then."
                .to_owned(),
        ),
        Finding::FilesUnusable { error } => (
            format!("The files of the certificate cannot be used: {error}."),
            "Put a certificate and its key into MADANG_OWNCERT_DIR; until then the one before stays in use.".to_owned(),
        ),

        Finding::WebSocketWorks { url } => (format!("{url} opens and answers."), String::new()),
        Finding::UpgradeRefused { url, status } => (
            format!("{url} does not become a WebSocket (status {status})."),
            "The proxy in front does not pass the upgrade on. nginx needs, for location /openvidu: proxy_http_version 1.1; \
             proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\"; (docs/one-machine.md)"
                .to_owned(),
        ),
        Finding::WebSocketFails { url, why } => (
            format!("{url} does not work: {}.", unreachable(why)),
            "A proxy or firewall in between may cut WebSockets off: let it pass what is sent to /openvidu.".to_owned(),
        ),

        Finding::NoProxy => ("No proxy stands in front.".to_owned(), String::new()),
        Finding::HeadersPassed => ("The proxy in front tells whom it speaks for.".to_owned(), String::new()),
        Finding::OriginLost { used, seen } => (
            format!("A request to {used} looks to the server as if it were to {seen}: tokens would lead there."),
            "Let the proxy pass on how it was called (nginx: proxy_set_header Host $http_host; proxy_set_header \
             X-Forwarded-Proto $scheme;), or set DOMAIN_OR_PUBLIC_IP and HTTPS_PORT."
                .to_owned(),
        ),
        Finding::ClientsUnknown { seen } => (
            format!("The proxy in front does not say whom it speaks for: every client is {seen} to the server."),
            "nginx: proxy_set_header X-Real-IP $remote_addr; Limits for one address otherwise hold for all clients together."
                .to_owned(),
        ),

        Finding::UdpWorks { answered, silent } => {
            let silent =
                if silent.is_empty() { String::new() } else { format!(" Not from here: {}.", list(silent)) };
            (format!("UDP reaches {} and comes back, large datagrams too.{silent}", list(answered)), String::new())
        }
        Finding::UdpSilent { asked } => (
            format!("Nothing comes back over UDP from {}.", list(asked)),
            format!(
                "Open {}/udp (MADANG_UDP_PORT) in the firewall of the server and of the cloud provider, and forward it in the \
                 router; are the addresses right (docs/network.md)? If it is this network that lets no UDP out, calls use \
                 TCP or the relay.",
                asked.first().map_or(0, std::net::SocketAddr::port)
            ),
        ),
        Finding::LargeLost { address } => (
            format!("Small datagrams to {address} come back, those of 1200 bytes do not."),
            "Something on the way (a VPN, a tunnel) has a small MTU and drops what is larger: let it fragment, or raise its \
             MTU. Pictures would not get through."
                .to_owned(),
        ),
        Finding::Lossy { address, sent, lost } => (
            format!("Of {sent} datagrams to {address}, {lost} were lost."),
            "The network, or the server's processor, is overloaded; or a firewall limits UDP.".to_owned(),
        ),

        Finding::TcpWorks { address } => (format!("Media can be sent over TCP to {address}."), String::new()),
        Finding::TcpOff => (
            "Media over TCP is not offered.".to_owned(),
            "Behind a proxy that is right. If its port passes everything on, set MADANG_ICE_TCP to it, so that clients without \
             UDP get through."
                .to_owned(),
        ),
        Finding::TcpSilent { address, why } => (
            format!("Media cannot be sent over TCP to {address}: {}.", unreachable(why)),
            "Open the port in the firewall. A proxy that passes only HTTP on must not be offered: MADANG_ICE_TCP=off."
                .to_owned(),
        ),

        Finding::TurnWorks { url, .. } => {
            (format!("{url} takes the credentials and relays a datagram."), String::new())
        }
        Finding::TurnNotOffered { leg, relay } => not_offered(*leg, *relay),
        Finding::TurnSilent { leg: Leg::TurnUdp, url, why, others: true } => (
            format!("{url} does not answer: {}. The relay is reached by other ways.", unreachable(why)),
            "Clients hardly need it. To have it, open COTURN_PORT for UDP.".to_owned(),
        ),
        Finding::TurnSilent { url, why, .. } => (
            format!("{url} does not answer: {}.", unreachable(why)),
            "Open its port in the firewall, for TCP and UDP as it says. Is its address right (DOMAIN_OR_PUBLIC_IP, COTURN_IP)? \
             A proxy in front that passes only HTTP on cannot carry TURN."
                .to_owned(),
        ),
        Finding::TurnRefused { url, code, .. } => (
            format!("{url} refuses (error {code})."),
            match code {
                401 | 441 => {
                    "It does not believe the credentials. Is COTURN_SHARED_SECRET_KEY the one of that server, and is its clock \
                     right? Credentials end by the clock."
                }
                486 | 508 => "It has no room: raise MADANG_TURN_ALLOCATIONS, or wait.",
                403 => "It does not relay to this server's media: allow the address in its configuration.",
                _ => "Its log says why.",
            }
            .to_owned(),
        ),
        Finding::TurnDropsDatagrams { url, .. } => (
            format!("{url} takes the credentials, but what is sent through it does not come back."),
            "It must be able to reach the addresses that media is offered at (MADANG_MEDIA_ADDRESSES); in coturn, \
             denied-peer-ip may forbid it."
                .to_owned(),
        ),

        Finding::ClockRight { ms, by } => (format!("The server's clock is right ({} by {}).", offset(*ms), clock(by)), String::new()),
        Finding::ClockUnknown { by } => (
            format!("The time server {by} does not answer, so nobody can say whether the clock is right."),
            "Name one that can be reached from here: --ntp HOST.".to_owned(),
        ),
        Finding::ClockWrong { ms, by } => (
            format!("The server's clock is wrong: {} by {}.", offset(*ms), clock(by)),
            "Switch time synchronisation on (timedatectl set-ntp true, or chrony). A wrong clock makes certificates and TURN \
             credentials invalid."
                .to_owned(),
        ),

        Finding::FilesEnough { limit, open } => {
            let limit = limit.map_or_else(|| "any number".to_owned(), |limit| limit.to_string());
            (format!("The server may have {limit} files and connections open, and has {open}."), String::new())
        }
        Finding::FilesFew { limit, open, .. } => (
            format!("The server may have {limit} files and connections open only, and has {open}."),
            "Raise the limit: LimitNOFILE in the service unit, or ulimit -n 65536 before the start. Each participant takes \
             some."
                .to_owned(),
        ),

        Finding::BuffersWhole { bytes } => (format!("The UDP port has buffers of {} KiB.", bytes / 1024), String::new()),
        Finding::BuffersSmall { bytes, wanted } => (
            format!("The UDP port has buffers of {} KiB; {} MiB were asked for.", bytes / 1024, wanted / MEBIBYTE),
            format!(
                "Short peaks may lose packets. Allow more and restart the server: sysctl -w net.core.rmem_max={wanted} \
                 net.core.wmem_max={wanted} (and the same in /etc/sysctl.d)."
            ),
        ),

        Finding::DiskFine { folders } => {
            (format!("There is room to write in {}.", list(folders.iter().map(|folder| folder.display()))), String::new())
        }
        Finding::DiskUnusable { path, error } => (
            format!("{} cannot be written: {error}.", path.display()),
            format!("Let the user that runs the server write there: {}.", setting(path)),
        ),
        Finding::DiskFull { path, mebibytes, .. } => (
            format!("There are only {mebibytes} MiB free in {}.", path.display()),
            "Delete what is not needed, or move the folder to a larger disk.".to_owned(),
        ),

        Finding::BucketWorks { bucket } => (
            format!("Recordings can be kept in the bucket {bucket}: an object was written there, read and deleted."),
            String::new(),
        ),
        Finding::BucketRefuses { bucket, access, error } => {
            let (what, needed) = match access {
                Access::List => ("cannot be listed", "s3:ListBucket"),
                Access::Write => ("cannot be written to", "s3:PutObject"),
                Access::Read => ("cannot be read from", "s3:GetObject"),
                Access::Delete => ("cannot be deleted from", "s3:DeleteObject"),
            };
            (
                format!("The bucket {bucket} {what}: {error}."),
                format!(
                    "Is OPENVIDU_PRO_AWS_S3_BUCKET its name, OPENVIDU_PRO_AWS_REGION where it is, and may \
                     OPENVIDU_PRO_AWS_ACCESS_KEY do this there ({needed})? Until then {WAITING}"
                ),
            )
        }
        Finding::BucketSilent { bucket } => (
            format!("The service of the bucket {bucket} does not answer."),
            format!(
                "Is OPENVIDU_PRO_AWS_S3_SERVICE_ENDPOINT right, and may this machine connect to it? Until then {WAITING}"
            ),
        ),

        Finding::NotTried { because, .. } => (format!("Not tried, because of: {}.", leg_name(*because)), String::new()),
    }
}

fn not_offered(leg: Leg, relay: Relay) -> (String, String) {
    match (relay, leg) {
        (Relay::Off, _) => (
            "There is no relay.".to_owned(),
            "Clients behind strict firewalls cannot call. MADANG_TURN_ALLOCATIONS above 0 switches the one inside on.".to_owned(),
        ),
        (Relay::Own, Leg::TurnUdp) => (
            "The relay is not offered over UDP: its port could not be opened at the start.".to_owned(),
            "Another program has COTURN_PORT (coturn?): stop it or change the setting. Clients 2.20 know no other way to the \
             relay."
                .to_owned(),
        ),
        (Relay::Own, Leg::TurnTls) => (
            "The relay is not offered inside TLS: browsers would not trust a certificate that was signed here, or a proxy \
             stands in front."
                .to_owned(),
            String::new(),
        ),
        (Relay::Own, _) => ("The relay is not offered over TCP: a proxy stands in front.".to_owned(), String::new()),
        (Relay::Other | Relay::Listed, _) => ("The servers that were configured offer no such way.".to_owned(), String::new()),
    }
}

fn unreachable(why: &Unreachable) -> String {
    match why {
        Unreachable::Unresolved(error) => format!("the name is not known ({error})"),
        Unreachable::Refused => "the connection is refused".to_owned(),
        Unreachable::Silent => "nobody answers".to_owned(),
        Unreachable::Tls(error) => format!("no TLS ({error})"),
        Unreachable::Untrusted => "its certificate is not trusted".to_owned(),
        Unreachable::Failed(error) => error.clone(),
    }
}

fn leg_name(leg: Leg) -> &'static str {
    match leg {
        Leg::Port => "port",
        Leg::Address => "address",
        Leg::Certificate => "certificate",
        _ => "another leg",
    }
}

fn setting(path: &Path) -> String {
    format!("chown or chmod {}, or set MADANG_DATA_DIR, OPENVIDU_CDR_PATH or OPENVIDU_RECORDING_PATH", path.display())
}

fn clock(by: &Option<String>) -> &str {
    by.as_deref().unwrap_or("the clock of this machine")
}

fn offset(ms: i64) -> String {
    let (seconds, way) = (ms.unsigned_abs() as f64 / 1000.0, if ms >= 0 { "ahead" } else { "behind" });
    format!("{seconds:.1} s {way}")
}

/// In UTC.
pub(super) fn day(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(|_| "?".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

pub(super) fn list(items: impl IntoIterator<Item = impl Display>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
