//! Stories as pages get them: in one language, with what they mean. `web/dashboard/src/protocol.ts` has the same.

use serde::Serialize;
use session::owner_in;

use protocol::language::Language;
use protocol::media::{Layer, MediaPath, PathProtocol, PicturePause};

use crate::chronicle::Live;
use crate::diagnosis::{self, Finding, Lacks, Level};
use crate::incident::Incidents;
use crate::story::{Feedback, Happening, Kind, Leg, Millis, Person, Sample, Story};
use crate::words::{self, Told};

/// Of a session, names enough to recognise it by.
const NAMES: usize = 12;

/// One line of a list.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "as the page's protocol has it")]
pub struct SessionSummary {
    pub id: String,
    pub key: String,
    pub created_at: Millis,
    pub participants: usize,
    pub published: usize,
    pub received: usize,
    pub recording: bool,
    pub broadcasting: bool,
    pub troubled: usize,
    pub worst: Option<&'static str>,
    pub names: Vec<String>,
    pub ended_at: Option<Millis>,
    pub reason: Option<&'static str>,
    pub feedback: Option<FeedbackSummary>,
}

/// How people say that it was.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[allow(missing_docs, reason = "as the page's protocol has it")]
pub struct FeedbackSummary {
    pub count: u32,
    pub lowest: u8,
    pub mean: f64,
}

/// A session with those in it.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "as the page's protocol has it")]
pub struct SessionDetail {
    #[serde(flatten)]
    pub summary: SessionSummary,
    pub entries: Vec<Entry>,
    pub people: Vec<PersonView>,
    pub incomplete: bool,
}

/// Somebody.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "as the page's protocol has it")]
pub struct PersonView {
    pub connection: String,
    pub name: String,
    pub client_data: String,
    pub server_data: String,
    pub kind: Kind,
    pub role: &'static str,
    pub ip: String,
    pub platform: String,
    pub token_made_at: Option<Millis>,
    pub joined_at: Option<Millis>,
    pub left_at: Option<Millis>,
    pub reason: Option<&'static str>,
    pub lost_at: Option<Millis>,
    pub quality: Option<u8>,
    pub publishes: Vec<LegView>,
    pub receives: Vec<LegView>,
    pub entries: Vec<Entry>,
    pub findings: Vec<FindingView>,
    pub feedback: Option<Feedback>,
}

/// Of a chart: when, bits in a second, losses in thousandths, ms there and back.
pub type Point = (Millis, u64, Option<u16>, Option<u32>);

/// A stream on its way.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "as the page's protocol has it")]
pub struct LegView {
    pub stream: String,
    pub from: String,
    pub state: &'static str,
    pub since: Millis,
    pub flowed: bool,
    pub closed_at: Option<Millis>,
    pub reason: Option<&'static str>,
    pub source: String,
    pub has_audio: bool,
    pub has_video: bool,
    pub audio_active: bool,
    pub video_active: bool,
    pub codec: Option<&'static str>,
    pub layer: Option<String>,
    pub path: Option<PathView>,
    pub pause: Option<&'static str>,
    pub audio_bps: u64,
    pub video_bps: u64,
    pub lost_permille: Option<u16>,
    pub round_trip_ms: Option<u32>,
    pub jitter_ms: Option<u32>,
    pub estimate_bps: Option<u64>,
    pub freezes: u64,
    pub frozen_ms: u64,
    pub bytes: u64,
    pub chart: Vec<Point>,
}

/// The way of media.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[allow(missing_docs, reason = "as the page's protocol has it")]
pub struct PathView {
    pub protocol: &'static str,
    pub local: String,
    pub remote: String,
    pub relayed: bool,
}

/// Something in a timeline.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[allow(missing_docs, reason = "as the page's protocol has it")]
pub struct Entry {
    pub at: Millis,
    pub code: &'static str,
    pub level: &'static str,
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
}

/// Why something is not as it should be.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[allow(missing_docs, reason = "as the page's protocol has it")]
pub struct FindingView {
    pub code: &'static str,
    pub level: &'static str,
    pub about: Option<String>,
    pub stream: Option<String>,
    pub lacks: Option<&'static str>,
    pub since: Millis,
    pub sentence: String,
    pub advice: String,
}

/// What goes wrong outside of sessions.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[allow(missing_docs, reason = "as the page's protocol has it")]
pub struct IncidentView {
    pub code: &'static str,
    pub at: Millis,
    pub count: u32,
    pub since: Millis,
    pub ip: String,
    pub sentence: String,
    pub advice: String,
}

