//! The settings in the terms of the parts that use them. Only this module knows both.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, Uri};
use bucket::Bucket;
use certificates::{AcmeOptions, Origin};
use delivery::endpoint::Endpoint;
use delivery::webhooks::{Destination, DestinationError};
use history::HistoryOptions;
use history::store::Bounds;
use media::{AddressOptions, TranslatedAddress, WorkerOptions};
use openvidu::Dialect;
use protocol::event::EventName;
use protocol::id::WorkerId;
use protocol::job::{AzureSpec, HiddenText, TranscribeSpec};
use protocol::model::{IceServer, MediaServer};
use session::{Flow, ModelLoading, RecordingSettings, SignalLimits, SpeechService, SpeechSettings};
use settings::{
    COMPATIBLE_VERSION, CertificateType, Config, ConfigError, Fault, IceMode, ModelLoadStrategy, PublicHost,
    RecordingStorage, Rule, Secret, Sources, SpeechToText, bracketed,
};
use turn::SharedSecret;

/// How long a connection outlives its socket, as in the original: clients retry every 3 s.
const RECONNECTION_GRACE: Duration = Duration::from_secs(10);
/// How long a socket stays open after its connection ended, as in the original.
const LINGER: Duration = Duration::from_secs(10);
/// Clients give up after 10 s and never hear why; an error has to reach them before.
const MEDIA_TIMEOUT: Duration = Duration::from_secs(5);

/// Between two statistics of a transport: often enough to see what a person in the call notices, seldom enough that those of
/// some thousand transports cost nothing that could be measured.
const STATISTICS: Duration = Duration::from_secs(5);

/// In MADANG_DATA_DIR.
const HISTORY: &str = "history.redb";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The usual one (RFC 8489 §8.1).
const STUN_PORT: u16 = 3478;

/// What one participant may make others hear. What the original takes in one message (51 200 characters) fits in any script.
/// Pointers and strokes at the pace of a screen fit too. Who is away for [`RECONNECTION_GRACE`] meanwhile misses less than is
/// kept for it (1 000 notifications, 4 MiB), so that one participant alone puts nobody out.
const SIGNALS: SignalLimits = SignalLimits {
    longest: 3 * 51_200,
    signals: Flow { burst: 300, per_second: 60 },
    bytes: Flow { burst: 1 << 20, per_second: 128 << 10 },
};

/// As in the original: openvidu-java-client waits for 30 s.
const RECORDING_START_TIMEOUT: Duration = Duration::from_secs(10);
/// A target may take its time to answer.
const BROADCAST_START_TIMEOUT: Duration = Duration::from_secs(20);
const PAGE_START_TIMEOUT: Duration = Duration::from_secs(30);
/// As in the original: creating the session again waits as long.
const RECORDING_PROCESSING_TIMEOUT: Duration = Duration::from_secs(15);

/// Clients give up after 10 s.
const RECOGNISER_START_TIMEOUT: Duration = Duration::from_secs(8);
/// What Amazon Transcribe understands as it is said, by its documentation.
const TRANSCRIBE_LANGUAGES: &[&str] = &[
    "af-ZA", "ar-AE", "ar-SA", "ca-ES", "cs-CZ", "da-DK", "de-CH", "de-DE", "el-GR", "en-AB", "en-AU", "en-GB",
    "en-IE", "en-IN", "en-NZ", "en-US", "en-WL", "en-ZA", "es-ES", "es-US", "eu-ES", "fa-IR", "fi-FI", "fr-CA",
    "fr-FR", "gl-ES", "he-IL", "hi-IN", "hr-HR", "id-ID", "it-IT", "ja-JP", "ko-KR", "lv-LV", "ms-MY", "nl-NL",
    "no-NO", "pl-PL", "pt-BR", "pt-PT", "ro-RO", "ru-RU", "sk-SK", "so-SO", "sr-RS", "sv-SE", "th-TH", "tl-PH",
    "uk-UA", "vi-VN", "zh-CN", "zh-HK", "zh-TW", "zu-ZA",
];

