//! Candidates that clients trickle. Some arrive before their peer connection exists: browsers send them while the request
//! with the SDP is still on its way or not even sent. They are kept, within limits, and never looked at.

use std::collections::HashMap;

use protocol::id::ConnectionId;
use protocol::media::MediaOperation;

use crate::Noticed;
use crate::context::Context;
use crate::id::ParticipantId;
use crate::session::Session;

/// Per peer connection; a browser with many interfaces sends some twenty.
const PER_ENDPOINT: usize = 32;
/// Per participant.
const IN_ALL: usize = 256;
/// A candidate line has some 200 characters; nothing this long is one.
const MAX_CANDIDATE_LENGTH: usize = 1024;

impl Session {
    /// A candidate for the peer connection that `endpoint` names: the caller's own connection id means its publication,
    /// another one the subscription to that publisher.
    pub(crate) fn take_candidate(&mut self, who: ParticipantId, endpoint: &str, candidate: String, cx: &mut Context) {
        if candidate.len() > MAX_CANDIDATE_LENGTH {
            return;
        }
        let Some(publisher) = self.active(endpoint) else { return };
        let Some(own) = self.participant_mut(who) else { return };
        let room = own.room;
        let is_seen = !own.is_hidden();
        match own.peer_connection_mut((publisher != who).then_some(publisher)) {
            Some(peer_connection) => {
                peer_connection.remember_candidate(&candidate);
                let transport = peer_connection.transport;
                let connection = own.connection.clone();
                if is_seen {
                    let told = Noticed::Candidate { publisher: endpoint.into(), candidate: candidate.clone() };
                    cx.notice(&self.id, &connection, told);
                }
                cx.effects.media(room, MediaOperation::AddRemoteCandidate { transport, candidate });
            }
            None => own.early_candidates.push(&endpoint.into(), candidate),
        }
    }

    /// The peer connection to `endpoint` exists now.
    pub(crate) fn forward_early_candidates(&mut self, who: ParticipantId, endpoint: &ConnectionId, cx: &mut Context) {
        let Some(own) = self.participant_mut(who) else { return };
        for candidate in own.early_candidates.take(endpoint) {
            self.take_candidate(who, endpoint.as_str(), candidate, cx);
        }
    }
}

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
