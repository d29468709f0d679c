//! Makes stories of facts. Pure: it knows neither a clock nor a disk, and decides nothing about calls.

use std::collections::HashMap;
use std::net::SocketAddr;

use protocol::event::{Direction, Event, EventClosed, EventOpened, EventStamp, Participant, WebRtcConnection};
use protocol::id::{ConnectionId, SessionId, StreamId};
use protocol::media::{MediaKind, TransportObservation, TransportStatistics};
use session::command::StreamChangeMeaning;
use session::refusal::MediaDirection;
use session::{Attempt, MediaLeg, MediaObservation, Notice, Noticed, Refusal, Whom, owner_in};

use crate::fact::Fact;
use crate::feedback::Rated;
use crate::incident::{Incident, Incidents, Trouble, Troubles};
use crate::story::{
    Candidates, Feedback, Figures, Kind, Leg, MOST_CLOSED, Millis, Obstacle, Person, Story, Wanted, What, Why,
};

/// From here on losses are worth telling, in thousandths.
pub(crate) const LOSSY: u16 = 80;
/// What an IP camera runs on.
const CAMERA: &str = "IPCAM";

/// The stories of all sessions that there are.
#[derive(Debug, Default)]
pub struct Chronicle {
    live: HashMap<SessionId, Live>,
    troubles: Troubles,
    /// Where media is offered.
    offered: Vec<SocketAddr>,
    revision: u64,
}

/// A story that goes on.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) story: Story,
    /// Of the last change. What has a higher number than somebody has seen is news.
    pub(crate) revision: u64,
    /// The same of each person.
    pub(crate) people: HashMap<ConnectionId, u64>,
}

impl Chronicle {
    /// Where media is offered from now on.
    pub fn offers(&mut self, at: Vec<SocketAddr>) {
        self.offered = at;
    }

    /// Something happened. A session that has ended by it is given back, unless nobody was ever in it.
    pub fn tell(&mut self, fact: Fact, now: Millis) -> Option<Story> {
        self.revision += 1;
        match fact {
            Fact::Event(event) => return self.event(event),
            Fact::Notice(notice) => self.notice(notice, now),
            Fact::Media(observation) => self.saw(&observation, now),
            Fact::Collected(stamp) => drop(self.live.remove(&stamp.session)),
            Fact::Incident(incident) => self.troubles.add(incident, now),
        }
        None
    }

    /// Some of it was lost.
    pub fn missed(&mut self) {
        for live in self.live.values_mut() {
            live.story.incomplete = true;
        }
    }

    /// Somebody says how it is, in a session that goes on; `None`: there is no such session, or it was not in it.
    pub(crate) fn rate(&mut self, session: &SessionId, connection: &ConnectionId, feedback: Feedback) -> Option<Rated> {
        let live = self.live.get_mut(session)?;
        let rated = live.story.rate(connection.as_str(), feedback);
        if rated == Rated::Kept {
            self.revision += 1;
            live.revision = self.revision;
            live.people.insert(connection.clone(), self.revision);
        }
        (rated != Rated::NotThere).then_some(rated)
    }

    /// All that go on.
    pub(crate) fn live(&self) -> impl Iterator<Item = &Live> {
        self.live.values()
    }

    /// The stories of all that go on, each with the number of its last change: see [`Chronicle::revision`].
    pub fn stories(&self) -> impl Iterator<Item = (&Story, u64)> {
        self.live().map(|live| (&live.story, live.revision))
    }

    /// The story of a session that goes on.
    pub fn story(&self, session: &str) -> Option<&Story> {
        self.find(session).map(|live| &live.story)
    }

    pub(crate) fn find(&self, session: &str) -> Option<&Live> {
        self.live.get(session)
    }