/// What Azure's service understands as it is said, by its documentation of April 2026.
#[rustfmt::skip]
const AZURE_LANGUAGES: &[&str] = &[
    "af-ZA", "am-ET", "ar-AE", "ar-BH", "ar-DZ", "ar-EG", "ar-IL", "ar-IQ", "ar-JO", "ar-KW", "ar-LB", "ar-LY",
    "ar-MA", "ar-OM", "ar-PS", "ar-QA", "ar-SA", "ar-SY", "ar-TN", "ar-YE", "as-IN", "az-AZ", "bg-BG", "bn-IN",
    "bs-BA", "ca-ES", "cs-CZ", "cy-GB", "da-DK", "de-AT", "de-CH", "de-DE", "el-GR", "en-AU", "en-CA", "en-GB",
    "en-GH", "en-HK", "en-IE", "en-IN", "en-KE", "en-NG", "en-NZ", "en-PH", "en-SG", "en-TZ", "en-US", "en-ZA",
    "es-AR", "es-BO", "es-CL", "es-CO", "es-CR", "es-CU", "es-DO", "es-EC", "es-ES", "es-GQ", "es-GT", "es-HN",
    "es-MX", "es-NI", "es-PA", "es-PE", "es-PR", "es-PY", "es-SV", "es-US", "es-UY", "es-VE", "et-EE", "eu-ES",
    "fa-IR", "fi-FI", "fil-PH", "fr-BE", "fr-CA", "fr-CH", "fr-FR", "ga-IE", "gl-ES", "gu-IN", "he-IL", "hi-IN",
    "hr-HR", "hu-HU", "hy-AM", "id-ID", "is-IS", "it-CH", "it-IT", "ja-JP", "jv-ID", "ka-GE", "kk-KZ", "km-KH",
    "kn-IN", "ko-KR", "lo-LA", "lt-LT", "lv-LV", "mk-MK", "ml-IN", "mn-MN", "mr-IN", "ms-MY", "mt-MT", "my-MM",
    "nb-NO", "ne-NP", "nl-BE", "nl-NL", "or-IN", "pa-IN", "pl-PL", "ps-AF", "pt-BR", "pt-PT", "ro-RO", "ru-RU",
    "si-LK", "sk-SK", "sl-SI", "so-SO", "sq-AL", "sr-RS", "sv-SE", "sw-KE", "sw-TZ", "ta-IN", "te-IN", "th-TH",
    "tr-TR", "uk-UA", "ur-IN", "uz-UZ", "vi-VN", "wuu-CN", "yue-CN", "zh-CN", "zh-CN-shandong", "zh-CN-sichuan",
    "zh-HK", "zh-TW", "zu-ZA",
];

/// What the parts have to say about their settings, before anything is opened.
pub(crate) const RULES: &[Rule] = &[
    |config| webhook(config).err(),
    |config| collector(config).err(),
    |config| bucket(config).err(),
    |config| speech(config).err(),
    |config| subtitles(config).err(),
];

/// Reads and checks everything that the server of this crate can be given.
///
/// # Errors
/// Everything that is wrong.
pub fn load(sources: &Sources) -> Result<Config, ConfigError> {
    Config::load_with(sources, RULES)
}

/// Where events are sent, if anywhere.
pub(crate) fn webhook(config: &Config) -> Result<Option<Destination>, Fault> {
    if !config.openvidu_webhook {
        return Ok(None);
    }
    let fault = |name, value: &str, rule| Fault { name: Some(name), value: "*".repeat(value.chars().count()), rule };
    let endpoint = config.openvidu_webhook_endpoint.expose();
    if endpoint.is_empty() {
        return Err(fault("OPENVIDU_WEBHOOK_ENDPOINT", endpoint, "Cannot be empty.".to_owned()));
    }
    if config.madang_refuse_private_targets && leads_inside(endpoint) {
        let rule = "Must not be in a private network, with MADANG_REFUSE_PRIVATE_TARGETS.";
        return Err(fault("OPENVIDU_WEBHOOK_ENDPOINT", endpoint, rule.to_owned()));
    }
    let headers = &config.openvidu_webhook_headers.0;
    let destination = Destination::new(endpoint, headers, config.openvidu_webhook_events.clone());
    destination.map(Some).map_err(|error| {
        let setting = match error {
            DestinationError::Endpoint { .. } => "OPENVIDU_WEBHOOK_ENDPOINT",
            DestinationError::HeaderSyntax | DestinationError::HeaderReserved { .. } => "OPENVIDU_WEBHOOK_HEADERS",
        };
        fault(setting, "*", error.to_string())
    })
}

