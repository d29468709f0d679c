//! `POST …/connection`, `PATCH …/connection/{id}` and the deprecated `POST /tokens`.
//!
//! In `kurentoOptions`, numbers lose their fraction, a number may stand in quotes, and filters may be anything that can be
//! written as a text.

use serde_json::{Number, Value};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::super::schema::{any_of, one, optional, optional_object, word};
use super::body::{Body, Fields, InvalidParameter, narrow, whole, written};
use super::ice::{RequestedIceServer, ice_server_schema, ice_servers};
use super::speakers::{speaker_limits, with_speaker_limits};
use crate::id::StreamId;
use crate::model::{ConnectionProperties, ConnectionType, IceServer, KurentoOptions, Role};

/// The one kind that has a token.
const CLIENTS: &[&str] = &[ConnectionType::WebRtc.as_str()];

/// Which kind of connection is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NewConnection {
    /// For a browser or SDK.
    WebRtc(WebRtcConnection),
    /// A camera for the server to fetch.
    IpCam(IpCamera),
}

/// [`ConnectionProperties`] but for the ICE servers, which may need credentials first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebRtcConnection {
    properties: ConnectionProperties,
    ice_servers: Vec<RequestedIceServer>,
}

impl WebRtcConnection {
    /// `complete` gives each server what clients are shown.
    pub fn into_properties(self, complete: impl FnMut(RequestedIceServer) -> IceServer) -> ConnectionProperties {
        ConnectionProperties {
            custom_ice_servers: self.ice_servers.into_iter().map(complete).collect(),
            ..self.properties
        }
    }
}

/// A camera and how to treat it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IpCamera {
    /// `serverData`.
    pub data: String,
    /// Whether individual recordings take its stream.
    pub record: bool,
    /// Valid, with a scheme that can be fetched.
    pub rtsp_uri: String,
    /// Whether its bit rate follows the network.
    pub adaptative_bitrate: bool,
    /// Fetch it while somebody watches only.
    pub only_play_with_subscribers: bool,
    /// ms.
    pub network_cache: i32,
}

/// What the connection shall be like.
pub fn connection(body: &Body) -> Result<NewConnection, InvalidParameter> {
    let fields = body.fields();
    let record = fields.boolean("record")?.unwrap_or(true);
    match fields.word("type")?.unwrap_or(ConnectionType::WebRtc) {
        ConnectionType::WebRtc => web_rtc(&fields, record).map(NewConnection::WebRtc),
        ConnectionType::IpCam => ip_camera(&fields, record).map(NewConnection::IpCam),
    }
}

/// The same for a token, which has no `record`.
pub fn token(body: &Body) -> Result<WebRtcConnection, InvalidParameter> {
    let fields = body.fields();
    match fields.word("type")?.unwrap_or(ConnectionType::WebRtc) {
        ConnectionType::WebRtc => web_rtc(&fields, true),
        ConnectionType::IpCam => Err(fields.invalid("type", "must be WEBRTC for a token")),
    }
}

/// What of a connection shall change.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RequestedChange {
    /// What it may do.
    pub role: Option<Role>,
    /// Whether individual recordings take its stream.
    pub record: Option<bool>,
    /// Pictures of so many speakers.
    pub last_n: Option<u8>,
    /// Sound of so many.
    pub loudest: Option<u8>,
    /// Streams that it gets in any case.
    pub pinned: Option<Vec<StreamId>>,
}

/// What shall change.
pub fn connection_update(body: &Body) -> Result<RequestedChange, InvalidParameter> {
    let fields = body.fields();
    let (last_n, loudest) = speaker_limits(&fields)?;
    let pinned = fields.array("pinned")?.map(|streams| {
        let streams = streams.iter().enumerate().map(|(index, stream)| {
            let stream = stream.as_str().map(StreamId::from);
            stream.ok_or_else(|| fields.invalid(&format!("pinned[{index}]"), "must be a string"))
        });
        streams.collect::<Result<_, _>>()
    });
    let (role, record) = (fields.word("role")?, fields.boolean("record")?);
    Ok(RequestedChange { role, record, last_n, loudest, pinned: pinned.transpose()? })
}

