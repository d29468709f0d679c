//! What a client of WHIP or WHEP sends: an offer to an endpoint, or a fragment to its resource. Both are read before anything is known
//! of who sends them.

use session::{CallerView, ClientCommand};
use whip::{Change, Direction, Fragment, Offer};

/// One input, as each of them.
pub fn run(body: &[u8]) {
    for direction in [Direction::Publish, Direction::Play] {
        if let Err(problem) = Offer::parse(body, direction) {
            assert!(problem.status.is_client_error() && !problem.text.is_empty(), "{problem:?}");
        }
    }
    let Ok(fragment) = Fragment::parse(body) else { return };
    assert!(fragment.candidates.iter().all(|candidate| !candidate.contains(['\r', '\n'])));
    let resource = |remote_sdp: &str| CallerView {
        client: "handle".into(),
        endpoint: Some("con_own".into()),
        restarts: 1,
        remote_sdp: remote_sdp.into(),
        remote_ufrag: None,
    };
    let text = String::from_utf8_lossy(body);
    // As what it changes, it begins nothing anew.
    let unchanged = Change::of(&resource(&text), Some("\"1\""), fragment.clone());
    assert!(matches!(unchanged, Ok(Change::Candidates(_))), "{unchanged:?}");
    if let Ok(Change::Restart { command, candidates }) = Change::of(&resource("v=0"), Some("*"), fragment.clone()) {
        let ClientCommand::RestartIce { credentials, .. } = command else { panic!("{command:?}") };
        assert_eq!(candidates.len(), fragment.candidates.len());
        // What we say of ourselves can be read as what clients say of themselves.
        let answer = whip::answer::restarted(&resource(&text), &credentials, &fragment.candidates);
        let read = Fragment::parse(answer.as_bytes()).expect("it is one");
        assert_eq!(read.ufrag, Some(credentials.ufrag));
    }
}