/// Where traces are sent, if anywhere.
pub(crate) fn collector(config: &Config) -> Result<Option<Endpoint>, Fault> {
    const PATH: &str = "/v1/traces";
    const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
    let base = config.otel_exporter_otlp_endpoint.trim_end_matches('/');
    if base.is_empty() {
        return Ok(None);
    }
    let fault =
        |name, value: &str, rule: &str| Fault { name: Some(name), value: value.to_owned(), rule: rule.to_owned() };
    let hidden = |rule| fault(HEADERS, "*", rule);
    if base.ends_with(PATH) {
        return Err(fault(ENDPOINT, base, "Must not end with /v1/traces, which is added to it."));
    }
    if base.parse::<Uri>().is_ok_and(|uri| uri.authority().is_some_and(|authority| authority.as_str().contains('@'))) {
        return Err(fault(
            ENDPOINT,
            "*",
            "Must not have a password in it, which belongs in OTEL_EXPORTER_OTLP_HEADERS.",
        ));
    }
    let mut headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"))];
    let pairs = config.otel_exporter_otlp_headers.expose().split(',').map(str::trim).filter(|pair| !pair.is_empty());
    for pair in pairs {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| hidden("Must be name=value, with commas between them."))?;
        let name = name.trim().parse::<HeaderName>().map_err(|_| hidden("Has a name that no header can have."))?;
        if Endpoint::reserves(&name) || name == CONTENT_TYPE {
            return Err(hidden("Has a header that is set by the server itself."));
        }
        let value: Vec<u8> = percent_encoding::percent_decode_str(value.trim()).collect();
        let mut value = HeaderValue::from_bytes(&value).map_err(|_| hidden("Has a value that no header can have."))?;
        value.set_sensitive(true);
        headers.push((name, value));
    }
    Endpoint::new(&format!("{base}{PATH}"), headers)
        .map(Some)
        .map_err(|error| fault(ENDPOINT, base, &error.to_string()))
}

/// What cannot be read is refused elsewhere.
fn leads_inside(endpoint: &str) -> bool {
    let uri = endpoint.parse::<Uri>();
    uri.is_ok_and(|uri| {
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
        uri.host().is_some_and(|host| recordings::leads_inside(host, port))
    })
}

/// Where the certificate comes from.
pub(crate) fn certificates(config: &Config) -> certificates::Options {
    let origin = match config.certificate_type {
        CertificateType::SelfSigned => Origin::SelfSigned,
        CertificateType::Own => Origin::Own(config.madang_owncert_dir.clone()),
        CertificateType::LetsEncrypt => Origin::Acme(AcmeOptions {
            directory: config.madang_acme_directory.clone(),
            root: Some(&config.madang_acme_root).filter(|path| !path.is_empty()).map(PathBuf::from),
            email: config.letsencrypt_email.clone(),
            www: config.redirect_www,
        }),
    };
    let public_host = match &config.domain_or_public_ip {
        PublicHost::Unset => None,
        PublicHost::Ip(ip) => Some(ip.to_string()),
        PublicHost::Name(name) => Some(name.clone()),
    };
    certificates::Options { folder: config.madang_data_dir.clone(), public_host, origin }
}

