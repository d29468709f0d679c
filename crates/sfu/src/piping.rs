//! Both ends of pipes: which publications of other workers are received here, and to which workers those of this one go. What is
//! said there is in `pipe.rs`.

use std::time::Instant;

use protocol::id::{PublicationId, RouterId, TransportId, WorkerId};
use protocol::media::{MediaEvent, MediaFailure, TransportObservation};

use crate::keyframe;
use crate::packet::Packet;
use crate::pipe::{Description, PipeMessage, Piped, Place, Upstream};
use crate::publication::Publication;
use crate::sfu::Sfu;
use crate::subscription::SubscriptionWish;
use crate::timers::Timer;

impl Sfu {
    /// Another worker says something.
    pub fn handle_piped(&mut self, from: WorkerId, message: PipeMessage, now: Instant) {
        self.now = self.now.max(now);
        let PipeMessage { publication, content } = message;
        match content {
            Piped::Open { room } => self.open_downstream(from, publication, room),
            Piped::Close => {
                if let Some(publication) = self.publications.get_mut(&publication) {
                    publication.downstream.retain(|worker| *worker != from);
                }
            }
            Piped::KeyFrameWanted { layer } => {
                if let Some(wanted) = self.publications.get_mut(&publication) {
                    wanted.want_key_frame(Some(layer));
                    self.request_key_frames(publication);
                }
            }
            Piped::Description(description) => self.described(from, publication, &description),
            Piped::Packets(packets) => self.take_piped(from, publication, packets),
            Piped::Ended => {
                if self.publications.get(&publication).is_some_and(|publication| publication.comes_from(from)) {
                    self.close_publication(publication);
                }
            }
        }
        self.settle();
    }

    /// Another worker has lost everything that it had: what came from there has ended, and nobody there wants anything.
    pub fn handle_lost(&mut self, worker: WorkerId, now: Instant) {
        self.now = self.now.max(now);
        let mut ended = Vec::new();
        for (id, publication) in &mut self.publications {
            publication.downstream.retain(|downstream| *downstream != worker);
            if publication.comes_from(worker) {
                ended.push(*id);
            }
        }
        for id in ended {
            self.tell_disconnected(id);
            self.close_publication(id);
        }
        self.settle();
    }

    /// Somebody wants to receive what is in another worker.
    pub(crate) fn subscribe_upstream(&mut self, worker: WorkerId, wish: SubscriptionWish, offer: Option<String>) {
        let (id, router, now) = (wish.publication, wish.router, self.now);
        let Some(publications) = self.routers.get_mut(&router) else {
            return self.emit(MediaEvent::Failed { request: wish.request, why: MediaFailure::UnknownRouter });
        };
        let is_new = publications.insert(id);
        let publication = self
            .publications
            .entry(id)
            .or_insert_with(|| Publication::from_elsewhere(router, Upstream::at(Place::Worker(worker)), now));
        match &mut publication.upstream {
            Some(upstream) if upstream.worker() == Some(worker) && upstream.is_described => {
                self.subscribe(wish, offer.as_deref());
                self.deserted.push(id);
            }
            Some(upstream) if upstream.worker() == Some(worker) => {
                upstream.waiting.push((wish, offer));
                if is_new {
                    self.ask_upstream(id);
                }
            }
            _ => self.emit(MediaEvent::Failed { request: wish.request, why: MediaFailure::UnknownPublication }),
        }
    }

    /// Asks what a publication is, again and again while somebody waits for it.
    pub(crate) fn ask_upstream(&mut self, id: PublicationId) {
        let Some(publication) = self.publications.get(&id) else {
            return;
        };
        if let Some(worker) = publication.upstream.as_ref().and_then(Upstream::worker) {
            let room = publication.router.number;
            self.timers.hasten(Timer::Publication(id), self.now + keyframe::SPACING);
            self.pipe(worker, id, Piped::Open { room });
        }
    }

    /// A subscriber who waits for a publication's description waits no more.
    pub(crate) fn forget_waiting(&mut self, router: RouterId, transport: TransportId) {
        let mut forgotten = Vec::new();
        for id in self.routers.get(&router).into_iter().flatten() {
            let upstream = self.publications.get_mut(id).and_then(|publication| publication.upstream.as_mut());
            let waiting =
                upstream.into_iter().flat_map(|u| u.waiting.extract_if(.., |(w, _)| w.transport == transport));
            forgotten.extend(waiting.map(|(wish, _)| wish));
        }
        for wish in forgotten {
            self.deserted.push(wish.publication);
            self.emit(MediaEvent::Failed { request: wish.request, why: MediaFailure::UnknownTransport });
        }
    }

