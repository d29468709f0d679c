//! In Korean.

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
    let way = if receives { format!("{other} → {name}") } else { format!("{name} → 서버") };
    match &finding.cause {
        Cause::NeverCame => (
            format!("{name}의 토큰으로 들어온 사람이 없습니다."),
            "페이지를 열지 않았거나 브라우저가 거절당했을 수 있습니다. 세션 밖에서 일어난 문제를 확인하세요. 토큰은 한 번만 쓸 수 \
             있으므로 애플리케이션은 방문할 때마다 새로 만들어야 합니다."
                .to_owned(),
        ),
        Cause::Away => (
            format!("{name}의 서버 연결이 끊어졌습니다. 네트워크가 끊겼거나 기기가 절전 상태입니다."),
            "가능해지는 대로 스스로 다시 연결합니다. 자주 일어나면 조용한 WebSocket을 닫는 프록시나 탭을 재우는 휴대전화가 원인인지 \
             확인하세요."
                .to_owned(),
        ),
        Cause::PublishesNothing => (
            format!("{name}은(는) 들어왔지만 아무것도 보내지 않습니다. 브라우저가 카메라나 마이크를 얻지 못했거나 페이지가 publish하지 않습니다."),
            "브라우저에서 카메라 사용을 허용했는지(주소 표시줄의 표시, HTTPS 필요), 다른 프로그램이 쓰고 있지 않은지 확인하세요. \
             애플리케이션은 connect 다음에 session.publish를 불러야 합니다."
                .to_owned(),
        ),
        Cause::OnlyWatches => (
            format!("{name}은(는) 보기만 합니다. 역할이 SUBSCRIBER입니다."),
            "보여야 한다면 역할을 PUBLISHER로 하여 연결을 만들거나 PATCH로 역할을 바꾸세요.".to_owned(),
        ),
        Cause::MayNotPublish { role } => (
            format!(
                "{name}이(가) publish하려 했지만 역할이 {}입니다.",
                role.map_or("권한 없음", protocol::model::Role::as_str)
            ),
            "역할을 PUBLISHER나 MODERATOR로 하여 연결을 만들거나 PATCH로 역할을 바꾸세요.".to_owned(),
        ),
        Cause::PublisherLacksCodec { codec } => (
            format!("세션은 {codec}을(를) 요구하지만 {name}의 브라우저는 그 코덱으로 보낼 수 없습니다."),
            "forcedVideoCodec을 MEDIA_SERVER_PREFERRED나 NONE으로 하거나 allowTranscoding을 켜고 세션을 만드세요.".to_owned(),
        ),
        Cause::SubscriberLacksCodec { codec } => (
            format!("{name}은(는) {other}의 영상을 볼 수 없습니다. 브라우저에 코덱({codec})이 없습니다."),
            "모두가 가진 코덱을 쓰게 하거나(forcedVideoCodec VP8) 트랜스코딩을 허용하세요(allowTranscoding).".to_owned(),
        ),
        Cause::DescriptionUnusable => (
            format!("서버가 {name}의 브라우저가 보낸 세션 설명(SDP)을 쓸 수 없습니다."),
            "최신 브라우저와 수정하지 않은 클라이언트인지 확인하세요. 서버 로그(debug)에 설명이 있습니다.".to_owned(),
        ),
        Cause::ServerFailed => (
            format!("{name}이(가) 요청한 일에 서버가 실패했습니다."),
            "이유는 서버 로그에 있습니다. `madang report`로 알려 주세요.".to_owned(),
        ),
        Cause::Blocked { offered, candidates } => (
            format!("{name}의 브라우저가 보낸 패킷이 서버에 하나도 도착하지 않았습니다{}. 그쪽 네트워크나 서버 앞의 방화벽이 막고 있습니다.", stream_of(other)),
            format!(
                "서버 컴퓨터와 클라우드의 방화벽에서 UDP {}을(를) 여세요. UDP가 막힌 네트워크를 위해서는 TCP 길을 여세요: \
                 MADANG_ICE_TCP 또는 TURN({}).",
                ports(offered),
                told(*candidates)
            ),
        ),
        Cause::WrongAddress { offered, client } => (
            format!(
                "{name}({client})은(는) 서버의 미디어 주소에 닿을 수 없습니다{}. 알려 준 주소가 {}뿐입니다.",
                stream_of(other),
                list(offered)
            ),
            "DOMAIN_OR_PUBLIC_IP를 클라이언트가 이 컴퓨터에 닿는 주소로 정하고, 미디어 주소가 다르면 MADANG_MEDIA_ADDRESSES를 정한 뒤 \
             다시 시작하세요."
                .to_owned(),
        ),
        Cause::NotEncrypted => (
            format!("패킷은 오지만 {name}의 브라우저와 서버가 암호화(DTLS)를 합의하지 못했습니다{}.", stream_of(other)),
            "작은 패킷만 통과시키고 크거나 모르는 패킷을 버리는 방화벽, 또는 MTU가 작은 VPN 때문일 수 있습니다. 다른 네트워크나 TLS를 쓰는 \
             TURN을 시도하세요."
                .to_owned(),
        ),
        Cause::Cut => (
            format!("미디어 연결({way})이 끊어졌습니다."),
            "네트워크가 있으면 클라이언트가 몇 초 안에 스스로 다시 연결합니다. 그렇지 않으면 페이지를 새로 고치세요.".to_owned(),
        ),
        Cause::NothingSent => (
            format!("{name}은(는) 연결되었지만 브라우저가 소리도 영상도 보내지 않습니다."),
            "다른 프로그램이 카메라나 마이크를 쓰고 있거나 빠져 있을 수 있습니다. 다른 장치를 고르거나 브라우저를 다시 시작하세요."
                .to_owned(),
        ),
        Cause::NoKeyFrame => (
            format!("패킷은 가지만({way}) 완전한 화면이 아직 없습니다."),
            "큰 패킷이 도중에 사라지거나(VPN, MTU) 인코더가 멈췄을 수 있습니다. 보내는 쪽에서 카메라를 껐다 켜 보세요.".to_owned(),
        ),
        Cause::Silent => (
            format!("{name}에게서 더 이상 아무것도 오지 않습니다. 네트워크가 끊겼거나 탭이 멈췄거나 기기가 절전 상태입니다."),
            "탭을 앞으로 가져오세요. 네트워크가 있으면 클라이언트가 스스로 다시 연결합니다.".to_owned(),
        ),
        Cause::Still => (
            format!("{name}의 소리는 계속되지만 영상이 멈춰 있습니다."),
            "다른 프로그램이 카메라를 가져갔거나 시스템 스위치로 가려졌거나 탭이 뒤에 있을 수 있습니다. 아무것도 움직이지 않는 화면 \
             공유도 똑같이 보입니다."
                .to_owned(),
        ),
        Cause::Muted => (format!("{name}이(가) 마이크를 껐습니다."), NOTHING),
        Cause::CameraOff => (format!("{name}이(가) 카메라를 껐습니다."), NOTHING),
        Cause::WithoutSound => (
            format!("{name}은(는) 마이크 없이 보냅니다."),
            "소리가 있어야 한다면 페이지가 요청하지 않았거나(audioSource false) 찾지 못한 것입니다.".to_owned(),
        ),
        Cause::WithoutPicture => (
            format!("{name}은(는) 카메라 없이 보냅니다."),
            "영상이 있어야 한다면 페이지가 요청하지 않았거나(videoSource false) 찾지 못한 것입니다.".to_owned(),
        ),
        Cause::LossyUplink { permille } => (
            format!("{name}이(가) 보내는 것의 {}이(가) 서버에 닿기 전에 사라집니다.", percent(*permille)),
            "네트워크가 붐비거나 Wi-Fi가 약합니다. 유선, 공유기에 더 가까운 자리, 더 작은 영상이 도움이 됩니다.".to_owned(),
        ),
        Cause::LossyDownlink { permille } => (
            format!("{other}이(가) 보내는 것의 {}이(가) 서버에서 {name}(으)로 가는 길에 사라집니다.", percent(*permille)),
            format!("{name}의 네트워크가 붐비거나 Wi-Fi가 약합니다. 유선, 공유기에 더 가까운 자리, 한 번에 더 적은 영상이 도움이 됩니다."),
        ),
        Cause::LongWay { ms } => (
            format!("{name}에서 서버까지 왕복 {ms} ms가 걸립니다. 서로 말이 겹치게 됩니다."),
            "VPN이나 이동통신망, 다른 대륙의 서버인지 확인하세요. TCP 릴레이는 지연을 더합니다.".to_owned(),
        ),
        Cause::Freezes { ms } => (
            format!("지난 몇 초 동안 영상({way})이 {ms} ms 멈췄습니다."),
            "손실과 보내는 쪽 컴퓨터의 부하를 확인하세요.".to_owned(),
        ),
        Cause::NotSubscribed => (
            format!("{name}의 페이지가 {other}의 스트림을 요청하지 않았습니다."),
            "애플리케이션은 연결하기 전에 streamCreated 처리기를 등록하고 그 안에서 session.subscribe를 불러야 합니다.".to_owned(),
        ),
        Cause::NotAnswered => (
            format!("{name}의 브라우저가 {other}의 스트림 제안에 답하지 않았습니다."),
            "바쁘거나 실패했을 수 있습니다. 브라우저 콘솔을 확인하고 페이지를 새로 고치세요.".to_owned(),
        ),
        Cause::Bandwidth { estimate_bps } => (
            format!(
                "{name}의 네트워크가 감당하지 못해 {other}의 영상을 받지 않습니다{}.",
                estimate_bps.map_or(String::new(), |bps| format!("(전체 {} kbit/s)", bps / 1000))
            ),
            "소리는 계속되고 영상은 스스로 돌아옵니다. 사이멀캐스트를 쓰면 이런 클라이언트가 더 작은 영상을 받습니다. 한 번에 더 적거나 \
             더 작은 영상도 도움이 됩니다."
                .to_owned(),
        ),
        Cause::NotChosen => (
            format!("큰 방이라 다른 사람이 선택되어(last-N) {name}은(는) {other}의 영상을 받지 않습니다."),
            "의도된 것입니다. 말하거나 고정된 사람이 보입니다. 세션이나 연결의 lastN으로 바꿀 수 있습니다.".to_owned(),
        ),
        Cause::Unwanted => (
            format!("{name}의 페이지가 지금 {other}의 영상을 원하지 않습니다."),
            "subscribeToVideo(false)를 불렀거나 어디에도 보여 주지 않습니다.".to_owned(),
        ),
    }
}

