//! A connection's two states: pending (somebody may come with its token) and active (somebody is there).

use std::collections::BTreeMap;

use protocol::id::{ConnectionId, RecordingKey, RouterId};
use protocol::media::Selection;
use protocol::model::ConnectionProperties;

use crate::Time;
use crate::absence::LapsedStream;
use crate::camera::Camera;
use crate::candidate::EarlyCandidates;
use crate::command::HiddenClient;
use crate::id::{ClientId, ParticipantId};
use crate::peer_connection::PeerConnection;
use crate::quality::Quality;
use crate::reply::{ParticipantData, ParticipantDescription};
use crate::snapshot::Token;
use crate::stream::Stream;
use crate::subscription::Subscription;
use crate::voice::Voice;

/// Made by the application; its token is unused.
#[derive(Debug)]
pub(crate) struct PendingConnection {
    pub(crate) connection: ConnectionId,
    pub(crate) created_at: Time,
    pub(crate) properties: ConnectionProperties,
    pub(crate) token: Token,
}

/// A connection whose client has joined.
#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) client: ClientId,
    pub(crate) connection: ConnectionId,
    pub(crate) access: Access,
    pub(crate) created_at: Time,
    pub(crate) active_at: Time,
    pub(crate) ip: String,
    pub(crate) platform: String,
    /// What others see.
    pub(crate) data: ParticipantData,
    pub(crate) stream: Option<Stream>,
    /// What it published when it was put out for having no socket: it keeps its id when it comes again.
    pub(crate) lapsed: Option<LapsedStream>,
    /// By publisher.
    pub(crate) subscriptions: BTreeMap<ParticipantId, Subscription>,
    pub(crate) early_candidates: EarlyCandidates,
    pub(crate) voice: Voice,
    /// The room where its peer connections are, all of them.
    pub(crate) room: RouterId,
    /// Of its network.
    pub(crate) quality: Quality,
    /// What the media worker was told that it wants.
    pub(crate) selection: Selection,
}

/// What let a participant in.
#[derive(Clone, Debug)]
pub(crate) enum Access {
    /// A token, with everything that its connection was given.
    Token {
        properties: ConnectionProperties,
        /// Consumed; it is shown all the same.
        token: Token,
    },
    /// The deployment's secret.
    Secret(Insider),
    /// What the page of this recording was given: it sees everybody, is seen by nobody, and does nothing else.
    Page(RecordingKey),
    /// A pass of the operator's: it sees everybody, is seen by nobody, and does nothing else.
    Viewer,
    /// Nothing: the application has put it there, and it has no client.
    Camera(Box<Camera>),
}

/// Who joined by secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Insider {
    /// Seen by nobody.
    Hidden(HiddenClient),
    /// A dashboard or the like. It gets a token of its own, to be shown.
    Visible { token: Token },
}

impl Participant {
    /// Somebody who has only just come, and of whom nothing is known.
    pub(crate) fn new(
        client: ClientId,
        connection: ConnectionId,
        access: Access,
        room: RouterId,
        created_at: Time,
        now: Time,
    ) -> Self {
        Self {
            client,
            connection,
            access,
            created_at,
            active_at: now,
            ip: String::new(),
            platform: String::new(),
            data: ParticipantData { client: String::new(), server: String::new() },
            stream: None,
            lapsed: None,
            subscriptions: BTreeMap::new(),
            early_candidates: EarlyCandidates::default(),
            voice: Voice::default(),
            room,
            quality: Quality::default(),
            selection: Selection::default(),
        }
    }

    /// Hidden participants see everybody and are seen by nobody; they keep no session open.
    pub(crate) fn is_hidden(&self) -> bool {
        matches!(self.access, Access::Secret(Insider::Hidden(_)) | Access::Page(_) | Access::Viewer)
    }

    /// The recorder's page does not close its own socket.
    pub(crate) fn is_recorder(&self) -> bool {
        matches!(self.access, Access::Secret(Insider::Hidden(HiddenClient::Recorder)) | Access::Page(_))
    }

    /// The one by which it receives of `publisher`, or without one its own stream's.
    pub(crate) fn peer_connection_mut(&mut self, publisher: Option<ParticipantId>) -> Option<&mut PeerConnection> {
        match publisher {
            Some(publisher) => {
                self.subscriptions.get_mut(&publisher).map(|subscription| &mut subscription.peer_connection)
            }
            None => self.stream.as_mut().map(|stream| &mut stream.peer_connection),
        }
    }

    /// All of them, its own stream's first.
    pub(crate) fn peer_connections(&self) -> impl Iterator<Item = &PeerConnection> {
        let own = self.stream.as_ref().map(|stream| &stream.peer_connection);
        own.into_iter().chain(self.subscriptions.values().map(|subscription| &subscription.peer_connection))
    }

    /// As newcomers learn of it.
    pub(crate) fn describe(&self) -> ParticipantDescription {
        ParticipantDescription {
            connection: self.connection.clone(),
            joined_at: self.active_at,
            data: self.data.clone(),
            stream: self.stream.as_ref().map(|stream| stream.description.clone()),
        }
    }
}

/// How connection ids of cameras begin.
pub(crate) const CAMERA: &str = "ipc_IPCAM_";

/// The connection id at the end of a stream id: all that counts in it when subscribing.
pub fn owner_in(stream: &str) -> Option<&str> {
    // What a camera is called may contain anything.
    let start = stream.find(CAMERA).or_else(|| stream.rfind("con_"))?;
    Some(&stream[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_read_off_the_end_of_a_stream_id() {
        assert_eq!(owner_in("str_CAM_Kd8s_con_Bq81LmN0ty"), Some("con_Bq81LmN0ty"));
        assert_eq!(owner_in("str_con_Ab1c_con_Bq81LmN0ty"), Some("con_Bq81LmN0ty"));
        assert_eq!(owner_in("con_Bq81LmN0ty"), Some("con_Bq81LmN0ty"));
        let camera = "ipc_IPCAM_rtsp_AB12_con_1_ipc_2";
        assert_eq!(owner_in(&format!("str_IPC_Ab1c_{camera}")), Some(camera));
        assert_eq!(owner_in("str_ipc_Ab1c_con_Bq81LmN0ty"), Some("con_Bq81LmN0ty"));
        assert_eq!(owner_in("garbage"), None);
    }
}