/// The bucket that recordings are kept in, if they are.
pub(crate) fn bucket(config: &Config) -> Result<Option<Bucket>, Fault> {
    if config.openvidu_pro_recording_storage == RecordingStorage::Local {
        return Ok(None);
    }
    let fault = |name, value: &str, rule: String| Fault { name: Some(name), value: value.to_owned(), rule };
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let [key, secret] = [&config.openvidu_pro_aws_access_key, &config.openvidu_pro_aws_secret_key].map(Secret::expose);
    let credentials = match (given(key), given(secret)) {
        (Some(key), Some(secret)) => Some((key, secret)),
        (None, None) => None,
        (Some(_), None) => {
            return Err(fault("OPENVIDU_PRO_AWS_SECRET_KEY", "", "Must be set with the access key.".to_owned()));
        }
        (None, Some(_)) => {
            return Err(fault("OPENVIDU_PRO_AWS_ACCESS_KEY", "", "Must be set with the secret key.".to_owned()));
        }
    };
    let headers: BTreeMap<String, String> =
        serde_json::from_str(config.openvidu_pro_aws_s3_headers.expose()).unwrap_or_default();
    let settings = bucket::Settings {
        bucket: config.openvidu_pro_aws_s3_bucket.clone(),
        endpoint: given(&config.openvidu_pro_aws_s3_service_endpoint),
        path_style: config.openvidu_pro_aws_s3_with_path_style_access,
        region: given(&config.openvidu_pro_aws_region),
        credentials,
        headers: headers.into_iter().collect(),
    };
    let broken = |error: bucket::Error| {
        fault("OPENVIDU_PRO_AWS_S3_BUCKET", &config.openvidu_pro_aws_s3_bucket, format!("{error}."))
    };
    Bucket::open(&settings).map(Some).map_err(broken)
}

/// How many media workers there shall be.
pub(crate) fn workers(config: &Config) -> u16 {
    let cores =
        || std::thread::available_parallelism().map_or(1, |cores| u16::try_from(cores.get()).unwrap_or(u16::MAX));
    let wanted = if config.madang_workers == 0 { cores() } else { config.madang_workers };
    wanted.clamp(1, media::MAX_WORKERS)
}

/// What recognises speech, if anything does.
pub(crate) fn speech(config: &Config) -> Result<Option<SpeechSettings>, Fault> {
    let service = match config.openvidu_pro_speech_to_text {
        SpeechToText::Vosk => {
            let loading = match config.openvidu_pro_speech_to_text_vosk_model_load_strategy {
                ModelLoadStrategy::OnDemand => ModelLoading::OnDemand,
                ModelLoadStrategy::Manual => ModelLoading::Manual,
            };
            SpeechService::Vosk { servers: config.madang_vosk_servers.0.clone(), loading }
        }
        SpeechToText::Aws => {
            SpeechService::Transcribe { account: transcribe(config)?, languages: TRANSCRIBE_LANGUAGES }
        }
        SpeechToText::Azure => SpeechService::Azure { account: azure(config)?, languages: AZURE_LANGUAGES },
        SpeechToText::Disabled => return Ok(None),
    };
    Ok(Some(SpeechSettings { service, start_timeout: RECOGNISER_START_TIMEOUT }))
}

/// What speech cannot be recognised without.
fn given(name: &'static str, value: &str, engine: &str) -> Result<String, Fault> {
    let rule = || format!("Must be set with OPENVIDU_PRO_SPEECH_TO_TEXT={engine}.");
    let fault = || Fault { name: Some(name), value: String::new(), rule: rule() };
    (!value.is_empty()).then(|| value.to_owned()).ok_or_else(fault)
}

fn azure(config: &Config) -> Result<AzureSpec, Fault> {
    let given = |name, value: &str| given(name, value, "azure");
    let key = config.openvidu_pro_speech_to_text_azure_key.expose();
    let region = &config.openvidu_pro_speech_to_text_azure_region;
    let region = given("OPENVIDU_PRO_SPEECH_TO_TEXT_AZURE_REGION", region)?;
    // It is a part of a host's name.
    if !region.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-') {
        let name = Some("OPENVIDU_PRO_SPEECH_TO_TEXT_AZURE_REGION");
        return Err(Fault { name, value: region, rule: "Must be letters, digits and '-'.".to_owned() });
    }
    let endpoint = &config.madang_azure_speech_endpoint;
    Ok(AzureSpec {
        region,
        key: HiddenText::from(&*given("OPENVIDU_PRO_SPEECH_TO_TEXT_AZURE_KEY", key)?),
        endpoint: (!endpoint.is_empty()).then(|| endpoint.clone()),
    })
}

