//! One peer connection: what it is for, what its consumer is given, and when it wants to be woken. It knows no other, and what a
//! packet costs the client's path is counted by whoever hands it on.

use std::sync::Arc;
use std::time::Instant;

use protocol::id::{PublicationId, RouterId, SubscriberId, TransportId};

use crate::consumer::Consumer;
use crate::demux::Ufrag;
use crate::layer_selector::LayerActivity;
use crate::milestones::Milestones;
use crate::pacer::Pacer;
use crate::packet::{MediaKind, OutgoingHeader, Packet};
use crate::sdp::{AudioFormat, OutgoingIds, VideoFormat};
use crate::slots::Slot;
use crate::subscriber::Membership;
use crate::transport::{LocalCandidates, Sink, Transport};

/// A peer connection and what it is for.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) id: TransportId,
    /// It is called by this one.
    pub(crate) ufrag: Ufrag,
    /// And was by this one, before the client began ICE anew: some of its checks are still on their way.
    pub(crate) former_ufrag: Option<Ufrag>,
    pub(crate) router: RouterId,
    pub(crate) publication: PublicationId,
    pub(crate) transport: Transport,
    /// Those it was made with.
    pub(crate) candidates: Arc<LocalCandidates>,
    /// Set on subscribers, and on publishers with loop-back.
    pub(crate) consumer: Option<Consumer>,
    /// Whose it is, of subscribers.
    pub(crate) subscriber: Option<SubscriberId>,
    /// The same, where it is counted what its path carries.
    pub(crate) membership: Option<Membership>,
    /// Its pictures wait for their turn. As of the last division of its client's path: it does not come and go in between.
    pub(crate) is_paced: bool,
    pub(crate) milestones: Milestones,
    pub(crate) offer: Option<PendingOffer>,
}

impl Peer {
    /// When it wants to be woken.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let offer = self.offer.as_ref().map(|offer| offer.expires);
        self.transport.deadline().into_iter().chain(offer).min()
    }

    /// Sends it what it gets of `packets`; pictures wait for their turn, if there is a pacer. The layer of which it needs a key
    /// frame, if it cannot go on without.
    pub(crate) fn hand_on(
        &mut self,
        packets: &[Packet],
        layers: &[LayerActivity],
        generation: u32,
        now: Instant,
        sink: &mut Sink,
        mut paced: Option<(Slot, &mut Pacer)>,
    ) -> Option<usize> {
        let consumer = self.consumer.as_mut()?;
        if let Some((slot, pacer)) = &mut paced
            && pacer.is_full(*slot, now)
            && pacer.leave_out(*slot)
        {
            consumer.lost_pictures(now);
        }
        let mut milestones = self.subscriber.map(|_| &mut self.milestones);
        let mut wanted = None;
        self.transport.send(now, sink, |leg| {
            let write = |packet: &Packet, header: OutgoingHeader| {
                if packet.kind == MediaKind::Video
                    && let Some((slot, pacer)) = &mut paced
                {
                    return pacer.push(*slot, packet, header, now);
                }
                leg.write(packet, header);
                if let Some(milestones) = &mut milestones {
                    milestones.went(packet, header.layer);
                }
            };
            wanted = consumer.forward(packets, layers, generation, now, write);
        });
        wanted
    }

    /// Sends it a picture's packet whose turn it is.
    pub(crate) fn let_out(&mut self, packet: &Packet, header: OutgoingHeader, now: Instant, sink: &mut Sink) {
        let milestones = &mut self.milestones;
        self.transport.send(now, sink, |leg| {
            leg.write(packet, header);
            milestones.went(packet, header.layer);
        });
    }
}

/// An offer of ours that waits for its answer.
#[derive(Debug)]
pub(crate) struct PendingOffer {
    pub(crate) expires: Instant,
    pub(crate) audio: Option<AudioFormat>,
    pub(crate) video: Option<VideoFormat>,
    pub(crate) ids: OutgoingIds,
}
