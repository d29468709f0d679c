//! Pictures of one input in another codec; its sound is passed on as it is.

use protocol::job::{MediaPacket, ToJob};
use protocol::media::VideoCodec;

use super::input::{Form, Input};
use super::link::Link;
use super::output::Output;
use super::pipeline::{LivePipeline, complaint, link as join};
use super::{Job, JobError};

/// See [`protocol::job::JobSpec::Transcode`].
#[derive(Debug)]
pub(super) struct Transcode {
    link: Link,
    pipeline: LivePipeline,
    output: Output,
    input: Option<(u16, Input)>,
    audio: bool,
}

impl Transcode {
    /// Says at once what will come out.
    pub(super) fn new(to: VideoCodec, audio: bool, link: &Link) -> Result<Self, JobError> {
        let pipeline = LivePipeline::start()?;
        let output = Output::new(audio.then_some(Form::Encoded), Some((to, Form::Decoded)), &pipeline, link)?;
        link.tell(&output.ready());
        Ok(Self { link: link.clone(), pipeline, output, input: None, audio })
    }

    fn add(&mut self, number: u16) -> Result<(), JobError> {
        self.remove();
        let audio = self.audio.then_some(Form::Encoded);
        let input = Input::new(number, audio, Some(Form::Decoded), &self.pipeline, &self.link)?;
        for (from, to) in [(input.audio(), self.output.audio()), (input.video(), self.output.video())] {
            if let (Some(from), Some(to)) = (from, to) {
                join(from, to)?;
            }
        }
        self.input = Some((number, input));
        Ok(())
    }

    fn remove(&mut self) {
        if let Some((_, input)) = self.input.take() {
            input.remove(&self.pipeline);
        }
    }
}

impl Job for Transcode {
    fn handle(&mut self, said: ToJob) -> Result<(), JobError> {
        match said {
            ToJob::AddInput { input } => self.add(input.number)?,
            ToJob::RemoveInput { number } if self.input.as_ref().is_some_and(|(own, _)| *own == number) => {
                self.remove()
            }
            ToJob::KeyFrame => self.output.key_frame(),
            ToJob::Bitrate { bps } => self.output.set_bitrate(bps),
            ToJob::Begin { .. }
            | ToJob::ChangeInput { .. }
            | ToJob::RemoveInput { .. }
            | ToJob::Finish
            | ToJob::Settle { .. }
            | ToJob::Execute { .. } => {}
        }
        Ok(())
    }

    fn handle_media(&mut self, packet: &MediaPacket<'_>) -> Result<(), JobError> {
        match &mut self.input {
            Some((number, input)) if *number == packet.input => {
                if let Some(level) = packet.level {
                    self.output.set_level(level);
                }
                input.handle(packet)
            }
            _ => Ok(()),
        }
    }

    fn poll(&mut self) -> Result<(), JobError> {
        if let Some((_, input)) = &mut self.input {
            input.poll()?;
        }
        while let Some(message) = self.pipeline.pop_message() {
            if let gst::MessageView::Error(error) = message.view() {
                let recovered = self.input.as_mut().is_some_and(|(_, input)| input.recovers(error));
                if !recovered {
                    return Err(JobError::Broken(complaint(error)));
                }
            }
        }
        Ok(())
    }
}
