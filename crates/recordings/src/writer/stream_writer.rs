//! The thread that writes: packets to files, files' wishes to the media worker, and what becomes of them to the control
//! side.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::{Duration, Instant};

use muxing::{Codec, FileSummary, Packet, SenderReport, Source, StreamFile, StreamFileEvent};
use protocol::id::{RouterId, TapId};
use protocol::media::{MediaCommand, MediaOperation, VideoCodec};
use sfu::{TapCodec, TapPacket};
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::clock::Clock;
use super::early::EarlyPackets;
use super::ended::EndedTaps;
use super::file::{Create, Disk};
use super::queue::{Input, Inputs};
use super::sync::Job;
use super::{StartFile, WriterEvent};

/// How finely files' deadlines are kept: none of them is shorter than a fifth of a second.
const TICK: Duration = Duration::from_millis(50);
/// Inputs taken between two looks at the clock.
const BATCH: usize = 256;

/// Takes what is asked of media.
pub(super) type Media = Box<dyn Fn(MediaCommand) + Send>;

pub(super) struct StreamWriter {
    inputs: Inputs,
    media: Media,
    events: mpsc::Sender<WriterEvent>,
    /// Events that the control side had no room for.
    backlog: VecDeque<WriterEvent>,
    sync: SyncSender<Job>,
    create: Create,
    clock: Clock,
    files: HashMap<TapId, Open>,
    /// Packets of files that are about to be started.
    early: EarlyPackets,
    ended: EndedTaps,
}

/// A file being written.
struct Open {
    stream: StreamFile<Disk>,
    disk: Disk,
    path: PathBuf,
    /// Where its packets come from.
    router: Option<RouterId>,
}

impl StreamWriter {
    pub(super) fn new(
        inputs: Inputs,
        media: Media,
        events: mpsc::Sender<WriterEvent>,
        sync: SyncSender<Job>,
        create: Create,
    ) -> Self {
        let (backlog, files, clock) = (VecDeque::new(), HashMap::new(), inputs.clock);
        let (early, ended) = (EarlyPackets::default(), EndedTaps::default());
        Self { inputs, media, events, backlog, sync, create, clock, files, early, ended }
    }

    /// Writes until nobody can give commands or packets any more.
    pub(super) async fn run(mut self) {
        let mut inputs = Vec::with_capacity(BATCH);
        let mut tick = Instant::now() + TICK;
        loop {
            let is_idle = self.files.is_empty() && self.early.is_empty() && self.backlog.is_empty();
            tokio::select! {
                biased;
                () = sleep_until(tick.into()), if !is_idle => {}
                taken = self.inputs.take(&mut inputs, BATCH) => if taken == 0 {
                    break;
                },
            }
            for input in inputs.drain(..) {
                self.guarded_input(input);
            }
            if tick <= Instant::now() {
                tick = Instant::now() + TICK;
                if catch_unwind(AssertUnwindSafe(|| self.tick())).is_err() {
                    tracing::error!("the writer of recordings panicked while it looked at its clock; it goes on");
                }
            }
        }
        for tap in self.files.keys().copied().collect::<Vec<_>>() {
            self.finish(tap);
        }
    }

    /// A defect met with one input ends the file that it was for, and no other.
    fn guarded_input(&mut self, input: Input) {
        let tap = match &input {
            Input::Start(file) => Some(file.tap),
            Input::Stop(tap) => Some(*tap),
            Input::Packet(packet) => Some(packet.tap),
            Input::Mark(_) => None,
        };
        // Whoever started a file waits to hear of it.
        let is_start = matches!(input, Input::Start(_));
        if catch_unwind(AssertUnwindSafe(|| self.input(input))).is_ok() {
            return;
        }
        tracing::error!(?tap, "the writer of recordings panicked; the file that this was about ends, and no other");
        let Some(tap) = tap else { return };
        if self.files.contains_key(&tap) {
            self.fail(tap, &defect());
        } else if is_start {
            self.ended.insert(tap, None);
            self.tell(WriterEvent::Failed { tap, why: defect().to_string(), disk: false, summary: None });
        }
    }

