//! What publishers send from a file in place of synthetic media: read once, put into RTP payloads once, and shared by all of them.
//!
//! Pictures of VP8 come from IVF ([`ivf`]), pictures of H264 from a byte stream ([`annex_b`]), sound from Ogg Opus ([`ogg`]).
//! The readers are pure and never believe a file: what breaks a rule of its format, or cannot be sent as it is, is refused with
//! its place ([`Flaw`]). What is decodable in it is not looked at. Playing it is [`crate::playback`]'s.

mod annex_b;
mod ivf;
mod ogg;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hasher as _};
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use crate::LoadTestError;
use crate::options::PictureCodec;
use crate::packet::{MAX_PAYLOAD, VP8_DESCRIPTOR, h264_fragment};

/// All of a file is in memory.
const MAX_FILE: u64 = 256 << 20;
/// Of one picture: no browser sends larger ones, and a count of 16 bits numbers its packets.
const MAX_FRAME: usize = 4 << 20;
/// Two equal packets that are further apart than this are not taken for each other: [`crate::ledger`].
pub(crate) const APART: Duration = Duration::from_secs(1);
/// Between two frames.
const LONGEST: Duration = Duration::from_secs(10);

/// See the module.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Clip {
    pub(crate) codec: payload::Codec,
    /// At least one, and the first one is a key frame.
    frames: Vec<ClipFrame>,
}

/// A picture, or a piece of sound.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct ClipFrame {
    /// At least one, not more than a count of 16 bits numbers.
    pub(crate) packets: Vec<ClipPacket>,
    /// Until the next one, on RTP's clock of the codec.
    pub(crate) ticks: u32,
    pub(crate) is_key_frame: bool,
}

/// What goes into one RTP packet; of VP8 without the descriptor, which says what differs from one publisher to the next.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct ClipPacket {
    pub(crate) bytes: Box<[u8]>,
    pub(crate) print: Print,
}

/// Tells packets apart by what is in them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Print(u64);

impl Print {
    fn of(bytes: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        Self(hasher.finish())
    }

    /// Of what came, whatever descriptor a server has written before it.
    pub(crate) fn of_payload(codec: payload::Codec, payload: &[u8]) -> Option<Self> {
        match codec {
            payload::Codec::Vp8 => payload::vp8::Descriptor::read(payload).ok().map(|(_, bytes)| Self::of(bytes)),
            _ => Some(Self::of(payload)),
        }
    }
}

/// What is wrong with a file, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Flaw {
    /// Bytes from its beginning.
    offset: usize,
    rule: String,
}

impl Flaw {
    fn at(offset: usize, rule: impl Into<String>) -> Self {
        Self { offset, rule: rule.into() }
    }
}

/// A frame as a file has it.
struct FileFrame<'a> {
    offset: usize,
    /// One; of H264 the units of a picture.
    units: Vec<Cow<'a, [u8]>>,
    ticks: u32,
}

impl Clip {
    /// Pictures: IVF, or a byte stream of H264, in which no times are: it has `frame_rate` pictures in a second.
    pub(crate) fn of_pictures(file: &Path, frame_rate: u32) -> Result<Self, LoadTestError> {
        Self::of_file(file, |bytes| Self::read_pictures(bytes, frame_rate))
    }

    /// Sound: Ogg Opus.
    pub(crate) fn of_sound(file: &Path) -> Result<Self, LoadTestError> {
        Self::of_file(file, Self::read_sound)
    }

    fn of_file(file: &Path, read: impl FnOnce(&[u8]) -> Result<Self, Flaw>) -> Result<Self, LoadTestError> {
        let name = file.display().to_string();
        let mut bytes = vec![];
        // One byte more than may be tells that there are more.
        let opened = File::open(file).and_then(|opened| opened.take(MAX_FILE + 1).read_to_end(&mut bytes));
        if let Err(error) = opened {
            return Err(LoadTestError::Unreadable { file: name, why: error.to_string() });
        }
        if bytes.len() as u64 > MAX_FILE {
            let why = format!("it has more than {} MB, and all of it is kept in memory", MAX_FILE >> 20);
            return Err(LoadTestError::Unreadable { file: name, why });
        }
        read(&bytes).map_err(|Flaw { offset, rule }| LoadTestError::Media { file: name, offset, rule })
    }

