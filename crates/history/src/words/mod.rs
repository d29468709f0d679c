//! Findings, incidents and timelines in words, for people who have not heard of ICE.

mod english;
mod korean;

use protocol::language::Language;

use crate::diagnosis::{Cause, Finding};
use crate::incident::Incidents;
use crate::story::{Happening, Person, Story, What};

/// Why, and what to do about it. Nothing to do is an empty text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// One sentence.
    pub sentence: String,
    /// One or two.
    pub advice: String,
}

/// A finding about somebody of this name.
pub fn finding(language: Language, story: &Story, name: &str, finding: &Finding) -> Told {
    let other = finding.about.as_ref().and_then(|about| story.person(about.as_str()));
    tell(language, name, &other.map_or_else(String::new, Person::name), finding)
}

fn tell(language: Language, name: &str, other: &str, finding: &Finding) -> Told {
    let (sentence, advice) = match language {
        Language::English => english::finding(name, other, finding),
        Language::Korean => korean::finding(name, other, finding),
    };
    Told { sentence, advice }
}

/// The same in English for those who are not to learn who somebody is: people are called by their connections' ids, and are nowhere.
pub fn finding_by_id(person: &Person, finding: &Finding) -> Told {
    let mut finding = finding.clone();
    if let Cause::WrongAddress { client, .. } = &mut finding.cause {
        "another network".clone_into(client);
    }
    let other = finding.about.clone();
    let other = other.as_ref().map_or("", |about| about.as_str());
    tell(Language::English, person.connection.as_str(), other, &finding)
}

/// What goes wrong outside of sessions.
pub fn incident(language: Language, incidents: &Incidents) -> Told {
    let (sentence, advice) = match language {
        Language::English => english::incident(incidents),
        Language::Korean => korean::incident(incidents),
    };
    Told { sentence, advice }
}

/// An entry of a timeline. `from` is the name of the stream's publisher, if it is somebody else.
pub fn happening(language: Language, what: &What, from: Option<&str>) -> String {
    match language {
        Language::English => english::happening(what, from),
        Language::Korean => korean::happening(what, from),
    }
}

/// For programs, and for the signs in front of entries.
pub fn code(Happening { what, .. }: &Happening) -> (&'static str, crate::diagnosis::Level) {
    use crate::diagnosis::Level::{Bad, Info, Warning};
    match what {
        What::Invited { .. } => ("invited", Info),
        What::Withdrawn => ("withdrawn", Info),
        What::Joined { .. } => ("joined", Info),
        What::CameBack => ("came-back", Info),
        What::SocketLost => ("socket-lost", Warning),
        What::SocketBack => ("socket-back", Info),
        What::RoleChanged { .. } => ("role-changed", Info),
        What::Refused { .. } => ("refused", Warning),
        What::Publishing { .. } => ("publishing", Info),
        What::Offered => ("offered", Info),
        What::Agreed => ("agreed", Info),
        What::Checked => ("reached", Info),
        What::Reached { .. } => ("path", Info),
        What::Moved { .. } => ("moved", Info),
        What::Connected => ("connected", Info),
        What::Cut => ("cut", Bad),
        What::First { .. } => ("first-packet", Info),
        What::KeyFrame => ("first-key-frame", Info),
        What::Layer { .. } => ("layer", Info),
        What::Paused { .. } => ("paused", Warning),
        What::Resumed => ("resumed", Info),
        What::Silent => ("silent", Bad),
        What::Still => ("still", Warning),
        What::Heard => ("heard", Info),
        What::Microphone { .. } => ("microphone", Info),
        What::Camera { .. } => ("camera", Info),
        What::Quality { level } => ("quality", if *level <= 2 { Warning } else { Info }),
        What::Froze { .. } => ("froze", Warning),
        What::Lossy { .. } => ("lossy", Warning),
        What::Closed { .. } => ("closed", Info),
        What::Left { .. } => ("left", Info),
        What::SessionMade => ("session-made", Info),
        What::SessionEnded { .. } => ("session-ended", Info),
        What::Recording { status, .. } => {
            ("recording", if *status == protocol::event::RecordingStatus::Failed { Bad } else { Info })
        }
        What::Broadcast { .. } => ("broadcast", Info),
    }
}

fn join<T: std::fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Each once.
fn ports(addresses: &[std::net::SocketAddr]) -> String {
    let mut ports: Vec<_> = addresses.iter().map(std::net::SocketAddr::port).collect();
    ports.sort_unstable();
    ports.dedup();
    join(&ports)
}
