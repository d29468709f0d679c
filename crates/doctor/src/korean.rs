//! Findings in Korean: what was seen, and what to do; nothing to do is an empty text.

use std::path::Path;

use protocol::checkup::{Leg, Relay};

use super::connection::Unreachable;
use super::english::{day, list};
use super::finding::{Access, Authority, Finding};

const MEBIBYTE: usize = 1024 * 1024;
const WAITING: &str = "그때까지 끝난 녹화는 OPENVIDU_RECORDING_PATH에 남아 있다가 가능해지는 대로 전송됩니다.";

#[expect(clippy::too_many_lines, reason = "one arm for each finding")]
pub(super) fn tell(finding: &Finding) -> (String, String) {
    match finding {
        Finding::Answers { url } => (format!("{url} 의 서버가 응답하고 비밀 값을 받아들입니다."), String::new()),
        Finding::NotReached { url, why } => (
            format!("{url} 에서 응답하는 서버가 없습니다: {}.", unreachable(why)),
            "서버를 시작하고(./openvidu start 또는 madang), 곧 종료되면 로그를 확인하세요. 포트가 .env의 SERVER_PORT와 \
             같은지 확인하세요. --url을 썼다면 주소가 맞는지, 방화벽에서 포트가 열려 있는지 확인하세요."
                .to_owned(),
        ),
        Finding::NotMadang { url, status } => (
            format!("{url} 에서 응답하는 것은 Madang이 아니거나 이전 버전입니다(상태 {status})."),
            "다른 프로그램이 이 포트를 쓰고 있을 수 있습니다. SERVER_PORT를 바꾸거나 그 프로그램을 종료하세요. 앞단 프록시는 \
             /openvidu 아래의 모든 요청을 Madang으로 전달해야 합니다."
                .to_owned(),
        ),
        Finding::SecretWrong { url } => (
            format!("{url} 의 서버가 비밀 값을 받아들이지 않습니다."),
            ".env의 OPENVIDU_SECRET을 바꿨다면 서버를 다시 시작하세요. --url을 썼다면 그 서버의 비밀 값을 입력하세요."
                .to_owned(),
        ),
        Finding::AccessDenied { url } => (
            format!("{url} 의 서버가 이 주소에서 REST API를 쓰는 것을 허용하지 않습니다."),
            "서버에서 직접 실행하거나, 이 주소를 ALLOWED_ACCESS_TO_RESTAPI에 추가하세요.".to_owned(),
        ),
        Finding::SecretHeldBack { url } => (
            format!("{url} 의 인증서를 신뢰할 수 없어 비밀 값을 보내지 않았고, 나머지는 검사하지 않았습니다."),
            "서버가 직접 만든 인증서라면 /trust/madang.crt를 내려받아 로그의 지문과 비교한 뒤 --trust 파일 옵션을 추가하세요. \
             그렇지 않으면 인증서를 고치거나, 응답하는 서버가 확실할 때만 --insecure를 추가하세요."
                .to_owned(),
        ),

        Finding::LeadsHere { url, addresses } => {
            (format!("{url} 이(가) 이 서버로 연결됩니다({}).", list(addresses)), String::new())
        }
        Finding::AddressUnset => (
            "DOMAIN_OR_PUBLIC_IP가 설정되지 않아, 클라이언트는 애플리케이션이 쓴 주소로 연결합니다.".to_owned(),
            "다른 컴퓨터에서 쓰려면 클라이언트가 이 서버에 접속하는 도메인이나 주소로 설정하세요.".to_owned(),
        ),
        Finding::Unresolved { host, error } => (
            format!("{host} 이름을 찾을 수 없습니다: {error}."),
            "DOMAIN_OR_PUBLIC_IP를 바로잡거나 DNS에 이름을 등록하고, 서버를 다시 시작하세요.".to_owned(),
        ),
        Finding::LeadsElsewhere { url } => (
            format!("{url} 이(가) 이 서버가 아닌 곳으로 연결됩니다."),
            "DOMAIN_OR_PUBLIC_IP나 DNS를 바로잡으세요. 프록시가 있다면 /openvidu 아래의 모든 요청을 이 서버로 전달해야 \
             합니다(설정 예: docs/one-machine.ko.md)."
                .to_owned(),
        ),
        Finding::MediaAddressesPrivate { host, offered } => (
            format!("{host} 은(는) 공인 주소인데 미디어는 사설 주소로만 제공됩니다: {}.", list(offered)),
            "DOMAIN_OR_PUBLIC_IP를 설정하거나 MADANG_MEDIA_ADDRESSES에 공인 주소를 지정하세요. 그러지 않으면 다른 네트워크의 \
             참가자는 접속해도 아무도 볼 수 없습니다."
                .to_owned(),
        ),

        Finding::PortOpen { address } => (format!("TCP {address} 에 접속됩니다."), String::new()),
        Finding::PortClosed { host, port, why } => (
            format!("{host} 의 TCP 포트 {port}에 접속할 수 없습니다: {}.", unreachable(why)),
            match why {
                Unreachable::Refused => format!(
                    "컴퓨터는 있지만 포트 {port}에서 기다리는 프로그램이 없습니다. HTTPS_PORT나 SERVER_PORT를 바로잡거나, 그 \
                     포트의 프록시를 시작하거나, DOMAIN_OR_PUBLIC_IP를 바로잡으세요."
                ),
                _ => format!(
                    "방화벽(서버와 클라우드 모두)에서 {port}/tcp를 열고 공유기에서 포워딩하세요. DOMAIN_OR_PUBLIC_IP가 \
                     맞나요? 안쪽에서 자기 공인 주소로 접속할 수 없는 공유기도 있으니, 그때는 다른 네트워크에서 madang doctor \
                     --url 로 실행하세요."
                ),
            },
        ),

        Finding::Trusted { name, days, authority: Authority::Public } => {
            (format!("{name} 의 인증서는 신뢰할 수 있고 {days}일 더 유효합니다."), String::new())
        }
        Finding::Trusted { name, days, authority: Authority::Given } => (
            format!("{name} 의 인증서는 올바르고 {days}일 더 유효하며, --trust로 지정한 기관이 서명했습니다."),
            String::new(),
        ),
        Finding::Trusted { name, days, authority: Authority::Own } => (
            format!("{name} 의 인증서는 올바르고 {days}일 더 유효하지만, 브라우저가 모르는 이 서버가 직접 서명했습니다."),
            "기기마다 /trust에서 한 번씩 신뢰하도록 설정해야 합니다. 공인 도메인이 있으면 CERTIFICATE_TYPE=letsencrypt로 \
             해결됩니다."
                .to_owned(),
        ),
        Finding::PlainHttp => (
            "클라이언트가 인증서가 없는 HTTP로 연결합니다.".to_owned(),
            "브라우저는 localhost와 HTTPS에서만 카메라와 마이크를 허용합니다. 다른 컴퓨터에서 쓰려면 DOMAIN_OR_PUBLIC_IP를 \
             설정하세요."
                .to_owned(),
        ),
        Finding::Expired { until } => (
            format!("인증서가 {}에 만료되었습니다.", day(*until)),
            "갱신하세요. owncert: 새 파일을 MADANG_OWNCERT_DIR에 넣으면 바로 적용됩니다. letsencrypt: 갱신되지 않은 이유가 \
             로그에 있으며, 포트 80이나 443이 이 서버로 연결되어야 합니다. 앞단 프록시에는 따로 인증서가 있습니다."
                .to_owned(),
        ),
        Finding::NotYetValid { from } => (
            format!("인증서는 {}부터 유효합니다.", day(*from)),
            "이 컴퓨터의 시계가 맞나요?".to_owned(),
        ),
        Finding::WrongName { name, holds } => (
            format!(
                "인증서가 {name} 용이 아니라 {} 용입니다.",
                if holds.is_empty() { "다른 이름".to_owned() } else { list(holds) }
            ),
            "이 이름이 들어 있는 인증서를 받거나, DOMAIN_OR_PUBLIC_IP를 인증서에 있는 이름으로 설정하세요.".to_owned(),
        ),
        Finding::Untrusted { alone } => (
            "브라우저가 신뢰하는 기관이 서명한 인증서가 아닙니다.".to_owned(),
            if *alone {
                "서버가 인증서 하나만 보냅니다. 인증 기관의 인증서(체인, 보통 fullchain.pem)를 같은 파일에 이어 붙이세요. 자체 \
                 인증 기관이라면 --trust 파일 옵션을 추가하세요."
            } else {
                "자체 인증 기관이라면 --trust 파일 옵션을 추가하세요. 모든 기기도 그 기관을 신뢰하도록 설정해야 합니다."
            }
            .to_owned(),
        ),
        Finding::CertificateBroken { error } => (
            format!("TLS가 아니거나 인증서를 쓸 수 없습니다: {error}."),
            "그 포트가 TLS를 쓰나요? 프록시가 있다면 설정을 확인하세요.".to_owned(),
        ),
        Finding::ExpiresSoon { days } => (
            format!("인증서가 {days}일 뒤에 만료됩니다. 이미 갱신되었어야 합니다."),
            "갱신되지 않은 이유가 로그에 있습니다. owncert: 새 파일을 MADANG_OWNCERT_DIR에 넣으세요.".to_owned(),
        ),
        Finding::NotNewest => (
            "서버가 보여 주는 인증서가 파일에 있는 것과 다릅니다.".to_owned(),
            "새 파일을 쓸 수 없거나(이유는 로그에 있습니다), 앞단의 다른 프로그램이 자기 인증서를 보여 주고 있습니다. 후자라면 \
             HTTPS_PORT를 그 포트로, SERVER_PORT를 다른 포트로 설정하세요."
                .to_owned(),
        ),
        Finding::FilesUnusable { error } => (
            format!("인증서 파일을 쓸 수 없습니다: {error}."),
            "인증서와 키를 MADANG_OWNCERT_DIR에 넣으세요. 그때까지는 이전 인증서가 쓰입니다.".to_owned(),
        ),

        Finding::WebSocketWorks { url } => (format!("{url} 이(가) 열리고 응답합니다."), String::new()),
        Finding::UpgradeRefused { url, status } => (
            format!("{url} 이(가) WebSocket으로 바뀌지 않습니다(상태 {status})."),
            "앞단 프록시가 업그레이드를 전달하지 않습니다. nginx라면 location /openvidu에 다음이 필요합니다: \
             proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\"; \
             (docs/one-machine.ko.md)"
                .to_owned(),
        ),
        Finding::WebSocketFails { url, why } => (
            format!("{url} 이(가) 동작하지 않습니다: {}.", unreachable(why)),
            "중간의 프록시나 방화벽이 WebSocket을 끊는지 확인하고, /openvidu로 가는 것을 통과시키세요.".to_owned(),
        ),

        Finding::NoProxy => ("앞단에 프록시가 없습니다.".to_owned(), String::new()),
        Finding::HeadersPassed => ("앞단 프록시가 클라이언트의 주소를 알려 줍니다.".to_owned(), String::new()),
        Finding::OriginLost { used, seen } => (
            format!("{used} 로 보낸 요청이 서버에는 {seen} 로 보낸 것처럼 보여, 토큰이 그곳을 가리키게 됩니다."),
            "프록시가 호출된 주소를 전달하게 하거나(nginx: proxy_set_header Host $http_host; proxy_set_header \
             X-Forwarded-Proto $scheme;), DOMAIN_OR_PUBLIC_IP와 HTTPS_PORT를 설정하세요."
                .to_owned(),
        ),
        Finding::ClientsUnknown { seen } => (
            format!("앞단 프록시가 클라이언트의 주소를 알려 주지 않아, 서버에는 모두 {seen} 로 보입니다."),
            "nginx: proxy_set_header X-Real-IP $remote_addr; 그러지 않으면 주소별 제한이 모든 클라이언트에 함께 적용됩니다."
                .to_owned(),
        ),

        Finding::UdpWorks { answered, silent } => {
            let silent = if silent.is_empty() {
                String::new()
            } else {
                format!(" 여기서는 닿지 않는 주소: {}.", list(silent))
            };
            (format!("UDP가 {} 에 닿고 돌아옵니다(큰 데이터그램 포함).{silent}", list(answered)), String::new())
        }
        Finding::UdpSilent { asked } => (
            format!("{} 에서 UDP로 아무것도 돌아오지 않습니다.", list(asked)),
            format!(
                "서버와 클라우드의 방화벽에서 {}/udp(MADANG_UDP_PORT)를 열고 공유기에서 포워딩하세요. 주소가 맞나요\
                 (docs/network.md)? 이 네트워크가 UDP를 막는 것이라면 통화는 TCP나 중계를 씁니다.",
                asked.first().map_or(0, std::net::SocketAddr::port)
            ),
        ),
        Finding::LargeLost { address } => (
            format!("{address} 로 보낸 작은 데이터그램은 돌아오지만 1200바이트짜리는 돌아오지 않습니다."),
            "경로의 무엇인가(VPN, 터널)가 MTU가 작아 큰 것을 버립니다. 단편화를 허용하거나 MTU를 키우세요. 이대로면 영상이 \
             통과하지 못합니다."
                .to_owned(),
        ),
        Finding::Lossy { address, sent, lost } => (
            format!("{address} 로 보낸 데이터그램 {sent}개 중 {lost}개를 잃었습니다."),
            "네트워크나 서버의 프로세서에 부하가 심하거나, 방화벽이 UDP를 제한합니다.".to_owned(),
        ),

        Finding::TcpWorks { address } => (format!("TCP로 {address} 에 미디어를 보낼 수 있습니다."), String::new()),
        Finding::TcpOff => (
            "TCP를 통한 미디어는 제공되지 않습니다.".to_owned(),
            "프록시 뒤라면 맞는 설정입니다. 프록시가 그 포트의 모든 것을 전달한다면 MADANG_ICE_TCP를 그 포트로 설정하세요. \
             UDP를 쓸 수 없는 클라이언트도 연결됩니다."
                .to_owned(),
        ),
        Finding::TcpSilent { address, why } => (
            format!("TCP로 {address} 에 미디어를 보낼 수 없습니다: {}.", unreachable(why)),
            "방화벽에서 포트를 여세요. HTTP만 전달하는 프록시라면 제공하지 않아야 합니다: MADANG_ICE_TCP=off.".to_owned(),
        ),

        Finding::TurnWorks { url, .. } => {
            (format!("{url} 이(가) 자격 증명을 받아들이고 데이터그램을 중계합니다."), String::new())
        }
        Finding::TurnNotOffered { leg, relay } => not_offered(*leg, *relay),
        Finding::TurnSilent { leg: Leg::TurnUdp, url, why, others: true } => (
            format!("{url} 이(가) 응답하지 않습니다: {}. 중계에는 다른 길로 닿습니다.", unreachable(why)),
            "클라이언트에는 거의 필요하지 않습니다. 쓰려면 UDP용 COTURN_PORT를 여세요.".to_owned(),
        ),
        Finding::TurnSilent { url, why, .. } => (
            format!("{url} 이(가) 응답하지 않습니다: {}.", unreachable(why)),
            "방화벽에서 그 포트를 표시된 대로 TCP나 UDP로 여세요. 주소가 맞나요(DOMAIN_OR_PUBLIC_IP, COTURN_IP)? HTTP만 \
             전달하는 프록시로는 TURN을 쓸 수 없습니다."
                .to_owned(),
        ),
        Finding::TurnRefused { url, code, .. } => (
            format!("{url} 이(가) 거부합니다(오류 {code})."),
            match code {
                401 | 441 => {
                    "자격 증명을 믿지 않습니다. COTURN_SHARED_SECRET_KEY가 그 서버의 것인지, 그 서버의 시계가 맞는지 \
                     확인하세요. 자격 증명의 기한은 시계로 정해집니다."
                }
                486 | 508 => "자리가 없습니다. MADANG_TURN_ALLOCATIONS를 늘리거나 기다리세요.",
                403 => "이 서버의 미디어로 중계하지 않습니다. 그 서버의 설정에서 주소를 허용하세요.",
                _ => "이유는 그 서버의 로그에 있습니다.",
            }
            .to_owned(),
        ),
        Finding::TurnDropsDatagrams { url, .. } => (
            format!("{url} 이(가) 자격 증명은 받아들이지만, 보낸 것이 돌아오지 않습니다."),
            "그 서버가 미디어가 제공되는 주소(MADANG_MEDIA_ADDRESSES)에 닿을 수 있어야 합니다. coturn에서는 denied-peer-ip가 \
             막을 수 있습니다."
                .to_owned(),
        ),

        Finding::ClockRight { ms, by } => {
            (format!("서버의 시계가 맞습니다({} 기준 {}).", clock(by), offset(*ms)), String::new())
        }
        Finding::ClockUnknown { by } => (
            format!("시간 서버 {by} 이(가) 응답하지 않아 시계가 맞는지 알 수 없습니다."),
            "여기서 닿는 시간 서버를 지정하세요: --ntp 호스트.".to_owned(),
        ),
        Finding::ClockWrong { ms, by } => (
            format!("서버의 시계가 틀립니다: {} 기준 {}.", clock(by), offset(*ms)),
            "시간 동기화를 켜세요(timedatectl set-ntp true 또는 chrony). 시계가 틀리면 인증서와 TURN 자격 증명이 무효가 됩니다."
                .to_owned(),
        ),

        Finding::FilesEnough { limit, open } => {
            let limit = limit.map_or_else(|| "제한 없이".to_owned(), |limit| format!("{limit}개까지"));
            (format!("서버는 파일과 연결을 {limit} 열 수 있고, 지금 {open}개를 열었습니다."), String::new())
        }
        Finding::FilesFew { limit, open, .. } => (
            format!("서버는 파일과 연결을 {limit}개까지만 열 수 있고, 지금 {open}개를 열었습니다."),
            "제한을 늘리세요: 서비스 유닛의 LimitNOFILE, 또는 시작하기 전에 ulimit -n 65536. 참가자마다 몇 개씩 씁니다."
                .to_owned(),
        ),

        Finding::BuffersWhole { bytes } => (format!("UDP 포트의 버퍼는 {} KiB입니다.", bytes / 1024), String::new()),
        Finding::BuffersSmall { bytes, wanted } => (
            format!("UDP 포트의 버퍼가 {} KiB뿐입니다. {} MiB를 요청했습니다.", bytes / 1024, wanted / MEBIBYTE),
            format!(
                "잠깐 몰릴 때 패킷을 잃을 수 있습니다. 한도를 늘리고 서버를 다시 시작하세요: sysctl -w \
                 net.core.rmem_max={wanted} net.core.wmem_max={wanted} (/etc/sysctl.d에도 같은 값을)."
            ),
        ),

        Finding::DiskFine { folders } => {
            (format!("쓸 공간이 있습니다: {}.", list(folders.iter().map(|folder| folder.display()))), String::new())
        }
        Finding::DiskUnusable { path, error } => (
            format!("{} 에 쓸 수 없습니다: {error}.", path.display()),
            format!("서버를 실행하는 사용자가 쓸 수 있게 하세요: {}.", setting(path)),
        ),
        Finding::DiskFull { path, mebibytes, .. } => (
            format!("{} 에 {mebibytes} MiB만 남았습니다.", path.display()),
            "필요 없는 것을 지우거나 폴더를 더 큰 디스크로 옮기세요.".to_owned(),
        ),

        Finding::BucketWorks { bucket } => (
            format!("녹화를 버킷 {bucket}에 보관할 수 있습니다: 객체를 쓰고 읽고 지웠습니다."),
            String::new(),
        ),
        Finding::BucketRefuses { bucket, access, error } => {
            let (what, needed) = match access {
                Access::List => ("의 목록을 볼 수 없습니다", "s3:ListBucket"),
                Access::Write => ("에 쓸 수 없습니다", "s3:PutObject"),
                Access::Read => ("에서 읽을 수 없습니다", "s3:GetObject"),
                Access::Delete => ("에서 지울 수 없습니다", "s3:DeleteObject"),
            };
            (
                format!("버킷 {bucket}{what}: {error}."),
                format!(
                    "OPENVIDU_PRO_AWS_S3_BUCKET이 버킷의 이름이고 OPENVIDU_PRO_AWS_REGION이 그 위치인지, \
                     OPENVIDU_PRO_AWS_ACCESS_KEY에 권한({needed})이 있는지 확인하세요. {WAITING}"
                ),
            )
        }
        Finding::BucketSilent { bucket } => (
            format!("버킷 {bucket}의 서비스가 응답하지 않습니다."),
            format!(
                "OPENVIDU_PRO_AWS_S3_SERVICE_ENDPOINT가 맞는지, 이 컴퓨터에서 접속할 수 있는지 확인하세요. {WAITING}"
            ),
        ),

        Finding::NotTried { because, .. } => (format!("검사하지 않음({} 때문).", leg_name(*because)), String::new()),
    }
}

