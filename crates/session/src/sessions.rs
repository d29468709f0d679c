//! The table of sessions. It remembers which one was looked at last, so that after a panic it is known whose rules were at
//! work; what follows from that stands in `defect`.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::Hash;

use protocol::id::SessionId;

use crate::session::Session;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    table: HashMap<SessionId, Session>,
    /// In a cell, since looking is enough to meet what is broken.
    at_work: RefCell<Option<SessionId>>,
}

impl Sessions {
    pub(crate) fn insert(&mut self, id: SessionId, session: Session) {
        self.at_work.replace(Some(id.clone()));
        self.table.insert(id, session);
    }

    pub(crate) fn remove(&mut self, id: &SessionId) -> Option<Session> {
        self.table.remove(id)
    }

    pub(crate) fn get<Id>(&self, id: &Id) -> Option<&Session>
    where
        SessionId: Borrow<Id>,
        Id: Hash + Eq + ?Sized,
    {
        self.table.get(id).inspect(|session| drop(self.at_work.replace(Some(session.id.clone()))))
    }

    pub(crate) fn get_mut<Id>(&mut self, id: &Id) -> Option<&mut Session>
    where
        SessionId: Borrow<Id>,
        Id: Hash + Eq + ?Sized,
    {
        let session = self.table.get_mut(id)?;
        self.at_work.replace(Some(session.id.clone()));
        Some(session)
    }

    /// Does not count as looking at one.
    pub(crate) fn contains(&self, id: &str) -> bool {
        self.table.contains_key(id)
    }

    /// Nor does this.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Session> + Clone {
        self.table.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// The one that was looked at last since this was asked, if any was.
    pub(crate) fn take_at_work(&mut self) -> Option<SessionId> {
        self.at_work.take()
    }
}
