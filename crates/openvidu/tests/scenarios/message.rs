//! What clients send, as tests mostly want it.

use protocol::rpc::{ClientRequest, JoinRoom, PublishVideo, SubscribeSdp};

use crate::call::ROOM;

pub(crate) fn join_room(token: &str) -> ClientRequest {
    ClientRequest::JoinRoom(Box::new(JoinRoom {
        token: token.to_owned(),
        session: ROOM.to_owned(),
        platform: "Chrome 126 on Linux".to_owned(),
        sdk_version: Some("2.32.2".to_owned()),
        metadata: String::new(),
        secret: String::new(),
        recorder: false,
        stt: false,
    }))
}

pub(crate) fn camera() -> PublishVideo {
    PublishVideo {
        sdp_offer: "offer-of-publisher".to_owned(),
        do_loopback: false,
        has_audio: true,
        has_video: true,
        audio_active: Some(true),
        video_active: Some(true),
        type_of_video: Some("CAMERA".to_owned()),
        frame_rate: Some(30),
        video_dimensions: Some(r#"{"width":640,"height":480}"#.to_owned()),
        filter: None,
    }
}

pub(crate) fn publish_video() -> ClientRequest {
    ClientRequest::PublishVideo(Box::new(camera()))
}

pub(crate) fn prepare(sender: &str) -> ClientRequest {
    ClientRequest::PrepareReceiveVideoFrom { sender: sender.to_owned(), reconnect: false }
}

pub(crate) fn receive_with_answer(sender: &str) -> ClientRequest {
    let sdp = Some(SubscribeSdp::Answer("answer-of-subscriber".to_owned()));
    ClientRequest::ReceiveVideoFrom { sender: sender.to_owned(), sdp }
}

pub(crate) fn receive_with_offer(sender: &str) -> ClientRequest {
    let sdp = Some(SubscribeSdp::Offer("offer-of-subscriber".to_owned()));
    ClientRequest::ReceiveVideoFrom { sender: sender.to_owned(), sdp }
}

pub(crate) fn candidate(endpoint: &str, candidate: &str) -> ClientRequest {
    ClientRequest::OnIceCandidate { endpoint_name: endpoint.to_owned(), candidate: candidate.to_owned() }
}
