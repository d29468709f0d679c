//! Sound to recognisers of the test's own, which speak Vosk's protocol and Azure's, and their words back.

use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use protocol::job::{AzureSpec, FromJob, HiddenText, JobSpec, RecogniseSpec, SpeechEngine, ToJob};
use protocol::media::VideoCodec;
use tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tungstenite::http::StatusCode;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

use crate::job::{Publisher, RunningJob};

/// Of the samples that it gets.
const RATE: usize = 16_000;
/// Who the recogniser that speaks Azure's protocol listens to.
const KEY: &str = "a key of a resource";

/// It hears one word, from the first sound to half a second of silence.
#[derive(Default)]
struct Ear {
    /// Samples that it was sent.
    heard: usize,
    sound: Vec<i16>,
    silence: usize,
}

enum Heard {
    Nothing,
    /// A word, which goes on.
    Beginning,
    /// How it sounded, and when it began and ended, in samples.
    Word(Vec<i16>, [usize; 2]),
}

impl Ear {
    fn hear(&mut self, bytes: &[u8]) -> Heard {
        let samples: Vec<_> = bytes.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
        let is_loud = samples.iter().any(|sample| sample.unsigned_abs() > 1000);
        self.heard += samples.len();
        if self.sound.is_empty() && !is_loud {
            return Heard::Nothing;
        }
        self.silence = if is_loud { 0 } else { self.silence + samples.len() };
        self.sound.extend(samples);
        if self.silence < RATE / 2 {
            return Heard::Beginning;
        }
        let word = [self.heard - self.sound.len(), self.heard - self.silence];
        self.sound.truncate(self.sound.len() - self.silence);
        Heard::Word(std::mem::take(self).sound, word)
    }
}

/// A recogniser for one client, which speaks Vosk's protocol. After a word it is never heard of again.
fn recogniser() -> (String, Receiver<Vec<i16>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("ws://{}", listener.local_addr().unwrap());
    let (heard, sounds) = channel();
    thread::spawn(move || hear(tungstenite::accept(listener.accept().unwrap().0).unwrap(), &heard));
    (address, sounds)
}

