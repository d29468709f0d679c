//! Azure's recognition of speech over WebSocket, as a client: text messages of headers and JSON both ways, and sound in binary ones.
//! What is sent from the first piece of sound to the last is a *turn*; a connection has one here. It is ended where there is no
//! sound, and in a pause before the service would cut it off; another one begins with the next sound. While a turn comes to its end
//! sound waits, so that what was said before is still told.

mod turn;

use std::collections::VecDeque;
use std::time::Duration;

use protocol::job::AzureSpec;
use serde::Deserialize;
use tungstenite::Message;

use self::turn::{ServiceMessage, Turn};
use super::timing::{Place, Timing};
use super::{Engine, EngineError, LONGEST_RAW, SAMPLE, SAMPLES_PER_SECOND, Words};

/// The service counts sound, and connections: without sound a connection is given back.
const IDLE: Duration = Duration::from_secs(5);
/// A turn that the service itself ends so soon is no turn: without this a service that wants none would be connected to with
/// every piece of sound.
const SHORTEST: Duration = Duration::from_secs(1);
/// How long the service may take to end a turn, once it is asked to. Sound waits for it.
const END_PATIENCE: Duration = Duration::from_secs(3);
/// What the service says of a phrase when it has given up. Others are of silence, or of what is no speech.
const FAILURES: [&str; 5] = ["Error", "BadRequest", "Forbidden", "TooManyRequests", "ServiceUnavailable"];

/// One language at that service.
#[derive(Debug)]
pub(super) struct Azure {
    spec: AzureSpec,
    language: String,
    turn: Option<Turn>,
    /// Where that begins in all the sound that was sent.
    begins: Place,
    sent: Place,
    /// Sound that no turn has taken yet.
    waiting: VecDeque<Vec<u8>>,
    /// What was said last that may still change.
    interim: String,
}

/// Of `speech.hypothesis`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Hypothesis {
    text: String,
}

/// Of `speech.phrase`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Phrase {
    recognition_status: String,
    #[serde(default)]
    display_text: String,
    /// In units of 100 ns, from the beginning of the turn.
    offset: Option<u64>,
    duration: Option<u64>,
}

impl Phrase {
    fn timing(&self, begins: Place) -> Option<Timing> {
        let place = |ticks: u64| begins.saturating_add(ticks / (10_000_000 / SAMPLES_PER_SECOND as u64));
        let (offset, duration) = self.offset.zip(self.duration)?;
        Some(Timing { began: place(offset), ended: place(offset.saturating_add(duration)), words: vec![] })
    }
}

impl Azure {
    pub(super) fn connect(spec: &AzureSpec, language: &str) -> Result<Self, EngineError> {
        let mut engine = Self::new(spec, language);
        engine.turn = Some(Turn::begin(&engine.spec, &engine.language)?);
        Ok(engine)
    }

    fn new(spec: &AzureSpec, language: &str) -> Self {
        Self {
            spec: spec.clone(),
            language: language.to_owned(),
            turn: None,
            begins: 0,
            sent: 0,
            waiting: VecDeque::new(),
            interim: String::new(),
        }
    }

