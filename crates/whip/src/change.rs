//! What a `PATCH` does: candidates are told, or ICE begins anew (RFC 9725 §4.3).
//!
//! The entity tag of a resource names its session of ICE. Who tells candidates must say of which one, since those of the one before
//! are of no use any more.

use session::{CallerView, ClientCommand};

use crate::answer::entity_tag;
use crate::sdp::Lines;
use crate::{Fragment, Problem};

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// To be done, all of it; there is nothing to say about it.
    Candidates(Vec<ClientCommand>),
    /// To be done first, and then the rest.
    Restart {
        /// Its reply tells our new credentials.
        command: ClientCommand,
        /// The client's new ones.
        candidates: Vec<ClientCommand>,
    },
}

impl Change {
    /// Of a resource, under a condition (`If-Match`).
    pub fn of(resource: &CallerView, condition: Option<&str>, fragment: Fragment) -> Result<Self, Problem> {
        let Some(endpoint) = &resource.endpoint else {
            return Err(Problem::conflict("There is no peer connection any more"));
        };
        let condition = condition.ok_or_else(Problem::precondition_required)?;
        if !holds(condition, &entity_tag(resource.restarts)) {
            return Err(Problem::precondition_failed());
        }
        let endpoint = endpoint.to_string();
        let candidate = |candidate: String| ClientCommand::AddCandidate { endpoint: endpoint.clone(), candidate };
        let is_new = fragment.ufrag.as_deref().is_some_and(|ufrag| Some(ufrag) != known_ufrag(resource));
        let credentials = if is_new { fragment.credentials()? } else { None };
        let candidates = fragment.candidates.into_iter().map(candidate).collect();
        Ok(match credentials {
            Some(credentials) => {
                Self::Restart { command: ClientCommand::RestartIce { endpoint, credentials }, candidates }
            }
            None => Self::Candidates(candidates),
        })
    }
}

/// RFC 9110 §13.1.1: a weak tag never matches.
fn holds(condition: &str, tag: &str) -> bool {
    condition.split(',').map(str::trim).any(|listed| listed == "*" || listed == tag)
}

/// By which name the client's ICE goes at present.
fn known_ufrag(resource: &CallerView) -> Option<&str> {
    let offered = || Lines::of(&resource.remote_sdp).ok()?.find("ice-ufrag");
    resource.remote_ufrag.as_deref().or_else(offered)
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use protocol::media::IceCredentials;

    use super::*;
    use crate::offer::tests::OFFER;

    const PASSWORD: &str = "8nS8ZLrsZFXBNGT1s5LgYN";

    fn resource(restarts: u32, ufrag: Option<&str>) -> CallerView {
        CallerView {
            client: "handle".into(),
            endpoint: Some("con_own".into()),
            restarts,
            remote_sdp: OFFER.into(),
            remote_ufrag: ufrag.map(str::to_owned),
        }
    }

    fn change(resource: &CallerView, condition: Option<&str>, ufrag: &str) -> Result<Change, StatusCode> {
        let fragment = format!("a=ice-ufrag:{ufrag}\r\na=ice-pwd:{PASSWORD}\r\nm=audio 9 RTP 0\r\na=candidate:1\r\n");
        let fragment = Fragment::parse(fragment.as_bytes()).unwrap();
        Change::of(resource, condition, fragment).map_err(|problem| problem.status)
    }

    fn candidates() -> Vec<ClientCommand> {
        vec![ClientCommand::AddCandidate { endpoint: "con_own".to_owned(), candidate: "candidate:1".to_owned() }]
    }

    #[test]
    fn candidates_are_told_of_the_session_of_ice_that_there_is() {
        let first = resource(0, None);
        for condition in ["\"0\"", "*", "\"7\", \"0\""] {
            assert_eq!(change(&first, Some(condition), "Dlte"), Ok(Change::Candidates(candidates())), "{condition}");
        }
        assert_eq!(change(&first, None, "Dlte"), Err(StatusCode::PRECONDITION_REQUIRED));
        for condition in ["\"1\"", "W/\"0\"", "0", ""] {
            assert_eq!(change(&first, Some(condition), "Dlte"), Err(StatusCode::PRECONDITION_FAILED), "{condition}");
        }
        let later = resource(3, Some("Next"));
        assert_eq!(change(&later, Some("\"3\""), "Next"), Ok(Change::Candidates(candidates())));
        assert_eq!(change(&later, Some("\"0\""), "Dlte"), Err(StatusCode::PRECONDITION_FAILED));
    }

    #[test]
    fn a_new_name_begins_ice_anew() {
        let credentials = IceCredentials { ufrag: "Next".to_owned(), password: PASSWORD.to_owned() };
        let command = ClientCommand::RestartIce { endpoint: "con_own".to_owned(), credentials };
        let restart = Ok(Change::Restart { command, candidates: candidates() });
        assert_eq!(change(&resource(0, None), Some("*"), "Next"), restart);
        assert_eq!(change(&resource(2, Some("Dlte")), Some("*"), "Next"), restart);
        assert_eq!(change(&resource(0, None), None, "Next"), Err(StatusCode::PRECONDITION_REQUIRED));
        let without_password = Fragment::parse(b"a=ice-ufrag:Next").unwrap();
        let refused = Change::of(&resource(0, None), Some("*"), without_password).unwrap_err();
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        let gone = CallerView { endpoint: None, ..resource(0, None) };
        assert_eq!(change(&gone, Some("*"), "Next"), Err(StatusCode::CONFLICT));
    }
}
