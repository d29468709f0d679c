//! The thread that composes: some time behind the clock it draws a picture and mixes a block of sound, one after the other as they
//! are due, and has them encoded. What it has no time for is left out and counted; sound before pictures.

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use protocol::job::{BroadcastSpec, JobInput};
use protocol::transcoder::Picture;

use super::egress::{Egress, EgressNews};
use super::target::Target;
use super::{Feed, SharedFeed};
use crate::CompositionError;
use crate::compose::encode::{AAC_BLOCK, AacEncoder, PictureEncoder};
use crate::compose::figure::Figure;
use crate::compose::scene::Scene;
use crate::compose::sound::{RATE, limited};
use crate::live::link::Link;
use crate::live::pipeline::now;

/// How far behind the clock: what comes in needs that long, if packets were lost and sent again.
const DELAY: Duration = Duration::from_millis(400);
/// Between two looks at whatever happens.
const TICK: Duration = Duration::from_millis(10);
/// A picture that is due for so long is left out.
const LATE_PICTURE: Duration = Duration::from_millis(150);
/// Sound, too, so late that nothing else helps.
const LATE_SOUND: Duration = Duration::from_secs(2);
/// Between two signs of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// What the main loop says.
#[derive(Debug)]
pub(super) enum Instruction {
    Add(JobInput, SharedFeed),
    Change(JobInput),
    Remove(u16),
}

/// What it is told.
#[derive(Debug)]
pub(super) enum News {
    /// It does not hang.
    Working,
    /// The target gets something.
    Ready,
    /// It gets nothing any more, which is being seen to.
    Interrupted(String),
    /// It is not there, or did not come back.
    GivenUp(String),
    /// Something here does not work.
    Broken(String),
}

/// See the module. Times are since the inputs' epoch.
#[derive(Debug)]
pub(super) struct Studio {
    epoch: Duration,
    link: Link,
    /// When picture 0 and block 0 begin.
    start: Duration,
    scene: Scene,
    members: Vec<Member>,
    pictures: Option<Pictures>,
    sound: Option<Sound>,
    egress: Egress,
}

#[derive(Debug)]
struct Member {
    number: u16,
    figure: Figure,
    feed: SharedFeed,
}

#[derive(Debug)]
struct Pictures {
    frame_rate: u32,
    encoder: PictureEncoder,
    /// What is due next.
    number: u64,
    /// When those were due that are in the encoder.
    within: VecDeque<Duration>,
}

#[derive(Debug)]
struct Sound {
    encoder: AacEncoder,
    number: u64,
    within: VecDeque<Duration>,
}

/// What is due.
#[derive(Clone, Copy, Debug)]
enum Due {
    Picture,
    Block,
}

impl Studio {
    pub(super) fn new(
        spec: BroadcastSpec,
        target: Target,
        epoch: Duration,
        link: &Link,
    ) -> Result<Self, CompositionError> {
        let scene = Scene::new(spec.picture, spec.audio)?;
        let pictures = scene.picture().map(Pictures::new).transpose()?;
        let sound = spec.audio.then(Sound::new).transpose()?;
        let frame_rate = pictures.as_ref().map(|pictures| pictures.frame_rate);
        let patience = Duration::from_secs(spec.patience.into());
        let egress = Egress::new(target, frame_rate, spec.audio, patience, Instant::now());
        let start = now().saturating_sub(epoch);
        Ok(Self { epoch, link: link.clone(), start, scene, members: Vec::new(), pictures, sound, egress })
    }

    /// Until nobody instructs it any more, or it is of no use.
    pub(super) fn run(mut self, instructions: &Receiver<Instruction>, news: &Sender<News>) {
        let mut told = Instant::now();
        loop {
            let outcome = self.turn();
            let (wait, report) = match outcome {
                Ok(turn) => turn,
                Err(error) => (TICK, Some(News::Broken(error.to_string()))),
            };
            let is_over = matches!(report, Some(News::GivenUp(_) | News::Broken(_)));
            let report = report.or_else(|| (told.elapsed() > SIGN_OF_LIFE).then_some(News::Working));
            if let Some(report) = report {
                told = Instant::now();
                if news.send(report).is_err() || is_over {
                    return;
                }
            }
            match instructions.recv_timeout(wait) {
                Ok(instruction) => self.follow(instruction),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.egress.finish(),
            }
        }
    }

    fn follow(&mut self, instruction: Instruction) {
        match instruction {
            Instruction::Add(input, feed) => {
                self.members.push(Member { number: input.number, figure: Figure::live(input), feed });
            }
            Instruction::Change(input) => {
                if let Some(member) = self.members.iter_mut().find(|member| member.number == input.number) {
                    member.figure.switch(input.audio_active, input.video_active);
                }
            }
            Instruction::Remove(number) => self.members.retain(|member| member.number != number),
        }
        self.scene.rearrange();
    }

    /// Does what is due, and tells how long there is nothing to do.
    fn turn(&mut self) -> Result<(Duration, Option<News>), CompositionError> {
        let report = self.egress.poll(Instant::now()).map(|news| match news {
            EgressNews::Flows => News::Ready,
            EgressNews::Interrupted(why) => News::Interrupted(why),
            EgressNews::GivenUp(why) => News::GivenUp(why),
        });
        self.link.count_dropped(self.egress.take_dropped());
        let Some((due, at)) = self.due() else { return Ok((TICK, report)) };
        let now = now().saturating_sub(self.epoch).saturating_sub(DELAY);
        if at > now {
            return Ok(((at - now).min(TICK), report));
        }
        match due {
            Due::Picture => self.picture(at, now - at)?,
            Due::Block => self.block(now - at)?,
        }
        Ok((Duration::ZERO, report))
    }

