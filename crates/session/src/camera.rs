//! IP cameras: participants without a client, whose stream is pulled by a job. They are announced at once, before anything is known
//! of the camera, and stay whatever becomes of it, until an application or a moderator puts them out.
//!
//! What a camera sends is known late, or never. Who subscribes waits until then, but not for long: then the stream is said to be VP8,
//! and the job makes it so.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use protocol::event::{CameraStateChanged, CameraStatus, Event};
use protocol::id::{ConnectionId, JobId, PublicationId, RouterId};
use protocol::job::{CameraSpec, FromJob, JobEnd, JobNews};
use protocol::media::{LocalFormats, MediaOperation, OutputVideo, VideoCodec};
use protocol::model::ForcedVideoCodec;
use serde::{Deserialize, Serialize};

use crate::client::{Origin, Seat};
use crate::command::{CameraProperties, StreamProperties};
use crate::connection::{Access, Participant};
use crate::context::Context;
use crate::event::Announced;
use crate::id::ParticipantId;
use crate::peer_connection::PeerConnection;
use crate::pull::Joined;
use crate::registry::NotFound;
use crate::reply::{ParticipantData, StreamDescription};
use crate::session::Session;
use crate::stream::{self, Stream};
use crate::timer::Timer;
use crate::{Notification, Registry, Time};

/// What a camera runs on.
const PLATFORM: &str = "IPCAM";
/// How long subscribers wait for it to say what it sends: well below the time that a media worker has for a request.
const DESCRIPTION: Duration = Duration::from_secs(3);
/// Until a job that could not be is tried again.
const ANOTHER_JOB: Duration = Duration::from_secs(60);
/// How many changes of state are remembered.
const REMEMBERED_CHANGES: usize = 32;

/// Cameras by what they publish.
pub(crate) type Cameras = HashMap<PublicationId, Seat>;

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct Camera {
    pub(crate) properties: CameraProperties,
    /// What pulls it now: it may pull it for other sessions, too (`pull`).
    job: Option<JobId>,
    /// What subscribers were told that it sends.
    formats: Option<LocalFormats>,
    pub(crate) changes: VecDeque<CameraChange>,
}

/// What became of a camera, and when.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CameraChange {
    /// When.
    pub at: Time,
    /// Into which state.
    pub state: CameraState,
}

/// How a camera is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CameraState {
    /// Nobody wants it, and so it is not pulled.
    Idle,
    /// It has been asked for its stream.
    Connecting,
    /// It has said what it sends.
    Playing,
    /// It does not play, and is tried again.
    Interrupted {
        /// For who looks after it.
        why: String,
    },
    /// It cannot be pulled at present.
    Failed {
        /// For who looks after it.
        why: String,
    },
}

impl CameraState {
    /// What it becomes by what is told of the job that pulls it, if anything does.
    pub(crate) fn after(news: &JobNews) -> Option<Self> {
        match news {
            JobNews::Said(FromJob::Ready { .. }) => Some(Self::Playing),
            JobNews::Said(FromJob::Interrupted { why }) | JobNews::Restarting { why } => {
                Some(Self::Interrupted { why: why.clone() })
            }
            JobNews::Said(_) => None,
            JobNews::Ended(end) => Some(Self::Failed { why: end.to_string() }),
        }
    }

    /// As applications are told, with the reason if there is one.
    pub fn described(&self) -> (CameraStatus, Option<&str>) {
        match self {
            Self::Idle => (CameraStatus::Stop, None),
            Self::Connecting => (CameraStatus::Connecting, None),
            Self::Playing => (CameraStatus::Start, None),
            Self::Interrupted { why } | Self::Failed { why } => (CameraStatus::Interrupted, Some(why)),
        }
    }
}

impl Camera {
    fn state(&self) -> &CameraState {
        self.changes.back().map_or(&CameraState::Idle, |change| &change.state)
    }

    /// Whether that is news.
    fn enter(&mut self, state: CameraState, now: Time) -> bool {
        if *self.state() == state {
            return false;
        }
        if self.changes.len() == REMEMBERED_CHANGES {
            self.changes.pop_front();
        }
        self.changes.push_back(CameraChange { at: now, state });
        true
    }

    fn codec(&self) -> Option<VideoCodec> {
        self.formats.as_ref()?.video.as_ref().map(|video| video.codec)
    }
}

