//! From streams' files to one file, step by step: a picture or a block of sound at a time, in the order of their times.
//!
//! Nothing is composed before the manifest says that everything of that time is in the files ([`Entry::Until`]). The
//! steps that are due then are always the same ones, whoever takes them, and when.

mod audio_file;
mod caption;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod figure;
pub mod layout;
mod mask;
mod member;
pub(crate) mod picture;
pub(crate) mod scene;
pub(crate) mod sound;
mod speaker;
mod still;
mod text;
mod video_file;

use std::collections::VecDeque;
use std::path::{Component, Path, PathBuf};

use protocol::recording::Measured;
use protocol::transcoder::{ComposedStream, Composition, CompositionLosses, Entry, VERSION};

use crate::CompositionError;
use audio_file::AudioFile;
use figure::Figure;
use member::Member;
use scene::Scene;
use video_file::VideoFile;

/// A composition being made.
#[derive(Debug)]
pub struct Composer {
    folder: PathBuf,
    composition: Composition,
    output: ComposedFile,
    /// Those whose time has not come.
    entries: VecDeque<Entry>,
    members: Vec<Member>,
    scene: Scene,
    /// Everything before this is in the files, ms since 1970.
    until: u64,
    /// When it ends, ms since 1970.
    end: Option<u64>,
    /// Where it was taken up, ms since 1970.
    from: u64,
    lost: CompositionLosses,
}

#[derive(Debug)]
enum ComposedFile {
    Video(Box<VideoFile>),
    Audio(Box<AudioFile>),
}

/// What is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum DueStep {
    Picture,
    /// From a sample on, so many.
    Block(u64, usize),
}

/// What became of a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StepOutcome {
    /// There may be another one.
    Taken,
    /// And everything before this is in the output file on the disk, ms since 1970.
    Written(u64),
    /// The manifest does not go further.
    Waiting,
    /// It is complete: [`Composer::finish`].
    Over,
}

impl Composer {
    /// Begins the composition of a folder, or goes on where its output file ends.
    pub fn open(folder: &Path, composition: Composition) -> Result<Self, CompositionError> {
        if composition.version != VERSION {
            return Err(CompositionError::Manifest(format!("its version is {}, not {VERSION}", composition.version)));
        }
        let path = inside(folder, &composition.output)?;
        let scene = Scene::new(composition.picture.clone(), composition.has_audio)?;
        let output = match scene.picture() {
            Some(picture) => {
                let video = VideoFile::open(&path, picture, composition.has_audio)?;
                ComposedFile::Video(Box::new(video))
            }
            None => ComposedFile::Audio(Box::new(AudioFile::open(&path, composition.start)?)),
        };
        let mut composer = Self {
            folder: folder.to_owned(),
            until: composition.start,
            from: composition.start,
            composition,
            output,
            entries: VecDeque::new(),
            members: Vec::new(),
            scene,
            end: None,
            lost: CompositionLosses::default(),
        };
        composer.from += composer.due().map_or(0, |(_, time)| time / 1000);
        Ok(composer)
    }

    /// The manifest says more.
    pub fn push(&mut self, entry: Entry) {
        match entry {
            Entry::Compose(_) => {}
            Entry::Until { at } => self.until = self.until.max(at),
            Entry::End { at } => self.end = Some(self.end.map_or(at, |end| end.min(at))),
            Entry::Add(_) | Entry::Change { .. } | Entry::Remove { .. } => self.entries.push_back(entry),
        }
    }

    /// Composes what is due next.
    pub fn step(&mut self) -> Result<StepOutcome, CompositionError> {
        let Some((due, time)) = self.due() else { return Ok(StepOutcome::Over) };
        let at = self.composition.start + time.div_ceil(1000);
        if self.end.is_none() && at + member::AHEAD > self.until {
            return Ok(StepOutcome::Waiting);
        }
        self.follow_manifest(at);
        self.members.iter_mut().for_each(|member| member.advance(at));
        let is_written = match due {
            DueStep::Picture => {
                let canvas = self.scene.draw(&mut figures(&mut self.members));
                let (ComposedFile::Video(video), Some(canvas)) = (&mut self.output, canvas) else {
                    return Ok(StepOutcome::Over);
                };
                video.push_picture(canvas)?
            }
            DueStep::Block(from, count) => self.mix(from, count)?,
        };
        let written = match &self.output {
            ComposedFile::Video(video) => self.composition.start + video.written(),
            ComposedFile::Audio(_) => at,
        };
        Ok(if is_written { StepOutcome::Written(written) } else { StepOutcome::Taken })
    }