    /// What comes next, and when: a picture at its time, a block when its last sample is over.
    fn due(&self) -> Option<(Due, Duration)> {
        let picture =
            self.pictures.as_ref().map(|pictures| (Due::Picture, self.start + pictures.time(pictures.number)));
        let block = self.sound.as_ref().map(|sound| (Due::Block, self.start + Sound::time(sound.number + 1)));
        match (picture, block) {
            (Some(picture), Some(block)) if picture.1 < block.1 => Some(picture),
            (picture, block) => block.or(picture),
        }
    }

    fn picture(&mut self, at: Duration, late: Duration) -> Result<(), CompositionError> {
        let Some(pictures) = &mut self.pictures else { return Ok(()) };
        if late > LATE_PICTURE {
            let number = pictures.number_at(at + late - self.start).max(pictures.number + 1);
            self.link.count_dropped(number - pictures.number);
            pictures.number = number;
            return Ok(());
        }
        // Those nearest to their time: neither earlier nor later than their sound.
        let nearest = at + pictures.time(1) / 2;
        for member in &mut self.members {
            member.show_until(nearest);
        }
        let mut figures: Vec<&mut Figure> = self.members.iter_mut().map(|member| &mut member.figure).collect();
        // Drawn whether it is sent or not: pictures are only kept until their time.
        let Some(canvas) = self.scene.draw(&mut figures) else { return Ok(()) };
        if self.egress.takes_media() {
            if self.egress.take_key_frame_request() {
                pictures.encoder.force_key_frame();
            }
            pictures.within.push_back(pictures.time(pictures.number));
            pictures.encoder.push(canvas.picture()?, pictures.number, pictures.frame_rate)?;
            while let Some(output) = pictures.encoder.pop_output() {
                if let Some(time) = pictures.within.pop_front() {
                    self.egress.push_picture(time + self.sound.as_ref().map_or(Duration::ZERO, Sound::delay), output);
                }
            }
        }
        pictures.number += 1;
        Ok(())
    }

    fn block(&mut self, late: Duration) -> Result<(), CompositionError> {
        let Some(sound) = &mut self.sound else { return Ok(()) };
        if late > LATE_SOUND {
            let blocks = late.as_micros() as u64 * RATE as u64 / 1_000_000 / AAC_BLOCK as u64;
            sound.number += blocks;
            self.link.count_dropped(blocks);
        }
        for member in &mut self.members {
            member.take_sound(self.start);
        }
        let mut figures: Vec<&mut Figure> = self.members.iter_mut().map(|member| &mut member.figure).collect();
        let from = sound.number * AAC_BLOCK as u64;
        let sum = self.scene.mix(from.cast_signed(), AAC_BLOCK, &mut figures);
        if self.egress.takes_media() {
            sound.within.push_back(Sound::time(sound.number));
            sound.encoder.push(sound.number, limited(&sum))?;
            while let Some(output) = sound.encoder.pop_output() {
                if let Some(time) = sound.within.pop_front() {
                    self.egress.push_sound(time, output);
                }
            }
        }
        sound.number += 1;
        Ok(())
    }
}

impl Member {
    /// The latest picture whose time has come.
    fn show_until(&mut self, time: Duration) {
        let mut feed = self.feed.lock().unwrap_or_else(PoisonError::into_inner);
        let Feed { pictures, .. } = &mut *feed;
        let mut latest = None;
        while pictures.front().is_some_and(|(due, _)| *due <= time) {
            latest = pictures.pop_front();
        }
        if let Some((_, picture)) = latest {
            self.figure.show(picture);
        }
    }

    /// All that has come; it is mixed when its time does.
    fn take_sound(&mut self, start: Duration) {
        let mut feed = self.feed.lock().unwrap_or_else(PoisonError::into_inner);
        for (time, piece) in feed.sounds.drain(..) {
            let samples = |time: Duration| (time.as_micros() as i64) * RATE / 1_000_000;
            self.figure.sound.push(samples(time) - samples(start), &piece);
        }
    }
}

impl Pictures {
    fn new(picture: &Picture) -> Result<Self, CompositionError> {
        let (frame_rate, encoder) = (picture.frame_rate, PictureEncoder::live(picture)?);
        Ok(Self { frame_rate, encoder, number: 0, within: VecDeque::new() })
    }

    /// Of a picture, since the first.
    fn time(&self, number: u64) -> Duration {
        Duration::from_nanos(number * 1_000_000_000 / u64::from(self.frame_rate))
    }

    fn number_at(&self, time: Duration) -> u64 {
        time.as_micros() as u64 * u64::from(self.frame_rate) / 1_000_000
    }
}

impl Sound {
    fn new() -> Result<Self, CompositionError> {
        Ok(Self { encoder: AacEncoder::new(0)?, number: 0, within: VecDeque::new() })
    }

    /// When a block begins, since the first.
    fn time(number: u64) -> Duration {
        Duration::from_nanos((number * AAC_BLOCK as u64) * 1_000_000_000 / RATE as u64)
    }

    /// By which what is decoded comes too late, unless pictures do so, too.
    fn delay(&self) -> Duration {
        Duration::from_nanos(u64::from(self.encoder.delay()) * 1_000_000_000 / RATE as u64)
    }
}