impl ToSchema for NewConnection {}

impl PartialSchema for NewConnection {
    fn schema() -> RefOr<Schema> {
        // With the other type nobody looks at them, whatever they are.
        let of_camera = |what: &str| {
            let description = format!("With type `IPCAM`: {what}");
            ObjectBuilder::new().schema_type(SchemaType::AnyValue).description(Some(description))
        };
        web_rtc_schema(ConnectionType::WORDS)
            .description(Some("What a connection shall be like. `null` counts as absent"))
            .property("record", optional(Type::Boolean, "Let individual recordings take its stream; `true` if absent"))
            .property("rtspUri", of_camera("a string, where it is: `rtsp:`, `rtsps:`, `http:`, `https:` or `file:`"))
            .property(
                "adaptativeBitrate",
                of_camera("a boolean, its pictures follow the networks of subscribers; `true` if absent"),
            )
            .property(
                "onlyPlayWithSubscribers",
                of_camera("a boolean, it is pulled only while somebody wants it; `true` if absent"),
            )
            .property(
                "networkCache",
                of_camera("a number, milliseconds by which packets of RTSP may come late; 2000 if absent"),
            )
            .into()
    }
}

/// The form of the body that [`token`] reads, for the OpenAPI document.
#[derive(Clone, Copy, Debug)]
pub enum NewToken {}

impl ToSchema for NewToken {}

impl PartialSchema for NewToken {
    fn schema() -> RefOr<Schema> {
        web_rtc_schema(CLIENTS)
            .description(Some("What a token shall be like. `null` counts as absent"))
            .property("session", String::schema())
            .required("session")
            .into()
    }
}

/// The form of the body that [`connection_update`] reads, for the OpenAPI document.
#[derive(Clone, Copy, Debug)]
pub enum ConnectionChange {}

impl ToSchema for ConnectionChange {}

impl PartialSchema for ConnectionChange {
    fn schema() -> RefOr<Schema> {
        let pinned = ArrayBuilder::new()
            .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
            .items(one(Type::String))
            .description(Some("Ids of streams that are forwarded to it whoever speaks"));
        let object = one(Type::Object)
            .description(Some("What shall change. What is absent or `null` stays"))
            .property("role", word(Role::WORDS, "What the connection may do"))
            .property("record", optional(Type::Boolean, "Let individual recordings take its stream"));
        with_speaker_limits(object, "Instead of what the session sets").property("pinned", pinned).into()
    }
}

fn web_rtc_schema(kinds: &'static [&'static str]) -> ObjectBuilder {
    let servers = ArrayBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
        .items(ice_server_schema())
        .description(Some("Instead of the server's own"));
    let object = one(Type::Object)
        .property("type", word(kinds, "`WEBRTC` if absent"))
        .property("role", word(Role::WORDS, "What the connection may do; `PUBLISHER` if absent"))
        .property("data", optional(Type::String, "`serverData`: what the application tells everybody about it"))
        .property("kurentoOptions", optional_object(kurento_options_schema(), "Bandwidth limits and filters"))
        .property("customIceServers", servers);
    with_speaker_limits(object, "If absent, what the session sets")
}

fn kurento_options_schema() -> ObjectBuilder {
    let bandwidth = |description: &str| {
        any_of([Type::Number, Type::String, Type::Null])
            .pattern(Some("^[+-]?[0-9]{1,9}$"))
            .description(Some(format!("kbit/s {description}; 0 for no limit. A number may stand in quotes")))
    };
    let filters = ArrayBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
        .items(any_of([Type::String, Type::Number, Type::Boolean]))
        .description(Some("Filter types the owner may apply"));
    one(Type::Object)
        .property("videoMaxRecvBandwidth", bandwidth("from the client to the server, at most"))
        .property("videoMinRecvBandwidth", bandwidth("from the client to the server, at least"))
        .property("videoMaxSendBandwidth", bandwidth("from the server to the client, at most"))
        .property("videoMinSendBandwidth", bandwidth("from the server to the client, at least"))
        .property("allowedFilters", filters)
}

