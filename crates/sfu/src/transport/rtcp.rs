//! RTCP (RFC 3550 §6, RFC 4585) of a transport that sends: what it hears of its receiver and what it says of itself. The
//! packets are written and read by a library; when they are due is the caller's.

use bandwidth::{Bitrate, Remb};
use rtcp_types::prelude::*;
use rtcp_types::{
    Bye, Compound, FciFeedbackPacketType, Fir, Nack, Packet, Pli, RtcpParseError, Sdes, SdesChunk, SdesItem,
    SenderReport, Twcc,
};

/// Numbers of one NACK that are looked at: those of the longest packet that fits a datagram are more than anybody keeps.
const MAX_MISSING: usize = 1024;

/// How the other side receives a stream (RFC 3550 §6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Reception {
    /// Of the packets since the last report, in 256ths.
    pub(super) lost: u8,
    /// The highest number that has come, with the count of roll-overs.
    pub(super) highest: u32,
    /// In ticks of the stream's clock.
    pub(super) jitter: u32,
    /// The middle of the last sender report's time, and how long ago it came, in 65536ths of a second.
    pub(super) last_report: u32,
    pub(super) since_report: u32,
}

/// What the receiver says of the stream `ssrc`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Feedback {
    Reception {
        ssrc: u32,
        reception: Reception,
    },
    /// A packet has not come.
    Missing {
        ssrc: u32,
        sequence: u16,
    },
    /// A NACK ends.
    Nack {
        ssrc: u32,
    },
    /// It cannot go on without a key frame.
    KeyFrame {
        ssrc: u32,
    },
    /// There is something for [`read_path`].
    Path,
}

/// What the receiver says of the way to it.
pub(crate) enum PathFeedback<'a> {
    /// Which packets came, and when (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    Arrivals(Twcc<'a>),
    /// What it thinks that all streams together should take (draft-alvestrand-rmcat-remb-03).
    Estimate(Bitrate),
}

/// A REMB, which the library does not know.
struct Estimate(Bitrate);

impl FciParser<'_> for Estimate {
    const PACKET_TYPE: FciFeedbackPacketType = FciFeedbackPacketType::PAYLOAD;
    const FCI_FORMAT: u8 = Remb::FORMAT;

    fn parse(information: &[u8]) -> Result<Self, RtcpParseError> {
        let remb = Remb::parse(information).map_err(|_| RtcpParseError::WrongImplementation)?;
        Ok(Self(remb.bitrate()))
    }
}

/// Takes out of a compound packet what it says of the path.
pub(crate) fn read_path(plain: &[u8], mut heard: impl FnMut(PathFeedback<'_>)) {
    let Ok(compound) = Compound::parse(plain) else {
        return;
    };
    for packet in compound.flatten() {
        match packet {
            Packet::TransportFeedback(feedback) => {
                if let Ok(arrivals) = feedback.parse_fci::<Twcc<'_>>() {
                    heard(PathFeedback::Arrivals(arrivals));
                }
            }
            Packet::PayloadFeedback(feedback) => {
                if let Ok(Estimate(bitrate)) = feedback.parse_fci::<Estimate>() {
                    heard(PathFeedback::Estimate(bitrate));
                }
            }
            _ => {}
        }
    }
}

/// Takes a compound packet apart. What is not understood is skipped.
pub(super) fn read(plain: &[u8], mut heard: impl FnMut(Feedback)) {
    let Ok(compound) = Compound::parse(plain) else {
        return;
    };
    for packet in compound.flatten() {
        match packet {
            Packet::Rr(report) => report.report_blocks().for_each(|block| heard(reception(&block))),
            Packet::Sr(report) => report.report_blocks().for_each(|block| heard(reception(&block))),
            Packet::TransportFeedback(feedback) => {
                let ssrc = feedback.media_ssrc();
                if let Ok(nack) = feedback.parse_fci::<Nack<'_>>() {
                    for sequence in nack.entries().take(MAX_MISSING) {
                        heard(Feedback::Missing { ssrc, sequence });
                    }
                    heard(Feedback::Nack { ssrc });
                } else if feedback.parse_fci::<Twcc<'_>>().is_ok() {
                    heard(Feedback::Path);
                }
            }
            Packet::PayloadFeedback(feedback) => {
                if feedback.parse_fci::<Pli<'_>>().is_ok() {
                    heard(Feedback::KeyFrame { ssrc: feedback.media_ssrc() });
                } else if let Ok(fir) = feedback.parse_fci::<Fir<'_>>() {
                    fir.entries().for_each(|entry| heard(Feedback::KeyFrame { ssrc: entry.ssrc() }));
                } else if feedback.parse_fci::<Estimate>().is_ok() {
                    heard(Feedback::Path);
                }
            }
            _ => {}
        }
    }
}

fn reception(block: &rtcp_types::ReportBlock<'_>) -> Feedback {
    let reception = Reception {
        lost: block.fraction_lost(),
        highest: block.extended_sequence_number(),
        jitter: block.interarrival_jitter(),
        last_report: block.last_sender_report_timestamp(),
        since_report: block.delay_since_last_sender_report_timestamp(),
    };
    Feedback::Reception { ssrc: block.ssrc(), reception }
}

/// What a stream has sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sent {
    pub(super) ssrc: u32,
    /// RFC 3550 §4, seconds since 1900 with 32 bits behind the point.
    pub(super) ntp: u64,
    /// The same moment on the stream's clock.
    pub(super) timestamp: u32,
    pub(super) packets: u32,
    /// Of payload.
    pub(super) octets: u32,
}

