//! What a worker owes the control side: kept outside the SFU, so that a defect in the SFU cannot lose it.

use std::collections::{BTreeMap, BTreeSet};

use protocol::id::{MediaRequestId, PublicationId, RouterId, TapId, TransportId};
use protocol::media::{MediaCommand, MediaEvent, MediaFailure, MediaOperation, TransportObservation};

/// Rooms, taps and transports that exist, and requests that are not settled.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    routers: BTreeSet<RouterId>,
    /// With the transport that is to come of it, if one is.
    requests: BTreeMap<MediaRequestId, Option<TransportId>>,
    taps: BTreeMap<TapId, RouterId>,
    transports: BTreeMap<TransportId, Transport>,
    /// What was last said of publications that are made on this machine, and not of what a client sends.
    local: BTreeMap<PublicationId, MediaCommand>,
}

/// One that was asked for and not closed.
#[derive(Debug)]
struct Transport {
    router: RouterId,
    publication: PublicationId,
    publishes: bool,
    /// As observers were told.
    is_connected: bool,
}

impl Ledger {
    pub(super) fn command(&mut self, command: &MediaCommand) {
        self.requests.extend(command.op.request().map(|request| (request, None)));
        match &command.op {
            MediaOperation::CreateRouter => drop(self.routers.insert(command.router)),
            MediaOperation::CloseRouter => {
                self.routers.remove(&command.router);
                self.transports.retain(|_, transport| transport.router != command.router);
                self.local.retain(|_, local| local.router != command.router);
            }
            MediaOperation::PublishLocal { publication, .. } => {
                // What is made of something else comes back with that.
                let is_made_of_other = self
                    .transports
                    .values()
                    .any(|transport| transport.publishes && transport.publication == *publication);
                if !is_made_of_other {
                    self.local.insert(*publication, command.clone());
                }
            }
            MediaOperation::Publish { request, publication, transport, .. }
            | MediaOperation::Subscribe { request, publication, transport, .. } => {
                let publishes = matches!(command.op, MediaOperation::Publish { .. });
                let (router, publication) = (command.router, *publication);
                self.requests.insert(*request, Some(*transport));
                self.transports.insert(*transport, Transport { router, publication, publishes, is_connected: false });
            }
            MediaOperation::CloseTransport { transport } => drop(self.transports.remove(transport)),
            MediaOperation::ClosePublication { publication } => {
                self.transports.retain(|_, transport| transport.publication != *publication);
                self.local.remove(publication);
            }
            MediaOperation::SetTap { tap, .. } => drop(self.taps.insert(*tap, command.router)),
            MediaOperation::RemoveTap { tap } => drop(self.taps.remove(tap)),
            _ => {}
        }
    }

    pub(super) fn event(&mut self, event: &MediaEvent) {
        match event {
            MediaEvent::Answered { request, .. } | MediaEvent::Offered { request, .. } => {
                if let Some(transport) = self.requests.remove(request).flatten() {
                    self.opened(transport);
                }
            }
            MediaEvent::Accepted { request } | MediaEvent::Restarted { request, .. } => {
                self.requests.remove(request);
            }
            MediaEvent::Failed { request, .. } => {
                if let Some(transport) = self.requests.remove(request).flatten() {
                    self.transports.remove(&transport);
                }
            }
            MediaEvent::TapEnded { tap, .. } => drop(self.taps.remove(tap)),
            MediaEvent::Observed { transport, observation, .. } => {
                if let Some(transport) = self.transports.get_mut(transport) {
                    match observation {
                        TransportObservation::Connected => transport.is_connected = true,
                        TransportObservation::Disconnected => transport.is_connected = false,
                        _ => {}
                    }
                }
            }
            MediaEvent::WorkerLost { .. } => {}
        }
    }

    /// A publisher's new transport takes the place of the one it had.
    fn opened(&mut self, new: TransportId) {
        let Some(Transport { publication, publishes: true, .. }) = self.transports.get(&new) else { return };
        let publication = *publication;
        let is_replaced = |other: &Transport| other.publishes && other.publication == publication;
        self.transports.retain(|id, other| *id == new || !is_replaced(other));
    }

