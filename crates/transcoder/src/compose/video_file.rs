//! The composed file with pictures: what is drawn and mixed is encoded and written, a fragment a second.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use protocol::recording::Measured;
use protocol::transcoder::Picture;

use super::encode::{AAC_BLOCK, AacEncoder, PictureEncoder};
use super::picture::Canvas;
use super::sound::StereoSample;
use super::still;
use crate::CompositionError;
use crate::mp4::{EncodedSample, Mp4, Mp4Description};

/// A composed file with pictures.
#[derive(Debug)]
pub(crate) struct VideoFile {
    path: PathBuf,
    frame_rate: u32,
    mp4: Mp4<File>,
    pictures: PictureEncoder,
    sound: Option<AacEncoder>,
    /// Encoded, and not written.
    encoded_pictures: Vec<EncodedSample>,
    encoded_sound: Vec<EncodedSample>,
    /// Numbers of what comes next.
    next_picture: u64,
    next_block: u64,
    delay: u64,
    avc: Vec<u8>,
}

impl VideoFile {
    /// Begins a file, or goes on where it ends.
    pub(crate) fn open(path: &Path, picture: &Picture, has_audio: bool) -> Result<Self, CompositionError> {
        let sound = if has_audio { Some(AacEncoder::description()?) } else { None };
        let delay = sound.as_ref().map_or(0, |sound| u64::from(sound.delay));
        let avc = PictureEncoder::configuration(picture)?;
        let description = Mp4Description {
            width: picture.width,
            height: picture.height,
            frame_rate: picture.frame_rate,
            avc: avc.clone(),
            sound,
        };
        let mp4 = open(path, description).map_err(CompositionError::file(path))?;
        let (next_picture, packets) = (mp4.pictures(), mp4.packets());
        Ok(Self {
            path: path.to_owned(),
            frame_rate: picture.frame_rate,
            pictures: PictureEncoder::new(picture)?,
            sound: if has_audio { Some(AacEncoder::new(packets)?) } else { None },
            encoded_pictures: Vec::new(),
            encoded_sound: Vec::new(),
            next_picture,
            next_block: AacEncoder::first_block(packets),
            delay,
            avc,
            mp4,
        })
    }

    /// When the next picture is due, µs since the beginning.
    pub(crate) fn picture_due(&self) -> u64 {
        self.next_picture * 1_000_000 / u64::from(self.frame_rate)
    }

    /// Where the next block of sound lies, in samples since the beginning.
    pub(crate) fn next_block(&self) -> Option<(u64, usize)> {
        self.sound.as_ref().map(|_| (self.next_block * AAC_BLOCK as u64, AAC_BLOCK))
    }

    /// The next picture. Tells whether a fragment was written.
    pub(crate) fn push_picture(&mut self, canvas: &Canvas) -> Result<bool, CompositionError> {
        self.pictures.push(canvas.picture()?, self.next_picture, self.frame_rate)?;
        self.next_picture += 1;
        self.collect()?;
        let is_due = self.encoded_pictures.len() >= self.frame_rate as usize;
        if is_due {
            self.write()?;
        }
        Ok(is_due)
    }

    pub(crate) fn push_block(&mut self, samples: impl Iterator<Item = StereoSample>) -> Result<(), CompositionError> {
        if let Some(sound) = &mut self.sound {
            sound.push(self.next_block, samples)?;
            self.next_block += 1;
        }
        self.collect()
    }

    /// Everything that was given goes into the file, and that is on the disk.
    pub(crate) fn flush(&mut self) -> Result<(), CompositionError> {
        self.pictures.finish();
        if let Some(sound) = &mut self.sound {
            sound.finish();
        }
        self.collect()?;
        // What an encoder makes of nothing, at its end, is not sound.
        let wanted = self.next_block.saturating_sub(self.mp4.packets()) as usize;
        self.encoded_sound.truncate(wanted);
        self.write()
    }

    /// What is in the file, on the disk: ms since the beginning.
    pub(crate) fn written(&self) -> u64 {
        self.mp4.pictures() * 1000 / u64::from(self.frame_rate)
    }

    /// How many blocks of sound go with pictures up to `end`, in ms.
    pub(crate) fn blocks_for(&self, end: u64) -> u64 {
        (end * 48 + self.delay).div_ceil(AAC_BLOCK as u64)
    }

    /// Makes the file whole, and a still picture of it.
    pub(crate) fn finish(mut self, still_path: Option<&Path>) -> Result<Measured, CompositionError> {
        self.flush()?;
        let finished = self.mp4.finish();
        let size = self.whole(finished)?;
        self.mp4.file().sync_all().map_err(CompositionError::file(&self.path))?;
        let pictures = self.mp4.pictures();
        if let Some(still_path) = still_path {
            let group =
                self.mp4.group_of(pictures.saturating_sub(1) / 2).map_err(CompositionError::file(&self.path))?;
            still::write(still_path, &self.avc, group)?;
        }
        Ok(Measured {
            size,
            duration: pictures as f64 / f64::from(self.frame_rate),
            has_audio: self.sound.is_some(),
            has_video: true,
            ..Measured::default()
        })
    }

    fn collect(&mut self) -> Result<(), CompositionError> {
        while let Some(picture) = self.pictures.pop()? {
            self.encoded_pictures.push(picture);
        }
        while let Some(packet) = self.sound.as_mut().map_or(Ok(None), AacEncoder::pop)? {
            self.encoded_sound.push(packet);
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), CompositionError> {
        if self.encoded_pictures.is_empty() && self.encoded_sound.is_empty() {
            return Ok(());
        }
        let (pictures, sound) = (std::mem::take(&mut self.encoded_pictures), std::mem::take(&mut self.encoded_sound));
        let written = self.mp4.write_fragment(&pictures, &sound);
        self.whole(written)?;
        self.mp4.file().sync_data().map_err(CompositionError::file(&self.path))
    }

    /// What was written before the disk was full is no fragment: players would complain of it.
    fn whole<T>(&self, written: io::Result<T>) -> Result<T, CompositionError> {
        if written.is_err() {
            // If that fails, too, whoever goes on with it cuts it off.
            let _ = self.mp4.file().set_len(self.mp4.end());
        }
        written.map_err(CompositionError::file(&self.path))
    }
}

fn open(path: &Path, description: Mp4Description) -> io::Result<Mp4<File>> {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    if let Some(mp4) = Mp4::resume(file.try_clone()?, description.clone())? {
        file.set_len(mp4.end())?;
        return Ok(mp4);
    }
    file.set_len(0)?;
    let mp4 = Mp4::create(file, description)?;
    mp4.file().sync_all()?;
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(mp4)
}
