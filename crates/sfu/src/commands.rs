//! What the control side asks for: rooms, publications, subscriptions, and their ends. Packets are in `sfu.rs`.

use std::time::Duration;

use protocol::id::{PublicationId, RouterId, TapId, TransportId};
use protocol::media::{
    BitrateLimits, CodecChoice, IceCredentials, Kinds, Legs, MediaCommand, MediaEvent, MediaFailure, MediaOperation,
    Reception,
};
use rand::Rng;

use crate::consumer::Consumer;
use crate::demux::Ufrag;
use crate::milestones::Milestones;
use crate::peer::{Peer, PendingOffer};
use crate::pipe::Piped;
use crate::publication::Publication;
use crate::sdp::{self, AudioFormat, Description, LocalTransport, OutgoingIds, VideoFormat};
use crate::sfu::Sfu;
use crate::slots::Slot;
use crate::subscription::SubscriptionWish;
use crate::tap::Tap;
use crate::timers::Timer;
use crate::transport::{self, Receiving, Sending, StreamFormat, Transport};
use crate::uplink::{self, Uplink};

/// An offer that is not answered in this time is withdrawn: the client has given up (its own limit is 10 s).
const OFFER_LIFETIME: Duration = Duration::from_secs(30);

impl Sfu {
    pub(crate) fn command(&mut self, MediaCommand { router, op }: MediaCommand) {
        match op {
            MediaOperation::CreateRouter => {
                self.routers.entry(router).or_default();
            }
            MediaOperation::CloseRouter => self.close_router(router),
            MediaOperation::Publish { request, publication, transport, offer, kinds, codecs, bitrate, loopback } => {
                let result = self.publish(router, publication, transport, &offer, kinds, &codecs, bitrate, loopback);
                self.emit(match result {
                    Ok((sdp, kinds)) => MediaEvent::Answered { request, sdp, kinds },
                    Err(why) => MediaEvent::Failed { request, why },
                });
            }
            MediaOperation::PublishLocal { publication, formats } => self.publish_local(router, publication, formats),
            MediaOperation::Interpose { publication, behind, taps } => {
                self.interpose(router, publication, behind, &taps);
            }
            MediaOperation::Withdraw { publication } => self.withdraw(router, publication),
            MediaOperation::Subscribe { request, publication, source, subscriber, transport, reception, offer } => {
                let wish = SubscriptionWish { request, router, publication, subscriber, transport, reception };
                if source == self.worker {
                    self.subscribe(wish, offer.as_deref());
                } else {
                    self.subscribe_upstream(source, wish, offer);
                }
            }
            MediaOperation::ChangeReception { legs, reception } => self.change_reception(router, legs, reception),
            MediaOperation::Select { subscriber, selection } => self.select(router, subscriber, selection),
            MediaOperation::AcceptAnswer { request, transport, answer } => {
                let result = self.accept_answer(router, transport, &answer);
                self.emit(match result {
                    Ok(()) => MediaEvent::Accepted { request },
                    Err(why) => MediaEvent::Failed { request, why },
                });
            }
            MediaOperation::AddRemoteCandidate { transport, candidate } => {
                let Some(slot) = self.slot_in(router, transport) else {
                    return;
                };
                if let Some(peer) = self.peers.get_mut(slot) {
                    peer.transport.add_remote_candidate(&self.shared, &candidate, self.now, &mut self.sink);
                    self.schedule(slot);
                }
            }
            MediaOperation::RestartIce { request, transport, credentials } => {
                let restarted = self.restart_ice(router, transport, &credentials);
                self.emit(match restarted {
                    Some((credentials, candidates)) => MediaEvent::Restarted { request, credentials, candidates },
                    None => MediaEvent::Failed { request, why: MediaFailure::UnknownTransport },
                });
            }
            MediaOperation::CloseTransport { transport } => match self.slot_in(router, transport) {
                Some(slot) => self.remove_peer(slot),
                None => self.forget_waiting(router, transport),
            },
            MediaOperation::ClosePublication { publication } => {
                if self.publications.get(&publication).is_some_and(|p| p.router == router) {
                    self.close_publication(publication);
                }
            }
            MediaOperation::SetTap { tap, publication, audio, video } => {
                self.remove_tap(tap);
                self.set_tap(router, Tap::new(tap, router, publication, audio, video), publication);
            }
            MediaOperation::RemoveTap { tap } => {
                if self.tapped_in(router, tap).is_some() {
                    self.remove_tap(tap);
                }
            }
            MediaOperation::RequestKeyFrame { tap } => self.request_key_frame_for(router, tap),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one operation")]
    fn publish(
        &mut self,
        router: RouterId,
        id: PublicationId,
        transport: TransportId,
        offer: &str,
        kinds: Kinds,
        codecs: &CodecChoice,
        bitrate: BitrateLimits,
        loopback: bool,
    ) -> Result<(String, Kinds), MediaFailure> {
        let now = self.now;
        if !self.routers.contains_key(&router) {
            return Err(MediaFailure::UnknownRouter);
        }
        let front = id;
        let existing = self.publications.get(&front);
        if existing.is_some_and(|p| p.router != router || p.upstream.is_some() && p.behind.is_none()) {
            return Err(MediaFailure::UnknownPublication);
        }
        let id = existing.and_then(|publication| publication.behind).unwrap_or(front);
        let existing = self.publications.get(&id);
        let text = offer;
        let offer = Description::parse(text)?;
        let keep = existing.and_then(|p| p.video.as_ref());
        let plan = sdp::plan_publish(&offer, kinds, self.redundancy, codecs, keep, loopback)?;
        let generation = existing.map_or(0, |p| p.generation).wrapping_add(1);

        self.replace_transport_id(transport);
        let slot = self.peers.next();
        let ((ufrag, credentials), ids) = (self.credentials(slot), self.outgoing_ids());
        let layers = plan.video().map_or(0, |(_, accepted, _)| accepted.rids.len());
        let most = uplink::ceiling(bitrate, layers).map(|kbps| sdp::Bandwidth::new(text, kbps));
        let uplink = Uplink::new(bitrate, layers, now);
        let sdp = sdp::write_publish_answer(&self.local(&credentials), &plan, &ids, most);
        let (shared, sink) = (&self.shared, &mut self.sink);
        let receiving = Receiving::new(shared, slot, &credentials, &plan, &ids, uplink, generation, now, sink);

        let audio = plan.audio().map(|(.., format)| format.clone());
        let video = plan.video().map(|(.., format)| format.clone());
        let loops = |accepted: Option<&sdp::Accepted>| accepted.is_some_and(|a| a.direction.sends());
        let loop_audio = loops(plan.audio().map(|(_, a, _)| a));
        let loop_video = video.as_ref().filter(|_| loops(plan.video().map(|(_, a, _)| a))).map(|v| v.codec);
        let consumer = (loop_audio || loop_video.is_some())
            .then(|| Consumer::new(front, loop_audio, loop_video, [self.rng.random(), self.rng.random()]));
        let is_looped = consumer.is_some();

        let peer = Peer {
            id: transport,
            ufrag,
            former_ufrag: None,
            router,
            publication: id,
            transport: Transport::Receiving(Box::new(receiving)),
            candidates: self.shared.candidates(),
            consumer,
            subscriber: None,
            membership: None,
            is_paced: false,
            milestones: Milestones::default(),
            offer: None,
        };
        let slot = self.peers.insert(peer);
        self.by_transport.insert(transport, slot);
        self.schedule(slot);

        let publication = self.publications.entry(id).or_insert_with(|| Publication::new(router, now));
        let previous = publication.transport.take();
        publication.take_over(slot, audio, video, layers, now);
        let (downstream, description) = (publication.downstream.clone(), publication.description());
        self.restart_consumers(id);
        for worker in downstream {
            self.pipe(worker, id, Piped::Description(description.clone()));
        }
        self.routers.entry(router).or_default().insert(id);
        if let Some(front) = self.publications.get_mut(&front).filter(|_| is_looped) {
            front.add_consumer(slot);
        }
        if let Some(previous) = previous {
            self.remove_peer(previous);
        }
        Ok((sdp, plan.kinds()))
    }

    /// To something that is known here.
    pub(crate) fn subscribe(&mut self, wish: SubscriptionWish, offer: Option<&str>) {
        let request = wish.request;
        let publication = self.publications.get_mut(&wish.publication).filter(|p| p.router == wish.router);
        if let Some(upstream) = publication.and_then(|p| p.upstream.as_mut()).filter(|it| !it.is_described) {
            upstream.waiting.push((wish, offer.map(str::to_owned)));
            return;
        }
        let result = match offer {
            Some(offer) => {
                let answered = self.answer_subscriber(wish, offer);
                answered.map(|(sdp, kinds)| MediaEvent::Answered { request, sdp, kinds })
            }
            None => self.offer_to_subscriber(wish).map(|sdp| MediaEvent::Offered { request, sdp }),
        };
        self.emit(result.unwrap_or_else(|why| MediaEvent::Failed { request, why }));
    }

    fn offer_to_subscriber(&mut self, wish: SubscriptionWish) -> Result<String, MediaFailure> {
        let now = self.now;
        let (audio, video) = self.formats(wish.router, wish.publication)?;
        let (audio, video) = sdp::plan_server_offer(audio.as_ref(), video.as_ref());
        self.replace_transport_id(wish.transport);
        let slot = self.peers.next();
        let ((ufrag, credentials), ids) = (self.credentials(slot), self.outgoing_ids());
        let video_mid = if audio.is_some() { "1" } else { "0" };
        let sections = (audio.as_ref().map(|a| ("0", a)), video.as_ref().map(|v| (video_mid, v)));
        let sdp = sdp::write_offer(&self.local(&credentials), &ids, sections.0, sections.1);
        let sending = Sending::new(&self.shared, slot, &credentials, ids.cname.clone(), now);
        let offer = PendingOffer { expires: now + OFFER_LIFETIME, audio, video, ids };
        self.add_subscriber(wish, ufrag, sending, Some(offer));
        Ok(sdp)
    }

    fn answer_subscriber(&mut self, wish: SubscriptionWish, offer: &str) -> Result<(String, Kinds), MediaFailure> {
        let now = self.now;
        let (audio, video) = self.formats(wish.router, wish.publication)?;
        let offer = Description::parse(offer)?;
        let plan = sdp::plan_subscribe(&offer, audio.as_ref(), video.as_ref())?;
        self.replace_transport_id(wish.transport);
        let slot = self.peers.next();
        let ((ufrag, credentials), ids) = (self.credentials(slot), self.outgoing_ids());
        let sdp = sdp::write_subscribe_answer(&self.local(&credentials), &plan, &ids);
        let mut sending = Sending::new(&self.shared, slot, &credentials, ids.cname.clone(), now);
        let streams = self.numbered(transport::answered_streams(&plan, &ids));
        sending.set_remote(&self.shared, &plan.remote, false, streams, now, &mut self.sink);
        self.add_subscriber(wish, ufrag, sending, None);
        Ok((sdp, plan.kinds()))
    }

    fn add_subscriber(&mut self, wish: SubscriptionWish, ufrag: Ufrag, sending: Sending, offer: Option<PendingOffer>) {
        let SubscriptionWish { request: _, router, publication: id, subscriber, transport, reception } = wish;
        let first_sequences = [self.rng.random(), self.rng.random()];
        let Some(publication) = self.publications.get_mut(&id) else {
            return;
        };
        let video = publication.video.as_ref().map(|v| v.codec);
        let consumer = Consumer::new(id, publication.audio.is_some(), video, first_sequences).wanting(reception);
        let peer = Peer {
            id: transport,
            ufrag,
            former_ufrag: None,
            router,
            publication: id,
            transport: Transport::Sending(sending),
            candidates: self.shared.candidates(),
            consumer: Some(consumer),
            subscriber: Some(subscriber),
            membership: None,
            is_paced: false,
            milestones: Milestones::default(),
            offer,
        };
        let slot = self.peers.insert(peer);
        publication.add_consumer(slot);
        self.by_transport.insert(transport, slot);
        self.add_leg(slot);
        self.choose_first(slot);
        self.schedule(slot);
        self.review_uplink(id);
    }

    /// Our new credentials, and where the transport is reached.
    fn restart_ice(
        &mut self,
        router: RouterId,
        transport: TransportId,
        theirs: &IceCredentials,
    ) -> Option<(IceCredentials, Vec<String>)> {
        let slot = self.slot_in(router, transport)?;
        let (ufrag, ours) = self.credentials(slot);
        let peer = self.peers.get_mut(slot)?;
        peer.former_ufrag = Some(std::mem::replace(&mut peer.ufrag, ufrag));
        peer.transport.restart_ice(&ours, theirs, self.now, &mut self.sink);
        let candidates = peer.candidates.lines().to_vec();
        self.schedule(slot);
        Some((ours, candidates))
    }

    fn change_reception(&mut self, router: RouterId, legs: Legs, wanted: Reception) {
        let slots: Vec<Slot> = match legs {
            Legs::Transport(transport) => self.slot_in(router, transport).into_iter().collect(),
            Legs::Subscriber(subscriber) => {
                let publications = self.routers.get(&router).into_iter().flatten();
                let consumers = publications.filter_map(|id| self.publications.get(id)).flat_map(|p| &p.consumers);
                let is_theirs = |slot: &Slot| self.peers.get(*slot).and_then(|p| p.subscriber) == Some(subscriber);
                consumers.copied().filter(is_theirs).collect()
            }
        };
        for slot in slots {
            let Some(peer) = self.peers.get_mut(slot).filter(|peer| peer.subscriber.is_some()) else {
                continue;
            };
            let id = peer.publication;
            let (Some(consumer), Some(publication)) = (&mut peer.consumer, self.publications.get(&id)) else {
                continue;
            };
            consumer.change(wanted, &publication.layers, publication.generation, self.now);
            self.wake_publication(id);
            self.divide_soon(slot);
            self.review_uplink(id);
        }
    }

    fn accept_answer(&mut self, router: RouterId, transport: TransportId, answer: &str) -> Result<(), MediaFailure> {
        let slot = self.slot_in(router, transport).ok_or(MediaFailure::UnknownTransport)?;
        let offer = self.peers.get(slot).and_then(|peer| peer.offer.as_ref()).ok_or(MediaFailure::UnknownTransport)?;
        let answer = Description::parse(answer)?;
        let (audio, video) = (offer.audio.as_ref(), offer.video.as_ref());
        let remote = sdp::check_answer(&answer, audio, video)?;
        let streams = transport::offered_streams(&answer, audio, video, &offer.ids);
        let streams = self.numbered(streams);
        if let Some(peer) = self.peers.get_mut(slot)
            && let Transport::Sending(sending) = &mut peer.transport
        {
            sending.set_remote(&self.shared, &remote, true, streams, self.now, &mut self.sink);
            peer.offer = None;
        }
        self.schedule(slot);
        Ok(())
    }

    fn set_tap(&mut self, router: RouterId, mut tap: Tap, id: PublicationId) {
        let Some(publication) = self.publications.get_mut(&id).filter(|p| p.router == router) else {
            self.emit(MediaEvent::TapEnded { router, tap: tap.id() });
            return;
        };
        self.taps.insert(tap.id(), id);
        let codec = publication.video.as_ref().map(|video| video.codec);
        tap.start(codec, &publication.layers, publication.generation, self.now);
        publication.taps.push(tap);
        self.wake_publication(id);
        self.review_uplink(id);
    }

    fn remove_tap(&mut self, tap: TapId) {
        let publication = self.taps.remove(&tap).and_then(|id| self.publications.get_mut(&id));
        if let Some(publication) = publication {
            publication.taps.retain(|t| t.id() != tap);
        }
    }

    /// What a tap copies, provided it is in that room.
    fn tapped_in(&self, router: RouterId, tap: TapId) -> Option<PublicationId> {
        self.taps.get(&tap).copied().filter(|id| self.publications.get(id).is_some_and(|p| p.router == router))
    }

    /// A transport, provided it is in that room.
    fn slot_in(&self, router: RouterId, transport: TransportId) -> Option<Slot> {
        let slot = self.by_transport.get(&transport).copied()?;
        self.peers.get(slot).is_some_and(|peer| peer.router == router).then_some(slot)
    }

    fn request_key_frame_for(&mut self, router: RouterId, tap: TapId) {
        let Some(id) = self.tapped_in(router, tap) else {
            return;
        };
        let Some(publication) = self.publications.get_mut(&id) else {
            return;
        };
        let layer = publication.taps.iter().find(|t| t.id() == tap).and_then(|t| t.consumer().video_layer());
        publication.want_key_frame(layer);
        self.request_key_frames(id);
    }

    /// Formats of a publication, provided it is in that room.
    fn formats(
        &self,
        router: RouterId,
        id: PublicationId,
    ) -> Result<(Option<AudioFormat>, Option<VideoFormat>), MediaFailure> {
        if !self.routers.contains_key(&router) {
            return Err(MediaFailure::UnknownRouter);
        }
        let publication = self.publications.get(&id).filter(|p| p.router == router);
        let publication = publication.ok_or(MediaFailure::UnknownPublication)?;
        Ok((publication.audio.clone(), publication.video.clone()))
    }

    fn credentials(&mut self, slot: Slot) -> (Ufrag, IceCredentials) {
        let name = self.demux.ufrag(slot, &mut self.rng);
        let ufrag = name.to_string();
        let password = self.ice_secret.password(&ufrag);
        (name, IceCredentials { ufrag, password })
    }

    /// With a number for each at which its retransmissions begin.
    fn numbered(&mut self, streams: Vec<StreamFormat>) -> Vec<(StreamFormat, u16)> {
        streams.into_iter().map(|stream| (stream, self.rng.random())).collect()
    }

    fn outgoing_ids(&mut self) -> OutgoingIds {
        // 0 is reserved for probes.
        let ssrc = self.rng.random_range(1..u32::MAX - 2);
        OutgoingIds {
            session: self.rng.random::<u64>() >> 2,
            stream: format!("{:016x}{:016x}", self.rng.random::<u64>(), self.rng.random::<u64>()),
            cname: format!("{:016x}", self.rng.random::<u64>()),
            audio_ssrc: ssrc,
            video_ssrc: ssrc + 1,
            video_rtx_ssrc: ssrc + 2,
        }
    }

    fn local<'a>(&'a self, credentials: &'a IceCredentials) -> LocalTransport<'a> {
        LocalTransport {
            ufrag: &credentials.ufrag,
            pwd: &credentials.password,
            fingerprint: self.shared.fingerprint(),
            candidates: self.shared.candidate_lines(),
            ice_lite: self.shared.ice_lite(),
        }
    }

    /// Ids are given by the caller, who may give one again: the latest counts.
    fn replace_transport_id(&mut self, transport: TransportId) {
        if let Some(slot) = self.by_transport.get(&transport).copied() {
            self.remove_peer(slot);
        }
    }

    fn close_router(&mut self, router: RouterId) {
        self.big_rooms.remove(&router);
        for publication in self.routers.remove(&router).unwrap_or_default() {
            self.close_publication(publication);
        }
    }

    /// The publication is something else from now on: its subscribers begin anew.
    pub(crate) fn restart_consumers(&mut self, id: PublicationId) {
        let Some(publication) = self.publications.get(&id) else {
            return;
        };
        for consumer in &publication.consumers {
            if let Some(consumer) = self.peers.get_mut(*consumer).and_then(|p| p.consumer.as_mut()) {
                consumer.restart_video(&publication.layers, publication.generation, self.now);
            }
        }
    }

    pub(crate) fn close_publication(&mut self, id: PublicationId) {
        let Some(publication) = self.publications.remove(&id) else {
            return;
        };
        for worker in publication.downstream {
            self.pipe(worker, id, Piped::Ended);
        }
        if let Some(behind) = publication.behind {
            self.close_publication(behind);
        }
        if let Some(upstream) = publication.upstream {
            if let Some(worker) = upstream.worker() {
                self.pipe(worker, id, Piped::Close);
            }
            for (wish, _) in upstream.waiting {
                self.emit(MediaEvent::Failed { request: wish.request, why: MediaFailure::UnknownPublication });
            }
        }
        if let Some(publications) = self.routers.get_mut(&publication.router) {
            publications.remove(&id);
        }
        self.leave_big_room(publication.router, id);
        self.timers.remove(Timer::Publication(id));
        for tap in &publication.taps {
            self.taps.remove(&tap.id());
            self.emit(MediaEvent::TapEnded { router: publication.router, tap: tap.id() });
        }
        for slot in publication.consumers.into_iter().chain(publication.transport) {
            self.remove_peer(slot);
        }
    }

    /// Ends a transport and forgets all about it.
    pub(crate) fn remove_peer(&mut self, slot: Slot) {
        let Some(peer) = self.peers.remove(slot) else {
            return;
        };
        self.demux.forget(slot);
        self.timers.remove(Timer::Transport(slot));
        if self.by_transport.get(&peer.id) == Some(&slot) {
            self.by_transport.remove(&peer.id);
        }
        if let Some(consumer) = &peer.consumer
            && let Some(publication) = self.publications.get_mut(&consumer.publication)
        {
            if publication.consumers.contains(&slot) {
                publication.audience.remove(consumer.choice());
            }
            publication.consumers.retain(|s| *s != slot);
        }
        if let Some(publication) = self.publications.get_mut(&peer.publication) {
            if publication.transport == Some(slot) {
                publication.transport = None;
            }
            if publication.upstream.is_some() {
                self.deserted.push(peer.publication);
            }
        }
        if let (Some(who), Some(room)) = (peer.subscriber, self.big_rooms.get_mut(&peer.router)) {
            room.remove_leg(who, slot);
        }
        self.remove_leg(&peer);
        peer.transport.close(self.now, &mut self.sink);
        // What it reported while closing concerns nobody; a new transport in the slot must not get it.
        self.sink.events.retain(|(s, _)| *s != slot);
        self.sink.checks.retain(|(s, _)| *s != slot);
    }
}
