//! In English.

use std::fmt::Display;
use std::net::SocketAddr;

use protocol::event::{Reason, RecordingStatus};
use protocol::media::{MediaKind, MediaPath, PathProtocol, PicturePause};

use crate::diagnosis::{Cause, Finding};
use crate::incident::{Incidents, Trouble};
use crate::story::{Candidates, Wanted, What, Why};

/// Nothing is to be done.
const NOTHING: String = String::new();

#[expect(clippy::too_many_lines, reason = "one arm for each cause")]
pub(super) fn finding(name: &str, other: &str, finding: &Finding) -> (String, String) {
    let receives = !other.is_empty();
    // Whose media it is, and who misses it.
    let way = if receives { format!("from {other} to {name}") } else { format!("from {name} to the server") };
    match &finding.cause {
        Cause::NeverCame => (
            format!("Nobody has come with the token that was made for {name}."),
            "The page may not have been opened, or its browser was turned away: see what goes wrong outside of sessions. \
             Tokens are for one use each; the application makes a new one for every visit."
                .to_owned(),
        ),
        Cause::Away => (
            format!("{name} has lost the connection to the server: the network is gone, or the device sleeps."),
            "It comes back by itself as soon as it can. If it happens often, look for a proxy that closes WebSockets which are \
             quiet for a while, or for a phone that puts the tab to sleep."
                .to_owned(),
        ),
        Cause::PublishesNothing => (
            format!("{name} has joined and publishes nothing: the browser got no camera or microphone, or the page does not publish."),
            "Ask whether the browser was allowed to use the camera (the sign in the address bar; pages need HTTPS for it), and \
             whether another program uses it. The application must call session.publish after connect."
                .to_owned(),
        ),
        Cause::OnlyWatches => (
            format!("{name} only watches: its role is SUBSCRIBER."),
            "If it should be seen, make its connection with the role PUBLISHER, or change the role with PATCH.".to_owned(),
        ),
        Cause::MayNotPublish { role } => (
            format!(
                "{name} wanted to publish, but its role is {}.",
                role.map_or("none that may", protocol::model::Role::as_str)
            ),
            "Make its connection with the role PUBLISHER or MODERATOR, or change the role with PATCH.".to_owned(),
        ),
        Cause::PublisherLacksCodec { codec } => (
            format!("The session wants {codec}, which the browser of {name} cannot send."),
            "Make the session with forcedVideoCodec MEDIA_SERVER_PREFERRED or NONE, or with allowTranscoding.".to_owned(),
        ),
        Cause::SubscriberLacksCodec { codec } => (
            format!("{name} cannot show what {other} sends: its browser lacks the codec ({codec})."),
            "Force a codec that all of them have (forcedVideoCodec VP8), or allow transcoding (allowTranscoding).".to_owned(),
        ),
        Cause::DescriptionUnusable => (
            format!("The server could not use the session description of {name}'s browser."),
            "Is it an up-to-date browser and an unmodified client? The server's log (debug) has the description.".to_owned(),
        ),
        Cause::ServerFailed => (
            format!("The server failed at something that {name} asked for."),
            "Its log has the reason; please report it with `madang report`.".to_owned(),
        ),
        Cause::Blocked { offered, candidates } => (
            format!("No packet of {name}'s browser has reached the server{}: its network, or a firewall in front of the server, lets none through.", stream_of(other)),
            format!(
                "Open UDP {} in the firewall of the server's machine and of its provider. For networks without UDP, let clients \
                 have a way by TCP: MADANG_ICE_TCP, or TURN ({}).",
                ports(offered),
                told(*candidates)
            ),
        ),
        Cause::WrongAddress { offered, client } => (
            format!(
                "{name} (at {client}) cannot reach the server's media{}: it is offered at {} only.",
                stream_of(other),
                list(offered)
            ),
            "Set DOMAIN_OR_PUBLIC_IP to the address by which clients reach this machine, or MADANG_MEDIA_ADDRESSES if that is \
             another one, and restart."
                .to_owned(),
        ),
        Cause::NotEncrypted => (
            format!("Packets arrive, but {name}'s browser and the server have not agreed on encryption (DTLS){}.", stream_of(other)),
            "Something on the way passes small packets and drops large or unknown ones: a firewall that inspects packets, or a \
             VPN with a small MTU. Try another network, or TURN by TLS."
                .to_owned(),
        ),
        Cause::Cut => (
            format!("The media connection {way} was lost."),
            "The client renews it by itself within seconds if its network is there. If not, reload the page.".to_owned(),
        ),
        Cause::NothingSent => (
            format!("{name} is connected, but its browser sends neither sound nor picture."),
            "Its camera or microphone may be used by another program, or unplugged. Choose another device, or start the browser \
             again."
                .to_owned(),
        ),
        Cause::NoKeyFrame => (
            format!("Packets go {way}, but no complete picture has come."),
            "Large packets may be lost on the way (VPN, MTU), or the encoder has stopped: let the publisher switch the camera off \
             and on."
                .to_owned(),
        ),
        Cause::Silent => (
            format!("Nothing comes from {name} any more: its network is gone, the tab was suspended, or the device sleeps."),
            "Bring the tab to the front. If the network is there, the client renews the connection by itself.".to_owned(),
        ),
        Cause::Still => (
            format!("{name}'s picture stands still while its sound goes on."),
            "The camera may have been taken away by another program or covered by the system's switch, or the tab is in the \
             background. A shared screen on which nothing moves looks the same."
                .to_owned(),
        ),
        Cause::Muted => (format!("{name} has switched its microphone off."), NOTHING),
        Cause::CameraOff => (format!("{name} has switched its camera off."), NOTHING),
        Cause::WithoutSound => (
            format!("{name} publishes without a microphone."),
            "If there should be sound: the page asked for none (audioSource false), or found none.".to_owned(),
        ),
        Cause::WithoutPicture => (
            format!("{name} publishes without a camera."),
            "If there should be a picture: the page asked for none (videoSource false), or found none.".to_owned(),
        ),
        Cause::LossyUplink { permille } => (
            format!("{} of what {name} sends is lost before it reaches the server.", percent(*permille)),
            "Its network is overloaded or its Wi-Fi is weak: a cable, a place nearer to the access point, a smaller picture.".to_owned(),
        ),
        Cause::LossyDownlink { permille } => (
            format!("{} of what {other} sends is lost on the way from the server to {name}.", percent(*permille)),
            format!("{name}'s network is overloaded or its Wi-Fi is weak: a cable, a place nearer to the access point, fewer pictures at a time."),
        ),
        Cause::LongWay { ms } => (
            format!("It takes {ms} ms from {name} to the server and back: people will talk at the same time."),
            "Is it a VPN, a mobile network, or a server on another continent? A relay by TCP adds to it.".to_owned(),
        ),
        Cause::Freezes { ms } => (
            format!("The picture {way} stood still for {ms} ms in the last seconds."),
            "Look at losses and at the load of the publisher's machine.".to_owned(),
        ),
        Cause::NotSubscribed => (
            format!("{name}'s page has not asked for the stream of {other}."),
            "The application must call session.subscribe in its handler of streamCreated, and have that handler before it \
             connects."
                .to_owned(),
        ),
        Cause::NotAnswered => (
            format!("{name}'s browser has not answered the offer of {other}'s stream."),
            "It may be busy, or have failed: its console says more. Reload the page.".to_owned(),
        ),
        Cause::Bandwidth { estimate_bps } => (
            format!(
                "{name} gets no picture of {other}, because its network does not carry it{}.",
                estimate_bps.map_or(String::new(), |bps| format!(" ({} kbit/s in all)", bps / 1000))
            ),
            "Sound goes on, and the picture comes back by itself. Simulcast gives such clients a smaller picture instead; fewer \
             or smaller pictures at a time help, too."
                .to_owned(),
        ),
        Cause::NotChosen => (
            format!("{name} gets no picture of {other}, because others are chosen in this big room (last-N)."),
            "That is meant to be so: who speaks or is pinned is shown. lastN of the session or connection changes it.".to_owned(),
        ),
        Cause::Unwanted => (
            format!("{name}'s page does not want the picture of {other} at present."),
            "It has called subscribeToVideo(false), or shows it nowhere.".to_owned(),
        ),
    }
}