pub(super) fn incident(incidents: &Incidents) -> (String, String) {
    let (ip, times) = (incidents.incident.ip, times(incidents.count));
    match incidents.incident.trouble {
        Trouble::CertificateRefused => (
            format!("{ip}의 클라이언트가 이 서버의 인증서를 믿지 않아 연결을 끊었습니다{times}."),
            "브라우저가 믿는 인증서를 쓰거나(CERTIFICATE_TYPE=letsencrypt 또는 owncert) /trust에서 기기가 이 인증서를 믿게 하세요. \
             브라우저에서는 서버 주소를 한 번 열어 경고를 수락해도 됩니다."
                .to_owned(),
        ),
        Trouble::TokenRefused => (
            format!("{ip}의 클라이언트가 아무것도 열지 못하는 토큰으로 왔습니다{times}."),
            "토큰 하나는 클라이언트 하나를 한 번만 들여보냅니다. 애플리케이션은 페이지를 새로 고칠 때를 포함해 방문할 때마다 새 토큰을 \
             만들어야 합니다."
                .to_owned(),
        ),
        Trouble::SessionUnknown => (
            format!("{ip}의 클라이언트가 없는 세션에 들어오려 했습니다{times}."),
            "세션이 끝났거나 서버가 다시 시작되었습니다. 애플리케이션은 토큰을 만들기 전에 세션을 다시 만들어야 합니다.".to_owned(),
        ),
        Trouble::SecretWrong => (
            format!("{ip}에서 온 요청의 비밀 값이 틀렸습니다{times}."),
            "여러분의 애플리케이션이라면 OPENVIDU_SECRET이 이 서버의 것과 같아야 합니다. 아니라면 누군가 시도하고 있습니다."
                .to_owned(),
        ),
    }
}

