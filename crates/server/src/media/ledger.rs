//! What a worker owes the control side: kept outside the SFU, so that a defect in the SFU cannot lose it.

use std::collections::BTreeSet;

use protocol::id::{MediaRequestId, RouterId, TapId};
use protocol::media::{MediaCommand, MediaEvent, MediaFailure};

use super::request;

/// Rooms and taps that exist, and requests that are not settled.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    routers: BTreeSet<RouterId>,
    requests: BTreeSet<MediaRequestId>,
    taps: BTreeSet<TapId>,
}

impl Ledger {
    pub(super) fn command(&mut self, command: &MediaCommand) {
        self.requests.extend(request(command));
        match command {
            MediaCommand::CreateRouter { router } => drop(self.routers.insert(*router)),
            MediaCommand::CloseRouter { router } => drop(self.routers.remove(router)),
            MediaCommand::SetTap { tap, .. } => drop(self.taps.insert(*tap)),
            MediaCommand::RemoveTap { tap } => drop(self.taps.remove(tap)),
            _ => {}
        }
    }

    pub(super) fn event(&mut self, event: &MediaEvent) {
        match event {
            MediaEvent::Answered { request, .. }
            | MediaEvent::Offered { request, .. }
            | MediaEvent::Accepted { request }
            | MediaEvent::Failed { request, .. } => drop(self.requests.remove(request)),
            MediaEvent::TapEnded { tap } => drop(self.taps.remove(tap)),
            MediaEvent::Connected { .. } | MediaEvent::Disconnected { .. } => {}
        }
    }

    /// The SFU has been lost: its open requests fail, and its taps have ended.
    pub(super) fn settle(&mut self) -> impl Iterator<Item = MediaEvent> + use<> {
        let (requests, taps) = (std::mem::take(&mut self.requests), std::mem::take(&mut self.taps));
        let failed = requests.into_iter().map(|request| MediaEvent::Failed { request, why: MediaFailure::Internal });
        failed.chain(taps.into_iter().map(|tap| MediaEvent::TapEnded { tap }))
    }

    /// What a new SFU has to be told, so that clients who reconnect find their rooms.
    pub(super) fn routers(&self) -> impl Iterator<Item = MediaCommand> {
        self.routers.iter().map(|router| MediaCommand::CreateRouter { router: *router })
    }
}

#[cfg(test)]
mod tests {
    use protocol::id::{PublicationId, TransportId};

    use super::*;

    #[test]
    fn a_lost_sfu_leaves_rooms_but_no_request_or_tap() {
        let mut ledger = Ledger::default();
        for router in [RouterId(1), RouterId(2)] {
            ledger.command(&MediaCommand::CreateRouter { router });
        }
        ledger.command(&MediaCommand::CloseRouter { router: RouterId(1) });
        for request in [MediaRequestId(1), MediaRequestId(2)] {
            ledger.command(&MediaCommand::AcceptAnswer { request, transport: TransportId(1), answer: String::new() });
        }
        ledger.event(&MediaEvent::Accepted { request: MediaRequestId(1) });
        for tap in [TapId(1), TapId(2), TapId(3)] {
            ledger.command(&MediaCommand::SetTap { tap, publication: PublicationId(1), audio: true, video: true });
        }
        ledger.command(&MediaCommand::RemoveTap { tap: TapId(1) });
        ledger.event(&MediaEvent::TapEnded { tap: TapId(2) });
        let failed: Vec<_> = ledger.settle().collect();
        let request = MediaRequestId(2);
        let expected =
            [MediaEvent::Failed { request, why: MediaFailure::Internal }, MediaEvent::TapEnded { tap: TapId(3) }];
        assert_eq!(failed, expected);
        assert_eq!(ledger.settle().count(), 0);
        let routers: Vec<_> = ledger.routers().collect();
        assert_eq!(routers, [MediaCommand::CreateRouter { router: RouterId(2) }]);
    }
}
