//! WebRTC connections as REST shows them to those who ask for `webRtcStats`: the selected pair and what happened in words like
//! those of the original's media server, and how it goes.

use std::net::SocketAddr;

use protocol::media::{
    MediaKind, MediaPath, PathProtocol, PicturePause, StreamStatistics, TransportObservation, TransportStatistics,
    VideoCodec,
};
use protocol::rest::web_rtc::{RtpStatisticsView, WebRtcEventView, WebRtcStatisticsView, WebRtcTotalsView, WebRtcView};
use session::refusal::MediaDirection;
use session::snapshot::PeerConnectionSnapshot;
use session::{CameraChange, MediaCondition, MediaMilestone, MediaTotals, QualityLevel, Time};

use crate::notification::quality_level;

/// What a peer connection is for.
pub(crate) struct Endpoint<'a> {
    pub(crate) name: String,
    pub(crate) created_at: Time,
    pub(crate) unique_session_id: &'a str,
    pub(crate) direction: MediaDirection,
    /// Of a publisher.
    pub(crate) quality: Option<QualityLevel>,
}

/// A peer connection.
pub(crate) fn view(peer_connection: PeerConnectionSnapshot, endpoint: Endpoint<'_>) -> WebRtcView {
    let PeerConnectionSnapshot { remote_sdp, local_sdp, remote_candidates, condition } = peer_connection;
    let events = condition.milestones.iter().filter_map(|milestone| event(milestone, &endpoint));
    WebRtcView {
        events: events.collect(),
        local_candidate: condition.path.map(local_candidate),
        remote_candidate: condition.path.map(remote_candidate),
        statistics: statistics(&condition, endpoint.quality),
        webrtc_endpoint_name: endpoint.name,
        remote_sdp: remote_sdp.to_string(),
        local_sdp: Some(local_sdp.to_string()),
        client_ice_candidates: remote_candidates,
        server_ice_candidates: vec![],
    }
}

/// What a camera's stream has instead: what became of the camera.
pub(crate) fn of_camera(changes: &[CameraChange], endpoint: Endpoint<'_>) -> WebRtcView {
    let events = changes.iter().map(|CameraChange { at, state }| {
        let (state, reason) = state.described();
        let (state, reason) = (Some(state.as_str()), reason.map(str::to_owned));
        WebRtcEventView { state, reason, ..endpoint.event("UriEndpointStateChanged", *at) }
    });
    WebRtcView {
        events: events.collect(),
        local_candidate: None,
        remote_candidate: None,
        statistics: None,
        remote_sdp: String::new(),
        local_sdp: None,
        client_ice_candidates: vec![],
        server_ice_candidates: vec![],
        webrtc_endpoint_name: endpoint.name,
    }
}

impl Endpoint<'_> {
    fn event(&self, kind: &'static str, at: Time) -> WebRtcEventView {
        WebRtcEventView {
            kind,
            timestamp: at.as_millis(),
            unique_session_id: self.unique_session_id.to_owned(),
            ms_since_endpoint_creation: at.as_millis().saturating_sub(self.created_at.as_millis()),
            state: None,
            reason: None,
            media_type: None,
            layer: None,
            local_candidate: None,
            remote_candidate: None,
        }
    }
}

/// RFC 8839 §5.1; the priority is that of the only one there is.
fn local_candidate(path: MediaPath) -> String {
    match path.protocol {
        PathProtocol::Udp => candidate("udp 2130706431", path.local, "host"),
        PathProtocol::Tcp => candidate("tcp 2105458943", path.local, "host tcptype passive"),
    }
}

/// What the client calls it, we do not know: an address that we have learnt from its checks.
fn remote_candidate(path: MediaPath) -> String {
    match (path.relayed, path.protocol) {
        (true, PathProtocol::Udp) => candidate("udp 16777215", path.remote, "relay"),
        (true, PathProtocol::Tcp) => candidate("tcp 16777215", path.remote, "relay tcptype active"),
        (false, PathProtocol::Udp) => candidate("udp 1862270975", path.remote, "prflx"),
        (false, PathProtocol::Tcp) => candidate("tcp 1845501695", path.remote, "prflx tcptype active"),
    }
}

fn candidate(transport: &str, address: SocketAddr, kind: &str) -> String {
    format!("candidate:1 1 {transport} {} {} typ {kind}", address.ip(), address.port())
}

