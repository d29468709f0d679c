//! What has to happen of one peer connection until media flows, and what else there is to say of it.

use history::story::{Leg, Millis};
use protocol::media::PathProtocol;

use crate::span::Attribute;

/// One of the things that must happen one after the other.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) from: Millis,
    /// It has not happened yet if there is none.
    pub(crate) until: Option<Millis>,
}

/// Of a stream.
pub(crate) const STREAM: &str = "openvidu.stream.id";

pub(crate) fn name(is_published: bool) -> &'static str {
    if is_published { "publish" } else { "subscribe" }
}

/// What has to happen until media flows.
pub(crate) fn steps(is_published: bool, leg: &Leg) -> Vec<Step> {
    let mut from = leg.negotiating_at;
    let mut steps = vec![];
    let mut step = |name, until: Option<Millis>| {
        steps.push(Step { name, from, until });
        from = until.unwrap_or(from);
    };
    // A publisher's offer is answered by us at once. One who connects anew has agreed before.
    if !is_published && leg.agreed_at.is_none_or(|agreed_at| agreed_at >= leg.negotiating_at) {
        step("answer", leg.agreed_at);
    }
    step("ICE", leg.reached_at);
    step("DTLS", leg.connected_at);
    step("first packet", leg.audio_at.into_iter().chain(leg.video_at).min());
    if leg.has_video && leg.video_active {
        step("first key frame", leg.key_frame_at);
    }
    steps
}

pub(crate) fn described(leg: &Leg) -> Vec<Attribute> {
    let mut attributes = vec![
        (STREAM, leg.stream.as_str().into()),
        ("openvidu.stream.has_audio", leg.has_audio.into()),
        ("openvidu.stream.has_video", leg.has_video.into()),
    ];
    if let Some(path) = leg.path {
        let transport = match path.protocol {
            PathProtocol::Udp => "udp",
            PathProtocol::Tcp => "tcp",
        };
        attributes.push(("network.transport", transport.into()));
        attributes.push(("madang.relayed", path.relayed.into()));
    }
    if let Some(reason) = leg.reason {
        attributes.push(("openvidu.reason", reason.as_str().into()));
    }
    attributes
}
