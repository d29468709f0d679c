//! What is remembered of one WebRTC connection for `webRtcStats=true`: both SDPs and the client's candidates, as texts.
//! Nothing here is ever interpreted.

use std::sync::Arc;

use protocol::id::TransportId;
use protocol::rest::view::WebRtcView;

/// A browser sends some dozen candidates; what comes beyond is not worth the memory.
const REMEMBERED_CANDIDATES: usize = 32;

/// One WebRTC connection of a client.
#[derive(Clone, Debug)]
pub(crate) struct PeerConnection {
    pub(crate) transport: TransportId,
    /// The client's; unknown while it has not answered our offer.
    pub(crate) remote_sdp: Arc<str>,
    pub(crate) local_sdp: Arc<str>,
    candidates: Vec<String>,
}

impl PeerConnection {
    pub(crate) fn new(transport: TransportId, remote_sdp: Arc<str>, local_sdp: Arc<str>) -> Self {
        Self { transport, remote_sdp, local_sdp, candidates: vec![] }
    }

    pub(crate) fn remember_candidate(&mut self, candidate: &str) {
        if self.candidates.len() < REMEMBERED_CANDIDATES {
            self.candidates.push(candidate.to_owned());
        }
    }

    pub(crate) fn view(&self, name: String) -> WebRtcView {
        WebRtcView {
            webrtc_endpoint_name: name,
            remote_sdp: self.remote_sdp.to_string(),
            local_sdp: self.local_sdp.to_string(),
            client_ice_candidates: self.candidates.clone(),
            server_ice_candidates: vec![],
            local_candidate: None,
            remote_candidate: None,
            events: vec![],
        }
    }
}
