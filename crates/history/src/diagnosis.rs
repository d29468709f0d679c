//! Why somebody has no picture or no sound: what a story means. Pure, and the same for a session that goes on and for one that has
//! ended.
//!
//! Each cause is looked for where it lies: what is wrong with a publisher is told of the publisher, not of everybody who would have
//! seen it; what is wrong on the way to one subscriber is told of that one.

use std::net::{IpAddr, SocketAddr};

use protocol::id::{ConnectionId, StreamId};
use protocol::media::PicturePause;
use protocol::model::Role;

use crate::chronicle::LOSSY;
use crate::story::{Candidates, Kind, Leg, Millis, Person, Story, Wanted, Why};

/// What takes longer than this does not come: ICE, DTLS, the first packet and the first picture each take less than a second.
const PATIENCE: Millis = 6_000;
/// A person may be asked by the browser, or click somewhere.
const HESITATION: Millis = 20_000;
/// How long a place may be kept before it is strange that nobody comes.
const WAITING: Millis = 60_000;
/// Figures that are older say nothing.
const RECENT: Millis = 15_000;
/// There and back: people begin to talk at the same time (ITU-T G.114).
const LONG_WAY: u32 = 400;
/// Of a period in which the picture stood still.
const FROZEN: u32 = 500;

/// What is wrong, and with what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Why.
    pub cause: Cause,
    /// The other one, if it is about what comes from somebody.
    pub about: Option<ConnectionId>,
    /// Of which stream.
    pub stream: Option<StreamId>,
    /// What is missing: for others if it is about what the person publishes, else for the person.
    pub lacks: Lacks,
    /// Since when.
    pub since: Millis,
}

/// What is missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lacks {
    /// Nothing, but it is not as good as it could be.
    Nothing,
    /// The picture.
    Picture,
    /// The sound.
    Sound,
    /// Both.
    Both,
}

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// It is meant to be so, or may be.
    Info,
    /// It works badly.
    Warning,
    /// It does not work.
    Bad,
}

/// Why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cause {
    /// Nobody came to a place.
    NeverCame,
    /// The socket is gone, the client may come back: the network, or a device that sleeps.
    Away,
    /// Who may publish has not tried: a camera that was refused, or an application that does not.
    PublishesNothing,
    /// It was made to watch: its role does not let it publish, and it has not tried.
    OnlyWatches,
    /// The role does not let it publish, though it wanted to.
    MayNotPublish {
        /// Which it has.
        role: Option<Role>,
    },
    /// The session's codec is not in the browser of who wants to publish.
    PublisherLacksCodec {
        /// Which.
        codec: String,
    },
    /// The codec of a stream is not in the browser of who wants to receive it.
    SubscriberLacksCodec {
        /// Which.
        codec: String,
    },
    /// The client's session description cannot be used.
    DescriptionUnusable,
    /// The server failed.
    ServerFailed,
    /// Not one datagram of the client's has arrived: its network does not let UDP through, and no other way was taken.
    Blocked {
        /// Where media is offered.
        offered: Vec<SocketAddr>,
        /// What the client told.
        candidates: Candidates,
    },
    /// Not one datagram of the client's has arrived, and it could not: what it is offered leads nowhere for it.
    WrongAddress {
        /// Where media is offered.
        offered: Vec<SocketAddr>,
        /// Where the client is.
        client: String,
    },
    /// Datagrams come, but no encryption is agreed on.
    NotEncrypted,
    /// It was connected, and is no longer.
    Cut,
    /// It is connected, and nothing comes.
    NothingSent,
    /// Packets come, but no picture that could be decoded.
    NoKeyFrame,
    /// Nothing comes any more.
    Silent,
    /// No picture comes any more.
    Still,
    /// The microphone is off.
    Muted,
    /// The camera is off.
    CameraOff,
    /// The stream has no sound.
    WithoutSound,
    /// The stream has no picture.
    WithoutPicture,
    /// Much is lost on the way to the server.
    LossyUplink {
        /// In thousandths.
        permille: u16,
    },
    /// Much is lost on the way to the client.
    LossyDownlink {
        /// In thousandths.
        permille: u16,
    },
    /// It takes long.
    LongWay {
        /// There and back.
        ms: u32,
    },
    /// The picture stands still at times.
    Freezes {
        /// In the last period.
        ms: u32,
    },
    /// The client has not asked for the stream.
    NotSubscribed,
    /// The client has not answered our offer.
    NotAnswered,
    /// Its network does not carry the picture.
    Bandwidth {
        /// What it carries, as far as that is known.
        estimate_bps: Option<u64>,
    },
    /// In a big room others are chosen.
    NotChosen,
    /// The client does not want the picture.
    Unwanted,
}