fn not_offered(leg: Leg, relay: Relay) -> (String, String) {
    match (relay, leg) {
        (Relay::Off, _) => (
            "중계 서버가 없습니다.".to_owned(),
            "엄격한 방화벽 뒤의 클라이언트는 통화할 수 없습니다. MADANG_TURN_ALLOCATIONS를 0보다 크게 하면 내장 중계가 켜집니다."
                .to_owned(),
        ),
        (Relay::Own, Leg::TurnUdp) => (
            "중계가 UDP로 제공되지 않습니다. 시작할 때 포트를 열 수 없었습니다.".to_owned(),
            "다른 프로그램(coturn?)이 COTURN_PORT를 쓰고 있습니다. 그것을 종료하거나 설정을 바꾸세요. 2.20 클라이언트는 다른 \
             길을 모릅니다."
                .to_owned(),
        ),
        (Relay::Own, Leg::TurnTls) => (
            "중계가 TLS로 제공되지 않습니다. 직접 서명한 인증서는 브라우저가 신뢰하지 않거나, 앞단에 프록시가 있습니다."
                .to_owned(),
            String::new(),
        ),
        (Relay::Own, _) => ("앞단에 프록시가 있어 중계가 TCP로 제공되지 않습니다.".to_owned(), String::new()),
        (Relay::Other | Relay::Listed, _) => ("설정된 서버에는 이 길이 없습니다.".to_owned(), String::new()),
    }
}

