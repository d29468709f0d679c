//! The control loop: one task that owns the [`Registry`], gives it the time, and carries out what it decides.
//!
//! Decides nothing itself: rules about sessions are in the crate `session`.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::ws::Utf8Bytes;
use delivery::EventSinks;
use history::{Fact, History};
use jobs::Jobs;
use journal::Journal;
use media::MediaHandle;
use openvidu::Dialect;
use protocol::event::{Event, EventStamp, RecordingEvent};
use protocol::job::{JobNews, JobReport};
use protocol::media::MediaEvent;
use protocol::recording::RecordingReport;
use recordings::{RecordingCommands, RecordingNews};
use session::command::{ApplicationCommand, Caller};
use session::{
    Asker, CallId, ClientCommand, ClientHandle, Command, Defect, Effect, Notification, PeerInfo, Question, Refusal,
    Registry, Reply, Settings, SocketId, Time,
};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use traces::Exporter;
use traces::request::{Refused, Requests};
use traces::span::Nanos;

use crate::metrics::{self, Metrics};
use crate::observers::MediaObservers;
use crate::outbox::Outbox;
use crate::traced_requests::{Called, TracedRequests};

/// Waiting callers wait in their own task; more than this only means that they wait one step earlier.
const INPUT_CAPACITY: usize = 1024;
/// How long the last lines of the journal may take once the server stops.
const JOURNAL_GRACE: Duration = Duration::from_secs(2);

/// A way to the control loop. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Control {
    inputs: mpsc::Sender<Input>,
    media_lost_at: Arc<OnceLock<u64>>,
    clock: Clock,
    observers: MediaObservers,
    metrics: Metrics,
    traced: Option<Requests>,
}

/// The control loop has ended (the server stops), or the call made it panic.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the server cannot do this now")]
pub struct Stopped;

/// What happens on a WebSocket.
pub(crate) enum SocketInput {
    Opened {
        peer: PeerInfo,
        outbox: Outbox,
    },
    Request {
        id: i64,
        command: ClientCommand,
        /// For traces, while there are any.
        called: Option<Called>,
        /// Of the bytes that the socket may have on their way; given back once the request was taken.
        _bytes: OwnedSemaphorePermit,
    },
    Resume {
        id: i64,
        client: Option<ClientHandle>,
    },
    Closed,
}

enum Input {
    Call(Call),
    Ask(Box<Asked>, oneshot::Sender<CallAnswer>),
    Socket(SocketId, SocketInput),
}

/// What was asked; returns how to hand over the result once its effects are done.
type Call = Box<dyn FnOnce(&mut Registry, Time) -> Done + Send>;
type Done = Box<dyn FnOnce() + Send>;
/// What is asked without a socket.
enum Asked {
    Application(ApplicationCommand),
    Client(Caller, ClientCommand),
}

/// What came of a command.
pub(crate) type CallResult = Result<Reply, Refusal>;

/// What came of one that was asked without a socket.
#[derive(Debug)]
pub(crate) struct CallAnswer {
    /// Of a client that is somebody: by this it asks the next time.
    pub(crate) client: Option<ClientHandle>,
    pub(crate) result: CallResult,
}

