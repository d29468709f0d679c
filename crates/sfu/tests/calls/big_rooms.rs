//! Big rooms, in which a subscriber gets only those who speak, and whom it has pinned.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use protocol::id::{PublicationId, SubscriberId, TapId};
use protocol::media::{MediaEvent, MediaOperation, Reception, Selection, TransportObservation, VideoCodec};

use crate::call::{BRANCH, Call, RIDS, ROUTER, Received, browser, ms};
use crate::camera::stamp;
use crate::simulcast::assert_continuous;

const VIEWER: SubscriberId = SubscriberId(90);
const QUIET: i8 = -70;
const SPEECH: i8 = -30;

/// A room and its publishers; each has a microphone, which hears nothing.
struct BigRoom {
    call: Call,
    publishers: Vec<usize>,
}

/// What somebody receives, by publisher.
struct Viewer(Vec<usize>);

impl BigRoom {
    fn new(publishers: usize, video: bool) -> Self {
        let mut call = Call::new();
        let publishers: Vec<usize> = (0..publishers as u64)
            .map(|number| call.publish_as(PublicationId(number), browser(), (true, video), &[], false))
            .collect();
        call.connect();
        for publisher in &publishers {
            call.start_audio(*publisher);
            call.camera(*publisher, 0).level = Some(QUIET);
            if video {
                call.start_video(*publisher, VideoCodec::Vp8, None);
            }
        }
        Self { call, publishers }
    }

    fn select(&mut self, who: SubscriberId, selection: Selection) {
        let room = self.call.room;
        self.call.command_at(room, MediaOperation::Select { subscriber: who, selection });
    }

    fn view(&mut self, who: SubscriberId, except: Option<usize>) -> Viewer {
        let received = self.publishers.iter().enumerate().filter(|(index, _)| Some(*index) != except);
        let legs = received.map(|(_, publisher)| self.call.subscribe_wanting(who, Reception::default(), *publisher));
        let legs = legs.collect();
        self.call.connect();
        Viewer(legs)
    }

    /// Somebody speaks for a while.
    fn speaks(&mut self, publisher: usize, duration: Duration) {
        self.sets(publisher, SPEECH);
        self.call.run(duration);
        self.sets(publisher, QUIET);
    }

    fn sets(&mut self, publisher: usize, level: i8) {
        self.call.camera(self.publishers[publisher], 0).level = Some(level);
    }

    /// Whose pictures came in the last half of a second.
    fn seen(&self, viewer: &Viewer) -> BTreeSet<u64> {
        self.present(viewer, |leg| self.call.video_of(leg))
    }

    /// The same of sound.
    fn heard(&self, viewer: &Viewer) -> BTreeSet<u64> {
        self.present(viewer, |leg| self.call.audio_of(leg))
    }

    fn present<'a>(&'a self, viewer: &Viewer, what: impl Fn(usize) -> Vec<&'a Received>) -> BTreeSet<u64> {
        let from = self.call.now - ms(500);
        let comes = |leg: &&usize| what(**leg).iter().filter(|packet| packet.at >= from).count() > 10;
        viewer.0.iter().filter(comes).map(|leg| self.call.clients[*leg].publication.0).collect()
    }
}

fn last_n(last_n: u8) -> Selection {
    Selection { last_n, ..Selection::default() }
}

fn loudest(loudest: u8) -> Selection {
    Selection { loudest, ..Selection::default() }
}

/// Nothing that looks like a loss, and each frame after a pause is a key frame.
fn assert_decodable(video: &[&Received]) {
    assert_continuous(video);
    let mut last: Option<&Received> = None;
    for packet in video {
        let (stamp, before) = (stamp(&packet.payload), last.map(|last| stamp(&last.payload)));
        let follows = before.is_some_and(|before| stamp.frame == before.frame || stamp.frame == before.frame + 1);
        // VP8's frame header, behind seven bytes of descriptor less the bit itself.
        assert!(follows || stamp.packet == 0 && packet.payload[6] & 1 == 0, "{before:?} {stamp:?}");
        last = Some(packet);
    }
}