/// What is found of each person of a story, in their order.
fn diagnosed(story: &Story, now: Millis) -> Vec<Vec<Finding>> {
    story.people.iter().map(|person| diagnosis::findings(story, person, now)).collect()
}

impl SessionSummary {
    /// Of a story at that time.
    pub fn of(story: &Story, now: Millis) -> Self {
        Self::with(story, &diagnosed(story, now))
    }

    fn with(story: &Story, found: &[Vec<Finding>]) -> Self {
        let has_ended = story.ended_at.is_some();
        // Of a session that has ended, those that there were: a stream once, however often it was negotiated.
        let counted = |legs: &[Leg]| {
            let mut streams: Vec<_> =
                legs.iter().filter(|leg| has_ended || leg.closed_at.is_none()).map(|leg| &leg.stream).collect();
            streams.sort_unstable();
            streams.dedup();
            streams.len()
        };
        // Of a session that goes on, those who have left are no trouble any more.
        let shown = story.people.iter().zip(found).filter(|(person, _)| has_ended || person.left_at.is_none());
        let levels: Vec<_> = shown
            .filter_map(|(_, findings)| findings.iter().map(|it| it.cause.level()).max())
            .filter(|level| *level > Level::Info)
            .collect();
        let is_counted = |person: &&Person| has_ended && person.joined_at.is_some() || person.is_present();
        let people = || story.people.iter().filter(is_counted);
        Self {
            id: story.id.to_string(),
            key: story.key(),
            created_at: story.created_at,
            participants: people().count() + story.ended_at.map_or(0, |_| story.forgotten_people as usize),
            published: people().map(|person| counted(&person.published)).sum(),
            received: people().map(|person| counted(&person.received)).sum(),
            recording: story.recording && !has_ended,
            broadcasting: story.broadcasting && !has_ended,
            troubled: levels.len(),
            worst: levels.iter().max().map(|level| level_word(*level)),
            names: people().take(NAMES).map(Person::name).collect(),
            ended_at: story.ended_at,
            reason: story.reason.map(protocol::event::Reason::as_str),
            feedback: FeedbackSummary::of(&story.people),
        }
    }
}

impl FeedbackSummary {
    fn of(people: &[Person]) -> Option<Self> {
        let stars = || people.iter().filter_map(|person| Some(person.feedback.as_ref()?.stars));
        let lowest = stars().min()?;
        let (count, sum) = stars().fold((0, 0), |(count, sum), stars| (count + 1, sum + u32::from(stars)));
        // With one digit behind the point.
        let mean = (f64::from(sum) / f64::from(count) * 10.).round() / 10.;
        Some(Self { count, lowest, mean })
    }
}

impl SessionDetail {
    /// Of a session that has ended, with everybody.
    pub fn of_ended(story: &Story, language: Language) -> Self {
        Self::with(story, story.ended_at.unwrap_or(story.created_at), language, |_| true)
    }

    /// Of one that goes on, with those whom something happened to since that revision.
    pub(crate) fn since(live: &Live, revision: u64, now: Millis, language: Language) -> Self {
        let is_new = |person: &Person| live.people.get(&person.connection).is_none_or(|at| *at > revision);
        Self::with(&live.story, now, language, is_new)
    }

    fn with(story: &Story, now: Millis, language: Language, which: impl Fn(&Person) -> bool) -> Self {
        let found = diagnosed(story, now);
        let people = story.people.iter().zip(&found).filter(|(person, _)| which(person));
        Self {
            summary: SessionSummary::with(story, &found),
            entries: entries(story, None, &story.happened.list, language),
            people: people.map(|(person, findings)| PersonView::of(story, person, findings, language)).collect(),
            incomplete: story.incomplete,
        }
    }
}

impl PersonView {
    fn of(story: &Story, person: &Person, findings: &[Finding], language: Language) -> Self {
        let name = person.name();
        let legs = |legs: &[Leg]| legs.iter().map(LegView::of).collect();
        Self {
            connection: person.connection.to_string(),
            name: name.clone(),
            client_data: person.client_data.clone(),
            server_data: person.server_data.clone(),
            kind: person.kind,
            role: person.role.map_or("", protocol::model::Role::as_str),
            ip: person.ip.clone(),
            platform: person.platform.clone(),
            token_made_at: person.invited_at,
            joined_at: person.joined_at,
            left_at: person.left_at,
            reason: person.reason.map(protocol::event::Reason::as_str),
            lost_at: person.lost_at,
            quality: person.quality,
            publishes: legs(&person.published),
            receives: legs(&person.received),
            entries: entries(story, Some(person), &person.happened.list, language),
            findings: findings.iter().map(|finding| FindingView::of(story, &name, finding, language)).collect(),
            feedback: person.feedback.clone(),
        }
    }
}

