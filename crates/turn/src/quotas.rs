//! What is in use at a time, of all and of each user. Servers that share it share its limits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::credentials;

/// Of one guest: a browser makes one for each of its network interfaces and each way to us.
const PER_GUEST: usize = 16;
/// Of all guests: they must not take what callers need.
const GUESTS: usize = 512;

/// What may be in use at a time.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Allocations of all users; never more than 65 536 in one server.
    pub allocations: usize,
    /// Allocations of one user name.
    pub allocations_per_user: usize,
}

/// See the module. Cheap to clone; clones are the same.
#[derive(Clone, Debug)]
pub struct Quotas {
    limits: Limits,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// Of guests.
    guests: usize,
    /// Of each user.
    users: HashMap<Arc<str>, usize>,
}

/// Which quota is used up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum QuotaReached {
    OfUser,
    OfServer,
}

impl Quotas {
    /// Of which nothing is in use.
    pub fn new(limits: Limits) -> Self {
        Self { limits, taken: Arc::default() }
    }

    /// One more; the user's name as it is kept.
    pub(crate) fn take(&self, user: &str) -> Result<Arc<str>, QuotaReached> {
        let mut taken = self.lock();
        if taken.all >= self.limits.allocations {
            return Err(QuotaReached::OfServer);
        }
        let is_guest = credentials::is_guest(user);
        if is_guest && taken.guests >= GUESTS {
            return Err(QuotaReached::OfUser);
        }
        let most = self.limits.allocations_per_user.min(if is_guest { PER_GUEST } else { usize::MAX });
        let user = match taken.users.get_key_value(user) {
            Some((_, count)) if *count >= most => return Err(QuotaReached::OfUser),
            Some((user, _)) => user.clone(),
            None => Arc::from(user),
        };
        taken.all += 1;
        taken.guests += usize::from(is_guest);
        *taken.users.entry(user.clone()).or_default() += 1;
        Ok(user)
    }

    /// One that was taken is free again.
    pub(crate) fn give_back(&self, user: &str) {
        let mut taken = self.lock();
        taken.all = taken.all.saturating_sub(1);
        taken.guests = taken.guests.saturating_sub(usize::from(credentials::is_guest(user)));
        if let Some(count) = taken.users.get_mut(user) {
            *count -= 1;
            if *count == 0 {
                taken.users.remove(user);
            }
        }
    }

    /// Nothing is in use.
    pub(crate) fn is_untouched(&self) -> bool {
        self.lock().all == 0
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // Nothing that panics is done while it is held.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_share_it_share_its_limits() {
        let quotas = Quotas::new(Limits { allocations: 3, allocations_per_user: 2 });
        let other = quotas.clone();
        assert!(quotas.take("ann").is_ok() && other.take("ann").is_ok());
        assert_eq!(quotas.take("ann"), Err(QuotaReached::OfUser));
        assert!(other.take("bob").is_ok());
        assert_eq!(quotas.take("eve"), Err(QuotaReached::OfServer));
        other.give_back("ann");
        assert!(quotas.take("ann").is_ok());
        ["ann", "ann", "bob"].into_iter().for_each(|user| quotas.give_back(user));
        assert!(other.is_untouched());
    }
}