/// Nothing that looks like a loss, and time goes on in timestamps as it does for who listens.
fn assert_in_time(audio: &[&Received]) {
    for pair in audio.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence + 1);
        let passed = pair[1].at.saturating_duration_since(pair[0].at).as_millis() as i64;
        let told = i64::from(pair[1].timestamp.wrapping_sub(pair[0].timestamp) as i32) / 48;
        assert!((passed - told).abs() < 40, "{passed} ms passed, {told} ms told");
    }
}

#[test]
fn pictures_are_of_those_who_spoke_last() {
    let mut room = BigRoom::new(12, true);
    room.select(VIEWER, last_n(4));
    let viewer = room.view(VIEWER, None);
    room.call.run(ms(1500));
    assert_eq!(room.seen(&viewer), BTreeSet::from([0, 1, 2, 3]));
    assert_eq!(room.heard(&viewer).len(), 12, "sound is another matter");
    for (speaker, seen) in [(7, [1, 2, 3, 7]), (9, [2, 3, 7, 9]), (7, [2, 3, 7, 9]), (0, [0, 3, 7, 9])] {
        room.speaks(speaker, ms(800));
        room.call.run(ms(1200));
        assert_eq!(room.seen(&viewer), BTreeSet::from(seen), "{speaker} speaks");
    }
    // It takes more than a cough.
    room.speaks(11, ms(200));
    room.call.run(ms(1200));
    assert_eq!(room.seen(&viewer), BTreeSet::from([0, 3, 7, 9]));
    for leg in &viewer.0 {
        assert_decodable(&room.call.video_of(*leg));
    }
    let frozen = room.call.events.iter().filter_map(|event| match event {
        MediaEvent::Observed { observation: TransportObservation::Statistics(statistics), .. } => Some(statistics),
        _ => None,
    });
    let freezes: u32 = frozen.flat_map(|statistics| &statistics.sent).map(|stream| stream.pictures.freezes).sum();
    assert_eq!(freezes, 0, "who was not to be seen was not frozen");
}

#[test]
fn a_speaker_is_seen_within_half_a_second() {
    let mut room = BigRoom::new(6, true);
    room.select(VIEWER, last_n(2));
    let viewer = room.view(VIEWER, None);
    room.call.run(ms(2000));
    let begins = room.call.now;
    room.speaks(5, ms(1000));
    let first = room.call.video_of(viewer.0[5])[0];
    // A third of a second of speech, a round trip to the publisher, and a frame.
    assert!(first.at > begins && first.at - begins < ms(500), "{:?}", first.at - begins);
    // Whoever comes back shortly after has a key frame asked for, and not more often than anybody may.
    let requests = |room: &BigRoom| room.call.clients[room.publishers[5]].key_frame_requests.clone();
    for _ in 0..4 {
        room.select(VIEWER, Selection { pinned: vec![PublicationId(5)], ..last_n(2) });
        room.call.run(ms(100));
        room.select(VIEWER, Selection::default());
        room.call.run(ms(100));
    }
    let requests: Vec<Instant> = requests(&room).into_iter().map(|(at, _)| at).collect();
    assert!(requests.windows(2).all(|pair| pair[1] - pair[0] >= ms(350)), "{requests:?}");
}

#[test]
fn what_is_pinned_is_seen_beside_the_others() {
    let mut room = BigRoom::new(6, true);
    let both = Selection { last_n: 2, loudest: 2, ..Selection::default() };
    let pinned = Selection { pinned: vec![PublicationId(4)], ..both.clone() };
    room.select(VIEWER, pinned.clone());
    let viewer = room.view(VIEWER, None);
    let others = room.view(SubscriberId(91), None);
    room.call.run(ms(1500));
    assert_eq!((room.seen(&viewer), room.heard(&viewer)), (BTreeSet::from([0, 1, 4]), BTreeSet::from([0, 1, 4])));
    assert_eq!((room.seen(&others).len(), room.heard(&others).len()), (6, 6), "who asks for nothing gets all");
    for speaker in [5, 3] {
        room.speaks(speaker, ms(800));
        room.call.run(ms(1200));
    }
    assert_eq!(room.seen(&viewer), BTreeSet::from([3, 4, 5]));
    room.select(VIEWER, Selection { pinned: vec![PublicationId(0)], ..both });
    room.call.run(ms(1000));
    assert_eq!(room.seen(&viewer), BTreeSet::from([0, 3, 5]));
    room.select(VIEWER, Selection::default());
    room.call.run(ms(1500));
    assert_eq!((room.seen(&viewer).len(), room.heard(&viewer).len()), (6, 6));
    for leg in &viewer.0 {
        assert_decodable(&room.call.video_of(*leg));
        assert_in_time(&room.call.audio_of(*leg));
    }
}

