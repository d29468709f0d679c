//! The thread that has the chronicle: facts come to it by a queue that nobody waits for, questions by the same, and what ends is
//! written to the [`Store`].

use std::collections::HashMap;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};
use std::{fmt, io, thread};

use protocol::event::Reason;
use protocol::id::{ConnectionId, SessionId};
use protocol::language::Language;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::chronicle::Chronicle;
use crate::fact::Fact;
use crate::feedback::Rated;
use crate::store::{Bounds, Search, Store, StoreError};
use crate::story::{Feedback, Millis, Story, What};
use crate::view::{IncidentView, SessionDetail, SessionSummary};

/// Facts and questions on their way.
const QUEUE: usize = 16_384;
/// From here on figures of media are left out: others follow.
const CROWDED: usize = QUEUE / 2;
/// Between two times that stories which go on are written down: what a crash loses of them.
const CHECKPOINT: Duration = Duration::from_secs(10);
/// Between two looks of who follows.
const LOOK: Duration = Duration::from_millis(500);
/// Stories that end within this time are written at once: each time the disk is waited for.
const GATHER: Duration = Duration::from_millis(300);

/// Where it is, and how much of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HistoryOptions {
    /// The file of the store. `None`: only sessions that go on are known.
    pub file: Option<PathBuf>,
    /// How much is kept in it.
    pub bounds: Bounds,
    /// Where media is offered.
    pub offered: Vec<SocketAddr>,
}

/// Reads stories while they grow, on the history's thread: it must not wait for anything.
pub trait Follower: Send {
    /// Looks at those that go on, now and then.
    fn look(&mut self, chronicle: &Chronicle, now: Millis);

    /// A session has ended.
    fn ended(&mut self, story: &Story, now: Millis);
}

/// The file, opened.
pub struct OpenHistory {
    store: Option<Store>,
    offered: Vec<SocketAddr>,
    follower: Option<Box<dyn Follower>>,
}

/// The way to the thread. Cheap to clone; the thread ends with the last one.
#[derive(Clone, Debug)]
pub struct History {
    inputs: SyncSender<Input>,
    shared: Arc<Shared>,
    store: Option<Store>,
}

/// Why a question is not answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unavailable {
    /// The thread has ended, or has too much to do.
    #[error("the history does not answer now")]
    Busy,
    /// What the disk says has been logged.
    #[error("The history cannot be read: the log says why")]
    Unreadable,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: AtomicUsize,
    missed: AtomicBool,
}

enum Input {
    Fact(Box<(Fact, Millis)>),
    Ask(Box<dyn FnOnce(&mut Keeper) + Send>),
}

/// What there is, in short.
#[derive(Clone, PartialEq, Debug)]
pub struct Overview {
    /// The last that is in it.
    pub revision: u64,
    /// All ids.
    pub ids: Vec<String>,
    /// Those that have changed.
    pub changed: Vec<SessionSummary>,
}

impl fmt::Debug for OpenHistory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenHistory")
            .field("store", &self.store)
            .field("offered", &self.offered)
            .finish_non_exhaustive()
    }
}

impl OpenHistory {
    /// Opens the file.
    ///
    /// # Errors
    /// See [`Store::open`].
    pub fn open(options: HistoryOptions) -> Result<Self, StoreError> {
        let store = options.file.as_deref().map(|path| Store::open(path, options.bounds)).transpose()?;
        Ok(Self { store, offered: options.offered, follower: None })
    }

    /// Nothing is kept on the disk.
    pub fn in_memory(offered: Vec<SocketAddr>) -> Self {
        Self { store: None, offered, follower: None }
    }

    /// Lets somebody follow.
    #[must_use]
    pub fn followed_by(self, follower: Box<dyn Follower>) -> Self {
        Self { follower: Some(follower), ..self }
    }

