//! What an application asks a server for: rooms, and what lets participants in. Who has none of that is asked for nothing.

use client::ServerAddress;

use crate::LoadTestError;
use crate::janus::rooms::Rooms;
use crate::livekit::token::{Grant, access_token};
use crate::openvidu::application::Application as OpenviduApplication;
use crate::target::Credentials;

/// See the module.
pub(crate) enum Application<'a> {
    Openvidu(OpenviduApplication),
    Janus(Rooms<'a>),
    /// A room is there as soon as somebody joins.
    Livekit {
        key: String,
        secret: String,
    },
    Mediasoup,
}

impl<'a> Application<'a> {
    pub(crate) fn new(server: &'a ServerAddress, credentials: &Credentials) -> Self {
        match credentials {
            Credentials::Openvidu { secret } => Self::Openvidu(OpenviduApplication::new(server, secret)),
            Credentials::Janus => Self::Janus(Rooms::new(server)),
            Credentials::Livekit { key, secret } => Self::Livekit { key: key.clone(), secret: secret.clone() },
            Credentials::Mediasoup => Self::Mediasoup,
        }
    }

    pub(crate) async fn create_session(&mut self, name: &str) -> Result<(), LoadTestError> {
        match self {
            Self::Openvidu(application) => application.create_session(name).await,
            Self::Janus(rooms) => rooms.create(name).await,
            Self::Livekit { .. } | Self::Mediasoup => Ok(()),
        }
    }

    /// What one participant has to show; empty if nothing.
    pub(crate) async fn create_token(&mut self, session: &str, publishes: bool) -> Result<String, LoadTestError> {
        match self {
            Self::Openvidu(application) => {
                application.create_token(session, if publishes { "PUBLISHER" } else { "SUBSCRIBER" }).await
            }
            Self::Livekit { key, secret } => Ok(access_token(key, secret, &Grant::new(session, publishes))),
            Self::Janus(_) | Self::Mediasoup => Ok(String::new()),
        }
    }

    /// Whoever is still there is put out, where a server does that.
    pub(crate) async fn close_session(&mut self, name: &str) -> Result<(), LoadTestError> {
        match self {
            Self::Openvidu(application) => application.close_session(name).await,
            Self::Janus(rooms) => rooms.destroy(name).await,
            // They go with their last participant.
            Self::Livekit { .. } | Self::Mediasoup => Ok(()),
        }
    }
}