    /// Closes the pipes that nobody needs any more.
    pub(crate) fn leave_deserted(&mut self) {
        for id in std::mem::take(&mut self.deserted) {
            let is_deserted = self.publications.get(&id).is_some_and(|publication| {
                // What is made here is ended by whoever makes it.
                let piped = publication.upstream.as_ref().filter(|upstream| upstream.worker().is_some());
                piped.is_some_and(|upstream| upstream.waiting.is_empty()) && !publication.is_wanted()
            });
            if is_deserted {
                self.close_publication(id);
            }
        }
    }

    pub(crate) fn pipe(&mut self, to: WorkerId, publication: PublicationId, content: Piped) {
        self.sink.outputs.push_back(content.of(publication).to(to));
    }

    fn open_downstream(&mut self, worker: WorkerId, id: PublicationId, room: u64) {
        let publication = self.publications.get_mut(&id);
        // What comes through a pipe is not handed on through another one.
        let is_piped = |p: &Publication| p.upstream.as_ref().and_then(Upstream::worker).is_some();
        let publication = publication.filter(|p| p.router.number == room && !is_piped(p));
        let answer = match publication {
            // Whoever asks will ask again.
            Some(publication) if publication.upstream.as_ref().is_some_and(|local| !local.is_described) => return,
            Some(publication) => {
                if !publication.downstream.contains(&worker) {
                    publication.downstream.push(worker);
                }
                Piped::Description(publication.description())
            }
            None => Piped::Ended,
        };
        self.pipe(worker, id, answer);
        self.review_uplink(id);
    }

    fn described(&mut self, from: WorkerId, id: PublicationId, description: &Description) {
        let publication = self.publications.get_mut(&id).filter(|publication| publication.comes_from(from));
        let Some(publication) = publication else {
            return self.pipe(from, id, Piped::Close);
        };
        let Some(upstream) = &mut publication.upstream else {
            return;
        };
        if std::mem::replace(&mut upstream.is_described, true) && publication.generation == description.generation {
            return;
        }
        self.describe(id, description);
        self.deserted.push(id);
    }

    /// What comes from elsewhere is something else from now on: its subscribers begin anew, and those who waited begin.
    pub(crate) fn describe(&mut self, id: PublicationId, description: &Description) {
        let Some(publication) = self.publications.get_mut(&id) else {
            return;
        };
        let waiting = publication.upstream.as_mut().map(|upstream| std::mem::take(&mut upstream.waiting));
        publication.describe(description, self.now);
        self.restart_consumers(id);
        for (wish, offer) in waiting.unwrap_or_default() {
            self.subscribe(wish, offer.as_deref());
        }
        self.wake_publication(id);
    }

    fn take_piped(&mut self, from: WorkerId, id: PublicationId, packets: Vec<Packet>) {
        let publication = self.publications.get(&id).filter(|publication| publication.comes_from(from));
        let Some(publication) = publication else {
            return self.pipe(from, id, Piped::Close);
        };
        let known = publication.generation;
        let is_described = publication.upstream.as_ref().is_some_and(|upstream| upstream.is_described);
        let mut missed_description = false;
        for mut packet in packets {
            let ahead = packet.source.generation.wrapping_sub(known) as i32;
            missed_description |= is_described && ahead > 0;
            packet.kept = None;
            let publication = self.publications.get_mut(&id);
            if publication.is_some_and(|publication| publication.annotate(&mut packet)) {
                self.queue(id, packet);
            }
        }
        if missed_description {
            self.ask_upstream(id);
        }
    }

    fn tell_disconnected(&mut self, id: PublicationId) {
        let consumers = self.publications.get(&id).map(|publication| publication.consumers.clone());
        for slot in consumers.into_iter().flatten() {
            let consumer = self.peers.get(slot).and_then(|peer| peer.consumer.as_ref());
            if consumer.is_some_and(|consumer| consumer.connected) {
                self.observe(slot, TransportObservation::Disconnected);
            }
        }
    }
}