    /// Of the last fact. What changes later has a higher number.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn troubles(&self, now: Millis) -> Vec<Incidents> {
        self.troubles.list(now)
    }

    fn event(&mut self, event: Event) -> Option<Story> {
        match event {
            Event::SessionCreated(EventStamp { session, session_created_at, .. }) => {
                let story = Story::new(session.clone(), session_created_at, self.offered.clone());
                let revision = self.revision;
                self.live.insert(session, Live { story, revision, people: HashMap::new() });
            }
            Event::SessionDestroyed(closing) => {
                let mut story = self.live.remove(&closing.stamp.session)?.story;
                let (at, reason) = (closing.stamp.timestamp, closing.reason);
                (story.ended_at, story.reason) = (Some(at), reason);
                story.happened.add(at, None, What::SessionEnded { reason });
                return story.was_used().then_some(story);
            }
            Event::ParticipantJoined(EventOpened { stamp, subject }) => self.joined(&stamp, &subject),
            Event::ParticipantLeft(EventClosed { closing, subject }) => {
                let at = closing.stamp.timestamp;
                let person = self.person(&closing.stamp.session, &subject.connection)?;
                (person.left_at, person.reason, person.lost_at) = (Some(at), closing.reason, None);
                person.happened.add(at, None, What::Left { reason: closing.reason });
                for leg in person.published.iter_mut().chain(&mut person.received) {
                    leg.closed_at.get_or_insert(at);
                }
                self.story_mut(&closing.stamp.session)?.forget_departed();
            }
            Event::WebrtcConnectionCreated(EventOpened { stamp, subject }) => self.agreed(&stamp, &subject),
            Event::WebrtcConnectionDestroyed(EventClosed { closing, subject }) => {
                let at = closing.stamp.timestamp;
                let person = self.person(&closing.stamp.session, &subject.owner)?;
                let legs = match &subject.direction {
                    Direction::Outbound { .. } => &mut person.published,
                    Direction::Inbound { .. } => &mut person.received,
                };
                let open = |leg: &&mut Leg| leg.stream == subject.stream && leg.closed_at.is_none();
                let leg = legs.iter_mut().rev().find(open)?;
                (leg.closed_at, leg.reason) = (Some(at), closing.reason);
                person.happened.add(at, Some(&subject.stream), What::Closed { reason: closing.reason });
            }
            Event::RecordingStatusChanged(event) => {
                let story = self.story_mut(&event.stamp.session)?;
                story.recording = event.status == protocol::event::RecordingStatus::Started;
                let what = What::Recording { id: event.id, status: event.status };
                story.happened.add(event.stamp.timestamp, None, what);
            }
            Event::BroadcastStarted(EventOpened { stamp, .. }) => self.broadcast(&stamp, true),
            Event::BroadcastStopped(EventClosed { closing, .. }) => self.broadcast(&closing.stamp, false),
            Event::FilterEventDispatched(_)
            | Event::SignalSent(_)
            | Event::MediaNodeStatusChanged(_)
            | Event::NodeCrashed(_)
            | Event::CameraStateChanged(_) => {}
        }
        None
    }

    fn broadcast(&mut self, stamp: &EventStamp, on: bool) {
        let Some(story) = self.story_mut(&stamp.session) else { return };
        story.broadcasting = on;
        story.happened.add(stamp.timestamp, None, What::Broadcast { on });
    }

    fn joined(&mut self, stamp: &EventStamp, who: &Participant) {
        let at = stamp.timestamp;
        let Some(person) = self.person_or_new(&stamp.session, &who.connection) else { return };
        let came_back = person.joined_at.is_some();
        person.kind = if who.platform == CAMERA { Kind::Camera } else { Kind::Client };
        (person.client_data, person.server_data) = (who.client_data.clone(), who.server_data.clone());
        (person.ip, person.platform) = (who.ip.clone(), who.platform.clone());
        person.joined_at.get_or_insert(at);
        (person.left_at, person.reason, person.lost_at) = (None, None, None);
        let (ip, platform) = (who.ip.clone(), who.platform.clone());
        person.happened.add(at, None, if came_back { What::CameBack } else { What::Joined { ip, platform } });
    }

    fn agreed(&mut self, stamp: &EventStamp, connection: &WebRtcConnection) {
        let at = stamp.timestamp;
        let Some(person) = self.person(&stamp.session, &connection.owner) else { return };
        let (legs, from) = match &connection.direction {
            Direction::Outbound { .. } => (&mut person.published, &connection.owner),
            Direction::Inbound { from } => (&mut person.received, from),
        };
        let leg = open_leg(legs, &connection.stream, from, at);
        leg.agreed_at = Some(at);
        (leg.has_audio, leg.has_video) = (connection.audio, connection.video.is_some());
        leg.source = connection.video.as_ref().and_then(|video| video.source.clone()).unwrap_or_default();
        let what = match &connection.direction {
            Direction::Outbound { .. } => {
                What::Publishing { audio: leg.has_audio, video: leg.has_video, source: leg.source.clone() }
            }
            Direction::Inbound { .. } => What::Agreed,
        };
        person.happened.add(at, Some(&connection.stream), what);
    }

    fn notice(&mut self, Notice { session, whom, what }: Notice, now: Millis) {
        let connection = match whom {
            Whom::Connection(connection) => connection,
            Whom::Stranger { ip } => return self.turned_away(&ip, &what, now),
        };
        if let Noticed::Invited { role, data } = what {
            let Some(person) = self.person_or_new(&session, &connection) else { return };
            (person.role, person.invited_at, person.server_data) = (Some(role), Some(now), data);
            return person.happened.add(now, None, What::Invited { role });
        }
        let Some(person) = self.person(&session, &connection) else { return };
        let happened = match what {
            Noticed::Invited { .. } => return,
            Noticed::Withdrawn => {
                person.left_at = Some(now);
                What::Withdrawn
            }
            Noticed::Entered { made_at, role } => {
                (person.role, person.invited_at) = (Some(role), Some(made_at.as_millis()));
                return;
            }
            Noticed::SocketLost => {
                person.lost_at = Some(now);
                What::SocketLost
            }
            Noticed::SocketBack => {
                person.lost_at = None;
                What::SocketBack
            }
            Noticed::RoleChanged(role) => {
                person.role = Some(role);
                What::RoleChanged { role }
            }
            Noticed::Refused { attempt, refusal } => {
                let (wanted, why) = (wanted(attempt), why(&refusal));
                person.meet(Obstacle { at: now, wanted: wanted.clone(), why: why.clone() });
                What::Refused { wanted, why }
            }
            Noticed::Published { stream, audio_active, video_active } => {
                let leg = open_leg(&mut person.published, &stream, &connection, now);
                (leg.audio_active, leg.video_active) = (audio_active.unwrap_or(true), video_active.unwrap_or(true));
                return;
            }
            Noticed::Switched { stream, meaning } => {
                let leg = open_leg(&mut person.published, &stream, &connection, now);
                let what = match meaning {
                    StreamChangeMeaning::AudioActive(on) => {
                        leg.audio_active = on;
                        What::Microphone { on }
                    }
                    StreamChangeMeaning::VideoActive(on) => {
                        (leg.video_active, leg.still_at) = (on, None);
                        What::Camera { on }
                    }
                    StreamChangeMeaning::VideoDimensions(_) => return,
                };
                return person.happened.add(now, Some(&stream), what);
            }
            Noticed::Negotiating { stream, direction } => {
                let (legs, from) = match direction {
                    MediaDirection::Publishing => (&mut person.published, connection.clone()),
                    MediaDirection::Subscribing => {
                        (&mut person.received, owner_in(stream.as_str()).unwrap_or_default().into())
                    }
                };
                open_leg(legs, &stream, &from, now).renegotiate(now);
                if direction == MediaDirection::Subscribing {
                    person.happened.add(now, Some(&stream), What::Offered);
                }
                return;
            }
            Noticed::Candidate { publisher, candidate } => {
                let legs = if publisher == connection { &mut person.published } else { &mut person.received };
                let open = |leg: &&mut Leg| leg.from == publisher && leg.closed_at.is_none();
                if let Some(leg) = legs.iter_mut().rev().find(open) {
                    leg.candidates.count(&candidate);
                }
                return;
            }
            Noticed::QualityChanged(level) => {
                person.quality = Some(level as u8);
                What::Quality { level: level as u8 }
            }
        };
        person.happened.add(now, None, happened);
    }

    fn turned_away(&mut self, ip: &str, what: &Noticed, now: Millis) {
        let Noticed::Refused { refusal, .. } = what else { return };
        let trouble = match **refusal {
            Refusal::InvalidToken { .. } => Trouble::TokenRefused,
            Refusal::UnknownSession { .. } => Trouble::SessionUnknown,
            _ => return,
        };
        if let Ok(ip) = ip.parse() {
            self.troubles.add(Incident { trouble, ip }, now);
        }
    }

    fn saw(
        &mut self,
        MediaObservation { leg: MediaLeg { session, connection, stream, direction }, what }: &MediaObservation,
        now: Millis,
    ) {
        let Some(person) = self.person(session, connection) else { return };
        let legs = match direction {
            MediaDirection::Publishing => &mut person.published,
            MediaDirection::Subscribing => &mut person.received,
        };
        let Some(leg) = legs.iter_mut().rev().find(|leg| leg.stream == *stream && leg.closed_at.is_none()) else {
            return;
        };
        for happened in leg.saw(what, now) {
            person.happened.add(now, Some(stream), happened);
        }
    }

    fn story_mut(&mut self, session: &SessionId) -> Option<&mut Story> {
        let live = self.live.get_mut(session)?;
        live.revision = self.revision;
        Some(&mut live.story)
    }

    fn person(&mut self, session: &SessionId, connection: &ConnectionId) -> Option<&mut Person> {
        let live = self.live.get_mut(session)?;
        let person = live.story.person_mut(connection)?;
        live.revision = self.revision;
        live.people.insert(connection.clone(), self.revision);
        Some(person)
    }

    fn person_or_new(&mut self, session: &SessionId, connection: &ConnectionId) -> Option<&mut Person> {
        let story = self.story_mut(session)?;
        if story.person(connection.as_str()).is_none() {
            story.people.push(Person::new(connection.clone()));
        }
        self.person(session, connection)
    }
}

