//! What a worker owes the control side: kept outside the SFU, so that a defect in the SFU cannot lose it.

use std::collections::BTreeSet;

use protocol::id::{MediaRequestId, RouterId};
use protocol::media::{MediaCommand, MediaEvent, MediaFailure};

use super::request;

/// Rooms that exist and requests that are not settled.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    routers: BTreeSet<RouterId>,
    requests: BTreeSet<MediaRequestId>,
}

impl Ledger {
    pub(super) fn command(&mut self, command: &MediaCommand) {
        self.requests.extend(request(command));
        match command {
            MediaCommand::CreateRouter { router } => drop(self.routers.insert(*router)),
            MediaCommand::CloseRouter { router } => drop(self.routers.remove(router)),
            _ => {}
        }
    }

    pub(super) fn event(&mut self, event: &MediaEvent) {
        match event {
            MediaEvent::Answered { request, .. }
            | MediaEvent::Offered { request, .. }
            | MediaEvent::Accepted { request }
            | MediaEvent::Failed { request, .. } => drop(self.requests.remove(request)),
            MediaEvent::Connected { .. } | MediaEvent::Disconnected { .. } => {}
        }
    }

    /// The SFU has been lost: its open requests fail.
    pub(super) fn fail_requests(&mut self) -> impl Iterator<Item = MediaEvent> + use<> {
        let requests = std::mem::take(&mut self.requests);
        requests.into_iter().map(|request| MediaEvent::Failed { request, why: MediaFailure::Internal })
    }

    /// What a new SFU has to be told, so that clients who reconnect find their rooms.
    pub(super) fn routers(&self) -> impl Iterator<Item = MediaCommand> {
        self.routers.iter().map(|router| MediaCommand::CreateRouter { router: *router })
    }
}

#[cfg(test)]
mod tests {
    use protocol::id::TransportId;

    use super::*;

    #[test]
    fn a_lost_sfu_leaves_rooms_but_no_request_open() {
        let mut ledger = Ledger::default();
        for router in [RouterId(1), RouterId(2)] {
            ledger.command(&MediaCommand::CreateRouter { router });
        }
        ledger.command(&MediaCommand::CloseRouter { router: RouterId(1) });
        for request in [MediaRequestId(1), MediaRequestId(2)] {
            ledger.command(&MediaCommand::AcceptAnswer { request, transport: TransportId(1), answer: String::new() });
        }
        ledger.event(&MediaEvent::Accepted { request: MediaRequestId(1) });
        let failed: Vec<_> = ledger.fail_requests().collect();
        assert_eq!(failed, [MediaEvent::Failed { request: MediaRequestId(2), why: MediaFailure::Internal }]);
        assert_eq!(ledger.fail_requests().count(), 0);
        let routers: Vec<_> = ledger.routers().collect();
        assert_eq!(routers, [MediaCommand::CreateRouter { router: RouterId(2) }]);
    }
}