impl Control {
    /// Runs `f` on the registry, for what only this process may do. When this returns, everything that follows from `f` is
    /// on its way.
    pub async fn call<R: Send + 'static>(
        &self,
        f: impl FnOnce(&mut Registry, Time) -> R + Send + 'static,
    ) -> Result<R, Stopped> {
        let (answer, result) = oneshot::channel();
        let call: Call = Box::new(move |registry, now| {
            let value = f(registry, now);
            Box::new(move || drop(answer.send(value)))
        });
        self.inputs.send(Input::Call(call)).await.map_err(|_| Stopped)?;
        result.await.map_err(|_| Stopped)
    }

    /// What a question about sessions is answered.
    pub async fn look_up<Q: Question>(&self, question: Q) -> Result<Q::Answer, Stopped> {
        self.call(move |registry, _| question.answer(registry)).await
    }

    /// What came of a command, which may take long.
    pub(crate) async fn ask(&self, command: ApplicationCommand) -> Result<CallResult, Stopped> {
        self.answer_to(Asked::Application(command)).await.map(|answer| answer.result)
    }

    /// The same of what a client without a socket asks.
    pub(crate) async fn ask_as(&self, caller: Caller, command: ClientCommand) -> Result<CallAnswer, Stopped> {
        self.answer_to(Asked::Client(caller, command)).await
    }

    async fn answer_to(&self, asked: Asked) -> Result<CallAnswer, Stopped> {
        let (settle, answer) = oneshot::channel();
        self.inputs.send(Input::Ask(Box::new(asked), settle)).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }

    pub(crate) async fn socket(&self, socket: SocketId, input: SocketInput) -> Result<(), Stopped> {
        self.inputs.send(Input::Socket(socket, input)).await.map_err(|_| Stopped)
    }

    /// The time as the loop has it.
    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    /// The same in ns since 1970.
    pub(crate) fn nanos(&self) -> Nanos {
        self.clock.nanos()
    }

    /// Who traces requests, if somebody does.
    pub(crate) fn traced(&self) -> Option<&Requests> {
        self.traced.as_ref()
    }

    /// For those who watch the media of sessions.
    pub fn observers(&self) -> &MediaObservers {
        &self.observers
    }

    /// What has been counted.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// When the first media worker was lost, ms since 1970, if it was.
    pub(crate) fn media_lost_at(&self) -> Option<u64> {
        self.media_lost_at.get().copied()
    }

    /// Starts the loop; it ends when every `Control` is gone, and the last events have been delivered.
    pub(crate) fn start(
        (settings, dialect): (Settings, Dialect),
        seed: [u8; 32],
        media: MediaHandle,
        media_events: mpsc::Receiver<MediaEvent>,
        (recordings, news): (RecordingCommands, Option<mpsc::Receiver<RecordingNews>>),
        jobs: Option<(Jobs, mpsc::Receiver<JobReport>)>,
        accounts: Accounts,
    ) -> (Self, JoinHandle<()>) {
        let (sender, inputs) = mpsc::channel(INPUT_CAPACITY);
        let clock = Clock::start();
        let (observers, metrics) = (MediaObservers::default(), Metrics::default());
        let (jobs, job_reports) = jobs.unzip();
        let traced = accounts.traces.as_ref().map(|traces| traces.requests.clone());
        let control = ControlLoop {
            registry: Registry::new(settings, seed),
            dialect,
            clock,
            outboxes: HashMap::new(),
            media,
            media_lost_at: Arc::default(),
            recordings,
            jobs,
            calls: HashMap::new(),
            next_call: 0,
            accounts,
            observers: observers.clone(),
            metrics: metrics.clone(),
            traced: traced.clone().map(TracedRequests::new),
        };
        let media_lost_at = control.media_lost_at.clone();
        let task = tokio::spawn(control.run(inputs, media_events, news, job_reports));
        (Self { inputs: sender, media_lost_at, clock, observers, metrics, traced }, task)
    }
}

/// Where it is written down what happens to sessions.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    /// For applications.
    pub(crate) events: EventSinks,
    /// For the next start after a crash.
    pub(crate) journal: Option<Journal>,
    /// For those who ask later why something went wrong.
    pub(crate) history: Option<History>,
    /// For whoever collects traces.
    pub(crate) traces: Option<Traces>,
}

/// The way of traces out.
#[derive(Debug)]
pub(crate) struct Traces {
    pub(crate) requests: Requests,
    pub(crate) exporter: Exporter,
}

impl Accounts {
    fn tell(&mut self, event: Event, now: Time) {
        self.note(|| Fact::Event(event.clone()), now);
        if let Some(journal) = &mut self.journal {
            journal.note(&event);
        }
        self.events.send(event);
    }

    /// For the history alone.
    fn note(&self, fact: impl FnOnce() -> Fact, now: Time) {
        if let Some(history) = &self.history {
            history.tell(fact(), now.as_millis());
        }
    }

    fn collected(&mut self, session: &EventStamp, now: Time) {
        self.note(|| Fact::Collected(session.clone()), now);
        if let Some(journal) = &mut self.journal {
            journal.gone(session);
        }
    }

    /// Of a session of the run before.
    fn recovered(&mut self, event: RecordingEvent) {
        self.events.send(Event::RecordingStatusChanged(event));
    }

    /// What is queued is written and delivered, but not for ever.
    async fn close(self) {
        if let Some(journal) = self.journal {
            journal.close(JOURNAL_GRACE).await;
        }
        if let Some(history) = self.history {
            history.close(JOURNAL_GRACE).await;
        }
        // With what the history has told last.
        if let Some(traces) = self.traces {
            traces.exporter.close(JOURNAL_GRACE).await;
        }
        self.events.close().await;
    }
}