/// The one that is open, or a new one.
fn open_leg<'a>(legs: &'a mut Vec<Leg>, stream: &StreamId, from: &ConnectionId, at: Millis) -> &'a mut Leg {
    let open = legs.iter().rposition(|leg| leg.stream == *stream && leg.closed_at.is_none());
    let index = open.unwrap_or_else(|| {
        let closed = legs.iter().filter(|leg| leg.closed_at.is_some()).count();
        if closed >= MOST_CLOSED
            && let Some(first) = legs.iter().position(|leg| leg.closed_at.is_some())
        {
            legs.remove(first);
        }
        legs.push(Leg::new(stream.clone(), from.clone(), at));
        legs.len() - 1
    });
    &mut legs[index]
}

fn wanted(attempt: Attempt) -> Wanted {
    match attempt {
        Attempt::Publish => Wanted::Publish,
        Attempt::Receive { stream } => Wanted::Receive(stream),
        Attempt::Join | Attempt::Other => Wanted::Other,
    }
}

fn why(refusal: &Refusal) -> Why {
    match refusal {
        Refusal::MayNotPublish
        | Refusal::NoTokenToPublish
        | Refusal::MayNotDisconnect
        | Refusal::MayNotUnpublish
        | Refusal::MayNotFilter { .. }
        | Refusal::MayNotPublishFiltered { .. } => Why::Role,
        Refusal::CodecMissing { codec, .. } => Why::Codec(codec.as_str().to_owned()),
        Refusal::OfferUnusable { .. } | Refusal::AnswerUnusable { .. } | Refusal::SubscriptionFailed { .. } => {
            Why::Description
        }
        Refusal::PublisherNotThere { .. }
        | Refusal::NotStreaming { .. }
        | Refusal::StreamEnded
        | Refusal::UnknownStream { .. }
        | Refusal::UnknownPublisher { .. } => Why::Gone,
        Refusal::AlreadyPublishing { .. } => Why::Twice,
        Refusal::PublishedFilterUnreadable { .. }
        | Refusal::PublishedFilterUnavailable { .. }
        | Refusal::FilterOptions(_)
        | Refusal::FilterUnavailable { .. }
        | Refusal::FilterFailed { .. }
        | Refusal::AlreadyFiltered { .. }
        | Refusal::NoFilter { .. }
        | Refusal::UnknownFilteredStream { .. } => Why::Filter,
        Refusal::Internal => Why::Internal,
        _ => Why::Other,
    }
}

