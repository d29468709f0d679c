//! The file: MP4 in fragments of a second while it grows, an ordinary MP4 once it is whole. ISO/IEC 14496-12 and -14.
//!
//! A fragment is written by one write, so wherever the file is cut off it plays up to the last whole one, and can be
//! continued from there. At its end the index of the whole file is appended; then sixteen bytes at the front, until there
//! a free box, become the head of one box of media over everything in between, and what described the fragments is hidden
//! inside. That is one write, too: a file is either still fragmented or whole.
//!
//! One track of pictures at an even rate, none of which is shown before one that came earlier, and at most one of sound.

mod atom;
mod read;

use std::io::{self, Read, Seek, SeekFrom, Write};

use atom::{atom, full_atom, language, matrix};

/// Of the movie's times, a second.
const MOVIE_SCALE: u64 = 1000;
/// Of the pictures' times, a picture.
const PICTURE_TICKS: u32 = 1000;
/// Of a packet of sound, which has as many ticks.
const PACKET_SAMPLES: u32 = 1024;
const SOUND_RATE: u32 = 48_000;
const VIDEO_TRACK: u32 = 1;
const AUDIO_TRACK: u32 = 2;
/// Flags of a sample (14496-12 §8.8.3.1): others are needed to decode it, or not.
const DEPENDS: u32 = 0x0101_0000;
const DEPENDS_ON_NONE: u32 = 0x0200_0000;
/// Becomes the head of the media's box.
const COVER_LENGTH: u64 = 16;

/// What is in a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Mp4Description {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Pictures a second.
    pub(crate) frame_rate: u32,
    /// Of H264: `AVCDecoderConfigurationRecord`.
    pub(crate) avc: Vec<u8>,
    pub(crate) sound: Option<AacTrack>,
}

/// AAC, two channels at 48 kHz.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct AacTrack {
    /// `AudioSpecificConfig`.
    pub(crate) config: Vec<u8>,
    /// Samples at the beginning that an encoder puts before what went in.
    pub(crate) delay: u32,
}

/// An encoded picture, or packet of sound.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct EncodedSample {
    pub(crate) data: Vec<u8>,
    /// It can be decoded without any other.
    pub(crate) key: bool,
}

/// What is in the file of one track.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct SampleTable {
    sizes: Vec<u32>,
    /// Numbers of the samples that are key, from 1.
    keys: Vec<u32>,
    /// Where samples stand together, and how many.
    chunks: Vec<(u64, u32)>,
}

/// A file being written. After an error it is as if it had been cut off.
#[derive(Debug)]
pub(crate) struct Mp4<F> {
    file: F,
    description: Mp4Description,
    video: SampleTable,
    audio: SampleTable,
    /// Where the box stands that becomes the media's.
    cover_at: u64,
    /// Where the next fragment goes.
    end: u64,
    fragments: u32,
}