/// Wall clock at start plus a monotonic clock: never goes back.
#[derive(Clone, Copy, Debug)]
struct Clock {
    wall: u64,
    start: Instant,
}

impl Clock {
    fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { wall: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX), start: Instant::now() }
    }

    fn now(&self) -> Time {
        Time::from_millis(self.wall) + self.start.elapsed()
    }

    fn nanos(&self) -> Nanos {
        let since = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.wall.saturating_mul(1_000_000).saturating_add(since)
    }

    fn instant(&self, time: Time) -> Instant {
        // One more millisecond, or a deadline inside the current one would be polled until it is over.
        self.start + Duration::from_millis((time.as_millis() + 1).saturating_sub(self.wall))
    }
}

struct ControlLoop {
    registry: Registry,
    dialect: Dialect,
    clock: Clock,
    outboxes: HashMap<SocketId, Outbox>,
    media: MediaHandle,
    /// Set once.
    media_lost_at: Arc<OnceLock<u64>>,
    recordings: RecordingCommands,
    jobs: Option<Jobs>,
    /// Who waits for an answer.
    calls: HashMap<CallId, oneshot::Sender<CallAnswer>>,
    next_call: u64,
    accounts: Accounts,
    observers: MediaObservers,
    metrics: Metrics,
    traced: Option<TracedRequests>,
}

/// What everything that follows from one input has in common.
struct Turn {
    written: WrittenNotifications,
    /// When recordings change: whoever leaves as one ends is in it to the end.
    recorded_at: u64,
}

