//! What a call sends and receives in a second, by arithmetic alone.

use serde::Serialize;

use crate::{Call, Video};

/// Bytes of payload in a packet of pictures at most: what browsers leave of an MTU of 1200.
const MAX_PAYLOAD: u64 = 1100;
/// Of sound, one each 20 ms.
const SOUND_PACKETS: f64 = 50.0;
/// What the smaller layers of a simulcast publisher have of the bits of the best one: of 2500 kbit/s at 1280x720 they have 700 and
/// 200 at most, by the table of WebRTC's library that browsers use (`video/config/simulcast.cc`).
const SMALLER_LAYERS: [f64; 2] = [0.28, 0.08];
/// Bytes around a payload on its way: Ethernet is not in it; IPv4 20, UDP 8, RTP 12 and its extensions 16, the seal 16.
const HEADERS: f64 = 72.0;
/// Bits a second of reports and checks (RTCP, ICE), each way on each connection of one stream: 8 and 6 kbit/s were seen.
const REPORTS: f64 = 10_000.0;
/// What channel data adds to a datagram (RFC 8656 §12.4).
const CHANNEL_HEADER: f64 = 4.0;

/// Of one session, or of several together, in a second.
#[derive(Clone, Copy, PartialEq, Default, Debug, Serialize)]
pub struct Traffic {
    pub received_packets: f64,
    pub sent_packets: f64,
    /// A picture's packets leave together for each subscriber, as one thing to send; sound leaves packet by packet.
    pub sent_trains: f64,
    pub received_bits: f64,
    pub sent_bits: f64,
}

impl Traffic {
    pub fn of(call: &Call) -> Self {
        let (publishers, legs) = (f64::from(call.publishers), call.legs() as f64);
        let sound = if call.audio_bits_per_second > 0 { SOUND_PACKETS } else { 0.0 };
        let (mut received_bits, mut sent_bits) = (call.audio_bits_per_second as f64, call.audio_bits_per_second as f64);
        let (mut received, mut sent, mut trains) = (sound, sound, sound);
        if let Some(video) = call.video {
            let Video { bits_per_second, frame_rate, simulcast } = video;
            let packets = packets(bits_per_second as f64, frame_rate);
            trains += f64::from(frame_rate);
            sent += packets;
            sent_bits += bits_per_second as f64;
            received += packets;
            received_bits += bits_per_second as f64;
            for share in SMALLER_LAYERS.iter().filter(|_| simulcast) {
                let bits = bits_per_second as f64 * share;
                received += self::packets(bits, frame_rate);
                received_bits += bits;
            }
        }
        let around = 8.0 * (HEADERS + call.relayed * CHANNEL_HEADER);
        let reports = (publishers + legs) * REPORTS;
        Self {
            received_packets: publishers * received,
            sent_packets: legs * sent,
            sent_trains: legs * trains,
            received_bits: publishers * (received_bits + received * around) + reports,
            sent_bits: legs * (sent_bits + sent * around) + reports,
        }
    }
}

/// All pictures alike: the rest of one is a packet, too.
fn packets(bits_per_second: f64, frame_rate: u32) -> f64 {
    let rate = f64::from(frame_rate.max(1));
    rate * (bits_per_second / 8.0 / rate / MAX_PAYLOAD as f64).ceil()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recording;

    fn call(participants: u32, publishers: u32) -> Call {
        let video = Some(Video { bits_per_second: 1_500_000, frame_rate: 30, simulcast: false });
        Call {
            participants,
            publishers,
            video,
            audio_bits_per_second: 32_000,
            relayed: 0.0,
            recording: Recording::None,
        }
    }

    #[test]
    fn packets_and_trains_are_those_of_pictures_and_sound() {
        let webinar = Traffic::of(&call(51, 1));
        // 6 250 bytes a picture are six packets.
        assert_eq!((webinar.received_packets, webinar.sent_packets), (230.0, 50.0 * 230.0));
        assert_eq!(webinar.sent_trains, 50.0 * 80.0);
        let room = Traffic::of(&call(7, 7));
        assert_eq!((room.received_packets, room.sent_packets), (7.0 * 230.0, 42.0 * 230.0));
        let bits = 1_532_000.0 + 230.0 * 8.0 * 72.0;
        let reports = 49.0 * 10_000.0;
        assert_eq!((room.received_bits, room.sent_bits), (7.0 * bits + reports, 42.0 * bits + reports));
    }

    #[test]
    fn simulcast_is_more_to_receive_and_no_more_to_send() {
        let mut simulcast = call(7, 7);
        simulcast.video = simulcast.video.map(|video| Video { simulcast: true, ..video });
        let (with, without) = (Traffic::of(&simulcast), Traffic::of(&call(7, 7)));
        // 1 750 and 500 bytes: two packets and one.
        assert_eq!(with.received_packets - without.received_packets, 7.0 * 90.0);
        assert_eq!((with.sent_packets, with.sent_bits), (without.sent_packets, without.sent_bits));
    }

    #[test]
    fn what_is_not_sent_is_not_counted() {
        let silent = Call { audio_bits_per_second: 0, ..call(3, 3) };
        assert_eq!(Traffic::of(&silent).sent_packets, 6.0 * 180.0);
        let blind = Call { video: None, ..call(3, 3) };
        assert_eq!((Traffic::of(&blind).sent_packets, Traffic::of(&blind).sent_trains), (300.0, 300.0));
        assert_eq!(Traffic::of(&call(1, 1)).sent_packets, 0.0);
    }
}
