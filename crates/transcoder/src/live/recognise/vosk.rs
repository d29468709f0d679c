//! The WebSocket protocol of Vosk's servers, as a client: first what the sound is like, then sound; texts come back, whenever the
//! server likes, the original one for each message. Other recognisers speak it, too.

use serde::Deserialize;
use tungstenite::Message;

use super::socket::EngineSocket;
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
    #[serde(default)]
    alternatives: Vec<Alternative>,
}

#[derive(Deserialize)]
struct Alternative {
    text: String,
}

impl Vosk {
    /// `address`: `ws:` or `wss:`.
    pub(super) fn connect(address: &str) -> Result<Self, EngineError> {
        let mut socket = EngineSocket::connect(address)?;
        socket.send(Message::text(format!(r#"{{"config":{{"sample_rate":{SAMPLES_PER_SECOND}}}}}"#)))?;
        Ok(Self { socket, interim: String::new() })
    }

    /// What is new in what it says.
    fn understand(&mut self, message: &str) -> Option<Words> {
        let answer: Answer = serde_json::from_str(message).ok()?;
        let first = || answer.alternatives.into_iter().next().map(|alternative| alternative.text);
        let (text, is_final) = match (answer.text, answer.partial) {
            (Some(text), _) => (text, true),
            (None, Some(text)) => (text, false),
            (None, None) => (first()?, true),
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
        (is_new && !text.is_empty()).then(|| Words { text: text.to_owned(), raw: raw.to_owned(), is_final })
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
            assert_eq!(socket.read().unwrap().to_text().unwrap(), r#"{"config":{"sample_rate":16000}}"#);
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
            ] {
                socket.send(Message::text(answer)).unwrap();
            }
            assert_eq!(socket.read().unwrap().to_text().unwrap(), r#"{"eof" : 1}"#);
        });
        let mut vosk = Vosk::connect(&address).unwrap();
        vosk.send(&[0; 3200]).unwrap();
        let words: Vec<_> = (0..4).map(|_| next(&mut vosk).unwrap()).collect();
        let told: Vec<_> = words.iter().map(|words| (words.text.as_str(), words.is_final)).collect();
        assert_eq!(told, [("good", false), ("good morning", false), ("good morning", true), ("again", true)]);
        assert_eq!(words[2].raw, r#"{"result" : [{"word": "good"}], "text" : "good morning"}"#);
        vosk.finish();
        server.join().unwrap();
        assert!(matches!(next(&mut vosk), Err(EngineError::Closed(_))), "it has gone");
    }
}
