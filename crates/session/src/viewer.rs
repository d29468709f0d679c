//! Looking into a session without being seen: what lets in the operator, who watches from a dashboard. Each pass lets one
//! client in, once and soon.

use std::time::Duration;

use protocol::recording::PagePass;
use subtle::ConstantTimeEq;

use crate::registry::NotFound;
use crate::session::Session;
use crate::{Registry, Time};

/// From the click to the join.
const LIFETIME: Duration = Duration::from_secs(60);
/// Of one session at a time.
const MOST: usize = 16;

/// A pass that nobody has used.
#[derive(Debug)]
pub(crate) struct View {
    pass: PagePass,
    until: Time,
}

impl Registry {
    /// Makes a pass, with which a client joins in the place of the deployment's secret.
    ///
    /// # Errors
    /// There is no such session.
    pub fn make_view(&mut self, session: &str, now: Time) -> Result<PagePass, NotFound> {
        let entry = self.sessions.get_mut(session).ok_or(NotFound::Session)?;
        let pass = self.cx.ids.page_pass().ok_or(NotFound::Session)?;
        entry.views.retain(|view| now < view.until);
        if entry.views.len() == MOST {
            entry.views.remove(0);
        }
        entry.views.push(View { pass: pass.clone(), until: now + LIFETIME });
        Ok(pass)
    }
}

impl Session {
    /// Whether this is one; it is not any more.
    pub(crate) fn redeem_view(&mut self, given: &str, now: Time) -> bool {
        let is_it = |view: &View| now < view.until && bool::from(view.pass.expose().as_bytes().ct_eq(given.as_bytes()));
        let found = self.views.iter().position(is_it);
        if let Some(found) = found {
            self.views.remove(found);
        }
        found.is_some()
    }
}
