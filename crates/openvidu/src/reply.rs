//! What answers a client's request.

use protocol::model::{IceServer, MediaServer};
use protocol::rpc::{
    ClientReply, EmptyObject, Joined, JoinedRecording, LegacyTurn, RemoteParticipant, RpcError, StreamDescription,
    error_frame, reply_frame,
};
use session::reply::{self, ParticipantData};
use session::{ClientHandle, Refusal, Reply};

use crate::{refusal, version};

/// Where TURN listens unless its URI says otherwise.
const TURN_PORT: u16 = 3478;

/// What the deployment tells clients of itself.
#[derive(Clone, Debug)]
pub struct Dialect {
    /// Whose way of negotiating joinRoom announces.
    pub media_server: MediaServer,
    /// Whether publishers send simulcast unless they say otherwise (only with mediasoup).
    pub video_simulcast: bool,
    /// Version told to clients that do not name a 2.20 … 2.32 one themselves.
    pub compatible_version: String,
}

impl Dialect {
    /// The frame that answers the request with this JSON-RPC id.
    pub fn frame(&self, request: i64, client: Option<&ClientHandle>, result: &Result<Reply, Refusal>) -> String {
        match self.answer(result) {
            Ok(reply) => reply_frame(request, client.map_or("", ClientHandle::as_str), &reply),
            Err(error) => error_frame(request, &error),
        }
    }

    /// The same before it is written.
    pub fn answer(&self, result: &Result<Reply, Refusal>) -> Result<ClientReply, RpcError> {
        match result {
            Ok(reply) => Ok(self.reply(reply)),
            Err(refusal) => Err(refusal::error(refusal)),
        }
    }

    fn reply(&self, reply: &Reply) -> ClientReply {
        match reply {
            // The last ones are answered by HTTP: applications', and those of clients without a socket.
            Reply::Done
            | Reply::Session(_)
            | Reply::Connection(_)
            | Reply::Recording(_)
            | Reply::IceRestarted { .. } => ClientReply::Empty {},
            Reply::Joined(joined) => ClientReply::Joined(Box::new(self.joined((**joined).clone()))),
            Reply::Published { answer, stream, created_at } => ClientReply::Published {
                sdp_answer: answer.clone(),
                id: stream.clone(),
                created_at: created_at.as_millis(),
            },
            Reply::Offer { offer } => ClientReply::Offer { sdp_offer: offer.clone() },
            Reply::Answer { answer } => ClientReply::Answer { sdp_answer: answer.clone() },
            Reply::Resumed => ClientReply::Value { value: "reconnection successful" },
            Reply::Greeted => ClientReply::Value { value: "OK" },
        }
    }

    fn joined(&self, joined: reply::Joined) -> Joined {
        let version = version::answered(joined.client_version.as_deref(), &self.compatible_version).to_owned();
        Joined {
            id: joined.connection,
            final_user_id: joined.user_id,
            created_at: joined.joined_at.as_millis(),
            metadata: metadata(&joined.data),
            value: joined.others.into_iter().map(remote_participant).collect(),
            session: joined.session,
            version,
            media_server: self.media_server.as_str(),
            video_simulcast: self.video_simulcast && self.media_server == MediaServer::Mediasoup,
            record: joined.record,
            role: joined.role,
            recording: joined
                .recording
                .map(|recording| JoinedRecording { recording_id: recording.id, recording_name: recording.name }),
            // Clients before 2.21 read nothing else, and contact third parties without it.
            turn: joined.relay.and_then(legacy_turn),
            custom_ice_servers: joined.ice_servers,
        }
    }
}

fn remote_participant(participant: reply::ParticipantDescription) -> RemoteParticipant {
    RemoteParticipant {
        id: participant.connection,
        created_at: participant.joined_at.as_millis(),
        metadata: metadata(&participant.data),
        stream: participant.stream.map(stream_description),
    }
}

pub(crate) fn stream_description(stream: reply::StreamDescription) -> StreamDescription {
    let reply::StreamDescription { id, created_at, properties } = stream;
    StreamDescription {
        id,
        created_at: created_at.as_millis(),
        has_audio: properties.has_audio,
        has_video: properties.has_video,
        audio_active: properties.audio_active,
        video_active: properties.video_active,
        type_of_video: properties.type_of_video,
        frame_rate: properties.frame_rate,
        video_dimensions: properties.video_dimensions,
        filter: EmptyObject,
    }
}

/// What others see of a participant's data: the client's part, the application's part, or both.
pub(crate) fn metadata(data: &ParticipantData) -> String {
    match (data.client.as_str(), data.server.as_str()) {
        ("", server) => server.to_owned(),
        (client, "") => client.to_owned(),
        (client, server) => format!("{client}%/%{server}"),
    }
}

/// The TURN server as clients up to 2.22 want it.
fn legacy_turn(server: IceServer) -> Option<LegacyTurn> {
    let rest = server.url.strip_prefix("turn:").or_else(|| server.url.strip_prefix("turns:"))?;
    let address = rest.split('?').next().unwrap_or(rest);
    let port_start = address.rfind(':').filter(|at| !address[*at..].contains(']'));
    let (host, port) = match port_start {
        Some(at) => (&address[..at], address[at + 1..].parse().unwrap_or(TURN_PORT)),
        None => (address, TURN_PORT),
    };
    Some(LegacyTurn {
        coturn_ip: host.to_owned(),
        coturn_port: port,
        turn_username: server.username?,
        turn_credential: server.credential?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_joins_what_is_there() {
        let joined = |client: &str, server: &str| {
            metadata(&ParticipantData { client: client.to_owned(), server: server.to_owned() })
        };
        assert_eq!(joined("", ""), "");
        assert_eq!(joined("a", ""), "a");
        assert_eq!(joined("", "b"), "b");
        assert_eq!(joined("a", "b"), "a%/%b");
    }

    fn server(url: &str) -> IceServer {
        IceServer { url: url.to_owned(), username: Some("u".to_owned()), credential: Some("c".to_owned()) }
    }

    #[test]
    fn the_four_turn_fields_are_read_off_the_uri() {
        let turn = |url: &str| legacy_turn(server(url)).map(|turn| (turn.coturn_ip, turn.coturn_port));
        assert_eq!(turn("turn:203.0.113.5:3479?transport=tcp"), Some(("203.0.113.5".to_owned(), 3479)));
        assert_eq!(turn("turns:example.com"), Some(("example.com".to_owned(), TURN_PORT)));
        assert_eq!(turn("turn:[2001:db8::1]:443"), Some(("[2001:db8::1]".to_owned(), 443)));
        assert_eq!(turn("turn:[2001:db8::1]"), Some(("[2001:db8::1]".to_owned(), TURN_PORT)));
        assert_eq!(turn("stun:example.com"), None);
    }
}
