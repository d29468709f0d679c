//! The life of a request: queueing, who may ask at all, and the way to the rule that answers it. Each gets exactly one
//! answer; those of one RPC session are worked off one after the other, in the order of their arrival.

use protocol::error::ErrorCode;
use protocol::rpc::{ClientReply, ClientRequest, InvalidParams, RpcError, SubscribeSdp};

use crate::client::{Origin, Place, QUEUED_REQUESTS, QueuedRequest, Seat};
use crate::id::ClientId;
use crate::{Registry, SocketId, Time};

/// How a rule answers.
pub(crate) enum Answer {
    /// With this, now.
    Reply(ClientReply),
    /// It has answered already, because something had to follow the answer.
    Given,
    /// Once the media worker has reported.
    Later,
}

/// What a rule decides.
pub(crate) type Answered = Result<Answer, RpcError>;

/// `{}`.
pub(crate) const DONE: Answered = Ok(Answer::Reply(ClientReply::Empty {}));

/// An error of a rule.
pub(crate) fn refuse(code: ErrorCode, text: impl std::fmt::Display) -> Answered {
    Err(RpcError::new(code, text))
}

impl Registry {
    pub(crate) fn take_request(
        &mut self,
        socket: SocketId,
        request: i64,
        content: Result<ClientRequest, InvalidParams>,
        now: Time,
    ) {
        let Some(client) = self.clients.of_socket(socket, &mut self.ids) else {
            tracing::debug!(?socket, "request on a socket that is closed");
            return;
        };
        let origin = Origin { client, socket, request };
        let Some(entry) = self.clients.get_mut(client) else { return };
        // An echo asks whether the server is alive, and has 3 s for the answer.
        if entry.waiting.is_none() || matches!(content, Ok(ClientRequest::Echo)) {
            self.perform(origin, content, now);
        } else if entry.requests.len() < QUEUED_REQUESTS {
            entry.requests.push_back(QueuedRequest { origin, content });
        } else {
            let error = RpcError::new(ErrorCode::TransportResponse, "Too many requests are waiting to be processed");
            self.clients.reply(origin, Err(error));
        }
    }

    /// Goes on after a request that waited for media was answered.
    pub(crate) fn run_queued(&mut self, client: ClientId, now: Time) {
        while let Some(entry) = self.clients.get_mut(client)
            && entry.waiting.is_none()
            && let Some(QueuedRequest { origin, content }) = entry.requests.pop_front()
        {
            self.perform(origin, content, now);
        }
    }

    fn perform(&mut self, origin: Origin, content: Result<ClientRequest, InvalidParams>, now: Time) {
        let Some(client) = self.clients.get(origin.client) else { return };
        let answered = match client.place.clone() {
            Place::Outside => self.answer_outside(origin, content, now),
            Place::Inside(seat) => match content {
                Ok(request) => self.answer_inside(origin, &seat, request, now),
                Err(fault) => refuse(ErrorCode::Internal, fault),
            },
            Place::Gone { session, connection } => match content {
                Ok(ClientRequest::Echo) => DONE,
                _ => refuse(
                    ErrorCode::UserNotFound,
                    format_args!("User '{connection}' not found in session '{session}'"),
                ),
            },
        };
        match answered {
            Ok(Answer::Reply(reply)) => self.clients.reply(origin, Ok(reply)),
            Ok(Answer::Given | Answer::Later) => {}
            Err(error) => {
                tracing::debug!(code = error.code.number(), "request refused");
                self.clients.reply(origin, Err(error));
            }
        }
    }

    /// Before joinRoom nothing else is allowed, not even with wrong parameters.
    fn answer_outside(&mut self, origin: Origin, content: Result<ClientRequest, InvalidParams>, now: Time) -> Answered {
        match content {
            Ok(ClientRequest::JoinRoom(request)) => self.join(origin, *request, now),
            Err(fault) if fault.method == "joinRoom" => refuse(ErrorCode::Internal, fault),
            _ => {
                let private_id = self.clients.get(origin.client).map_or("", |client| &client.rpc_session);
                refuse(
                    ErrorCode::Transport,
                    format_args!(
                        "No connection found for participant with privateId {private_id}. Method 'Session.connect()' must be the first operation called in any session"
                    ),
                )
            }
        }
    }

    fn answer_inside(&mut self, origin: Origin, seat: &Seat, request: ClientRequest, now: Time) -> Answered {
        if needs_media(&request) && !self.clients.is_current(origin) {
            // It waited until its socket was gone: nobody would ever learn of the media.
            return Ok(Answer::Given);
        }
        match request {
            ClientRequest::JoinRoom(_) => {
                refuse(ErrorCode::TransportResponse, "Unable to join session. This client has joined one already")
            }
            ClientRequest::LeaveRoom => self.leave_room(origin, seat, now),
            ClientRequest::PublishVideo(request) => self.publish(origin, seat, request, now),
            ClientRequest::UnpublishVideo => self.unpublish(seat, now),
            // Whether it says `reconnect` or not: an existing subscription is replaced.
            ClientRequest::PrepareReceiveVideoFrom { sender, reconnect: _ } => {
                self.prepare_subscription(origin, seat, &sender, now)
            }
            ClientRequest::ReceiveVideoFrom { sender, sdp } => match sdp {
                Some(SubscribeSdp::Offer(offer)) => self.subscribe_with_offer(origin, seat, &sender, offer, now),
                Some(SubscribeSdp::Answer(answer)) => self.accept_answer(origin, seat, &sender, answer, now),
                None => refuse(
                    ErrorCode::Internal,
                    "Parameter 'sdpOffer' or 'sdpAnswer' of method 'receiveVideoFrom' is missing",
                ),
            },
            ClientRequest::UnsubscribeFromVideo { sender } => self.unsubscribe(seat, &sender, now),
            ClientRequest::OnIceCandidate { endpoint_name, candidate } => {
                self.take_candidate(seat, &endpoint_name, candidate);
                DONE
            }
            ClientRequest::ReconnectStream { stream, sdp_string, sdp_offer } => {
                self.reconnect_stream(origin, seat, &stream, sdp_string, sdp_offer, now)
            }
            ClientRequest::SendMessage { message } => self.send_message(seat, &message, now),
            ClientRequest::StreamPropertyChanged { property, new_value, reason } => {
                self.change_stream_property(seat, property, new_value, reason)
            }
            ClientRequest::ForceDisconnect { connection_id } => {
                self.force_disconnect(origin, seat, &connection_id, now)
            }
            ClientRequest::ForceUnpublish { stream_id } => self.force_unpublish(origin, seat, &stream_id, now),
            ClientRequest::VideoData | ClientRequest::Echo => DONE,
            ClientRequest::Filter { method, stream_id } => self.filter(seat, method, &stream_id),
            ClientRequest::SpeechToText => {
                refuse(ErrorCode::WrongEdition, "Speech To Text requires OpenVidu Pro/Enterprise edition")
            }
            ClientRequest::Unknown { method } => {
                refuse(ErrorCode::TransportResponse, format_args!("Method '{method}' does not exist"))
            }
        }
    }
}

fn needs_media(request: &ClientRequest) -> bool {
    matches!(
        request,
        ClientRequest::PublishVideo(_)
            | ClientRequest::PrepareReceiveVideoFrom { .. }
            | ClientRequest::ReceiveVideoFrom { .. }
            | ClientRequest::ReconnectStream { .. }
    )
}
