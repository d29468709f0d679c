//! A session composed as it goes on, and sent to an address outside.
//!
//! Here are the inputs: what comes of each is decoded by itself, into a queue ([`Feed`]). A thread of its own draws and mixes on
//! the machine's clock ([`studio`]) and hands what it has encoded to [`egress`], which has the connection; [`target`] is an address,
//! and what it takes to send there.

mod egress;
mod studio;
mod target;

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_app::{AppSink, AppSinkCallbacks};
use protocol::job::{BroadcastSpec, FromJob, JobInput, MediaPacket, ToJob};

use super::input::{Form, Input};
use super::link::Link;
use super::pipeline::{LivePipeline, chain, complaint, link as join};
use super::{Job, JobError};
use crate::compose::picture::Picture;
use crate::compose::sound::StereoSample;
use crate::stage::StageOutput;
use studio::{Instruction, News, Studio};
use target::Target;

/// Of one stream that wait for their time: more than the studio's delay.
const PICTURES: usize = 60;
/// The same of sound, pieces of 20 ms mostly.
const PIECES: usize = 150;
/// A studio that says nothing for so long hangs.
const SILENCE: Duration = Duration::from_secs(20);

/// See [`protocol::job::JobSpec::Broadcast`].
#[derive(Debug)]
pub(super) struct Broadcast {
    link: Link,
    pipeline: LivePipeline,
    inputs: BTreeMap<u16, Input>,
    /// None: it is to end.
    instructions: Option<Sender<Instruction>>,
    news: Receiver<News>,
    heard: Instant,
    studio: Option<JoinHandle<()>>,
}

/// What was decoded of one stream and has not been seen or heard. Times are since the pipeline's epoch.
#[derive(Debug, Default)]
struct Feed {
    pictures: VecDeque<(Duration, Picture)>,
    sounds: VecDeque<(Duration, Vec<StereoSample>)>,
}

/// The same for those who fill it and who empties it.
type SharedFeed = Arc<Mutex<Feed>>;

impl Broadcast {
    /// Connects at once.
    pub(super) fn new(spec: BroadcastSpec, link: &Link) -> Result<Self, JobError> {
        let target = Target::new(&spec.url).map_err(JobError::Impossible)?;
        let pipeline = LivePipeline::start()?;
        let (instructions, received) = channel();
        let (reports, news) = channel();
        let studio = Studio::new(spec, target, pipeline.epoch(), link)
            .map_err(|error| JobError::Impossible(error.to_string()))?;
        let studio = thread::Builder::new()
            .name("studio".to_owned())
            .spawn(move || studio.run(&received, &reports))
            .map_err(|error| JobError::Broken(format!("a thread: {error}")))?;
        let (link, heard) = (link.clone(), Instant::now());
        let (instructions, studio) = (Some(instructions), Some(studio));
        Ok(Self { link, pipeline, inputs: BTreeMap::new(), instructions, news, heard, studio })
    }

    fn add(&mut self, described: JobInput) -> Result<(), JobError> {
        let number = described.number;
        self.remove(number);
        let [audio, video] = [described.audio, described.video].map(|wanted| wanted.then_some(Form::Decoded));
        let input = Input::new(number, audio, video, &self.pipeline, &self.link)?;
        let feed = SharedFeed::default();
        if let Some(from) = input.audio() {
            let feed = Arc::clone(&feed);
            let link = self.link.clone();
            self.attach(from, move |time, output| {
                feed.lock().unwrap_or_else(PoisonError::into_inner).hear(time, &output, &link)
            })?;
        }
        if let Some(from) = input.video() {
            let feed = Arc::clone(&feed);
            let link = self.link.clone();
            self.attach(from, move |time, output| {
                feed.lock().unwrap_or_else(PoisonError::into_inner).see(time, &output, &link)
            })?;
        }
        self.inputs.insert(number, input);
        self.instruct(Instruction::Add(described, feed));
        Ok(())
    }

