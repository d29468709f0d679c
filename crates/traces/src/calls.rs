//! Spans out of stories. Pure: it looks at what the history has, at times that others choose, and sends nothing itself.
//!
//! A trace is of one connection:
//!
//! ```text
//! POST /openvidu/api/sessions/{session}/connection   in the application's span, if it has said which
//! └ connection                                       from the token to the end
//!   ├ token                                          until somebody comes with it
//!   ├ joinRoom, publishVideo, receiveVideoFrom…      requests
//!   └ publish, subscribe                             a peer connection, until media flows
//!     └ answer, ICE, DTLS, first packet, first key frame
//! ```
//!
//! What has ended is told at once, so that one sees how a call began while it goes on; the connection itself comes last.

use std::collections::HashMap;
use std::sync::mpsc::Receiver;

use history::chronicle::Chronicle;
use history::keeper::Follower;
use history::story::{Millis, Story};
use protocol::id::{ConnectionId, SessionId};

use crate::call::{Call, Scene};
use crate::ids::Ids;
use crate::request::{self, Request, Requests};
use crate::span::Span;

/// All connections of which there is something to tell yet.
pub struct Calls<Sink> {
    requests: Receiver<Request>,
    sessions: HashMap<SessionId, HashMap<ConnectionId, Call>>,
    ids: Ids,
    /// The history's, at the last look.
    revision: u64,
    sink: Sink,
}

impl<Sink: FnMut(Span)> Calls<Sink> {
    /// `seed`: of the ids, unpredictable but in tests. `sink` gets each span once.
    pub fn new(seed: [u8; 32], sink: Sink) -> (Self, Requests) {
        let (told, requests) = request::channel();
        (Self { requests, sessions: HashMap::new(), ids: Ids::new(seed), revision: 0, sink }, told)
    }

    fn take_requests(&mut self) {
        while let Ok(request) = self.requests.try_recv() {
            let calls = self.sessions.entry(request.session.clone()).or_default();
            let call = calls.entry(request.connection.clone()).or_insert_with(|| Call::new(&mut self.ids));
            call.take(request);
        }
    }
}

impl<Sink: FnMut(Span) + Send> Follower for Calls<Sink> {
    fn look(&mut self, chronicle: &Chronicle, now: Millis) {
        self.take_requests();
        for (story, revision) in chronicle.stories() {
            let calls = self.sessions.entry(story.id.clone()).or_default();
            if revision <= self.revision && calls.values().all(Call::rests) {
                continue;
            }
            follow(calls, story, now, &mut self.ids, &mut self.sink);
            // The history forgets some of those who have left, and knows nothing of hidden ones.
            if calls.len() > story.people.len() {
                calls.retain(|connection, call| story.person(connection.as_str()).is_some() || call.is_news(now));
            }
        }
        self.revision = chronicle.revision();
        self.sessions.retain(|session, calls| {
            chronicle.story(session.as_str()).is_some() || calls.values().any(|call| call.is_news(now))
        });
    }

    fn ended(&mut self, story: &Story, now: Millis) {
        self.take_requests();
        let mut calls = self.sessions.remove(&story.id).unwrap_or_default();
        follow(&mut calls, story, now, &mut self.ids, &mut self.sink);
    }
}

