//! What is seen and heard when.

use muxing::{Codec, StreamFile};
use protocol::transcoder::{ComposedStream, Entry, Layout};
use testbed::encoder::encode_from;
use testbed::publisher::{Stream, feed, merged, ms, start};
use transcoder::compose::StepOutcome;

use crate::film::{BLACK, BLUE, Film, GREEN, RED, duration, probe};
use crate::room::{HEIGHT, Room, WIDTH, begin, colour, to_its_end, tone};

const LEFT: (u32, u32) = (40, 90);
const RIGHT: (u32, u32) = (280, 90);
const MIDDLE: (u32, u32) = (160, 90);

#[test]
fn participants_come_and_go() {
    let room = Room::new();
    room.record("ann", 0, (Codec::Vp8, &colour(Codec::Vp8, "red", "320x240", 4)), &tone(440, 4));
    room.record("bob", 1000, (Codec::H264, &colour(Codec::H264, "blue", "320x240", 2)), &tone(880, 2));
    let entries = [room.add("ann", 0), room.add("bob", 1000), room.remove("bob", 3000), room.end(4000)];
    let (measured, film) = room.compose(entries);
    film.expect(&[
        (520, LEFT, RED),
        (520, RIGHT, RED),
        (1520, LEFT, RED),
        (1520, RIGHT, BLUE),
        (2800, RIGHT, BLUE),
        (3120, RIGHT, RED),
    ]);
    assert!(film.tone(400, 440) > 1000.0 && film.tone(400, 880) < 100.0);
    assert!(film.tone(2000, 440) > 1000.0 && film.tone(2000, 880) > 1000.0);
    assert!(film.tone(3400, 440) > 1000.0 && film.tone(3400, 880) < 100.0);
    assert_eq!(film.pictures.len(), 100);
    assert!((192_000..194_000).contains(&film.sound.len()), "{} samples in 4 s", film.sound.len());
    assert!((measured.duration - 4.0).abs() < 0.001 && measured.has_audio && measured.has_video);
    let output = room.path("room.mp4");
    assert_eq!(measured.size, std::fs::metadata(&output).unwrap().len());
    let told = probe(&output);
    for line in ["codec_name=h264", "width=320", "height=180", "pix_fmt=yuv420p", "r_frame_rate=25/1", "codec_name=aac"]
    {
        assert!(told.contains(line), "{line} is not in {told}");
    }
    assert!((duration(&output) - 4.0).abs() < 0.05);
    let still = probe(&room.path("room.jpg"));
    assert!(still.contains("width=480") && still.contains("height=270"), "{still}");
}

#[test]
fn every_codec_is_shown() {
    for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
        let room = Room::new();
        room.record("ann", 0, (codec, &colour(codec, "blue", "160x90", 1)), &[]);
        let (_, film) = room.compose([room.add("ann", 0), room.end(800)]);
        assert!(film.is(400, MIDDLE, BLUE), "{codec:?}: {:?}", film.pixel(400, 160, 90));
    }
}

#[test]
fn sound_and_pictures_are_in_step() {
    let room = Room::new();
    let flash = "color=c=black:s=320x180:r=25,drawbox=enable='lt(mod(t,1),0.2)':color=white:t=fill";
    let beep = "aevalsrc='sin(2*PI*1000*t)*lt(mod(t,1),0.2)':s=48000";
    let pictures = encode_from(Codec::Vp8, flash, 6);
    room.record("ann", 0, (Codec::Vp8, &pictures), &encode_from(Codec::Opus, beep, 6));
    let (_, film) = room.compose([room.add("ann", 0), room.end(6000)]);
    let (flashes, beeps) = (film.flashes(), film.beeps());
    assert_eq!((flashes.len(), beeps.len()), (5, 5), "{flashes:?} {beeps:?}");
    let errors: Vec<f64> = flashes.iter().zip(&beeps).map(|(flash, beep)| beep - flash).collect();
    println!("sound after pictures, ms: {errors:?}");
    // The encoder of Opus adds 6.5 ms, which its packets do not tell.
    assert!(errors.iter().all(|error| (-5.0..15.0).contains(error)), "{errors:?} ms");
}