impl Cause {
    /// For programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NeverCame => "never-came",
            Self::Away => "away",
            Self::PublishesNothing => "publishes-nothing",
            Self::OnlyWatches => "only-watches",
            Self::MayNotPublish { .. } => "may-not-publish",
            Self::PublisherLacksCodec { .. } => "publisher-lacks-codec",
            Self::SubscriberLacksCodec { .. } => "subscriber-lacks-codec",
            Self::DescriptionUnusable => "description-unusable",
            Self::ServerFailed => "server-failed",
            Self::Blocked { .. } => "blocked",
            Self::WrongAddress { .. } => "wrong-address",
            Self::NotEncrypted => "not-encrypted",
            Self::Cut => "cut",
            Self::NothingSent => "nothing-sent",
            Self::NoKeyFrame => "no-key-frame",
            Self::Silent => "silent",
            Self::Still => "still",
            Self::Muted => "muted",
            Self::CameraOff => "camera-off",
            Self::WithoutSound => "without-sound",
            Self::WithoutPicture => "without-picture",
            Self::LossyUplink { .. } => "lossy-uplink",
            Self::LossyDownlink { .. } => "lossy-downlink",
            Self::LongWay { .. } => "long-way",
            Self::Freezes { .. } => "freezes",
            Self::NotSubscribed => "not-subscribed",
            Self::NotAnswered => "not-answered",
            Self::Bandwidth { .. } => "bandwidth",
            Self::NotChosen => "not-chosen",
            Self::Unwanted => "unwanted",
        }
    }

    /// How bad it is.
    pub fn level(&self) -> Level {
        match self {
            Self::NeverCame
            | Self::OnlyWatches
            | Self::Muted
            | Self::CameraOff
            | Self::WithoutSound
            | Self::WithoutPicture
            | Self::NotChosen
            | Self::Unwanted => Level::Info,
            Self::Away
            | Self::PublishesNothing
            | Self::MayNotPublish { .. }
            | Self::Still
            | Self::LossyUplink { .. }
            | Self::LossyDownlink { .. }
            | Self::LongWay { .. }
            | Self::Freezes { .. }
            | Self::NotSubscribed
            | Self::Bandwidth { .. } => Level::Warning,
            Self::PublisherLacksCodec { .. }
            | Self::SubscriberLacksCodec { .. }
            | Self::DescriptionUnusable
            | Self::ServerFailed
            | Self::Blocked { .. }
            | Self::WrongAddress { .. }
            | Self::NotEncrypted
            | Self::Cut
            | Self::NothingSent
            | Self::NoKeyFrame
            | Self::Silent
            | Self::NotAnswered => Level::Bad,
        }
    }
}

/// What is wrong with somebody, the worst first. `now` is the end of a session that has ended.
pub fn findings(story: &Story, person: &Person, now: Millis) -> Vec<Finding> {
    let now = person.left_at.or(story.ended_at).unwrap_or(now);
    let mut examination = Examination { story, person, now, findings: vec![] };
    examination.examine();
    let mut findings = examination.findings;
    findings.sort_by_key(|finding| (std::cmp::Reverse(finding.cause.level()), finding.since));
    findings
}

struct Examination<'a> {
    story: &'a Story,
    person: &'a Person,
    now: Millis,
    findings: Vec<Finding>,
}

