//! `/trust`: lets phones and computers of the local network trust this server's certificate. Only for a certificate that
//! was signed here; anybody may see it, since it is needed before anything else works.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use doctor::AUTHORITY;
use qrcodegen::{QrCode, QrCodeEcc};

use crate::authority::OwnAuthority;
use crate::http::request::caller::Caller;
use crate::http::request::language::prefers_korean;
use crate::network::Network;
use crate::state::{AppState, MediaNetwork, Settings};

const PAGE: &str = "/trust";
/// Phones ask to install what has this type.
const AUTHORITY_TYPE: &str = "application/x-x509-ca-cert";
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The two routes.
#[allow(clippy::disallowed_methods, reason = "a page, no operation of the API")]
pub(crate) fn routes() -> Router<AppState> {
    Router::new().route(PAGE, get(page)).route(AUTHORITY, get(authority))
}

/// Whether a path is one of them.
pub(crate) fn has(path: &str) -> bool {
    path == PAGE || path == AUTHORITY
}

async fn authority(State(authority): State<Option<Arc<OwnAuthority>>>) -> Response {
    let Some(authority) = authority else { return StatusCode::NOT_FOUND.into_response() };
    let headers = [(CONTENT_TYPE, AUTHORITY_TYPE), (CONTENT_DISPOSITION, "attachment; filename=\"madang.crt\"")];
    (headers, authority.certificate().to_vec()).into_response()
}

async fn page(
    State(authority): State<Option<Arc<OwnAuthority>>>,
    State(settings): State<Settings>,
    State(network): State<MediaNetwork>,
    caller: Caller,
    headers: HeaderMap,
) -> Response {
    let Some(authority) = authority else { return StatusCode::NOT_FOUND.into_response() };
    let texts = if prefers_korean(&headers) { &KOREAN } else { &ENGLISH };
    let html = texts.page(&phones_address(settings.server_port, &network.borrow(), &caller), authority.fingerprint());
    let headers: [(HeaderName, HeaderValue); 1] = [(CONTENT_SECURITY_POLICY, POLICY)];
    (headers, Html(html)).into_response()
}

/// The page's own address as another device reaches it: by plain HTTP, which needs no trust yet.
fn phones_address(port: u16, network: &media::MediaNetwork, caller: &Caller) -> String {
    let host = caller.0.host();
    let is_here =
        host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let host = match lan_address(network).filter(|_| is_here) {
        Some(ip) => settings::bracketed(ip),
        None => host.to_owned(),
    };
    format!("http://{host}:{port}{PAGE}")
}

/// A private one, if there is one: that is where phones are.
fn lan_address(network: &media::MediaNetwork) -> Option<IpAddr> {
    let mut own: Vec<_> = network.candidates.udp.iter().map(|candidate| candidate.ip()).collect();
    own.retain(|ip| !ip.is_loopback());
    own.iter().copied().find(|ip| Network::from(*ip).is_local()).or(own.first().copied())
}

/// One path element for all dark modules.
fn qr_code(text: &str) -> String {
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Medium) else { return String::new() };
    const MARGIN: i32 = 4;
    let side = code.size() + 2 * MARGIN;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            let _ = write!(path, "M{} {}h1v1h-1z", x + MARGIN, y + MARGIN);
        }
    }
    format!(
        "<svg viewBox=\"0 0 {side} {side}\" role=img aria-label=\"{text}\" shape-rendering=crispEdges>\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path d=\"{path}\"/></svg>"
    )
}

struct Texts {
    language: &'static str,
    title: &'static str,
    why: &'static str,
    scan: &'static str,
    download: &'static str,
    compare: &'static str,
    devices: [(&'static str, &'static str); 4],
    then: &'static str,
}