/// Sender reports of all streams of a transport, and whose they are, written to `packet`.
pub(super) fn write_reports(packet: &mut Vec<u8>, streams: &[Sent], cname: &str) {
    let reports = streams.iter().fold(Compound::builder(), |compound, sent| {
        let report = SenderReport::builder(sent.ssrc)
            .ntp_timestamp(sent.ntp)
            .rtp_timestamp(sent.timestamp)
            .packet_count(sent.packets)
            .octet_count(sent.octets);
        compound.add_packet(report)
    });
    let names = streams.iter().fold(Sdes::builder(), |names, sent| {
        names.add_chunk(SdesChunk::builder(sent.ssrc).add_item(SdesItem::builder(SdesItem::CNAME, cname)))
    });
    write(packet, &reports.add_packet(names));
}

/// A goodbye for all streams (RFC 3550 §6.6), behind the reports that every compound packet begins with.
pub(super) fn write_goodbye(packet: &mut Vec<u8>, streams: &[Sent], cname: &str) {
    write_reports(packet, streams, cname);
    let goodbye = streams.iter().fold(Bye::builder(), |goodbye, sent| goodbye.add_source(sent.ssrc));
    write(packet, &goodbye);
}

/// Appends a packet; one that cannot be written would be a defect, and is left out.
fn write(packet: &mut Vec<u8>, writer: &impl RtcpPacketWriter) {
    let begin = packet.len();
    if let Ok(size) = writer.calculate_size() {
        packet.resize(begin + size, 0);
        writer.write_into_unchecked(&mut packet[begin..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtcp_types::{PayloadFeedback, ReceiverReport, ReportBlock, TransportFeedback};

    fn heard(plain: &[u8]) -> Vec<Feedback> {
        let mut all = Vec::new();
        read(plain, |feedback| all.push(feedback));
        all
    }

    #[test]
    fn reports_name_every_stream() {
        let sent = |ssrc| Sent { ssrc, ntp: 1 << 40, timestamp: 9, packets: 3, octets: 300 };
        let mut packet = Vec::new();
        // The library's reader takes zeros at the beginning of a source for the end of the chunk before it.
        let [one, other] = [0x7000_0000, 0x8000_0000];
        write_reports(&mut packet, &[sent(one), sent(other)], "somebody");
        let packets: Vec<_> = Compound::parse(&packet).unwrap().map(Result::unwrap).collect();
        let [Packet::Sr(first), Packet::Sr(second), Packet::Sdes(names)] = &packets[..] else {
            panic!("{packets:?}");
        };
        assert_eq!((first.ssrc(), second.ssrc(), first.ntp_timestamp()), (one, other, 1 << 40));
        assert_eq!((second.rtp_timestamp(), second.packet_count(), second.octet_count()), (9, 3, 300));
        let names: Vec<_> = names
            .chunks()
            .map(|chunk| (chunk.ssrc(), chunk.items().next().unwrap().get_value_string().unwrap()))
            .collect();
        assert_eq!(names, [(one, "somebody".to_owned()), (other, "somebody".to_owned())]);
        write_goodbye(&mut packet, &[sent(one)], "somebody");
        assert!(matches!(Compound::parse(&packet).unwrap().last(), Some(Ok(Packet::Bye(_)))));
    }

    #[test]
    fn what_a_receiver_says_is_heard() {
        let report = ReportBlock::builder(7)
            .fraction_lost(64)
            .extended_sequence_number(70_007)
            .interarrival_jitter(90)
            .last_sender_report_timestamp(5)
            .delay_since_last_sender_report_timestamp(6);
        let nack = Nack::builder().add_rtp_sequence(65_535).add_rtp_sequence(0).add_rtp_sequence(900);
        let fir = Fir::builder().add_ssrc(8, 1);
        let mut plain = Vec::new();
        write(&mut plain, &ReceiverReport::builder(1).add_report_block(report));
        write(&mut plain, &TransportFeedback::builder(&nack).media_ssrc(7));
        write(&mut plain, &PayloadFeedback::builder(&Pli::builder()).media_ssrc(7));
        write(&mut plain, &PayloadFeedback::builder(&fir));
        let reception = Reception { lost: 64, highest: 70_007, jitter: 90, last_report: 5, since_report: 6 };
        let mut told = heard(&plain);
        let missing = |sequence| Feedback::Missing { ssrc: 7, sequence };
        told[1..4].sort_by_key(|feedback| match feedback {
            Feedback::Missing { sequence, .. } => sequence.wrapping_add(1),
            _ => 0,
        });
        assert_eq!(
            told,
            [
                Feedback::Reception { ssrc: 7, reception },
                missing(65_535),
                missing(0),
                missing(900),
                Feedback::Nack { ssrc: 7 },
                Feedback::KeyFrame { ssrc: 7 },
                Feedback::KeyFrame { ssrc: 8 },
            ]
        );
    }

    #[test]
    fn broken_packets_are_silence() {
        let nack = Nack::builder().add_rtp_sequence(3);
        let mut plain = Vec::new();
        write(&mut plain, &ReceiverReport::builder(1));
        write(&mut plain, &TransportFeedback::builder(&nack).media_ssrc(7));
        for end in 0..plain.len() {
            heard(&plain[..end]);
            for bit in 0..8 {
                let mut damaged = plain.clone();
                damaged[end] ^= 1 << bit;
                heard(&damaged);
            }
        }
    }
}
