//! The WebSocket protocol of Vosk's servers, as a client: first what the sound is like, then sound; texts come back, whenever the
//! server likes, the original one for each message. Other recognisers speak it, too.

use serde::Deserialize;
use tungstenite::Message;

use super::socket::EngineSocket;
use super::timing::{Timing, seconds};
use super::{Engine, EngineError, LONGEST_RAW, SAMPLES_PER_SECOND, Words};

/// A stream that one such server listens to.
#[derive(Debug)]
pub(super) struct Vosk {
    socket: EngineSocket,
    /// What it said last that may still change.
    interim: String,
}

/// What it says. All of the known servers send one of these at a time.
#[derive(Deserialize)]
struct Answer {
    partial: Option<String>,
    text: Option<String>,
    /// Of the text.
    #[serde(default)]
    result: Vec<Word>,
    #[serde(default)]
    alternatives: Vec<Alternative>,
}

#[derive(Deserialize)]
struct Alternative {
    text: String,
    #[serde(default)]
    result: Vec<Word>,
}

/// Seconds since the first sound. Not all recognisers tell them.
#[derive(Deserialize)]
struct Word {
    word: String,
    start: Option<f64>,
    end: Option<f64>,
}

impl Word {
    fn timing(words: Vec<Self>) -> Option<Timing> {
        let time = |Self { word, start, end }: Self| Some((word, seconds(start?), seconds(end?)));
        Timing::of(words.into_iter().filter_map(time).collect())
    }
}

impl Vosk {
    /// `address`: `ws:` or `wss:`.
    pub(super) fn connect(address: &str) -> Result<Self, EngineError> {
        let mut socket = EngineSocket::connect(address)?;
        socket.send(Message::text(format!(r#"{{"config":{{"sample_rate":{SAMPLES_PER_SECOND},"words":true}}}}"#)))?;
        Ok(Self { socket, interim: String::new() })
    }

    /// What is new in what it says.
    fn understand(&mut self, message: &str) -> Option<Words> {
        let answer: Answer = serde_json::from_str(message).ok()?;
        let first = || answer.alternatives.into_iter().next();
        let (text, words, is_final) = match (answer.text, answer.partial) {
            (Some(text), _) => (text, answer.result, true),
            (None, Some(text)) => (text, vec![], false),
            (None, None) => first().map(|alternative| (alternative.text, alternative.result, true))?,
        };
        let text = text.trim();
        let is_new = if is_final {
            self.interim.clear();
            true
        } else {
            let is_new = self.interim != text;
            text.clone_into(&mut self.interim);
            is_new
        };
        let raw = if message.len() <= LONGEST_RAW { message } else { text };
        (is_new && !text.is_empty()).then(|| Words {
            text: text.to_owned(),
            raw: raw.to_owned(),
            is_final,
            timing: Word::timing(words),
        })
    }
}

impl Engine for Vosk {
    fn send(&mut self, sound: &[u8]) -> Result<(), EngineError> {
        self.socket.send(Message::binary(sound.to_vec()))
    }

    fn receive(&mut self) -> Result<Option<Words>, EngineError> {
        while let Some(message) = self.socket.read()? {
            if let Message::Text(text) = message
                && let Some(words) = self.understand(&text)
            {
                return Ok(Some(words));
            }
        }
        Ok(None)
    }

    fn is_over(&self) -> bool {
        // The server hangs up.
        false
    }

    fn finish(&mut self) {
        // To the letter: the original compares texts.
        let _ = self.socket.send(Message::text(r#"{"eof" : 1}"#));
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::thread::{self, JoinHandle};

    use tungstenite::WebSocket;

    use super::*;

    /// A server for one client, which `talk` is about.
    fn serve(talk: impl FnOnce(WebSocket<TcpStream>) + Send + 'static) -> (String, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("ws://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || talk(tungstenite::accept(listener.accept().unwrap().0).unwrap()));
        (address, server)
    }

    /// The next words; something must come, or the other side ends.
    fn next(vosk: &mut Vosk) -> Result<Words, EngineError> {
        loop {
            if let Some(words) = vosk.receive()? {
                return Ok(words);
            }
            thread::yield_now();
        }
    }

    #[test]
    fn sound_goes_out_and_what_is_new_comes_back() {
        let (address, server) = serve(|mut socket| {
            assert_eq!(socket.read().unwrap().to_text().unwrap(), r#"{"config":{"sample_rate":16000,"words":true}}"#);
            assert_eq!(socket.read().unwrap().into_data().len(), 3200);
            for answer in [
                r#"{"partial" : ""}"#,
                r#"{"partial" : "good"}"#,
                r#"{"partial" : "good"}"#,
                r#"{"partial" : "good morning"}"#,
                r#"{"result" : [{"word": "good"}], "text" : "good morning"}"#,
                "nonsense",
                r#"{"text" : ""}"#,
                r#"{"alternatives" : [{"confidence": 1.0, "text": "again"}, {"confidence": 0.1, "text": "a gain"}]}"#,
                r#"{"result" : [{"conf":1.0,"word":"well","start":1.5,"end":2.0},{"word":"now","start":2,"end":2.25}], "text" : "well now"}"#,
            ] {
                socket.send(Message::text(answer)).unwrap();
            }
            assert_eq!(socket.read().unwrap().to_text().unwrap(), r#"{"eof" : 1}"#);
        });
        let mut vosk = Vosk::connect(&address).unwrap();
        vosk.send(&[0; 3200]).unwrap();
        let words: Vec<_> = (0..5).map(|_| next(&mut vosk).unwrap()).collect();
        let told: Vec<_> = words.iter().map(|words| (words.text.as_str(), words.is_final)).collect();
        assert_eq!(
            told,
            [("good", false), ("good morning", false), ("good morning", true), ("again", true), ("well now", true)]
        );
        assert!(words[..4].iter().all(|words| words.timing.is_none()), "it does not tell");
        let [well, now] = [("well".to_owned(), 24_000, 32_000), ("now".to_owned(), 32_000, 36_000)];
        assert_eq!(words[4].timing, Some(Timing { began: 24_000, ended: 36_000, words: vec![well, now] }));
        assert_eq!(words[2].raw, r#"{"result" : [{"word": "good"}], "text" : "good morning"}"#);
        vosk.finish();
        server.join().unwrap();
        assert!(matches!(next(&mut vosk), Err(EngineError::Closed(_))), "it has gone");
    }
}
