//! Sound to a recogniser of the test's own, which speaks Vosk's protocol, and its words back.

use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use protocol::job::{FromJob, JobSpec, RecogniseSpec, SpeechEngine, ToJob};
use protocol::media::VideoCodec;
use tungstenite::{Message, WebSocket};

use crate::job::{Publisher, RunningJob};

/// Of the samples that it gets.
const RATE: usize = 16_000;

/// A recogniser for one client: it hears one word, from the first sound to half a second of silence, and says how it sounded.
fn recogniser() -> (String, Receiver<Vec<i16>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("ws://{}", listener.local_addr().unwrap());
    let (heard, sounds) = channel();
    thread::spawn(move || hear(tungstenite::accept(listener.accept().unwrap().0).unwrap(), &heard));
    (address, sounds)
}

fn hear(mut socket: WebSocket<TcpStream>, heard: &Sender<Vec<i16>>) {
    let (mut sound, mut silence) = (vec![], 0);
    while let Ok(message) = socket.read() {
        let Message::Binary(bytes) = message else { continue };
        let samples: Vec<_> = bytes.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
        let is_loud = samples.iter().any(|sample| sample.unsigned_abs() > 1000);
        if is_loud || !sound.is_empty() {
            silence = if is_loud { 0 } else { silence + samples.len() };
            sound.extend(samples);
        }
        let answer = if silence < RATE / 2 {
            if sound.is_empty() { r#"{"partial" : ""}"# } else { r#"{"partial" : "beep"}"# }
        } else {
            sound.truncate(sound.len() - silence);
            heard.send(std::mem::take(&mut sound)).unwrap();
            silence = 0;
            r#"{"result" : [{"word" : "beep"}], "text" : "beep"}"#
        };
        if socket.send(Message::text(answer)).is_err() {
            return;
        }
        if answer.contains("result") {
            // It is never heard of again.
            return;
        }
    }
}

fn recognise(address: String) -> RunningJob {
    RunningJob::begin(JobSpec::Recognise(RecogniseSpec {
        language: "en-US".to_owned(),
        by: SpeechEngine::Vosk { address },
    }))
}

fn is_failure(said: &FromJob) -> bool {
    matches!(said, FromJob::Failed { .. })
}

#[test]
fn sound_is_heard_and_words_come_back_until_the_recogniser_is_gone() {
    let (address, sounds) = recogniser();
    let mut job = recognise(address);
    job.listen_until(|job| job.has_said(|said| *said == FromJob::Ready { audio: false, video: None }));
    job.add_input(1);
    job.publish(1, &mut Publisher::new(VideoCodec::Vp8, "color=c=red:size=64x64:rate=5", 440), |_, _| true);
    // No more sound comes: silence is what the recogniser is told of it.
    job.listen_until(|job| job.has_said(is_failure));

    let sound = sounds.recv().unwrap();
    let length = sound.len() as f64 / RATE as f64;
    assert!((1.8..2.2).contains(&length), "{length} s");
    let second = &sound[RATE / 2..RATE * 3 / 2];
    let crossings = second.windows(2).filter(|two| (two[0] < 0) != (two[1] < 0)).count();
    assert!((860..900).contains(&crossings), "{crossings} zeros in a second of 440 Hz");

    let words: Vec<_> = job.said.iter().filter(|said| matches!(said, FromJob::Recognised { .. })).collect();
    let told = |raw: &str, is_final| FromJob::Recognised { text: "beep".to_owned(), raw: raw.to_owned(), is_final };
    let expected =
        [told(r#"{"partial" : "beep"}"#, false), told(r#"{"result" : [{"word" : "beep"}], "text" : "beep"}"#, true)];
    assert_eq!(words, expected.iter().collect::<Vec<_>>());
    assert!(job.sent.is_empty());
    assert!(job.wait().success(), "nobody shall try again");
}

#[test]
fn an_input_that_comes_again_is_heard_again() {
    let (address, sounds) = recogniser();
    let mut job = recognise(address);
    job.add_input(1);
    job.tell(&ToJob::RemoveInput { number: 1 });
    job.add_input(1);
    job.publish(1, &mut Publisher::new(VideoCodec::Vp8, "color=c=red:size=64x64:rate=5", 880), |_, _| true);
    job.listen_until(|job| job.has_said(is_failure));
    assert!(sounds.recv_timeout(Duration::from_secs(1)).unwrap().len() > RATE);
}

#[test]
fn a_recogniser_that_is_not_there_is_told() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut job = recognise(format!("ws://{nobody}"));
    job.listen_until(|job| job.has_said(is_failure));
    assert!(!job.has_said(|said| matches!(said, FromJob::Ready { .. })));
    assert!(job.wait().success());
}
