//! One test from the beginning to the end: sessions, publishers, subscribers, a time that is measured, silence, figures.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use client::{ServerAddress, Trust};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::LoadTestError;
use crate::application::Application;
use crate::churn::{Habit, come_and_go};
use crate::clip::Clip;
use crate::delivery::Delivery;
use crate::descriptors;
use crate::figures::{Newcomers, per_cent, server_process};
use crate::generator::{Generator, Outcome};
use crate::member::{Ledgers, ParticipantError, Seat, Stage, Tally};
use crate::options::{MediaOptions, Options, Scenario, Shape};
use crate::packet::Track;
use crate::page;
use crate::participant::take_part;
use crate::peer::Identity;
use crate::playback::Clips;
use crate::process::{ProcessMeter, dropped_datagrams};
use crate::progress::Progress;
use crate::pulse::Pulse;
use crate::report::{Failure, GeneratorFigures, Joins, Legs, Packets, Quantiles, Report};
use crate::target::{Credentials, Target};

/// How often it is looked whether something has come.
const TICK: Duration = Duration::from_millis(20);
const SECOND: Duration = Duration::from_secs(1);
/// For those who have joined: until everything has come that they want.
const UNTIL_COMPLETE: Duration = Duration::from_secs(30);
/// After publishers fell silent nothing may come for so long, retransmissions included; and how long this may take.
const QUIET: Duration = Duration::from_millis(500);
const UNTIL_QUIET: Duration = Duration::from_secs(5);
/// For leaving: then sessions are closed all the same.
const UNTIL_LEFT: Duration = Duration::from_secs(15);

/// Carries a test out, and writes its files.
///
/// `target` says which server, not the options. `stop`: once it is true the test is broken off, and what was measured until then is told.
///
/// # Errors
/// There was no test. That one went badly is in the report ([`Report::shortcomings`]).
pub async fn run(
    options: &Options,
    target: &Target,
    stop: watch::Receiver<bool>,
    on_progress: impl FnMut(&Progress) + Send,
) -> Result<Report, LoadTestError> {
    options.check().map_err(LoadTestError::Options)?;
    let shape = options.shape();
    let (media, clips) = media(options)?;
    descriptors::raise(shape)?;
    let trust = Trust { authority: options.trust.as_deref(), insecure: options.insecure };
    let server = ServerAddress::find(&target.url, trust).await?;
    let meter = match options.pid {
        Some(pid) => Some(ProcessMeter::of(pid).ok_or(LoadTestError::NoProcess(pid))?),
        None => None,
    };
    let identity = Identity::new(server.address().ip()).map_err(LoadTestError::Machine)?;
    let generators: Result<Vec<_>, _> = (0..options.threads()).map(Generator::start).collect();
    let generators = generators.map_err(|error| LoadTestError::Machine(error.to_string()))?;
    let protocol = target.credentials.protocol();
    let (ledgers, tally) = (Ledgers::default(), Tally::default());
    let stage = Stage { server, protocol, identity, generators, media, clips, ledgers, tally };
    let stage = Arc::new(stage);
    let tag = rand::random();
    let sessions: Vec<String> = (0..shape.rooms).map(|room| protocol.session_name(tag, room)).collect();
    let mut application = Application::new(&stage.server, &target.credentials);
    let mut result = Ok(());
    for session in &sessions {
        result = application.create_session(session).await;
        if result.is_err() {
            break;
        }
    }
    let report = match result {
        Ok(()) => {
            let (leave, _) = watch::channel(false);
            let mut test = Test {
                options,
                shape,
                credentials: target.credentials.clone(),
                stage: Arc::clone(&stage),
                sessions: &sessions,
                participants: JoinSet::new(),
                failures: BTreeMap::new(),
                leave,
                settle: watch::channel(false).0,
                stop,
                pulse: Pulse::new(Arc::clone(&stage), shape, meter, on_progress),
            };
            test.carry_out(&mut application).await
        }
        Err(error) => Err(error),
    };
    for session in &sessions {
        // It goes by itself when the last one leaves; this is for what has gone wrong.
        if let Err(error) = application.close_session(session).await {
            tracing::debug!(%error, "a session is gone");
        }
    }
    drop(application);
    for generator in &stage.generators {
        generator.finish();
    }
    let report = report?;
    if let Some(file) = options.json.as_deref().filter(|_| !options.prints_json()) {
        write(file, &report.to_json())?;
    }
    if let Some(file) = &options.html {
        write(file, &page::write(&report))?;
    }
    Ok(report)
}

/// What publishers send, and what of it from files, which are read here.
fn media(options: &Options) -> Result<(MediaOptions, Clips), LoadTestError> {
    let mut media = options.media();
    let mut clips = Clips::default();
    if let Some(file) = &options.audio_file {
        clips.tracks[Track::Audio as usize] = Some(Arc::new(Clip::of_sound(file)?));
    }
    if let Some(file) = &options.video_file {
        let clip = Clip::of_pictures(file, options.frame_rate)?;
        media.codec = clip.picture_codec();
        clips.tracks[Track::Video as usize] = Some(Arc::new(clip));
    }
    Ok((media, clips))
}