impl LegView {
    fn of(leg: &Leg) -> Self {
        let figures = &leg.figures;
        let (state, since) = state(leg);
        Self {
            stream: leg.stream.to_string(),
            from: leg.from.to_string(),
            state,
            since,
            flowed: leg.audio_at.or(leg.video_at).is_some() || leg.totals.bytes > 0,
            closed_at: leg.closed_at,
            reason: leg.reason.map(protocol::event::Reason::as_str),
            source: leg.source.clone(),
            has_audio: leg.has_audio,
            has_video: leg.has_video,
            audio_active: leg.audio_active,
            video_active: leg.video_active,
            codec: leg.codec.map(protocol::media::VideoCodec::name),
            layer: leg.layer.map(|Layer { spatial }| format!("S{spatial}")),
            path: leg.path.as_ref().map(PathView::of),
            pause: leg.pause.map(|(why, _)| match why {
                PicturePause::Bandwidth => "bandwidth",
                PicturePause::NotChosen => "notChosen",
                PicturePause::Unwanted => "unwanted",
            }),
            audio_bps: figures.audio_bps,
            video_bps: figures.video_bps,
            lost_permille: figures.lost_permille,
            round_trip_ms: figures.round_trip_ms,
            jitter_ms: figures.jitter_ms,
            estimate_bps: figures.estimate_bps,
            freezes: leg.totals.freezes,
            frozen_ms: leg.totals.frozen_ms,
            bytes: leg.totals.bytes,
            chart: leg.samples.iter().map(sample).collect(),
        }
    }
}

fn sample(sample: &Sample) -> Point {
    (sample.at, u64::from(sample.kbps) * 1000, sample.lost_permille, sample.round_trip_ms)
}

fn state(leg: &Leg) -> (&'static str, Millis) {
    if let Some(at) = leg.closed_at {
        return ("closed", at);
    }
    if let Some(at) = leg.cut_at {
        return ("cut", at);
    }
    let flowing = leg.audio_at.into_iter().chain(leg.video_at).min();
    [("flowing", flowing), ("connected", leg.connected_at), ("reached", leg.reached_at), ("negotiated", leg.agreed_at)]
        .into_iter()
        .find_map(|(state, at)| Some((state, at?)))
        .unwrap_or(("asked", leg.negotiating_at))
}

impl PathView {
    fn of(path: &MediaPath) -> Self {
        let protocol = match path.protocol {
            PathProtocol::Udp => "UDP",
            PathProtocol::Tcp => "TCP",
        };
        Self { protocol, local: path.local.to_string(), remote: path.remote.to_string(), relayed: path.relayed }
    }
}

/// Whose stream something is about is said unless it is one's own.
fn entries(story: &Story, of: Option<&Person>, list: &[Happening], language: Language) -> Vec<Entry> {
    list.iter()
        .map(|happening| {
            let publisher = happening.stream.as_ref().and_then(|stream| {
                let publisher = story.person(owner_in(stream.as_str())?)?;
                let is_own = of.is_some_and(|own| own.connection == publisher.connection);
                (!is_own).then(|| publisher.name())
            });
            let (code, level) = words::code(happening);
            Entry {
                at: happening.at,
                code,
                level: level_word(level),
                text: words::happening(language, &happening.what, publisher.as_deref()),
                stream: happening.stream.as_ref().map(ToString::to_string),
            }
        })
        .collect()
}

impl FindingView {
    fn of(story: &Story, name: &str, finding: &Finding, language: Language) -> Self {
        let Told { sentence, advice } = words::finding(language, story, name, finding);
        Self {
            code: finding.cause.code(),
            level: level_word(finding.cause.level()),
            about: finding.about.as_ref().map(ToString::to_string),
            stream: finding.stream.as_ref().map(ToString::to_string),
            lacks: match finding.lacks {
                Lacks::Nothing => None,
                Lacks::Picture => Some("picture"),
                Lacks::Sound => Some("sound"),
                Lacks::Both => Some("both"),
            },
            since: finding.since,
            sentence,
            advice,
        }
    }
}

impl IncidentView {
    /// In that language.
    pub fn of(incidents: &Incidents, language: Language) -> Self {
        let Told { sentence, advice } = words::incident(language, incidents);
        Self {
            code: incidents.incident.trouble.code(),
            at: incidents.at,
            count: incidents.count,
            since: incidents.since,
            ip: incidents.incident.ip.to_string(),
            sentence,
            advice,
        }
    }
}

fn level_word(level: Level) -> &'static str {
    match level {
        Level::Info => "info",
        Level::Warning => "warning",
        Level::Bad => "bad",
    }
}
