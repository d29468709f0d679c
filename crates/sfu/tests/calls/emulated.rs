//! Clients that say what somebody else's description says: the engine under another's numbers. They negotiate by the text alone;
//! what was agreed on is read out of both descriptions, as a browser does.

use protocol::id::PublicationId;
use protocol::media::{CodecChoice, Kinds, MediaEvent, MediaFailure, MediaOperation, Reception, VideoCodec};
use str0m::config::Fingerprint;
use str0m::format::{Codec, CodecConfig, CodecSpec, FormatParams, PayloadParams};
use str0m::media::{Frequency, MediaKind, Mid};
use str0m::rtp::{Extension, ExtensionMap};
use str0m::{IceCreds, RtcConfig};

use crate::call::{Call, ROUTER, SUBSCRIBER, browser, ms, sfu_address, transport_of};
use crate::description::{Description, Section};

/// A client whose offer was answered, or that has answered.
pub(crate) struct Agreed {
    /// Which client of the call.
    pub(crate) client: usize,
    pub(crate) offer: Description,
    pub(crate) answer: Description,
}

impl Agreed {
    /// What both sides have of a kind: the offer's section and the answer's.
    pub(crate) fn sections(&self, kind: &str) -> Option<(&Section, &Section)> {
        let pairs = self.offer.sections.iter().zip(&self.answer.sections);
        pairs.into_iter().find(|(offered, answered)| offered.kind == kind && answered.port != 0)
    }

    /// Payload type of what is sent and received of a kind.
    pub(crate) fn payload_type(&self, kind: &str) -> Option<u8> {
        self.sections(kind)?.1.formats.iter().find(|format| format.is_media()).map(|format| format.pt)
    }
}

/// An engine that knows every format and header extension of a description by their numbers.
fn engine(description: &Description) -> RtcConfig {
    let mut parameters: Vec<PayloadParams> = Vec::new();
    let mut extensions = ExtensionMap::empty();
    for section in &description.sections {
        for format in &section.formats {
            let (codec, clock_rate, channels) = match format.name.as_str() {
                "OPUS/48000" | "RED/48000" => (Codec::Opus, Frequency::FORTY_EIGHT_KHZ, Some(2)),
                "VP8/90000" => (Codec::Vp8, Frequency::NINETY_KHZ, None),
                "VP9/90000" => (Codec::Vp9, Frequency::NINETY_KHZ, None),
                "H264/90000" => (Codec::H264, Frequency::NINETY_KHZ, None),
                "AV1/90000" => (Codec::Av1, Frequency::NINETY_KHZ, None),
                _ => continue,
            };
            let spec = CodecSpec { codec, clock_rate, channels, format: FormatParams::default() };
            let rtx = section.rtx(format.pt).map(Into::into);
            parameters.push(PayloadParams::new(format.pt.into(), rtx, spec));
        }
        for (id, uri) in section.extensions.iter().filter(|(id, _)| (1..=14).contains(id)) {
            let known = [
                Extension::AudioLevel,
                Extension::AbsoluteSendTime,
                Extension::TransportSequenceNumber,
                Extension::RtpMid,
                Extension::RtpStreamId,
                Extension::RepairedRtpStreamId,
                Extension::VideoOrientation,
            ];
            if let Some(extension) = known.into_iter().find(|known| known.as_uri() == uri) {
                extensions.set(*id, extension);
            }
        }
    }
    let mut config = browser().set_extension_map(extensions);
    *config.codec_config() = CodecConfig::new_from_payload_params(parameters);
    config
}

