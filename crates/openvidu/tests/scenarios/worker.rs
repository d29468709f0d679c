//! The media worker of a test: it remembers what is open, so that a test can see that nothing is left.

use std::collections::{HashMap, HashSet, VecDeque};

use protocol::id::{MediaRequestId, PublicationId, RouterId, SubscriberId, TransportId};
use protocol::media::{IceCredentials, Kinds, MediaCommand, MediaEvent, MediaOperation, TransportObservation};

/// Carries out commands; answers when told.
#[derive(Default, Debug)]
pub(crate) struct Worker {
    pub(crate) waits: bool,
    pub(crate) pending: VecDeque<MediaCommand>,
    pub(crate) commands: Vec<MediaCommand>,
    pub(crate) routers: HashSet<RouterId>,
    pub(crate) publications: HashMap<u64, RouterId>,
    /// With the publication received, or published.
    pub(crate) transports: HashMap<u64, u64>,
    pub(crate) subscribers: HashMap<u64, SubscriberId>,
}

impl Worker {
    pub(crate) fn carry_out(&mut self, command: MediaCommand) {
        self.commands.push(command.clone());
        let router = command.router;
        match &command.op {
            MediaOperation::CreateRouter => drop(self.routers.insert(router)),
            MediaOperation::CloseRouter => {
                self.routers.remove(&router);
                let closed: HashSet<u64> =
                    self.publications.iter().filter(|(_, r)| **r == router).map(|(id, _)| *id).collect();
                self.publications.retain(|id, _| !closed.contains(id));
                self.transports.retain(|_, publication| !closed.contains(publication));
            }
            MediaOperation::Publish { publication, transport, .. } => {
                assert!(self.routers.contains(&router), "a publication needs an open router");
                self.publications.insert(publication.0, router);
                self.transports.insert(transport.0, publication.0);
            }
            MediaOperation::Subscribe { publication, source, subscriber, transport, .. } => {
                assert!(self.routers.contains(&router), "a subscription needs an open router");
                if self.is_in(router, *publication) {
                    let home = self.publications[&publication.0].worker;
                    assert_eq!(home, *source, "it says where the publication is");
                    self.transports.insert(transport.0, publication.0);
                    self.subscribers.insert(transport.0, *subscriber);
                }
            }
            MediaOperation::PublishLocal { publication, .. } => {
                assert!(self.routers.contains(&router), "a publication needs an open router");
                let home = *self.publications.entry(publication.0).or_insert(router);
                assert_eq!(home, router, "a command goes to its own room");
            }
            MediaOperation::Interpose { publication, .. } | MediaOperation::Withdraw { publication } => {
                assert_eq!(self.publications.get(&publication.0), Some(&router), "a command goes to its own room");
            }
            MediaOperation::CloseTransport { transport } => {
                if let Some(publication) = self.transports.remove(&transport.0) {
                    assert!(self.is_in(router, PublicationId(publication)), "a command goes to its own room");
                }
            }
            MediaOperation::ClosePublication { publication } => {
                assert!(self.is_in(router, *publication) || !self.publications.contains_key(&publication.0));
                if self.publications.get(&publication.0) == Some(&router) {
                    self.publications.remove(&publication.0);
                }
                self.transports.retain(|_, p| *p != publication.0);
            }
            MediaOperation::AcceptAnswer { .. }
            | MediaOperation::RestartIce { .. }
            | MediaOperation::ChangeReception { .. }
            | MediaOperation::Select { .. }
            | MediaOperation::AddRemoteCandidate { .. }
            | MediaOperation::SetTap { .. }
            | MediaOperation::RemoveTap { .. }
            | MediaOperation::RequestKeyFrame { .. } => {}
        }
        if command.op.request().is_some() {
            self.pending.push_back(command);
        }
    }

    /// Whether it is in that room, which may be in several workers.
    fn is_in(&self, router: RouterId, publication: PublicationId) -> bool {
        self.publications.get(&publication.0).is_some_and(|home| home.number == router.number)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.routers.is_empty() && self.publications.is_empty() && self.transports.is_empty()
    }

    pub(crate) fn candidates(&self) -> Vec<String> {
        let mut found = vec![];
        for command in &self.commands {
            if let MediaOperation::AddRemoteCandidate { candidate, .. } = &command.op {
                found.push(candidate.clone());
            }
        }
        found
    }

    /// The latest transport that somebody asked for, with its room.
    pub(crate) fn latest_transport(&self) -> (RouterId, TransportId) {
        let transport = |command: &MediaCommand| match command.op {
            MediaOperation::Publish { transport, .. } | MediaOperation::Subscribe { transport, .. } => {
                Some((command.router, transport))
            }
            _ => None,
        };
        self.commands.iter().rev().find_map(transport).expect("somebody publishes")
    }
}

/// What a worker reports that sees something on a transport.
pub(crate) fn observed((router, transport): (RouterId, TransportId), observation: TransportObservation) -> MediaEvent {
    MediaEvent::Observed { router, transport, observation }
}

pub(crate) fn request_of(command: &MediaCommand) -> Option<MediaRequestId> {
    command.op.request()
}

/// What a worker reports that has nothing to complain about.
pub(crate) fn success(command: &MediaCommand) -> MediaEvent {
    match &command.op {
        MediaOperation::Publish { request, kinds, .. } => {
            MediaEvent::Answered { request: *request, sdp: "answer-to-publisher".to_owned(), kinds: *kinds }
        }
        MediaOperation::Subscribe { request, offer: Some(_), .. } => {
            let kinds = Kinds { audio: true, video: true };
            MediaEvent::Answered { request: *request, sdp: "answer-to-subscriber".to_owned(), kinds }
        }
        MediaOperation::Subscribe { request, offer: None, .. } => {
            MediaEvent::Offered { request: *request, sdp: "offer-to-subscriber".to_owned() }
        }
        MediaOperation::AcceptAnswer { request, .. } => MediaEvent::Accepted { request: *request },
        MediaOperation::RestartIce { request, .. } => MediaEvent::Restarted {
            request: *request,
            credentials: IceCredentials { ufrag: "ours".to_owned(), password: "a password of ours".to_owned() },
            candidates: vec!["candidate:ours".to_owned()],
        },
        other => unreachable!("{other:?} is not settled"),
    }
}