fn event(milestone: &MediaMilestone, endpoint: &Endpoint<'_>) -> Option<WebRtcEventView> {
    let MediaMilestone { at, what } = milestone;
    // As the original's media server sees it: out of the endpoint into the room, or into it and so to the client.
    let flow = match endpoint.direction {
        MediaDirection::Publishing => "MediaFlowOutStateChanged",
        MediaDirection::Subscribing => "MediaFlowInStateChanged",
    };
    let event = |kind| endpoint.event(kind, *at);
    let state = |kind, state| WebRtcEventView { state: Some(state), ..event(kind) };
    Some(match what {
        TransportObservation::Path(path) => WebRtcEventView {
            local_candidate: Some(local_candidate(*path)),
            remote_candidate: Some(remote_candidate(*path)),
            ..event("NewCandidatePairSelected")
        },
        TransportObservation::Connected => state("ConnectionStateChanged", "CONNECTED"),
        TransportObservation::Disconnected => state("ConnectionStateChanged", "DISCONNECTED"),
        TransportObservation::FirstPacket { kind } => {
            let media_type = match kind {
                MediaKind::Audio => "AUDIO",
                MediaKind::Video => "VIDEO",
            };
            WebRtcEventView { media_type: Some(media_type), ..state(flow, "FLOWING") }
        }
        TransportObservation::Silent => state(flow, "NOT_FLOWING"),
        TransportObservation::Still => WebRtcEventView { media_type: Some("VIDEO"), ..state(flow, "NOT_FLOWING") },
        TransportObservation::FirstKeyFrame => event("FirstKeyFrame"),
        TransportObservation::LayerChanged { layer } => {
            WebRtcEventView { layer: Some(layer.spatial), ..event("LayerChanged") }
        }
        TransportObservation::Checked
        | TransportObservation::KeyFrameRequested { .. }
        | TransportObservation::Statistics(_) => return None,
    })
}

fn statistics(condition: &MediaCondition, quality: Option<QualityLevel>) -> Option<WebRtcStatisticsView> {
    if *condition == MediaCondition::default() {
        return None;
    }
    let (measured_at, last) = condition.statistics.as_ref().map(|(at, last)| (at.as_millis(), last)).unzip();
    let streams = |of: fn(&TransportStatistics) -> &[StreamStatistics]| -> Vec<RtpStatisticsView> {
        let Some(last) = last else { return vec![] };
        of(last).iter().map(|one| stream(one, last)).collect()
    };
    let MediaTotals { bytes, packets, nacks, key_frame_requests, freezes, frozen_ms } = condition.totals;
    Some(WebRtcStatisticsView {
        connected: condition.is_connected,
        protocol: condition.path.map(|path| match path.protocol {
            PathProtocol::Udp => "udp",
            PathProtocol::Tcp => "tcp",
        }),
        relayed: condition.path.map(|path| path.relayed),
        network_quality: quality.map(quality_level),
        measured_at,
        period: last.map(|last| last.period_ms),
        round_trip_time: last.and_then(|last| last.round_trip_us).map(millis),
        estimated_bitrate: last.and_then(|last| last.estimate_bps),
        layer: last.and_then(|last| last.layer).map(|layer| layer.spatial),
        video_paused: last.and_then(|last| last.pause).map(|pause| match pause {
            PicturePause::Unwanted => "UNWANTED",
            PicturePause::NotChosen => "NOT_CHOSEN",
            PicturePause::Bandwidth => "BANDWIDTH",
        }),
        received: streams(|last| &last.received),
        sent: streams(|last| &last.sent),
        totals: WebRtcTotalsView { bytes, packets, nacks, key_frame_requests, freezes, frozen_time: frozen_ms },
    })
}

fn stream(stream: &StreamStatistics, last: &TransportStatistics) -> RtpStatisticsView {
    let (kind, codec) = match stream.kind {
        MediaKind::Audio => ("audio", Some("OPUS")),
        MediaKind::Video => ("video", last.video_codec.map(VideoCodec::name)),
    };
    let pictures = Some(stream.pictures).filter(|_| stream.kind == MediaKind::Video);
    let seconds = f64::from(last.period_ms) / 1000.0;
    RtpStatisticsView {
        kind,
        codec,
        layer: stream.layer.map(|layer| layer.spatial),
        bitrate: stream.rate_bps,
        packets: stream.packets,
        loss: stream.lost_permille.map(|lost| f64::from(lost) / 1000.0),
        jitter: stream.jitter_us.map(millis),
        nacks: stream.nacks,
        key_frame_requests: stream.key_frame_requests,
        frame_rate: pictures.filter(|_| seconds > 0.0).map(|it| (f64::from(it.frames) / seconds * 10.0).round() / 10.0),
        freezes: pictures.map(|pictures| pictures.freezes),
        frozen_time: pictures.map(|pictures| pictures.frozen_ms),
    }
}

fn millis(micros: u32) -> f64 {
    f64::from(micros) / 1000.0
}