/// A client publishes with that offer, of which it sends what it says it sends.
pub(crate) fn publish(call: &mut Call, offer: &Description, codecs: CodecChoice) -> Result<Agreed, MediaFailure> {
    let publication = PublicationId(call.clients.len() as u64);
    let client = call.add_client(engine(offer), publication);
    let offer = identified(call, client, offer);
    let request = call.request_id();
    call.command(MediaOperation::Publish {
        request,
        publication,
        transport: call.clients[client].transport,
        offer: offer.write(),
        kinds: Kinds { audio: true, video: true },
        codecs,
        bitrate: protocol::media::BitrateLimits::default(),
        loopback: false,
    });
    let answer = match call.settled(request) {
        MediaEvent::Answered { sdp, .. } => Description::read(sdp),
        MediaEvent::Failed { why, .. } => {
            let why = why.clone();
            return Err(forgotten(call, client, why));
        }
        other => panic!("{other:?}"),
    };
    let agreed = Agreed { client, offer, answer };
    connect(call, client, &agreed.answer, true);
    for (kind, of_kind) in [("audio", MediaKind::Audio), ("video", MediaKind::Video)] {
        let Some((offered, answered)) = agreed.sections(kind) else {
            continue;
        };
        let mid = declare(call, client, answered, of_kind);
        let mut api = call.clients[client].rtc.direct_api();
        let rids = offered.rids();
        for (index, rid) in rids.iter().enumerate() {
            let ssrc = 5000 + 2 * index as u32;
            api.declare_stream_tx(ssrc.into(), Some((ssrc + 1).into()), mid, Some((*rid).into()));
        }
        if rids.is_empty() {
            // webrtcbin does not always say it, and then sends from somewhere.
            let (ssrc, rtx) = offered.sources().unwrap_or((4999, None));
            api.declare_stream_tx(ssrc.into(), rtx.map(Into::into), mid, None);
        }
    }
    Ok(agreed)
}

/// A client subscribes with that offer.
pub(crate) fn subscribe_offering(call: &mut Call, offer: &Description, to: &Agreed) -> Result<Agreed, MediaFailure> {
    let publication = call.clients[to.client].publication;
    let client = call.add_client(engine(offer), publication);
    let offer = identified(call, client, offer);
    let sdp = subscribe(call, publication, Some(offer.write())).map_err(|why| forgotten(call, client, why))?;
    let agreed = Agreed { client, offer, answer: Description::read(&sdp) };
    connect(call, client, &agreed.answer, true);
    receive(call, &agreed, &agreed.answer);
    Ok(agreed)
}

/// A client that writes such descriptions answers what it is offered.
pub(crate) fn subscribe_answering(call: &mut Call, knows: &Description, to: &Agreed) -> Result<Agreed, MediaFailure> {
    let publication = call.clients[to.client].publication;
    let offer = Description::read(&subscribe(call, publication, None)?);
    let client = call.add_client(engine(&offer), publication);
    let answer = identified(call, client, &knows.answer(&offer));
    let (request, transport) = (call.request_id(), call.clients[client].transport);
    call.command(MediaOperation::AcceptAnswer { request, transport, answer: answer.write() });
    if let MediaEvent::Failed { why, .. } = call.settled(request) {
        let why = why.clone();
        return Err(forgotten(call, client, why));
    }
    let agreed = Agreed { client, offer, answer };
    connect(call, client, &agreed.offer, true);
    receive(call, &agreed, &agreed.offer);
    Ok(agreed)
}

/// For the last client, or for the next one if it does not offer.
fn subscribe(call: &mut Call, publication: PublicationId, offer: Option<String>) -> Result<String, MediaFailure> {
    let request = call.request_id();
    let client = call.clients.len() - usize::from(offer.is_some());
    call.command(MediaOperation::Subscribe {
        request,
        publication,
        source: ROUTER.worker,
        subscriber: SUBSCRIBER,
        transport: transport_of(client),
        reception: Reception::default(),
        offer,
    });
    match call.settled(request) {
        MediaEvent::Answered { sdp, .. } | MediaEvent::Offered { sdp, .. } => Ok(sdp.clone()),
        MediaEvent::Failed { why, .. } => Err(why.clone()),
        other => panic!("{other:?}"),
    }
}

