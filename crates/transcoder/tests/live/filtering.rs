//! Filters, seen and heard.

use std::path::Path;
use std::process::Command;

use protocol::job::{FilterSpec, FromJob, JobSpec, ToJob};
use protocol::media::{MediaKind, VideoCodec};
use serde_json::{Value, json};

use crate::job::{Film, Publisher, RunningJob, is_near};

const GREEN: &str = "color=c=0x00A000:size=320x240:rate=15";

fn filter(kind: &str, options: Value, images: Option<&Path>) -> RunningJob {
    let spec = JobSpec::Filter {
        filter: FilterSpec { kind: kind.to_owned(), options },
        video: true,
        audio: true,
        images: images.map(|folder| folder.display().to_string()),
    };
    begin(spec)
}

/// What comes before it is there would be too much at once.
fn begin(spec: JobSpec) -> RunningJob {
    let mut job = RunningJob::begin(spec);
    job.add_input(1);
    job.listen_until(|job| {
        job.has_said(|said| matches!(said, FromJob::Executed { request: 0, error: None } | FromJob::Failed { .. }))
    });
    job
}

fn element(command: &str) -> RunningJob {
    filter("GStreamerFilter", json!({ "command": command }), None)
}

fn execute(job: &mut RunningJob, request: u64, method: &str, params: Value) -> Option<String> {
    job.tell(&ToJob::Execute { request, method: method.to_owned(), params });
    let mut result = None;
    job.listen_until(|job| {
        result = job.said.iter().find_map(|said| match said {
            FromJob::Executed { request: answered, error } if *answered == request => Some(error.clone()),
            _ => None,
        });
        result.is_some()
    });
    result.flatten()
}

/// Pictures sent while `method` is called in the middle; those before and those after.
fn film_around(job: &mut RunningJob, publisher: &mut Publisher, method: &str, params: &Value) -> (Film, Film) {
    let mut called = None;
    let half = publisher.next_sequence(MediaKind::Audio) + 60;
    job.publish(1, publisher, |job, outgoing| {
        if called.is_none() && outgoing.kind == MediaKind::Audio && outgoing.sequence >= half {
            assert_eq!(execute(job, 1, method, params.clone()), None);
            job.tell(&ToJob::KeyFrame);
            called = Some(job.sent.len());
        }
        true
    });
    let called = called.expect("the middle");
    // From the key frame on.
    (job.film_of(..called), job.film_of(called..))
}

#[test]
fn a_property_of_an_element_changes_while_it_runs() {
    let mut job = element("videobalance saturation=0.0");
    let mut publisher = Publisher::new(VideoCodec::Vp8, GREEN, 440);
    let params = json!({"propertyName": "saturation", "propertyValue": "1.0"});
    let (before, after) = film_around(&mut job, &mut publisher, "setElementProperty", &params);
    assert!(before.pictures.len() >= 8 && after.pictures.len() >= 5);
    // Only colour goes: the luma of this green makes this grey.
    for [r, g, b] in &before.pictures {
        assert!(r.abs_diff(*g) <= 2 && g.abs_diff(*b) <= 2 && (80..125).contains(g), "{:?}", before.pictures);
    }
    let last = after.pictures.last().unwrap();
    assert!(is_near(*last, [0, 160, 0], 12), "{:?}", after.pictures);
    assert!(job.has_said(|said| matches!(said, FromJob::Ready { audio: true, video: Some(_) })));
    assert!(after.tone(440.0, 0.1, 0.5) > 0.05, "sound is passed on");
    let error = execute(&mut job, 2, "setElementProperty", json!({"propertyName": "saturation", "propertyValue": "9"}));
    assert_eq!(error.as_deref(), Some("the property 'saturation' of 'videobalance' cannot be '9'"));
    assert!(job.end().success());
}

