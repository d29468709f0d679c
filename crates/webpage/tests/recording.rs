//! Real pages in a real Chromium; what comes out is judged by ffmpeg.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tempfile::TempDir;
use webpage::{PageError, PageOptions, PageRecording};

/// Half red, half blue, on a page that is longer than what is seen of it; a loud tone; something moves always.
const PAGE: &str = "<!doctype html><body style='margin:0;background:#0f0'><p style='width:3000px;height:3000px'></p>
    <canvas id=canvas style='position:fixed;inset:0'></canvas><script>
    canvas.width = innerWidth; canvas.height = innerHeight;
    const context = canvas.getContext('2d');
    let pictures = 0;
    function draw() {
        const { width, height } = canvas;
        context.fillStyle = '#f00'; context.fillRect(0, 0, width / 2, height);
        context.fillStyle = '#00f'; context.fillRect(width / 2, 0, width / 2, height);
        context.fillStyle = pictures++ % 2 ? '#fff' : '#000'; context.fillRect(0, 0, 8, 8);
        requestAnimationFrame(draw);
    }
    draw();
    const audio = new AudioContext();
    const tone = audio.createOscillator();
    tone.connect(audio.destination);
    tone.start();
    </script>";

/// Nothing moves, nothing sounds, and it wants to be talked to.
const STILL: &str = "<!doctype html><body style='background:#f00'><script>onload = () => alert('still')</script>";

/// Serves these pages, and nothing else. Returns its origin.
fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let request = lines.next().unwrap_or_default();
            lines.find(String::is_empty);
            let (status, body) = match request.split(' ').nth(1) {
                Some("/") => ("200 OK", PAGE),
                Some("/still") => ("200 OK", STILL),
                _ => ("404 Not Found", "nothing here"),
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    origin
}

fn options(url: String) -> PageOptions {
    PageOptions {
        program: webpage::find().expect("chromium is installed"),
        confinement: confinement::Confinement::none(),
        folder: std::env::temp_dir().join("madang-webpage-tests"),
        url,
        insecure_origin: None,
        hosts: vec![],
        trusted_keys: vec![],
        width: 640,
        height: 360,
        frame_rate: 25,
        audio: true,
    }
}

fn start(options: &PageOptions) -> Result<PageRecording, PageError> {
    PageRecording::start(options, Arc::new(AtomicBool::new(false)))
}

/// Records that many pieces.
fn pieces(recording: &mut PageRecording, count: usize) -> Vec<u8> {
    let mut file = vec![];
    for _ in 0..count {
        file.extend(recording.next(Duration::from_secs(20)).unwrap().expect("a piece"));
    }
    file
}

/// What a program says about a file.
fn said(program: &str, before: &[&str], file: &Path, after: &[&str]) -> String {
    let output = Command::new(program).args(before).arg(file).args(after).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The colour at a point of the last picture.
fn colour(file: &Path, x: u32, y: u32) -> [u8; 3] {
    let crop = format!("reverse,crop=2:2:{x}:{y},format=rgb24");
    let after = ["-map", "0:v", "-vf", &crop, "-frames:v", "1", "-f", "rawvideo", "-"];
    let output = Command::new("ffmpeg").args(["-v", "error", "-i"]).arg(file).args(after).output().unwrap();
    output.stdout[..3].try_into().unwrap()
}

/// The sizes that pictures have.
fn sizes(file: &Path) -> BTreeSet<String> {
    let entries = ["-v", "error", "-select_streams", "v", "-show_entries", "frame=width,height", "-of", "csv=p=0"];
    said("ffprobe", &entries, file, &[]).lines().map(str::to_owned).collect()
}

#[test]
fn a_page_is_recorded_as_it_looks_and_sounds() {
    let folder = TempDir::new().unwrap();
    let mut recording = start(&options(serve())).unwrap();
    let mut bytes = pieces(&mut recording, 3);
    bytes.extend(recording.stop().unwrap());
    let file = folder.path().join("page.webm");
    std::fs::write(&file, bytes).unwrap();

    let entries = ["-v", "error", "-show_entries", "stream=codec_name,channels", "-of", "csv=p=0"];
    let streams = said("ffprobe", &entries, &file, &[]);
    assert!(streams.contains("vp8") && streams.contains("opus,2"), "{streams}");
    assert_eq!(sizes(&file), ["640,360".to_owned()].into());
    // At the edges, too.
    for (x, is_red) in [(16, true), (310, true), (328, false), (636, false)] {
        for y in [16, 356] {
            let [red, green, blue] = colour(&file, x, y);
            assert!((red > 150) == is_red && (blue > 150) != is_red && green < 100, "{x},{y}: {red} {green} {blue}");
        }
    }
    let volume = said("ffmpeg", &["-i"], &file, &["-af", "volumedetect", "-vn", "-f", "null", "-"]);
    let mean = volume.split("mean_volume: ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a volume");
    assert!(mean.parse::<f64>().unwrap() > -20.0, "{mean} dB");
}

#[test]
fn a_page_on_which_nothing_moves_is_recorded_too() {
    let folder = TempDir::new().unwrap();
    let mut recording = start(&options(format!("{}/still", serve()))).unwrap();
    let mut bytes = pieces(&mut recording, 2);
    bytes.extend(recording.stop().unwrap());
    let file = folder.path().join("page.webm");
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(sizes(&file), ["640,360".to_owned()].into());
    assert!(colour(&file, 320, 180)[0] > 200);
}

#[test]
fn what_was_recorded_before_a_crash_plays() {
    let folder = TempDir::new().unwrap();
    let mut recording = start(&PageOptions { audio: false, ..options(serve()) }).unwrap();
    let bytes = pieces(&mut recording, 3);
    let browser = recording.process().to_string();
    assert!(Command::new("kill").args(["-KILL", &browser]).status().unwrap().success());
    // Some pieces may have been on their way.
    let mut after = std::iter::repeat_with(|| recording.next(Duration::from_secs(20))).take(20);
    let error = after.find_map(|next| match next {
        Ok(piece) => {
            assert!(piece.is_some(), "neither an end nor a piece");
            None
        }
        Err(error) => Some(error),
    });
    let error = error.expect("an end");
    assert!(matches!(error, PageError::Ended), "{error}");
    let file = folder.path().join("page.webm");
    std::fs::write(&file, bytes).unwrap();
    let streams = said("ffprobe", &["-v", "fatal", "-show_entries", "stream=codec_name", "-of", "csv"], &file, &[]);
    assert_eq!(streams.trim(), "stream,vp8");
    assert!(colour(&file, 160, 180)[0] > 200);
}

#[test]
fn what_cannot_be_recorded_is_said() {
    let origin = serve();
    let error = start(&options(format!("{origin}/nothing"))).unwrap_err().to_string();
    assert!(error.contains("404"), "{error}");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = start(&options(format!("http://{closed}/"))).unwrap_err().to_string();
    assert!(error.contains("ERR_CONNECTION_REFUSED"), "{error}");
    let error = start(&PageOptions { program: "/nonexistent/chromium".into(), ..options(origin.clone()) }).unwrap_err();
    assert!(error.to_string().contains("/nonexistent/chromium"), "{error}");
    // Something that is no browser, and complains of it.
    let error = start(&PageOptions { program: "/bin/date".into(), ..options(origin) }).unwrap_err();
    assert!(matches!(&error, PageError::EndedAtOnce { words, .. } if words.contains("--headless")), "{error}");
}
