//! How it was, as people say themselves after a call.

use crate::story::{Feedback, Person, Story};

/// So often somebody may say it; the last time counts.
pub const MOST_RATINGS: u8 = 5;

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rated {
    /// It stands in the story, in place of what was said before.
    Kept,
    /// Nobody of that connection was in a session that is kept.
    NotThere,
    /// It was said as often as may be.
    TooOften,
}

impl Story {
    /// Somebody who was in it says how it was.
    pub(crate) fn rate(&mut self, connection: &str, feedback: Feedback) -> Rated {
        let came = |person: &&mut Person| person.connection.as_str() == connection && person.joined_at.is_some();
        let Some(person) = self.people.iter_mut().find(came) else { return Rated::NotThere };
        if person.ratings >= MOST_RATINGS {
            return Rated::TooOften;
        }
        person.ratings += 1;
        person.feedback = Some(feedback);
        Rated::Kept
    }
}
