//! A big room: which publications each subscriber gets who wants only some at a time. Pictures are of those who spoke last, sound is
//! of the loudest; what is pinned is forwarded beside them. It moves no packets: what follows from a choice is done in
//! `selecting.rs`.
//!
//! A place is kept until somebody needs it. *Sound*: the first packet that is audible takes the place of somebody who is silent, so
//! that no word loses its beginning; a place of somebody who makes sound is taken only by who is clearly louder. *Pictures*: a
//! change costs a key frame, so it takes somebody who speaks, and whose place it takes has finished, unless they go on and on.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use protocol::id::{PublicationId, SubscriberId};
use protocol::media::Selection;

use crate::packet::{MediaKind, Packet};
use crate::ranking::Ranking;
use crate::slots::Slot;
use crate::voice::Voice;

/// Louder than another one by so much, in dB, is clearly louder: over some words,…
const LOUDER: f32 = 6.0;
/// …or at once.
const MUCH_LOUDER: f32 = 15.0;
/// A picture of somebody who speaks stays for so long at least.
const STAY: Duration = Duration::from_secs(5);

/// What a subscriber gets of a publication.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Choice {
    pub(crate) sound: bool,
    pub(crate) picture: bool,
}

impl Choice {
    /// As where nobody chooses.
    pub(crate) const ALL: Self = Self { sound: true, picture: true };
}

/// How many consumers of a publication are given its sound, and its pictures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Audience {
    sound: usize,
    picture: usize,
}

impl Audience {
    /// A consumer has come.
    pub(crate) fn add(&mut self, choice: Choice) {
        self.sound += usize::from(choice.sound);
        self.picture += usize::from(choice.picture);
    }

    /// It has gone.
    pub(crate) fn remove(&mut self, choice: Choice) {
        self.sound -= usize::from(choice.sound);
        self.picture -= usize::from(choice.picture);
    }

