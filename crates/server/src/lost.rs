//! What a crash has ended, told to applications at the next start: what the journal still has open. Recordings that were
//! interrupted are only named here; what becomes of them is told by the crate `recordings`.

use delivery::EventSinks;
use journal::Lost;
use protocol::event::{Event, NodeCrashed, NodeRole};

use crate::node::Node;

/// The node first, then everything that ended with it.
pub(crate) fn tell(lost: &Lost, node: &Node, events: &mut EventSinks) {
    if lost.is_empty() {
        return;
    }
    let (session_ids, recording_ids) = (lost.sessions(), lost.recordings());
    tracing::warn!(
        sessions = session_ids.len(),
        recordings = recording_ids.len(),
        "the server did not end in good order: applications are told what was lost"
    );
    events.send(Event::NodeCrashed(NodeCrashed {
        timestamp: lost.at(),
        id: node.id.clone(),
        environment_id: None,
        ip: node.ip.to_string(),
        uri: node.uri.clone(),
        node_role: NodeRole::MediaNode,
        session_ids,
        recording_ids,
        broadcasts: lost.broadcasts().iter().map(ToString::to_string).collect(),
        // It is a cluster of its own.
        cluster_id: node.id.clone(),
    }));
    lost.events().into_iter().for_each(|event| events.send(event));
}