    /// Hands on what comes out of an element. It goes with that.
    fn attach(
        &self,
        from: &gst::Bin,
        take: impl Fn(Duration, StageOutput) + Send + Sync + 'static,
    ) -> Result<(), JobError> {
        let elements = chain("appsink name=sink sync=false async=false")?;
        let sink = elements.by_name("sink").and_then(|sink| sink.downcast::<AppSink>().ok());
        let sink = sink.ok_or_else(|| JobError::Broken("no appsink".to_owned()))?;
        let callbacks = AppSinkCallbacks::builder().new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            if let (Some(buffer), Some(caps)) = (sample.buffer_owned(), sample.caps_owned())
                && let Some(time) = buffer.pts()
            {
                take(Duration::from_nanos(time.nseconds()), StageOutput { caps, buffer });
            }
            Ok(gst::FlowSuccess::Ok)
        });
        sink.set_callbacks(callbacks.build());
        self.pipeline.add(&elements)?;
        join(from, &elements)
    }

    fn remove(&mut self, number: u16) {
        if let Some(input) = self.inputs.remove(&number) {
            let sinks: Vec<_> = [input.audio(), input.video()].into_iter().flatten().filter_map(follower).collect();
            input.remove(&self.pipeline);
            sinks.iter().for_each(|sink| self.pipeline.remove(sink));
            self.instruct(Instruction::Remove(number));
        }
    }

    fn instruct(&self, instruction: Instruction) {
        // Of a studio that has ended the next poll tells.
        let _ = self.instructions.as_ref().map(|instructions| instructions.send(instruction));
    }
}

impl Job for Broadcast {
    fn handle(&mut self, said: ToJob) -> Result<(), JobError> {
        match said {
            ToJob::AddInput { input } => self.add(input)?,
            ToJob::ChangeInput { input } => self.instruct(Instruction::Change(input)),
            ToJob::RemoveInput { number } => self.remove(number),
            ToJob::Begin { .. }
            | ToJob::Finish
            | ToJob::KeyFrame
            | ToJob::Bitrate { .. }
            | ToJob::Settle { .. }
            | ToJob::Execute { .. } => {}
        }
        Ok(())
    }

    fn handle_media(&mut self, packet: &MediaPacket<'_>) -> Result<(), JobError> {
        self.inputs.get_mut(&packet.input).map_or(Ok(()), |input| input.handle(packet))
    }

    fn poll(&mut self) -> Result<(), JobError> {
        self.inputs.values_mut().try_for_each(Input::poll)?;
        while let Some(message) = self.pipeline.pop_message() {
            if let gst::MessageView::Error(error) = message.view()
                && !self.inputs.values_mut().any(|input| input.recovers(error))
            {
                return Err(JobError::Broken(complaint(error)));
            }
        }
        while let Ok(news) = self.news.try_recv() {
            self.heard = Instant::now();
            match news {
                News::Working => {}
                News::Ready => self.link.tell(&FromJob::Ready { audio: false, video: None }),
                News::Interrupted(why) => self.link.tell(&FromJob::Interrupted { why }),
                News::GivenUp(why) => return Err(JobError::Impossible(why)),
                News::Broken(why) => return Err(JobError::Broken(why)),
            }
        }
        if self.studio.as_ref().is_none_or(JoinHandle::is_finished) || self.heard.elapsed() > SILENCE {
            return Err(JobError::Broken("nothing is composed any more".to_owned()));
        }
        Ok(())
    }
}

impl Drop for Broadcast {
    fn drop(&mut self) {
        self.instructions.take();
        if let Some(studio) = self.studio.take() {
            let _ = studio.join();
        }
    }
}

/// What an input's element is joined to.
fn follower(element: &gst::Bin) -> Option<gst::Element> {
    element.static_pad("src")?.peer()?.parent_element()
}

impl Feed {
    fn see(&mut self, time: Duration, output: &StageOutput, link: &Link) {
        let Some(picture) = Picture::new(output) else { return };
        self.pictures.push_back((time, picture));
        if self.pictures.len() > PICTURES {
            self.pictures.pop_front();
            link.count_dropped(1);
        }
    }

    fn hear(&mut self, time: Duration, output: &StageOutput, link: &Link) {
        let Ok(map) = output.buffer.map_readable() else { return };
        let samples = map.chunks_exact(4).map(|b| [[b[0], b[1]], [b[2], b[3]]].map(i16::from_le_bytes));
        self.sounds.push_back((time, samples.collect()));
        if self.sounds.len() > PIECES {
            self.sounds.pop_front();
            link.count_dropped(1);
        }
    }
}