    /// Starts the thread. What the last process left open has ended with it.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(self, now: Millis) -> io::Result<History> {
        let (inputs, receiver) = sync_channel(QUEUE);
        let shared = Arc::<Shared>::default();
        let mut keeper = Keeper {
            chronicle: Chronicle::default(),
            store: self.store.clone(),
            shared: shared.clone(),
            ended: vec![],
            written: HashMap::new(),
            is_broken: false,
            follower: self.follower,
            now,
            told_at: Instant::now(),
        };
        keeper.chronicle.offers(self.offered);
        keeper.bury_left_open(now);
        thread::Builder::new().name("history".to_owned()).spawn(move || keeper.run(&receiver))?;
        Ok(History { inputs, shared, store: self.store })
    }
}

impl History {
    /// Something happened. It never waits: what finds no place is not told.
    pub fn tell(&self, fact: Fact, at: Millis) {
        if self.shared.waiting.load(Ordering::Relaxed) >= CROWDED && fact.is_repeated() {
            return;
        }
        if self.send(Input::Fact(Box::new((fact, at)))).is_err() {
            self.shared.missed.store(true, Ordering::Relaxed);
        }
    }

    fn send(&self, input: Input) -> Result<(), TrySendError<Input>> {
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        self.inputs.try_send(input).inspect_err(|_| {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
        })
    }

    async fn ask<R: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Keeper) -> R + Send + 'static,
    ) -> Result<R, Unavailable> {
        let (answer, answered) = oneshot::channel();
        let ask = Input::Ask(Box::new(move |keeper| drop(answer.send(question(keeper)))));
        self.send(ask).map_err(|_| Unavailable::Busy)?;
        answered.await.map_err(|_| Unavailable::Busy)
    }

    /// Sessions that go on: which there are, and those that have changed since.
    ///
    /// # Errors
    /// See [`Unavailable`].
    pub async fn overview(&self, since: u64, now: Millis) -> Result<Overview, Unavailable> {
        self.ask(move |keeper| {
            let live = || keeper.chronicle.live();
            let changed = live().filter(|live| live.revision > since);
            Overview {
                revision: keeper.chronicle.revision(),
                ids: live().map(|live| live.story.id.to_string()).collect(),
                changed: changed.map(|live| SessionSummary::of(&live.story, now)).collect(),
            }
        })
        .await
    }

    /// A session that goes on, with those in it whom something happened to since; and up to when that is.
    ///
    /// # Errors
    /// See [`Unavailable`].
    pub async fn detail(
        &self,
        session: String,
        since: u64,
        now: Millis,
        language: Language,
    ) -> Result<Option<(SessionDetail, u64)>, Unavailable> {
        self.ask(move |keeper| {
            let revision = keeper.chronicle.revision();
            let live = keeper.chronicle.find(&session)?;
            Some((SessionDetail::since(live, since, now, language), revision))
        })
        .await
    }

    /// What goes wrong outside of sessions, the latest first.
    ///
    /// # Errors
    /// See [`Unavailable`].
    pub async fn incidents(&self, now: Millis, language: Language) -> Result<Vec<IncidentView>, Unavailable> {
        self.ask(move |keeper| {
            keeper.chronicle.troubles(now).iter().map(|incidents| IncidentView::of(incidents, language)).collect()
        })
        .await
    }

    /// Whether something is kept of sessions that have ended.
    pub fn keeps(&self) -> bool {
        self.store.is_some()
    }

    /// Somebody who was in a session since then says how it was. It stands in the story, also if that has ended.
    ///
    /// # Errors
    /// See [`Unavailable`].
    pub async fn rate(
        &self,
        session: SessionId,
        connection: ConnectionId,
        since: Millis,
        feedback: Feedback,
    ) -> Result<Rated, Unavailable> {
        let (of, said) = (connection.clone(), feedback.clone());
        if let Some(rated) = self.ask(move |keeper| keeper.rate(&session, &of, said)).await? {
            return Ok(rated);
        }
        // Ids of connections are chance: no other story has this one.
        let search = Search { text: connection.to_string(), from: since, ..Search::default() };
        let keys = self.read(move |store| store.keys(&search)).await?.unwrap_or_default();
        for key in keys {
            let (of, said) = (connection.clone(), feedback.clone());
            let rated = self.ask(move |keeper| keeper.amend(&key, &of, said)).await?;
            if rated != Rated::NotThere {
                return Ok(rated);
            }
        }
        Ok(Rated::NotThere)
    }

    /// Where media is offered from now on.
    pub fn offers(&self, at: Vec<SocketAddr>) {
        // Only findings are worse for it if it is not told.
        let _ = self.send(Input::Ask(Box::new(move |keeper| keeper.chronicle.offers(at))));
    }

    /// The story of a session that has ended, if it is kept.
    ///
    /// # Errors
    /// See [`Unavailable`].
    pub async fn ended(&self, key: String) -> Result<Option<Story>, Unavailable> {
        let wanted = key.clone();
        let gathered = self.ask(move |keeper| keeper.ended.iter().find(|story| story.key() == wanted).cloned()).await?;
        if gathered.is_some() {
            return Ok(gathered);
        }
        Ok(self.read(move |store| store.find(&key)).await?.flatten())
    }

    /// Reads stories of sessions that have ended, on a thread that may wait for the disk. `None`: none are kept.
    ///
    /// # Errors
    /// See [`Unavailable`].
    pub async fn read<R: Send + 'static>(
        &self,
        reading: impl FnOnce(&Store) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<Option<R>, Unavailable> {
        let Some(store) = self.store.clone() else { return Ok(None) };
        let read = tokio::task::spawn_blocking(move || reading(&store)).await.map_err(|_| Unavailable::Busy)?;
        read.map(Some).map_err(|error| {
            tracing::error!(%error, "the history of sessions cannot be read");
            Unavailable::Unreadable
        })
    }

    /// Everything that was told is written, but not for longer than that.
    pub async fn close(self, patience: Duration) {
        let close = |keeper: &mut Keeper| {
            keeper.follow();
            keeper.checkpoint();
        };
        let _ = timeout(patience, self.ask(close)).await;
    }
}

