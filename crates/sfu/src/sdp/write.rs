//! Our offers and answers as text. It writes what was planned and decides nothing.

use std::fmt::{self, Write};

use super::choose::{Accepted, AnswerPlan, Codec, SectionPlan};
use super::extension::{OFFERED_AUDIO, offered_video};
use super::{AudioFormat, Bandwidth, Direction, Setup, VideoFormat};

/// Our side of a transport.
pub(crate) struct LocalTransport<'a> {
    pub(crate) ufrag: &'a str,
    pub(crate) pwd: &'a str,
    /// `sha-256 AA:…`.
    pub(crate) fingerprint: &'a str,
    /// `candidate:…` lines.
    pub(crate) candidates: &'a [String],
    pub(crate) ice_lite: bool,
}

/// Names and sources of what we send.
#[derive(Clone, Debug)]
pub(crate) struct OutgoingIds {
    /// Of the `o=` line.
    pub(crate) session: u64,
    /// One for audio and video, so that the client plays them in step.
    pub(crate) stream: String,
    pub(crate) cname: String,
    pub(crate) audio_ssrc: u32,
    pub(crate) video_ssrc: u32,
    pub(crate) video_rtx_ssrc: u32,
}

/// Offer to a subscriber: audio, if any, is mid 0 and video, if any, the next.
pub(crate) fn write_offer(
    local: &LocalTransport<'_>,
    ids: &OutgoingIds,
    audio: Option<(&str, &AudioFormat)>,
    video: Option<(&str, &VideoFormat)>,
) -> String {
    let mids: Vec<&str> = [audio.map(|a| a.0), video.map(|v| v.0)].into_iter().flatten().collect();
    let mut w = Writer::new(local, &mids, ids.session, Some(&ids.stream));
    let feedback: Vec<String> = ["transport-cc", "ccm fir", "nack", "nack pli"].map(str::to_owned).to_vec();
    let own = |list: &[(u8, &str)]| list.iter().map(|(id, uri)| (*id, (*uri).to_owned())).collect();
    if let Some((mid, format)) = audio {
        let accepted = Accepted {
            codec: Codec::Audio(format.clone()),
            direction: Direction::SendOnly,
            extensions: own(OFFERED_AUDIO),
            feedback: feedback[..1].to_vec(),
            rids: Vec::new(),
            sources: Vec::new(),
        };
        w.section(mid, "UDP/TLS/RTP/SAVPF", Setup::ActPass, &accepted, Some(ids));
    }
    if let Some((mid, format)) = video {
        let accepted = Accepted {
            codec: Codec::Video(format.clone()),
            direction: Direction::SendOnly,
            extensions: own(offered_video(format.codec)),
            feedback,
            rids: Vec::new(),
            sources: Vec::new(),
        };
        w.section(mid, "UDP/TLS/RTP/SAVPF", Setup::ActPass, &accepted, Some(ids));
    }
    w.text
}

/// Answer to a publisher; `ids` name what is looped back, `most` is what its pictures shall take.
pub(crate) fn write_publish_answer(
    local: &LocalTransport<'_>,
    plan: &AnswerPlan,
    ids: &OutgoingIds,
    most: Option<Bandwidth>,
) -> String {
    write_answer(local, plan, ids, most)
}

/// Answer to a subscriber that offered.
pub(crate) fn write_subscribe_answer(local: &LocalTransport<'_>, plan: &AnswerPlan, ids: &OutgoingIds) -> String {
    write_answer(local, plan, ids, None)
}