fn hear(mut socket: WebSocket<TcpStream>, heard: &Sender<Vec<i16>>) {
    let mut ear = Ear::default();
    while let Ok(message) = socket.read() {
        let Message::Binary(bytes) = message else { continue };
        let answer = match ear.hear(&bytes) {
            Heard::Nothing => r#"{"partial" : ""}"#,
            Heard::Beginning => r#"{"partial" : "beep"}"#,
            Heard::Word(sound, word) => {
                heard.send(sound).unwrap();
                let [start, end] = word.map(|sample| sample as f64 / RATE as f64);
                let word = format!(r#"{{"word" : "beep", "start" : {start}, "end" : {end}}}"#);
                let _ = socket.send(Message::text(format!(r#"{{"result" : [{word}], "text" : "beep"}}"#)));
                return;
            }
        };
        if socket.send(Message::text(answer)).is_err() {
            return;
        }
    }
}

/// The same, by Azure's protocol: it says why it goes.
fn azure() -> (String, Receiver<Vec<i16>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("ws://{}", listener.local_addr().unwrap());
    let (heard, sounds) = channel();
    thread::spawn(move || {
        #[expect(clippy::result_large_err, reason = "as the library has it")]
        let check = |request: &Request, response: Response| {
            if request.headers()["Ocp-Apim-Subscription-Key"] == KEY {
                return Ok(response);
            }
            let mut refusal = ErrorResponse::new(None);
            *refusal.status_mut() = StatusCode::UNAUTHORIZED;
            Err(refusal)
        };
        if let Ok(socket) = tungstenite::accept_hdr(listener.accept().unwrap().0, check) {
            hear_as_azure(socket, &heard);
        }
    });
    (address, sounds)
}

const HYPOTHESIS: &str = r#"{"Text":"beep","Offset":0,"Duration":1}"#;

fn phrase(offset: usize, duration: usize) -> String {
    format!(r#"{{"RecognitionStatus":"Success","DisplayText":"Beep.","Offset":{offset},"Duration":{duration}}}"#)
}

fn hear_as_azure(mut socket: WebSocket<TcpStream>, heard: &Sender<Vec<i16>>) {
    let (mut ear, mut turn) = (Ear::default(), None);
    while let Ok(message) = socket.read() {
        let Message::Binary(bytes) = message else { continue };
        let (length, rest) = bytes.split_first_chunk().unwrap();
        let (headers, mut sound) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
        let headers = std::str::from_utf8(headers).unwrap();
        let id = headers.split("\r\n").find_map(|line| line.strip_prefix("X-RequestId: ")).unwrap().to_owned();
        let say = |socket: &mut WebSocket<TcpStream>, path: &str, body: &str| {
            socket.send(Message::text(format!("X-RequestId:{id}\r\nPath:{path}\r\n\r\n{body}"))).unwrap();
        };
        if turn.as_ref() != Some(&id) {
            let riff;
            (riff, sound) = sound.split_at(44);
            assert_eq!((&riff[..4], &riff[8..12]), (&b"RIFF"[..], &b"WAVE"[..]));
            say(&mut socket, "turn.start", "{}");
            turn = Some(id.clone());
        }
        match ear.hear(sound) {
            Heard::Nothing => {}
            Heard::Beginning => say(&mut socket, "speech.hypothesis", HYPOTHESIS),
            Heard::Word(sound, word) => {
                heard.send(sound).unwrap();
                let [offset, end] = word.map(|sample| sample * 625);
                say(&mut socket, "speech.phrase", &phrase(offset, end - offset));
                let (code, reason) = (CloseCode::Protocol, "Missing/Empty header.".into());
                socket.close(Some(CloseFrame { code, reason })).unwrap();
                while socket.read().is_ok() {}
                return;
            }
        }
    }
}

/// PocketSphinx behind Vosk's protocol, which knows a few words of English.
struct Pocketsphinx {
    process: Child,
    /// It could not speak without.
    _said: BufReader<ChildStdout>,
}

impl Pocketsphinx {
    /// And where it is.
    fn start() -> (Self, String) {
        let server = concat!(env!("CARGO_MANIFEST_DIR"), "/../../e2e/recogniser/server.py");
        let mut command = Command::new("/usr/bin/python3");
        let mut process = command.args([server, "0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let mut first = String::new();
        said.read_line(&mut first).unwrap();
        let port = first.trim().strip_prefix("port ").expect("see scripts/tools.sh for what it needs");
        (Self { process, _said: said }, format!("ws://127.0.0.1:{port}"))
    }
}

impl Drop for Pocketsphinx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn recognise(address: String) -> RunningJob {
    RunningJob::begin(JobSpec::Recognise(RecogniseSpec {
        language: "en-US".to_owned(),
        by: SpeechEngine::Vosk { address },
    }))
}

fn recognise_by_azure(address: String, key: &str) -> RunningJob {
    let (region, key) = ("westeurope".to_owned(), HiddenText::from(key));
    RunningJob::begin(JobSpec::Recognise(RecogniseSpec {
        language: "en-US".to_owned(),
        by: SpeechEngine::Azure(AzureSpec { region, key, endpoint: Some(address) }),
    }))
}

/// Text, finality and the engine's own words, of everything that was understood.
fn understood(job: &RunningJob) -> Vec<(&str, bool, &str)> {
    let words = job.said.iter().filter_map(|said| match said {
        FromJob::Recognised { text, raw, is_final, spoken } => {
            assert_eq!(spoken.is_some(), *is_final, "when what may still change was said nobody asks");
            Some((&**text, *is_final, &**raw))
        }
        _ => None,
    });
    words.collect()
}

/// Publishes two seconds of a tone; when it begins, on our clock.
fn beep(job: &mut RunningJob) -> Instant {
    let mut began = None;
    job.publish(1, &mut Publisher::new(VideoCodec::Vp8, "color=c=red:size=64x64:rate=5", 440), |_, _| {
        began.get_or_insert_with(Instant::now);
        true
    });
    began.expect("it was published")
}

/// Listens until the end of what is said is told, and checks when that was: two seconds from then on.
fn check_time(job: &mut RunningJob, began: Instant) {
    let end = |said: &FromJob| match said {
        FromJob::Recognised { spoken: Some(spoken), .. } => Some(spoken.clone()),
        _ => None,
    };
    job.listen_until(|job| job.said.iter().any(|said| end(said).is_some()));
    let now = began.elapsed().as_secs_f64();
    let spoken = job.said.iter().find_map(end).unwrap();
    // The engine hears in tenths of a second; how long words take to get here is this machine's business.
    let [from, until] = [spoken.began, spoken.ended].map(|ago| now - ago as f64 / 1000.0);
    assert!((-0.2..0.4).contains(&from) && (1.8..2.4).contains(&until), "{from} {until}");
}

fn is_failure(said: &FromJob) -> bool {
    matches!(said, FromJob::Failed { .. })
}

/// Two seconds of 440 Hz.
fn check_tone(sound: &[i16]) {
    let length = sound.len() as f64 / RATE as f64;
    assert!((1.8..2.2).contains(&length), "{length} s");
    let second = &sound[RATE / 2..RATE * 3 / 2];
    let crossings = second.windows(2).filter(|two| (two[0] < 0) != (two[1] < 0)).count();
    assert!((860..900).contains(&crossings), "{crossings} zeros in a second of 440 Hz");
}

#[test]
fn sound_is_heard_and_words_come_back_until_the_recogniser_is_gone() {
    let (address, sounds) = recogniser();
    let mut job = recognise(address);
    job.listen_until(|job| job.has_said(|said| *said == FromJob::Ready { audio: false, video: None }));
    job.add_input(1);
    let began = beep(&mut job);
    // No more sound comes: silence is what the recogniser is told of it.
    check_time(&mut job, began);
    job.listen_until(|job| job.has_said(is_failure));

    check_tone(&sounds.recv().unwrap());
    let [beginning, end] = understood(&job)[..] else { panic!("{:?}", job.said) };
    assert_eq!(beginning, ("beep", false, r#"{"partial" : "beep"}"#));
    assert!(end.0 == "beep" && end.1 && end.2.starts_with(r#"{"result" : [{"word" : "beep", "start""#), "{end:?}");
    assert!(job.sent.is_empty());
    assert!(job.wait().success(), "nobody shall try again");
}

#[test]
fn a_real_recogniser_says_when_words_were_said_and_the_last_of_them_when_there_is_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("spoken.wav");
    let mut espeak = Command::new("espeak-ng");
    espeak.args(["-v", "en-us+f3", "-s", "140", "-w"]).arg(&file).arg("Hello everybody. Welcome.");
    assert!(espeak.status().unwrap().success());
    let (_recogniser, address) = Pocketsphinx::start();
    let mut job = recognise(address);
    job.listen_until(|job| job.has_said(|said| *said == FromJob::Ready { audio: false, video: None }));
    job.add_input(1);
    // A second of silence, two words, and the beginning of a third one.
    let sound = format!("amovie={},aresample=48000,adelay=1000:all=1", file.display());
    let mut began = None;
    job.publish(1, &mut Publisher::of(VideoCodec::Vp8, "color=c=red:size=64x64:rate=5", &sound, 3), |_, _| {
        began.get_or_insert_with(Instant::now);
        true
    });
    assert!(understood(&job).iter().all(|(_, is_final, _)| !is_final), "somebody is speaking");
    job.tell(&ToJob::Finish);
    let is_end = |said: &FromJob| matches!(said, FromJob::Recognised { is_final: true, .. });
    job.listen_until(|job| job.has_said(is_end));
    let now = began.unwrap().elapsed().as_secs_f64();
    job.listen_until(|job| job.has_said(|said| *said == FromJob::Finished));
    let Some(FromJob::Recognised { text, spoken: Some(spoken), .. }) = job.said.iter().find(|said| is_end(said)) else {
        panic!("{:?}", job.said)
    };
    assert!(text.starts_with("hello everybody"), "{text}");
    let words: Vec<_> = spoken.words.iter().map(|word| (&*word.word, now - word.began as f64 / 1000.0)).collect();
    let [("hello", hello), ("everybody", everybody), ..] = words[..] else { panic!("{words:?}") };
    assert!((hello - 1.0).abs() < 0.5 && (everybody - 1.35).abs() < 0.5 && hello < everybody, "{words:?}");
    assert!((now - spoken.began as f64 / 1000.0 - hello).abs() < 0.01);
    assert!(job.end().success());
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

#[test]
fn azures_service_hears_the_same_and_why_it_goes_is_told() {
    let (address, sounds) = azure();
    let mut job = recognise_by_azure(address, KEY);
    job.listen_until(|job| job.has_said(|said| *said == FromJob::Ready { audio: false, video: None }));
    job.add_input(1);
    let began = beep(&mut job);
    check_time(&mut job, began);
    job.listen_until(|job| job.has_said(is_failure));

    check_tone(&sounds.recv().unwrap());
    let [beginning, end] = understood(&job)[..] else { panic!("{:?}", job.said) };
    assert_eq!(beginning, ("beep", false, HYPOTHESIS));
    assert!(end.0 == "Beep." && end.1 && end.2.contains("DisplayText"), "{end:?}");
    assert!(format!("{:?}", job.said).contains("1002 Missing/Empty header."), "{:?}", job.said);
    assert!(job.wait().success(), "nobody shall try again");
}

#[test]
fn a_key_that_azures_service_does_not_know_is_told_and_not_shown() {
    let mut job = recognise_by_azure(azure().0, "another key");
    job.listen_until(|job| job.has_said(is_failure));
    let said = format!("{:?}", job.said);
    assert!(!said.contains("Ready") && said.contains("401") && !said.contains("another key"), "{said}");
    assert!(job.wait().success());
}