struct Keeper {
    chronicle: Chronicle,
    store: Option<Store>,
    shared: Arc<Shared>,
    /// To be written.
    ended: Vec<Story>,
    /// What is written down of stories that go on: key and revision.
    written: HashMap<String, u64>,
    /// The disk does not take it, which has been said.
    is_broken: bool,
    follower: Option<Box<dyn Follower>>,
    /// The time of the latest fact, and when that came: facts and followers have one clock.
    now: Millis,
    told_at: Instant,
}

impl Keeper {
    fn run(mut self, inputs: &Receiver<Input>) {
        let mut due = Instant::now() + CHECKPOINT;
        let mut look = self.follower.is_some().then(Instant::now);
        let mut gathered: Option<Instant> = None;
        loop {
            let next = gathered.into_iter().chain(look).fold(due, Instant::min);
            match inputs.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(input) => self.take(input),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if !self.ended.is_empty() {
                let until = *gathered.get_or_insert_with(|| Instant::now() + GATHER);
                if until <= Instant::now() {
                    self.keep_ended();
                    gathered = None;
                }
            }
            if look.is_some_and(|look| look <= Instant::now()) {
                self.follow();
                look = Some(Instant::now() + LOOK);
            }
            if due <= Instant::now() {
                self.checkpoint();
                due = Instant::now() + CHECKPOINT;
            }
        }
        self.checkpoint();
    }

    fn take(&mut self, input: Input) {
        self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
        if self.shared.missed.swap(false, Ordering::Relaxed) {
            tracing::warn!("the history lost some of what happened: too much did at once");
            self.chronicle.missed();
        }
        match input {
            Input::Fact(fact) => {
                let (fact, at) = *fact;
                (self.now, self.told_at) = (self.now.max(at), Instant::now());
                let ended = self.chronicle.tell(fact, at);
                if let Some(story) = &ended {
                    self.guarded(|follower, _| follower.ended(story, at));
                }
                if let Some(ended) = ended.filter(|_| self.store.is_some()) {
                    self.written.remove(&ended.key());
                    self.ended.push(ended);
                }
            }
            Input::Ask(question) => question(self),
        }
    }

