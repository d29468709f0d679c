//! One publisher's playing of a file, again and again: what is due, and which packets that makes. Pure: it gets the time.
//!
//! Where a key frame is asked for, the next one of the file is played at once, and what is before it left out: as in an encoder the
//! next picture is one. What falls due while this process is late is not made up for: it is played later, nothing is left out.

use std::sync::Arc;
use std::time::Instant;

use crate::clip::Clip;
use crate::ledger::{Entry, Ledger};
use crate::packet::{MediaPacket, Track, vp8_descriptor};
use crate::stamp;

/// See the module.
#[derive(Debug)]
pub(crate) struct Playback {
    track: Track,
    clip: Arc<Clip>,
    ledger: Arc<Ledger>,
    /// The next frame of the clip.
    at: usize,
    key_frame_wanted: bool,
    /// None after it has fallen silent.
    due: Option<Instant>,
    timestamp: u32,
    /// Counts frames.
    frame: u32,
    /// What fell due while this process was late.
    pub(crate) omitted: u64,
}

impl Playback {
    /// `phase`: how far into the file it begins, and into the time between two frames: publishers are not in step with each other.
    pub(crate) fn new(track: Track, clip: Arc<Clip>, ledger: Arc<Ledger>, phase: f64, now: Instant) -> Self {
        let at = clip.key_frame_near(phase);
        let due = Some(now + clip.duration(at).mul_f64(phase));
        Self { track, clip, ledger, at, key_frame_wanted: false, due, timestamp: 0, frame: 0, omitted: 0 }
    }

    pub(crate) fn want_key_frame(&mut self) {
        self.key_frame_wanted = true;
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    pub(crate) fn silence(&mut self) {
        self.due = None;
    }

    /// The number of the last packet.
    pub(crate) fn last(&self) -> Option<u32> {
        self.ledger.last(self.track)
    }

    /// The next frame, if it is due. `level`: of sound, by how many pieces of it were before.
    pub(crate) fn packets(&mut self, now: Instant, level: impl Fn(u32) -> i8, mut send: impl FnMut(MediaPacket)) {
        let Some(late) = self.due.and_then(|due| now.checked_duration_since(due)) else { return };
        if std::mem::take(&mut self.key_frame_wanted) {
            self.at = self.clip.key_frame_from(self.at);
        }
        let frame = self.clip.frame(self.at);
        let parts = u16::try_from(frame.packets.len()).unwrap_or(u16::MAX);
        let sound = (self.track == Track::Audio).then_some(self.frame);
        for (part, packet) in (0..).zip(&frame.packets) {
            let sent = stamp::on_clock(now);
            self.ledger.note(self.track, Entry { print: packet.print, frame: self.frame, part, parts, sent });
            let payload = match self.clip.codec {
                // Counts frames, with as many bits as there are.
                payload::Codec::Vp8 => {
                    let [.., high, low] = self.frame.to_be_bytes();
                    let picture_id = u16::from_be_bytes([high, low]);
                    [&vp8_descriptor(part == 0, picture_id), &packet.bytes[..]].concat()
                }
                _ => packet.bytes.to_vec(),
            };
            let marker = self.track == Track::Video && part + 1 == parts;
            let (track, timestamp, level) = (self.track, self.timestamp, sound.map(&level));
            send(MediaPacket { track, layer: 0, payload, timestamp, marker, level });
        }
        let length = self.clip.duration(self.at);
        // The phase stays.
        let missed = u32::try_from(late.as_nanos() / length.as_nanos().max(1)).unwrap_or(u32::MAX - 1);
        self.omitted += u64::from(missed);
        self.due = self.due.map(|due| due + length * (missed + 1));
        self.timestamp = self.timestamp.wrapping_add(frame.ticks.wrapping_mul(missed + 1));
        self.frame = self.frame.wrapping_add(1);
        self.at = self.clip.after(self.at);
    }
}

/// For whoever publishes: the files, read once.
#[derive(Clone, Default, Debug)]
pub(crate) struct Clips {
    /// By track: nothing where media is synthetic.
    pub(crate) tracks: [Option<Arc<Clip>>; 2],
}

impl Clips {
    pub(crate) fn are_none(&self) -> bool {
        self.tracks.iter().all(Option::is_none)
    }