    /// Which of the two it is, its first bytes say.
    fn read_pictures(bytes: &[u8], frame_rate: u32) -> Result<Self, Flaw> {
        if bytes.starts_with(ivf::MAGIC) {
            Self::of_frames(payload::Codec::Vp8, ivf::read(bytes)?)
        } else if annex_b::begins(bytes) {
            Self::of_frames(payload::Codec::H264, annex_b::read(bytes, frame_rate)?)
        } else {
            Err(Flaw::at(0, "it must begin as IVF does (DKIF), or as a byte stream of H264 (00 00 01 or 00 00 00 01)"))
        }
    }

    fn read_sound(bytes: &[u8]) -> Result<Self, Flaw> {
        Self::of_frames(payload::Codec::Opus, ogg::read(bytes)?)
    }

    /// What all files have to keep to, whatever their format.
    fn of_frames(codec: payload::Codec, frames: Vec<FileFrame<'_>>) -> Result<Self, Flaw> {
        let clock = u64::from(codec.clock_rate());
        let mut clip = Self { codec, frames: vec![] };
        let mut length = 0;
        for FileFrame { offset, units, ticks } in frames {
            let size = units.iter().map(|unit| unit.len()).sum::<usize>();
            if size > MAX_FRAME {
                return Err(Flaw::at(
                    offset,
                    format!("a frame has at most {MAX_FRAME} bytes, and this one has {size}"),
                ));
            }
            if ticks == 0 || u64::from(ticks) > LONGEST.as_secs() * clock {
                let longest = LONGEST.as_secs();
                return Err(Flaw::at(offset, format!("the next frame must come later, and within {longest} seconds")));
            }
            let packets: Vec<_> = units.iter().flat_map(|unit| packetised(codec, unit)).collect();
            if packets.is_empty() || packets.len() > u16::MAX.into() {
                return Err(Flaw::at(
                    offset,
                    format!("a frame needs 1 to 65535 packets, and this one {}", packets.len()),
                ));
            }
            if codec == payload::Codec::Opus && size > MAX_PAYLOAD {
                return Err(Flaw::at(
                    offset,
                    format!(
                        "a packet of Opus is not divided: it has at most {MAX_PAYLOAD} bytes, and this one has {size}"
                    ),
                ));
            }
            let is_key_frame = is_key_frame(codec, &units).map_err(|rule| Flaw::at(offset, rule))?;
            if clip.frames.is_empty() && !is_key_frame {
                let rule = match codec {
                    payload::Codec::H264 => "the first picture must be a key frame, with its parameter sets before it",
                    _ => "the first picture must be a key frame",
                };
                return Err(Flaw::at(offset, rule));
            }
            length += u64::from(ticks);
            clip.frames.push(ClipFrame { packets, ticks, is_key_frame });
        }
        if length < APART.as_secs() * clock {
            return Err(Flaw::at(0, "it must last for a second at least: it is sent again and again"));
        }
        if !clip.has_landmark() {
            return Err(Flaw::at(0, "no two of its packets differ: nobody could tell which one has come"));
        }
        Ok(clip)
    }

    /// Whether there is a packet like no other.
    fn has_landmark(&self) -> bool {
        let mut counts = HashMap::<Print, u32>::new();
        for packet in self.frames.iter().flat_map(|frame| &frame.packets) {
            *counts.entry(packet.print).or_default() += 1;
        }
        counts.values().any(|count| *count == 1)
    }

    pub(crate) fn frame(&self, index: usize) -> &ClipFrame {
        &self.frames[index]
    }