#[test]
fn sizes_of_pictures_may_be_odd_in_every_codec() {
    for codec in [VideoCodec::Vp8, VideoCodec::H264] {
        let spec = JobSpec::Filter {
            filter: FilterSpec {
                kind: "GStreamerFilter".to_owned(),
                options: json!({"command": "videocrop top=101 left=35 right=0 bottom=0"}),
            },
            video: true,
            audio: true,
            images: None,
        };
        let mut job = begin(spec);
        job.publish(1, &mut Publisher::new(codec, GREEN, 440), |_, _| true);
        let film = job.film();
        assert!(film.pictures.len() >= 20, "{codec:?}: {} pictures, {:?}", film.pictures.len(), job.said);
        assert!(is_near(*film.pictures.last().unwrap(), [0, 160, 0], 12), "{codec:?}: {:?}", film.pictures);
    }
}

#[test]
fn the_pitch_of_a_voice_is_changed() {
    let mut job = element("pitch pitch=1.2");
    job.publish(1, &mut Publisher::new(VideoCodec::Vp8, GREEN, 500), |_, _| true);
    let film = job.film();
    let (old, new) = (film.tone(500.0, 0.7, 1.5), film.tone(600.0, 0.7, 1.5));
    assert!(new > 0.03 && old < new / 5.0, "500 Hz: {old}, 600 Hz: {new}");
    assert!(film.pictures.iter().all(|color| is_near(*color, [0, 160, 0], 12)), "pictures are passed on");
}

#[test]
fn an_echo_is_heard() {
    // A tenth of a second of tone in every second.
    let bursts = "sine=frequency=440:sample_rate=48000,volume=0:enable='gt(mod(t\\,1)\\,0.1)'";
    let heard = |command: &str| {
        let mut job = element(command);
        job.publish(1, &mut Publisher::of(VideoCodec::Vp8, GREEN, bursts, 2), |_, _| true);
        let film = job.film();
        (film.tone(440.0, 1.0, 1.1), film.tone(440.0, 1.42, 1.48))
    };
    let (burst, silence) = heard("audioamplify amplification=1.0");
    assert!(burst > 0.04 && silence < burst / 20.0, "{burst} {silence}");
    let (burst, echo) = heard("audioecho delay=400000000 intensity=0.6 feedback=0.0");
    assert!(echo > burst * 0.4 && echo < burst * 0.8, "{burst} {echo}");
}

/// A PNG of one colour.
fn image(folder: &Path, name: &str, color: &str) {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-f", "lavfi", "-i"]).arg(format!("color=c={color}:size=40x40"));
    assert!(command.args(["-frames:v", "1"]).arg(folder.join(name)).status().unwrap().success());
}

#[test]
fn an_image_is_drawn_where_it_shall_be() {
    let folder = tempfile::tempdir().unwrap();
    image(folder.path(), "red.png", "red");
    let mut job = filter("ImageOverlayFilter", json!({}), Some(folder.path()));
    let params = json!({"id": "a", "uri": "red.png", "offsetXPercent": "0.5F", "offsetYPercent": "0.0F",
        "widthPercent": "0.5F", "heightPercent": "0.5F", "keepAspectRatio": "false", "center": "false"});
    let mut publisher = Publisher::new(VideoCodec::Vp8, GREEN, 440);
    let (before, after) = film_around(&mut job, &mut publisher, "addImage", &params);
    assert!(before.pictures.iter().all(|color| is_near(*color, [0, 160, 0], 12)));
    let last = after.scaled(2, 2).pop().unwrap();
    let quarter = |n: usize| <[u8; 3]>::try_from(&last[n * 3..][..3]).unwrap();
    assert!(is_near(quarter(1), [255, 0, 0], 30), "{last:?}");
    assert!([0, 2, 3].iter().all(|n| is_near(quarter(*n), [0, 160, 0], 30)), "{last:?}");
}