fn web_rtc(fields: &Fields<'_>, record: bool) -> Result<WebRtcConnection, InvalidParameter> {
    let (last_n, loudest) = speaker_limits(fields)?;
    let properties = ConnectionProperties {
        role: fields.word("role")?.unwrap_or(Role::Publisher),
        data: fields.text("data")?.unwrap_or_default().to_owned(),
        record,
        kurento_options: fields.object("kurentoOptions")?.map(|fields| kurento_options(&fields)).transpose()?,
        custom_ice_servers: vec![],
        last_n,
        loudest,
        pinned: vec![],
    };
    Ok(WebRtcConnection { properties, ice_servers: ice_servers(fields)? })
}

fn kurento_options(fields: &Fields<'_>) -> Result<KurentoOptions, InvalidParameter> {
    let filters = fields.array("allowedFilters")?.unwrap_or_default().iter().enumerate().map(|(index, value)| {
        written(value).ok_or_else(|| fields.invalid(&format!("allowedFilters[{index}]"), "must be a string"))
    });
    Ok(KurentoOptions {
        video_max_recv_bandwidth: bandwidth(fields, "videoMaxRecvBandwidth")?,
        video_min_recv_bandwidth: bandwidth(fields, "videoMinRecvBandwidth")?,
        video_max_send_bandwidth: bandwidth(fields, "videoMaxSendBandwidth")?,
        video_min_send_bandwidth: bandwidth(fields, "videoMinSendBandwidth")?,
        allowed_filters: filters.collect::<Result<_, _>>()?,
    })
}

fn bandwidth(fields: &Fields<'_>, name: &str) -> Result<Option<i32>, InvalidParameter> {
    let number = |value: &Value| match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => text.parse::<i32>().ok().map(Number::from),
        _ => None,
    };
    let read = |value| number(value).ok_or_else(|| fields.invalid(name, "must be an integer"));
    Ok(fields.get(name).map(read).transpose()?.map(|number| narrow(whole(&number))))
}

fn ip_camera(fields: &Fields<'_>, record: bool) -> Result<IpCamera, InvalidParameter> {
    let rtsp_uri = fields.text("rtspUri")?.ok_or_else(|| fields.invalid("rtspUri", "is mandatory with type IPCAM"))?;
    if !is_camera_uri(rtsp_uri) {
        return Err(fields.invalid("rtspUri", "must be a URI with scheme rtsp, rtsps, http, https or file"));
    }
    Ok(IpCamera {
        data: fields.text("data")?.unwrap_or_default().to_owned(),
        record,
        rtsp_uri: rtsp_uri.to_owned(),
        adaptative_bitrate: fields.boolean("adaptativeBitrate")?.unwrap_or(true),
        only_play_with_subscribers: fields.boolean("onlyPlayWithSubscribers")?.unwrap_or(true),
        network_cache: fields.integer("networkCache")?.map_or(2000, narrow),
    })
}