pub(super) fn incident(incidents: &Incidents) -> (String, String) {
    let (ip, times) = (incidents.incident.ip, times(incidents.count));
    match incidents.incident.trouble {
        Trouble::CertificateRefused => (
            format!("A client at {ip} does not trust this server's certificate and ended the connection{times}."),
            "Use a certificate that browsers trust (CERTIFICATE_TYPE=letsencrypt or owncert), or let the device trust this one at \
             /trust. In a browser, opening the server's address once and accepting the warning is enough."
                .to_owned(),
        ),
        Trouble::TokenRefused => (
            format!("A client at {ip} came with a token that opens nothing{times}."),
            "Each token lets one client in, once. The application must make a new one for every visit, also when the page is \
             loaded again."
                .to_owned(),
        ),
        Trouble::SessionUnknown => (
            format!("A client at {ip} wanted to join a session that is not there{times}."),
            "It has ended, or the server was restarted: the application must make the session again before it makes tokens."
                .to_owned(),
        ),
        Trouble::SecretWrong => (
            format!("A request from {ip} had a wrong secret{times}."),
            "If that is your application: its OPENVIDU_SECRET must be that of this server. If not: somebody tries.".to_owned(),
        ),
    }
}

pub(super) fn happening(what: &What, from: Option<&str>) -> String {
    let of = from.map(|from| format!(" ({from})")).unwrap_or_default();
    match what {
        What::Invited { role } => format!("A token was made, role {}", role.as_str()),
        What::Withdrawn => "The token was taken back".to_owned(),
        What::Joined { ip, platform } => format!("Joined from {ip}, {platform}"),
        What::CameBack => "Came back".to_owned(),
        What::SocketLost => "The connection to the server was lost".to_owned(),
        What::SocketBack => "The connection to the server is there again".to_owned(),
        What::RoleChanged { role } => format!("Has the role {} now", role.as_str()),
        What::Refused { wanted, why } => format!("{} was refused: {}", wanted_words(wanted), why_words(why)),
        What::Publishing { audio, video, source } => format!("Publishes {}", kinds(*audio, *video, source)),
        What::Offered => format!("Was offered the stream{of}"),
        What::Agreed => format!("Receives the stream{of}"),
        What::Checked => format!("The first packet arrived (ICE){of}"),
        What::Reached { path } => format!("Media goes by {}{of}", path_words(path)),
        What::Moved { path } => format!("Media takes another way: {}{of}", path_words(path)),
        What::Connected => format!("Encryption is agreed on{of}"),
        What::Cut => format!("The media connection was lost{of}"),
        What::First { kind: MediaKind::Audio } => format!("First sound{of}"),
        What::First { kind: MediaKind::Video } => format!("First packet of pictures{of}"),
        What::KeyFrame => format!("First complete picture{of}"),
        What::Layer { layer } => format!("Gets layer {} of the picture{of}", layer.spatial),
        What::Paused { why } => format!("No picture is sent: {}{of}", pause(*why)),
        What::Resumed => format!("The picture is sent again{of}"),
        What::Silent => format!("Nothing comes any more{of}"),
        What::Still => format!("The picture stands still{of}"),
        What::Heard => format!("Something comes again{of}"),
        What::Microphone { on: true } => "Switched the microphone on".to_owned(),
        What::Microphone { on: false } => "Switched the microphone off".to_owned(),
        What::Camera { on: true } => "Switched the camera on".to_owned(),
        What::Camera { on: false } => "Switched the camera off".to_owned(),
        What::Quality { level } => format!("Network quality {level} of 5"),
        What::Froze { ms } => format!("The picture stood still for {ms} ms{of}"),
        What::Lossy { permille } => format!("{} of the packets were lost{of}", percent(*permille)),
        What::Closed { reason } => format!("The stream ended{}{of}", because(*reason)),
        What::Left { reason } => format!("Left{}", because(*reason)),
        What::SessionMade => "The session was made".to_owned(),
        What::SessionEnded { reason } => format!("The session ended{}", because(*reason)),
        What::Recording { id, status } => format!("Recording {id}: {}", recording(*status)),
        What::Broadcast { on: true } => "The broadcast is on the air".to_owned(),
        What::Broadcast { on: false } => "The broadcast ended".to_owned(),
    }
}