pub(super) fn happening(what: &What, from: Option<&str>) -> String {
    let of = from.map(|from| format!(" ({from})")).unwrap_or_default();
    match what {
        What::Invited { role } => format!("토큰을 만듦, 역할 {}", role.as_str()),
        What::Withdrawn => "토큰을 거두어들임".to_owned(),
        What::Joined { ip, platform } => format!("{ip}에서 들어옴, {platform}"),
        What::CameBack => "다시 들어옴".to_owned(),
        What::SocketLost => "서버 연결이 끊어짐".to_owned(),
        What::SocketBack => "서버에 다시 연결됨".to_owned(),
        What::RoleChanged { role } => format!("역할이 {}(으)로 바뀜", role.as_str()),
        What::Refused { wanted, why } => format!("{} 거절됨: {}", wanted_words(wanted), why_words(why)),
        What::Publishing { audio, video, source } => format!("{} 보내기 시작", kinds(*audio, *video, source)),
        What::Offered => format!("스트림 제안을 받음{of}"),
        What::Agreed => format!("스트림을 받음{of}"),
        What::Checked => format!("첫 패킷 도착(ICE){of}"),
        What::Reached { path } => format!("미디어 경로: {}{of}", path_words(path)),
        What::Moved { path } => format!("미디어 경로가 바뀜: {}{of}", path_words(path)),
        What::Connected => format!("암호화 합의{of}"),
        What::Cut => format!("미디어 연결이 끊어짐{of}"),
        What::First { kind: MediaKind::Audio } => format!("첫 소리{of}"),
        What::First { kind: MediaKind::Video } => format!("영상의 첫 패킷{of}"),
        What::KeyFrame => format!("첫 완전한 화면{of}"),
        What::Layer { layer } => format!("영상 레이어 {}을(를) 받음{of}", layer.spatial),
        What::Paused { why } => format!("영상을 보내지 않음: {}{of}", pause(*why)),
        What::Resumed => format!("영상을 다시 보냄{of}"),
        What::Silent => format!("더 이상 아무것도 오지 않음{of}"),
        What::Still => format!("영상이 멈춤{of}"),
        What::Heard => format!("다시 오기 시작함{of}"),
        What::Microphone { on: true } => "마이크를 켬".to_owned(),
        What::Microphone { on: false } => "마이크를 끔".to_owned(),
        What::Camera { on: true } => "카메라를 켬".to_owned(),
        What::Camera { on: false } => "카메라를 끔".to_owned(),
        What::Quality { level } => format!("네트워크 품질 5 중 {level}"),
        What::Froze { ms } => format!("영상이 {ms} ms 멈춤{of}"),
        What::Lossy { permille } => format!("패킷 {} 손실{of}", percent(*permille)),
        What::Closed { reason } => format!("스트림이 끝남{}{of}", because(*reason)),
        What::Left { reason } => format!("나감{}", because(*reason)),
        What::SessionMade => "세션을 만듦".to_owned(),
        What::SessionEnded { reason } => format!("세션이 끝남{}", because(*reason)),
        What::Recording { id, status } => format!("녹화 {id}: {}", recording(*status)),
        What::Broadcast { on: true } => "방송 시작".to_owned(),
        What::Broadcast { on: false } => "방송 끝".to_owned(),
    }
}