impl ControlLoop {
    async fn run(
        mut self,
        mut inputs: mpsc::Receiver<Input>,
        mut media_events: mpsc::Receiver<MediaEvent>,
        mut news: Option<mpsc::Receiver<RecordingNews>>,
        mut job_reports: Option<mpsc::Receiver<JobReport>>,
    ) {
        let mut has_media = true;
        loop {
            let deadline = self.registry.poll_timeout().map(|time| self.clock.instant(time));
            let timeout = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                input = inputs.recv() => match input {
                    Some(Input::Call(call)) => self.call(call),
                    Some(Input::Ask(asked, settle)) => self.ask(*asked, settle),
                    Some(Input::Socket(socket, input)) => self.socket(socket, input),
                    None => return self.accounts.close().await,
                },
                event = media_events.recv(), if has_media => match event {
                    Some(event) => self.media(event),
                    // Those that ended have said so.
                    None => has_media = false,
                },
                of_recordings = next(&mut news) => match of_recordings {
                    Some(RecordingNews::Report(report)) => self.step(|registry, now| registry.handle_recording(report, now)),
                    Some(RecordingNews::Recovered(event)) => self.accounts.recovered(*event),
                    None => news = None,
                },
                report = next(&mut job_reports) => match report {
                    Some(report) => self.job(report),
                    None => job_reports = None,
                },
                () = timeout => self.step(Registry::handle_timeout),
            }
        }
    }

    fn media(&mut self, event: MediaEvent) {
        if matches!(event, MediaEvent::WorkerLost { .. }) {
            let _ = self.media_lost_at.set(self.clock.now().as_millis());
            self.metrics.lost_worker();
        }
        self.step(|registry, now| registry.handle_media(event, now));
    }

    fn job(&mut self, report: JobReport) {
        if let (JobNews::Ended(_), Some(jobs)) = (&report.news, &mut self.jobs) {
            jobs.forget(report.job);
        }
        self.step(|registry, now| registry.handle_job(report, now));
    }

    fn call(&mut self, call: Call) {
        let mut done = None;
        self.step(|registry, now| done = Some(call(registry, now)));
        if let Some(done) = done {
            done();
        }
    }

    fn ask(&mut self, asked: Asked, settle: oneshot::Sender<CallAnswer>) {
        let call = CallId(self.next_call);
        self.next_call += 1;
        self.calls.insert(call, settle);
        let command = match asked {
            Asked::Application(command) => Command::Application { call, command },
            Asked::Client(caller, command) => Command::Call { call, caller, command },
        };
        if self.try_step(|registry, now| registry.handle(command, now)).is_err() {
            self.calls.remove(&call);
        }
    }

    fn socket(&mut self, socket: SocketId, input: SocketInput) {
        match input {
            SocketInput::Opened { peer, outbox } => {
                self.outboxes.insert(socket, outbox);
                self.step(|registry, _| registry.socket_opened(socket, peer));
            }
            SocketInput::Request { id: request, command, called, _bytes } => {
                if let (Some(traced), Some(called)) = (&mut self.traced, called) {
                    traced.came(socket, request, called);
                }
                self.request(socket, Command::Socket { socket, request, command });
            }
            SocketInput::Resume { id: request, client } => {
                self.request(socket, Command::Resume { socket, request, client });
            }
            SocketInput::Closed => {
                self.outboxes.remove(&socket);
                if let Some(traced) = &mut self.traced {
                    traced.closed(socket);
                }
                self.step(|registry, now| registry.socket_closed(socket, now));
            }
        }
    }

    fn request(&mut self, socket: SocketId, command: Command) {
        let asked = self.try_step(|registry, now| registry.handle(command, now));
        if let Err(Defect { session: None }) = asked {
            // Its client would wait for ever. Who was in a session has been told that it is out.
            self.outboxes.remove(&socket);
            self.step(|registry, now| registry.socket_closed(socket, now));
        }
    }

    /// One input to the registry, and everything that follows from it.
    fn step(&mut self, input: impl FnOnce(&mut Registry, Time)) {
        // Whoever is concerned has been told.
        let _ = self.try_step(input);
    }

    /// The same; an error if the input met a defect.
    fn try_step(&mut self, input: impl FnOnce(&mut Registry, Time)) -> Result<(), Defect> {
        let now = self.clock.now();
        // A defect in one rule must not end everybody's call.
        let taken = self.registry.guarded(now, input);
        let mut turn = Turn { written: WrittenNotifications::default(), recorded_at: self.recordings.now() };
        while let Some(effect) = self.registry.poll_effect() {
            if let Some(failed) = self.carry_out_guarded(effect, &mut turn) {
                // As above.
                let _ = self.registry.guarded(now, |registry, now| match failed {
                    Undeliverable::Socket(socket) => registry.socket_closed(socket, now),
                    Undeliverable::Media(event) => registry.handle_media(event, now),
                    Undeliverable::Recording(report) => registry.handle_recording(report, now),
                    Undeliverable::Job(report) => registry.handle_job(report, now),
                });
            }
        }
        taken
    }

    /// A defect met with one effect ends the socket that it was for, and nothing else.
    fn carry_out_guarded(&mut self, effect: Effect, turn: &mut Turn) -> Option<Undeliverable> {
        let socket = match &effect {
            Effect::Reply { asker: Asker::Socket { socket, .. }, .. } | Effect::Notify { socket, .. } => Some(*socket),
            _ => None,
        };
        let failed = catch_unwind(AssertUnwindSafe(|| self.carry_out(effect, turn))).unwrap_or_else(|_| {
            tracing::error!(?socket, "what a rule about sessions wanted panicked; it is left undone");
            socket.map(Undeliverable::Socket)
        });
        if let Some(Undeliverable::Socket(socket)) = &failed {
            self.outboxes.remove(socket);
        }
        failed
    }

    fn carry_out(&mut self, effect: Effect, turn: &mut Turn) -> Option<Undeliverable> {
        if let Effect::Reply { result: Err(refusal), .. } = &effect {
            self.metrics.refused(refusal);
        }
        let (socket, frame) = match effect {
            Effect::Reply { asker: Asker::Call(call), client, result } => {
                if let Some(settle) = self.calls.remove(&call) {
                    // Nobody may wait any more.
                    let _ = settle.send(CallAnswer { client, result });
                }
                return None;
            }
            Effect::Reply { asker: Asker::Socket { socket, request }, client, result } => {
                if let Some(traced) = &mut self.traced {
                    let refused = result.as_ref().err().map(|refusal| Refused {
                        code: openvidu::refusal::error(refusal).code.number(),
                        reason: metrics::reason(refusal),
                    });
                    let whose = || self.registry.connection_on(socket);
                    traced.answered((socket, request), whose, refused, self.clock.nanos());
                }
                (socket, self.dialect.frame(request, client.as_ref(), &result).into())
            }
            Effect::Notify { socket, notification } => (socket, turn.written.frame(&notification)),
            Effect::Entered { socket } => {
                if let Some(outbox) = self.outboxes.get(&socket) {
                    outbox.standing.entered();
                }
                return None;
            }
            Effect::Departed { socket } => {
                if let Some(outbox) = self.outboxes.get(&socket) {
                    outbox.standing.departed();
                }
                return None;
            }
            Effect::CloseSocket { socket } => {
                if let Some(outbox) = self.outboxes.remove(&socket) {
                    outbox.close();
                }
                return None;
            }
            Effect::Event(event) => {
                self.metrics.happened(&event);
                self.accounts.tell(event, self.clock.now());
                return None;
            }
            Effect::Collected(session) => {
                self.accounts.collected(&session, self.clock.now());
                return None;
            }
            Effect::Observed(observation) => {
                self.metrics.saw(&observation);
                let observation = Arc::new(observation);
                self.accounts.note(|| Fact::Media(observation.clone()), self.clock.now());
                self.observers.tell(observation);
                return None;
            }
            Effect::Noticed(notice) => {
                self.metrics.noticed(&notice.what);
                self.accounts.note(|| Fact::Notice(notice), self.clock.now());
                return None;
            }
            Effect::Media(command) => return self.media.send(command).err().flatten().map(Undeliverable::Media),
            Effect::Job(command) => {
                return self.jobs.as_mut().and_then(|jobs| jobs.send(command)).map(Undeliverable::Job);
            }
            Effect::Recording(command) => {
                return self.recordings.send(command, turn.recorded_at).map(Undeliverable::Recording);
            }
        };
        // A socket that has gone in the meantime: its `Closed` is on its way to us.
        let outbox = self.outboxes.get(&socket)?;
        outbox.push(frame).err().map(|_| Undeliverable::Socket(socket))
    }
}