impl Texts {
    fn page(&self, address: &str, fingerprint: &str) -> String {
        let code = qr_code(address);
        let devices: String = self.devices.iter().map(|(device, steps)| format!("<dt>{device}<dd>{steps}")).collect();
        let Self { language, title, why, scan, download, compare, then, .. } = self;
        format!(
            "<!doctype html><html lang={language}><meta charset=utf-8>\
             <meta name=viewport content=\"width=device-width\"><title>{title}</title>\
             <style>body{{font:1rem/1.6 system-ui;max-width:40rem;margin:2rem auto;padding:0 1rem}}\
             svg{{width:12rem;display:block}}code{{overflow-wrap:anywhere}}dt{{font-weight:600;margin-top:.6rem}}\
             .get{{display:inline-block;padding:.6rem 1rem;border-radius:.4rem;background:#1f6f4a;color:#fff}}</style>\
             <h1>{title}</h1><p>{why}<p>{scan}<p>{code}<p><code>{address}</code>\
             <p><a class=get href=\"{AUTHORITY}\">{download}</a><p>{compare}<p><code>{fingerprint}</code>\
             <dl>{devices}</dl><p>{then}</html>"
        )
    }
}

const ENGLISH: Texts = Texts {
    language: "en",
    title: "Trust this server",
    why: "Browsers give a page camera and microphone only over HTTPS with a certificate that they trust. On a network \
          without a public name this server signs its own; a device has to be told once.",
    scan: "Open this page on the device:",
    download: "Download the certificate",
    compare: "Its SHA-256 fingerprint. The device shows the same one, and so does the server's log. It can vouch for this \
              server and private addresses only.",
    devices: [
        (
            "Android",
            "Settings → Security → Encryption &amp; credentials → Install a certificate → CA certificate, then choose \
                     the downloaded file.",
        ),
        (
            "iPhone, iPad",
            "Download it in Safari. Settings → Profile Downloaded → Install, then Settings → General → About → \
                          Certificate Trust Settings: switch it on.",
        ),
        (
            "Windows",
            "Open the file → Install Certificate → Local Machine → Place in the following store → Trusted Root \
                     Certification Authorities.",
        ),
        ("macOS", "Open the file: it appears in Keychain Access. Open it there → Trust → Always Trust."),
    ],
    then: "Firefox has a list of its own: Settings → Privacy &amp; Security → Certificates → View Certificates → Authorities → \
           Import. Then open this server by https://.",
};

const KOREAN: Texts = Texts {
    language: "ko",
    title: "이 서버 신뢰하기",
    why: "브라우저는 신뢰하는 인증서를 쓰는 HTTPS 페이지에만 카메라와 마이크를 허용합니다. 공인 도메인이 없는 네트워크에서는 이 \
          서버가 인증서에 직접 서명하므로, 기기마다 한 번씩 알려 주어야 합니다.",
    scan: "기기에서 이 페이지를 여세요.",
    download: "인증서 내려받기",
    compare: "SHA-256 지문입니다. 기기와 서버 로그에 같은 값이 나타나야 합니다. 이 인증서는 이 서버와 사설 주소에 대해서만 \
              효력이 있습니다.",
    devices: [
        (
            "Android",
            "설정 → 보안 → 암호화 및 사용자 인증 정보 → 인증서 설치 → CA 인증서에서 내려받은 파일을 선택하세요.",
        ),
        (
            "iPhone, iPad",
            "Safari에서 내려받습니다. 설정 → 프로파일이 다운로드됨 → 설치 후, 설정 → 일반 → 정보 → 인증서 신뢰 \
                          설정에서 켜세요.",
        ),
        (
            "Windows",
            "파일 열기 → 인증서 설치 → 로컬 컴퓨터 → 모든 인증서를 다음 저장소에 저장 → 신뢰할 수 있는 루트 인증 기관.",
        ),
        ("macOS", "파일을 열면 키체인 접근에 나타납니다. 거기서 열어 신뢰 → 항상 신뢰를 선택하세요."),
    ],
    then: "Firefox는 자체 목록을 씁니다. 설정 → 개인 정보 및 보안 → 인증서 → 인증서 보기 → 인증 기관 → 가져오기. 그다음 \
           https:// 로 이 서버를 여세요.",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_a_module_for_each_dark_one() {
        let text = "http://192.168.0.7:4443/trust";
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).unwrap();
        let dark = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
        let dark = dark.filter(|(x, y)| code.get_module(*x, *y)).count();
        assert_eq!(qr_code(text).matches("h1v1h-1z").count(), dark);
    }
}