fn stream_of(other: &str) -> String {
    if other.is_empty() { String::new() } else { format!(" for the stream of {other}") }
}

fn times(count: u32) -> String {
    if count == 1 { String::new() } else { format!(" ({count} times)") }
}

fn percent(permille: u16) -> String {
    format!("{} %", permille / 10)
}

fn list<T: Display>(items: &[T]) -> String {
    if items.is_empty() { "no address".to_owned() } else { super::join(items) }
}

fn ports(offered: &[SocketAddr]) -> String {
    let ports = super::ports(offered);
    if ports.is_empty() { "for media".to_owned() } else { ports }
}

fn told(candidates: Candidates) -> String {
    match candidates {
        Candidates { relay: 1.., .. } => "it had a relay, whose packets did not arrive either".to_owned(),
        Candidates { host: 0, reflexive: 0, tcp: 0, .. } => "the browser told no address of its own".to_owned(),
        _ => "the browser had no relay".to_owned(),
    }
}

fn path_words(path: &MediaPath) -> String {
    let protocol = match path.protocol {
        PathProtocol::Udp => "UDP",
        PathProtocol::Tcp => "TCP",
    };
    if path.relayed {
        format!("{protocol} through TURN from {}", path.remote)
    } else {
        format!("{protocol} from {}", path.remote)
    }
}