impl<F: Read + Write + Seek> Mp4<F> {
    /// Begins a file, which is empty.
    pub(crate) fn create(mut file: F, description: Mp4Description) -> io::Result<Self> {
        let mut bytes = file_type();
        let cover_at = bytes.len() as u64;
        bytes.extend(cover());
        bytes.extend(description.movie(None));
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&bytes)?;
        let end = bytes.len() as u64;
        Ok(Self {
            file,
            description,
            video: SampleTable::default(),
            audio: SampleTable::default(),
            cover_at,
            end,
            fragments: 0,
        })
    }

    /// Goes on with a file that was cut off, or is whole, behind its last whole fragment; the caller cuts off what stands
    /// behind [`Mp4::end`]. Nothing if it was not begun with this description.
    pub(crate) fn resume(mut file: F, description: Mp4Description) -> io::Result<Option<Self>> {
        let mut beginning = file_type();
        let cover_at = beginning.len() as u64;
        beginning.extend(cover());
        beginning.extend(description.movie(None));
        let Some(read) = read::read(&mut file, &beginning, cover_at)? else { return Ok(None) };
        file.seek(SeekFrom::Start(cover_at))?;
        file.write_all(&cover())?;
        let [video, audio] = read.tracks;
        Ok(Some(Self { file, description, video, audio, cover_at, end: read.end, fragments: read.fragments }))
    }

    /// Pictures in it.
    pub(crate) fn pictures(&self) -> u64 {
        self.video.sizes.len() as u64
    }

    /// Packets of sound in it.
    pub(crate) fn packets(&self) -> u64 {
        self.audio.sizes.len() as u64
    }

    /// Where its last fragment ends, or the file.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    pub(crate) fn file(&self) -> &F {
        &self.file
    }

    pub(crate) fn write_fragment(&mut self, pictures: &[EncodedSample], packets: &[EncodedSample]) -> io::Result<()> {
        let mut fragment = self.fragment(pictures, packets);
        let moof_length = fragment.len() as u64;
        let length = pictures.iter().chain(packets).map(|sample| sample.data.len()).sum::<usize>();
        fragment.extend((length as u32 + 8).to_be_bytes());
        fragment.extend(b"mdat");
        pictures.iter().chain(packets).for_each(|sample| fragment.extend(&sample.data));
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&fragment)?;
        self.file.flush()?;
        self.fragments += 1;
        let at = self.end + moof_length + 8;
        let at = self.video.add(pictures, at);
        self.audio.add(packets, at);
        self.end += fragment.len() as u64;
        Ok(())
    }

    /// Makes it an ordinary file. Returns its size.
    pub(crate) fn finish(&mut self) -> io::Result<u64> {
        let movie = self.description.movie(Some([&self.video, &self.audio]));
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&movie)?;
        self.file.flush()?;
        let mut cover = Vec::from(1u32.to_be_bytes());
        cover.extend(b"mdat");
        cover.extend((self.end - self.cover_at).to_be_bytes());
        self.file.seek(SeekFrom::Start(self.cover_at))?;
        self.file.write_all(&cover)?;
        self.file.flush()?;
        Ok(self.end + movie.len() as u64)
    }

    /// Pictures from the last key one at or before `number` up to it, as they were written.
    pub(crate) fn group_of(&mut self, number: u64) -> io::Result<Vec<EncodedSample>> {
        let first = self.video.keys.iter().rev().find(|key| u64::from(**key) <= number + 1);
        let first = first.map_or(0, |key| *key as usize - 1);
        let mut samples = Vec::new();
        let mut index = 0;
        for (mut at, count) in self.video.chunks.clone() {
            for _ in 0..count {
                let size = self.video.sizes[index];
                if (first..=number as usize).contains(&index) {
                    let mut data = vec![0; size as usize];
                    self.file.seek(SeekFrom::Start(at))?;
                    self.file.read_exact(&mut data)?;
                    samples.push(EncodedSample { data, key: index == first });
                }
                at += u64::from(size);
                index += 1;
            }
        }
        Ok(samples)
    }

    fn fragment(&self, pictures: &[EncodedSample], packets: &[EncodedSample]) -> Vec<u8> {
        let build = |data_at: u32| {
            let mut content = full_atom(b"mfhd", 0, 0, &(self.fragments + 1).to_be_bytes());
            let time = self.pictures() * u64::from(PICTURE_TICKS);
            content.extend(run(VIDEO_TRACK, time, data_at, pictures));
            let sound_at = data_at + pictures.iter().map(|picture| picture.data.len() as u32).sum::<u32>();
            if !packets.is_empty() {
                let time = self.packets() * u64::from(PACKET_SAMPLES);
                content.extend(run(AUDIO_TRACK, time, sound_at, packets));
            }
            atom(b"moof", &content)
        };
        // Its own length does not depend on the offsets in it.
        let length = build(0).len() as u32;
        build(length + 8)
    }
}

impl SampleTable {
    /// Where the next track's samples begin.
    fn add(&mut self, samples: &[EncodedSample], at: u64) -> u64 {
        if samples.is_empty() {
            return at;
        }
        self.chunks.push((at, samples.len() as u32));
        for sample in samples {
            self.sizes.push(sample.data.len() as u32);
            if sample.key {
                self.keys.push(self.sizes.len() as u32);
            }
        }
        at + samples.iter().map(|sample| sample.data.len() as u64).sum::<u64>()
    }
}

fn file_type() -> Vec<u8> {
    atom(b"ftyp", b"isom\0\0\x02\0isomiso6avc1mp41")
}

fn cover() -> Vec<u8> {
    atom(b"free", &[0; COVER_LENGTH as usize - 8])
}

