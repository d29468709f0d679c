//! What is remembered of one WebRTC connection for those who look at it: both SDPs and the client's candidates, as texts.
//! Nothing here is ever interpreted.

use std::sync::Arc;

use protocol::id::TransportId;

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
    /// How often ICE was begun anew.
    restarts: u32,
    /// The client's name in ICE since then; before, it stands in its SDP.
    remote_ufrag: Option<String>,
}

impl PeerConnection {
    pub(crate) fn new(transport: TransportId, remote_sdp: Arc<str>, local_sdp: Arc<str>) -> Self {
        Self { transport, remote_sdp, local_sdp, candidates: vec![], restarts: 0, remote_ufrag: None }
    }

    pub(crate) fn remember_candidate(&mut self, candidate: &str) {
        if self.candidates.len() < REMEMBERED_CANDIDATES {
            self.candidates.push(candidate.to_owned());
        }
    }

    pub(crate) fn restarted(&mut self, remote_ufrag: String) {
        self.restarts += 1;
        self.remote_ufrag = Some(remote_ufrag);
    }

    /// How often, and by which name the client goes since then.
    pub(crate) fn restarts(&self) -> (u32, Option<&str>) {
        (self.restarts, self.remote_ufrag.as_deref())
    }

    pub(crate) fn candidates(&self) -> &[String] {
        &self.candidates
    }
}
