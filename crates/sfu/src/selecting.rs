//! What follows where subscribers want some publications only: consumers of the others are paused, and go on as soon as theirs are
//! chosen, with a key frame. Which those are is decided in `selection.rs`.
//!
//! Each worker decides for its own subscribers, from the levels in the packets that are there; they cross pipes with the sound, so
//! that all workers see the same.

use protocol::id::{PublicationId, RouterId, SubscriberId};
use protocol::media::Selection;

use crate::packet::Packet;
use crate::selection::Choice;
use crate::sfu::Sfu;
use crate::slots::Slot;
use crate::transport::Transport;

impl Sfu {
    /// A subscriber wants so much of a room from now on.
    pub(crate) fn select(&mut self, router: RouterId, who: SubscriberId, selection: Selection) {
        let Some(publications) = self.routers.get(&router) else {
            return;
        };
        let (publications, peers) =
            (publications.iter().filter_map(|id| Some((*id, self.publications.get(id)?))), &self.peers);
        if selection.is_everything() {
            let Some(room) = self.big_rooms.get_mut(&router) else {
                return;
            };
            let legs = room.forget_viewer(who);
            if room.is_empty() {
                self.big_rooms.remove(&router);
            }
            return self.choose_again(&legs);
        }
        let room = self.big_rooms.entry(router).or_default();
        if room.is_empty() {
            for (id, publication) in publications.clone() {
                let consumers = publication.consumers.iter().filter_map(|slot| peers.get(*slot)?.consumer.as_ref());
                if consumers.into_iter().any(|consumer| consumer.has_camera()) {
                    room.add_pictures(id);
                }
            }
        }
        let is_theirs = |slot: &Slot| peers.get(*slot).is_some_and(|peer| peer.subscriber == Some(who));
        let legs = || {
            publications.flat_map(|(_, publication)| publication.consumers.iter().copied()).filter(is_theirs).collect()
        };
        let legs = room.select(who, selection, legs).to_vec();
        self.choose_again(&legs);
    }

    /// Somebody has subscribed.
    pub(crate) fn choose_first(&mut self, slot: Slot) {
        let Some(peer) = self.peers.get(slot) else {
            return;
        };
        let (Some(who), Some(consumer), Some(room)) =
            (peer.subscriber, &peer.consumer, self.big_rooms.get_mut(&peer.router))
        else {
            return;
        };
        if consumer.has_camera() {
            room.add_pictures(peer.publication);
        }
        room.add_leg(who, slot);
        self.choose_again(&[slot]);
    }

    /// A publication is gone.
    pub(crate) fn leave_big_room(&mut self, router: RouterId, id: PublicationId) {
        let changed = self.big_rooms.get_mut(&router).map(|room| room.remove(id));
        changed.into_iter().flatten().for_each(|id| self.choose_anew(id));
    }

    /// A packet of sound is about to be forwarded: it may be what makes somebody heard.
    pub(crate) fn listen(&mut self, id: PublicationId, packet: &Packet) {
        // What nobody here receives takes nobody's place.
        let publication = self.publications.get(&id).filter(|publication| !publication.consumers.is_empty());
        let Some(room) = publication.and_then(|publication| self.big_rooms.get_mut(&publication.router)) else {
            return;
        };
        if let Some((level, _)) = packet.extensions.audio_level {
            let changed = room.heard(id, level, packet.arrival);
            changed.into_iter().for_each(|id| self.choose_anew(id));
        }
    }

    /// Who gets a publication may have changed.
    fn choose_anew(&mut self, id: PublicationId) {
        let consumers = self.publications.get(&id).map(|publication| publication.consumers.clone());
        self.choose_again(&consumers.unwrap_or_default());
    }

    /// What goes over these transports may have changed.
    fn choose_again(&mut self, legs: &[Slot]) {
        let mut waiting = Vec::new();
        for slot in legs {
            let Some(peer) = self.peers.get(*slot) else {
                continue;
            };
            let (id, room) = (peer.publication, self.big_rooms.get(&peer.router));
            let choice = room.map_or(Choice::ALL, |room| room.choice(peer.subscriber, id));
            if self.give(*slot, choice) {
                waiting.push(id);
            }
        }
        waiting.dedup();
        waiting.into_iter().for_each(|id| self.wake_publication(id));
    }

    /// Gives a consumer what was chosen. `true`: it has pictures again, and needs a key frame if it was not sent one here.
    fn give(&mut self, slot: Slot, choice: Choice) -> bool {
        let Some(peer) = self.peers.get_mut(slot) else {
            return false;
        };
        let (Some(consumer), Some(publication)) = (&mut peer.consumer, self.publications.get_mut(&peer.publication))
        else {
            return false;
        };
        let former = consumer.choice();
        if former == choice {
            return false;
        }
        publication.audience.remove(former);
        publication.audience.add(choice);
        consumer.choose(choice, &publication.layers, publication.generation, self.now);
        if former.picture == choice.picture {
            return false;
        }
        if let Transport::Sending(sending) = &mut peer.transport {
            sending.pictures_pause();
        }
        self.divide_soon(slot);
        if choice.picture {
            self.resume_pictures(slot);
        }
        choice.picture
    }
}