fn write_answer(local: &LocalTransport<'_>, plan: &AnswerPlan, ids: &OutgoingIds, most: Option<Bandwidth>) -> String {
    // No group but the one that was offered (RFC 9143 §7.3).
    let bundled = plan.sections.iter().filter(|s| s.accepted.is_some() && s.bundled);
    let mids: Vec<&str> = bundled.map(|s| s.mid.as_str()).collect();
    let sends = plan.sections.iter().flat_map(|s| &s.accepted).any(|a| a.direction.sends());
    let mut w = Writer::new(local, &mids, ids.session, sends.then_some(&ids.stream));
    w.most = most;
    // The client starts DTLS unless it insists on waiting for us.
    let setup = if plan.remote.setup == Setup::Passive { Setup::Active } else { Setup::Passive };
    for section in &plan.sections {
        match &section.accepted {
            Some(accepted) => w.section(&section.mid, &section.protocol, setup, accepted, Some(ids)),
            None => w.rejected(section, setup),
        }
    }
    w.text
}

struct Writer<'a> {
    text: String,
    local: &'a LocalTransport<'a>,
    /// Candidates stand in the first accepted section, whose transport the whole bundle uses.
    candidates_written: bool,
    /// Of received pictures.
    most: Option<Bandwidth>,
}

impl<'a> Writer<'a> {
    fn new(local: &'a LocalTransport<'a>, mids: &[&str], session: u64, stream: Option<&String>) -> Self {
        let mut w = Self { text: String::with_capacity(2048), local, candidates_written: false, most: None };
        w.line(format_args!("v=0"));
        w.line(format_args!("o=- {session} 2 IN IP4 127.0.0.1"));
        w.line(format_args!("s=-"));
        w.line(format_args!("t=0 0"));
        if local.ice_lite {
            w.line(format_args!("a=ice-lite"));
        }
        if !mids.is_empty() {
            w.line(format_args!("a=group:BUNDLE {}", mids.join(" ")));
        }
        w.line(format_args!("a=extmap-allow-mixed"));
        match stream {
            Some(stream) => w.line(format_args!("a=msid-semantic: WMS {stream}")),
            None => w.line(format_args!("a=msid-semantic: WMS")),
        }
        w
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing to a `String` does not fail.
        let _ = write!(self.text, "{line}\r\n");
    }

    fn rejected(&mut self, section: &SectionPlan, setup: Setup) {
        let SectionPlan { media, protocol, first_payload_type, mid, bundled, .. } = section;
        self.line(format_args!("m={media} 0 {protocol} {first_payload_type}"));
        self.line(format_args!("c=IN IP4 0.0.0.0"));
        if !bundled {
            // GStreamer's webrtcbin reads no answer without them, rejected or not.
            self.credentials(setup);
        }
        self.line(format_args!("a=mid:{mid}"));
        self.line(format_args!("a=inactive"));
    }

    fn section(&mut self, mid: &str, protocol: &str, setup: Setup, plan: &Accepted, ids: Option<&OutgoingIds>) {
        let (media, payload_types) = match &plan.codec {
            // What stands first is what is sent. To subscribers both go, as each of them needs.
            Codec::Audio(AudioFormat { pt, red: Some(red), .. }) if plan.direction.receives() => {
                ("audio", format!("{red} {pt}"))
            }
            Codec::Audio(AudioFormat { pt, red: Some(red), .. }) => ("audio", format!("{pt} {red}")),
            Codec::Audio(format) => ("audio", format.pt.to_string()),
            Codec::Video(VideoFormat { pt, rtx: Some(rtx), .. }) => ("video", format!("{pt} {rtx}")),
            Codec::Video(format) => ("video", format.pt.to_string()),
        };
        self.line(format_args!("m={media} 9 {protocol} {payload_types}"));
        self.line(format_args!("c=IN IP4 0.0.0.0"));
        if let Some(most) = self.most.filter(|_| media == "video") {
            self.line(format_args!("b={most}"));
        }
        self.transport(setup);
        self.line(format_args!("a=mid:{mid}"));
        for (id, uri) in &plan.extensions {
            self.line(format_args!("a=extmap:{id} {uri}"));
        }
        self.line(format_args!("a={}", direction_name(plan.direction)));
        let sends = ids.filter(|_| plan.direction.sends());
        if let Some(ids) = sends {
            self.line(format_args!("a=msid:{} {}-{media}", ids.stream, ids.stream));
        }
        self.line(format_args!("a=rtcp-mux"));
        if media == "video" {
            self.line(format_args!("a=rtcp-rsize"));
        }
        match &plan.codec {
            Codec::Audio(format) => self.opus(format, plan),
            Codec::Video(format) => self.video(format, plan),
        }
        if let Some(ids) = sends {
            self.sources(ids, media, &plan.codec);
        }
    }

