//! Who may do what. Nothing else in this crate looks at roles.

use protocol::model::Role;

use crate::command::FilterCommand;
use crate::connection::{Access, Participant, PendingConnection};

impl PendingConnection {
    /// Whoever comes with its token may.
    pub(crate) fn may_publish(&self) -> bool {
        publishes(self.properties.role)
    }
}

/// Publishers and moderators do.
fn publishes(role: Role) -> bool {
    role != Role::Subscriber
}

impl Participant {
    /// What the client is told it may do. Who joined by secret is called a subscriber, whatever it may do besides.
    pub(crate) fn role(&self) -> Role {
        match &self.access {
            Access::Token { properties, .. } => properties.role,
            Access::Secret(_) | Access::Page(_) | Access::Viewer | Access::Camera(_) => Role::Subscriber,
        }
    }

    /// Publishers and moderators publish. The deployment's secret opens every door, but there is no token to publish
    /// with: see [`Self::lacks_token_to_publish`].
    pub(crate) fn may_publish(&self) -> bool {
        match &self.access {
            Access::Token { properties, .. } => publishes(properties.role),
            Access::Secret(_) => true,
            Access::Page(_) | Access::Viewer | Access::Camera(_) => false,
        }
    }

    /// The original lets those who joined by secret pass the check and then fails: their publications have no owner's
    /// token to take limits from.
    pub(crate) fn lacks_token_to_publish(&self) -> bool {
        matches!(self.access, Access::Secret(_))
    }

    /// Ending other people's streams and connections.
    pub(crate) fn may_moderate(&self) -> bool {
        match &self.access {
            Access::Token { properties, .. } => properties.role == Role::Moderator,
            Access::Secret(_) => true,
            Access::Page(_) | Access::Viewer | Access::Camera(_) => false,
        }
    }

    /// Doing something with a filter of a stream, its own or somebody's.
    pub(crate) fn may_filter(&self, command: &FilterCommand, owns_stream: bool) -> bool {
        let allows = match command {
            FilterCommand::Apply { kind, .. } => self.is_allowed_filter(kind),
            _ => true,
        };
        self.may_moderate() || owns_stream && allows
    }

    /// Publishing with a filter of this kind. The original does not apply it where the token says nothing of filters, and tells
    /// everybody that it does; there, moderators may.
    pub(crate) fn may_publish_filtered(&self, kind: &str) -> bool {
        let says_nothing = match &self.access {
            Access::Token { properties, .. } => properties.kurento_options.is_none(),
            Access::Secret(_) | Access::Page(_) | Access::Viewer | Access::Camera(_) => true,
        };
        if says_nothing { self.may_moderate() } else { self.is_allowed_filter(kind) }
    }

    fn is_allowed_filter(&self, kind: &str) -> bool {
        match &self.access {
            Access::Token { properties, .. } => properties
                .kurento_options
                .as_ref()
                .is_some_and(|options| options.allowed_filters.iter().any(|allowed| allowed == kind)),
            Access::Secret(_) | Access::Page(_) | Access::Viewer | Access::Camera(_) => false,
        }
    }
}