fn stream_of(other: &str) -> String {
    if other.is_empty() { String::new() } else { format!("({other}의 스트림)") }
}

fn times(count: u32) -> String {
    if count == 1 { String::new() } else { format!("({count}번)") }
}

fn percent(permille: u16) -> String {
    format!("{}%", permille / 10)
}

fn list(offered: &[SocketAddr]) -> String {
    if offered.is_empty() { "없음".to_owned() } else { super::join(offered) }
}

fn ports(offered: &[SocketAddr]) -> String {
    let ports = super::ports(offered);
    if ports.is_empty() { "미디어 포트".to_owned() } else { format!("{ports}번 포트") }
}

fn told(candidates: Candidates) -> String {
    match candidates {
        Candidates { relay: 1.., .. } => "릴레이가 있었지만 그 패킷도 오지 않았습니다".to_owned(),
        Candidates { host: 0, reflexive: 0, tcp: 0, .. } => "브라우저가 자기 주소를 알리지 않았습니다".to_owned(),
        _ => "브라우저에 릴레이가 없었습니다".to_owned(),
    }
}

fn path_words(path: &MediaPath) -> String {
    let protocol = match path.protocol {
        PathProtocol::Udp => "UDP",
        PathProtocol::Tcp => "TCP",
    };
    if path.relayed {
        format!("TURN을 거친 {protocol}, {}", path.remote)
    } else {
        format!("{protocol}, {}", path.remote)
    }
}

