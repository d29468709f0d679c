//! A source of frames: payloads a codec's parser recognises, stamped so that a test sees which frame it got.

use std::time::{Duration, Instant};

use protocol::media::VideoCodec;
use rand::Rng;
use rand::rngs::StdRng;
use str0m::media::{Mid, Pt, Rid};
use str0m::rtp::{ExtensionValues, RtpWrite, SeqNo};
use str0m::{Input, Rtc};

use crate::dependency::Described;
use crate::scalable::{Coded, Structure};

/// Makes frames of one layer, or audio.
pub(crate) struct Camera {
    pub(crate) rid: Option<Rid>,
    pub(crate) codec: Option<VideoCodec>,
    pub(crate) interval: Duration,
    pub(crate) packets: usize,
    /// Of a key frame, as many times the packets.
    pub(crate) key_frame_factor: usize,
    /// Bytes of each that mean nothing; of the next size within the stream there are twice as many.
    pub(crate) filler: usize,
    /// Of the layers in time as many times that; encoders give most to what all others need.
    pub(crate) weights: [usize; 3],
    pub(crate) muted: bool,
    /// Of sound: each packet has the frame before it, and this payload type.
    pub(crate) red: Option<u8>,
    /// Otherwise; `None`: the first that was agreed on.
    pub(crate) pt: Option<u8>,
    /// The frame before, and its timestamp.
    before: Option<(u32, Vec<u8>)>,
    /// Of sound, in dBov, if it is told.
    pub(crate) level: Option<i8>,
    /// Its layers within the stream, and what each frame needs, in the order in which they were sent: the first one is number 1.
    pub(crate) structure: Structure,
    pub(crate) coded: Vec<Vec<Coded>>,
    /// Frames since the last key frame.
    since_key: u32,
    /// Every so many frames a padding packet follows.
    pub(crate) padding_every: Option<u64>,
    pub(crate) next: Instant,
    pub(crate) frame: u64,
    sequence: u64,
    timestamp: u32,
    picture_id: u16,
    tl0: u8,
    pub(crate) key_frame_due: bool,
}

impl Camera {
    pub(crate) fn new(
        codec: Option<VideoCodec>,
        rid: Option<&str>,
        interval: Duration,
        packets: usize,
        now: Instant,
        rng: &mut StdRng,
    ) -> Self {
        Self {
            rid: rid.map(Into::into),
            codec,
            interval,
            packets,
            key_frame_factor: 1,
            filler: 600,
            weights: [1; 3],
            muted: false,
            red: None,
            pt: None,
            before: None,
            level: Some(-30),
            structure: Structure::default(),
            coded: Vec::new(),
            since_key: 0,
            padding_every: None,
            next: now,
            frame: 0,
            sequence: rng.random_range(0..60_000),
            timestamp: rng.random(),
            picture_id: rng.random_range(0..0x8000),
            tl0: rng.random(),
            key_frame_due: true,
        }
    }