impl Candidates {
    fn count(&mut self, candidate: &str) {
        // `candidate:… component protocol priority address port typ type …` (RFC 8839 §5.1).
        let mut words = candidate.split_ascii_whitespace();
        let is_tcp = words.clone().nth(2).is_some_and(|protocol| protocol.eq_ignore_ascii_case("tcp"));
        let kind = words.find(|word| *word == "typ").and_then(|_| words.next());
        let counter = match kind {
            _ if is_tcp => &mut self.tcp,
            Some("host") => &mut self.host,
            Some("srflx" | "prflx") => &mut self.reflexive,
            Some("relay") => &mut self.relay,
            _ => return,
        };
        *counter = counter.saturating_add(1);
    }
}

impl Leg {
    /// What is worth telling of it.
    fn saw(&mut self, what: &TransportObservation, now: Millis) -> Vec<What> {
        match what {
            TransportObservation::Checked => {
                self.reached_at = Some(now);
                vec![What::Checked]
            }
            TransportObservation::Path(path) => {
                let had = self.path.replace(*path);
                self.reached_at.get_or_insert(now);
                vec![if had.is_some() { What::Moved { path: *path } } else { What::Reached { path: *path } }]
            }
            TransportObservation::Connected => {
                (self.connected_at, self.cut_at) = (Some(now), None);
                vec![What::Connected]
            }
            TransportObservation::Disconnected => {
                self.cut_at = Some(now);
                vec![What::Cut]
            }
            TransportObservation::FirstPacket { kind } => {
                match kind {
                    MediaKind::Audio => self.audio_at = Some(now),
                    MediaKind::Video => self.video_at = Some(now),
                }
                vec![What::First { kind: *kind }]
            }
            TransportObservation::FirstKeyFrame => {
                self.key_frame_at = Some(now);
                vec![What::KeyFrame]
            }
            TransportObservation::LayerChanged { layer } => {
                self.layer = Some(*layer);
                vec![What::Layer { layer: *layer }]
            }
            TransportObservation::KeyFrameRequested { .. } => vec![],
            TransportObservation::Statistics(statistics) => self.measured(statistics, now),
            TransportObservation::Silent => {
                self.silent_at = Some(now);
                vec![What::Silent]
            }
            TransportObservation::Still => {
                self.still_at = Some(now);
                vec![What::Still]
            }
        }
    }

