//! Candidates that arrive before their peer connection exists: browsers trickle them while the request with the SDP is
//! still on its way or not even sent. They are kept, within limits, and never looked at.

use std::collections::HashMap;

use protocol::id::ConnectionId;

/// Per peer connection; a browser with many interfaces sends some twenty.
const PER_ENDPOINT: usize = 32;
/// Per participant.
const IN_ALL: usize = 256;
/// A candidate line has some 200 characters; nothing this long is one.
pub(crate) const MAX_CANDIDATE_LENGTH: usize = 1024;

/// One participant's early candidates, by the connection id that names the peer connection.
#[derive(Debug, Default)]
pub(crate) struct EarlyCandidates {
    by_endpoint: HashMap<ConnectionId, Vec<String>>,
    count: usize,
}

impl EarlyCandidates {
    pub(crate) fn push(&mut self, endpoint: &ConnectionId, candidate: String) {
        if self.count >= IN_ALL {
            return;
        }
        let waiting = self.by_endpoint.entry(endpoint.clone()).or_default();
        if waiting.len() < PER_ENDPOINT {
            waiting.push(candidate);
            self.count += 1;
        }
    }

    pub(crate) fn take(&mut self, endpoint: &ConnectionId) -> Vec<String> {
        let taken = self.by_endpoint.remove(endpoint).unwrap_or_default();
        self.count -= taken.len();
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_early_candidates_is_bounded() {
        let mut early = EarlyCandidates::default();
        for endpoint in 0..100 {
            for n in 0..100 {
                early.push(&format!("con_{endpoint}").into(), n.to_string());
            }
        }
        assert_eq!(early.count, IN_ALL);
        assert_eq!(early.take(&"con_0".into()).len(), PER_ENDPOINT);
        assert_eq!(early.take(&"con_0".into()).len(), 0);
        assert_eq!(early.count, IN_ALL - PER_ENDPOINT);
    }
}