#[test]
fn who_speaks_sees_somebody_else() {
    let mut room = BigRoom::new(4, true);
    let own = |number: u64| Selection { own: Some(PublicationId(number)), ..last_n(1) };
    room.select(SubscriberId(1), own(1));
    room.select(SubscriberId(2), own(2));
    let (one, two) = (room.view(SubscriberId(1), Some(1)), room.view(SubscriberId(2), Some(2)));
    room.call.run(ms(1000));
    for speaker in [1, 2] {
        room.speaks(speaker, ms(800));
        room.call.run(ms(1500));
    }
    assert_eq!((room.seen(&one), room.seen(&two)), (BTreeSet::from([2]), BTreeSet::from([1])));
}

#[test]
fn screens_are_seen_and_take_no_place() {
    let mut room = BigRoom::new(4, true);
    room.select(VIEWER, last_n(2));
    let screen = Reception { is_screen: true, ..Reception::default() };
    let receptions = [screen, Reception::default(), Reception::default(), Reception::default()];
    let legs = room.publishers.clone().into_iter().zip(receptions);
    let legs = legs.map(|(publisher, reception)| room.call.subscribe_wanting(VIEWER, reception, publisher));
    let viewer = Viewer(legs.collect());
    room.call.connect();
    room.call.run(ms(1500));
    assert_eq!(room.seen(&viewer), BTreeSet::from([0, 1, 2]));
}

#[test]
fn somebody_else_is_seen_when_one_goes() {
    let mut room = BigRoom::new(4, true);
    room.select(VIEWER, Selection { loudest: 2, ..last_n(2) });
    let viewer = room.view(VIEWER, None);
    room.call.run(ms(1000));
    room.call.command(MediaOperation::ClosePublication { publication: PublicationId(0) });
    room.call.clients[viewer.0[0]].closed = true;
    room.call.run(ms(1500));
    assert_eq!((room.seen(&viewer), room.heard(&viewer)), (BTreeSet::from([1, 2]), BTreeSet::from([1, 2])));
    room.call.command(MediaOperation::CloseRouter);
    assert!(room.call.sfu.is_empty());
}

#[test]
fn everybody_hears_the_loudest_of_a_hundred() {
    let mut room = BigRoom::new(100, false);
    room.select(VIEWER, loudest(3));
    let viewer = room.view(VIEWER, None);
    room.call.run(ms(500));
    assert_eq!(room.heard(&viewer).len(), 3, "places are not left empty");
    for speaker in [40, 60, 80] {
        // The very first packet is heard.
        let silent = room.call.camera(room.publishers[speaker], 0).frame as u32;
        room.sets(speaker, SPEECH);
        room.call.run(ms(700));
        let audio = room.call.audio_of(viewer.0[speaker]);
        let first = audio.iter().map(|packet| stamp(&packet.payload).frame).find(|frame| *frame > silent);
        assert_eq!(first, Some(silent + 1), "{speaker}");
    }
    assert_eq!(room.heard(&viewer), BTreeSet::from([40, 60, 80]));
    // Whoever is as loud as those who speak has to wait, and who is louder has not.
    room.sets(20, SPEECH);
    room.call.run(ms(700));
    assert_eq!(room.heard(&viewer), BTreeSet::from([40, 60, 80]));
    room.sets(20, SPEECH + 12);
    room.call.run(ms(1000));
    assert!(room.heard(&viewer).contains(&20) && room.heard(&viewer).len() == 3, "{:?}", room.heard(&viewer));
    for leg in &viewer.0 {
        assert_in_time(&room.call.audio_of(*leg));
    }
}

