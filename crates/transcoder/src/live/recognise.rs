//! Speech to text: the sound of one input goes to an [`Engine`] elsewhere, and what that makes of it is told.
//!
//! Sound is decoded here, to what all of them take, and silence goes where there is none: by it engines find the ends of what is
//! said. One that cannot be reached, or is lost, is the end of the job: who listens decides what then.
//!
//! What is final is told with when it was said ([`timing`]): engines count the sound that they were sent, and [`feed`] knows
//! when that was captured.

mod azure;
mod event_stream;
mod feed;
mod signature;
mod socket;
mod timing;
mod transcribe;
mod vosk;

use std::fmt::Display;
use std::time::Duration;

use gst_app::AppSink;
use protocol::job::{FromJob, MediaPacket, RecogniseSpec, SpeechEngine, ToJob};
use protocol::speech::{Spoken, SpokenWord};

use self::azure::Azure;
use self::feed::Feed;
use self::timing::{Guess, Timing};
use self::transcribe::Transcribe;
use self::vosk::Vosk;
use super::input::{Form, Input};
use super::link::Link;
use super::pipeline::{LivePipeline, chain, complaint, link as join, now};
use super::{Job, JobError};

/// Of what engines are sent: one channel of little-endian 16-bit samples.
const SAMPLES_PER_SECOND: usize = 16_000;
/// Bytes of one.
const SAMPLE: usize = 2;
/// Bytes of what is told as an engine's own words; what is longer is told as text alone.
const LONGEST_RAW: usize = 16 << 10;
/// Sound that waits to be taken: so much is decoded at once after a stall of the network.
const WAITING: u32 = 500;
/// Words of a sentence whose times are told one by one; a message holds so many.
const MOST_WORDS: usize = 500;
/// Once nothing more will come: until whatever has come is decoded.
const DECODED_AFTER: Duration = Duration::from_millis(300);
/// And until an engine has said everything.
const LAST_WORDS: Duration = Duration::from_secs(4);

/// Something that writes down what it is sent.
trait Engine {
    /// The next piece of sound.
    fn send(&mut self, sound: &[u8]) -> Result<(), EngineError>;

    /// What it has understood, if there is anything new; it does not wait for it.
    fn receive(&mut self) -> Result<Option<Words>, EngineError>;

    /// There will be no more sound. What it has understood is still received.
    fn finish(&mut self);

    /// After that: it has said everything.
    fn is_over(&self) -> bool;
}

/// What an engine has understood.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Words {
    /// Never blank.
    text: String,
    /// The engine's own.
    raw: String,
    /// They will not change any more.
    is_final: bool,
    /// When they were said, in the sound that it was sent, if it tells.
    timing: Option<Timing>,
}

/// Why an engine is of no use.
#[derive(Debug, thiserror::Error)]
enum EngineError {
    #[error("what recognises speech cannot be reached: {0}")]
    Unreachable(String),
    #[error("what recognises speech is gone: {0}")]
    Closed(String),
}

impl EngineError {
    fn unreachable(why: impl Display) -> Self {
        Self::Unreachable(why.to_string())
    }

    fn closed(why: impl Display) -> Self {
        Self::Closed(why.to_string())
    }
}

impl From<EngineError> for JobError {
    fn from(error: EngineError) -> Self {
        Self::Impossible(error.to_string())
    }
}

/// See [`protocol::job::JobSpec::Recognise`].
pub(super) struct Recogniser {
    link: Link,
    engine: Box<dyn Engine>,
    pipeline: LivePipeline,
    /// Where decoded sound comes out.
    sink: AppSink,
    input: Option<(u16, Input, gst::Bin)>,
    feed: Feed,
    guess: Guess,
    ending: Ending,
}

/// How near the end is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    /// Sound comes.
    None,
    /// No more comes. What has come since 1970 is being decoded.
    Asked { at: Duration },
    /// The engine knows.
    Told { at: Duration },
    /// Everything was said.
    Over,
}

impl Recogniser {
    /// Says that it can hear.
    pub(super) fn new(spec: &RecogniseSpec, link: &Link) -> Result<Self, JobError> {
        let engine: Box<dyn Engine> = match &spec.by {
            SpeechEngine::Vosk { address } => Box::new(Vosk::connect(address)?),
            SpeechEngine::Azure(account) => Box::new(Azure::connect(account, &spec.language)?),
            SpeechEngine::Transcribe(account) => Box::new(Transcribe::connect(account, &spec.language)?),
        };
        let pipeline = LivePipeline::start()?;
        // Nothing waits for its time: engines go by the order.
        let sink = AppSink::builder().sync(false).async_(false).max_buffers(WAITING).build();
        pipeline.add(&sink)?;
        link.tell(&FromJob::Ready { audio: false, video: None });
        let (feed, guess) = (Feed::default(), Guess::default());
        Ok(Self { link: link.clone(), engine, pipeline, sink, input: None, feed, guess, ending: Ending::None })
    }

