//! Which of a session's streams a participant is given at a time: so many of those who speak, and those that the application has
//! pinned for it. Here is what it wants; who speaks is seen in the media workers.

use protocol::id::StreamId;
use protocol::media::{MediaOperation, Selection};
use protocol::model::ConnectionProperties;

use crate::connection::{Access, Participant};
use crate::context::Context;
use crate::id::ParticipantId;
use crate::registry::NotFound;
use crate::session::Session;

impl Session {
    /// Tells the media worker what a participant wants, if that has changed.
    pub(crate) fn select(&mut self, who: ParticipantId, cx: &mut Context) {
        let Some(own) = self.participant(who) else { return };
        let (selection, room) = (self.selection_of(own), own.room);
        if let Some(own) = self.participant_mut(who).filter(|own| own.selection != selection) {
            own.selection = selection.clone();
            cx.effects.media(room, MediaOperation::Select { subscriber: who.as_subscriber(), selection });
        }
    }

    /// The same, whether or not it has changed: a media worker that has started anew has forgotten it.
    pub(crate) fn select_again(&self, who: ParticipantId, cx: &mut Context) {
        if let Some(own) = self.participant(who).filter(|own| own.selection != Selection::default()) {
            let (subscriber, selection) = (who.as_subscriber(), own.selection.clone());
            cx.effects.media(own.room, MediaOperation::Select { subscriber, selection });
        }
    }

    /// Those who joined by secret want everything: they record, or watch over everybody.
    fn selection_of(&self, own: &Participant) -> Selection {
        let Access::Token { properties, .. } = &own.access else { return Selection::default() };
        let selection = Selection {
            last_n: properties.last_n.unwrap_or(self.properties.last_n),
            loudest: properties.loudest.unwrap_or(self.properties.loudest),
            ..Selection::default()
        };
        if selection.is_everything() {
            return Selection::default();
        }
        let pinned = properties.pinned.iter().filter_map(|stream| self.publisher_of(stream.as_str()));
        let pinned = pinned.map(|(_, stream)| stream.publication).collect();
        Selection { own: own.stream.as_ref().map(|stream| stream.publication), pinned, ..selection }
    }

    /// The streams that an application has named, if they are here: each once.
    pub(crate) fn check_pinned(&self, streams: &[StreamId]) -> Result<Vec<StreamId>, NotFound> {
        let mut pinned = Vec::new();
        for stream in streams {
            self.publisher_of(stream.as_str()).ok_or(NotFound::Stream)?;
            if !pinned.contains(stream) {
                pinned.push(stream.clone());
            }
        }
        Ok(pinned)
    }

    /// A stream has ended: nobody has pinned it any more.
    pub(crate) fn unpin(&mut self, stream: &StreamId, cx: &mut Context) {
        for pending in self.pending_all_mut() {
            unpinned(&mut pending.properties, stream);
        }
        let participants = self.participants_mut().filter_map(|(id, participant)| match &mut participant.access {
            Access::Token { properties, .. } => unpinned(properties, stream).then_some(id),
            Access::Secret(_) | Access::Page(_) | Access::Viewer | Access::Camera(_) => None,
        });
        for participant in participants.collect::<Vec<_>>() {
            self.select(participant, cx);
        }
    }
}

impl Participant {
    /// It has left: the media worker forgets what it wanted.
    pub(crate) fn forget_selection(&self, who: ParticipantId, cx: &mut Context) {
        if self.selection != Selection::default() {
            let (subscriber, selection) = (who.as_subscriber(), Selection::default());
            cx.effects.media(self.room, MediaOperation::Select { subscriber, selection });
        }
    }
}

/// `true`: it was pinned.
fn unpinned(properties: &mut ConnectionProperties, stream: &StreamId) -> bool {
    let before = properties.pinned.len();
    properties.pinned.retain(|pinned| pinned != stream);
    properties.pinned.len() < before
}
