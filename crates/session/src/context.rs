//! What a transition of a session may use besides the session itself: who can be reached, what is waited for, and the
//! queue of what is to be done. It knows no session.

use std::collections::VecDeque;
use std::sync::Arc;

use protocol::id::{MediaRequestId, StreamId};

use crate::camera::Cameras;
use crate::client::{Clients, Link, Origin, Presence};
use crate::command::{Asker, CallId};
use crate::effect::Effects;
use crate::id::{ClientId, Ids};
use crate::jobs::Jobs;
use crate::media::{MediaRequest, MediaRequests};
use crate::observation::MediaLegs;
use crate::pull::Pulls;
use crate::recording::Recordings;
use crate::request::{Decision, Response};
use crate::speech::Speech;
use crate::timer::{Timer, Timers};
use crate::worker::Workers;
use crate::{Notification, Refusal, Reply, Settings, Time};

/// See the module.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) settings: Settings,
    pub(crate) ids: Ids,
    pub(crate) clients: Clients,
    pub(crate) media: MediaRequests,
    pub(crate) workers: Workers,
    pub(crate) legs: MediaLegs,
    pub(crate) timers: Timers,
    pub(crate) recordings: Recordings,
    pub(crate) cameras: Cameras,
    pub(crate) pulls: Pulls,
    pub(crate) jobs: Jobs,
    pub(crate) speech: Speech,
    /// Streams to be offered again, and to whom.
    pub(crate) offers_due: VecDeque<(ClientId, StreamId)>,
    pub(crate) effects: Effects,
}

impl Context {
    pub(crate) fn new(settings: Settings, seed: [u8; 32]) -> Self {
        Self {
            workers: Workers::new(&settings.media_workers),
            settings,
            ids: Ids::new(seed),
            clients: Clients::default(),
            media: MediaRequests::default(),
            legs: MediaLegs::default(),
            timers: Timers::default(),
            recordings: Recordings::default(),
            cameras: Cameras::default(),
            pulls: Pulls::default(),
            jobs: Jobs::default(),
            speech: Speech::default(),
            offers_due: VecDeque::new(),
            effects: Effects::default(),
        }
    }

    /// Answers, unless the asker has changed its socket: then nobody waits any more.
    pub(crate) fn reply(&mut self, origin: Origin, result: Result<Reply, Refusal>) {
        let handle = self.clients.get(origin.client).map(|client| client.handle.clone());
        if let Some(asker) = origin.asker
            && (self.clients.is_current(origin) || matches!(asker, Asker::Call(_)))
        {
            self.effects.reply(asker, handle, result);
        }
    }

    /// Answers a call of the application, if there is one.
    pub(crate) fn answer_call(&mut self, call: Option<CallId>, result: Result<Reply, Refusal>) {
        if let Some(call) = call {
            self.effects.reply(Asker::Call(call), None, result);
        }
    }

    /// Answers with what a rule has decided.
    pub(crate) fn answer(&mut self, origin: Origin, decision: Decision) {
        match decision {
            Ok(Response::Reply(reply)) => self.reply(origin, Ok(reply)),
            Ok(Response::Given | Response::Later) => {}
            Err(refusal) => self.reply(origin, Err(refusal)),
        }
    }

    /// Tells a client something, now or when it is back.
    pub(crate) fn notify(&mut self, client: ClientId, notification: &Arc<Notification>) {
        self.clients.notify(client, notification, &mut self.effects);
    }

    /// Notes who waits for `id`. The caller sends the command.
    pub(crate) fn await_media(&mut self, id: MediaRequestId, request: MediaRequest, now: Time) -> Decision {
        if let Some(client) = self.clients.get_mut(request.origin.client) {
            client.waiting = Some(id);
        }
        self.timers.set(Timer::Media(id), now + self.settings.media_timeout);
        self.media.open(id, request);
        Ok(Response::Later)
    }

    /// A client that is in no session (any more): what waited for its turn is refused, and it is forgotten, with its
    /// socket.
    pub(crate) fn close_client(&mut self, client: ClientId) {
        self.refuse_queued(client);
        self.timers.cancel(Timer::Caller(client));
        self.clients.close(client, &mut self.effects);
    }

    fn refuse_queued(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(id) else { return };
        let Presence::Left { session, connection } = client.presence.clone() else { return };
        for queued in std::mem::take(&mut client.requests) {
            let (session, connection) = (session.clone(), connection.clone());
            self.reply(queued.origin, Err(Refusal::NoLongerJoined { connection, session }));
        }
    }

    /// Forgets a client with everything that was planned for it.
    pub(crate) fn drop_client(&mut self, client: ClientId) {
        self.timers.cancel(Timer::Grace(client));
        self.timers.cancel(Timer::Linger(client));
        self.timers.cancel(Timer::Return(client));
        self.timers.cancel(Timer::CutOff(client));
        self.timers.cancel(Timer::Caller(client));
        self.clients.remove(client);
    }

    /// Whether a client can be told something only by the answers to its calls.
    pub(crate) fn is_only_calling(&self, client: ClientId) -> bool {
        self.clients.get(client).is_some_and(|client| matches!(client.link, Link::Calls))
    }
}
