//! Amazon Transcribe's streams over WebSocket, as a client: the address is signed, and both sides send events
//! ([`super::event_stream`]). A stream has sound all the time, or the service ends it after seconds: so it is ended here where
//! there is none, and another one begun when there is again.

use std::time::{Duration, Instant, SystemTime};

use protocol::job::TranscribeSpec;
use serde::Deserialize;
use tungstenite::Message;

use super::event_stream::EventMessage;
use super::signature::Signer;
use super::socket::EngineSocket;
use super::timing::{Place, Timing, seconds};
use super::{Engine, EngineError, LONGEST_RAW, SAMPLE, SAMPLES_PER_SECOND, Words};

const PATH: &str = "/stream-transcription-websocket";
/// The service waits for 15 s.
const IDLE: Duration = Duration::from_secs(5);

/// One language at that service.
#[derive(Debug)]
pub(super) struct Transcribe {
    spec: TranscribeSpec,
    language: String,
    stream: Option<Stream>,
    /// Sound that was sent, in all streams.
    sent: Place,
    /// What was said last that may still change.
    interim: String,
}

#[derive(Debug)]
struct Stream {
    socket: EngineSocket,
    /// Where it begins: the service counts from there.
    begins: Place,
    /// When it was last sent something.
    sent: Instant,
    /// It was told that there is no more.
    is_ending: bool,
}