fn transcribe(config: &Config) -> Result<TranscribeSpec, Fault> {
    let given = |name, value: &str| given(name, value, "aws");
    let endpoint = &config.madang_transcribe_endpoint;
    Ok(TranscribeSpec {
        region: given("OPENVIDU_PRO_AWS_REGION", &config.openvidu_pro_aws_region)?,
        access_key: given("OPENVIDU_PRO_AWS_ACCESS_KEY", config.openvidu_pro_aws_access_key.expose())?,
        secret_key: HiddenText::from(&*given(
            "OPENVIDU_PRO_AWS_SECRET_KEY",
            config.openvidu_pro_aws_secret_key.expose(),
        )?),
        endpoint: (!endpoint.is_empty()).then(|| endpoint.clone()),
    })
}

/// In which somebody can be listened to.
pub(crate) fn speech_languages(config: &Config) -> Vec<String> {
    match speech(config) {
        Ok(Some(SpeechSettings { service: SpeechService::Vosk { servers, .. }, .. })) => servers.into_keys().collect(),
        Ok(Some(SpeechSettings {
            service: SpeechService::Transcribe { languages, .. } | SpeechService::Azure { languages, .. },
            ..
        })) => languages.iter().map(|language| (*language).to_owned()).collect(),
        Ok(None) | Err(_) => vec![],
    }
}

/// The language of the subtitles of recordings that do not say, if they shall have any.
fn subtitles(config: &Config) -> Result<Option<String>, Fault> {
    let language = &config.madang_recording_subtitles;
    if language.is_empty() {
        return Ok(None);
    }
    let name = Some("MADANG_RECORDING_SUBTITLES");
    let fault = |rule: String| Fault { name, value: language.clone(), rule };
    // What else is wrong with that is told beside this.
    let Ok(speech) = speech(config) else { return Ok(None) };
    if speech.is_none() {
        return Err(fault("Needs OPENVIDU_PRO_SPEECH_TO_TEXT.".to_owned()));
    }
    let offered = speech_languages(config);
    if !offered.contains(language) {
        return Err(fault(format!("Must be one of the languages that are recognised ({}).", offered.join(", "))));
    }
    Ok(Some(language.clone()))
}

/// Why speech is not recognised although that is set, if so.
pub(crate) fn deaf(config: &Config) -> Option<&'static str> {
    match config.openvidu_pro_speech_to_text {
        SpeechToText::Vosk if config.madang_vosk_servers.0.is_empty() => {
            Some("no language can be recognised: MADANG_VOSK_SERVERS names no server")
        }
        SpeechToText::Vosk | SpeechToText::Azure | SpeechToText::Aws | SpeechToText::Disabled => None,
    }
}

/// How often the networks of publishers are rated, if they are.
fn network_quality(config: &Config) -> Option<Duration> {
    let interval = Duration::from_secs(config.openvidu_pro_network_quality_interval.into());
    config.openvidu_pro_network_quality.then_some(interval)
}

/// What is kept of sessions.
pub(crate) fn history(config: &Config, network: &media::MediaNetwork) -> HistoryOptions {
    let days = config.madang_history_days;
    let file = (days > 0).then(|| config.madang_data_dir.join(HISTORY));
    let bounds = Bounds { age: DAY * days, bytes: u64::from(config.madang_history_megabytes) * 1_000_000 };
    HistoryOptions { file, bounds, offered: offered(network) }
}

/// Where media is offered.
pub(crate) fn offered(network: &media::MediaNetwork) -> Vec<std::net::SocketAddr> {
    network.candidates.udp.clone()
}

/// How the media workers work; `turn_secret` is what the users of its relay have.
pub(crate) fn worker(config: &Config, turn_secret: Option<SharedSecret>) -> WorkerOptions {
    WorkerOptions {
        ice_lite: config.madang_ice == IceMode::Lite,
        adapts: config.madang_adaptation,
        redundancy: config.madang_audio_redundancy,
        statistics: Some(network_quality(config).map_or(STATISTICS, |interval| interval.min(STATISTICS))),
        turn_secret,
        turn_limits: turn::Limits {
            allocations: config.madang_turn_allocations as usize,
            allocations_per_user: config.madang_turn_client_allocations as usize,
        },
    }
}