    fn input(&mut self, input: Input) {
        match input {
            Input::Start(file) => self.start(file),
            Input::Mark(at) => self.tell(WriterEvent::Marked { at }),
            Input::Stop(tap) => {
                drop(self.early.take(tap));
                self.ended.insert(tap, None);
                self.finish(tap);
            }
            Input::Packet(packet) => self.packet(packet),
        }
    }

    /// Packets and the start of their file come from different sides, in any order.
    fn packet(&mut self, packet: TapPacket) {
        let tap = packet.tap;
        if self.files.contains_key(&tap) {
            self.write_packet(packet);
        } else if !self.ended.contains(tap)
            && let Err(tap) = self.early.hold(packet, self.clock.now())
        {
            self.inputs.overflow(tap);
        }
    }

    fn write_packet(&mut self, packet: TapPacket) {
        let (tap, clock) = (packet.tap, self.clock);
        if let Some(open) = self.files.get_mut(&tap) {
            open.router = Some(packet.router);
        }
        let packet = read(packet, clock);
        self.write(tap, |stream| stream.handle_packet(packet, clock.now()));
    }

    fn tick(&mut self) {
        let now = self.clock.now();
        let is_due = |open: &Open| open.stream.poll_timeout().is_some_and(|at| at <= now);
        let due: Vec<TapId> = self.files.iter().filter(|(_, open)| is_due(open)).map(|(tap, _)| *tap).collect();
        for tap in due {
            self.write(tap, |stream| stream.handle_timeout(now));
        }
        for tap in self.early.expire(now) {
            self.inputs.take_overflow(tap);
        }
        // What found no room, and has no file yet, is counted in it when it comes.
        for tap in self.inputs.overflowed() {
            if self.ended.contains(tap) {
                self.inputs.take_overflow(tap);
            } else if !self.files.contains_key(&tap) && !self.early.holds(tap) {
                self.early.remember(tap, now);
            }
        }
        self.send_backlog();
    }

    fn start(&mut self, StartFile { tap, path, audio, video, after }: StartFile) {
        // The latest counts.
        after.into_iter().chain([tap]).for_each(|tap| self.finish(tap));
        self.ended.remove(tap);
        let time = after.and_then(|tap| self.ended.take_time(tap)).unwrap_or_default();
        let early = self.early.take(tap);
        match (self.create)(&path) {
            Ok(file) => {
                let file = Arc::new(file);
                // Without room it is forced to the disk at its end only.
                let _ = self.sync.try_send(Job::Growing(Arc::downgrade(&file)));
                let disk = Disk(file);
                let stream = StreamFile::after(time, disk.clone(), audio, video);
                self.files.insert(tap, Open { stream, disk, path, router: None });
                early.into_iter().for_each(|packet| self.packet(packet));
            }
            Err(error) => {
                self.ended.insert(tap, None);
                let why = format!("cannot create {}: {error}", path.display());
                self.tell(WriterEvent::Failed { tap, why, disk: true, summary: None });
            }
        }
    }

    /// Does something to a file. What goes wrong ends this file and no other.
    fn write(&mut self, tap: TapId, change: impl FnOnce(&mut StreamFile<Disk>) -> io::Result<()>) {
        // Packets of a tap that is being removed come a little longer.
        let Some(open) = self.files.get_mut(&tap) else {
            return;
        };
        match guarded(|| change(&mut open.stream)) {
            Ok(()) => {
                while let Some(event) = self.files.get_mut(&tap).and_then(|open| open.stream.poll_event()) {
                    match event {
                        StreamFileEvent::Running => self.tell(WriterEvent::Running { tap }),
                        StreamFileEvent::KeyFrameNeeded => self.ask_for_key_frame(tap),
                    }
                }
            }
            Err(error) => self.fail(tap, &error),
        }
    }

