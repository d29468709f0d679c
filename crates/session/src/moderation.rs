//! What moderators do to others: forceDisconnect, forceUnpublish; and filters, which somebody may ask for but which this
//! server does not have.

use protocol::error::ErrorCode;
use protocol::event::Reason;
use protocol::rpc::ClientReply;

use crate::client::{Origin, Seat};
use crate::publish::unknown_stream;
use crate::request::{Answer, Answered, refuse};
use crate::{Registry, Time};

impl Registry {
    pub(crate) fn force_disconnect(&mut self, origin: Origin, seat: &Seat, connection: &str, now: Time) -> Answered {
        if !self.may_moderate(seat) {
            let text = "Unable to force disconnect. The user does not have a valid token";
            return refuse(ErrorCode::UserUnauthorized, text);
        }
        let participant = self.sessions.get(&seat.session).and_then(|session| session.visible(connection));
        let Some(participant) = participant else {
            return refuse(ErrorCode::UserNotFound, "Connection not found when calling 'forceDisconnect'");
        };
        let victim = Seat { session: seat.session.clone(), participant };
        self.evict(&victim, Reason::ForceDisconnectByUser, Some(origin), now);
        Ok(Answer::Given)
    }

    /// The moderator's answer comes first, then everybody is told, the owner too.
    pub(crate) fn force_unpublish(&mut self, origin: Origin, seat: &Seat, stream: &str, now: Time) -> Answered {
        if !self.may_moderate(seat) {
            let text = "Unable to force unpublish. The user does not have a valid token";
            return refuse(ErrorCode::UserUnauthorized, text);
        }
        let publisher = self.sessions.get(&seat.session).and_then(|session| session.publisher_of(stream));
        let Some((participant, _)) = publisher else { return Err(unknown_stream(stream, &seat.session)) };
        let publisher = Seat { session: seat.session.clone(), participant };
        let reason = Reason::ForceUnpublishByUser;
        if let Some(owner) = self.end_stream(&publisher, reason, now) {
            self.clients.reply(origin, Ok(ClientReply::Empty {}));
            self.announce_unpublished(&seat.session, None, owner, reason);
        }
        Ok(Answer::Given)
    }

    /// Filters run inside a media server that decodes; ours forwards. Permissions are checked all the same, because
    /// clients tell "you may not" from "it does not work".
    pub(crate) fn filter(&mut self, seat: &Seat, method: &str, stream: &str) -> Answered {
        let Some(session) = self.sessions.get(&seat.session) else { return Err(unknown_stream(stream, &seat.session)) };
        let publisher = session.publisher_of(stream).map(|(publisher, _)| publisher);
        let owns_stream = publisher == Some(seat.participant);
        let allowed = session.participant(seat.participant).is_some_and(|own| own.may_filter(method, owns_stream));
        if !allowed {
            let doing = doing(method);
            let text = format_args!("Unable to {doing}. The user does not have a valid token");
            return refuse(ErrorCode::UserUnauthorized, text);
        }
        if publisher.is_none() {
            let text = format_args!("Stream '{stream}' not found in session '{}'", seat.session);
            return refuse(ErrorCode::UserNotFound, text);
        }
        if method == "applyFilter" {
            let text =
                format_args!("Filters of the server are not available: nothing was applied to stream '{stream}'");
            return refuse(ErrorCode::FilterNotApplied, text);
        }
        let text = format_args!("Stream '{stream}' has no filter applied in session '{}'", seat.session);
        refuse(ErrorCode::FilterNotApplied, text)
    }

    fn may_moderate(&self, seat: &Seat) -> bool {
        self.participant(seat).is_some_and(|own| own.may_moderate())
    }
}

fn doing(method: &str) -> &'static str {
    match method {
        "applyFilter" => "apply filter",
        "removeFilter" => "remove filter",
        "execFilterMethod" => "execute filter method",
        "addFilterEventListener" => "add filter event listener",
        _ => "remove filter event listener",
    }
}
