//! Which server is tested: where it is, what it speaks, and what proves that we may ask it.

use std::fmt;

use clap::ValueEnum;

use crate::LoadTestError;

/// See the module.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// `http://` or `https://` (or `ws://`, `wss://`), and a host.
    pub url: String,
    pub credentials: Credentials,
}

/// By protocol, what a server of that kind asks of an application.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Its `OPENVIDU_SECRET`.
    Openvidu { secret: String },
    /// A `VideoRoom` without secrets.
    Janus,
    /// One of its `keys`, and the secret of that key.
    Livekit { key: String, secret: String },
    /// The application in `bench/peers/mediasoup` asks for nothing.
    Mediasoup,
}

/// What a server speaks.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Protocol {
    /// OpenVidu 2: REST and JSON-RPC; Madang
    #[default]
    Openvidu,
    /// Janus' VideoRoom plugin over a WebSocket
    Janus,
    /// LiveKit's signalling; its key is taken from LIVEKIT_API_KEY, LIVEKIT_API_SECRET
    Livekit,
    /// mediasoup behind the small application in bench/peers
    Mediasoup,
}

impl Protocol {
    /// What a session is called, of the test `tag`: so that two tests of one server do not meet.
    pub(crate) fn session_name(self, tag: u32, room: u32) -> String {
        match self {
            // It numbers its rooms.
            Self::Janus => (u64::from(tag) << 20 | u64::from(room)).to_string(),
            Self::Openvidu | Self::Livekit | Self::Mediasoup => format!("load-test-{tag:08x}-{room}"),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Openvidu => "openvidu",
            Self::Janus => "janus",
            Self::Livekit => "livekit",
            Self::Mediasoup => "mediasoup",
        })
    }
}

impl Credentials {
    /// Of the environment, so that nothing secret stands on a command line.
    ///
    /// # Errors
    /// A variable is missing: which, and what it must hold.
    pub fn from_environment(protocol: Protocol) -> Result<Self, LoadTestError> {
        let variable = |name: &str, meaning: &str| match std::env::var(name) {
            Ok(value) if !value.is_empty() => Ok(value),
            _ => Err(LoadTestError::Options(format!("{name} must be set to {meaning}"))),
        };
        Ok(match protocol {
            Protocol::Openvidu => {
                Self::Openvidu { secret: variable("OPENVIDU_SECRET", "the secret of the server at --url")? }
            }
            Protocol::Janus => Self::Janus,
            Protocol::Livekit => Self::Livekit {
                key: variable("LIVEKIT_API_KEY", "one of the keys of the server at --url")?,
                secret: variable("LIVEKIT_API_SECRET", "the secret of that key")?,
            },
            Protocol::Mediasoup => Self::Mediasoup,
        })
    }

    pub fn protocol(&self) -> Protocol {
        match self {
            Self::Openvidu { .. } => Protocol::Openvidu,
            Self::Janus => Protocol::Janus,
            Self::Livekit { .. } => Protocol::Livekit,
            Self::Mediasoup => Protocol::Mediasoup,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_of_one_test_have_names_of_their_own_which_the_server_can_read() {
        for (protocol, name) in [
            (Protocol::Openvidu, "load-test-0000000a-2"),
            (Protocol::Livekit, "load-test-0000000a-2"),
            (Protocol::Janus, "10485762"),
        ] {
            assert_eq!(protocol.session_name(10, 2), name);
            assert_ne!(protocol.session_name(10, 2), protocol.session_name(10, 3));
            assert_ne!(protocol.session_name(10, 2), protocol.session_name(11, 2));
        }
        // Numbers in JSON are exact up to 2^53.
        assert!(Protocol::Janus.session_name(u32::MAX, 999_999).parse::<u64>().unwrap() < 1 << 53);
    }
}