    fn finish(&mut self, tap: TapId) {
        let Some(mut open) = self.files.remove(&tap) else {
            return;
        };
        open.stream.overflowed(self.inputs.take_overflow(tap));
        let losses = open.stream.losses();
        let now = self.clock.now();
        match guarded(|| open.stream.interrupt(now)) {
            Ok((summary, time)) => {
                self.ended.insert(tap, Some(time));
                if summary.size == 0 {
                    remove_empty(&open.path);
                }
                if let Some(losses) = summary.losses.filter(|losses| *losses != muxing::Losses::default()) {
                    tracing::warn!(path = %open.path.display(), ?losses, "a recorded file is not complete");
                }
                self.settle(open.disk, WriterEvent::Finished { tap, summary });
            }
            Err(error) => self.give_up(tap, open.disk, open.path, &error, losses),
        }
    }

    fn fail(&mut self, tap: TapId, error: &io::Error) {
        let Some(mut open) = self.files.remove(&tap) else {
            return;
        };
        open.stream.overflowed(self.inputs.take_overflow(tap));
        let losses = open.stream.losses();
        self.give_up(tap, open.disk, open.path, error, losses);
    }

    /// Keeps what is in a file that cannot be written any more.
    fn give_up(&mut self, tap: TapId, mut disk: Disk, path: PathBuf, error: &io::Error, losses: muxing::Losses) {
        self.ended.insert(tap, None);
        let why = format!("cannot write {}: {error}", path.display());
        tracing::error!(%why, "a recorded file ends early");
        let summary = guarded(|| muxing::repair(&mut disk).map_err(io::Error::other)).ok();
        let summary = summary.map(|summary| FileSummary { losses: Some(losses), ..summary });
        if let Some(summary) = summary {
            let _ = disk.0.set_len(summary.size);
        }
        // Defects are `Other`, the system's errors are not.
        let is_disk = error.kind() != io::ErrorKind::Other;
        self.settle(disk, WriterEvent::Failed { tap, why, disk: is_disk, summary });
    }

    /// Tells once the disk has it.
    fn settle(&mut self, disk: Disk, event: WriterEvent) {
        match self.sync.try_send(Job::Ended(disk.0, event)) {
            Ok(()) => {}
            Err(TrySendError::Full(Job::Ended(_, event)) | TrySendError::Disconnected(Job::Ended(_, event))) => {
                tracing::warn!("the disk is too far behind: a file was not forced to it");
                self.tell(event);
            }
            Err(_) => {}
        }
    }

    fn ask_for_key_frame(&self, tap: TapId) {
        let router = self.files.get(&tap).and_then(|open| open.router);
        if let Some(router) = router {
            // A worker that takes no commands has other worries; it is asked again.
            (self.media)(MediaOperation::RequestKeyFrame { tap }.at(router));
        }
    }

    fn tell(&mut self, event: WriterEvent) {
        self.backlog.push_back(event);
        self.send_backlog();
    }

    fn send_backlog(&mut self) {
        while let Some(event) = self.backlog.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(event)) => return self.backlog.push_front(event),
                Err(mpsc::error::TrySendError::Closed(_)) => return,
            }
        }
    }
}

/// A defect is an error like others.
fn guarded<T>(run: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(defect()))
}

fn defect() -> io::Error {
    io::Error::other("defect in the recorder")
}

fn remove_empty(path: &std::path::Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::debug!(path = %path.display(), %error, "an empty file stays");
    }
}

fn read(packet: TapPacket, clock: Clock) -> Packet {
    Packet {
        codec: match packet.codec {
            TapCodec::Opus => Codec::Opus,
            TapCodec::Video(VideoCodec::Vp8) => Codec::Vp8,
            TapCodec::Video(VideoCodec::Vp9) => Codec::Vp9,
            TapCodec::Video(VideoCodec::H264) => Codec::H264,
            TapCodec::Video(VideoCodec::Av1) => Codec::Av1,
        },
        source: Source { generation: packet.source.generation, ssrc: packet.source.ssrc },
        sequence: packet.sequence,
        timestamp: packet.timestamp,
        marker: packet.marker,
        quarter_turns: packet.quarter_turns,
        payload: packet.payload,
        arrival: clock.at(packet.arrival),
        report: packet.report.map(|r| SenderReport { ntp_nanos: r.ntp_nanos, timestamp: r.timestamp }),
    }
}