    /// Of the frame of this index.
    pub(crate) fn duration(&self, index: usize) -> Duration {
        let clock = u64::from(self.codec.clock_rate());
        Duration::from_nanos(u64::from(self.frames[index].ticks) * 1_000_000_000 / clock)
    }

    /// The index of the frame after this one: after the last comes the first.
    pub(crate) fn after(&self, index: usize) -> usize {
        (index + 1) % self.frames.len()
    }

    /// The index of the next key frame from `index` on: the first frame is one.
    pub(crate) fn key_frame_from(&self, index: usize) -> usize {
        let ahead = self.frames[index..].iter().position(|frame| frame.is_key_frame);
        ahead.map_or(0, |ahead| index + ahead)
    }

    /// The same, from this share of the file on.
    pub(crate) fn key_frame_near(&self, share: f64) -> usize {
        let frames = u32::try_from(self.frames.len()).unwrap_or(u32::MAX);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
        let index = (f64::from(frames) * share.clamp(0.0, 1.0)) as usize;
        self.key_frame_from(index.min(self.frames.len() - 1))
    }

    /// Of pictures.
    pub(crate) fn picture_codec(&self) -> PictureCodec {
        if self.codec == payload::Codec::H264 { PictureCodec::H264 } else { PictureCodec::Vp8 }
    }
}