    fn add(&mut self, number: u16) -> Result<(), JobError> {
        self.remove();
        let input = Input::new(number, Some(Form::Decoded), None, &self.pipeline, &self.link)?;
        let taken = format!("audio/x-raw,format=S16LE,rate={SAMPLES_PER_SECOND},channels=1,layout=interleaved");
        let converter = chain(&format!("audioconvert ! audioresample ! capsfilter caps={taken}"))?;
        self.pipeline.add(&converter)?;
        join(&converter, &self.sink)?;
        if let Some(decoded) = input.audio() {
            join(decoded, &converter)?;
        }
        self.input = Some((number, input, converter));
        Ok(())
    }

    fn remove(&mut self) {
        if let Some((_, input, converter)) = self.input.take() {
            input.remove(&self.pipeline);
            self.pipeline.remove(&converter);
        }
    }

    fn take_sound(&mut self) {
        while let Some(sample) = self.sink.try_pull_sample(gst::ClockTime::ZERO) {
            let Some(buffer) = sample.buffer() else { continue };
            let time = self.pipeline.epoch() + buffer.pts().map_or(Duration::ZERO, Duration::from);
            if let Ok(sound) = buffer.map_readable() {
                self.feed.push(time, &sound, now());
            }
        }
        self.feed.go_on_without(now());
    }

    /// The engine is told that there is no more, once it was sent all that has come.
    fn end(&mut self) {
        match self.ending {
            Ending::Asked { at } if now().saturating_sub(at) >= DECODED_AFTER => {
                self.feed.finish();
                self.ending = Ending::Told { at: now() };
            }
            Ending::Asked { .. } | Ending::None | Ending::Told { .. } | Ending::Over => {}
        }
    }

    /// Whether everything was said.
    fn receive(&mut self) -> Result<bool, JobError> {
        loop {
            match self.engine.receive() {
                Ok(Some(words)) => self.tell(words),
                Ok(None) => break,
                Err(_) if matches!(self.ending, Ending::Told { .. }) => return Ok(true),
                Err(error) => return Err(error.into()),
            }
        }
        let Ending::Told { at } = self.ending else { return Ok(false) };
        Ok(self.engine.is_over() || now().saturating_sub(at) > LAST_WORDS)
    }

    fn tell(&mut self, Words { text, raw, is_final, timing }: Words) {
        let sent = self.feed.taken();
        let spoken = if is_final {
            let guessed = self.guess.ended(sent);
            self.spoken(&timing.unwrap_or(guessed))
        } else {
            self.guess.changed(sent);
            None
        };
        self.link.tell(&FromJob::Recognised { text, raw, is_final, spoken });
    }

    fn spoken(&self, Timing { began, ended, words }: &Timing) -> Option<Spoken> {
        let now = now();
        let ago = |time: Duration| u64::try_from(now.saturating_sub(time).as_millis()).unwrap_or(u64::MAX);
        let span = |began, ended| Some((ago(self.feed.time_from(began)?), ago(self.feed.time_until(ended)?)));
        let word = |(word, began, ended): &(String, u64, u64)| {
            let (began, ended) = span(*began, *ended)?;
            Some(SpokenWord { word: word.clone(), began, ended })
        };
        let words = if words.len() <= MOST_WORDS { words.iter().filter_map(word).collect() } else { Vec::default() };
        let (began, ended) = span(*began, *ended)?;
        Some(Spoken { began, ended, words })
    }
}

impl Job for Recogniser {
    fn handle(&mut self, said: ToJob) -> Result<(), JobError> {
        match said {
            ToJob::AddInput { input } => self.add(input.number)?,
            ToJob::RemoveInput { number } if self.input.as_ref().is_some_and(|(own, ..)| *own == number) => {
                self.remove();
            }
            ToJob::Finish if self.ending == Ending::None => self.ending = Ending::Asked { at: now() },
            ToJob::Begin { .. }
            | ToJob::Finish
            | ToJob::ChangeInput { .. }
            | ToJob::RemoveInput { .. }
            | ToJob::KeyFrame
            | ToJob::Bitrate { .. }
            | ToJob::Settle { .. }
            | ToJob::Execute { .. } => {}
        }
        Ok(())
    }

    fn handle_media(&mut self, packet: &MediaPacket<'_>) -> Result<(), JobError> {
        match &mut self.input {
            Some((number, input, _)) if *number == packet.input => input.handle(packet),
            _ => Ok(()),
        }
    }

    fn poll(&mut self) -> Result<(), JobError> {
        if self.ending == Ending::Over {
            return Ok(());
        }
        if let Some((_, input, _)) = &mut self.input {
            input.poll()?;
        }
        while let Some(message) = self.pipeline.pop_message() {
            if let gst::MessageView::Error(error) = message.view() {
                let recovered = self.input.as_mut().is_some_and(|(_, input, _)| input.recovers(error));
                if !recovered {
                    return Err(JobError::Broken(complaint(error)));
                }
            }
        }
        let was_told = matches!(self.ending, Ending::Told { .. });
        if !was_told {
            self.take_sound();
            self.end();
        }
        while let Some(piece) = self.feed.pop() {
            self.engine.send(&piece)?;
        }
        if !was_told && matches!(self.ending, Ending::Told { .. }) {
            self.engine.finish();
        }
        if self.receive()? {
            self.ending = Ending::Over;
            self.link.tell(&FromJob::Finished);
        }
        Ok(())
    }
}

impl Drop for Recogniser {
    fn drop(&mut self) {
        self.engine.finish();
    }
}