    /// Sends the next frame.
    pub(crate) fn shoot(&mut self, rtc: &mut Rtc, mid: Mid, now: Instant) {
        self.next += self.interval;
        let clock_rate = if self.codec.is_some() { 90_000 } else { 48_000 };
        self.timestamp =
            self.timestamp.wrapping_add((self.interval.as_micros() as u64 * clock_rate / 1_000_000) as u32);
        if self.muted {
            return;
        }
        let media = rtc.media(mid).unwrap();
        let pt: Pt = self.red.or(self.pt).map_or_else(|| media.remote_pts()[0], Pt::from);
        self.frame += 1;
        let key = std::mem::take(&mut self.key_frame_due);
        self.since_key = if key { 0 } else { self.since_key + 1 };
        let coded = self.structure.coded(self.since_key);
        if self.codec.is_some() {
            self.picture_id = self.picture_id.wrapping_add(1) & 0x7fff;
            self.tl0 = self.tl0.wrapping_add(u8::from(coded[0].temporal == 0));
        }
        let packets = if key { self.packets * self.key_frame_factor } else { self.packets };
        for (spatial, frame) in coded.iter().enumerate() {
            for n in 0..packets {
                let is_last = n + 1 == packets;
                let payload = self.payload(key, n, is_last, spatial, frame);
                let is_described = self.codec == Some(VideoCodec::Av1) && self.structure.has_layers();
                let described = is_described.then(|| {
                    let number = self.frame as u16 * u16::from(self.structure.spatial) + spatial as u16;
                    Described::new(self.structure, frame, number, spatial as u8, key, (n == 0, is_last))
                });
                let payload = if self.red.is_some() { self.repeat(payload) } else { payload };
                self.write(rtc, mid, pt, now, payload, described, is_last && spatial + 1 == coded.len());
                rtc.handle_input(Input::Timeout(now)).unwrap();
            }
        }
        self.coded.push(coded);
        if self.padding_every.is_some_and(|every| self.frame.is_multiple_of(every)) {
            self.write(rtc, mid, pt, now, Vec::new(), None, false);
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of a packet")]
    fn write(
        &mut self,
        rtc: &mut Rtc,
        mid: Mid,
        pt: Pt,
        now: Instant,
        payload: Vec<u8>,
        described: Option<Described>,
        marker: bool,
    ) {
        self.sequence += 1;
        let mut extensions = ExtensionValues::default();
        if let Some(described) = described {
            extensions.user_values.set(described);
        }
        match self.codec {
            None => {
                extensions.audio_level = self.level;
                extensions.voice_activity = self.level.map(|_| true);
            }
            Some(_) => extensions.video_orientation = Some(str0m::rtp::VideoOrientation::Deg90),
        }
        let mut api = rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, self.rid).expect("the layer was negotiated");
        let sequence: SeqNo = self.sequence.into();
        stream.write_rtp(
            RtpWrite::new(pt, sequence, self.timestamp, now, payload)
                .marker(marker)
                .nackable(self.codec.is_some())
                .ext_vals(extensions),
        );
    }

    /// Puts the frame before it in front of a frame (RFC 2198).
    fn repeat(&mut self, frame: Vec<u8>) -> Vec<u8> {
        let before = self.before.replace((self.timestamp, frame.clone()));
        let mut payload = Vec::new();
        let age = before.as_ref().map(|(timestamp, _)| self.timestamp.wrapping_sub(*timestamp));
        // After a pause it is too old to be said.
        if let (Some((_, before)), Some(age)) = (&before, age.filter(|age| *age < 1 << 14)) {
            let length = before.len();
            payload.extend([0x80 | 111, (age >> 6) as u8, (age << 2) as u8 | (length >> 8) as u8, length as u8]);
            payload.push(111);
            payload.extend(before);
        } else {
            payload.push(111);
        }
        payload.extend(frame);
        payload
    }

    fn payload(&self, key: bool, packet: usize, is_last: bool, spatial: usize, coded: &Coded) -> Vec<u8> {
        let first = packet == 0;
        let mut payload = match self.codec {
            None => vec![0x78],
            Some(VideoCodec::Vp8) => {
                let [high, low] = (0x8000 | self.picture_id).to_be_bytes();
                let layer = coded.temporal << 6 | u8::from(coded.is_sync) << 5;
                let mut payload = vec![0x80 | u8::from(first) << 4, 0xe0, high, low, self.tl0, layer, u8::from(!key)];
                if key && first {
                    // 64x48.
                    payload.extend([0, 0, 0x9d, 0x01, 0x2a, 64, 0, 48, 0]);
                }
                payload
            }
            Some(VideoCodec::Vp9) if self.structure.has_layers() => {
                self.structure.vp9(coded, self.picture_id, self.tl0, spatial as u8, key, (first, is_last))
            }
            Some(VideoCodec::Vp9) => {
                let [high, low] = (0x8000 | self.picture_id).to_be_bytes();
                vec![0x80 | u8::from(!key) << 6 | u8::from(first) << 3, high, low]
            }
            Some(VideoCodec::H264) => match (key, first) {
                (true, true) => vec![0x78, 0, 4, 0x67, 0x42, 0xe0, 0x1f, 0, 2, 0x68, 0xce],
                (true, false) => vec![0x7c, 0x05],
                (false, _) => vec![0x5c, 0x01],
            },
            Some(VideoCodec::Av1) => vec![0x10 | u8::from(key && first && spatial == 0) << 3, 0x30],
        };
        let filler = self.filler * self.weights[usize::from(coded.temporal)];
        payload.resize(payload.len() + (filler << spatial), 0xaa);
        payload.extend((self.frame as u32).to_be_bytes());
        payload.push((spatial << 4 | packet) as u8);
        payload.push(self.rid.map_or(0, |rid| rid.as_bytes()[rid.len() - 1]));
        payload
    }
}

/// What a camera wrote at the end of a payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stamp {
    pub(crate) frame: u32,
    /// With its layer in the upper half.
    pub(crate) packet: u8,
    /// Last character of the rid.
    pub(crate) layer: u8,
}

pub(crate) fn stamp(payload: &[u8]) -> Stamp {
    let end = payload.len();
    Stamp {
        frame: u32::from_be_bytes(payload[end - 6..end - 2].try_into().unwrap()),
        packet: payload[end - 2],
        layer: payload[end - 1],
    }
}