/// The payload of a `TranscriptEvent`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TranscriptEvent {
    transcript: Transcript,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Transcript {
    results: Vec<Segment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Segment {
    is_partial: bool,
    /// Seconds since the stream began, as the others.
    start_time: Option<f64>,
    end_time: Option<f64>,
    alternatives: Vec<Alternative>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Alternative {
    transcript: String,
    #[serde(default)]
    items: Vec<Item>,
}

/// A word, or a punctuation mark.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    content: Option<String>,
    start_time: Option<f64>,
    end_time: Option<f64>,
    r#type: Option<String>,
}

fn timing(begins: Place, [start, end]: [Option<f64>; 2], items: Vec<Item>) -> Option<Timing> {
    let place = |told: f64| begins.saturating_add(seconds(told));
    let words = items.into_iter().filter(|item| item.r#type.as_deref() != Some("punctuation"));
    let word = |item: Item| Some((item.content?, place(item.start_time?), place(item.end_time?)));
    let words: Vec<_> = words.filter_map(word).collect();
    match (start, end) {
        (Some(start), Some(end)) => Some(Timing { began: place(start), ended: place(end), words }),
        _ => Timing::of(words),
    }
}

/// The payload of an exception.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Exception {
    message: String,
}

impl Transcribe {
    pub(super) fn connect(spec: &TranscribeSpec, language: &str) -> Result<Self, EngineError> {
        let (spec, language) = (spec.clone(), language.to_owned());
        let mut engine = Self { spec, language, stream: None, sent: 0, interim: String::new() };
        engine.stream = Some(engine.begin()?);
        Ok(engine)
    }

    fn begin(&self) -> Result<Stream, EngineError> {
        let TranscribeSpec { region, access_key, secret_key, endpoint } = &self.spec;
        let own = || format!("wss://transcribestreaming.{region}.amazonaws.com:8443");
        let endpoint = endpoint.clone().unwrap_or_else(own);
        let endpoint = endpoint.trim_end_matches('/');
        let host = endpoint.split_once("://").map_or(endpoint, |(_, host)| host);
        let signer = Signer { access_key, secret_key: secret_key.expose(), region, service: "transcribe" };
        let rate = SAMPLES_PER_SECOND.to_string();
        let parameters = [("language-code", &*self.language), ("media-encoding", "pcm"), ("sample-rate", &*rate)];
        let query = signer.query(host, PATH, &parameters, SystemTime::now());
        let socket = EngineSocket::connect(&format!("{endpoint}{PATH}?{query}"))?;
        Ok(Stream { socket, begins: self.sent, sent: Instant::now(), is_ending: false })
    }

    fn understand(&mut self, message: &[u8]) -> Result<Option<Words>, EngineError> {
        let Some(event) = EventMessage::read(message) else {
            return Err(EngineError::closed("it sends no event"));
        };
        if event.header(":message-type") != Some("event") {
            let kind = event.header(":exception-type").or(event.header(":error-code")).unwrap_or("exception");
            let told = serde_json::from_slice::<Exception>(event.payload).map(|exception| exception.message);
            return Err(EngineError::closed(format_args!("{kind}: {}", told.unwrap_or_default())));
        }
        let Ok(TranscriptEvent { transcript }) = serde_json::from_slice(event.payload) else { return Ok(None) };
        // Channels are not told apart: there is one.
        let Some(segment) = transcript.results.into_iter().next() else { return Ok(None) };
        let Segment { is_partial, start_time, end_time, alternatives } = segment;
        let best = alternatives.into_iter().next();
        let Alternative { transcript: text, items } =
            best.unwrap_or_else(|| Alternative { transcript: String::new(), items: vec![] });
        let text = text.trim();
        let begins = self.stream.as_ref().map_or(self.sent, |stream| stream.begins);
        let is_new = !is_partial || self.interim != text;
        self.interim = if is_partial { text.to_owned() } else { String::new() };
        let raw = std::str::from_utf8(event.payload).ok().filter(|raw| raw.len() <= LONGEST_RAW).unwrap_or(text);
        Ok((is_new && !text.is_empty()).then(|| Words {
            text: text.to_owned(),
            raw: raw.to_owned(),
            is_final: !is_partial,
            timing: if is_partial { None } else { timing(begins, [start_time, end_time], items) },
        }))
    }
}

impl Stream {
    fn send(&mut self, sound: &[u8]) -> Result<(), EngineError> {
        let headers = vec![
            (":content-type", "application/octet-stream"),
            (":event-type", "AudioEvent"),
            (":message-type", "event"),
        ];
        let event = EventMessage { headers, payload: sound }.write();
        let event = event.ok_or_else(|| EngineError::closed("a piece of sound is too long"))?;
        self.sent = Instant::now();
        self.socket.send(Message::binary(event))
    }

    fn end(&mut self) -> Result<(), EngineError> {
        self.is_ending = true;
        self.send(&[])
    }
}

impl Engine for Transcribe {
    fn send(&mut self, sound: &[u8]) -> Result<(), EngineError> {
        if self.stream.as_ref().is_none_or(|stream| stream.is_ending) {
            self.stream = Some(self.begin()?);
        }
        match &mut self.stream {
            Some(stream) => stream.send(sound)?,
            None => return Ok(()),
        }
        self.sent += (sound.len() / SAMPLE) as Place;
        Ok(())
    }

    fn receive(&mut self) -> Result<Option<Words>, EngineError> {
        while let Some(stream) = &mut self.stream {
            if !stream.is_ending && stream.sent.elapsed() > IDLE {
                stream.end()?;
            }
            let message = match stream.socket.read() {
                Ok(Some(message)) => message,
                Ok(None) => return Ok(None),
                // As we have asked for.
                Err(_) if stream.is_ending => {
                    self.stream = None;
                    return Ok(None);
                }
                Err(error) => return Err(error),
            };
            if let Message::Binary(message) = message
                && let Some(words) = self.understand(&message)?
            {
                return Ok(Some(words));
            }
        }
        Ok(None)
    }

    fn is_over(&self) -> bool {
        self.stream.is_none()
    }

    fn finish(&mut self) {
        if let Some(stream) = self.stream.as_mut().filter(|stream| !stream.is_ending) {
            let _ = stream.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use protocol::job::HiddenText;
    use tungstenite::WebSocket;
    use tungstenite::handshake::server::{Request, Response};

    use super::*;

    fn event<'a>(kind: &'a str, payload: &'a str) -> Message {
        let headers = vec![(":message-type", "event"), (":event-type", kind), (":content-type", "application/json")];
        Message::binary(EventMessage { headers, payload: payload.as_bytes() }.write().unwrap())
    }

    fn sound(message: Message) -> Vec<u8> {
        let message = message.into_data();
        let event = EventMessage::read(&message).unwrap();
        assert_eq!(event.header(":event-type"), Some("AudioEvent"));
        event.payload.to_vec()
    }

    /// A service for one language, for as many streams as there are talks.
    fn serve(talks: Vec<fn(WebSocket<TcpStream>)>) -> (TranscribeSpec, thread::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let spec = TranscribeSpec {
            region: "us-east-1".to_owned(),
            access_key: "AKIDEXAMPLE".to_owned(),
            secret_key: HiddenText::from("hush"),
            endpoint: Some(format!("ws://{host}/")),
        };
        let server = thread::spawn(move || {
            for talk in talks {
                let mut query = String::new();
                #[expect(clippy::result_large_err, reason = "as the library has it")]
                let look = |request: &Request, response: Response| {
                    assert_eq!(request.uri().path(), PATH);
                    query = request.uri().query().unwrap_or_default().to_owned();
                    Ok(response)
                };
                let socket = tungstenite::accept_hdr(listener.accept().unwrap().0, look).unwrap();
                let (signed, signature) = query.split_once("&X-Amz-Signature=").unwrap();
                assert!(signed.ends_with("&language-code=fr-FR&media-encoding=pcm&sample-rate=16000"), "{signed}");
                assert!(signature.len() == 64 && !query.contains("hush"));
                talk(socket);
            }
        });
        (spec, server)
    }

    fn next(engine: &mut Transcribe) -> Result<Words, EngineError> {
        loop {
            if let Some(words) = engine.receive()? {
                return Ok(words);
            }
            thread::yield_now();
        }
    }

    const PARTIAL: &str = r#"{"Transcript":{"Results":[{"Alternatives":[{"Items":[],"Transcript":"Bon"}],"EndTime":1.1,"IsPartial":true,"ResultId":"1","StartTime":0.2}]}}"#;
    const FINAL: &str = r#"{"Transcript":{"Results":[{"Alternatives":[{"Items":[{"Content":"Bonjour","EndTime":1.4,"StartTime":0.25,"Type":"pronunciation"},{"Content":".","EndTime":1.4,"StartTime":1.4,"Type":"punctuation"}],"Transcript":"Bonjour."}],"EndTime":1.5,"IsPartial":false,"ResultId":"1","StartTime":0.2}]}}"#;

    #[test]
    fn sound_goes_out_in_events_and_what_is_new_comes_back() {
        let (spec, server) = serve(vec![|mut socket| {
            assert_eq!(sound(socket.read().unwrap()), [7; 3200]);
            for payload in [r#"{"Transcript":{"Results":[]}}"#, PARTIAL, PARTIAL, FINAL] {
                socket.send(event("TranscriptEvent", payload)).unwrap();
            }
            assert_eq!(sound(socket.read().unwrap()), [] as [u8; 0], "there is no more");
        }]);
        let mut engine = Transcribe::connect(&spec, "fr-FR").unwrap();
        engine.send(&[7; 3200]).unwrap();
        let words = [next(&mut engine).unwrap(), next(&mut engine).unwrap()];
        let told: Vec<_> = words.iter().map(|words| (&*words.text, &*words.raw, words.is_final)).collect();
        assert_eq!(told, [("Bon", PARTIAL, false), ("Bonjour.", FINAL, true)]);
        let bonjour = ("Bonjour".to_owned(), 4_000, 22_400);
        assert_eq!(words[1].timing, Some(Timing { began: 3_200, ended: 24_000, words: vec![bonjour] }));
        engine.finish();
        server.join().unwrap();
    }

    #[test]
    fn what_the_service_complains_of_is_told() {
        let (spec, server) = serve(vec![|mut socket| {
            let headers = vec![(":message-type", "exception"), (":exception-type", "LimitExceededException")];
            let complaint = EventMessage { headers, payload: br#"{"Message":"too many streams"}"# };
            socket.send(Message::binary(complaint.write().unwrap())).unwrap();
            while socket.read().is_ok() {}
        }]);
        let mut engine = Transcribe::connect(&spec, "fr-FR").unwrap();
        let told = next(&mut engine).unwrap_err().to_string();
        assert!(told.contains("LimitExceededException: too many streams"), "{told}");
        drop(engine);
        server.join().unwrap();
    }

    #[test]
    fn without_sound_the_stream_is_ended_and_with_sound_another_one_begins() {
        let (spec, server) = serve(vec![
            |mut socket| {
                assert_eq!(sound(socket.read().unwrap()), [7; 3200]);
                assert_eq!(sound(socket.read().unwrap()), [] as [u8; 0]);
                socket.send(event("TranscriptEvent", FINAL)).unwrap();
            },
            |mut socket| {
                assert_eq!(sound(socket.read().unwrap()), [1; 3200]);
                socket.send(event("TranscriptEvent", FINAL)).unwrap();
                while socket.read().is_ok() {}
            },
        ]);
        let mut engine = Transcribe::connect(&spec, "fr-FR").unwrap();
        engine.send(&[7; 3200]).unwrap();
        let idle = Instant::now().checked_sub(IDLE * 2).unwrap();
        engine.stream.as_mut().unwrap().sent = idle;
        assert_eq!(next(&mut engine).unwrap().text, "Bonjour.", "what was said before is still told");
        while engine.stream.is_some() {
            assert!(engine.receive().unwrap().is_none(), "nobody is told");
        }
        assert!(engine.is_over());
        engine.send(&[1; 3200]).unwrap();
        let timing = next(&mut engine).unwrap().timing.unwrap();
        assert_eq!(
            (timing.began, timing.ended),
            (1_600 + 3_200, 1_600 + 24_000),
            "the service counts from its beginning"
        );
        drop(engine);
        server.join().unwrap();
    }
}
