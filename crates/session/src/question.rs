//! What may be asked about sessions without changing anything. Plain data like commands, each with the type of its answer,
//! so that another front door or another machine asks as REST does.

use protocol::id::SessionId;
use protocol::model::RecordingProperties;
use protocol::recording::RecordingView;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::caller::{CallerView, NoCaller, NoProspect, Prospect};
use crate::figures::MediaFigures;
use crate::registry::{Figures, NotFound};
use crate::snapshot::{ConnectionSnapshot, Include, SessionSnapshot};
use crate::{BroadcastRefusal, Registry, SpeechRefusal, StartRefusal};

/// Something that is answered at once.
pub trait Question: Serialize + DeserializeOwned + Send + 'static {
    /// What is answered.
    type Answer: Serialize + DeserializeOwned + Send + 'static;

    /// Looks it up.
    fn answer(self, registry: &Registry) -> Self::Answer;
}

/// One session, if there is such a one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FindSession {
    /// Session id.
    pub session: String,
    /// What of it.
    pub include: Include,
}

impl Question for FindSession {
    type Answer = Option<SessionSnapshot>;

    fn answer(self, registry: &Registry) -> Self::Answer {
        registry.session(&self.session, self.include)
    }
}

/// Which sessions there are, those in use first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ListSessions;

impl Question for ListSessions {
    type Answer = Vec<SessionId>;

    fn answer(self, registry: &Registry) -> Self::Answer {
        registry.session_ids()
    }
}

/// Several sessions, those of them that still are there. Not all at once if there are many: nothing else is done meanwhile.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FindSessions {
    /// Session ids.
    pub sessions: Vec<SessionId>,
    /// What of each.
    pub include: Include,
}

impl Question for FindSessions {
    type Answer = Vec<SessionSnapshot>;

    fn answer(self, registry: &Registry) -> Self::Answer {
        self.sessions.iter().filter_map(|id| registry.session(id.as_str(), self.include)).collect()
    }
}

/// One connection.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FindConnection {
    /// Session id.
    pub session: String,
    /// Connection id.
    pub connection: String,
}

impl Question for FindConnection {
    type Answer = Result<ConnectionSnapshot, NotFound>;

    fn answer(self, registry: &Registry) -> Self::Answer {
        registry.connection(&self.session, &self.connection)
    }
}

/// The connections of a session.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ListConnections {
    /// Session id.
    pub session: String,
    /// What of each.
    pub include: Include,
}

impl Question for ListConnections {
    type Answer = Result<Vec<ConnectionSnapshot>, NotFound>;

    fn answer(self, registry: &Registry) -> Self::Answer {
        registry.connections(&self.session, self.include)
    }
}

/// Whether a token was made here for a client that may still come, or is there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnowsToken {
    /// Session id.
    pub session: String,
    /// `tok_…`: a secret.
    pub token: String,
}

impl Question for KnowsToken {
    type Answer = bool;

    fn answer(self, registry: &Registry) -> Self::Answer {
        registry.knows_token(&self.session, &self.token)
    }
}

/// What a token opens that is not used yet. It is not used by this.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookIn {
    /// Session id.
    pub session: String,
    /// `tok_…`: a secret.
    pub token: String,
}

impl Question for LookIn {
    type Answer = Result<Prospect, NoProspect>;

    fn answer(self, registry: &Registry) -> Self::Answer {
        registry.prospect(&self.session, &self.token)
    }
}

/// Somebody without a socket who has joined.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindCaller {
    /// Session id.
    pub session: String,
    /// Connection id.
    pub connection: String,
    /// The token that it has come in with: a secret.
    pub token: String,
}

impl Question for FindCaller {
    type Answer = Result<CallerView, NoCaller>;

    fn answer(self, registry: &Registry) -> Self::Answer {
        registry.caller(&self.session, &self.connection, &self.token)
    }
}

/// How a session is recorded if nothing else is said; or why it cannot be recorded now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RecordingDefaults {
    /// Session id.
    pub session: String,
}

impl Question for RecordingDefaults {
    type Answer = Result<RecordingProperties, StartRefusal>;

    fn answer(self, registry: &Registry) -> Self::Answer {
        registry.recording_defaults(&self.session).cloned()
    }
}

/// Whether recordings can have such subtitles.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CheckSubtitles {
    /// What recordings shall be like.
    pub properties: RecordingProperties,
}

impl Question for CheckSubtitles {
    type Answer = Result<(), SpeechRefusal>;

    fn answer(self, registry: &Registry) -> Self::Answer {
        registry.check_subtitles(&self.properties)
    }
}

/// Whether a broadcast of a session may start now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MayBroadcast {
    /// Session id.
    pub session: String,
}

impl Question for MayBroadcast {
    type Answer = Result<(), BroadcastRefusal>;

    fn answer(self, registry: &Registry) -> Self::Answer {
        registry.may_broadcast(&self.session)
    }
}

/// A recording that is starting, running or being processed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FindRecording {
    /// Recording id.
    pub recording: String,
}

impl Question for FindRecording {
    type Answer = Option<RecordingView>;

    fn answer(self, registry: &Registry) -> Self::Answer {
        registry.recording(&self.recording)
    }
}

/// All of those.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ListRecordings;

impl Question for ListRecordings {
    type Answer = Vec<RecordingView>;

    fn answer(self, registry: &Registry) -> Self::Answer {
        registry.recordings()
    }
}

/// How busy the server is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DescribeLoad {
    /// With the sessions in use.
    pub sessions: bool,
    /// With the recordings.
    pub recordings: bool,
    /// With the broadcasts.
    pub broadcasts: bool,
}

/// How much there is of everything, and what was asked for besides.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Load {
    /// How much.
    pub figures: Figures,
    /// Sessions in use.
    pub sessions: Option<Vec<SessionSnapshot>>,
    /// Recordings that are starting, running or being processed.
    pub recordings: Option<Vec<RecordingView>>,
    /// Sessions that are being broadcast.
    pub broadcasts: Option<Vec<SessionId>>,
}

impl Question for DescribeLoad {
    type Answer = Load;

    fn answer(self, registry: &Registry) -> Self::Answer {
        Load {
            figures: registry.figures(),
            sessions: self.sessions.then(|| registry.sessions_in_use()),
            recordings: self.recordings.then(|| registry.recordings()),
            broadcasts: self.broadcasts.then(|| registry.broadcasts()),
        }
    }
}

/// How much there is of everything and of what people do, for metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TakeCensus;

/// The answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Census {
    /// Of what a registry holds.
    pub figures: Figures,
    /// Of what people do.
    pub media: MediaFigures,
}

impl Question for TakeCensus {
    type Answer = Census;

    fn answer(self, registry: &Registry) -> Self::Answer {
        Census { figures: registry.figures(), media: registry.media_figures() }
    }
}