    /// For what a publisher sends of them; nothing if there are none.
    pub(crate) fn ledger(&self, room: u32, publisher: u32) -> Option<Arc<Ledger>> {
        let codecs = self.tracks.each_ref().map(|clip| clip.as_ref().map(|clip| clip.codec));
        (!self.are_none()).then(|| Arc::new(Ledger::new(room, publisher, codecs)))
    }

    /// Of each track that comes from a file.
    pub(crate) fn play(&self, ledger: &Arc<Ledger>, phase: f64, now: Instant) -> [Option<Playback>; 2] {
        Track::ALL.map(|track| {
            let clip = self.tracks[track as usize].as_ref()?;
            Some(Playback::new(track, Arc::clone(clip), Arc::clone(ledger), phase, now))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clip::tests::pictures;
    use crate::ledger::{Identity, Trace};

    fn playback(begin: Instant) -> (Playback, Arc<Ledger>) {
        let clips = Clips { tracks: [None, Some(Arc::new(pictures()))] };
        let ledger = clips.ledger(1, 4).unwrap();
        let [_, playback] = clips.play(&ledger, 0.0, begin);
        (playback.unwrap(), ledger)
    }

    fn played(playback: &mut Playback, begin: Instant, milliseconds: std::ops::Range<u64>) -> Vec<MediaPacket> {
        let mut packets = vec![];
        for millisecond in milliseconds {
            playback.packets(begin + Duration::from_millis(millisecond), |_| 0, |packet| packets.push(packet));
        }
        packets
    }

    #[test]
    fn a_file_is_played_at_its_own_pace_again_and_again() {
        let begin = Instant::now();
        let (mut playback, ledger) = playback(begin);
        let packets = played(&mut playback, begin, 0..4950);
        assert_eq!(packets.iter().filter(|packet| packet.marker).count(), 50);
        assert_eq!(packets.last().unwrap().timestamp, 49 * 9000);
        assert_eq!(playback.last(), Some(u32::try_from(packets.len()).unwrap() - 1));
        // The same picture again, with a number and a picture id of its own.
        let frame = packets.len() / 50;
        assert_eq!(packets[0].payload[VP8..], packets[20 * frame].payload[VP8..]);
        assert_ne!(packets[0].payload[..VP8], packets[20 * frame].payload[..VP8]);
        // Each is known again, whatever number RTP gives it, and whatever a server writes into its descriptor.
        let mut trace = Trace::default();
        for (number, packet) in (0_u32..).zip(&packets).skip(30 * frame) {
            let mut payload = packet.payload.clone();
            payload::vp8::renumber(&mut payload, Some(7), Some(7));
            let found = ledger.identify(Track::Video, u64::from(5000 + number), &payload, &mut trace);
            let Identity::Known(stamp) = found else { panic!("{number}: {found:?}") };
            assert_eq!((stamp.publisher, stamp.number), (4, number));
        }
        assert_eq!(ledger.identify(Track::Video, 6000, &[0x10, 1, 2, 3], &mut trace), Identity::Stranger);
    }

    #[test]
    fn asked_for_a_key_frame_it_goes_on_with_the_next_one() {
        let begin = Instant::now();
        let (mut playback, _) = playback(begin);
        let before = played(&mut playback, begin, 0..350);
        playback.want_key_frame();
        let after = played(&mut playback, begin, 350..450);
        let starts = |packet: &MediaPacket| payload::starts_key_frame(payload::Codec::Vp8, &packet.payload);
        assert_eq!(before.iter().filter(|packet| starts(packet)).count(), 1);
        assert!(starts(&after[0]));
        assert_eq!(after[0].timestamp, before.last().unwrap().timestamp + 9000, "time goes on all the same");
    }

    #[test]
    fn what_it_was_too_late_for_is_told_and_no_picture_is_left_out() {
        let begin = Instant::now();
        let (mut playback, ledger) = playback(begin);
        let first = played(&mut playback, begin, 0..1);
        let late = played(&mut playback, begin, 350..351);
        assert_eq!((playback.omitted, late[0].timestamp - first[0].timestamp), (2, 9000));
        let next = played(&mut playback, begin, 351..401);
        assert_eq!((ledger.last(Track::Video), next[0].timestamp - late[0].timestamp), (Some(8), 3 * 9000));
        playback.silence();
        assert!(played(&mut playback, begin, 401..900).is_empty() && playback.due().is_none());
    }

    const VP8: usize = crate::packet::VP8_DESCRIPTOR;
}