/// Whether a receiver can begin with it: of H264 that is only a picture with its parameter sets.
fn is_key_frame(codec: payload::Codec, units: &[Cow<'_, [u8]>]) -> Result<bool, &'static str> {
    let kind = |unit: &Cow<'_, [u8]>| unit.first().map_or(0, |header| header & 0x1f);
    match (codec, units) {
        (payload::Codec::Vp8, [frame, ..]) if frame.first().is_some_and(|byte| byte & 1 == 0) => {
            payload::vp8::picture_format(frame).map(|_| true).ok_or("a key frame must have its start code (9d 01 2a)")
        }
        (payload::Codec::Vp8, _) => Ok(false),
        (payload::Codec::H264, [first, ..]) => {
            Ok(kind(first) == annex_b::SPS && units.iter().any(|unit| kind(unit) == annex_b::IDR))
        }
        _ => Ok(true),
    }
}

/// Of one unit: equal parts, as large as a packet may be.
fn packetised(codec: payload::Codec, unit: &[u8]) -> Vec<ClipPacket> {
    let packet = |bytes: Vec<u8>| ClipPacket { print: Print::of(&bytes), bytes: bytes.into() };
    match codec {
        payload::Codec::Vp8 => parts(unit, MAX_PAYLOAD - VP8_DESCRIPTOR).map(|part| packet(part.to_vec())).collect(),
        payload::Codec::H264 if unit.len() > MAX_PAYLOAD => {
            let (header, rest) = (unit[0], &unit[1..]);
            let count = parts(rest, MAX_PAYLOAD - 2).len();
            let fragment = |(index, part): (usize, &[u8])| {
                packet([&h264_fragment(header, index == 0, index + 1 == count), part].concat())
            };
            parts(rest, MAX_PAYLOAD - 2).enumerate().map(fragment).collect()
        }
        _ => vec![packet(unit.to_vec())],
    }
}

fn parts(bytes: &[u8], most: usize) -> std::slice::Chunks<'_, u8> {
    let count = bytes.len().div_ceil(most).max(1);
    bytes.chunks(bytes.len().div_ceil(count).max(1))
}

/// The next `N` bytes at `offset`.
fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Of VP8, no two alike; the first of each ten is a key frame.
    fn vp8_frame(index: u8, length: usize) -> Vec<u8> {
        let is_inter = u8::from(!index.is_multiple_of(10));
        let head = [0x10 | is_inter, 0, 0, 0x9d, 0x01, 0x2a, 64, 1, 240, 0, index];
        let head = if is_inter == 0 { &head[..] } else { &[head[0], 0, 0, index] };
        head.iter().copied().chain(std::iter::repeat(0x55)).take(length).collect()
    }

    /// Ten a second.
    pub(crate) fn ivf(frames: u8, length: usize) -> Vec<u8> {
        let mut file = b"DKIF\0\0\x20\0VP80".to_vec();
        file.extend([64, 1, 240, 0, 10, 0, 0, 0, 1, 0, 0, 0, frames, 0, 0, 0, 0, 0, 0, 0]);
        for index in 0..frames {
            file.extend(u32::try_from(length).unwrap().to_le_bytes());
            file.extend(u64::from(index).to_le_bytes());
            file.extend(vp8_frame(index, length));
        }
        file
    }

    pub(crate) fn pictures() -> Clip {
        Clip::read_pictures(&ivf(20, 3000), 30).unwrap()
    }

    fn page(flags: u8, packets: &[&[u8]]) -> Vec<u8> {
        let lacing = packets.iter().flat_map(|packet| {
            let rest = u8::try_from(packet.len() % 255).unwrap();
            std::iter::repeat_n(255, packet.len() / 255).chain([rest])
        });
        let lacing: Vec<u8> = lacing.collect();
        let mut page = [&b"OggS\0"[..], &[flags], &[0; 8], b"abcd", &[0; 8]].concat();
        page.push(u8::try_from(lacing.len()).unwrap());
        page.extend(lacing);
        page.extend(packets.concat());
        let sum = ogg::checksum([&page[..]]);
        page[22..26].copy_from_slice(&sum.to_le_bytes());
        page
    }

    fn ogg(packets: &[Vec<u8>]) -> Vec<u8> {
        let head = b"OpusHead\x01\x02\0\0\x80\xbb\0\0\0\0\0";
        let mut file = [page(2, &[head]), page(0, &[b"OpusTags"])].concat();
        for some in packets.chunks(10) {
            file.extend(page(0, &some.iter().map(Vec::as_slice).collect::<Vec<_>>()));
        }
        file
    }

    /// 20 milliseconds each.
    fn sound() -> Vec<Vec<u8>> {
        (0..60).map(|index| [&[0xf8, index][..], &[7; 300]].concat()).collect()
    }

    /// Two slices a picture; each fifth picture is a key frame with parameter sets.
    fn h264() -> Vec<u8> {
        let mut file = vec![];
        for index in 0..60_u8 {
            let is_key = index.is_multiple_of(5);
            let kind = if is_key { 0x65 } else { 0x41 };
            let sets: &[&[u8]] = if is_key {
                &[&[0x09, 0x10], &crate::layer::SINGLE[0].sps, &[0x68, 0xcb, 0x83, 0xcb, 0x20]]
            } else {
                &[]
            };
            let (first, second) = ([&[kind, 0x88, index][..], &[9; 2500]].concat(), [kind, 0x48, index]);
            for unit in sets.iter().copied().chain([&first[..], &second]) {
                file.extend([0, 0, 0, 1]);
                file.extend(unit);
            }
        }
        file
    }

    fn rule(read: Result<Clip, Flaw>) -> (usize, String) {
        let Flaw { offset, rule } = read.unwrap_err();
        (offset, rule)
    }

    #[test]
    fn pictures_of_vp8_are_put_into_packets_that_make_them_again() {
        let clip = pictures();
        assert_eq!(clip.frames.len(), 20);
        for (index, frame) in (0..).zip(&clip.frames) {
            let whole: Vec<u8> = frame.packets.iter().flat_map(|packet| packet.bytes.iter().copied()).collect();
            assert_eq!(whole, vp8_frame(index, 3000));
            assert!(frame.packets.iter().all(|packet| packet.bytes.len() + VP8_DESCRIPTOR <= MAX_PAYLOAD));
            assert_eq!((frame.ticks, frame.is_key_frame), (9000, index % 10 == 0));
        }
        assert_eq!((clip.key_frame_from(0), clip.key_frame_from(1), clip.key_frame_from(11)), (0, 10, 0));
    }

    #[test]
    fn pictures_of_h264_are_read_as_a_receiver_reads_them() {
        let clip = Clip::read_pictures(&h264(), 30).unwrap();
        assert_eq!((clip.frames.len(), clip.picture_codec()), (60, PictureCodec::H264));
        let mut depacketiser = payload::Depacketiser::new(payload::Codec::H264);
        for (index, frame) in clip.frames.iter().enumerate() {
            for packet in &frame.packets {
                assert!(packet.bytes.len() <= MAX_PAYLOAD);
                depacketiser.push(&packet.bytes).unwrap();
            }
            assert_eq!(depacketiser.take().unwrap().key, index % 5 == 0);
            assert_eq!((frame.is_key_frame, frame.ticks), (index % 5 == 0, 3000));
        }
    }

    #[test]
    fn sound_keeps_its_packets_and_their_length() {
        let clip = Clip::read_sound(&ogg(&sound())).unwrap();
        let read: Vec<_> = clip.frames.iter().map(|frame| (frame.packets[0].bytes.to_vec(), frame.ticks)).collect();
        assert_eq!(read, sound().into_iter().map(|packet| (packet, 960)).collect::<Vec<_>>());
    }

    #[test]
    fn what_breaks_a_rule_is_refused_with_its_place() {
        let good = ivf(20, 3000);
        let changed = |at: usize, bytes: &[u8]| {
            let mut file = good.clone();
            file[at..at + bytes.len()].copy_from_slice(bytes);
            rule(Clip::read_pictures(&file, 30))
        };
        for ((offset, rule), (place, part)) in [
            (changed(0, b"RIFF"), (0, "DKIF")),
            (changed(8, b"VP90"), (8, "VP90")),
            (changed(16, &[0; 4]), (16, "time base")),
            (changed(44, &[0x11]), (32, "key frame")),
            (changed(47, &[0]), (32, "start code")),
            (changed(32, &[0; 4]), (32, "a byte")),
            (changed(32, &[255; 4]), (32, "cut off")),
            (changed(32 + 3012 + 4, &[0]), (32 + 3012, "forward")),
            (rule(Clip::read_pictures(&good[..good.len() - 1], 30)), (32 + 19 * 3012, "cut off")),
            (rule(Clip::read_pictures(&ivf(5, 30), 30)), (0, "a second")),
            (rule(Clip::read_pictures(&ivf(2, MAX_FRAME + 1), 30)), (32, "at most")),
            (rule(Clip::read_pictures(&h264()[6 + 4 + 25..], 30)), (4, "parameter sets")),
            (rule(Clip::read_sound(&ogg(&sound()[..9]))), (0, "a second")),
            (rule(Clip::read_sound(&ogg(&vec![vec![0xf8, 1]; 60]))), (0, "differ")),
            (rule(Clip::read_sound(&good)), (0, "OggS")),
        ] {
            assert!(rule.contains(part), "{part}: {rule}");
            assert_eq!(offset, place, "{rule}");
        }
        let mut file = ogg(&sound());
        *file.last_mut().unwrap() ^= 1;
        assert!(rule(Clip::read_sound(&file)).1.contains("checksum"));
        let large = vec![[&[0xf8][..], &[1; MAX_PAYLOAD]].concat(); 60];
        assert!(rule(Clip::read_sound(&ogg(&large))).1.contains("not divided"));
    }

    #[test]
    fn no_file_is_too_strange_to_read() {
        // A file of each kind, cut off anywhere, and with any of its first bytes another.
        for seed in [ivf(12, 40), ogg(&sound()), h264()[..20_000].to_vec()] {
            let read = |bytes: &[u8]| {
                // Which of both it is makes no difference: neither may panic.
                let _ = (Clip::read_pictures(bytes, 30), Clip::read_sound(bytes));
            };
            for end in (0..seed.len().min(600)).chain((600..seed.len()).step_by(997)) {
                read(&seed[..end]);
            }
            for at in 0..seed.len().min(200) {
                for value in [0, 5, 255] {
                    let mut file = seed.clone();
                    file[at] = value;
                    read(&file);
                }
            }
        }
    }
}