fn write(file: &Path, text: &str) -> Result<(), LoadTestError> {
    std::fs::write(file, text)
        .map_err(|error| LoadTestError::Unwritable { file: file.display().to_string(), why: error.to_string() })
}

/// A test that runs.
struct Test<'a, F> {
    options: &'a Options,
    shape: Shape,
    credentials: Credentials,
    stage: Arc<Stage>,
    sessions: &'a [String],
    participants: JoinSet<Result<(), ParticipantError>>,
    failures: BTreeMap<String, u64>,
    leave: watch::Sender<bool>,
    /// Nobody comes or goes any more.
    settle: watch::Sender<bool>,
    stop: watch::Receiver<bool>,
    pulse: Pulse<F>,
}

impl<F: FnMut(&Progress) + Send> Test<'_, F> {
    async fn carry_out(&mut self, application: &mut Application<'_>) -> Result<Report, LoadTestError> {
        let Shape { rooms, publishers, subscribers } = self.shape;
        let publishing = rooms * publishers;
        self.pulse.begin("preparing");
        let seats = self.seats(application).await?;
        let (publisher_seats, subscriber_seats) = seats.split_at(publishing as usize);
        let dropped = dropped_datagrams();

        self.pulse.begin("publishers join");
        let mut before = self.pulse.look();
        let between = Shape { subscribers: 0, ..self.shape }.legs();
        self.join(publisher_seats, self.pace()).await;
        self.wait(UNTIL_COMPLETE, |test| test.is_publishing(publishing) && test.pulse.counts().complete >= between)
            .await;

        let is_churn = self.options.scenario == Scenario::Churn;
        if subscribers > 0 && !is_churn {
            self.pulse.begin("subscribers join");
            before = self.pulse.look();
            let pace = match self.options.scenario {
                Scenario::Storm => Duration::from_secs(self.options.spread.into()) / (rooms * subscribers),
                _ => self.pace(),
            };
            self.join(subscriber_seats, pace).await;
            let (legs, everybody) = (self.shape.legs(), self.shape.participants());
            let has_joined = |test: &Self| test.stage.tally.joined.load(Ordering::Relaxed) >= everybody;
            self.wait(UNTIL_COMPLETE, |test| has_joined(test) && test.pulse.counts().complete >= legs).await;
        }
        let joined = self.pulse.look();

        self.pulse.begin("measuring");
        self.pulse.measure();
        let begin = self.pulse.look();
        if is_churn {
            self.churn(subscriber_seats);
        }
        self.wait(self.options.measured(), |_| false).await;
        let end = self.pulse.look();

        self.pulse.begin("listening");
        if is_churn {
            self.settle.send_replace(true);
            self.wait(UNTIL_COMPLETE, |test| {
                test.pulse.counts().complete >= test.stage.tally.legs.load(Ordering::Relaxed)
            })
            .await;
        }
        for generator in &self.stage.generators {
            generator.silence();
        }
        self.wait_until_quiet().await;
        let silent = self.pulse.counts();
        let interrupted = *self.stop.borrow();
        self.note_failures();
        self.pulse.begin("leaving");
        self.let_go().await;

        let seconds = end.at.duration_since(begin.at).as_secs_f64();
        let legs = if is_churn { self.stage.tally.legs.load(Ordering::Relaxed) } else { self.shape.legs() };
        // Of those whose joining was looked at.
        let newcomers = match subscribers {
            0 => Newcomers { joins: publishing, legs },
            _ if is_churn => Newcomers { joins: publishing, legs: between },
            _ => Newcomers { joins: rooms * subscribers, legs: legs - between },
        };
        let server_process = self.pulse.knows_server().then(|| server_process([before, joined, begin, end], newcomers));
        let packets = Packets {
            sent: silent.sent,
            key_frame_requests: silent.key_frame_requests,
            sent_per_second: (end.counts.sent - begin.counts.sent) as f64 / seconds,
            received_per_second: (end.counts.received - begin.counts.received) as f64 / seconds,
            ..Packets::default()
        };
        let media = self.stage.media;
        let delivery = Delivery::of(self.outcome().await, packets, media.layers().len());
        let (delay_ms, samples) = (Quantiles::of(&self.pulse.delays), std::mem::take(&mut self.pulse.samples));
        let tally = &self.stage.tally;
        Ok(Report {
            server: self.stage.server.url().to_owned(),
            protocol: self.stage.protocol.to_string(),
            scenario: self.options.scenario.to_string(),
            rooms,
            publishers_per_room: publishers,
            subscribers_per_room: subscribers,
            interrupted,
            seconds,
            joins: Joins {
                attempted: tally.attempted.load(Ordering::Relaxed),
                succeeded: tally.joined.load(Ordering::Relaxed),
                first_packet_ms: delivery.first_packet_ms,
                first_picture_ms: delivery.first_picture_ms,
            },
            legs: Legs { expected: legs, with_media: delivery.legs_with_media },
            packets: delivery.packets,
            seams: delivery.seams,
            layers: media.simulcast.then_some(delivery.layers),
            delay_ms,
            server_process,
            generator: GeneratorFigures {
                cpu_percent: end.own_cpu.zip(begin.own_cpu).map(|(end, begin)| per_cent(end - begin, seconds)),
                omitted: silent.omitted,
                lost_on_purpose: silent.lost_on_purpose,
                dropped_datagrams: dropped_datagrams().zip(dropped).map(|(now, before)| now - before),
            },
            samples,
            failures: self.failures(),
            max_loss: self.options.max_loss,
        })
    }

    /// All publishers', room by room, then all subscribers'.
    async fn seats(&self, application: &mut Application<'_>) -> Result<Vec<Seat>, LoadTestError> {
        let Shape { publishers, subscribers, .. } = self.shape;
        let mut seats = vec![];
        for (publishes, count) in [(true, publishers), (false, subscribers)] {
            for (room, session) in (0..).zip(self.sessions) {
                for place in 0..count {
                    let token = application.create_token(session, publishes).await?;
                    let publisher = publishes.then_some(room * publishers + place);
                    seats.push(Seat { session: session.clone(), token, room, publisher });
                }
            }
        }
        Ok(seats)
    }

    fn pace(&self) -> Duration {
        SECOND / self.options.join_rate
    }

    /// One after the other, `pace` apart.
    async fn join(&mut self, seats: &[Seat], pace: Duration) {
        let begin = Instant::now();
        for (index, seat) in (0..).zip(seats) {
            let due = begin + pace * index;
            self.wait(due.saturating_duration_since(Instant::now()), |_| false).await;
            if *self.stop.borrow() {
                return;
            }
            self.participants.spawn(take_part(Arc::clone(&self.stage), seat.clone(), self.leave.subscribe()));
        }
    }

    /// Subscribers that come, stay for a while, go, and come again with another token, until the end.
    fn churn(&mut self, seats: &[Seat]) {
        let stay = Duration::from_secs(self.options.stay.into());
        for (index, seat) in (0..).zip(seats) {
            // Evenly over the first stay.
            let first = stay * index / u32::try_from(seats.len()).unwrap_or(u32::MAX);
            let (stage, seat, credentials) = (Arc::clone(&self.stage), seat.clone(), self.credentials.clone());
            let (settle, leave) = (self.settle.subscribe(), self.leave.subscribe());
            self.participants.spawn(come_and_go(stage, seat, credentials, Habit { first, stay }, settle, leave));
        }
    }

    fn is_publishing(&self, publishers: u32) -> bool {
        self.stage.tally.publishing.load(Ordering::Relaxed) >= u64::from(publishers)
    }

    /// At most `limit`; less if `done`, if everybody has failed, or if it is broken off.
    async fn wait(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) {
        let end = Instant::now() + limit;
        loop {
            self.note_failures();
            self.pulse.beat();
            let attempted = self.stage.tally.attempted.load(Ordering::Relaxed);
            let nobody_left = attempted > 0 && self.participants.is_empty();
            let now = Instant::now();
            if now >= end || done(self) || nobody_left || *self.stop.borrow() {
                return;
            }
            tokio::time::sleep(TICK.min(end - now)).await;
        }
    }

    async fn wait_until_quiet(&mut self) {
        let limit = Instant::now() + UNTIL_QUIET;
        let mut last = (Instant::now(), self.pulse.counts().received);
        while Instant::now() < limit && last.0.elapsed() < QUIET {
            tokio::time::sleep(TICK).await;
            let received = self.pulse.counts().received;
            if received != last.1 {
                last = (Instant::now(), received);
            }
        }
    }

    /// Everybody leaves.
    async fn let_go(&mut self) {
        self.leave.send_replace(true);
        let end = Instant::now() + UNTIL_LEFT;
        while !self.participants.is_empty() && Instant::now() < end {
            // How sockets end does not matter any more.
            while self.participants.try_join_next().is_some() {}
            self.pulse.beat();
            tokio::time::sleep(TICK).await;
        }
        self.participants.shutdown().await;
    }

    /// Whoever has ended before it was told to has failed.
    fn note_failures(&mut self) {
        while let Some(ended) = self.participants.try_join_next() {
            let reason = match ended {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(error) => format!("a defect of this program: {error}"),
            };
            *self.failures.entry(reason).or_default() += 1;
        }
    }

    fn failures(&self) -> Vec<Failure> {
        let failure = |(reason, count): (&String, &u64)| Failure { reason: reason.clone(), count: *count };
        self.failures.iter().map(failure).collect()
    }

    /// Ends all threads.
    async fn outcome(&self) -> Outcome {
        let stage = Arc::clone(&self.stage);
        let finish = move || {
            let mut sum = Outcome::default();
            for outcome in stage.generators.iter().filter_map(Generator::finish) {
                sum.legs.extend(outcome.legs);
                sum.last.extend(outcome.last);
            }
            sum
        };
        // It waits for threads.
        tokio::task::spawn_blocking(finish).await.unwrap_or_default()
    }
}