/// What is set about the addresses of this machine.
pub(crate) fn addresses(config: &Config) -> AddressOptions {
    let translated = config.media_nodes_public_ips.iter();
    let servers = config.madang_stun_servers.iter();
    AddressOptions {
        given: config.madang_media_addresses.0.clone(),
        public: match &config.domain_or_public_ip {
            PublicHost::Unset => media::PublicHost::Unknown,
            PublicHost::Ip(ip) => media::PublicHost::Ip(*ip),
            PublicHost::Name(name) => media::PublicHost::Name(name.clone()),
        },
        translations: translated.map(|pair| TranslatedAddress { private: pair.private, public: pair.public }).collect(),
        tcp_port: config.ice_tcp_port(),
        stun_servers: servers.map(|one| media::StunServer { host: one.host.clone(), port: one.port }).collect(),
    }
}

/// What OpenVidu's clients are told of the deployment.
pub(crate) fn dialect(config: &Config) -> Dialect {
    Dialect {
        media_server: config.openvidu_enterprise_media_server,
        video_simulcast: config.openvidu_webrtc_simulcast
            && config.openvidu_enterprise_media_server == MediaServer::Mediasoup,
        compatible_version: COMPATIBLE_VERSION.to_owned(),
    }
}

/// The rules' settings, for a server whose media port is `udp_port`. `fallback_host` is how clients of the local
/// network reach it when no public name is set.
pub(crate) fn session(config: &Config, fallback_host: IpAddr, udp_port: u16) -> session::Settings {
    // Never empty: clients without a list ask third parties for their address. Never the media port either: Chromium
    // takes whatever comes from a STUN server's address and port for its answers, connectivity checks included, so
    // that no path to it would work. Nothing has to answer at this one: we are reached without clients' candidates.
    let host = config.domain_or_public_ip.for_url().unwrap_or_else(|| bracketed(fallback_host));
    let port = if udp_port == STUN_PORT { STUN_PORT + 1 } else { STUN_PORT };
    let stun = IceServer { url: format!("stun:{host}:{port}"), username: None, credential: None };
    session::Settings {
        secret: config.openvidu_secret.expose().to_owned(),
        ice_servers: vec![stun],
        turn: None,
        media_workers: vec![WorkerId(0)],
        session_span: usize::try_from(config.madang_session_span).unwrap_or(usize::MAX),
        reconnection_grace: RECONNECTION_GRACE,
        return_window: Duration::from_secs(config.madang_return_window.into()),
        linger: LINGER,
        media_timeout: MEDIA_TIMEOUT,
        garbage_interval: Duration::from_secs(config.openvidu_sessions_garbage_interval.into()),
        garbage_threshold: Duration::from_secs(config.openvidu_sessions_garbage_threshold.into()),
        video_bandwidth: session::VideoBandwidth {
            max_recv: config.openvidu_streams_video_max_recv_bandwidth,
            min_recv: config.openvidu_streams_video_min_recv_bandwidth,
            max_send: config.openvidu_streams_video_max_send_bandwidth,
            min_send: config.openvidu_streams_video_min_send_bandwidth,
        },
        signals: Some(SIGNALS),
        network_quality: network_quality(config),
        broadcast: session::BroadcastSettings {
            max_streams: usize::try_from(config.madang_broadcast_streams).unwrap_or(usize::MAX),
            has_captions: config.madang_recording_captions,
            start_timeout: BROADCAST_START_TIMEOUT,
            patience: Duration::from_secs(config.madang_broadcast_patience.into()),
        },
        virtual_background: config.madang_virtual_background,
        camera_states: config.openvidu_webhook_events.contains(&EventName::CameraStateChanged),
        // As of the original, Kurento does, and mediasoup does not.
        transcodes: config.openvidu_enterprise_media_server == MediaServer::Kurento,
        filter_images: Some(config.madang_filter_images.clone()).filter(|folder| !folder.is_empty()),
        recording: RecordingSettings {
            enabled: config.openvidu_recording,
            notification: config.openvidu_recording_notification,
            auto_stop: Duration::from_secs(config.openvidu_recording_autostop_timeout.into()),
            max_streams: usize::try_from(config.madang_recorded_streams).unwrap_or(usize::MAX),
            start_timeout: RECORDING_START_TIMEOUT,
            page_start_timeout: PAGE_START_TIMEOUT,
            subtitles: subtitles(config).unwrap_or_default(),
            processing_timeout: RECORDING_PROCESSING_TIMEOUT,
        },
        // What is wrong with it has been told.
        speech: speech(config).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use settings::LOCALHOST;

    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let pairs = pairs.iter().map(|(name, text)| (name.to_string(), text.to_string()));
        super::load(&Sources::new(pairs, std::path::Path::new("/nonexistent")))
    }

    #[test]
    fn event_settings_are_checked_only_when_they_are_used() {
        let wrong = [("OPENVIDU_WEBHOOK_ENDPOINT", "nonsense"), ("OPENVIDU_WEBHOOK_HEADERS", "[no colon]")];
        assert!(load(&wrong).is_ok());
        for pair in wrong {
            let on = [("OPENVIDU_WEBHOOK", "true"), ("OPENVIDU_WEBHOOK_ENDPOINT", "http://127.0.0.1:1/"), pair];
            assert!(load(&on).unwrap_err().to_string().contains(pair.0));
        }
        assert!(
            load(&[("OPENVIDU_WEBHOOK", "true")])
                .unwrap_err()
                .to_string()
                .contains("OPENVIDU_WEBHOOK_ENDPOINT is not set")
        );
    }

    #[test]
    fn a_webhook_in_a_private_network_is_refused_if_that_is_set() {
        let with = |endpoint: &str, strict: &str| {
            load(&[
                ("OPENVIDU_WEBHOOK", "true"),
                ("OPENVIDU_WEBHOOK_ENDPOINT", endpoint),
                ("MADANG_REFUSE_PRIVATE_TARGETS", strict),
            ])
        };
        for endpoint in ["http://127.0.0.1:9/", "https://user:hush@10.0.0.1/hook", "http://[fe80::1]/"] {
            assert!(with(endpoint, "false").is_ok(), "{endpoint}");
            let told = with(endpoint, "true").unwrap_err().to_string();
            assert!(told.contains("Must not be in a private network") && !told.contains("hush"), "{told}");
        }
        assert!(with("http://203.0.113.5/", "true").is_ok());
    }

    #[test]
    fn clients_are_never_pointed_at_the_media_port_for_stun() {
        let url = |pairs: &[(&str, &str)]| session(&load(pairs).unwrap(), LOCALHOST, 40000).ice_servers[0].url.clone();
        assert_eq!(url(&[]), "stun:127.0.0.1:3478");
        assert_eq!(url(&[("DOMAIN_OR_PUBLIC_IP", "call.example.org")]), "stun:call.example.org:3478");
        assert_eq!(url(&[("DOMAIN_OR_PUBLIC_IP", "2001:db8::1")]), "stun:[2001:db8::1]:3478");
        let same = session(&Config::default(), LOCALHOST, 3478).ice_servers[0].url.clone();
        assert_eq!(same, "stun:127.0.0.1:3479");
    }

    #[test]
    fn subtitles_are_in_a_language_that_is_recognised() {
        let wanted = ("MADANG_RECORDING_SUBTITLES", "en-US");
        let on = ("OPENVIDU_PRO_SPEECH_TO_TEXT", "vosk");
        let servers = |servers| ("MADANG_VOSK_SERVERS", servers);
        let told = load(&[wanted]).unwrap_err().to_string();
        assert!(told.contains("MADANG_RECORDING_SUBTITLES") && told.contains("OPENVIDU_PRO_SPEECH_TO_TEXT"), "{told}");
        let told = load(&[wanted, on, servers("[fr-FR=ws://127.0.0.1:2700]")]).unwrap_err().to_string();
        assert!(told.contains("MADANG_RECORDING_SUBTITLES") && told.contains("(fr-FR)"), "{told}");
        let config = load(&[wanted, on, servers("[en-US=ws://127.0.0.1:2700]")]).unwrap();
        assert_eq!(subtitles(&config).unwrap().as_deref(), Some("en-US"));
        assert_eq!(subtitles(&load(&[]).unwrap()).unwrap(), None);
    }

    #[test]
    fn speech_is_recognised_where_a_server_is_named() {
        let off = load(&[]).unwrap();
        assert!(speech(&off).unwrap().is_none() && deaf(&off).is_none() && speech_languages(&off).is_empty());
        let on = ("OPENVIDU_PRO_SPEECH_TO_TEXT", "vosk");
        let servers = ("MADANG_VOSK_SERVERS", "[en-US=ws://127.0.0.1:2700, fr-FR=wss://vosk.example.org/fr]");
        let config = load(&[on, servers]).unwrap();
        let Some(SpeechService::Vosk { servers: set, loading: ModelLoading::OnDemand }) =
            speech(&config).unwrap().map(|speech| speech.service)
        else {
            panic!("Vosk was set")
        };
        assert_eq!(
            (set["en-US"].as_str(), set["fr-FR"].as_str()),
            ("ws://127.0.0.1:2700", "wss://vosk.example.org/fr")
        );
        assert_eq!(speech_languages(&config), ["en-US", "fr-FR"]);
        assert!(deaf(&config).is_none());
        assert!(deaf(&load(&[on]).unwrap()).unwrap().contains("MADANG_VOSK_SERVERS"));
        for wrong in ["[en-US]", "[en-US=http://h]", "[=ws://h]", "[en=ws://h,en=ws://i]", "ws://h"] {
            let told = load(&[("MADANG_VOSK_SERVERS", wrong)]).unwrap_err().to_string();
            assert!(told.contains("Property MADANG_VOSK_SERVERS"), "{wrong}: {told}");
        }
    }

    #[test]
    fn azures_service_needs_to_know_who_asks() {
        let on = ("OPENVIDU_PRO_SPEECH_TO_TEXT", "azure");
        let region = ("OPENVIDU_PRO_SPEECH_TO_TEXT_AZURE_REGION", "koreacentral");
        let key = ("OPENVIDU_PRO_SPEECH_TO_TEXT_AZURE_KEY", "hush");
        let elsewhere = (region.0, "example.org/");
        for (pairs, wrong) in [(&[on, key][..], region.0), (&[on, region], key.0), (&[on, elsewhere, key], region.0)] {
            let told = load(pairs).unwrap_err().to_string();
            assert!(told.contains(wrong) && !told.contains("hush"), "{told}");
        }
        let config = load(&[on, region, key]).unwrap();
        assert!(speech_languages(&config).contains(&"ko-KR".to_owned()) && deaf(&config).is_none());
        let set = format!("{:?}", speech(&config).unwrap());
        assert!(set.contains("koreacentral") && !set.contains("hush"), "{set}");
    }

    #[test]
    fn amazons_service_needs_to_know_who_asks() {
        let on = ("OPENVIDU_PRO_SPEECH_TO_TEXT", "aws");
        let account = [
            ("OPENVIDU_PRO_AWS_REGION", "eu-west-1"),
            ("OPENVIDU_PRO_AWS_ACCESS_KEY", "AKIDEXAMPLE"),
            ("OPENVIDU_PRO_AWS_SECRET_KEY", "hush"),
        ];
        for missing in 0..account.len() {
            let mut pairs = vec![on];
            pairs.extend(account.iter().enumerate().filter(|(n, _)| *n != missing).map(|(_, pair)| *pair));
            let told = load(&pairs).unwrap_err().to_string();
            assert!(told.contains(account[missing].0) && !told.contains("hush"), "{told}");
        }
        let config = load(&[&[on], &account[..]].concat()).unwrap();
        assert!(speech_languages(&config).contains(&"ko-KR".to_owned()) && deaf(&config).is_none());
        let set = format!("{:?}", speech(&config).unwrap());
        assert!(set.contains("AKIDEXAMPLE") && !set.contains("hush"), "{set}");
    }

    #[test]
    fn simulcast_is_announced_with_mediasoup_only() {
        let announced = |server: &str| {
            let pairs = [("OPENVIDU_WEBRTC_SIMULCAST", "TRUE"), ("OPENVIDU_ENTERPRISE_MEDIA_SERVER", server)];
            dialect(&load(&pairs).unwrap()).video_simulcast
        };
        assert!(announced("mediasoup") && !announced("kurento"));
    }
}