    fn transport(&mut self, setup: Setup) {
        let local = self.local;
        if !self.candidates_written {
            self.candidates_written = true;
            for candidate in local.candidates {
                self.line(format_args!("a={candidate}"));
            }
            self.line(format_args!("a=end-of-candidates"));
        }
        self.credentials(setup);
    }

    fn credentials(&mut self, setup: Setup) {
        let local = self.local;
        self.line(format_args!("a=ice-ufrag:{}", local.ufrag));
        self.line(format_args!("a=ice-pwd:{}", local.pwd));
        self.line(format_args!("a=fingerprint:{}", local.fingerprint));
        self.line(format_args!("a=setup:{}", setup_name(setup)));
    }

    fn opus(&mut self, format: &AudioFormat, plan: &Accepted) {
        let pt = format.pt;
        self.line(format_args!("a=rtpmap:{pt} opus/48000/2"));
        for feedback in &plan.feedback {
            self.line(format_args!("a=rtcp-fb:{pt} {feedback}"));
        }
        let stereo = if format.stereo { ";stereo=1" } else { "" };
        let fec = u8::from(format.fec);
        // To who sends to us: be silent in silence.
        let dtx = if plan.direction.receives() && format.dtx { ";usedtx=1" } else { "" };
        self.line(format_args!("a=fmtp:{pt} minptime=10;useinbandfec={fec}{stereo}{dtx}"));
        if let Some(red) = format.red {
            self.line(format_args!("a=rtpmap:{red} red/48000/2"));
            self.line(format_args!("a=fmtp:{red} {pt}/{pt}"));
        }
    }

    fn video(&mut self, format: &VideoFormat, plan: &Accepted) {
        let pt = format.pt;
        let name = format.codec.name();
        self.line(format_args!("a=rtpmap:{pt} {name}/90000"));
        for feedback in &plan.feedback {
            self.line(format_args!("a=rtcp-fb:{pt} {feedback}"));
        }
        if !format.fmtp.is_empty() {
            self.line(format_args!("a=fmtp:{pt} {}", format.fmtp));
        }
        if let Some(rtx) = format.rtx {
            self.line(format_args!("a=rtpmap:{rtx} rtx/90000"));
            self.line(format_args!("a=fmtp:{rtx} apt={pt}"));
        }
        if !plan.rids.is_empty() {
            for rid in &plan.rids {
                self.line(format_args!("a=rid:{rid} recv"));
            }
            self.line(format_args!("a=simulcast:recv {}", plan.rids.join(";")));
        }
    }

    fn sources(&mut self, ids: &OutgoingIds, media: &str, codec: &Codec) {
        let (main, rtx) = match codec {
            Codec::Audio(_) => (ids.audio_ssrc, None),
            Codec::Video(format) => (ids.video_ssrc, format.rtx.map(|_| ids.video_rtx_ssrc)),
        };
        if let Some(rtx) = rtx {
            self.line(format_args!("a=ssrc-group:FID {main} {rtx}"));
        }
        for ssrc in [Some(main), rtx].into_iter().flatten() {
            self.line(format_args!("a=ssrc:{ssrc} cname:{}", ids.cname));
            self.line(format_args!("a=ssrc:{ssrc} msid:{} {}-{media}", ids.stream, ids.stream));
        }
    }
}

fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::SendRecv => "sendrecv",
        Direction::SendOnly => "sendonly",
        Direction::RecvOnly => "recvonly",
        Direction::Inactive => "inactive",
    }
}

fn setup_name(setup: Setup) -> &'static str {
    match setup {
        Setup::ActPass => "actpass",
        Setup::Active => "active",
        Setup::Passive => "passive",
    }
}
