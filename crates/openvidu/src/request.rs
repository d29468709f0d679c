//! What OpenVidu's clients ask, as commands of sessions.
//!
//! What cannot be a command is an error already here. It is not answered here, because errors keep their place among the
//! client's answers, and because a client that has not joined is told that first, whatever it asks.

use protocol::error::ErrorCode;
use protocol::event::SignalSent;
use protocol::filter::{Filter, FilterCall};
use protocol::rpc::{ClientRequest, InvalidParams, JoinRoom, PublishVideo, RpcError, Signal, SubscribeSdp};
use session::ClientCommand;
use session::command::{
    ClientSignal, FilterCommand, FilterRequest, HiddenClient, Join, Publish, PublishedFilter, Rejection, RenewalSdp,
    StreamChange, StreamChangeMeaning, StreamProperties, UnusableOptions,
};

use serde_json::Value;

use crate::token;

/// A request (anything but `ping` and `connect`, which belong to the socket) as a command.
pub fn command(request: Result<ClientRequest, InvalidParams>) -> ClientCommand {
    match request {
        Ok(request) => understood(request),
        Err(fault) => {
            let of_join = fault.method == "joinRoom";
            ClientCommand::Rejected { rejection: rejection(&RpcError::new(ErrorCode::Internal, fault)), of_join }
        }
    }
}

fn understood(request: ClientRequest) -> ClientCommand {
    match request {
        ClientRequest::JoinRoom(request) => ClientCommand::Join(Box::new(join(*request))),
        ClientRequest::LeaveRoom => ClientCommand::Leave,
        ClientRequest::PublishVideo(request) => ClientCommand::Publish(Box::new(publish(*request))),
        ClientRequest::UnpublishVideo => ClientCommand::Unpublish,
        // Whether it says `reconnect` or not: an existing subscription is replaced.
        ClientRequest::PrepareReceiveVideoFrom { sender, reconnect: _ } => {
            ClientCommand::RequestOffer { stream: sender }
        }
        ClientRequest::ReceiveVideoFrom { sender: stream, sdp } => match sdp {
            Some(SubscribeSdp::Offer(offer)) => ClientCommand::Subscribe { stream, offer },
            Some(SubscribeSdp::Answer(answer)) => ClientCommand::AnswerOffer { stream, answer },
            None => {
                let text = "Parameter 'sdpOffer' or 'sdpAnswer' of method 'receiveVideoFrom' is missing";
                rejected(ErrorCode::Internal, text)
            }
        },
        ClientRequest::UnsubscribeFromVideo { sender } => ClientCommand::Unsubscribe { publisher: sender },
        ClientRequest::SubscribeToVideo { sender: stream, value: wanted } => {
            ClientCommand::WantPicture { stream, wanted }
        }
        ClientRequest::OnIceCandidate { endpoint_name, candidate } => {
            ClientCommand::AddCandidate { endpoint: endpoint_name, candidate }
        }
        ClientRequest::ReconnectStream { stream, sdp_string, sdp_offer } => {
            let sdp = sdp_string.map(RenewalSdp::Usual).or(sdp_offer.map(RenewalSdp::Offer));
            ClientCommand::RenewConnection { stream, sdp }
        }
        ClientRequest::SendMessage { message } => match Signal::parse(&message) {
            Ok(signal) => ClientCommand::Signal(self::signal(signal)),
            Err(fault) => rejected(fault.code, fault.message),
        },
        ClientRequest::StreamPropertyChanged { property, new_value, reason } => {
            let meaning = meaning(&property, &new_value);
            ClientCommand::ChangeStream(Box::new(StreamChange { property, new_value, reason, meaning }))
        }
        ClientRequest::ForceDisconnect { connection_id } => {
            ClientCommand::ForceDisconnect { connection: connection_id }
        }
        ClientRequest::ForceUnpublish { stream_id } => ClientCommand::ForceUnpublish { stream: stream_id },
        ClientRequest::VideoData => ClientCommand::Report,
        ClientRequest::Echo => ClientCommand::Echo,
        ClientRequest::ApplyFilter { stream_id, kind, options } => {
            filter(stream_id, FilterCommand::Apply { kind, options: filter_options(options) })
        }
        ClientRequest::ExecFilterMethod { stream_id, method, params } => {
            filter(stream_id, FilterCommand::Execute(FilterCall { method, params }))
        }
        ClientRequest::RemoveFilter { stream_id } => filter(stream_id, FilterCommand::Remove),
        ClientRequest::AddFilterEventListener { stream_id, event_type } => {
            filter(stream_id, FilterCommand::AddListener { event: event_type })
        }
        ClientRequest::RemoveFilterEventListener { stream_id, event_type } => {
            filter(stream_id, FilterCommand::RemoveListener { event: event_type })
        }
        ClientRequest::SubscribeToSpeechToText { connection_id, lang } => {
            ClientCommand::SubscribeToSpeech { connection: connection_id, language: lang }
        }
        ClientRequest::UnsubscribeFromSpeechToText { connection_id } => {
            ClientCommand::UnsubscribeFromSpeech { connection: connection_id }
        }
        ClientRequest::Unknown { method } => {
            rejected(ErrorCode::TransportResponse, format_args!("Method '{method}' does not exist"))
        }
    }
}

