//! Every setting, once: its name, default, kind and meaning. Parsing, `madang --help`, `madang config` and the reference
//! page are made from this table and cannot disagree with it.
//!
//! What a text must look like is in [`super::value`]; rules between settings are in [`super::Config::check`].

use std::net::IpAddr;
use std::path::PathBuf;

use protocol::event::EventName;
use protocol::model::{ForcedVideoCodec, MediaServer, RecordingNotification};
use protocol::rest::request::RequestedIceServer;

use super::COMPATIBLE_VERSION;
use super::address::{self, AccessList, PublicAddress, TrustedProxies, TurnAddress};
use super::value::{
    self, Addresses, CallPage, CertificateType, Compatibility, IceMode, IceTcp, ModelLoadStrategy, PublicHost,
    RecordingStorage, Secret, SpeechToText, StunServer, TextList, VoskServers,
};

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Name in the environment and in `.env`.
    pub name: &'static str,
    /// As it would be written in `.env`.
    pub default: &'static str,
    /// What it means, one or two sentences.
    pub doc: &'static str,
    /// Which part of the reference page it stands in.
    pub group: &'static str,
    /// Never shown.
    pub secret: bool,
    /// Why it is checked but changes nothing, if so.
    pub idle: Option<&'static str>,
}

macro_rules! settings {
    ($($group:literal { $($(#[doc = $doc:literal])+ $field:ident: $type:ty = $name:literal, $default:expr, $parse:path $(, $secret:ident)? $(=> $idle:expr)?;)+ })+) => {
        /// All settings, valid.
        #[derive(Clone, Debug)]
        pub struct Config { $($($(#[doc = $doc])+ pub $field: $type,)+)+ }

        /// The table's rows, in the order of the reference page.
        pub const KEYS: &[Key] = &[$($(Key {
            name: $name,
            default: $default,
            doc: concat!($($doc),+),
            group: $group,
            secret: settings!(@secret $($secret)?),
            idle: settings!(@idle $($idle)?),
        },)+)+];

        impl Config {
            /// Reads every setting; `text` gives what was set and collects what is wrong. `None` if anything is.
            pub(super) fn read(source: &mut super::Reader<'_>) -> Option<Self> {
                $($(let $field = source.read($name, $default, settings!(@secret $($secret)?), $parse);)+)+
                Some(Self { $($($field: $field?,)+)+ })
            }
        }
    };
    (@secret) => { false };
    (@secret secret) => { true };
    (@idle) => { None };
    (@idle $idle:expr) => { Some($idle) };
}

settings! {
    "Addresses and ports" {
        /// How clients reach this server: a domain name or an IP address. Empty: tokens carry what the caller's request
        /// was addressed to.
        domain_or_public_ip: PublicHost = "DOMAIN_OR_PUBLIC_IP", "", value::public_host;
        /// Port in public URLs (tokens, `/config`); left out of them when it is 443. Empty: SERVER_PORT.
        https_port: Option<u16> = "HTTPS_PORT", "", value::optional_port;
        /// TCP port that sends browsers on to HTTPS, and where Let's Encrypt may look. Empty: none, or 80 with `letsencrypt`
        /// if it is free. Not opened either where SERVER_PORT is not HTTPS_PORT
        /// (the proxy in front does it), where it is the same as SERVER_PORT (which speaks both), or with FORCE_PLAIN_HTTP.
        http_port: Option<u16> = "HTTP_PORT", "", value::optional_port;
        /// TCP port for HTTP, HTTPS, WS and WSS; 0: any free one. Not set: HTTPS_PORT, if that is set.
        server_port: u16 = "SERVER_PORT", "4443", value::any_port;
        /// Address to listen on; `::` is every IPv6 and IPv4 address.
        madang_listen: IpAddr = "MADANG_LISTEN", "::", value::listen_address;
        /// The one UDP port for media; 0: any free one.
        madang_udp_port: u16 = "MADANG_UDP_PORT", "40000", value::any_port;
        /// How many threads carry media, 64 at most; 0: one for each core. Each has sessions of its own, and large sessions are in
        /// several.
        madang_workers: u16 = "MADANG_WORKERS", "0", value::workers;
        /// How many streams, sent and received, the participants of one session have in one of these threads before further
        /// participants go to another one that has less to do.
        madang_session_span: u32 = "MADANG_SESSION_SPAN", "200", value::natural;
        /// Whether each subscriber gets as good a picture as its network carries; `false`: always the best one.
        madang_adaptation: bool = "MADANG_ADAPTATION", "true", value::boolean;
        /// Whether clients that can (Chromium, Safari) are asked to send sound with each frame twice (RED), some 30 kbit/s more:
        /// what is lost on the way here is put back, and subscribers get the second ones, too, while their networks lose packets.
        madang_audio_redundancy: bool = "MADANG_AUDIO_REDUNDANCY", "true", value::boolean;
        /// In sessions with more publishers than this, each client gets the pictures of so many at a time: those who spoke last,
        /// shared screens, and what is pinned for it. 255 at most; 0: of all. `lastN` of a session or a connection says otherwise
        /// (docs/rest-api.md).
        madang_last_n: u8 = "MADANG_LAST_N", "0", value::speakers;
        /// The same of sound: each client hears so many at a time, the loudest. 3 are as many as can be understood. `loudest` of a
        /// session or a connection says otherwise.
        madang_loudest: u8 = "MADANG_LOUDEST", "0", value::speakers;
        /// Addresses offered to clients for media, instead of those that are found (docs/network.md).
        madang_media_addresses: Addresses = "MADANG_MEDIA_ADDRESSES", "", value::addresses;
        /// STUN servers that are asked for the public addresses of this machine: a list of `host:port`; needed only if
        /// DOMAIN_OR_PUBLIC_IP does not lead to them and MADANG_MEDIA_ADDRESSES does not say. Whoever runs one learns that this
        /// server exists.
        madang_stun_servers: Vec<StunServer> = "MADANG_STUN_SERVERS", "", value::stun_servers;
        /// Whether clients that cannot use UDP are offered the TCP port for media: `auto`, `off`, or the port that leads to it
        /// from outside. `auto`: SERVER_PORT, unless HTTPS_PORT says that something else stands in front, which may not
        /// let anything but HTTP through.
        madang_ice_tcp: IceTcp = "MADANG_ICE_TCP", "auto", value::ice_tcp;
        /// `lite` for a server that clients can reach, `full` for one behind an unknown NAT.
        madang_ice: IceMode = "MADANG_ICE", "lite", value::ice_mode;
        /// ICE servers for every connection without its own: a list of `url=turn:h:p,username=u,credential=c`,
        /// `url=turn:h:p,staticAuthSecret=s` or `url=stun:h:p`. Empty: this server's own TURN, which is off otherwise.
        openvidu_webrtc_ice_servers: Vec<RequestedIceServer> = "OPENVIDU_WEBRTC_ICE_SERVERS", "[]", value::ice_servers, secret;
        /// What addresses of this machine are called outside of a 1:1 NAT: a list of `private:public`, IPv6 in brackets.
        /// Media is offered at the public ones.
        media_nodes_public_ips: Vec<PublicAddress> = "MEDIA_NODES_PUBLIC_IPS", "[]", address::public_addresses;
        /// Public URLs begin with http and ws instead of https and wss.
        force_plain_http: bool = "FORCE_PLAIN_HTTP", "false", value::boolean;
        /// Folder for what the server keeps, such as its certificate.
        madang_data_dir: PathBuf = "MADANG_DATA_DIR", ".madang", value::path;
    }
    "Certificate" {
        /// `selfsigned`: made here, see `/trust`. `owncert`: the files in MADANG_OWNCERT_DIR. `letsencrypt`: got from Let's
        /// Encrypt and renewed; port 443 or 80 of DOMAIN_OR_PUBLIC_IP must lead to this server.
        certificate_type: CertificateType = "CERTIFICATE_TYPE", "selfsigned", value::certificate_type;
        /// Folder of `certificate.cert` (with the certificates that signed it) and `certificate.key`, PEM. They are read anew
        /// when they change.
        madang_owncert_dir: PathBuf = "MADANG_OWNCERT_DIR", "owncert", value::path;
        /// Whom Let's Encrypt writes to when something is wrong with a certificate.
        letsencrypt_email: String = "LETSENCRYPT_EMAIL", super::EMAIL_PLACEHOLDER, value::text;
        /// Another ACME authority than Let's Encrypt: the address of its directory.
        madang_acme_directory: String = "MADANG_ACME_DIRECTORY", "https://acme-v02.api.letsencrypt.org/directory", value::url;
        /// File of the certificate (PEM) that this authority's own address is signed by. Empty: those that browsers trust.
        madang_acme_root: String = "MADANG_ACME_ROOT", "", value::text;
        /// Whether this server speaks TLS.
        server_ssl_enabled: bool = "SERVER_SSL_ENABLED", "true", value::boolean => ONE_PORT;
        /// Lets a certificate of `letsencrypt` hold `www.` before the public name, too.
        redirect_www: bool = "REDIRECT_WWW", "false", value::boolean;
    }
    "Access" {
        /// Password of the REST API (user OPENVIDUAPP).
        openvidu_secret: Secret = "OPENVIDU_SECRET", "MY_SECRET", value::secret, secret;
        /// Who may use the REST API: addresses and ranges such as `198.51.100.0/24`, separated by commas; others are
        /// answered 403. Those of ALLOWED_ACCESS_TO_DASHBOARD, this machine and its private networks always may. Whom a
        /// proxy speaks for is believed of MADANG_TRUSTED_PROXIES only. Empty or `all`: everybody.
        allowed_access_to_restapi: AccessList = "ALLOWED_ACCESS_TO_RESTAPI", "", address::access_list;
        /// Who may use the dashboard, in the same form; nobody is added to this list.
        allowed_access_to_dashboard: AccessList = "ALLOWED_ACCESS_TO_DASHBOARD", "", address::access_list;
        /// Proxies that are believed when they say whom they speak for (`X-Real-IP`, `X-Forwarded-For`, `X-Forwarded-Proto`,
        /// `X-Forwarded-Host`, `X-Forwarded-Port`, `X-Forwarded-Ssl`, `X-Scheme`, `Forwarded`): addresses and ranges, `loopback`,
        /// `private` (all private networks) or `none`, separated by commas. A proxy in a container comes from its bridge, such as
        /// `172.18.0.0/16`: the log names it. Whoever can send from such an address can claim any other.
        madang_trusted_proxies: TrustedProxies = "MADANG_TRUSTED_PROXIES", "loopback", address::trusted_proxies;
        /// Lets other machines use the REST API although OPENVIDU_SECRET is `MY_SECRET`, which everybody knows: for development
        /// in a network of your own. Without it that secret counts from this machine only.
        madang_allow_my_secret: bool = "MADANG_ALLOW_MY_SECRET", "false", value::boolean;
        /// Refuses pages of custom layouts, webhooks and targets of broadcasts whose address is of this machine, of a private network or of
        /// a link. Off: applications commonly live there; on: whoever has the secret cannot make this server ask inside for anything.
        madang_refuse_private_targets: bool = "MADANG_REFUSE_PRIVATE_TARGETS", "false", value::boolean;
        /// Marks a server for development: it says at the start that it is not for production.
        openvidu_dev: bool = "OPENVIDU_DEV", "false", value::boolean;
        /// Whether `/` offers a call to everybody who can reach it, and with which page: `true` is the one in the program,
        /// an absolute path the folder of one of your own (docs/call-page.md).
        madang_call_page: CallPage = "MADANG_CALL_PAGE", "true", value::call_page;
        /// Whether clients find virtual backgrounds here (`publisher.applyFilter("VB:blur")`; docs/virtual-background.md). Tokens then
        /// end in `&edition=pro`, without which openvidu-browser does not look for them.
        madang_virtual_background: bool = "MADANG_VIRTUAL_BACKGROUND", "true", value::boolean;
        /// Whether clients of WHIP and WHEP may publish into and play from sessions with the token of a connection (docs/whip.md).
        madang_whip: bool = "MADANG_WHIP", "true", value::boolean;
        /// Whether `/openvidu/doctor` lets everybody who can reach it try the ways from its browser to this server.
        madang_doctor_page: bool = "MADANG_DOCTOR_PAGE", "true", value::boolean;
        /// How many WebSockets of one address may be open without having joined a session.
        madang_unjoined_sockets: u32 = "MADANG_UNJOINED_SOCKETS", "1000", value::natural;
    }
    "Dashboard" {
        /// Whether `/dashboard` shows sessions and why something is wrong in them, to who has the secret
        /// (docs/dashboard.md).
        madang_dashboard: bool = "MADANG_DASHBOARD", "true", value::boolean;
        /// How many days the stories of sessions that have ended are kept, in MADANG_DATA_DIR; 0: not at all.
        madang_history_days: u32 = "MADANG_HISTORY_DAYS", "30", value::natural;
        /// How many megabytes of them are kept at most, the latest.
        madang_history_megabytes: u32 = "MADANG_HISTORY_MEGABYTES", "200", value::natural;
    }
    "Compatibility" {
        /// Where answers differ between versions of OpenVidu. `clear`: keys for the newest clients, and each mistake has its
        /// own status (404 unknown path, 405 wrong method, 400 unreadable body or query, 406, 415). `2.32`: 403 without a
        /// body for all of these, as that version answers. `2.20`: VP8 is shown for MEDIA_SERVER_PREFERRED, which
        /// openvidu-java-client 2.20 does not know. What requests tell about their client is followed in any case.
        madang_compatibility: Compatibility = "MADANG_COMPATIBILITY", "clear", value::compatibility;
        /// Serves the paths from before 2.16 (`/api/…`, `/config`, `/cdr`, `/recordings/…`, `/layouts/custom/…`, `/info`,
        /// `/accept-certificate`) besides those below `/openvidu`. Off, as in deployments since 2.23.
        support_deprecated_api: bool = "SUPPORT_DEPRECATED_API", "false", value::boolean;
    }
    "Streams" {
        /// Which dialect clients are told to speak: with `mediasoup` the server makes the offers and publishers may send
        /// simulcast, with `kurento` clients make the offers.
        openvidu_enterprise_media_server: MediaServer = "OPENVIDU_ENTERPRISE_MEDIA_SERVER", "mediasoup", value::word;
        /// Whether publishers send simulcast unless they say otherwise (with `mediasoup` only).
        openvidu_webrtc_simulcast: bool = "OPENVIDU_WEBRTC_SIMULCAST", "false", value::boolean;
        /// Video codec of sessions that do not choose one. Nothing is ever transcoded: MEDIA_SERVER_PREFERRED means VP8
        /// where the publisher has it, else what it has.
        openvidu_streams_forced_video_codec: ForcedVideoCodec = "OPENVIDU_STREAMS_FORCED_VIDEO_CODEC", "MEDIA_SERVER_PREFERRED", value::word;
        /// Lets clients without the forced codec publish what they have.
        openvidu_streams_allow_transcoding: bool = "OPENVIDU_STREAMS_ALLOW_TRANSCODING", "false", value::boolean;
        /// kbit/s of video from a client to the server, for each stream; 0: unlimited. Of simulcast, the best layer; smaller ones may
        /// take three quarters of it on top, 750 at most. Replaced by `videoMaxRecvBandwidth` of a connection's `kurentoOptions`, as the
        /// next ones are by theirs. Sound is never limited.
        openvidu_streams_video_max_recv_bandwidth: u32 = "OPENVIDU_STREAMS_VIDEO_MAX_RECV_BANDWIDTH", "1000", value::natural;
        /// kbit/s of video from a client to the server: a client is not asked for less, whoever watches. A narrow network may carry less.
        openvidu_streams_video_min_recv_bandwidth: u32 = "OPENVIDU_STREAMS_VIDEO_MIN_RECV_BANDWIDTH", "300", value::natural;
        /// kbit/s of video from the server to a client, for each stream; 0: unlimited. It chooses among the layers that a publisher sends
        /// (with MADANG_ADAPTATION); the smallest one is sent whatever it takes, and no publisher is asked for less because of it.
        openvidu_streams_video_max_send_bandwidth: u32 = "OPENVIDU_STREAMS_VIDEO_MAX_SEND_BANDWIDTH", "1000", value::natural;
        /// kbit/s of video from the server to a client, for each stream: layers up to this are sent until the client's network is found
        /// not to carry them.
        openvidu_streams_video_min_send_bandwidth: u32 = "OPENVIDU_STREAMS_VIDEO_MIN_SEND_BANDWIDTH", "300", value::natural;
        /// Tells everybody in a session how good the network of each publisher is, first and whenever it changes
        /// (`networkQualityLevelChanged`; docs/monitoring.md).
        openvidu_pro_network_quality: bool = "OPENVIDU_PRO_NETWORK_QUALITY", "false", value::boolean;
        /// Seconds between two ratings of a publisher's network, 1 to 3600.
        openvidu_pro_network_quality_interval: u32 = "OPENVIDU_PRO_NETWORK_QUALITY_INTERVAL", "5", value::rating_interval;
    }
    "TURN" {
        /// Address of the TURN server that clients are told: IPv4 or IPv6, or `auto-ipv4`, `auto-ipv6`. Empty: that of this
        /// server, which has one inside. An address together with COTURN_SHARED_SECRET_KEY names another one, and the one
        /// inside is off.
        coturn_ip: TurnAddress = "COTURN_IP", "", address::turn_address;
        /// Its port, for UDP; 0: any free one. Clients 2.20 look for it at 3478 only. The same as MADANG_UDP_PORT: one port for
        /// both, through which Chromium then always takes the relay.
        coturn_port: u16 = "COTURN_PORT", "3478", value::turn_port;
        /// What its users' passwords are made from. Empty: a secret made at the first start and kept.
        coturn_shared_secret_key: Secret = "COTURN_SHARED_SECRET_KEY", "", value::hidden, secret;
        /// Whether it relays to private addresses.
        coturn_internal_relay: bool = "COTURN_INTERNAL_RELAY", "false", value::boolean => "the relay leads to this server's own media and nowhere else";
        /// How many clients' ways through the relay may be open at a time; each peer connection of a client opens some. 0: no
        /// relay.
        madang_turn_allocations: u32 = "MADANG_TURN_ALLOCATIONS", "50000", value::natural;
        /// The same for one client.
        madang_turn_client_allocations: u32 = "MADANG_TURN_CLIENT_ALLOCATIONS", "500", value::natural;
    }
    "Sessions" {
        /// Seconds between collections of sessions that nobody joined; 0: never.
        openvidu_sessions_garbage_interval: u32 = "OPENVIDU_SESSIONS_GARBAGE_INTERVAL", "900", value::natural;
        /// Age in seconds at which a session that nobody joined is removed.
        openvidu_sessions_garbage_threshold: u32 = "OPENVIDU_SESSIONS_GARBAGE_THRESHOLD", "3600", value::natural;
        /// For how many seconds somebody who lost the network, and was put out ten seconds later, comes back into the session
        /// without joining anew; and for how long one whose media goes on is not put out. 0: not at all.
        madang_return_window: u32 = "MADANG_RETURN_WINDOW", "180", value::natural;
    }
    "Events" {
        /// Writes every event to a file in OPENVIDU_CDR_PATH.
        openvidu_cdr: bool = "OPENVIDU_CDR", "false", value::boolean;
        /// Folder of the event files.
        openvidu_cdr_path: PathBuf = "OPENVIDU_CDR_PATH", "/opt/openvidu/cdr", value::path;
        /// Sends events to OPENVIDU_WEBHOOK_ENDPOINT.
        openvidu_webhook: bool = "OPENVIDU_WEBHOOK", "false", value::boolean;
        /// Where events are sent by POST.
        openvidu_webhook_endpoint: Secret = "OPENVIDU_WEBHOOK_ENDPOINT", "", value::hidden, secret;
        /// Whose certificate the receiver may show if its address begins with https: one of an authority that browsers trust,
        /// or of one in this PEM file, too (a receiver that signed its own: that certificate). `none`: any, as OpenVidu took
        /// it.
        madang_webhook_authority: String = "MADANG_WEBHOOK_AUTHORITY", "", value::text;
        /// Headers of these requests: a list of `Name: Value`.
        openvidu_webhook_headers: TextList = "OPENVIDU_WEBHOOK_HEADERS", "[]", value::list, secret;
        /// Which events are sent. `cameraStateChanged`, which OpenVidu does not know, is told nowhere, the CDR included, unless it
        /// stands here.
        openvidu_webhook_events: Vec<EventName> = "OPENVIDU_WEBHOOK_EVENTS", "[sessionCreated,sessionDestroyed,participantJoined,participantLeft,webrtcConnectionCreated,webrtcConnectionDestroyed,recordingStatusChanged,filterEventDispatched,signalSent,mediaNodeStatusChanged,autoscaling,nodeCrashed,nodeRecovered,broadcastStarted,broadcastStopped]", value::events;
    }
    "Traces" {
        /// Base address of an OpenTelemetry collector that gets a trace of each connection; `/v1/traces` is added to it, as by
        /// OpenTelemetry's own libraries (docs/monitoring.md). Empty: there are no traces.
        otel_exporter_otlp_endpoint: String = "OTEL_EXPORTER_OTLP_ENDPOINT", "", value::optional_url;
        /// How it is spoken with: this is the only way.
        otel_exporter_otlp_protocol: String = "OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", value::otlp_protocol;
        /// Headers of these requests, such as a collector's key: `name=value`, with commas between them and what is special in values
        /// as in addresses (`%20`).
        otel_exporter_otlp_headers: Secret = "OTEL_EXPORTER_OTLP_HEADERS", "", value::hidden, secret;
        /// The PEM file of the authority that has signed the collector's certificate. Empty: one that browsers trust.
        otel_exporter_otlp_certificate: String = "OTEL_EXPORTER_OTLP_CERTIFICATE", "", value::text;
        /// As which service this server stands in traces.
        otel_service_name: String = "OTEL_SERVICE_NAME", "madang", value::named;
    }
    "Recording" {
        /// Records sessions.
        openvidu_recording: bool = "OPENVIDU_RECORDING", "false", value::boolean;
        /// Lets the recorder tell more.
        openvidu_recording_debug: bool = "OPENVIDU_RECORDING_DEBUG", "false", value::boolean => NO_RECORDER;
        /// Version of the recorder.
        openvidu_recording_version: String = "OPENVIDU_RECORDING_VERSION", COMPATIBLE_VERSION, value::text => NO_RECORDER;
        /// Container image of the recorder, as `image:tag`.
        openvidu_recording_image: String = "OPENVIDU_RECORDING_IMAGE", "", value::docker_image => NO_RECORDER;
        /// Folder of the recordings; it is made if it is missing, and must be writable.
        openvidu_recording_path: PathBuf = "OPENVIDU_RECORDING_PATH", "/opt/openvidu/recordings", value::path;
        /// Folders with files that may be played as cameras (`file:`), beside OPENVIDU_RECORDING_PATH: a list of absolute paths.
        madang_camera_folders: Vec<PathBuf> = "MADANG_CAMERA_FOLDERS", "", value::folders;
        /// Whether recordings can be fetched without a password.
        openvidu_recording_public_access: bool = "OPENVIDU_RECORDING_PUBLIC_ACCESS", "false", value::boolean;
        /// Who is told in the browser that a recording began or ended: `none`, `moderator`, `publisher_moderator` or `all`.
        openvidu_recording_notification: RecordingNotification = "OPENVIDU_RECORDING_NOTIFICATION", "publisher_moderator", value::word;
        /// Folder of the pages for recordings with a custom layout, served at `/openvidu/layouts`.
        openvidu_recording_custom_layout: PathBuf = "OPENVIDU_RECORDING_CUSTOM_LAYOUT", "/opt/openvidu/custom-layout", value::path;
        /// Seconds from the last participant's leaving to the recording's end; 0: none.
        openvidu_recording_autostop_timeout: u32 = "OPENVIDU_RECORDING_AUTOSTOP_TIMEOUT", "120", value::natural;
        /// How many streams may be recorded at a time; a recording counts as one at least. Starts beyond it are answered
        /// 503, and streams that join a recording beyond it are left out.
        madang_recorded_streams: u32 = "MADANG_RECORDED_STREAMS", "500", value::natural;
        /// How many recordings may be composed at a time. Starts beyond it are answered 503.
        madang_compositions: u32 = "MADANG_COMPOSITIONS", "4", value::natural;
        /// How much live work with media there may be at a time: filters, cameras, broadcasts, speech to text and transcoding, each in
        /// a process of its own.
        madang_jobs: u32 = "MADANG_JOBS", "8", value::natural;
        /// The folder with the pictures that filters may draw (`gdkpixbufoverlay`, FaceOverlayFilter, ImageOverlayFilter,
        /// ChromaFilter), which the helper programs must be able to read; empty: none. Filters read nothing else.
        madang_filter_images: String = "MADANG_FILTER_IMAGES", "", value::text;
        /// Whether composed recordings, and broadcasts, say who is who: each one's name, and whether the microphone or the camera is off.
        madang_recording_captions: bool = "MADANG_RECORDING_CAPTIONS", "false", value::boolean;
        /// The language of the subtitles that recordings get which do not ask for any (docs/recording.md), one of those that
        /// OPENVIDU_PRO_SPEECH_TO_TEXT recognises; empty: none.
        madang_recording_subtitles: String = "MADANG_RECORDING_SUBTITLES", "", value::text;
        /// The program that composes recordings and works with live media; empty: `madang-transcoder` beside this one, or in the PATH.
        madang_transcoder: String = "MADANG_TRANSCODER", "", value::text;
        /// The browser that records custom layouts; empty: `chromium`, `chromium-browser`, `google-chrome-stable` or
        /// `google-chrome` in the PATH.
        madang_chromium: String = "MADANG_CHROMIUM", "", value::text;
        /// As whom the transcoder and that browser run: a user's name, `uid:gid`, or empty for whoever runs this server. A server
        /// that runs as root starts neither until this says whom, such as `nobody`, or `root` if that is meant. That user must
        /// be able to reach OPENVIDU_RECORDING_PATH and MADANG_DATA_DIR; the folders of recordings become its own.
        madang_helper_user: String = "MADANG_HELPER_USER", "", value::text;
        /// Where that browser finds this server; empty: at its public address, by way of this machine alone.
        openvidu_recording_composed_url: String = "OPENVIDU_RECORDING_COMPOSED_URL", "", value::optional_url;
        /// Whether the password is part of the address of a custom layout.
        openvidu_recording_composed_basicauth: bool = "OPENVIDU_RECORDING_COMPOSED_BASICAUTH", "true", value::boolean;
        /// Where finished recordings are kept: `local`, or `s3` for a bucket. They grow in OPENVIDU_RECORDING_PATH either way.
        openvidu_pro_recording_storage: RecordingStorage = "OPENVIDU_PRO_RECORDING_STORAGE", "local", value::recording_storage;
        /// Name of the bucket, and after a slash a folder in it.
        openvidu_pro_aws_s3_bucket: String = "OPENVIDU_PRO_AWS_S3_BUCKET", "", value::text;
        /// Headers of every new object in it, as a JSON object.
        openvidu_pro_aws_s3_headers: Secret = "OPENVIDU_PRO_AWS_S3_HEADERS", "{}", value::headers, secret;
        /// Address of a service that is not Amazon's (MinIO, Ceph…).
        openvidu_pro_aws_s3_service_endpoint: String = "OPENVIDU_PRO_AWS_S3_SERVICE_ENDPOINT", "", value::optional_url;
        /// The bucket's name comes in the path, not in the host name; most services that are not Amazon's want this.
        openvidu_pro_aws_s3_with_path_style_access: bool = "OPENVIDU_PRO_AWS_S3_WITH_PATH_STYLE_ACCESS", "false", value::boolean;
        /// Where the bucket is.
        openvidu_pro_aws_region: String = "OPENVIDU_PRO_AWS_REGION", "", value::text;
        /// As whom it is used; without, as this machine (an instance's role).
        openvidu_pro_aws_access_key: Secret = "OPENVIDU_PRO_AWS_ACCESS_KEY", "", value::hidden, secret;
        /// Its secret.
        openvidu_pro_aws_secret_key: Secret = "OPENVIDU_PRO_AWS_SECRET_KEY", "", value::hidden, secret;
        /// Whether recordings stay in OPENVIDU_RECORDING_PATH, too, once they are in the bucket.
        madang_recording_local_copy: bool = "MADANG_RECORDING_LOCAL_COPY", "false", value::boolean;
        /// Lets the recorder use a GPU.
        openvidu_recording_enable_gpu: bool = "OPENVIDU_RECORDING_ENABLE_GPU", "false", value::boolean => NO_RECORDER;
    }
    "Broadcasts" {
        /// How many streams may be in one broadcast: they are decoded as they come, which takes a machine's time. Those that were
        /// published first are in it.
        madang_broadcast_streams: u32 = "MADANG_BROADCAST_STREAMS", "24", value::natural;
        /// Seconds for which a broadcast tries to reach a target that went away. Then it stops.
        madang_broadcast_patience: u32 = "MADANG_BROADCAST_PATIENCE", "60", value::natural;
    }
    "Speech to text" {
        /// What recognises speech (docs/speech-to-text.md): `vosk` for the servers of MADANG_VOSK_SERVERS, `aws` for Amazon Transcribe
        /// (with OPENVIDU_PRO_AWS_REGION, OPENVIDU_PRO_AWS_ACCESS_KEY and OPENVIDU_PRO_AWS_SECRET_KEY), `azure` for Azure's speech
        /// service (with OPENVIDU_PRO_SPEECH_TO_TEXT_AZURE_REGION and OPENVIDU_PRO_SPEECH_TO_TEXT_AZURE_KEY), or `disabled`.
        openvidu_pro_speech_to_text: SpeechToText = "OPENVIDU_PRO_SPEECH_TO_TEXT", "disabled", value::speech_engine;
        /// The servers that recognise speech, one for each language: a list of `language=address`, such as
        /// `[en-US=ws://127.0.0.1:2700,fr-FR=wss://vosk.example.org/fr]`. They speak Vosk's WebSocket protocol; the language is what
        /// clients ask for, any name.
        madang_vosk_servers: VoskServers = "MADANG_VOSK_SERVERS", "[]", value::vosk_servers;
        /// Which languages can be listened to: `on_demand`: all of them; `manual`: those that the application has loaded by REST.
        openvidu_pro_speech_to_text_vosk_model_load_strategy: ModelLoadStrategy = "OPENVIDU_PRO_SPEECH_TO_TEXT_VOSK_MODEL_LOAD_STRATEGY", "on_demand", value::model_load_strategy;
        /// Where the resource of Azure's speech service is: `westeurope` and the like.
        openvidu_pro_speech_to_text_azure_region: String = "OPENVIDU_PRO_SPEECH_TO_TEXT_AZURE_REGION", "", value::text;
        /// One of the resource's keys.
        openvidu_pro_speech_to_text_azure_key: Secret = "OPENVIDU_PRO_SPEECH_TO_TEXT_AZURE_KEY", "", value::hidden, secret;
        /// Where Azure's speech service is reached, such as `wss://speech.example.org`; empty: at the service of the region.
        madang_azure_speech_endpoint: String = "MADANG_AZURE_SPEECH_ENDPOINT", "", value::optional_web_socket_url;
        /// Where Amazon Transcribe is reached, such as `wss://transcribe.example.org:8443`; empty: at the service of the region.
        madang_transcribe_endpoint: String = "MADANG_TRANSCRIBE_ENDPOINT", "", value::optional_web_socket_url;
    }
    "Media servers" {
        /// Addresses of the original's media servers.
        kms_uris: TextList = "KMS_URIS", r#"["ws://localhost:8888/kurento"]"#, value::web_socket_urls => NO_MEDIA_SERVER;
    }
    "Installation" {
        /// Whether `./openvidu start` and `restart` go on to show the log, until Ctrl+C, instead of returning.
        follow_openvidu_logs: bool = "FOLLOW_OPENVIDU_LOGS", "false", value::boolean;
        /// Room for the log that `./openvidu start` keeps where there is no systemd: bytes, or with `k`, `M` or `G`.
        docker_logs_max_size: u64 = "DOCKER_LOGS_MAX_SIZE", "100M", value::size;
    }
}

/// A setting of the original that has no effect here; accepted, so that its `.env` starts this server unchanged.
#[derive(Clone, Copy, Debug)]
pub struct Ignored {
    /// Name, or the beginning of names when it ends in `*`.
    pub name: &'static str,
    /// Why it has none.
    pub why: &'static str,
}

const NO_MEDIA_SERVER: &str = "there is no separate media server";
const ONE_PORT: &str = "one port speaks both plain HTTP and TLS";
const ONE_UDP_PORT: &str = "all media shares the port MADANG_UDP_PORT";
const NO_RELAY_PORTS: &str = "no port range is needed for relaying";
const NO_CALL: &str = "the call page has MADANG_CALL_PAGE only";
const NO_RECORDER: &str = "there is no recorder in a container";
const TURN_INSIDE: &str = "a TURN server is inside; another one is named by COTURN_IP and COTURN_SHARED_SECRET_KEY";
const NO_PROXY: &str = "there is no proxy in front that this could configure";
const NO_CLUSTER: &str = "this server is a single node";
const NO_ELASTIC: &str = "there is no Elasticsearch";
const LATER_PRO: &str = "this is not available yet";
const NO_LICENCE: &str = "no licence is needed";

/// Longest prefix first where two match.
pub const IGNORED: &[Ignored] = &[
    Ignored { name: "HTTPS_PROTOCOLS", why: NO_PROXY },
    Ignored { name: "HTTPS_CIPHERS", why: NO_PROXY },
    Ignored { name: "HTTPS_HSTS", why: NO_PROXY },
    Ignored { name: "WORKER_CONNECTIONS", why: NO_PROXY },
    Ignored { name: "CLIENT_MAX_BODY_SIZE", why: NO_PROXY },
    Ignored { name: "XFRAME_SAMEORIGIN", why: NO_PROXY },
    Ignored { name: "PROXY_PUBLIC_IP", why: NO_PROXY },
    Ignored { name: "KMS_IMAGE", why: NO_MEDIA_SERVER },
    Ignored { name: "KMS_MIN_PORT", why: ONE_UDP_PORT },
    Ignored { name: "KMS_MAX_PORT", why: ONE_UDP_PORT },
    Ignored { name: "KMS_STUN_IP", why: NO_MEDIA_SERVER },
    Ignored { name: "KMS_STUN_PORT", why: NO_MEDIA_SERVER },
    Ignored { name: "KMS_TURN_URL", why: NO_MEDIA_SERVER },
    Ignored { name: "KMS_DOCKER_ENV_*", why: NO_MEDIA_SERVER },
    Ignored { name: "MEDIASOUP_IMAGE", why: NO_MEDIA_SERVER },
    Ignored { name: "COTURN_MIN_PORT", why: NO_RELAY_PORTS },
    Ignored { name: "COTURN_MAX_PORT", why: NO_RELAY_PORTS },
    Ignored { name: "JAVA_OPTIONS", why: "there is no Java" },
    Ignored { name: "OV_CE_DEBUG_LEVEL", why: "use RUST_LOG=debug" },
    Ignored { name: "CALL_OPENVIDU_CERTTYPE", why: NO_CALL },
    Ignored { name: "CALL_PRIVATE_ACCESS", why: NO_CALL },
    Ignored { name: "CALL_USER", why: NO_CALL },
    Ignored { name: "CALL_SECRET", why: NO_CALL },
    Ignored { name: "CALL_ADMIN_SECRET", why: NO_CALL },
    Ignored { name: "CALL_RECORDING", why: NO_CALL },
    Ignored { name: "CALL_BROADCAST", why: NO_CALL },
    Ignored { name: "CALL_CAPTIONS", why: "the call page has captions where speech is recognised" },
    Ignored { name: "OPENVIDU_PRO_LICENSE", why: NO_LICENCE },
    Ignored { name: "OPENVIDU_PRO_LICENSE_*", why: NO_LICENCE },
    Ignored { name: "OPENVIDU_EDITION", why: "there is one edition" },
    Ignored { name: "OPENVIDU_PRO_CLUSTER_*", why: NO_CLUSTER },
    Ignored { name: "OPENVIDU_PRO_ELASTICSEARCH*", why: NO_ELASTIC },
    Ignored { name: "OPENVIDU_PRO_KIBANA*", why: NO_ELASTIC },
    Ignored { name: "ELASTICSEARCH_*", why: NO_ELASTIC },
    Ignored {
        name: "OPENVIDU_PRO_SPEECH_TO_TEXT_IMAGE",
        why: "speech is recognised by the servers of MADANG_VOSK_SERVERS",
    },
    Ignored { name: "OPENVIDU_PRO_*", why: LATER_PRO },
    Ignored { name: "OPENVIDU_ENTERPRISE_*", why: NO_CLUSTER },
    Ignored { name: "OPENVIDU_BROWSER_LOGS", why: LATER_PRO },
    Ignored { name: "RM_*", why: NO_CLUSTER },
    Ignored { name: "TURN_DOMAIN_NAME", why: TURN_INSIDE },
    Ignored { name: "TURN_STATIC_AUTH_SECRET", why: TURN_INSIDE },
];

/// Why `name` has no effect, if it is one of the original's settings and none of ours.
pub fn ignored(name: &str) -> Option<&'static str> {
    let ours = KEYS.iter().any(|key| key.name == name);
    let matches = |row: &&Ignored| match row.name.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == row.name,
    };
    IGNORED.iter().find(matches).filter(|_| !ours).map(|row| row.why)
}

/// Read before all others: where the `.env` file is.
const FOLDER: &str = "DOTENV_PATH";

/// Whether anything is known of `name`.
pub(super) fn is_known(name: &str) -> bool {
    name == FOLDER || KEYS.iter().any(|key| key.name == name) || ignored(name).is_some()
}

/// Every known name, but for those known by their beginning.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let ignored = IGNORED.iter().map(|row| row.name).filter(|name| !name.ends_with('*'));
    KEYS.iter().map(|key| key.name).chain(ignored).chain([FOLDER])
}
