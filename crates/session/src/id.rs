//! Makes the names and numbers of everything new. It does not know which of them are in use: who needs a free name asks
//! again.

use std::fmt;

use protocol::id::{
    ConnectionId, JobId, MediaRequestId, PublicationId, RecordingKey, SessionId, StreamId, SubscriberId, TapId,
    TransportId,
};
use protocol::recording::PagePass;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::command::ClientHandle;
use crate::connection::CAMERA;

const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const UPPER_OR_DIGIT: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// One character carries 5 bits.
const BASE_32: &[u8] = b"0123456789abcdefghijklmnopqrstuv";
/// 26 × 5 = 130 random bits: a client's handle cannot be guessed.
const HANDLE_LENGTH: usize = 26;

/// One client with its participant, whichever socket carries it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct ClientId(u64);

/// A joined connection. Ascending in the order of joining.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct ParticipantId(u64);

impl ParticipantId {
    /// As media workers know it.
    pub(crate) fn as_subscriber(self) -> SubscriberId {
        SubscriberId(self.0)
    }
}

/// A connection that nobody has joined with yet. Ascending in the order of creation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct PendingId(u64);

/// The source of ids. Texts come from a seeded generator (cryptographically strong, since tokens are secrets), numbers
/// from a counter, so that no number ever means two things.
pub(crate) struct Ids {
    random: StdRng,
    last: u64,
}

impl fmt::Debug for Ids {
    // The generator's state would reveal future tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ids").field("last", &self.last).finish_non_exhaustive()
    }
}

impl Ids {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self { random: StdRng::from_seed(seed), last: 0 }
    }

    /// `ses_` and 10 characters.
    pub(crate) fn session(&mut self) -> SessionId {
        self.name("ses_", 9).into()
    }

    /// `con_` and 10 characters.
    pub(crate) fn connection(&mut self) -> ConnectionId {
        self.name("con_", 9).into()
    }

    /// `ipc_IPCAM_`, how it is reached, 4 characters, and where it is, without what may be secret: user, password and query.
    pub(crate) fn camera(&mut self, uri: &str) -> ConnectionId {
        let (scheme, rest) = uri.split_once(':').unwrap_or((uri, ""));
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (host, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        let host = host.rsplit('@').next().filter(|host| !host.is_empty()).unwrap_or("null");
        let mut text = format!("{CAMERA}{scheme}_");
        self.append(&mut text, UPPER_OR_DIGIT, 4);
        text.push('_');
        text.extend(host.chars().chain(path.chars()).filter_map(|c| match c {
            '/' | '.' | ':' => Some('_'),
            c => (c.is_ascii_alphanumeric() || c == '_').then_some(c),
        }));
        text.into()
    }

    /// `tok_` and 16 characters.
    pub(crate) fn token(&mut self) -> String {
        self.name("tok_", 15)
    }

    /// For one recording.
    pub(crate) fn page_pass(&mut self) -> Option<PagePass> {
        PagePass::new(&self.name("", 31))
    }

    /// `str_`, what it is, 4 characters, and whose it is: clients find the publisher by the end of the id.
    pub(crate) fn stream(&mut self, kind: &str, owner: &ConnectionId) -> StreamId {
        let middle = self.name("", 3);
        format!("str_{kind}_{middle}_{owner}").into()
    }

    pub(crate) fn client_handle(&mut self) -> ClientHandle {
        let mut text = String::with_capacity(HANDLE_LENGTH);
        self.append(&mut text, BASE_32, HANDLE_LENGTH);
        text.into()
    }

    pub(crate) fn client(&mut self) -> ClientId {
        ClientId(self.next())
    }

    pub(crate) fn participant(&mut self) -> ParticipantId {
        ParticipantId(self.next())
    }

    pub(crate) fn pending(&mut self) -> PendingId {
        PendingId(self.next())
    }

    /// Of a session and its rooms.
    pub(crate) fn session_number(&mut self) -> u64 {
        self.next()
    }

    pub(crate) fn publication(&mut self) -> PublicationId {
        PublicationId(self.next())
    }

    pub(crate) fn transport(&mut self) -> TransportId {
        TransportId(self.next())
    }

    pub(crate) fn media_request(&mut self) -> MediaRequestId {
        MediaRequestId(self.next())
    }

    pub(crate) fn recording(&mut self) -> RecordingKey {
        RecordingKey(self.next())
    }

    pub(crate) fn tap(&mut self) -> TapId {
        TapId(self.next())
    }

    pub(crate) fn job(&mut self) -> JobId {
        JobId(self.next())
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// `prefix`, an upper-case letter, and `rest` alphanumerics.
    fn name(&mut self, prefix: &str, rest: usize) -> String {
        let mut text = String::with_capacity(prefix.len() + 1 + rest);
        text.push_str(prefix);
        self.append(&mut text, UPPER, 1);
        self.append(&mut text, ALPHANUMERIC, rest);
        text
    }

    fn append(&mut self, text: &mut String, alphabet: &[u8], count: usize) {
        for _ in 0..count {
            text.push(char::from(alphabet[self.random.random_range(0..alphabet.len())]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(text: &str, prefix: &str, rest: usize) -> bool {
        let Some(tail) = text.strip_prefix(prefix) else { return false };
        tail.len() == rest + 1
            && tail.starts_with(|c: char| c.is_ascii_uppercase())
            && tail.chars().all(|c| c.is_ascii_alphanumeric())
    }

    #[test]
    fn ids_have_the_forms_that_clients_know() {
        let mut ids = Ids::new([7; 32]);
        for _ in 0..200 {
            assert!(matches(ids.session().as_str(), "ses_", 9));
            assert!(matches(ids.token().as_str(), "tok_", 15));
            let connection = ids.connection();
            assert!(matches(connection.as_str(), "con_", 9));
            let stream = ids.stream("CAM", &connection);
            let start = stream.as_str().strip_suffix(&format!("_{connection}")).expect("ends in its owner");
            assert!(matches(start, "str_CAM_", 3));
            let handle = ids.client_handle();
            let handle = handle.as_str();
            assert!(handle.len() == 26 && handle.bytes().all(|b| BASE_32.contains(&b)));
        }
    }

    #[test]
    fn a_camera_is_called_after_its_address_without_what_is_secret() {
        let mut ids = Ids::new([7; 32]);
        for (uri, scheme, rest) in [
            ("rtsp://127.0.0.1:554/live/stream-1.sdp?user=a", "rtsp", "127_0_0_1_554_live_stream1_sdp"),
            ("file:///x.mp4", "file", "null_x_mp4"),
            ("rtsp://dummyurl.com", "rtsp", "dummyurl_com"),
            ("http://eve:p@ss@h/a@b", "http", "h_ab"),
            ("rtsps://[::1]:322/%20#x", "rtsps", "__1_322_20"),
        ] {
            let id = ids.camera(uri);
            let middle = id.as_str().strip_prefix(&format!("ipc_IPCAM_{scheme}_")).expect("its scheme");
            let (random, path) = middle.split_at(4);
            assert!(random.bytes().all(|b| UPPER_OR_DIGIT.contains(&b)), "{id}");
            assert_eq!(path.strip_prefix('_'), Some(rest));
        }
    }

    #[test]
    fn another_seed_gives_other_tokens() {
        assert_ne!(Ids::new([1; 32]).token(), Ids::new([2; 32]).token());
        assert_eq!(Ids::new([1; 32]).token(), Ids::new([1; 32]).token());
    }
}