fn rejected(code: ErrorCode, text: impl std::fmt::Display) -> ClientCommand {
    ClientCommand::Rejected { rejection: rejection(&RpcError::new(code, text)), of_join: false }
}

fn rejection(error: &RpcError) -> Rejection {
    Rejection { code: error.code.number(), text: error.message.clone() }
}

fn join(request: JoinRoom) -> Join {
    let hidden = match request {
        JoinRoom { recorder: true, .. } => Some(HiddenClient::Recorder),
        JoinRoom { stt: true, .. } => Some(HiddenClient::SpeechToText),
        JoinRoom { recorder: false, stt: false, .. } => None,
    };
    Join {
        session: request.session,
        token: token::value(&request.token).to_owned(),
        token_as_sent: request.token,
        secret: request.secret,
        hidden,
        client_data: request.metadata,
        platform: request.platform,
        client_version: request.sdk_version,
    }
}

fn publish(request: PublishVideo) -> Publish {
    Publish {
        offer: request.sdp_offer,
        loopback: request.do_loopback,
        properties: StreamProperties {
            has_audio: request.has_audio,
            has_video: request.has_video,
            audio_active: request.audio_active,
            video_active: request.video_active,
            type_of_video: request.type_of_video,
            frame_rate: request.frame_rate,
            video_dimensions: request.video_dimensions,
        },
        filter: request.filter.map(|filter| match filter {
            Ok(protocol::rpc::PublishedFilter { kind, options }) => {
                PublishedFilter::Described(Filter { kind, options, last_call: None })
            }
            Err(why) => PublishedFilter::Unreadable(why.to_owned()),
        }),
    }
}

fn filter(stream: String, command: FilterCommand) -> ClientCommand {
    ClientCommand::Filter(Box::new(FilterRequest { stream, command }))
}

fn filter_options(text: Option<String>) -> Result<Value, UnusableOptions> {
    let text = text.ok_or(UnusableOptions::Missing)?;
    let options: Value = serde_json::from_str(&text).map_err(|error| UnusableOptions::Unreadable(error.to_string()))?;
    if options.is_object() { Ok(options) } else { Err(UnusableOptions::NoObject) }
}

fn signal(signal: Signal) -> ClientSignal {
    let reported_kind = signal.kind.as_deref().map(|kind| SignalSent::kind_from_client(kind).to_owned());
    ClientSignal { to: signal.to, kind: signal.kind, data: signal.data, reported_kind }
}

/// What a changed property means for those who join later. `value` is the JSON text of what the publisher sent.
fn meaning(property: &str, value: &str) -> Option<StreamChangeMeaning> {
    match property {
        "audioActive" => mute_state(value).map(StreamChangeMeaning::AudioActive),
        "videoActive" => mute_state(value).map(StreamChangeMeaning::VideoActive),
        "videoDimensions" => {
            let dimensions = serde_json::from_str::<String>(value).ok();
            // As when it publishes: it is told to everybody who joins.
            let is_short = |text: &String| text.len() <= PublishVideo::LONGEST_DESCRIPTION;
            dimensions.filter(is_short).map(StreamChangeMeaning::VideoDimensions)
        }
        _ => None,
    }
}

/// Clients 2.23 send the label of a new track under the name of the mute state: that is none.
fn mute_state(value: &str) -> Option<bool> {
    match value.trim() {
        "true" | "\"true\"" => Some(true),
        "false" | "\"false\"" => Some(false),
        _ => None,
    }
}