/// What could not be carried out and has to be told to the registry.
enum Undeliverable {
    /// Its client reads too slowly, or it has gone.
    Socket(SocketId),
    Media(MediaEvent),
    Recording(RecordingReport),
    Job(JobReport),
}

/// Never, if there is nothing to wait for.
async fn next<News>(news: &mut Option<mpsc::Receiver<News>>) -> Option<News> {
    match news {
        Some(news) => news.recv().await,
        None => std::future::pending().await,
    }
}

/// A notification to many is written once. Lives for one step, so that addresses stay unique.
#[derive(Default)]
struct WrittenNotifications(HashMap<*const Notification, (Arc<Notification>, Utf8Bytes)>);

impl WrittenNotifications {
    fn frame(&mut self, notification: &Arc<Notification>) -> Utf8Bytes {
        let entry = self.0.entry(Arc::as_ptr(notification));
        let (_, frame) =
            entry.or_insert_with(|| (notification.clone(), openvidu::notification::frame(notification).into()));
        frame.clone()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use protocol::id::WorkerId;
    use protocol::media::MediaCommand;
    use session::question::DescribeLoad;

    use super::*;

    const LOAD: DescribeLoad = DescribeLoad { sessions: false, recordings: false, broadcasts: false };

    /// A loop, and the ends of its media.
    pub(crate) fn started() -> (Control, JoinHandle<()>, (mpsc::Sender<MediaEvent>, mpsc::Receiver<MediaCommand>)) {
        let (media, commands) = MediaHandle::detached();
        let (worker, media_events) = mpsc::channel(1);
        let config = settings::Config::default();
        let rules = crate::options::session(&config, settings::LOCALHOST, 1);
        let (control, task) = Control::start(
            (rules, crate::options::dialect(&config)),
            [0; 32],
            media,
            media_events,
            (RecordingCommands::off(), None),
            None,
            Accounts::default(),
        );
        (control, task, (worker, commands))
    }

    #[tokio::test]
    async fn a_lost_media_worker_is_noticed_and_calls_go_on() {
        let (control, task, media) = started();
        assert_eq!(control.media_lost_at(), None);
        media.0.send(MediaEvent::WorkerLost { worker: WorkerId(0) }).await.unwrap();
        // Every call lets the loop look at its other inputs, too.
        while control.media_lost_at().is_none() {
            control.look_up(LOAD).await.unwrap();
        }
        assert_eq!(control.look_up(LOAD).await.unwrap().figures.sessions, 0);
        drop(control);
        task.await.unwrap();
    }
}
