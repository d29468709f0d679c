//! Who wants the media of publications that are only made while somebody does: read off what media workers are asked for, on its
//! way to them, so that no rule has to remember to say it.

use std::collections::{HashMap, HashSet, VecDeque};

use protocol::id::{PublicationId, RouterId, TapId, TransportId};
use protocol::media::MediaOperation;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Demand {
    watched: HashMap<PublicationId, Wanted>,
    /// Those that are wanted by somebody now, or by nobody any more.
    changed: VecDeque<PublicationId>,
}

#[derive(Debug, Default)]
struct Wanted {
    /// Of the session.
    room: u64,
    transports: HashSet<TransportId>,
    taps: HashSet<TapId>,
}

impl Wanted {
    fn is_wanted(&self) -> bool {
        !self.transports.is_empty() || !self.taps.is_empty()
    }
}

impl Demand {
    /// From now on, until it is closed.
    pub(crate) fn watch(&mut self, publication: PublicationId, router: RouterId) {
        self.watched.insert(publication, Wanted { room: router.number, ..Wanted::default() });
    }

    pub(crate) fn is_wanted(&self, publication: PublicationId) -> bool {
        self.watched.get(&publication).is_some_and(Wanted::is_wanted)
    }

    /// One whose [`Demand::is_wanted`] may be another now.
    pub(crate) fn take_changed(&mut self) -> Option<PublicationId> {
        self.changed.pop_front()
    }

    /// A subscription has come to nothing.
    pub(crate) fn forget(&mut self, transport: TransportId) {
        self.change_all(|wanted| {
            wanted.transports.remove(&transport);
        });
    }

    /// A media worker is asked for something.
    pub(crate) fn sent(&mut self, router: RouterId, operation: &MediaOperation) {
        if self.watched.is_empty() {
            return;
        }
        match operation {
            MediaOperation::Subscribe { publication, transport, .. } => {
                self.change(*publication, |wanted| wanted.transports.insert(*transport));
            }
            MediaOperation::CloseTransport { transport } => self.forget(*transport),
            MediaOperation::SetTap { tap, publication, .. } => {
                self.remove_tap(*tap);
                self.change(*publication, |wanted| wanted.taps.insert(*tap));
            }
            MediaOperation::RemoveTap { tap } => self.remove_tap(*tap),
            MediaOperation::ClosePublication { publication } => drop(self.watched.remove(publication)),
            MediaOperation::CloseRouter => self.watched.retain(|_, wanted| wanted.room != router.number),
            _ => {}
        }
    }

    fn remove_tap(&mut self, tap: TapId) {
        self.change_all(|wanted| {
            wanted.taps.remove(&tap);
        });
    }

    fn change_all(&mut self, change: impl Fn(&mut Wanted)) {
        for (publication, wanted) in &mut self.watched {
            let before = wanted.is_wanted();
            change(wanted);
            if wanted.is_wanted() != before {
                self.changed.push_back(*publication);
            }
        }
    }

    fn change(&mut self, publication: PublicationId, change: impl FnOnce(&mut Wanted) -> bool) {
        let Some(wanted) = self.watched.get_mut(&publication) else { return };
        let before = wanted.is_wanted();
        change(wanted);
        if wanted.is_wanted() != before {
            self.changed.push_back(publication);
        }
    }
}