impl Registry {
    /// Lets a camera join and publish. Nothing is known of it then but its address.
    pub fn connect_camera(
        &mut self,
        session: &str,
        camera: CameraProperties,
        now: Time,
    ) -> Result<ConnectionId, NotFound> {
        let room = self.place(session).ok_or(NotFound::Session)?;
        let entry = self.sessions.get_mut(session).ok_or(NotFound::Session)?;
        let connection = entry.connect_camera(camera, room, &mut self.cx, now);
        self.settle(now);
        Ok(connection)
    }

    /// The job that pulls a camera reports.
    pub(crate) fn take_from_camera(&mut self, publication: PublicationId, news: &JobNews, now: Time) {
        if let Some((session, who, cx)) = self.camera(publication) {
            session.take_from_camera(who, publication, news, cx, now);
        }
    }

    /// Somebody wants a camera's stream now, or nobody any more.
    pub(crate) fn camera_demand_changed(&mut self, publication: PublicationId, now: Time) {
        if let Some((session, who, cx)) = self.camera(publication) {
            session.camera_demand_changed(who, publication, cx, now);
        }
    }

    /// A camera has not said in time what it sends.
    pub(crate) fn settle_camera(&mut self, publication: PublicationId) {
        if let Some((session, who, cx)) = self.camera(publication) {
            let pulled =
                session.camera_mut(who).and_then(|(camera, _)| camera.job).and_then(|job| cx.pulled_codec(job));
            let forced = match session.properties.forced_video_codec {
                ForcedVideoCodec::H264 => VideoCodec::H264,
                _ => VideoCodec::Vp8,
            };
            let codec = pulled.unwrap_or(forced);
            session.describe_camera(who, publication, OutputVideo::encoded(codec), cx);
        }
    }

    /// The last job has failed some time ago.
    pub(crate) fn pull_camera_again(&mut self, publication: PublicationId, now: Time) {
        if let Some((session, who, cx)) = self.camera(publication) {
            session.pull_camera(who, publication, cx, now);
        }
    }

    fn camera(&mut self, publication: PublicationId) -> Option<(&mut Session, ParticipantId, &mut Context)> {
        let Seat { session, participant } = self.cx.cameras.get(&publication)?.clone();
        Some((self.sessions.get_mut(&session)?, participant, &mut self.cx))
    }
}

impl Session {
    fn connect_camera(
        &mut self,
        properties: CameraProperties,
        room: RouterId,
        cx: &mut Context,
        now: Time,
    ) -> ConnectionId {
        let connection = loop {
            let connection = cx.ids.camera(&properties.uri);
            if !self.knows(connection.as_str()) {
                break connection;
            }
        };
        let data = ParticipantData { client: String::new(), server: properties.data.clone() };
        let ip = properties.ip.clone().unwrap_or_default();
        let camera = Camera { properties, job: None, formats: None, changes: VecDeque::new() };
        let access = Access::Camera(Box::new(camera));
        // Nobody has this client: what it is told goes nowhere.
        let client = cx.ids.client();
        let participant = Participant {
            ip,
            platform: PLATFORM.to_owned(),
            data: data.clone(),
            ..Participant::new(client, connection.clone(), access, room, now, now)
        };
        let origin = Origin { client: participant.client, asker: None };
        self.emit_joined(&participant, cx, now);
        let joined = Notification::ParticipantJoined { connection: connection.clone(), joined_at: now, data };
        self.broadcast(None, joined, cx);
        let who = self.take_seat(origin, participant, cx);
        self.publish_camera(who, &connection, room, cx, now);
        connection
    }

    fn publish_camera(
        &mut self,
        who: ParticipantId,
        connection: &ConnectionId,
        room: RouterId,
        cx: &mut Context,
        now: Time,
    ) {
        let seat = self.seat(who);
        let Some(own) = self.participant_mut(who) else { return };
        let Access::Camera(camera) = &own.access else { return };
        let properties = StreamProperties {
            has_audio: true,
            has_video: true,
            audio_active: Some(true),
            video_active: Some(true),
            type_of_video: Some(PLATFORM.to_owned()),
            frame_rate: None,
            video_dimensions: None,
        };
        let id = cx.ids.stream(&stream::kind(&properties), connection);
        let description = StreamDescription { id, created_at: now, properties, filter: None };
        let announced = Announced::pulled(connection, &description, &camera.properties, now);
        let publication = cx.ids.publication();
        let stream = Stream {
            description: description.clone(),
            publication,
            loopback: false,
            transcodings: vec![],
            filter: None,
            // There is none: no media worker has ever heard of this one.
            peer_connection: PeerConnection::new(cx.ids.transport(), "".into(), "".into()),
            announced: announced.clone(),
        };
        own.stream = Some(stream);
        cx.cameras.insert(publication, seat);
        cx.effects.demand.watch(publication, room);
        cx.effects.media(room, MediaOperation::PublishLocal { publication, formats: None });
        if let Some(video) = forced(self.properties.forced_video_codec) {
            self.describe_camera(who, publication, video, cx);
        }
        self.emit_created(&announced, cx);
        let published = Notification::StreamPublished { connection: connection.clone(), stream: description };
        self.broadcast(Some(who), published, cx);
        self.record_published(who, cx, now);
        self.camera_demand_changed(who, publication, cx, now);
    }