    fn measured(&mut self, statistics: &TransportStatistics, now: Millis) -> Vec<What> {
        let mut happened = vec![];
        let mut figures = Figures {
            at: now,
            round_trip_ms: statistics.round_trip_us.map(|us| us.div_ceil(1000)),
            estimate_bps: statistics.estimate_bps,
            ..Figures::default()
        };
        let (mut packets, mut pictures) = (0, 0);
        for stream in statistics.received.iter().chain(&statistics.sent) {
            match stream.kind {
                MediaKind::Audio => figures.audio_bps += stream.rate_bps,
                MediaKind::Video => {
                    figures.video_bps += stream.rate_bps;
                    pictures += stream.packets;
                }
            }
            packets += stream.packets;
            figures.lost_permille = figures.lost_permille.max(stream.lost_permille);
            figures.jitter_ms = figures.jitter_ms.max(stream.jitter_us.map(|us| us.div_ceil(1000)));
            figures.frozen_ms += stream.pictures.frozen_ms;
            self.totals.bytes += stream.bytes;
            self.totals.freezes += u64::from(stream.pictures.freezes);
            self.totals.frozen_ms += u64::from(stream.pictures.frozen_ms);
        }
        if packets > 0 && self.silent_at.take().is_some() {
            happened.push(What::Heard);
        }
        if pictures > 0 {
            self.still_at = None;
        }
        let was_paused = self.pause.map(|(why, _)| why);
        if statistics.pause != was_paused {
            self.pause = statistics.pause.map(|why| (why, now));
            happened.push(statistics.pause.map_or(What::Resumed, |why| What::Paused { why }));
        }
        if figures.frozen_ms > 0 {
            happened.push(What::Froze { ms: figures.frozen_ms });
        }
        if let Some(permille) = figures.lost_permille.filter(|permille| *permille >= LOSSY) {
            happened.push(What::Lossy { permille });
        }
        self.codec = statistics.video_codec.or(self.codec);
        self.layer = statistics.layer.or(self.layer);
        self.figures = figures;
        self.sample();
        happened
    }
}
