//! What `webRtcStats=true` shows of each WebRTC connection. The original leaves open what is in it but for the names of
//! its members; `statistics` is ours. Times are in milliseconds, rates in bits in a second, shares between 0 and 1.

use serde::Serialize;
use utoipa::ToSchema;

/// The extra members of `webRtcStats=true`.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebRtc)]
pub struct WebRtcView {
    /// Stream id; for subscribers `<connectionId>_<streamId>`.
    pub webrtc_endpoint_name: String,
    /// The client's SDP.
    pub remote_sdp: String,
    /// Ours; a camera has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub local_sdp: Option<String>,
    /// Trickled by the client.
    #[schema(value_type = Vec<Value>)]
    pub client_ice_candidates: Vec<String>,
    /// Ours are inside the SDP.
    #[schema(value_type = Vec<Value>)]
    pub server_ice_candidates: Vec<String>,
    /// Selected pair, when known: our candidate as a line of SDP.
    pub local_candidate: Option<String>,
    /// Selected pair, when known: the client's address as we see it, as a line of SDP.
    pub remote_candidate: Option<String>,
    /// What happened once or seldom, the oldest first; the last 32 of it. Each has a `type`, a `timestamp` and what belongs to it.
    #[schema(value_type = Vec<Object>)]
    pub events: Vec<WebRtcEventView>,
    /// How it goes; once something is known.
    #[schema(required = false)]
    pub statistics: Option<WebRtcStatisticsView>,
}

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebRtcEvent)]
pub struct WebRtcEventView {
    /// `NewCandidatePairSelected`, `ConnectionStateChanged`, `MediaFlowOutStateChanged` (from a publisher),
    /// `MediaFlowInStateChanged` (to a subscriber), `FirstKeyFrame` or `LayerChanged`; of a camera `UriEndpointStateChanged`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// ms since 1970.
    pub timestamp: u64,
    /// As in events of the session.
    pub unique_session_id: String,
    /// How long the stream, or the subscription, had been there.
    pub ms_since_endpoint_creation: u64,
    /// `CONNECTED`, `DISCONNECTED`, `FLOWING` or `NOT_FLOWING`; of a camera `CONNECTING`, `START` (it plays), `INTERRUPTED` (it
    /// does not, and is tried again) or `STOP` (nobody wants it).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub state: Option<&'static str>,
    /// Why a camera does not play.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// `AUDIO` or `VIDEO`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub media_type: Option<&'static str>,
    /// Simulcast layer, 0 is the smallest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub layer: Option<u8>,
    /// Our side of the pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub local_candidate: Option<String>,
    /// The client's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub remote_candidate: Option<String>,
}

/// How media goes.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebRtcStatistics)]
pub struct WebRtcStatisticsView {
    /// ICE and DTLS are up.
    pub connected: bool,
    /// `udp` or `tcp`.
    pub protocol: Option<&'static str>,
    /// Through the relay (TURN) of this server.
    pub relayed: Option<bool>,
    /// Of a publisher: 1 (bad) to 5 (excellent), 0: cut off; with `OPENVIDU_PRO_NETWORK_QUALITY`.
    pub network_quality: Option<u8>,
    /// When what follows was measured, ms since 1970.
    pub measured_at: Option<u64>,
    /// Over how long.
    pub period: Option<u32>,
    /// To the client and back.
    pub round_trip_time: Option<f64>,
    /// What the client could be sent, where that is estimated.
    pub estimated_bitrate: Option<u64>,
    /// What a subscriber gets: simulcast layer, 0 is the smallest.
    pub layer: Option<u8>,
    /// Why a subscriber is sent no picture, if that is this server's doing: `UNWANTED` (nobody asks for it), `NOT_CHOSEN` (others
    /// speak, in a big room), `BANDWIDTH` (the client's network does not carry it).
    pub video_paused: Option<&'static str>,
    /// From a publisher.
    pub received: Vec<RtpStatisticsView>,
    /// To a subscriber.
    pub sent: Vec<RtpStatisticsView>,
    /// From the beginning.
    pub totals: WebRtcTotalsView,
}

/// One RTP stream, in the last period.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RtpStatistics)]
pub struct RtpStatisticsView {
    /// `audio` or `video`.
    pub kind: &'static str,
    /// `OPUS`, `VP8`, `VP9`, `H264` or `AV1`.
    pub codec: Option<&'static str>,
    /// Of a publisher's simulcast, 0 is the smallest.
    pub layer: Option<u8>,
    /// Without headers.
    pub bitrate: u64,
    /// With those that were sent again.
    pub packets: u32,
    /// Share of the packets that were lost on the way, whether or not they came again.
    pub loss: Option<f64>,
    /// As the receiver measures it.
    pub jitter: Option<f64>,
    /// Requests for what was lost.
    pub nacks: u32,
    /// Key frames that were asked for.
    pub key_frame_requests: u32,
    /// Of pictures: complete frames in a second.
    pub frame_rate: Option<f64>,
    /// Of pictures: how often they stood still, as far as this server can see.
    pub freezes: Option<u32>,
    /// Of pictures: how long.
    pub frozen_time: Option<u32>,
}

/// What is counted from the beginning, of all streams.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebRtcTotals)]
pub struct WebRtcTotalsView {
    /// Without headers.
    pub bytes: u64,
    /// With those that were sent again.
    pub packets: u64,
    /// Requests for what was lost.
    pub nacks: u64,
    /// Key frames that were asked for.
    pub key_frame_requests: u64,
    /// How often a picture stood still.
    pub freezes: u64,
    /// How long.
    pub frozen_time: u64,
}