fn kinds(audio: bool, video: bool, source: &str) -> String {
    let picture = match source {
        "SCREEN" => "화면",
        "IPCAM" => "IP 카메라",
        "CUSTOM" => "자체 영상",
        _ => "카메라",
    };
    match (audio, video) {
        (true, true) => format!("{picture}·소리"),
        (false, true) => format!("{picture}(소리 없음)"),
        _ => "소리".to_owned(),
    }
}

fn pause(why: PicturePause) -> &'static str {
    match why {
        PicturePause::Unwanted => "원하지 않음",
        PicturePause::NotChosen => "다른 사람이 선택됨",
        PicturePause::Bandwidth => "네트워크가 감당하지 못함",
    }
}

fn wanted_words(wanted: &Wanted) -> &'static str {
    match wanted {
        Wanted::Publish => "보내기가",
        Wanted::Receive(_) => "스트림 받기가",
        Wanted::Other => "요청이",
    }
}

fn why_words(why: &Why) -> String {
    match why {
        Why::Role => "역할이 허락하지 않음".to_owned(),
        Why::Codec(codec) => format!("브라우저에 코덱 {codec}이(가) 없음"),
        Why::Description => "세션 설명을 쓸 수 없음".to_owned(),
        Why::Gone => "스트림이 없음".to_owned(),
        Why::Twice => "이미 보내고 있음".to_owned(),
        Why::Filter => "필터".to_owned(),
        Why::Internal => "서버 실패".to_owned(),
        Why::Other => "클라이언트 콘솔 참고".to_owned(),
    }
}

fn recording(status: RecordingStatus) -> &'static str {
    match status {
        RecordingStatus::Starting => "시작하는 중",
        RecordingStatus::Started => "시작됨",
        RecordingStatus::Stopped => "멈춤, 처리 중",
        RecordingStatus::Ready => "준비됨",
        RecordingStatus::Failed => "실패",
    }
}

fn because(reason: Option<Reason>) -> String {
    let Some(reason) = reason else { return String::new() };
    let words = match reason {
        Reason::Unsubscribe => "구독자가 그만둠",
        Reason::Unpublish => "보내는 쪽이 끝냄",
        Reason::Disconnect => "스스로 나갔거나 페이지가 닫힘",
        Reason::ForceUnpublishByUser => "진행자가 끝냄",
        Reason::ForceUnpublishByServer => "애플리케이션이 끝냄",
        Reason::ForceDisconnectByUser => "진행자가 내보냄",
        Reason::ForceDisconnectByServer => "애플리케이션이 내보냄",
        Reason::LastParticipantLeft => "아무도 남지 않음",
        Reason::NetworkDisconnect => "네트워크가 끊어짐",
        Reason::MediaServerDisconnect | Reason::MediaServerReconnect => "미디어 서버를 잃음",
        Reason::NodeCrashed => "서버가 비정상 종료됨",
        Reason::OpenviduServerStopped => "서버가 멈춤",
        Reason::SessionClosedByServer => "애플리케이션이 닫음",
        Reason::RecordingStoppedByServer | Reason::BroadcastStoppedByServer => "애플리케이션이 멈춤",
        Reason::AutomaticStop => "아무도 돌아오지 않음",
    };
    format!(": {words}")
}