#[test]
fn a_colour_gives_way_to_a_background() {
    let folder = tempfile::tempdir().unwrap();
    image(folder.path(), "blue.png", "blue");
    let window = json!({"topRightCornerX": 5, "topRightCornerY": 5, "width": 30, "height": 30});
    let mut job = filter("ChromaFilter", json!({"window": window, "backgroundImage": "blue.png"}), Some(folder.path()));
    // Somebody in red before a green wall.
    let picture = format!("{GREEN},drawbox=x=160:y=0:w=160:h=240:color=red:t=fill");
    let mut publisher = Publisher::new(VideoCodec::Vp8, &picture, 440);
    let (before, after) = film_around(&mut job, &mut publisher, "unsetBackground", &json!({}));
    let halves = |film: &Film| {
        let last = film.scaled(2, 1).pop().unwrap();
        [0, 1].map(|n| <[u8; 3]>::try_from(&last[n * 3..][..3]).unwrap())
    };
    let [wall, person] = halves(&before);
    assert!(is_near(wall, [0, 0, 255], 40) && is_near(person, [255, 0, 0], 40), "{wall:?} {person:?}");
    let [wall, person] = halves(&after);
    assert!(is_near(wall, [0, 0, 0], 40) && is_near(person, [255, 0, 0], 40), "{wall:?} {person:?}");
}

/// An EAN-13 bar code as boxes that ffmpeg draws.
fn ean13(digits: &str) -> String {
    const LEFT: [&str; 10] =
        ["0001101", "0011001", "0010011", "0111101", "0100011", "0110001", "0101111", "0111011", "0110111", "0001011"];
    const PARITY: [&str; 10] =
        ["LLLLLL", "LLGLGG", "LLGGLG", "LLGGGL", "LGLLGG", "LGGLLG", "LGGGLL", "LGLGLG", "LGLGGL", "LGGLGL"];
    let digits: Vec<usize> = digits.bytes().map(|digit| usize::from(digit - b'0')).collect();
    let inverted = |code: &str| code.chars().map(|bit| if bit == '0' { '1' } else { '0' }).collect::<String>();
    let mut bars = "101".to_owned();
    for (digit, parity) in digits[1..7].iter().zip(PARITY[digits[0]].chars()) {
        let code = LEFT[*digit];
        bars += &if parity == 'L' { code.to_owned() } else { inverted(code).chars().rev().collect() };
    }
    bars += "01010";
    digits[7..].iter().for_each(|digit| bars += &inverted(LEFT[*digit]));
    bars += "101";
    let boxes = bars.chars().enumerate().filter(|(_, bit)| *bit == '1');
    let boxes = boxes.map(|(n, _)| format!(",drawbox=x={}:y=40:w=4:h=160:color=black:t=fill", 130 + n * 4));
    format!("color=c=white:size=640x240:rate=15{}", boxes.collect::<String>())
}

#[test]
fn a_bar_code_is_told_once_a_second() {
    let mut job = filter("ZBarFilter", json!({}), None);
    let mut publisher = Publisher::lasting(VideoCodec::Vp8, &ean13("4006381333931"), 440, 3);
    job.publish(1, &mut publisher, |_, _| true);
    let found = job.said.iter().filter_map(|said| match said {
        FromJob::Found { event, data } if event == "CodeFound" => Some(data),
        _ => None,
    });
    let codes: Vec<_> = found.collect();
    let has = |name: &str, value: &str| {
        codes.iter().all(|data| data.iter().any(|(key, found)| key == name && found == value))
    };
    assert!((2..=3).contains(&codes.len()), "{codes:?}");
    assert!(has("codeType", "EAN-13") && has("value", "4006381333931"), "{codes:?}");
}

#[test]
fn what_is_no_filter_here_is_said() {
    for (kind, options, why) in [
        ("NoFilter", json!({}), "there is no filter 'NoFilter'"),
        ("GStreamerFilter", json!({}), "'command' is missing"),
        ("GStreamerFilter", json!({"command": "videoflip ! agingtv"}), "only one element can be created"),
        ("ChromaFilter", json!({}), "'window' is missing"),
    ] {
        let mut job = filter(kind, options, None);
        let failed = FromJob::Failed { why: why.to_owned() };
        job.listen_until(|job| job.has_said(|said| matches!(said, FromJob::Failed { .. })));
        assert!(job.said.contains(&failed), "{:?}", job.said);
        assert!(job.wait().success());
    }
}