#[test]
fn a_camera_that_is_off_is_black() {
    let room = Room::new();
    room.record("ann", 0, (Codec::Vp8, &colour(Codec::Vp8, "red", "320x180", 3)), &tone(440, 3));
    let entries = [room.add("ann", 0), room.camera("ann", 1000, false), room.camera("ann", 2000, true), room.end(3000)];
    let (_, film) = room.compose(entries);
    film.expect(&[(800, MIDDLE, RED), (1200, MIDDLE, BLACK), (1900, MIDDLE, BLACK), (2200, MIDDLE, RED)]);
    assert!(film.tone(1400, 440) > 1000.0);
}

/// Where the caption of the left one of two is.
const CAPTION: (u32, u32, u32, u32) = (6, 150, 100, 176);

#[test]
fn captions_say_who_it_is_and_that_the_microphone_is_off() {
    let pictures = colour(Codec::Vp8, "red", "320x180", 4);
    let film = |room: &Room, name: &str| {
        room.record("ann", 0, (Codec::Vp8, &pictures), &[]);
        room.record("bob", 0, (Codec::Vp8, &pictures), &[]);
        let (muted, heard) = (room.microphone("ann", 1000, false), room.microphone("ann", 2000, true));
        room.compose([room.add_named("ann", name), room.add("bob", 0), muted, heard, room.end(3000)]).1
    };
    let named = film(&Room::new().with_captions(), "홍길동");
    let (name, with_microphone) = (named.pale(500, CAPTION), named.pale(1500, CAPTION));
    assert!(name > 100 && with_microphone > name + 30, "{name}, {with_microphone} pixels");
    let later = named.pale(2900, CAPTION);
    // Its edges are not quite the same in each coded picture.
    assert!(later.abs_diff(name) <= name / 10, "{name} pixels, {later} after many pictures");
    named.expect(&[(500, LEFT, RED), (1500, LEFT, RED), (1500, RIGHT, RED), (2900, (155, 175), RED)]);
    let elsewhere = [(0, 0, 160, 145), (160, 0, 320, 180), (110, 0, 160, 180)];
    assert!(elsewhere.iter().all(|area| named.pale(1500, *area) == 0), "it is nowhere else");
    // Of letters that no font has there is nothing.
    let unknown = film(&Room::new().with_captions(), "\u{e000}");
    assert_eq!(unknown.pale(500, CAPTION), 0);
    assert!(unknown.pale(1500, CAPTION) > 30);
    let plain = film(&Room::new(), "홍길동");
    assert_eq!(plain.pale(1500, CAPTION), 0, "nobody asked for it");
}

#[test]
fn a_letter_stands_in_for_a_camera_that_is_off() {
    let room = Room::new().with_captions();
    room.record("ann", 0, (Codec::Vp8, &colour(Codec::Vp8, "red", "320x180", 3)), &tone(440, 3));
    let off = [room.camera("ann", 1000, false), room.camera("ann", 2000, true)];
    let (_, film) = room.compose([vec![room.add_named("ann", "ann")], off.into(), vec![room.end(3000)]].concat());
    film.expect(&[(800, MIDDLE, RED), (1400, (20, 20), [33, 33, 33]), (1400, (130, 90), [89, 89, 89])]);
    assert!(film.pale(1400, (140, 70, 180, 110)) > 100, "a letter");
    film.expect(&[(2200, MIDDLE, RED), (2200, (20, 20), RED)]);
}

#[test]
fn a_caption_over_a_shared_screen_stays_what_it_is() {
    let room = Room::new().with_captions();
    room.record("screen", 0, (Codec::Vp8, &colour(Codec::Vp8, "white", "160x180", 3)), &[]);
    let screen =
        ComposedStream { is_screen: true, name: Some("Ann Lee and others".to_owned()), ..room.stream("screen", 0) };
    let (_, film) = room.compose([Entry::Add(screen), room.end(3000)]);
    // It lies over the picture in part.
    film.expect(&[(300, (160, 90), [255, 255, 255]), (300, (60, 90), BLACK)]);
    for (x, y) in [(8, 160), (70, 160), (90, 158), (100, 166)] {
        let [first, last] = [film.pixel(300, x, y), film.pixel(2900, x, y)];
        assert!(first.iter().zip(last).all(|(a, b)| a.abs_diff(b) < 12), "{first:?} became {last:?} in {x},{y}");
    }
}