fn kinds(audio: bool, video: bool, source: &str) -> String {
    let picture = match source {
        "SCREEN" => "a screen",
        "IPCAM" => "an IP camera",
        "CUSTOM" => "a picture of its own",
        _ => "a camera",
    };
    match (audio, video) {
        (true, true) => format!("{picture} with sound"),
        (false, true) => format!("{picture} without sound"),
        _ => "sound".to_owned(),
    }
}

fn pause(why: PicturePause) -> &'static str {
    match why {
        PicturePause::Unwanted => "it is not wanted",
        PicturePause::NotChosen => "others are chosen",
        PicturePause::Bandwidth => "the network does not carry it",
    }
}

fn wanted_words(wanted: &Wanted) -> &'static str {
    match wanted {
        Wanted::Publish => "Publishing",
        Wanted::Receive(_) => "Receiving a stream",
        Wanted::Other => "A request",
    }
}

fn why_words(why: &Why) -> String {
    match why {
        Why::Role => "the role does not allow it".to_owned(),
        Why::Codec(codec) => format!("the browser lacks the codec {codec}"),
        Why::Description => "the session description cannot be used".to_owned(),
        Why::Gone => "the stream is not there".to_owned(),
        Why::Twice => "it publishes already".to_owned(),
        Why::Filter => "a filter".to_owned(),
        Why::Internal => "the server failed".to_owned(),
        Why::Other => "see the client's console".to_owned(),
    }
}

fn recording(status: RecordingStatus) -> &'static str {
    match status {
        RecordingStatus::Starting => "starting",
        RecordingStatus::Started => "started",
        RecordingStatus::Stopped => "stopped, being processed",
        RecordingStatus::Ready => "ready",
        RecordingStatus::Failed => "failed",
    }
}

fn because(reason: Option<Reason>) -> String {
    let Some(reason) = reason else { return String::new() };
    let words = match reason {
        Reason::Unsubscribe => "the subscriber gave it up",
        Reason::Unpublish => "the publisher ended it",
        Reason::Disconnect => "by its own wish, or the page was closed",
        Reason::ForceUnpublishByUser => "ended by a moderator",
        Reason::ForceUnpublishByServer => "ended by the application",
        Reason::ForceDisconnectByUser => "thrown out by a moderator",
        Reason::ForceDisconnectByServer => "thrown out by the application",
        Reason::LastParticipantLeft => "nobody was left",
        Reason::NetworkDisconnect => "the network was lost",
        Reason::MediaServerDisconnect | Reason::MediaServerReconnect => "the media server was lost",
        Reason::NodeCrashed => "the server crashed",
        Reason::OpenviduServerStopped => "the server stopped",
        Reason::SessionClosedByServer => "closed by the application",
        Reason::RecordingStoppedByServer | Reason::BroadcastStoppedByServer => "stopped by the application",
        Reason::AutomaticStop => "nobody came back",
    };
    format!(": {words}")
}