#[test]
fn a_pause_between_words_costs_no_place() {
    let mut room = BigRoom::new(5, false);
    room.select(VIEWER, loudest(1));
    let viewer = room.view(VIEWER, None);
    room.call.run(ms(500));
    room.sets(2, SPEECH);
    room.call.run(ms(500));
    room.sets(2, QUIET);
    // Somebody else's chair, in the pause.
    room.sets(4, -50);
    room.call.run(ms(300));
    room.sets(4, QUIET);
    room.sets(2, SPEECH);
    room.call.run(ms(500));
    let audio = room.call.audio_of(viewer.0[2]);
    let frames: Vec<u32> = audio.iter().map(|packet| stamp(&packet.payload).frame).collect();
    assert!(frames.windows(2).all(|pair| pair[1] == pair[0] + 1), "all of it");
    assert!(frames.len() > 60, "{}", frames.len());
}

#[test]
fn whose_level_nobody_knows_is_heard() {
    let mut room = BigRoom::new(5, false);
    for publisher in [3, 4] {
        room.call.camera(room.publishers[publisher], 0).level = None;
    }
    room.select(VIEWER, loudest(1));
    let viewer = room.view(VIEWER, None);
    room.call.run(ms(1000));
    assert_eq!(room.heard(&viewer), BTreeSet::from([0, 3, 4]));
}

#[test]
fn recordings_have_everybody() {
    let mut room = BigRoom::new(5, true);
    room.select(VIEWER, Selection { loudest: 1, ..last_n(1) });
    room.view(VIEWER, None);
    room.call.run(ms(500));
    let (tap, publication) = (TapId(1), PublicationId(4));
    room.call.command(MediaOperation::SetTap { tap, publication, audio: true, video: true });
    room.call.run(ms(1000));
    assert!(room.call.tapped.len() > 110, "{}", room.call.tapped.len());
}

#[test]
fn what_nobody_gets_leaves_room_for_what_is_seen() {
    let mut call = Call::new();
    let publishers: Vec<usize> = (0..4).map(|_| call.publish(browser(), &RIDS)).collect();
    call.connect();
    for publisher in &publishers {
        // 130, 500 and 1,500 kbit/s.
        for (rid, packets, filler) in [("rdiv4", 1, 500), ("rdiv2", 2, 1000), ("rdiv1", 6, 1000)] {
            let index = call.start_video(*publisher, VideoCodec::Vp8, Some(rid));
            let camera = call.camera(*publisher, index);
            (camera.packets, camera.filler) = (packets, filler);
        }
    }
    let mut room = BigRoom { call, publishers };
    let link = room.call.add_link(2_500_000);
    room.select(VIEWER, last_n(1));
    let mut viewer = Viewer(Vec::new());
    for publisher in room.publishers.clone() {
        let leg = room.call.subscribe_wanting(VIEWER, Reception::default(), publisher);
        room.call.put_behind(leg, link);
        viewer.0.push(leg);
    }
    room.call.connect();
    room.call.run(ms(8000));
    let layer = |room: &BigRoom, leg: usize| room.call.video_of(leg).last().map(|packet| stamp(&packet.payload).layer);
    assert_eq!(room.seen(&viewer), BTreeSet::from([0]));
    assert_eq!(layer(&room, viewer.0[0]), Some(b'1'));
    // Another one is as good at once.
    room.select(VIEWER, Selection { pinned: vec![PublicationId(2)], ..last_n(1) });
    room.call.run(ms(1500));
    assert!(room.seen(&viewer).contains(&2));
}

#[test]
fn the_other_worker_chooses_the_same() {
    let mut room = BigRoom::new(8, true);
    let both = Selection { loudest: 2, ..last_n(2) };
    room.select(VIEWER, both.clone());
    let here = room.view(VIEWER, None);
    room.call.branch_off();
    assert_eq!(room.call.room, BRANCH);
    room.select(VIEWER, both);
    let there = room.view(VIEWER, None);
    room.call.run(ms(1000));
    for speaker in [5, 6] {
        room.speaks(speaker, ms(800));
        room.call.run(ms(1200));
    }
    for viewer in [&here, &there] {
        assert_eq!((room.seen(viewer), room.heard(viewer)), (BTreeSet::from([5, 6]), BTreeSet::from([5, 6])));
        for leg in &viewer.0 {
            assert_decodable(&room.call.video_of(*leg));
            assert_in_time(&room.call.audio_of(*leg));
        }
    }
    for room_id in [ROUTER, BRANCH] {
        room.call.command_at(room_id, MediaOperation::CloseRouter);
    }
    assert!(room.call.sfu.is_empty() && room.call.branch.as_ref().unwrap().is_empty());
}