/// The last client never becomes one.
fn forgotten(call: &mut Call, client: usize, why: MediaFailure) -> MediaFailure {
    let transport = call.clients[client].transport;
    call.command(MediaOperation::CloseTransport { transport });
    call.clients[client].closed = true;
    why
}

/// With the credentials and the certificate of a client.
fn identified(call: &mut Call, client: usize, description: &Description) -> Description {
    let api = call.clients[client].rtc.direct_api();
    let IceCreds { ufrag, pass } = api.local_ice_credentials();
    let bytes = &api.local_dtls_fingerprint().bytes;
    let fingerprint: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    description.with_identity(&ufrag, &pass, &fingerprint.join(":"))
}

fn connect(call: &mut Call, client: usize, remote: &Description, starts_dtls: bool) {
    let section = remote.sections.iter().find(|section| section.port != 0).expect("something was agreed on");
    let attribute = |name| remote.attribute(section, name).unwrap_or_else(|| panic!("no {name}"));
    let creds = IceCreds { ufrag: attribute("ice-ufrag:").to_owned(), pass: attribute("ice-pwd:").to_owned() };
    let hex = attribute("fingerprint:sha-256 ").split(':');
    let bytes = hex.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
    let now = call.now;
    let client = &mut call.clients[client];
    let mut api = client.rtc.direct_api();
    api.set_ice_controlling(true);
    api.set_remote_ice_credentials(creds);
    api.set_remote_fingerprint(Fingerprint { hash_func: "sha-256".to_owned(), bytes });
    api.start_dtls(starts_dtls).unwrap();
    api.enable_twcc_feedback();
    let server = str0m::Candidate::host(sfu_address(), str0m::net::Protocol::Udp).unwrap();
    client.rtc.add_remote_candidate(server);
    client.next = now;
}

fn declare(call: &mut Call, client: usize, section: &Section, kind: MediaKind) -> Mid {
    let mid: Mid = section.mid.as_str().into();
    let client = &mut call.clients[client];
    client.rtc.direct_api().declare_media(mid, kind);
    match kind {
        MediaKind::Audio => client.audio = Some(mid),
        MediaKind::Video => client.video = Some(mid),
    }
    mid
}

/// Of the sources that the server says it sends.
fn receive(call: &mut Call, agreed: &Agreed, server: &Description) {
    for (kind, of_kind) in [("audio", MediaKind::Audio), ("video", MediaKind::Video)] {
        if agreed.sections(kind).is_none() {
            continue;
        }
        let section = server.section(kind).expect("it was agreed on");
        let mid = declare(call, agreed.client, section, of_kind);
        let (ssrc, rtx) = section.sources().expect("the server says what it sends");
        let mut api = call.clients[agreed.client].rtc.direct_api();
        api.expect_stream_rx(ssrc.into(), rtx.map(Into::into), mid, None);
    }
}

/// A microphone and, of a picture that was agreed on, the camera of the highest layer.
pub(crate) fn start(call: &mut Call, publisher: &Agreed) {
    let client = publisher.client;
    if let Some(pt) = publisher.payload_type("audio") {
        let redundant = publisher.sections("audio").and_then(|(_, answered)| answered.formats.first());
        let redundant = redundant.filter(|format| format.name.starts_with("RED/")).map(|format| format.pt);
        let microphone = call.start_redundant_audio(client);
        let camera = call.camera(client, microphone);
        (camera.pt, camera.red) = (Some(pt), redundant);
    }
    if let (Some(pt), Some((offered, answered))) = (publisher.payload_type("video"), publisher.sections("video")) {
        let codec = match answered.format(pt).unwrap().name.as_str() {
            "VP8/90000" => VideoCodec::Vp8,
            "VP9/90000" => VideoCodec::Vp9,
            "H264/90000" => VideoCodec::H264,
            "AV1/90000" => VideoCodec::Av1,
            other => panic!("{other}"),
        };
        let camera = call.start_video(client, codec, offered.rids().last().copied());
        call.camera(client, camera).pt = Some(pt);
    }
    call.run(ms(1));
}