#[test]
fn a_pause_shows_the_last_picture_and_is_silent() {
    let room = Room::new();
    let pictures = colour(Codec::Vp8, "red", "320x180", 1);
    let (mut packets, mut sound) = (pictures.clone(), tone(440, 1));
    let later = |made: &testbed::publisher::EncodedPacket| testbed::publisher::EncodedPacket {
        captured: made.captured + ms(2000),
        ..made.clone()
    };
    packets.extend(pictures.iter().map(later));
    let more: Vec<_> = sound.iter().map(later).collect();
    sound.extend(more);
    room.record("ann", 0, (Codec::Vp8, &packets), &sound);
    let (_, film) = room.compose([room.add("ann", 0), room.end(3000)]);
    film.expect(&[(500, MIDDLE, RED), (1500, MIDDLE, RED), (2500, MIDDLE, RED)]);
    assert!(film.tone(500, 440) > 1000.0 && film.tone(1500, 440) < 50.0 && film.tone(2500, 440) > 1000.0);
}

#[test]
fn a_shared_screen_is_large_and_whole() {
    let room = Room::new();
    room.record("ann", 0, (Codec::Vp8, &colour(Codec::Vp8, "red", "320x180", 2)), &[]);
    room.record("screen", 0, (Codec::Vp8, &colour(Codec::Vp8, "blue", "320x180", 2)), &[]);
    let screen = ComposedStream { is_screen: true, ..room.stream("screen", 0) };
    let (_, film) = room.compose([room.add("ann", 0), Entry::Add(screen), room.end(2000)]);
    // Four fifths of the width for 16:9, which leaves black above and below.
    film.expect(&[(1000, (128, 90), BLUE), (1000, (240, 90), BLUE), (1000, (128, 6), BLACK), (1000, (288, 90), RED)]);
}

#[test]
fn other_layouts_have_a_large_one_and_small_ones() {
    let streams = [("ann", "red"), ("bob", "blue"), ("cid", "green")];
    let pictures: Vec<_> = streams.iter().map(|(_, name)| colour(Codec::Vp8, name, "320x180", 1)).collect();
    let cases = [
        (Layout::PictureInPicture, [(20, 20), (280, 150), (210, 150)]),
        (Layout::VerticalPresentation, [(120, 90), (288, 45), (288, 135)]),
        (Layout::HorizontalPresentation, [(160, 70), (130, 162), (190, 162)]),
    ];
    for (layout, places) in cases {
        let room = Room::new().with_layout(layout);
        let mut entries = Vec::new();
        for ((name, _), made) in streams.iter().zip(&pictures) {
            room.record(name, 0, (Codec::Vp8, made), &[]);
            entries.push(room.add(name, 0));
        }
        entries.push(room.end(800));
        let (_, film) = room.compose(entries);
        film.expect(&[(600, places[0], RED), (600, places[1], BLUE), (600, places[2], GREEN)]);
    }
}

#[test]
fn who_speaks_is_large() {
    let room = Room::new().with_layout(Layout::Speaker);
    room.record("ann", 0, (Codec::Vp8, &colour(Codec::Vp8, "red", "320x180", 4)), &[]);
    room.record("bob", 0, (Codec::Vp8, &colour(Codec::Vp8, "blue", "320x180", 4)), &tone(440, 4));
    let (_, film) = room.compose([room.add("ann", 0), room.add("bob", 0), room.end(3000)]);
    film.expect(&[(300, (120, 90), RED), (2500, (120, 90), BLUE), (2500, (288, 90), RED)]);
}

#[test]
fn pictures_may_change_their_size_and_stand_upright() {
    let room = Room::new();
    let mut pictures = colour(Codec::Vp8, "red", "320x180", 1);
    let more = colour(Codec::Vp8, "blue", "160x240", 1);
    pictures.extend(
        more.into_iter().map(|made| testbed::publisher::EncodedPacket { captured: made.captured + ms(1000), ..made }),
    );
    room.record("ann", 0, (Codec::Vp8, &pictures), &[]);
    // Its upper half is red as it is sent, and its left one once it is upright.
    let halves = "color=c=red:s=320x180:r=25,drawbox=y=ih/2:color=blue:t=fill";
    room.record_turned("bob", 0, (Codec::Vp8, &encode_from(Codec::Vp8, halves, 2)), &[], Some(3));
    let (_, film) = room.compose([room.add("ann", 0), room.add("bob", 0), room.end(2000)]);
    film.expect(&[(600, LEFT, RED), (1600, LEFT, BLUE), (1600, (20, 20), BLUE), (1600, (140, 160), BLUE)]);
    film.expect(&[(1000, (180, 90), RED), (1000, (300, 90), BLUE)]);
}