    fn camera_mut(&mut self, who: ParticipantId) -> Option<(&mut Camera, RouterId)> {
        let own = self.participant_mut(who)?;
        match &mut own.access {
            Access::Camera(camera) => Some((camera, own.room)),
            Access::Token { .. } | Access::Secret(_) | Access::Page(_) | Access::Viewer => None,
        }
    }

    fn camera_enters(&mut self, who: ParticipantId, state: CameraState, cx: &mut Context, now: Time) {
        let stamp = self.stamp(now);
        let Some(own) = self.participant_mut(who) else { return };
        let (Access::Camera(camera), Some(stream)) = (&mut own.access, &own.stream) else { return };
        let (status, reason) = state.described();
        let changed = CameraStateChanged {
            stamp,
            connection_id: own.connection.clone(),
            stream_id: stream.id().clone(),
            state: status,
            reason: reason.map(str::to_owned),
        };
        if camera.enter(state, now) && cx.settings.camera_states {
            cx.effects.event(Event::CameraStateChanged(changed));
        }
    }

    fn camera_demand_changed(&mut self, who: ParticipantId, publication: PublicationId, cx: &mut Context, now: Time) {
        let is_wanted = cx.effects.demand.is_wanted(publication);
        let Some((camera, _)) = self.camera_mut(who) else { return };
        let is_played = is_wanted || !camera.properties.only_play_with_subscribers;
        if !is_wanted {
            cx.timers.cancel(Timer::CameraDescription(publication));
        } else if camera.formats.is_none() {
            cx.timers.set(Timer::CameraDescription(publication), now + DESCRIPTION);
        }
        if is_played {
            if !cx.timers.is_set(Timer::CameraJob(publication)) {
                self.pull_camera(who, publication, cx, now);
            }
        } else {
            let job = camera.job.take();
            self.camera_enters(who, CameraState::Idle, cx, now);
            cx.timers.cancel(Timer::CameraJob(publication));
            if let Some(job) = job {
                cx.leave_pull(job, publication);
            }
        }
    }

    /// Begins to pull a camera, unless it is being pulled.
    fn pull_camera(&mut self, who: ParticipantId, publication: PublicationId, cx: &mut Context, now: Time) {
        let forced_codec = self.properties.forced_video_codec;
        let Some((camera, _)) = self.camera_mut(who) else { return };
        if camera.job.is_some() {
            return;
        }
        let properties = &camera.properties;
        // What follows the bandwidth of subscribers has to be encoded here, but for live pictures that all of them can take.
        let may_pass = !properties.adaptative_bitrate || properties.is_live();
        let spec = CameraSpec {
            uri: properties.uri.clone(),
            passes_through: may_pass && !matches!(forced_codec, ForcedVideoCodec::Vp8 | ForcedVideoCodec::Vp9),
            network_cache: u32::try_from(properties.network_cache).unwrap_or_default(),
        };
        // What has been announced stays.
        let settled = camera.codec().or((forced_codec == ForcedVideoCodec::H264).then_some(VideoCodec::H264));
        // A file is played from its beginning, to each.
        let Joined { job, state, video } = cx.join_pull(publication, spec, !properties.is_file(), settled);
        camera.job = Some(job);
        self.camera_enters(who, state, cx, now);
        self.route_camera(who, cx);
        if let Some(video) = video {
            self.describe_camera(who, publication, video, cx);
        }
    }

    /// Has a camera's packets go where they belong: to its publication, or behind the filter of that.
    pub(crate) fn route_camera(&self, who: ParticipantId, cx: &mut Context) {
        let Some(own) = self.participant(who) else { return };
        let (Access::Camera(camera), Some(stream)) = (&own.access, &own.stream) else { return };
        if let Some(job) = camera.job {
            cx.route_pull(job, stream.publication, stream.unfiltered().map(|it| (own.room, it)).collect());
        }
    }