fn run(track: u32, time: u64, data_at: u32, samples: &[EncodedSample]) -> Vec<u8> {
    // Offsets count from the fragment's beginning.
    let mut content = full_atom(b"tfhd", 0, 0x02_0000, &track.to_be_bytes());
    content.extend(full_atom(b"tfdt", 1, 0, &time.to_be_bytes()));
    let mut entries = Vec::from((samples.len() as u32).to_be_bytes());
    entries.extend(data_at.to_be_bytes());
    for sample in samples {
        entries.extend((sample.data.len() as u32).to_be_bytes());
        entries.extend(if sample.key { DEPENDS_ON_NONE } else { DEPENDS }.to_be_bytes());
    }
    // With offset, sizes and flags.
    content.extend(full_atom(b"trun", 0, 0x00_0601, &entries));
    atom(b"traf", &content)
}

impl Mp4Description {
    /// `tracks` of a whole file; without them what stands before the fragments.
    fn movie(&self, tracks: Option<[&SampleTable; 2]>) -> Vec<u8> {
        let [video, audio] = tracks.map_or([None, None], |[video, audio]| [Some(video), Some(audio)]);
        let pictures = video.map_or(0, |video| video.sizes.len() as u64);
        let duration = pictures * MOVIE_SCALE / u64::from(self.frame_rate);
        let mut header = [0u32, 0, MOVIE_SCALE as u32, duration as u32, 0x0001_0000].map(u32::to_be_bytes).concat();
        header.extend([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        header.extend(matrix());
        header.extend([0; 24]);
        header.extend((AUDIO_TRACK + 1).to_be_bytes());
        let mut content = full_atom(b"mvhd", 0, 0, &header);
        content.extend(self.video_track(duration, video));
        if let Some(sound) = &self.sound {
            content.extend(sound.track(audio));
        }
        if tracks.is_none() {
            let extends = |track: u32, ticks: u32| {
                full_atom(b"trex", 0, 0, &[track, 1, ticks, 0, 0].map(u32::to_be_bytes).concat())
            };
            let mut both = extends(VIDEO_TRACK, PICTURE_TICKS);
            if self.sound.is_some() {
                both.extend(extends(AUDIO_TRACK, PACKET_SAMPLES));
            }
            content.extend(atom(b"mvex", &both));
        }
        atom(b"moov", &content)
    }

    fn video_track(&self, duration: u64, track: Option<&SampleTable>) -> Vec<u8> {
        let scale = self.frame_rate * PICTURE_TICKS;
        let mut entry = vec![0; 6];
        entry.extend([0, 1]);
        entry.extend([0; 16]);
        entry.extend((self.width as u16).to_be_bytes());
        entry.extend((self.height as u16).to_be_bytes());
        entry.extend([0, 0x48, 0, 0, 0, 0x48, 0, 0, 0, 0, 0, 0, 0, 1]);
        entry.extend([0; 32]);
        entry.extend([0, 0x18, 0xff, 0xff]);
        entry.extend(atom(b"avcC", &self.avc));
        let entry = atom(b"avc1", &entry);
        let ticks = track.map_or(0, |track| track.sizes.len() as u64 * u64::from(PICTURE_TICKS));
        let mut content = track_header(VIDEO_TRACK, duration, 0, [self.width, self.height]);
        content.extend(media(scale, ticks, b"vide", &full_atom(b"vmhd", 0, 1, &[0; 8]), &entry, PICTURE_TICKS, track));
        atom(b"trak", &content)
    }
}

impl AacTrack {
    fn track(&self, track: Option<&SampleTable>) -> Vec<u8> {
        let mut entry = vec![0; 6];
        entry.extend([0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 16, 0, 0, 0, 0]);
        entry.extend((SOUND_RATE << 16).to_be_bytes());
        entry.extend(full_atom(b"esds", 0, 0, &self.descriptor()));
        let entry = atom(b"mp4a", &entry);
        let ticks = track.map_or(0, |track| track.sizes.len() as u64 * u64::from(PACKET_SAMPLES));
        let shown = ticks.saturating_sub(self.delay.into()) * MOVIE_SCALE / u64::from(SOUND_RATE);
        let mut content = track_header(AUDIO_TRACK, shown, 0x0100, [0, 0]);
        // What the encoder put before the sound is not played.
        let edit = [1, shown as u32, self.delay, 0x0001_0000].map(u32::to_be_bytes).concat();
        content.extend(atom(b"edts", &full_atom(b"elst", 0, 0, &edit)));
        let header = full_atom(b"smhd", 0, 0, &[0; 4]);
        content.extend(media(SOUND_RATE, ticks, b"soun", &header, &entry, PACKET_SAMPLES, track));
        atom(b"trak", &content)
    }

    /// ISO/IEC 14496-1 §7.2.6.5: AAC of that configuration.
    fn descriptor(&self) -> Vec<u8> {
        let tagged = |tag: u8, content: &[u8]| [&[tag, content.len() as u8][..], content].concat();
        let mut decoder = vec![0x40, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        decoder.extend(tagged(0x05, &self.config));
        let mut stream = vec![0, AUDIO_TRACK as u8, 0];
        stream.extend(tagged(0x04, &decoder));
        stream.extend(tagged(0x06, &[2]));
        tagged(0x03, &stream)
    }
}

fn track_header(track: u32, duration: u64, volume: u16, size: [u32; 2]) -> Vec<u8> {
    let mut header = [0, 0, track, 0, duration as u32, 0, 0, 0].map(u32::to_be_bytes).concat();
    header.extend(volume.to_be_bytes());
    header.extend([0, 0]);
    header.extend(matrix());
    size.iter().for_each(|side| header.extend((side << 16).to_be_bytes()));
    // Enabled, and in the movie.
    full_atom(b"tkhd", 0, 3, &header)
}

fn media(
    scale: u32,
    ticks: u64,
    kind: &[u8; 4],
    kind_header: &[u8],
    entry: &[u8],
    sample_ticks: u32,
    track: Option<&SampleTable>,
) -> Vec<u8> {
    let mut header = [0; 16].to_vec();
    header.extend(scale.to_be_bytes());
    header.extend(ticks.to_be_bytes());
    header.extend(language());
    let mut content = full_atom(b"mdhd", 1, 0, &header);
    let handler = [&[0; 4][..], kind, &[0; 12], b"Madang\0"].concat();
    content.extend(full_atom(b"hdlr", 0, 0, &handler));
    let here = full_atom(b"url ", 0, 1, &[]);
    let data = atom(b"dinf", &full_atom(b"dref", 0, 0, &[&1u32.to_be_bytes()[..], &here].concat()));
    let table = sample_table(entry, sample_ticks, track.unwrap_or(&SampleTable::default()), kind == b"vide");
    content.extend(atom(b"minf", &[kind_header, &data, &table].concat()));
    atom(b"mdia", &content)
}

fn sample_table(entry: &[u8], ticks: u32, track: &SampleTable, has_keys: bool) -> Vec<u8> {
    let count = track.sizes.len() as u32;
    let list = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<u8>>();
    let mut content = full_atom(b"stsd", 0, 0, &[&1u32.to_be_bytes()[..], entry].concat());
    let times = if count == 0 { vec![0] } else { vec![1, count, ticks] };
    content.extend(full_atom(b"stts", 0, 0, &list(&times)));
    if has_keys && count > 0 {
        let keys = [&[track.keys.len() as u32][..], &track.keys].concat();
        content.extend(full_atom(b"stss", 0, 0, &list(&keys)));
    }
    let mut runs: Vec<[u32; 3]> = Vec::new();
    for (index, (_, samples)) in track.chunks.iter().enumerate() {
        if runs.last().is_none_or(|run| run[1] != *samples) {
            runs.push([index as u32 + 1, *samples, 1]);
        }
    }
    let runs = [&[runs.len() as u32][..], runs.as_flattened()].concat();
    content.extend(full_atom(b"stsc", 0, 0, &list(&runs)));
    let sizes = [&[0, count][..], &track.sizes].concat();
    content.extend(full_atom(b"stsz", 0, 0, &list(&sizes)));
    let mut places = Vec::from((track.chunks.len() as u32).to_be_bytes());
    track.chunks.iter().for_each(|(at, _)| places.extend(at.to_be_bytes()));
    content.extend(full_atom(b"co64", 0, 0, &places));
    atom(b"stbl", &content)
}

#[cfg(test)]
mod tests;