impl Examination<'_> {
    fn find(&mut self, cause: Cause, leg: Option<&Leg>, lacks: Lacks, since: Millis) {
        let about = leg.map(|leg| &leg.from).filter(|from| **from != self.person.connection).cloned();
        self.findings.push(Finding { cause, about, stream: leg.map(|leg| leg.stream.clone()), lacks, since });
    }

    fn examine(&mut self) {
        let person = self.person;
        let Some(joined_at) = person.joined_at else {
            if let Some(invited_at) = person.invited_at.filter(|at| self.now >= at + WAITING) {
                self.find(Cause::NeverCame, None, Lacks::Both, invited_at);
            }
            return;
        };
        if let Some(lost_at) = person.lost_at {
            self.find(Cause::Away, None, Lacks::Both, lost_at);
        }
        if person.kind == Kind::Client {
            self.examine_attempts(joined_at);
        }
        if let Some(leg) = person.published.last().filter(|leg| self.counts(leg)) {
            self.examine_published(leg);
        }
        for other in &self.story.people {
            let published = other.published.iter().rev().find(|leg| self.counts(leg));
            if let Some(published) = published.filter(|_| other.connection != person.connection) {
                self.examine_received(published, person.receives(&published.stream), joined_at);
            }
        }
        // What never came of streams that ended before: only afterwards, since it is past.
        if self.story.ended_at.is_some() || person.left_at.is_some() {
            for leg in person.received.iter().filter(|leg| leg.connected_at.is_none()) {
                if !self.counts(leg) {
                    self.examine_way(leg, Lacks::Both);
                }
            }
        }
    }

    /// What is open, or was to the end.
    fn counts(&self, leg: &Leg) -> bool {
        leg.closed_at.is_none_or(|at| at >= self.now)
    }

    fn examine_attempts(&mut self, joined_at: Millis) {
        let person = self.person;
        let publishes = !person.published.is_empty();
        let mut is_explained = publishes;
        for obstacle in person.obstacles.iter().rev() {
            let cause = match (&obstacle.wanted, &obstacle.why) {
                (Wanted::Publish, _) if publishes => continue,
                (Wanted::Publish, Why::Role) => Cause::MayNotPublish { role: person.role },
                (Wanted::Publish, Why::Codec(codec)) => Cause::PublisherLacksCodec { codec: codec.clone() },
                (Wanted::Publish, Why::Description) => Cause::DescriptionUnusable,
                (Wanted::Publish, Why::Internal) => Cause::ServerFailed,
                _ => continue,
            };
            self.find(cause, None, Lacks::Both, obstacle.at);
            is_explained = true;
            break;
        }
        if is_explained || self.now < joined_at + HESITATION {
            return;
        }
        match person.role {
            Some(Role::Publisher | Role::Moderator) => {
                self.find(Cause::PublishesNothing, None, Lacks::Both, joined_at);
            }
            Some(Role::Subscriber) => self.find(Cause::OnlyWatches, None, Lacks::Both, joined_at),
            None => {}
        }
    }

    /// Whether the way of a peer connection is there; what is wrong with it has been told otherwise.
    fn examine_way(&mut self, leg: &Leg, lacks: Lacks) -> bool {
        let since = leg.agreed_at.unwrap_or(leg.negotiating_at).max(leg.negotiating_at);
        let until = leg.closed_at.unwrap_or(self.now);
        let waits = until >= since + PATIENCE;
        // What ends before it was ever there is told below.
        if let Some(cut_at) = leg.cut_at.filter(|_| leg.connected_at.is_some()) {
            if until >= cut_at + PATIENCE {
                self.find(Cause::Cut, Some(leg), lacks, cut_at);
            }
            return false;
        }
        if leg.connected_at.is_some() {
            return true;
        }
        if !waits {
            return false;
        }
        let cause = if leg.reached_at.is_some() {
            Cause::NotEncrypted
        } else if leg.agreed_at.is_none() {
            Cause::NotAnswered
        } else if leads_nowhere(&self.story.offered, &self.person.ip) {
            Cause::WrongAddress { offered: self.story.offered.clone(), client: self.person.ip.clone() }
        } else {
            Cause::Blocked { offered: self.story.offered.clone(), candidates: leg.candidates }
        };
        self.find(cause, Some(leg), lacks, since);
        false
    }

    fn examine_published(&mut self, leg: &Leg) {
        let is_camera = self.person.kind == Kind::Camera;
        // A camera has no peer connection.
        if !is_camera && !self.examine_way(leg, Lacks::Both) {
            return;
        }
        let connected_at = leg.connected_at.or(leg.agreed_at).unwrap_or(leg.negotiating_at);
        let waits = self.now >= connected_at + PATIENCE;
        if let Some(silent_at) = leg.silent_at.filter(|_| leg.audio_active || leg.video_active) {
            return self.find(Cause::Silent, Some(leg), Lacks::Both, silent_at);
        }
        if leg.audio_at.is_none() && leg.video_at.is_none() && waits && !is_camera {
            return self.find(Cause::NothingSent, Some(leg), Lacks::Both, connected_at);
        }
        match (leg.has_audio, leg.has_video) {
            (false, _) => self.find(Cause::WithoutSound, Some(leg), Lacks::Sound, connected_at),
            (_, false) => self.find(Cause::WithoutPicture, Some(leg), Lacks::Picture, connected_at),
            _ => {}
        }
        if leg.has_audio && !leg.audio_active {
            self.find(Cause::Muted, Some(leg), Lacks::Sound, connected_at);
        }
        if leg.has_video && !leg.video_active {
            self.find(Cause::CameraOff, Some(leg), Lacks::Picture, connected_at);
        } else if let Some(video_at) = leg.video_at.filter(|at| leg.key_frame_at.is_none() && self.now >= at + PATIENCE)
        {
            self.find(Cause::NoKeyFrame, Some(leg), Lacks::Picture, video_at);
        } else if let Some(still_at) = leg.still_at.filter(|_| leg.source != "SCREEN") {
            self.find(Cause::Still, Some(leg), Lacks::Picture, still_at);
        }
        self.examine_figures(leg, |permille| Cause::LossyUplink { permille });
    }

    fn examine_received(&mut self, published: &Leg, received: Option<&Leg>, joined_at: Millis) {
        let person = self.person;
        let flows = published.audio_at.is_some() || published.video_at.is_some();
        let refused = person.obstacles.iter().rev().find(
            |obstacle| matches!(&obstacle.wanted, Wanted::Receive(stream) if *stream == published.stream.as_str()),
        );
        let open = received.filter(|leg| leg.closed_at.is_none_or(|at| at >= self.now));
        let Some(leg) = open else {
            if let Some(refused) = refused {
                let cause = match &refused.why {
                    Why::Codec(codec) => Cause::SubscriberLacksCodec { codec: codec.clone() },
                    Why::Description => Cause::DescriptionUnusable,
                    Why::Internal => Cause::ServerFailed,
                    _ => return,
                };
                return self.find(cause, Some(published), Lacks::Both, refused.at);
            }
            let since = joined_at.max(published.agreed_at.unwrap_or(published.negotiating_at));
            let given_up = received.is_some();
            if person.kind == Kind::Client && flows && !given_up && self.now >= since + HESITATION {
                self.find(Cause::NotSubscribed, Some(published), Lacks::Both, since);
            }
            return;
        };
        // What is not there cannot come: the publisher's own finding says why.
        if !self.examine_way(leg, Lacks::Both) || !flows {
            return;
        }
        if let Some((why, since)) = leg.pause.filter(|_| published.has_video && published.video_active) {
            let cause = match why {
                PicturePause::Bandwidth => Cause::Bandwidth { estimate_bps: leg.figures.estimate_bps },
                PicturePause::NotChosen => Cause::NotChosen,
                PicturePause::Unwanted => Cause::Unwanted,
            };
            self.find(cause, Some(leg), Lacks::Picture, since);
        } else if let Some(connected_at) = leg.connected_at
            && let Some(shown_at) = published.key_frame_at
            && leg.key_frame_at.is_none()
            && published.video_active
            && published.still_at.is_none()
            && published.silent_at.is_none()
            && self.now >= connected_at.max(shown_at) + PATIENCE
        {
            self.find(Cause::NoKeyFrame, Some(leg), Lacks::Picture, connected_at);
        }
        self.examine_figures(leg, |permille| Cause::LossyDownlink { permille });
    }

    fn examine_figures(&mut self, leg: &Leg, lossy: impl Fn(u16) -> Cause) {
        let figures = &leg.figures;
        if self.now > figures.at + RECENT {
            return;
        }
        if let Some(permille) = figures.lost_permille.filter(|permille| *permille >= LOSSY) {
            self.find(lossy(permille), Some(leg), Lacks::Nothing, figures.at);
        } else if figures.frozen_ms >= FROZEN {
            self.find(Cause::Freezes { ms: figures.frozen_ms }, Some(leg), Lacks::Nothing, figures.at);
        }
        if let Some(ms) = figures.round_trip_ms.filter(|ms| *ms >= LONG_WAY) {
            self.find(Cause::LongWay { ms }, Some(leg), Lacks::Nothing, figures.at);
        }
    }
}

/// Whether somebody who comes from there can reach none of these: all are of private networks, and it does not come from one.
fn leads_nowhere(offered: &[SocketAddr], client: &str) -> bool {
    let Ok(client) = client.parse::<IpAddr>() else { return false };
    let is_inside = |ip: IpAddr| match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    };
    let of_same = |ip: &SocketAddr| ip.ip().is_ipv4() == client.to_canonical().is_ipv4();
    let fitting: Vec<_> = offered.iter().filter(|address| of_same(address)).collect();
    let only_itself = !fitting.is_empty() && fitting.iter().all(|address| address.ip().is_loopback());
    let hidden = fitting.iter().all(|address| is_inside(address.ip()));
    fitting.is_empty() || (only_itself && !client.is_loopback()) || (hidden && !is_inside(client))
}