fn follow(
    calls: &mut HashMap<ConnectionId, Call>,
    story: &Story,
    now: Millis,
    ids: &mut Ids,
    sink: &mut impl FnMut(Span),
) {
    for person in &story.people {
        let call = calls.entry(person.connection.clone()).or_insert_with(|| Call::new(ids));
        call.look(&Scene { story, person, now }, ids, sink);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use history::Fact;
    use protocol::event::{Closing, Event, EventClosed, EventOpened, EventStamp, Participant, Reason};
    use protocol::media::{MediaKind, TransportObservation};
    use protocol::model::Role;
    use session::refusal::MediaDirection;
    use session::{MediaLeg, MediaObservation, Notice, Noticed, Whom};

    use super::*;
    use crate::call::{NANOS, UNKNOWN};
    use crate::parent::Parent;
    use crate::request::{Asked, Refused};
    use crate::span::Value;

    const SESSION: &str = "ses";
    const ANN: &str = "con_ann";
    const STREAM_OF_ANN: &str = "str_CAM_abcd_con_ann";

    /// A session, and what was told of it.
    struct Scenario {
        chronicle: Chronicle,
        calls: Calls<Box<dyn FnMut(Span) + Send>>,
        requests: Requests,
        spans: Arc<Mutex<Vec<Span>>>,
    }

    impl Scenario {
        fn new() -> Self {
            let spans = Arc::<Mutex<Vec<Span>>>::default();
            let told = spans.clone();
            let sink: Box<dyn FnMut(Span) + Send> = Box::new(move |span| told.lock().unwrap().push(span));
            let (calls, requests) = Calls::new([7; 32], sink);
            let mut scenario = Self { chronicle: Chronicle::default(), calls, requests, spans };
            scenario.tell(Fact::Event(Event::SessionCreated(stamp(0))), 0);
            scenario
        }

        fn tell(&mut self, fact: Fact, at: Millis) {
            if let Some(story) = self.chronicle.tell(fact, at) {
                self.calls.ended(&story, at);
            }
        }

        fn notice(&mut self, what: Noticed, at: Millis) {
            let whom = Whom::Connection(ANN.into());
            self.tell(Fact::Notice(Notice { session: SESSION.into(), whom, what }), at);
        }

        fn saw(&mut self, what: TransportObservation, at: Millis) {
            let leg = MediaLeg {
                session: SESSION.into(),
                connection: ANN.into(),
                stream: STREAM_OF_ANN.into(),
                direction: MediaDirection::Publishing,
            };
            self.tell(Fact::Media(Arc::new(MediaObservation { leg, what })), at);
        }

        /// A token is made at 1000 and used at 2000; a peer connection begins at 3000.
        fn publishing(parent: Option<Parent>) -> Self {
            let mut scenario = Self::new();
            scenario.notice(Noticed::Invited { role: Role::Publisher, data: String::new() }, 1000);
            let route = "POST /tokens";
            scenario.request(Asked::Place { route, parent }, 1000);
            scenario.tell(
                Fact::Event(Event::ParticipantJoined(EventOpened { stamp: stamp(2000), subject: ann().into() })),
                2000,
            );
            let stream = STREAM_OF_ANN.into();
            scenario.notice(Noticed::Negotiating { stream, direction: MediaDirection::Publishing }, 3000);
            scenario
        }

        fn request(&mut self, asked: Asked, at: Millis) {
            let (session, connection) = (SESSION.into(), ANN.into());
            let (from, until) = (at * NANOS, at * NANOS + 5);
            self.requests.tell(Request { session, connection, from, until, asked });
        }

        fn leave(&mut self, at: Millis) {
            let closing = Closing { stamp: stamp(at), start_time: 2000, reason: Some(Reason::Disconnect) };
            self.tell(Fact::Event(Event::ParticipantLeft(EventClosed { closing, subject: ann().into() })), at);
        }

        /// What has been told since.
        fn look(&mut self, now: Millis) -> Vec<Span> {
            self.calls.look(&self.chronicle, now);
            std::mem::take(&mut *self.spans.lock().unwrap())
        }
    }

    fn stamp(at: Millis) -> EventStamp {
        EventStamp { session: SESSION.into(), session_created_at: 0, timestamp: at }
    }

    fn ann() -> Participant {
        Participant {
            connection: ANN.into(),
            ip: "192.0.2.7".to_owned(),
            client_data: "{\"clientData\":\"Ann\"}".to_owned(),
            location: String::new(),
            platform: String::new(),
            server_data: String::new(),
        }
    }

    fn names(spans: &[Span]) -> Vec<&'static str> {
        spans.iter().map(|span| span.name).collect()
    }

    #[test]
    fn each_step_is_told_once_it_has_ended_and_the_connection_last() {
        let mut scenario = Scenario::publishing(None);
        assert_eq!(names(&scenario.look(3000)), ["POST /tokens", "token"]);
        scenario.saw(TransportObservation::Checked, 3010);
        scenario.saw(TransportObservation::Connected, 3050);
        let spans = scenario.look(3100);
        let times: Vec<_> = spans.iter().map(|span| (span.name, span.from / NANOS, span.until / NANOS)).collect();
        assert_eq!(times, [("ICE", 3000, 3010), ("DTLS", 3010, 3050)]);
        assert!(scenario.look(3200).is_empty(), "nothing twice");
        scenario.saw(TransportObservation::FirstPacket { kind: MediaKind::Audio }, 3060);
        scenario.saw(TransportObservation::FirstKeyFrame, 3300);
        let spans = scenario.look(3400);
        assert_eq!(names(&spans), ["first packet", "first key frame", "publish"]);
        let publish = spans[2].clone();
        assert!(spans[..2].iter().all(|step| step.parent == Some(publish.id)));
        assert_eq!((publish.from / NANOS, publish.until / NANOS), (3000, 3300));
        scenario.leave(9000);
        let spans = scenario.look(9100);
        assert_eq!(names(&spans), ["connection"]);
        assert_eq!(publish.parent, Some(spans[0].id));
        assert_eq!((spans[0].from / NANOS, spans[0].until / NANOS, &spans[0].error), (1000, 9000, &None));
    }

    #[test]
    fn what_does_not_come_is_an_error_that_says_why_and_names_nobody() {
        let mut scenario = Scenario::publishing(None);
        scenario.look(3000);
        assert!(scenario.look(8000).is_empty(), "it may come yet");
        let spans = scenario.look(9500);
        assert_eq!(names(&spans), ["ICE", "publish"]);
        for span in &spans {
            let error = span.error.as_ref().expect("it has failed");
            assert!(error.contains(ANN) && !error.contains("Ann") && !error.contains("192.0.2.7"), "{error}");
            assert!(span.attributes.iter().any(|(key, _)| *key == "error.type"));
        }
        scenario.saw(TransportObservation::Checked, 9900);
        assert!(scenario.look(9900).is_empty(), "it was told");
        scenario.leave(10_000);
        let [connection] = &scenario.look(10_100)[..] else { panic!("it is over") };
        assert!(connection.error.is_some() && connection.events.iter().any(|event| event.name == "finding"));
    }

    #[test]
    fn a_peer_connection_in_whose_place_another_one_is_has_a_span_too() {
        let mut scenario = Scenario::publishing(None);
        scenario.saw(TransportObservation::Checked, 3010);
        let ice = scenario.look(3100).pop().expect("a step");
        let stream = STREAM_OF_ANN.into();
        scenario.notice(Noticed::Negotiating { stream, direction: MediaDirection::Publishing }, 4000);
        let [former] = &scenario.look(4100)[..] else { panic!("one is over") };
        assert_eq!((former.name, Some(former.id), &former.error), ("publish", ice.parent, &None));
        scenario.saw(TransportObservation::Checked, 4010);
        let another = scenario.look(4200).pop().expect("a step");
        assert!(another.name == "ICE" && another.parent != ice.parent);
        assert_eq!(scenario.calls.sessions[SESSION][ANN].legs.len(), 1);
    }

    #[test]
    fn an_application_says_which_trace_it_is_a_part_of_and_whether_there_is_one() {
        let header = |flags| format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}");
        let parent = Parent::read(header("01").as_bytes()).unwrap();
        let mut scenario = Scenario::publishing(Some(parent));
        let spans = scenario.look(3000);
        assert!(spans.iter().all(|span| span.trace == parent.trace));
        assert_eq!((spans[0].parent, spans[0].parent_is_remote), (Some(parent.span), true));
        scenario.leave(4000);
        let told = scenario.look(4000);
        let connection = told.last().unwrap();
        assert_eq!((connection.name, connection.parent), ("connection", Some(spans[0].id)));

        let parent = Parent::read(header("00").as_bytes());
        let mut scenario = Scenario::publishing(parent);
        scenario.leave(4000);
        assert!(scenario.look(4000).is_empty());
    }

    #[test]
    fn a_refused_method_has_its_code_and_one_that_comes_before_its_session_waits() {
        let mut scenario = Scenario::new();
        let refused = Some(Refused { code: 802, reason: "not_allowed" });
        scenario.request(Asked::Method { name: "publishVideo", refused }, 2500);
        assert!(scenario.look(2500).is_empty());
        scenario.tell(
            Fact::Event(Event::ParticipantJoined(EventOpened { stamp: stamp(2000), subject: ann().into() })),
            2600,
        );
        let spans = scenario.look(2700);
        assert_eq!(names(&spans), ["publishVideo"]);
        assert_eq!(spans[0].until - spans[0].from, 5, "it is told as finely as it was measured");
        assert!(spans[0].error.is_some());
        let code = ("rpc.response.status_code", Value::Text("802".to_owned()));
        assert!(spans[0].attributes.contains(&code), "{:?}", spans[0].attributes);
    }

    #[test]
    fn nothing_stays_of_somebody_whom_nobody_sees() {
        let mut scenario = Scenario::new();
        scenario.request(Asked::Method { name: "joinRoom", refused: None }, 2000);
        assert!(scenario.look(2100).is_empty());
        assert!(!scenario.calls.sessions[SESSION].is_empty(), "the history may be behind");
        scenario.look(2000 + UNKNOWN + 1);
        assert!(scenario.calls.sessions[SESSION].is_empty());
    }

    #[test]
    fn nothing_stays_of_sessions_that_are_gone() {
        let mut scenario = Scenario::publishing(None);
        scenario.look(3000);
        let closing = Closing { stamp: stamp(5000), start_time: 0, reason: Some(Reason::SessionClosedByServer) };
        scenario.tell(Fact::Event(Event::SessionDestroyed(closing)), 5000);
        assert_eq!(names(&scenario.look(5000)), ["publish", "connection"]);
        scenario.request(Asked::Method { name: "leaveRoom", refused: None }, 5000);
        scenario.look(5100);
        assert_eq!(scenario.calls.sessions.len(), 1, "the history may be behind");
        scenario.look(5000 + UNKNOWN + 1);
        assert!(scenario.calls.sessions.is_empty());
    }
}
