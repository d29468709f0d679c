//! WebM as browsers write it live: elements that end nobody knows where, in pieces cut anywhere. Opus and VP8.
//!
//! What comes in is a stranger's: lengths are bounded, what cannot be read is an error.

use std::collections::{HashMap, VecDeque};

use crate::Codec;
use crate::ebml::Header;
use crate::follow::{FileFrame, children, unsigned};
use crate::matroska::{CLUSTER, CODEC_ID, SEGMENT, SIMPLE_BLOCK, TIMESTAMP, TRACK, TRACK_NUMBER, TRACKS};

/// The longest identifier with the longest size.
const LONGEST_HEADER: usize = 12;
/// No frame of a page comes near.
const MAX_ELEMENT: u64 = 16 << 20;

/// It is no WebM, or of a kind that browsers do not write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotWebm;

impl std::fmt::Display for NotWebm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("it is no WebM as browsers record it")
    }
}

impl std::error::Error for NotWebm {}

/// A file being read piece by piece.
#[derive(Debug, Default)]
pub struct LiveWebm {
    /// What has come of an element that is not whole.
    rest: Vec<u8>,
    /// By number.
    tracks: HashMap<u64, Codec>,
    /// ms since the file's beginning.
    cluster: u64,
    frames: VecDeque<FileFrame>,
}

impl LiveWebm {
    /// The next piece. After an error nothing more can be read.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), NotWebm> {
        self.rest.extend_from_slice(piece);
        let bytes = std::mem::take(&mut self.rest);
        let mut left = &bytes[..];
        while let Some(read) = self.element(left)? {
            left = &left[read..];
        }
        self.rest = left.to_vec();
        Ok(())
    }

    /// The next frame; its time is ms since the file's beginning.
    pub fn poll_frame(&mut self) -> Option<FileFrame> {
        self.frames.pop_front()
    }

    /// Reads what `bytes` begin with. Returns its length, or nothing if it is not whole.
    fn element(&mut self, bytes: &[u8]) -> Result<Option<usize>, NotWebm> {
        let Some(header) = Header::read(&mut &bytes[..]).map_err(|_| NotWebm)? else {
            return if bytes.len() < LONGEST_HEADER { Ok(None) } else { Err(NotWebm) };
        };
        let begin = header.length as usize;
        // What is in these is read one by one.
        if matches!(header.id, SEGMENT | CLUSTER) {
            return Ok(Some(begin));
        }
        let size = header.size.filter(|size| *size <= MAX_ELEMENT).ok_or(NotWebm)? as usize;
        let Some(content) = bytes.get(begin..begin + size) else { return Ok(None) };
        match header.id {
            TRACKS => children(content).filter(|(id, _)| *id == TRACK).for_each(|(_, track)| self.track(track)),
            TIMESTAMP => self.cluster = unsigned(content),
            SIMPLE_BLOCK => self.block(content),
            _ => {}
        }
        Ok(Some(begin + size))
    }

    fn track(&mut self, content: &[u8]) {
        let of = |wanted| children(content).find(|(id, _)| *id == wanted).map(|(_, content)| content);
        let codec = match of(CODEC_ID) {
            Some(b"A_OPUS") => Codec::Opus,
            Some(b"V_VP8") => Codec::Vp8,
            _ => return,
        };
        if let Some(number) = of(TRACK_NUMBER) {
            self.tracks.insert(unsigned(number), codec);
        }
    }

    fn block(&mut self, content: &[u8]) {
        // Numbers of tracks are small: one byte, with its length marker.
        let [track, high, low, flags, data @ ..] = content else { return };
        let Some(codec) = self.tracks.get(&u64::from(track & 0x7f)).copied() else { return };
        let time = self.cluster.saturating_add_signed(i16::from_be_bytes([*high, *low]).into());
        let key = codec == Codec::Opus || flags & 0x80 != 0;
        self.frames.push_back(FileFrame { codec, time, key, data: data.to_vec() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ebml::{Elements, UNKNOWN_SIZE, push_id};
    use crate::matroska::EBML;

    /// A file with a frame of sound and one of pictures, as Chromium's recorder would begin it.
    fn file() -> Vec<u8> {
        let track = |number, codec| Elements::default().unsigned(TRACK_NUMBER, number).text(CODEC_ID, codec);
        let tracks = Elements::default().master(TRACK, track(1, "A_OPUS")).master(TRACK, track(2, "V_VP8"));
        let mut bytes = Elements::default().master(EBML, Elements::default().text(0x4282, "webm")).0;
        for id in [SEGMENT, CLUSTER] {
            push_id(&mut bytes, id);
            bytes.extend_from_slice(&UNKNOWN_SIZE);
            if id == SEGMENT {
                bytes.extend_from_slice(&Elements::default().master(TRACKS, tracks.clone()).0);
            }
        }
        let blocks = Elements::default()
            .unsigned(TIMESTAMP, 4000)
            .binary(SIMPLE_BLOCK, &[0x81, 0, 3, 0x80, 7])
            .binary(SIMPLE_BLOCK, &[0x82, 0xff, 0xff, 0x80, 8, 9])
            .binary(SIMPLE_BLOCK, &[0x83, 0, 0, 0x80, 1]);
        bytes.extend_from_slice(&blocks.0);
        bytes
    }

    #[test]
    fn frames_come_wherever_the_file_is_cut() {
        let bytes = file();
        let expected = [
            FileFrame { codec: Codec::Opus, time: 4003, key: true, data: vec![7] },
            FileFrame { codec: Codec::Vp8, time: 3999, key: true, data: vec![8, 9] },
        ];
        for length in 1..bytes.len() {
            let mut webm = LiveWebm::default();
            bytes.chunks(length).for_each(|piece| webm.push(piece).unwrap());
            let frames: Vec<_> = std::iter::from_fn(|| webm.poll_frame()).collect();
            assert_eq!(frames, expected, "pieces of {length}");
        }
    }

    #[test]
    fn what_is_no_file_of_a_browser_is_refused() {
        assert_eq!(LiveWebm::default().push(&[0; 12]), Err(NotWebm));
        let mut endless = Vec::new();
        push_id(&mut endless, SIMPLE_BLOCK);
        endless.extend_from_slice(&UNKNOWN_SIZE);
        assert_eq!(LiveWebm::default().push(&endless), Err(NotWebm));
    }
}
