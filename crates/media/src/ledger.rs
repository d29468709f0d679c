//! What a worker owes the control side: kept outside the SFU, so that a defect in the SFU cannot lose it.

use std::collections::{BTreeMap, BTreeSet};

use protocol::id::{MediaRequestId, RouterId, TapId};
use protocol::media::{MediaCommand, MediaEvent, MediaFailure, MediaOperation};

/// Rooms and taps that exist, and requests that are not settled.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    routers: BTreeSet<RouterId>,
    requests: BTreeSet<MediaRequestId>,
    taps: BTreeMap<TapId, RouterId>,
}

impl Ledger {
    pub(super) fn command(&mut self, command: &MediaCommand) {
        self.requests.extend(command.op.request());
        match &command.op {
            MediaOperation::CreateRouter => drop(self.routers.insert(command.router)),
            MediaOperation::CloseRouter => drop(self.routers.remove(&command.router)),
            MediaOperation::SetTap { tap, .. } => drop(self.taps.insert(*tap, command.router)),
            MediaOperation::RemoveTap { tap } => drop(self.taps.remove(tap)),
            _ => {}
        }
    }

    pub(super) fn event(&mut self, event: &MediaEvent) {
        match event {
            MediaEvent::Answered { request, .. }
            | MediaEvent::Offered { request, .. }
            | MediaEvent::Accepted { request }
            | MediaEvent::Failed { request, .. } => drop(self.requests.remove(request)),
            MediaEvent::TapEnded { tap, .. } => drop(self.taps.remove(tap)),
            MediaEvent::Observed { .. } | MediaEvent::WorkerLost { .. } => {}
        }
    }

    /// The SFU has been lost: its open requests fail, and its taps have ended.
    pub(super) fn settle(&mut self) -> impl Iterator<Item = MediaEvent> + use<> {
        let (requests, taps) = (std::mem::take(&mut self.requests), std::mem::take(&mut self.taps));
        let failed = requests.into_iter().map(|request| MediaEvent::Failed { request, why: MediaFailure::Internal });
        failed.chain(taps.into_iter().map(|(tap, router)| MediaEvent::TapEnded { router, tap }))
    }

    /// What a new SFU has to be told, so that clients who reconnect find their rooms.
    pub(super) fn routers(&self) -> impl Iterator<Item = MediaCommand> {
        self.routers.iter().map(|router| MediaOperation::CreateRouter.at(*router))
    }
}

#[cfg(test)]
mod tests {
    use protocol::id::{PublicationId, TransportId, WorkerId};

    use super::*;

    #[test]
    fn a_lost_sfu_leaves_rooms_but_no_request_or_tap() {
        let mut ledger = Ledger::default();
        let [first, router] = [1, 2].map(|number| RouterId { number, worker: WorkerId(0) });
        for router in [first, router] {
            ledger.command(&MediaOperation::CreateRouter.at(router));
        }
        ledger.command(&MediaOperation::CloseRouter.at(first));
        for request in [MediaRequestId(1), MediaRequestId(2)] {
            let accept = MediaOperation::AcceptAnswer { request, transport: TransportId(1), answer: String::new() };
            ledger.command(&accept.at(router));
        }
        ledger.event(&MediaEvent::Accepted { request: MediaRequestId(1) });
        for tap in [TapId(1), TapId(2), TapId(3)] {
            let set = MediaOperation::SetTap { tap, publication: PublicationId(1), audio: true, video: true };
            ledger.command(&set.at(router));
        }
        ledger.command(&MediaOperation::RemoveTap { tap: TapId(1) }.at(router));
        ledger.event(&MediaEvent::TapEnded { router, tap: TapId(2) });
        let failed: Vec<_> = ledger.settle().collect();
        let request = MediaRequestId(2);
        let expected = [
            MediaEvent::Failed { request, why: MediaFailure::Internal },
            MediaEvent::TapEnded { router, tap: TapId(3) },
        ];
        assert_eq!(failed, expected);
        assert_eq!(ledger.settle().count(), 0);
        let routers: Vec<_> = ledger.routers().collect();
        assert_eq!(routers, [MediaOperation::CreateRouter.at(router)]);
    }
}