fn unreachable(why: &Unreachable) -> String {
    match why {
        Unreachable::Unresolved(error) => format!("이름을 찾을 수 없음({error})"),
        Unreachable::Refused => "연결이 거부됨".to_owned(),
        Unreachable::Silent => "응답 없음".to_owned(),
        Unreachable::Tls(error) => format!("TLS가 아님({error})"),
        Unreachable::Untrusted => "인증서를 신뢰할 수 없음".to_owned(),
        Unreachable::Failed(error) => error.clone(),
    }
}

fn leg_name(leg: Leg) -> &'static str {
    match leg {
        Leg::Port => "port",
        Leg::Address => "address",
        Leg::Certificate => "certificate",
        _ => "다른 항목",
    }
}

fn setting(path: &Path) -> String {
    format!(
        "{} 의 소유자나 권한을 바꾸거나 MADANG_DATA_DIR, OPENVIDU_CDR_PATH, OPENVIDU_RECORDING_PATH를 설정",
        path.display()
    )
}

fn clock(by: &Option<String>) -> &str {
    by.as_deref().unwrap_or("이 컴퓨터의 시계")
}

fn offset(ms: i64) -> String {
    format!("{:.1}초 {}", ms.unsigned_abs() as f64 / 1000.0, if ms >= 0 { "빠름" } else { "느림" })
}