    /// In a story that is in memory; `None`: it is in none of these.
    fn rate(&mut self, session: &SessionId, connection: &ConnectionId, feedback: Feedback) -> Option<Rated> {
        if let Some(rated) = self.chronicle.rate(session, connection, feedback.clone()) {
            return Some(rated);
        }
        let ended = self.ended.iter_mut().rev().find(|story| story.person(connection.as_str()).is_some())?;
        Some(ended.rate(connection.as_str(), feedback))
    }

    /// In a story that is on the disk, which only this thread changes.
    fn amend(&mut self, key: &str, connection: &ConnectionId, feedback: Feedback) -> Rated {
        let Some(store) = &self.store else { return Rated::NotThere };
        match store.amend(key, |story| story.rate(connection.as_str(), feedback)) {
            Ok(rated) => rated.unwrap_or(Rated::NotThere),
            Err(error) => {
                self.settle(Some(Err(error)));
                Rated::NotThere
            }
        }
    }

    fn follow(&mut self) {
        let since = Millis::try_from(self.told_at.elapsed().as_millis()).unwrap_or(Millis::MAX);
        let now = self.now.saturating_add(since);
        self.guarded(|follower, chronicle| follower.look(chronicle, now));
    }

    /// A defect of who follows ends that, and not the history.
    fn guarded(&mut self, run: impl FnOnce(&mut dyn Follower, &Chronicle)) {
        let Some(mut follower) = self.follower.take() else { return };
        match catch_unwind(AssertUnwindSafe(|| run(&mut *follower, &self.chronicle))) {
            Ok(()) => self.follower = Some(follower),
            Err(_) => tracing::error!("what follows the history panicked: there are no traces any more"),
        }
    }

    fn keep_ended(&mut self) {
        let ended = std::mem::take(&mut self.ended);
        if let Some(store) = &self.store
            && let Some(now) = ended.iter().filter_map(|story| story.ended_at).max()
        {
            let kept = store.keep(&ended, now);
            self.settle(Some(kept));
        }
    }

    /// Of stories that go on; and those that have ended.
    fn checkpoint(&mut self) {
        self.keep_ended();
        let Some(store) = &self.store else { return };
        let is_new = |key: &String, revision: u64| self.written.get(key) != Some(&revision);
        let live =
            || self.chronicle.live().map(|live| (live.story.key(), live)).filter(|(_, live)| live.story.was_used());
        let changed: Vec<_> = live().filter(|(key, live)| is_new(key, live.revision)).collect();
        let revisions: HashMap<_, _> = live().map(|(key, live)| (key, live.revision)).collect();
        // Those that nobody was in until they were collected.
        let gone: Vec<_> = self.written.keys().filter(|key| !revisions.contains_key(*key)).cloned().collect();
        let mut written = Ok(());
        if !changed.is_empty() {
            written = store.checkpoint(changed.iter().map(|(_, live)| &live.story));
        }
        if !gone.is_empty() {
            written = written.and_then(|()| store.forget(&gone));
        }
        self.written = revisions;
        self.settle(Some(written));
    }

    fn settle(&mut self, written: Option<Result<(), StoreError>>) {
        match written {
            Some(Err(error)) => {
                // Once for each failure.
                if !self.is_broken {
                    tracing::error!(%error, "the history of sessions cannot be written");
                }
                self.is_broken = true;
            }
            Some(Ok(())) => self.is_broken = false,
            None => {}
        }
    }

    fn bury_left_open(&mut self, now: Millis) {
        let Some(store) = &self.store else { return };
        let buried = store.left_open().and_then(|mut stories| {
            for story in &mut stories {
                let last = story.people.iter().flat_map(|person| &person.happened.list).map(|it| it.at).max();
                let at = last.unwrap_or(story.created_at).max(story.created_at).min(now);
                (story.ended_at, story.reason) = (Some(at), Some(Reason::NodeCrashed));
                story.happened.add(at, None, What::SessionEnded { reason: story.reason });
            }
            store.keep(&stories, now)
        });
        self.settle(Some(buried));
    }
}