    /// Sound goes to the turn that there is, or to another one when that has come to its end.
    fn send_waiting(&mut self) -> Result<(), EngineError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let turn = match &mut self.turn {
            Some(turn) => turn,
            None => {
                let turn = Turn::begin(&self.spec, &self.language)?;
                self.begins = self.sent;
                self.turn.insert(turn)
            }
        };
        if turn.ending.is_some() {
            return Ok(());
        }
        while let Some(sound) = self.waiting.front() {
            match turn.send(sound) {
                Ok(()) => {
                    self.sent += (sound.len() / SAMPLE) as Place;
                    self.waiting.pop_front();
                }
                Err(_) if turn.is_old() => {
                    self.give_up_turn();
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// What a turn has to say, until it is at its end.
    fn receive_of_turn(&mut self) -> Result<Option<Words>, EngineError> {
        while let Some(turn) = &mut self.turn {
            let is_old = turn.is_old();
            let is_idle = turn.sent.elapsed() > IDLE;
            if turn.sound.is_none() && is_idle {
                self.turn = None;
                return Ok(None);
            }
            if turn.ending.is_none() && (is_idle || is_old && self.interim.is_empty()) {
                turn.end()?;
            }
            let message = match turn.socket.read() {
                Ok(None) if turn.ending.is_none_or(|since| since.elapsed() < END_PATIENCE) => return Ok(None),
                // It has stopped in the middle.
                Ok(None) => {
                    self.give_up_turn();
                    return Ok(None);
                }
                // As we have asked for, or as it does with whatever lasts too long.
                Ok(Some(Message::Close(_))) | Err(_) if turn.ending.is_some() || is_old => {
                    self.give_up_turn();
                    return Ok(None);
                }
                Ok(Some(Message::Close(Some(frame)))) => {
                    return Err(EngineError::closed(format_args!("{} {}", u16::from(frame.code), frame.reason)));
                }
                Ok(Some(message)) => message,
                Err(error) => return Err(error),
            };
            let Message::Text(message) = message else { continue };
            let Some(message) = ServiceMessage::read(&message) else { continue };
            turn.note(message.path);
            if message.path == "turn.end" {
                if turn.ending.is_none() && turn.began.elapsed() < SHORTEST {
                    return Err(EngineError::closed("it ends what has only begun"));
                }
                // It may have gone already.
                let _ = turn.acknowledge();
                self.give_up_turn();
                return Ok(None);
            }
            if let Some(words) = self.understand(message)? {
                return Ok(Some(words));
            }
        }
        Ok(None)
    }

    fn give_up_turn(&mut self) {
        self.turn = None;
        self.interim.clear();
    }

    fn understand(&mut self, ServiceMessage { path, body }: ServiceMessage<'_>) -> Result<Option<Words>, EngineError> {
        let (text, timing, is_final) = match path {
            "speech.hypothesis" | "speech.fragment" => match serde_json::from_str(body) {
                Ok(Hypothesis { text }) => (text, None, false),
                Err(_) => return Ok(None),
            },
            "speech.phrase" => match serde_json::from_str(body) {
                Ok(Phrase { recognition_status: status, .. }) if FAILURES.contains(&&*status) => {
                    return Err(EngineError::closed(format_args!("it says {status}")));
                }
                Ok(phrase) => {
                    let timing = phrase.timing(self.begins);
                    (phrase.display_text, timing, true)
                }
                Err(_) => return Ok(None),
            },
            _ => return Ok(None),
        };
        let text = text.trim();
        let is_new = is_final || self.interim != text;
        self.interim = if is_final { String::new() } else { text.to_owned() };
        let raw = if body.len() <= LONGEST_RAW { body } else { text };
        let words = || Words { text: text.to_owned(), raw: raw.to_owned(), is_final, timing };
        Ok((is_new && !text.is_empty()).then(words))
    }
}

impl Engine for Azure {
    fn send(&mut self, sound: &[u8]) -> Result<(), EngineError> {
        self.waiting.push_back(sound.to_vec());
        self.send_waiting()
    }

    fn receive(&mut self) -> Result<Option<Words>, EngineError> {
        let words = self.receive_of_turn()?;
        if self.turn.is_none() {
            self.send_waiting()?;
        }
        Ok(words)
    }

    fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.turn.as_ref().is_none_or(|turn| turn.sound.is_none())
    }

    fn finish(&mut self) {
        if let Some(turn) = self.turn.as_mut().filter(|turn| turn.sound.is_some() && turn.ending.is_none()) {
            let _ = turn.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::thread;
    use std::time::Instant;

    use jiff::Timestamp;
    use proptest::prelude::*;
    use protocol::job::HiddenText;
    use serde_json::Value;
    use tungstenite::WebSocket;
    use tungstenite::handshake::server::{ErrorResponse, Request, Response};
    use tungstenite::http::StatusCode;
    use tungstenite::protocol::CloseFrame;
    use tungstenite::protocol::frame::coding::CloseCode;

    use super::turn::{JSON, LONGEST_PATH, MOST_RECEIPTS, OLD, PATH};
    use super::*;

    /// The headers of a message of ours by name, and its body.
    fn told(message: Message) -> (Vec<(String, String)>, Vec<u8>) {
        let (headers, body) = match message {
            Message::Text(text) => {
                let (headers, body) = text.split_once("\r\n\r\n").expect("headers end");
                (headers.to_owned(), body.as_bytes().to_vec())
            }
            Message::Binary(bytes) => {
                let (length, rest) = bytes.split_first_chunk().expect("a length");
                let (headers, body) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
                let headers = std::str::from_utf8(headers).unwrap().strip_suffix("\r\n").expect("lines end");
                (headers.to_owned(), body.to_vec())
            }
            other => panic!("{other:?}"),
        };
        let pair = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        (headers.split("\r\n").map(|line| pair(line).expect("a header")).collect(), body)
    }

    fn header<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
        &headers.iter().find(|header| header.0 == name).expect(name).1
    }

    /// The body of the next message, which has this path.
    fn next_told(socket: &mut WebSocket<TcpStream>, path: &str) -> Vec<u8> {
        let (headers, body) = told(socket.read().unwrap());
        assert_eq!(header(&headers, "Path"), path);
        let id = header(&headers, "X-RequestId");
        assert!(id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit()), "{id}");
        let time = header(&headers, "X-Timestamp");
        assert!(time.len() == 24 && time.ends_with('Z') && time.parse::<Timestamp>().is_ok(), "{time}");
        let kind = if path == "audio" { "audio/x-wav" } else { JSON };
        assert_eq!(header(&headers, "Content-Type"), kind);
        body
    }

    fn says(socket: &mut WebSocket<TcpStream>, path: &str, body: &str) {
        let message = format!("X-RequestId:123e4567e89b42d3a456426655440000\r\nPath:{path}\r\n\r\n{body}");
        socket.send(Message::text(message)).unwrap();
    }

    /// A service for one language, for as many turns as there are talks. Each is told first what speaks to it.
    fn serve(talks: Vec<fn(WebSocket<TcpStream>)>) -> (AzureSpec, thread::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let spec = AzureSpec {
            region: "westeurope".to_owned(),
            key: HiddenText::from("hush"),
            endpoint: Some(format!("ws://{}/", listener.local_addr().unwrap())),
        };
        let server = thread::spawn(move || {
            for talk in talks {
                #[expect(clippy::result_large_err, reason = "as the library has it")]
                let look = |request: &Request, response: Response| {
                    let asked = request.uri().path_and_query().unwrap().as_str();
                    assert_eq!(asked, format!("{PATH}?language=fr-FR&format=simple"));
                    let headers = request.headers();
                    assert_eq!(headers["Ocp-Apim-Subscription-Key"], "hush");
                    assert_eq!(headers["X-ConnectionId"].len(), 32);
                    Ok(response)
                };
                let mut socket = tungstenite::accept_hdr(listener.accept().unwrap().0, look).unwrap();
                let config: Value = serde_json::from_slice(&next_told(&mut socket, "speech.config")).unwrap();
                assert_eq!(config["context"]["system"]["name"], "Madang");
                talk(socket);
            }
        });
        (spec, server)
    }

    fn next(engine: &mut Azure) -> Result<Words, EngineError> {
        loop {
            if let Some(words) = engine.receive()? {
                return Ok(words);
            }
            thread::yield_now();
        }
    }

    fn until_the_turn_is_over(engine: &mut Azure) {
        while engine.turn.is_some() {
            assert!(engine.receive().unwrap().is_none(), "nobody is told");
        }
    }

    const HYPOTHESIS: &str = r#"{"Text":"bon","Offset":0,"Duration":100}"#;
    const PHRASE: &str =
        r#"{"RecognitionStatus":"Success","DisplayText":"Bonjour.","Offset":500000,"Duration":1000000}"#;

    #[test]
    fn sound_goes_out_in_a_turn_and_what_is_new_comes_back() {
        let (spec, server) = serve(vec![|mut socket| {
            let first = next_told(&mut socket, "audio");
            let (header, sound) = first.split_at(44);
            assert_eq!((&header[..4], &header[8..16], &header[36..40]), (&b"RIFF"[..], &b"WAVEfmt "[..], &b"data"[..]));
            assert_eq!(header[16..36], [16, 0, 0, 0, 1, 0, 1, 0, 0x80, 0x3e, 0, 0, 0, 0x7d, 0, 0, 2, 0, 16, 0]);
            assert_eq!(sound, [7; 3200]);
            assert_eq!(next_told(&mut socket, "audio"), [8; 3200], "the header comes once");
            says(&mut socket, "turn.start", r#"{"context":{"serviceTag":"7"}}"#);
            says(&mut socket, "speech.startDetected", r#"{"Offset":0}"#);
            for _ in 0..2 {
                says(&mut socket, "speech.hypothesis", HYPOTHESIS);
            }
            socket.send(Message::text("nonsense")).unwrap();
            says(&mut socket, "speech.phrase", PHRASE);
            says(&mut socket, "speech.phrase", r#"{"RecognitionStatus":"NoMatch","Offset":0,"Duration":1}"#);
            says(&mut socket, "speech.phrase", PHRASE);
            assert_eq!(next_told(&mut socket, "audio"), [] as [u8; 0], "there is no more");
        }]);
        let mut engine = Azure::connect(&spec, "fr-FR").unwrap();
        engine.send(&[7; 3200]).unwrap();
        engine.send(&[8; 3200]).unwrap();
        let words = [next(&mut engine).unwrap(), next(&mut engine).unwrap(), next(&mut engine).unwrap()];
        let told = words.each_ref().map(|words| (&*words.text, &*words.raw, words.is_final));
        assert_eq!(told, [("bon", HYPOTHESIS, false), ("Bonjour.", PHRASE, true), ("Bonjour.", PHRASE, true)]);
        let timing = Timing { began: 800, ended: 2_400, words: vec![] };
        assert_eq!(words.map(|words| words.timing), [None, Some(timing.clone()), Some(timing)]);
        engine.finish();
        server.join().unwrap();
    }

    #[test]
    fn without_sound_the_turn_is_ended_and_with_sound_another_one_begins() {
        let (spec, server) = serve(vec![
            |mut socket| {
                assert_eq!(next_told(&mut socket, "audio").len(), 44 + 3200);
                assert_eq!(next_told(&mut socket, "audio"), [] as [u8; 0]);
                for _ in 0..2 {
                    says(&mut socket, "speech.phrase", PHRASE);
                }
                says(&mut socket, "turn.end", "");
                let told: Value = serde_json::from_slice(&next_told(&mut socket, "telemetry")).unwrap();
                let received = told["ReceivedMessages"].as_array().unwrap();
                assert_eq!(received.len(), 2, "{told}");
                assert_eq!(received[0]["speech.phrase"].as_array().map(Vec::len), Some(2), "{told}");
                assert!(received[1]["turn.end"].is_string(), "{told}");
                for (at, name) in ["Connection", "Microphone"].into_iter().enumerate() {
                    let metric = &told["Metrics"][at];
                    assert_eq!(metric["Name"], name);
                    for time in ["Start", "End"] {
                        assert!(metric[time].as_str().unwrap().parse::<Timestamp>().is_ok(), "{told}");
                    }
                }
                assert_eq!(told["Metrics"][0]["Id"].as_str().map(str::len), Some(32));
            },
            |mut socket| assert_eq!(next_told(&mut socket, "audio")[44..], [1; 3200]),
        ]);
        let mut engine = Azure::connect(&spec, "fr-FR").unwrap();
        engine.send(&[0; 3200]).unwrap();
        engine.turn.as_mut().unwrap().sent = Instant::now().checked_sub(IDLE * 2).unwrap();
        for _ in 0..2 {
            assert_eq!(next(&mut engine).unwrap().text, "Bonjour.", "what was said before is still told");
        }
        until_the_turn_is_over(&mut engine);
        engine.send(&[1; 3200]).unwrap();
        drop(engine);
        server.join().unwrap();
    }

    #[test]
    fn what_lasts_too_long_is_begun_anew_in_a_pause() {
        let (spec, server) = serve(vec![
            |mut socket| {
                next_told(&mut socket, "audio");
                says(&mut socket, "speech.hypothesis", HYPOTHESIS);
                says(&mut socket, "speech.phrase", PHRASE);
                assert_eq!(next_told(&mut socket, "audio"), [] as [u8; 0]);
            },
            |mut socket| assert_eq!(next_told(&mut socket, "audio")[44..], [1; 3200]),
        ]);
        let mut engine = Azure::connect(&spec, "fr-FR").unwrap();
        engine.send(&[0; 3200]).unwrap();
        assert_eq!(next(&mut engine).unwrap().text, "bon");
        engine.turn.as_mut().unwrap().began = Instant::now().checked_sub(OLD * 2).unwrap();
        assert!(next(&mut engine).unwrap().is_final, "it is not cut off in the middle");
        until_the_turn_is_over(&mut engine);
        engine.send(&[1; 3200]).unwrap();
        drop(engine);
        server.join().unwrap();
    }

    #[test]
    fn sound_waits_for_the_end_of_the_turn_before() {
        let (spec, server) = serve(vec![
            |mut socket| {
                next_told(&mut socket, "audio");
                assert_eq!(next_told(&mut socket, "audio"), [] as [u8; 0]);
                says(&mut socket, "speech.phrase", PHRASE);
                says(&mut socket, "turn.end", "");
                next_told(&mut socket, "telemetry");
            },
            |mut socket| {
                assert_eq!(next_told(&mut socket, "audio")[44..], [1; 3200]);
                assert_eq!(next_told(&mut socket, "audio"), [2; 3200]);
            },
        ]);
        let mut engine = Azure::connect(&spec, "fr-FR").unwrap();
        engine.send(&[0; 3200]).unwrap();
        engine.turn.as_mut().unwrap().end().unwrap();
        engine.send(&[1; 3200]).unwrap();
        engine.send(&[2; 3200]).unwrap();
        assert_eq!(engine.waiting.len(), 2);
        assert_eq!(next(&mut engine).unwrap().text, "Bonjour.", "what was said before is still told");
        while !engine.waiting.is_empty() {
            assert!(engine.receive().unwrap().is_none(), "nobody is told");
        }
        drop(engine);
        server.join().unwrap();
    }

    #[test]
    fn a_service_that_cuts_off_what_lasts_too_long_is_connected_to_again() {
        let (spec, server) = serve(vec![
            |mut socket| {
                next_told(&mut socket, "audio");
                says(&mut socket, "speech.hypothesis", HYPOTHESIS);
            },
            |mut socket| assert_eq!(next_told(&mut socket, "audio")[44..], [1; 3200]),
        ]);
        let mut engine = Azure::connect(&spec, "fr-FR").unwrap();
        engine.send(&[0; 3200]).unwrap();
        assert_eq!(next(&mut engine).unwrap().text, "bon");
        engine.turn.as_mut().unwrap().began = Instant::now().checked_sub(OLD * 2).unwrap();
        until_the_turn_is_over(&mut engine);
        engine.send(&[1; 3200]).unwrap();
        drop(engine);
        server.join().unwrap();
    }

    #[test]
    fn a_service_that_does_not_end_a_turn_is_not_waited_for() {
        let (spec, server) = serve(vec![
            |mut socket| {
                next_told(&mut socket, "audio");
                while socket.read().is_ok() {}
            },
            |mut socket| assert_eq!(next_told(&mut socket, "audio")[44..], [1; 3200]),
        ]);
        let mut engine = Azure::connect(&spec, "fr-FR").unwrap();
        engine.send(&[0; 3200]).unwrap();
        engine.turn.as_mut().unwrap().ending = Instant::now().checked_sub(END_PATIENCE);
        engine.send(&[1; 3200]).unwrap();
        assert_eq!(engine.receive().unwrap(), None);
        assert!(engine.waiting.is_empty());
        drop(engine);
        server.join().unwrap();
    }

    /// Why an engine that has only connected is of no use.
    fn complaint(talk: fn(WebSocket<TcpStream>)) -> String {
        let (spec, server) = serve(vec![talk]);
        let mut engine = Azure::connect(&spec, "fr-FR").unwrap();
        // However slow this machine is.
        engine.turn.as_mut().unwrap().began = Instant::now() + OLD;
        let error = next(&mut engine).unwrap_err();
        assert!(matches!(error, EngineError::Closed(_)), "{error}");
        drop(engine);
        server.join().unwrap();
        error.to_string()
    }

    #[test]
    fn a_service_that_fails_or_goes_is_told() {
        let failure = complaint(|mut socket| {
            says(&mut socket, "speech.phrase", r#"{"RecognitionStatus":"TooManyRequests","Offset":0,"Duration":0}"#);
            while socket.read().is_ok() {}
        });
        assert!(failure.ends_with("it says TooManyRequests"), "{failure}");
        let violation = complaint(|mut socket| {
            let (code, reason) = (CloseCode::Invalid, "Incorrect message format.".into());
            socket.close(Some(CloseFrame { code, reason })).unwrap();
            while socket.read().is_ok() {}
        });
        assert!(violation.ends_with("1007 Incorrect message format."), "{violation}");
        let no_turn = complaint(|mut socket| {
            says(&mut socket, "turn.end", "");
            while socket.read().is_ok() {}
        });
        assert!(no_turn.ends_with("it ends what has only begun"), "{no_turn}");
        complaint(drop);
    }

    #[test]
    fn a_wrong_key_is_told_and_not_shown() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = Some(format!("ws://{}", listener.local_addr().unwrap()));
        let spec = AzureSpec { region: "westeurope".to_owned(), key: HiddenText::from("hush"), endpoint };
        let server = thread::spawn(move || {
            #[expect(clippy::result_large_err, reason = "as the library has it")]
            let refuse = |request: &Request, _: Response| {
                assert_eq!(request.headers()["Ocp-Apim-Subscription-Key"], "hush");
                let mut refusal = ErrorResponse::new(Some("Access denied".to_owned()));
                *refusal.status_mut() = StatusCode::UNAUTHORIZED;
                Err(refusal)
            };
            assert!(tungstenite::accept_hdr(listener.accept().unwrap().0, refuse).is_err());
        });
        let error = Azure::connect(&spec, "fr-FR").unwrap_err();
        server.join().unwrap();
        assert!(matches!(&error, EngineError::Unreachable(why) if why.contains("401")), "{error}");
        for shown in [error.to_string(), format!("{error:?}"), format!("{:?}", Azure::new(&spec, "fr-FR"))] {
            assert!(!shown.contains("hush"), "{shown}");
        }
        let broken = AzureSpec { key: HiddenText::from("hush\r\nHost: elsewhere"), ..spec };
        let error = format!("{:?}", Azure::connect(&broken, "fr-FR").unwrap_err());
        assert!(error.contains("Unreachable") && !error.contains("hush"), "{error}");
    }

    /// An engine that is not connected.
    fn deaf() -> Azure {
        Azure::new(&AzureSpec { region: String::new(), key: HiddenText::from("hush"), endpoint: None }, "fr-FR")
    }

    #[test]
    fn a_damaged_message_is_read_without_panic() {
        for (path, body) in [("speech.hypothesis", HYPOTHESIS), ("speech.phrase", PHRASE), ("turn.end", "")] {
            let message = format!("X-RequestId:123e4567e89b42d3a456426655440000\r\nPath:{path}\r\n\r\n{body}");
            let read = |bytes: &[u8]| {
                let message = String::from_utf8_lossy(bytes);
                ServiceMessage::read(&message).map(|message| deaf().understand(message).map(|words| words.is_some()))
            };
            let whole = read(message.as_bytes()).unwrap().unwrap();
            assert_eq!(whole, !body.is_empty());
            for at in 0..message.len() {
                let _ = read(&message.as_bytes()[..at]);
                for other in [0, b'\r', b'\n', b':', b'"', b'{', b'\\', 0xff] {
                    let mut broken = message.clone().into_bytes();
                    broken[at] = other;
                    let _ = read(&broken);
                    broken.insert(at, message.as_bytes()[at]);
                    let _ = read(&broken);
                }
            }
        }
    }

    #[test]
    fn receipts_are_bounded() {
        let (spec, server) = serve(vec![|mut socket| while socket.read().is_ok() {}]);
        let mut turn = Azure::connect(&spec, "fr-FR").unwrap().turn.unwrap();
        turn.note(&"long".repeat(LONGEST_PATH));
        for number in 0..=MOST_RECEIPTS {
            turn.note(&format!("path {}", number % 7));
        }
        assert_eq!(turn.receipts.values().map(Vec::len).sum::<usize>(), MOST_RECEIPTS);
        assert_eq!(turn.receipts.len(), 7);
        drop(turn);
        server.join().unwrap();
    }

    proptest! {
        #[test]
        fn nothing_that_comes_is_too_strange(message: String, body: String) {
            let _ = ServiceMessage::read(&message);
            let message = format!("a:b\r\nPATH: speech.phrase \r\n\r\n{body}");
            let read = ServiceMessage { path: "speech.phrase", body: &body };
            prop_assert_eq!(ServiceMessage::read(&message), Some(read));
            for path in ["speech.hypothesis", "speech.phrase"] {
                let understood = deaf().understand(ServiceMessage { path, body: &body });
                prop_assert!(understood.is_ok());
            }
        }
    }
}