    /// Everything that was composed is in the file, which can be played, and continued.
    pub fn suspend(mut self) -> Result<(), CompositionError> {
        match &mut self.output {
            ComposedFile::Video(video) => video.flush(),
            ComposedFile::Audio(_) => Ok(()),
        }
    }

    /// What could not be put into it so far.
    pub fn lost(&self) -> CompositionLosses {
        let mut lost = self.lost;
        self.members.iter().for_each(|member| lost += member.lost);
        lost
    }

    /// Makes the file whole.
    pub fn finish(self) -> Result<(Measured, CompositionLosses), CompositionError> {
        let lost = self.lost();
        let measured = match self.output {
            ComposedFile::Video(video) => {
                let still = self.composition.thumbnail.as_deref().map(|name| inside(&self.folder, name)).transpose()?;
                video.finish(still.as_deref())?
            }
            ComposedFile::Audio(audio) => audio.finish()?,
        };
        Ok((measured, lost))
    }

    /// What is due, and when the last of it is, µs since the beginning; nothing if it is complete.
    fn due(&self) -> Option<(DueStep, u64)> {
        // Even of nothing there is a picture. ms.
        let length = self.end.map(|end| end.saturating_sub(self.composition.start).max(1));
        let (picture, block, blocks) = match &self.output {
            ComposedFile::Video(video) => {
                (Some(video.picture_due()), video.next_block(), length.map(|length| video.blocks_for(length)))
            }
            ComposedFile::Audio(audio) => (None, Some(audio.next_block()), length.map(|length| length.div_ceil(20))),
        };
        let picture = picture.filter(|time| length.is_none_or(|length| *time < length * 1000));
        let block = block.filter(|(from, count)| blocks.is_none_or(|blocks| from / (*count as u64) < blocks));
        let block =
            block.map(|(from, count)| (DueStep::Block(from, count), (from + count as u64) * 1_000_000 / 48_000));
        match (picture, block) {
            (Some(picture), Some((_, time))) if picture < time => Some((DueStep::Picture, picture)),
            (Some(picture), None) => Some((DueStep::Picture, picture)),
            (_, block) => block,
        }
    }

    /// Takes the entries whose time has come.
    fn follow_manifest(&mut self, now: u64) {
        let is_due = |entry: &Entry| match entry {
            Entry::Add(stream) => stream.at <= now,
            Entry::Change { at, .. } | Entry::Remove { at, .. } => *at <= now,
            Entry::Compose(_) | Entry::Until { .. } | Entry::End { .. } => true,
        };
        while self.entries.front().is_some_and(is_due) {
            match self.entries.pop_front() {
                Some(Entry::Add(stream)) => self.add(stream),
                Some(Entry::Change { file, audio_active, video_active, .. }) => {
                    let member = self.members.iter_mut().find(|member| member.figure.key == file);
                    if let Some(member) = member {
                        member.figure.switch(audio_active, video_active);
                    }
                }
                Some(Entry::Remove { file, .. }) => {
                    let (gone, stay) = std::mem::take(&mut self.members)
                        .into_iter()
                        .partition(|member: &Member| member.figure.key == file);
                    self.members = stay;
                    let gone: Vec<Member> = gone;
                    gone.iter().for_each(|member| self.lost += member.lost);
                }
                _ => continue,
            }
            self.scene.rearrange();
        }
    }

    fn add(&mut self, stream: ComposedStream) {
        match inside(&self.folder, &stream.file) {
            Ok(_) => {
                let from = if stream.at < self.from { self.from } else { self.composition.start };
                self.members.push(Member::new(&self.folder, stream, self.composition.start, from));
            }
            Err(_) => self.lost.unreadable_files += 1,
        }
    }

    /// Tells whether something was written.
    fn mix(&mut self, from: u64, count: usize) -> Result<bool, CompositionError> {
        let sum = self.scene.mix(from.cast_signed(), count, &mut figures(&mut self.members));
        let samples = sound::limited(&sum);
        match &mut self.output {
            ComposedFile::Video(video) => video.push_block(samples).map(|()| false),
            ComposedFile::Audio(audio) => audio.push_block(samples),
        }
    }
}

fn figures(members: &mut [Member]) -> Vec<&mut Figure> {
    members.iter_mut().map(|member| &mut member.figure).collect()
}

/// A file of the folder; its name leads nowhere else.
fn inside(folder: &Path, name: &str) -> Result<PathBuf, CompositionError> {
    let path = Path::new(name);
    let mut components = path.components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(_)), None) => Ok(folder.join(path)),
        _ => Err(CompositionError::Manifest(format!("{name:?} is no name of a file"))),
    }
}
