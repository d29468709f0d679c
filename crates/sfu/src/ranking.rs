//! An order of publications, of which subscribers get the first few: so many each. Whoever is among them stays until somebody else
//! takes the place. Who may do that is decided elsewhere.

use std::collections::{BTreeMap, HashMap};

use protocol::id::PublicationId;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Ranking {
    order: Vec<PublicationId>,
    ranks: HashMap<PublicationId, usize>,
    /// So many places are wanted, by so many subscribers.
    wanted: BTreeMap<usize, usize>,
}

impl Ranking {
    /// At the end, unless it is there.
    pub(crate) fn add(&mut self, id: PublicationId) {
        if let std::collections::hash_map::Entry::Vacant(rank) = self.ranks.entry(id) {
            rank.insert(self.order.len());
            self.order.push(id);
        }
    }

    /// It is gone, and others move up. Those for whom that may matter.
    pub(crate) fn remove(&mut self, id: PublicationId) -> Vec<PublicationId> {
        let Some(rank) = self.ranks.remove(&id) else {
            return Vec::new();
        };
        self.order.remove(rank);
        for (rank, id) in self.order.iter().enumerate().skip(rank) {
            self.ranks.insert(*id, rank);
        }
        self.wanted
            .keys()
            .flat_map(|places| places.checked_sub(1).into_iter().chain([*places]))
            .filter_map(|rank| self.order.get(rank).copied())
            .collect()
    }

    /// Somebody wants so many places; 0: has no use for an order.
    pub(crate) fn want(&mut self, places: u8) {
        for places in borders(places) {
            *self.wanted.entry(places).or_default() += 1;
        }
    }

    /// Not any more.
    pub(crate) fn unwant(&mut self, places: u8) {
        for places in borders(places) {
            if let Some(count) = self.wanted.get_mut(&places) {
                *count -= 1;
                if *count == 0 {
                    self.wanted.remove(&places);
                }
            }
        }
    }

    /// Whether it is among the first `places`; `own` takes none of them. What is not in the order always is.
    pub(crate) fn has_place(&self, id: PublicationId, places: u8, own: Option<PublicationId>) -> bool {
        let places = usize::from(places);
        let is_within = |rank: usize| {
            let own = own.and_then(|own| self.ranks.get(&own));
            rank < places || rank == places && own.is_some_and(|own| *own < places)
        };
        places == 0 || self.ranks.get(&id).is_none_or(|rank| is_within(*rank))
    }

    /// Lets `id` take the places of others, where `weakest` finds one (by its index) among those before it. Those for whom
    /// anything may have changed.
    pub(crate) fn promote(
        &mut self,
        id: PublicationId,
        weakest: impl Fn(&[PublicationId]) -> Option<usize>,
    ) -> Vec<PublicationId> {
        let mut changed = Vec::new();
        let Some(mut rank) = self.ranks.get(&id).copied() else {
            return changed;
        };
        for places in self.wanted.keys().rev() {
            if rank < *places {
                continue;
            }
            let Some(other) = weakest(&self.order[..*places]) else {
                break;
            };
            changed.push(self.order[other]);
            self.ranks.insert(self.order[other], rank);
            self.order.swap(rank, other);
            rank = other;
        }
        if !changed.is_empty() {
            self.ranks.insert(id, rank);
            changed.push(id);
            // Whose own publication comes in or goes out has one place more or less.
            changed.extend(self.wanted.keys().filter_map(|places| self.order.get(*places).copied()));
        }
        changed
    }
}

/// Whoever is among them needs one place more to get as many of the others.
fn borders(places: u8) -> impl Iterator<Item = usize> {
    let places = usize::from(places);
    [places, places + 1].into_iter().filter(move |_| places > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: impl IntoIterator<Item = u64>) -> Vec<PublicationId> {
        numbers.into_iter().map(PublicationId).collect()
    }

    fn ranking(publications: u64, places: u8) -> Ranking {
        let mut ranking = Ranking::default();
        ranking.want(places);
        ids(0..publications).into_iter().for_each(|id| ranking.add(id));
        ranking
    }

    fn seen(ranking: &Ranking, publications: u64, places: u8, own: Option<u64>) -> Vec<PublicationId> {
        let own = own.map(PublicationId);
        ids(0..publications).into_iter().filter(|id| Some(*id) != own && ranking.has_place(*id, places, own)).collect()
    }

    #[test]
    fn the_first_have_a_place_and_who_is_among_them_sees_one_more() {
        let ranking = ranking(6, 2);
        assert_eq!(seen(&ranking, 6, 2, None), ids([0, 1]));
        assert_eq!(seen(&ranking, 6, 2, Some(5)), ids([0, 1]));
        assert_eq!(seen(&ranking, 6, 2, Some(1)), ids([0, 2]));
        assert_eq!(seen(&ranking, 6, 0, None), ids(0..6));
    }

    #[test]
    fn somebody_takes_the_place_of_the_weakest_and_nobody_elses() {
        let mut ranking = ranking(6, 2);
        let changed = ranking.promote(PublicationId(5), |before| (before.len() == 3).then_some(0));
        assert_eq!(seen(&ranking, 6, 2, None), ids([1, 5]));
        assert!([0, 5].iter().all(|id| changed.contains(&PublicationId(*id))));
        assert_eq!(ranking.promote(PublicationId(4), |_| None), ids([]));
        assert_eq!(ranking.promote(PublicationId(5), |_| Some(0)), ids([]), "it has one already");
    }

    #[test]
    fn those_who_want_fewer_get_those_who_matter_most() {
        let mut ranking = ranking(6, 3);
        ranking.want(1);
        // The weakest is always the last of them.
        ranking.promote(PublicationId(5), |before| Some(before.len() - 1));
        assert_eq!(seen(&ranking, 6, 1, None), ids([5]));
        assert_eq!(seen(&ranking, 6, 3, None), ids([0, 1, 5]));
        ranking.unwant(1);
        ranking.unwant(3);
        assert_eq!(ranking.promote(PublicationId(0), |_| Some(0)), ids([]), "nobody wants an order");
    }

    #[test]
    fn somebody_moves_up_when_another_one_goes() {
        let mut ranking = ranking(4, 2);
        assert!(ranking.remove(PublicationId(0)).contains(&PublicationId(2)));
        assert_eq!(seen(&ranking, 4, 2, None), ids([0, 1, 2]), "what is not in the order is always forwarded");
        ranking.add(PublicationId(0));
        assert_eq!(seen(&ranking, 4, 2, None), ids([1, 2]));
    }
}