    /// The SFU has been lost: its open requests fail, its taps have ended, and its transports carry nothing any more.
    pub(super) fn settle(&mut self) -> impl Iterator<Item = MediaEvent> + use<> {
        let (requests, taps) = (std::mem::take(&mut self.requests), std::mem::take(&mut self.taps));
        let transports = std::mem::take(&mut self.transports);
        let failed = requests.into_keys().map(|request| MediaEvent::Failed { request, why: MediaFailure::Internal });
        let ended = taps.into_iter().map(|(tap, router)| MediaEvent::TapEnded { router, tap });
        let connected = transports.into_iter().filter(|(_, transport)| transport.is_connected);
        let disconnected = connected.map(|(id, transport)| MediaEvent::Observed {
            router: transport.router,
            transport: id,
            observation: TransportObservation::Disconnected,
        });
        failed.chain(ended).chain(disconnected)
    }

    /// What a new SFU has to be told, so that clients who reconnect find their rooms, and what is not published by any of them.
    pub(super) fn restored(&self) -> impl Iterator<Item = MediaCommand> {
        let routers = self.routers.iter().map(|router| MediaOperation::CreateRouter.at(*router));
        routers.chain(self.local.values().cloned())
    }
}

#[cfg(test)]
mod tests {
    use protocol::id::{SubscriberId, WorkerId};
    use protocol::media::{BitrateLimits, CodecChoice, Kinds, Reception};

    use super::*;

    const BOTH: Kinds = Kinds { audio: true, video: true };

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
        let routers: Vec<_> = ledger.restored().collect();
        assert_eq!(routers, [MediaOperation::CreateRouter.at(router)]);
    }

    fn observed(router: RouterId, transport: u64, observation: TransportObservation) -> MediaEvent {
        MediaEvent::Observed { router, transport: TransportId(transport), observation }
    }

    /// Somebody's transport; the number is that of the request, too.
    fn opens(ledger: &mut Ledger, router: RouterId, number: u64, publication: u64, publishes: bool) {
        let (request, transport, publication) =
            (MediaRequestId(number), TransportId(number), PublicationId(publication));
        let operation = if publishes {
            let (offer, codecs) = (String::new(), CodecChoice::Offered);
            MediaOperation::Publish {
                request,
                publication,
                transport,
                offer,
                kinds: BOTH,
                codecs,
                bitrate: BitrateLimits::default(),
                loopback: false,
            }
        } else {
            let (subscriber, reception) = (SubscriberId(number), Reception::default());
            MediaOperation::Subscribe {
                source: router.worker,
                request,
                publication,
                subscriber,
                transport,
                reception,
                offer: None,
            }
        };
        ledger.command(&operation.at(router));
    }

    #[test]
    fn transports_that_were_connected_are_told_to_be_so_no_longer() {
        let mut ledger = Ledger::default();
        let [router, closed] = [1, 2].map(|number| RouterId { number, worker: WorkerId(0) });
        let answered =
            |number| MediaEvent::Answered { request: MediaRequestId(number), sdp: String::new(), kinds: BOTH };
        // 1: published. 2: published anew in the place of 1. 3: received. 5: never connected. 6: lost already.
        // 7: in a room that was closed. 8: of a publication that has ended. 9: refused. 10: closed.
        for (number, publication) in [(1, 1), (2, 1), (8, 8)] {
            opens(&mut ledger, router, number, publication, true);
            ledger.event(&observed(router, number, TransportObservation::Connected));
            ledger.event(&answered(number));
        }
        for number in [3, 5, 6, 9, 10] {
            opens(&mut ledger, router, number, 1, false);
        }
        ledger.event(&MediaEvent::Failed { request: MediaRequestId(9), why: MediaFailure::Internal });
        opens(&mut ledger, closed, 7, 2, false);
        for number in [3, 6, 7, 10] {
            ledger.event(&answered(number));
            ledger.event(&observed(router, number, TransportObservation::Connected));
        }
        ledger.event(&observed(router, 6, TransportObservation::Disconnected));
        ledger.command(&MediaOperation::CloseRouter.at(closed));
        ledger.command(&MediaOperation::ClosePublication { publication: PublicationId(8) }.at(router));
        ledger.command(&MediaOperation::CloseTransport { transport: TransportId(10) }.at(router));
        let told: Vec<_> = ledger.settle().filter(|event| matches!(event, MediaEvent::Observed { .. })).collect();
        assert_eq!(told, [2, 3].map(|number| observed(router, number, TransportObservation::Disconnected)));
        assert_eq!(ledger.settle().count(), 0, "it is told once");
    }
}