#[test]
fn without_pictures_it_is_sound_only() {
    let mut room = Room::new();
    (room.composition.output, room.composition.picture) = ("room.webm".to_owned(), None);
    room.record("ann", 0, (Codec::Vp8, &[]), &tone(440, 3));
    room.record("bob", 1000, (Codec::Vp8, &colour(Codec::Vp8, "red", "320x180", 1)), &tone(880, 1));
    let (measured, film) = room.compose([room.add("ann", 0), room.add("bob", 1000), room.end(3000)]);
    assert!(measured.has_audio && !measured.has_video && (measured.duration - 3.0).abs() <= 0.02, "{measured:?}");
    let told = probe(&room.path("room.webm"));
    assert!(told.contains("codec_name=opus") && !told.contains("width="), "{told}");
    assert!(film.tone(400, 440) > 1000.0 && film.tone(400, 880) < 100.0);
    assert!(film.tone(1500, 440) > 1000.0 && film.tone(1500, 880) > 1000.0);
}

#[test]
fn without_sound_there_is_no_track_of_it() {
    let mut room = Room::new();
    room.composition.has_audio = false;
    room.record("ann", 0, (Codec::Vp8, &colour(Codec::Vp8, "red", "320x180", 1)), &tone(440, 1));
    let (measured, film) = room.compose([room.add("ann", 0), room.end(1000)]);
    assert!(film.is(500, MIDDLE, RED) && !measured.has_audio);
    assert!(!probe(&room.path("room.mp4")).contains("aac"));
}

#[test]
fn a_recording_of_nobody_is_black_and_silent() {
    let room = Room::new();
    let (measured, film) = room.compose([room.add("never", 0), room.end(1500)]);
    assert!((measured.duration - 1.52).abs() < 0.001, "{measured:?}");
    assert!(film.pictures.iter().flatten().all(|value| *value < 20));
    assert!(film.sound.iter().all(|sample| sample.unsigned_abs() < 50));
    let (measured, film) = Room::new().compose([room.end(0)]);
    assert_eq!((measured.duration, film.pictures.len()), (0.04, 1), "even of nothing there is a picture");
}

#[test]
fn nothing_is_composed_before_it_is_in_the_files() {
    let room = Room::new();
    let mut composer = room.open();
    composer.push(room.add("ann", 0));
    assert_eq!(composer.step().unwrap(), StepOutcome::Waiting);
    let wait = |composer: &mut transcoder::compose::Composer| {
        let mut steps = 0;
        while composer.step().unwrap() != StepOutcome::Waiting {
            steps += 1;
        }
        steps
    };
    composer.push(Entry::Until { at: begin() + 1000 });
    assert!(wait(&mut composer) >= 25);
    assert_eq!(wait(&mut composer), 0);
    // Only now the file comes, and it grows.
    let pictures = colour(Codec::Vp8, "red", "320x180", 3);
    let packets =
        merged([Stream { delay: ms(0), reports: false, ..Stream::new(Codec::Vp8, 1) }.packets(&pictures, start(), 0)]);
    let mut file = StreamFile::new(std::fs::File::create(room.path("ann")).unwrap(), true, true);
    let half = packets.len() * 2 / 3;
    feed(&mut file, packets[..half].to_vec()).unwrap();
    composer.push(Entry::Until { at: begin() + 1500 });
    wait(&mut composer);
    let (now, _) = feed(&mut file, packets[half..].to_vec()).unwrap();
    file.finish(now).unwrap();
    composer.push(room.end(3000));
    to_its_end(&mut composer);
    composer.finish().unwrap();
    let film = Film::decode(&room.path("room.mp4"));
    film.expect(&[(900, MIDDLE, BLACK), (1400, MIDDLE, RED), (2900, MIDDLE, RED)]);
    assert_eq!((film.pictures.len(), WIDTH * HEIGHT), (75, 57_600));
}