    /// Tells the media worker what a camera sends, if that is news, and what pulls it that it has to stay so.
    fn describe_camera(
        &mut self,
        who: ParticipantId,
        publication: PublicationId,
        video: OutputVideo,
        cx: &mut Context,
    ) {
        cx.timers.cancel(Timer::CameraDescription(publication));
        let Some((camera, _)) = self.camera_mut(who) else { return };
        let codec = video.codec;
        if camera.codec().is_some_and(|settled| settled != codec) {
            // It was too late: it has been told, or is being told, what it must be.
            return;
        }
        // A camera without sound is silent.
        let formats = LocalFormats { audio: true, video: Some(video) };
        if camera.formats.as_ref() == Some(&formats) {
            return;
        }
        let before = camera.formats.replace(formats);
        if let Some(job) = camera.job {
            cx.settle_pull(job, codec);
        }
        // Who is to get a stream from a filter is not kept waiting for that.
        let waiting = before.is_none().then_some(publication);
        let Some(stream) = self.participant(who).and_then(|own| own.stream.as_ref()) else { return };
        for publication in stream.unfiltered().filter(|it| Some(*it) != waiting).chain(waiting) {
            self.publish_camera_as(who, publication, cx);
        }
    }

    /// What a camera sends is published there, too, or again.
    pub(crate) fn publish_camera_as(&self, who: ParticipantId, publication: PublicationId, cx: &mut Context) {
        if let Some(own) = self.participant(who)
            && let Access::Camera(camera) = &own.access
        {
            let formats = camera.formats.clone();
            cx.effects.media(own.room, MediaOperation::PublishLocal { publication, formats });
        }
    }

    fn take_from_camera(
        &mut self,
        who: ParticipantId,
        publication: PublicationId,
        news: &JobNews,
        cx: &mut Context,
        now: Time,
    ) {
        let Some(state) = CameraState::after(news) else { return };
        let session = self.id.clone();
        let Some(connection) = self.participant(who).map(|own| own.connection.clone()) else { return };
        let Some((camera, _)) = self.camera_mut(who) else { return };
        match &state {
            CameraState::Playing => tracing::info!(%session, %connection, "camera plays"),
            CameraState::Interrupted { why } => {
                if !matches!(camera.state(), CameraState::Interrupted { .. }) {
                    tracing::warn!(%session, %connection, why, "camera does not play: it is tried again");
                }
            }
            CameraState::Failed { why } => {
                tracing::warn!(%session, %connection, why, "camera cannot be played");
                camera.job = None;
            }
            CameraState::Idle | CameraState::Connecting => {}
        }
        let is_file = camera.properties.is_file();
        self.camera_enters(who, state, cx, now);
        match news {
            JobNews::Said(FromJob::Ready { video: Some(video), .. }) => {
                self.describe_camera(who, publication, video.clone(), cx);
            }
            // A file plays once, as far as it goes.
            JobNews::Ended(end) if !(is_file && matches!(end, JobEnd::Failed(_))) => {
                cx.timers.set(Timer::CameraJob(publication), now + ANOTHER_JOB);
            }
            _ => {}
        }
    }
}

impl Participant {
    pub(crate) fn is_camera(&self) -> bool {
        matches!(self.access, Access::Camera(_))
    }
}

impl Stream {
    /// It has ended. If it was a camera's, that is left alone.
    pub(crate) fn let_camera_go(&self, access: &Access, cx: &mut Context) {
        let Access::Camera(camera) = access else { return };
        cx.cameras.remove(&self.publication);
        cx.timers.cancel(Timer::CameraDescription(self.publication));
        cx.timers.cancel(Timer::CameraJob(self.publication));
        if let Some(job) = camera.job {
            cx.leave_pull(job, self.publication);
        }
    }
}

/// What the pictures of a session's cameras are in any case. Of H264 there are several kinds.
fn forced(codec: ForcedVideoCodec) -> Option<OutputVideo> {
    match codec {
        ForcedVideoCodec::Vp8 => Some(OutputVideo::encoded(VideoCodec::Vp8)),
        ForcedVideoCodec::Vp9 => Some(OutputVideo::encoded(VideoCodec::Vp9)),
        ForcedVideoCodec::MediaServerPreferred | ForcedVideoCodec::None | ForcedVideoCodec::H264 => None,
    }
}
