//! The media worker of a test: it remembers what is open, so that a test can see that nothing is left.

use std::collections::{HashMap, HashSet, VecDeque};

use protocol::id::MediaRequestId;
use protocol::media::{MediaCommand, MediaEvent};

/// Carries out commands; answers when told.
#[derive(Default, Debug)]
pub(crate) struct Worker {
    pub(crate) waits: bool,
    pub(crate) pending: VecDeque<MediaCommand>,
    pub(crate) commands: Vec<MediaCommand>,
    pub(crate) routers: HashSet<u64>,
    pub(crate) publications: HashMap<u64, u64>,
    /// With the publication received, or published.
    pub(crate) transports: HashMap<u64, u64>,
}

impl Worker {
    pub(crate) fn carry_out(&mut self, command: MediaCommand) {
        self.commands.push(command.clone());
        match &command {
            MediaCommand::CreateRouter { router } => drop(self.routers.insert(router.0)),
            MediaCommand::CloseRouter { router } => {
                self.routers.remove(&router.0);
                let closed: HashSet<u64> =
                    self.publications.iter().filter(|(_, r)| **r == router.0).map(|(id, _)| *id).collect();
                self.publications.retain(|id, _| !closed.contains(id));
                self.transports.retain(|_, publication| !closed.contains(publication));
            }
            MediaCommand::Publish { router, publication, transport, .. } => {
                assert!(self.routers.contains(&router.0), "a publication needs an open router");
                self.publications.insert(publication.0, router.0);
                self.transports.insert(transport.0, publication.0);
            }
            MediaCommand::Subscribe { publication, transport, .. } => {
                if self.publications.contains_key(&publication.0) {
                    self.transports.insert(transport.0, publication.0);
                }
            }
            MediaCommand::CloseTransport { transport } => drop(self.transports.remove(&transport.0)),
            MediaCommand::ClosePublication { publication } => {
                self.publications.remove(&publication.0);
                self.transports.retain(|_, p| *p != publication.0);
            }
            MediaCommand::AcceptAnswer { .. }
            | MediaCommand::AddRemoteCandidate { .. }
            | MediaCommand::SetTap { .. }
            | MediaCommand::RemoveTap { .. }
            | MediaCommand::RequestKeyFrame { .. } => {}
        }
        if request_of(&command).is_some() {
            self.pending.push_back(command);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.routers.is_empty() && self.publications.is_empty() && self.transports.is_empty()
    }

    pub(crate) fn candidates(&self) -> Vec<String> {
        let mut found = vec![];
        for command in &self.commands {
            if let MediaCommand::AddRemoteCandidate { candidate, .. } = command {
                found.push(candidate.clone());
            }
        }
        found
    }
}

pub(crate) fn request_of(command: &MediaCommand) -> Option<MediaRequestId> {
    match command {
        MediaCommand::Publish { request, .. }
        | MediaCommand::Subscribe { request, .. }
        | MediaCommand::AcceptAnswer { request, .. } => Some(*request),
        _ => None,
    }
}

/// What a worker reports that has nothing to complain about.
pub(crate) fn success(command: &MediaCommand) -> MediaEvent {
    match command {
        MediaCommand::Publish { request, .. } => {
            MediaEvent::Answered { request: *request, sdp: "answer-to-publisher".to_owned() }
        }
        MediaCommand::Subscribe { request, offer: Some(_), .. } => {
            MediaEvent::Answered { request: *request, sdp: "answer-to-subscriber".to_owned() }
        }
        MediaCommand::Subscribe { request, offer: None, .. } => {
            MediaEvent::Offered { request: *request, sdp: "offer-to-subscriber".to_owned() }
        }
        MediaCommand::AcceptAnswer { request, .. } => MediaEvent::Accepted { request: *request },
        other => unreachable!("{other:?} is not settled"),
    }
}