/// RFC 3986 as far as its characters go; non-ASCII letters pass, as in the original.
fn is_camera_uri(uri: &str) -> bool {
    let Some(("rtsp" | "rtsps" | "http" | "https" | "file", rest)) = uri.split_once(':') else {
        return false;
    };
    let legal = |c: char| !c.is_control() && !c.is_whitespace() && !"\"<>\\^`{|}".contains(c);
    let escapes = |(at, _): (usize, &str)| {
        rest.as_bytes().get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    };
    !rest.is_empty() && rest.chars().all(legal) && rest.match_indices('%').all(escapes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::request::IceCredentials;

    fn read(body: &str) -> Result<NewConnection, String> {
        connection(&Body::optional(body.as_bytes()).unwrap()).map_err(|error| error.to_string())
    }

    fn properties(body: &str) -> ConnectionProperties {
        let Ok(NewConnection::WebRtc(connection)) = read(body) else { panic!("{body} is not a WEBRTC connection") };
        connection.into_properties(|server| match server.credentials {
            IceCredentials::None => IceServer { url: server.url, username: None, credential: None },
            IceCredentials::Given { username, credential } => {
                IceServer { url: server.url, username: Some(username), credential: Some(credential) }
            }
            IceCredentials::SharedSecret(secret) => {
                IceServer { url: server.url, username: Some("made up".into()), credential: Some(secret) }
            }
        })
    }

    #[test]
    fn without_parameters_it_is_a_publisher() {
        assert_eq!(properties(""), ConnectionProperties::default());
        let java = r#"{"type":null,"data":"","record":true,"role":"PUBLISHER","kurentoOptions":null,"session":"x",
            "customIceServers":[],"rtspUri":null,"adaptativeBitrate":null,"onlyPlayWithSubscribers":null,"networkCache":null}"#;
        assert_eq!(properties(java), ConnectionProperties::default());
    }

    #[test]
    fn kurento_options_forgive_what_the_original_forgives() {
        let options = |options: &str| properties(&format!("{{\"kurentoOptions\":{options}}}")).kurento_options.unwrap();
        assert_eq!(options("{}"), KurentoOptions::default());
        assert_eq!(
            options(r#"{"foo":1,"allowedFilters":null,"videoMinRecvBandwidth":null}"#),
            KurentoOptions::default()
        );
        assert_eq!(options(r#"{"videoMaxRecvBandwidth":10.7}"#).video_max_recv_bandwidth, Some(10));
        assert_eq!(options(r#"{"videoMinRecvBandwidth":"10"}"#).video_min_recv_bandwidth, Some(10));
        assert_eq!(options(r#"{"videoMaxSendBandwidth":-5}"#).video_max_send_bandwidth, Some(-5));
        assert_eq!(options(r#"{"allowedFilters":[5,"x"]}"#).allowed_filters, ["5", "x"]);
    }

    #[test]
    fn every_parameter_is_checked() {
        for (parameter, values) in [
            ("type", &["\"webrtc\"", "\"\"", "5"][..]),
            ("role", &["\"ADMIN\"", "\"\"", "5", "[]"]),
            ("data", &["5", "{}", "true"]),
            ("record", &["0", "\"true\""]),
            (
                "kurentoOptions",
                &[
                    "\"x\"",
                    "[]",
                    "5",
                    r#"{"videoMaxRecvBandwidth":"x"}"#,
                    r#"{"videoMaxRecvBandwidth":true}"#,
                    r#"{"videoMinSendBandwidth":"10.5"}"#,
                    r#"{"allowedFilters":"x"}"#,
                    r#"{"allowedFilters":[null]}"#,
                ],
            ),
            (
                "customIceServers",
                &[
                    "{}",
                    "\"x\"",
                    "[null]",
                    "[5]",
                    "[{}]",
                    r#"[{"url":null}]"#,
                    r#"[{"url":"http:a"}]"#,
                    r#"[{"url":"stun:h","username":"u"}]"#,
                    r#"[{"url":"stun:h","credential":"c"}]"#,
                    r#"[{"url":"turn:h"}]"#,
                    r#"[{"url":"turn:h","username":"u"}]"#,
                    r#"[{"url":"turn:h","credential":"c"}]"#,
                    r#"[{"url":"turn:h","username":"u","credential":"c","staticAuthSecret":"s"}]"#,
                    r#"[{"url":"turn:h","username":[],"credential":"c"}]"#,
                ],
            ),
        ] {
            for value in values {
                let error = read(&format!("{{\"{parameter}\":{value}}}")).expect_err(value);
                assert!(error.starts_with(&format!("Parameter '{parameter}")), "{parameter} {value}: {error}");
            }
        }
    }

    #[test]
    fn ice_servers_have_credentials_or_a_secret_or_neither() {
        let servers = r#"{"customIceServers":[{"url":"stun:a","staticAuthSecret":"dropped"},
            {"url":"turn:b","username":5,"credential":"c"},{"url":"turns:c","staticAuthSecret":"s"}]}"#;
        let expected =
            [("stun:a", None, None), ("turn:b", Some("5"), Some("c")), ("turns:c", Some("made up"), Some("s"))];
        let servers = properties(servers).custom_ice_servers;
        let actual =
            servers.iter().map(|server| (&*server.url, server.username.as_deref(), server.credential.as_deref()));
        assert_eq!(actual.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_web_rtc_connection_ignores_what_cameras_have() {
        let bad = r#"{"adaptativeBitrate":"x","networkCache":"y","rtspUri":5,"onlyPlayWithSubscribers":[]}"#;
        assert_eq!(properties(bad), ConnectionProperties::default());
    }

    #[test]
    fn a_camera_ignores_what_web_rtc_connections_have() {
        let body = r#"{"type":"IPCAM","rtspUri":"rtsp://u:p@[::1]:554/a%20b?x=1","role":5,"kurentoOptions":5,"customIceServers":5}"#;
        assert!(matches!(read(body), Ok(NewConnection::IpCam(camera)) if camera.network_cache == 2000));
        for (parameter, value) in [
            ("rtspUri", "null"),
            ("rtspUri", "5"),
            ("rtspUri", "\"\""),
            ("rtspUri", "\"ftp://x/y\""),
            ("rtspUri", "\"abc\""),
            ("rtspUri", "\"rtsp:\""),
            ("rtspUri", "\"rtsp://a b\""),
            ("rtspUri", "\"rtsp://a/%2\""),
            ("adaptativeBitrate", "\"x\""),
            ("onlyPlayWithSubscribers", "\"x\""),
            ("networkCache", "\"x\""),
            ("data", "5"),
        ] {
            let body = format!(r#"{{"type":"IPCAM","rtspUri":"rtsp://h/x","{parameter}":{value}}}"#);
            assert!(read(&body).unwrap_err().contains(&format!("'{parameter}'")), "{body}");
        }
    }

    #[test]
    fn a_token_is_never_for_a_camera_and_has_no_record() {
        let token = |body: &str| token(&Body::mandatory(body.as_bytes()).unwrap());
        assert!(token(r#"{"type":"IPCAM","rtspUri":"rtsp://h/x"}"#).is_err());
        assert!(token(r#"{"record":"whatever"}"#).is_ok_and(|token| token.properties.record));
    }

    #[test]
    fn an_update_takes_either_or_both_or_nothing() {
        let update = |body: &str| connection_update(&Body::mandatory(body.as_bytes()).unwrap());
        let none = RequestedChange::default;
        let moderator = RequestedChange { role: Some(Role::Moderator), ..none() };
        assert_eq!(update(r#"{"role":"MODERATOR","data":5}"#), Ok(moderator));
        assert_eq!(update(r#"{"record":false,"role":null}"#), Ok(RequestedChange { record: Some(false), ..none() }));
        assert_eq!(update("{}"), Ok(none()));
        assert!(update(r#"{"role":"ADMIN"}"#).is_err() && update(r#"{"record":"x"}"#).is_err());
        let speakers =
            RequestedChange { last_n: Some(4), loudest: Some(0), pinned: Some(vec!["str_a".into()]), ..none() };
        assert_eq!(update(r#"{"lastN":4,"loudest":0,"pinned":["str_a"]}"#), Ok(speakers));
        for bad in [r#"{"pinned":"x"}"#, r#"{"pinned":[1]}"#, r#"{"lastN":-1}"#, r#"{"loudest":256}"#] {
            assert!(update(bad).is_err(), "{bad}");
        }
    }
}