    /// One of these packets is for somebody.
    pub(crate) fn takes_any(self, packets: &[Packet]) -> bool {
        packets.iter().any(|packet| match packet.kind {
            MediaKind::Audio => self.sound > 0,
            MediaKind::Video => self.picture > 0,
        })
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct BigRoom {
    viewers: HashMap<SubscriberId, Viewer>,
    /// Of publications that tell their levels.
    voices: HashMap<PublicationId, Voice>,
    /// Those of `voices`, by loudness.
    sounds: Ranking,
    /// Those that are no screens, by when somebody spoke in them.
    pictures: Ranking,
    /// Since when they have their places.
    shown: HashMap<PublicationId, Instant>,
}

/// A subscriber who wants some only.
#[derive(Debug)]
struct Viewer {
    selection: Selection,
    /// The transports to it.
    legs: Vec<Slot>,
}

impl BigRoom {
    /// Somebody wants this from now on. `legs` are the transports to it, if they are not known here.
    pub(crate) fn select(
        &mut self,
        who: SubscriberId,
        selection: Selection,
        legs: impl FnOnce() -> Vec<Slot>,
    ) -> &[Slot] {
        self.sounds.want(selection.loudest);
        self.pictures.want(selection.last_n);
        let viewer =
            self.viewers.entry(who).or_insert_with(|| Viewer { selection: Selection::default(), legs: legs() });
        let former = std::mem::replace(&mut viewer.selection, selection);
        self.sounds.unwant(former.loudest);
        self.pictures.unwant(former.last_n);
        &viewer.legs
    }

    /// Somebody wants everything again, over these transports.
    pub(crate) fn forget_viewer(&mut self, who: SubscriberId) -> Vec<Slot> {
        let Some(Viewer { selection, legs }) = self.viewers.remove(&who) else {
            return Vec::new();
        };
        self.sounds.unwant(selection.loudest);
        self.pictures.unwant(selection.last_n);
        legs
    }

    /// Everybody wants everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.viewers.is_empty()
    }

    /// There is another transport to somebody.
    pub(crate) fn add_leg(&mut self, who: SubscriberId, leg: Slot) {
        if let Some(viewer) = self.viewers.get_mut(&who) {
            viewer.legs.push(leg);
        }
    }

    /// A transport is gone.
    pub(crate) fn remove_leg(&mut self, who: SubscriberId, leg: Slot) {
        if let Some(viewer) = self.viewers.get_mut(&who) {
            viewer.legs.retain(|present| *present != leg);
        }
    }

    /// A publication has pictures, of which some may get none.
    pub(crate) fn add_pictures(&mut self, id: PublicationId) {
        self.pictures.add(id);
    }

    /// It is gone. Those for whom that may matter.
    pub(crate) fn remove(&mut self, id: PublicationId) -> Vec<PublicationId> {
        self.voices.remove(&id);
        self.shown.remove(&id);
        let mut changed = self.sounds.remove(id);
        changed.append(&mut self.pictures.remove(id));
        changed
    }

    /// A packet of sound tells its level, in dBov. Publications for which anything may have changed.
    pub(crate) fn heard(&mut self, id: PublicationId, level: i8, now: Instant) -> Vec<PublicationId> {
        let mut changed = Vec::new();
        let voice = self.voices.entry(id).or_insert_with(|| {
            // Until now everybody got it.
            self.sounds.add(id);
            changed.push(id);
            Voice::new(now)
        });
        voice.heard(level, now);
        let voice = *voice;
        if voice.is_audible() {
            changed.extend(self.sounds.promote(id, |before| quietest(before, &self.voices, voice, now)));
        }
        if voice.speaks() {
            let pictures =
                self.pictures.promote(id, |before| most_silent(before, &self.voices, &self.shown, voice, now));
            if !pictures.is_empty() {
                self.shown.insert(id, now);
                changed.extend(pictures);
            }
        }
        changed
    }

    /// What somebody gets of a publication.
    pub(crate) fn choice(&self, who: Option<SubscriberId>, id: PublicationId) -> Choice {
        let Some(Viewer { selection, .. }) = who.and_then(|who| self.viewers.get(&who)) else {
            return Choice::ALL;
        };
        if selection.pinned.contains(&id) {
            return Choice::ALL;
        }
        Choice {
            sound: self.sounds.has_place(id, selection.loudest, selection.own),
            picture: self.pictures.has_place(id, selection.last_n, selection.own),
        }
    }
}

/// Which of these loses its place to that voice.
fn quietest(
    before: &[PublicationId],
    voices: &HashMap<PublicationId, Voice>,
    voice: Voice,
    now: Instant,
) -> Option<usize> {
    let others = before.iter().enumerate().filter_map(|(index, id)| Some((index, voices.get(id)?)));
    let silent = others.clone().filter(|(_, other)| !other.sounds(now)).min_by_key(|(_, other)| other.audible());
    let sounding = others.min_by(|(_, one), (_, other)| one.loudness().total_cmp(&other.loudness()));
    let is_louder =
        |other: &Voice| voice.loudness() > other.loudness() + LOUDER || voice.level() > other.loudness() + MUCH_LOUDER;
    silent.or(sounding.filter(|(_, other)| is_louder(other))).map(|(index, _)| index)
}

/// Which of these loses its picture to that speaker.
fn most_silent(
    before: &[PublicationId],
    voices: &HashMap<PublicationId, Voice>,
    shown: &HashMap<PublicationId, Instant>,
    speaker: Voice,
    now: Instant,
) -> Option<usize> {
    let spoke = |id: &PublicationId| voices.get(id).and_then(Voice::spoke);
    let has_the_word = |id: &PublicationId| voices.get(id).is_some_and(|voice| voice.has_the_word(now));
    let (index, longest_silent) = before.iter().enumerate().min_by_key(|(_, id)| spoke(id))?;
    if !has_the_word(longest_silent) {
        return Some(index);
    }
    // All of them speak, and so does somebody whom nobody sees.
    let since = |id: &PublicationId| shown.get(id).copied();
    let stays = |id: &PublicationId| since(id).is_some_and(|since| now.saturating_duration_since(since) < STAY);
    let others = before.iter().enumerate().filter(|(_, id)| speaker.speaks_long() && !stays(id));
    others.min_by_key(|(_, id)| since(id)).map(|(index, _)| index)
}
