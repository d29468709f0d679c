use std::fs::{File, OpenOptions};
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::id::{RouterId, WorkerId};
use protocol::media::{MediaOperation, VideoCodec};
use sfu::{SenderReport, TapCodec, TapPacket, TapSource};

use super::*;

const TAP: TapId = TapId(1);
const ROUTER: RouterId = RouterId { number: 1, worker: WorkerId(0) };

/// A camera and a microphone that are ahead of the time: their packets all come now, but say when they should.
struct Publisher {
    tap: TapId,
    begin: Instant,
}

impl Publisher {
    fn new(tap: TapId) -> Self {
        Self { tap, begin: Instant::now() }
    }

    fn packet(&self, codec: TapCodec, sequence: u64, ms: u64, payload: &[u8]) -> TapPacket {
        let (rate, ssrc) = if codec == TapCodec::Opus { (48, 1) } else { (90, 2) };
        TapPacket {
            router: ROUTER,
            tap: self.tap,
            codec,
            source: TapSource { generation: 1, ssrc },
            sequence,
            timestamp: (ms * rate) as u32,
            marker: true,
            quarter_turns: None,
            level: None,
            payload: Arc::from(payload),
            arrival: self.begin + Duration::from_millis(ms),
            report: Some(SenderReport { ntp_nanos: 1_000_000_000, timestamp: 0 }),
        }
    }

    /// 20 ms of both.
    fn packets(&self, n: u64) -> [TapPacket; 2] {
        let key = [0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 64, 0, 48, 0];
        let picture: &[u8] = if n == 0 { &key } else { &[0x10, 0x11, 0] };
        [
            self.packet(TapCodec::Opus, n, n * 20, &[0x78, 1, 2]),
            self.packet(TapCodec::Video(VideoCodec::Vp8), n, n * 20, picture),
        ]
    }
}

/// Where key frames are asked for, and what was asked.
fn media() -> (impl Fn(MediaCommand) + Send + 'static, mpsc::Receiver<MediaCommand>) {
    let (sender, asked) = mpsc::channel(8);
    (move |command| drop(sender.try_send(command)), asked)
}

fn start_file(path: PathBuf) -> StartFile {
    StartFile { tap: TAP, path, audio: true, video: true, after: None }
}

#[tokio::test]
async fn a_file_runs_and_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("str_CAM_1.webm");
    let (handle, taps, inputs) = queue();
    let (commands, _worker) = media();
    let mut writer = start(handle, inputs, commands).unwrap();
    writer.handle.start(start_file(path.clone())).unwrap();
    let publisher = Publisher::new(TAP);
    (0..50).flat_map(|n| publisher.packets(n)).for_each(|packet| taps.send(packet));
    assert_eq!(writer.events.recv().await, Some(WriterEvent::Running { tap: TAP }));
    assert!(std::fs::metadata(&path).unwrap().len() > 1000, "it is there while it grows");
    writer.handle.stop(TAP).unwrap();
    let Some(WriterEvent::Finished { tap: TAP, summary }) = writer.events.recv().await else {
        panic!("it was to be finished");
    };
    assert_eq!((summary.has_audio, summary.has_video, summary.duration), (true, true, 1000));
    assert_eq!(summary.size, std::fs::metadata(&path).unwrap().len());
    assert_eq!(summary.losses, Some(muxing::Losses::default()));
    let repaired = repair_file(&path).unwrap();
    assert_eq!(repaired, FileSummary { losses: None, ..summary }, "there is nothing to repair");
}

#[tokio::test]
async fn the_next_file_of_a_stream_does_not_begin_before_the_last_one_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (handle, taps, inputs) = queue();
    let (commands, _worker) = media();
    let mut writer = start(handle, inputs, commands).unwrap();
    let next = TapId(2);
    writer.handle.start(start_file(folder.path().join("one"))).unwrap();
    // What is sent first comes late, so that the times of the first file are late for some seconds.
    let publisher = Publisher::new(TAP);
    let late = publisher.begin + Duration::from_millis(400);
    let packets = (0..50).flat_map(|n| publisher.packets(n));
    packets.for_each(|packet| taps.send(TapPacket { arrival: packet.arrival.max(late), ..packet }));
    // The end of the first one is heard of late, too.
    let two = StartFile { tap: next, after: Some(TAP), ..start_file(folder.path().join("two")) };
    writer.handle.start(two).unwrap();
    let publisher = Publisher { tap: next, ..publisher };
    (50..100).flat_map(|n| publisher.packets(n)).for_each(|packet| taps.send(packet));
    writer.handle.stop(TAP).unwrap();
    writer.handle.stop(next).unwrap();
    let mut finished = Vec::new();
    while finished.len() < 2 {
        match writer.events.recv().await.unwrap() {
            WriterEvent::Finished { tap, summary } => finished.push((tap, summary)),
            event => assert!(matches!(event, WriterEvent::Running { .. }), "{event:?}"),
        }
    }
    let [(TAP, one), (tap, two)] = finished[..] else { panic!("{finished:?}") };
    assert_eq!(tap, next);
    assert!(one.end <= two.start, "{one:?} {two:?}");
    assert!(two.start - one.end <= 20 && two.has_audio, "it goes on there: {one:?} {two:?}");
}

#[tokio::test]
async fn files_are_finished_when_the_server_stops() {
    let folder = tempfile::tempdir().unwrap();
    let (handle, taps, inputs) = queue();
    let (commands, _worker) = media();
    let mut writer = start(handle, inputs, commands).unwrap();
    for n in 0..3 {
        let tap = TapId(n);
        writer.handle.start(StartFile { tap, ..start_file(folder.path().join(n.to_string())) }).unwrap();
        let publisher = Publisher::new(tap);
        (0..5).flat_map(|n| publisher.packets(n)).for_each(|packet| taps.send(packet));
    }
    drop((writer.handle, taps));
    let mut finished = 0;
    while let Some(event) = writer.events.recv().await {
        finished += usize::from(matches!(event, WriterEvent::Finished { summary, .. } if summary.duration == 100));
    }
    assert_eq!(finished, 3);
}

#[tokio::test]
async fn packets_that_come_before_their_file_are_kept_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let (handle, taps, inputs) = queue();
    let (commands, _worker) = media();
    let mut writer = start(handle, inputs, commands).unwrap();
    let unwanted = TapId(2);
    for tap in [TAP, unwanted] {
        let publisher = Publisher::new(tap);
        (0..5).flat_map(|n| publisher.packets(n)).for_each(|packet| taps.send(packet));
    }
    writer.handle.stop(unwanted).unwrap();
    writer.handle.start(start_file(folder.path().join("late"))).unwrap();
    writer.handle.start(StartFile { tap: unwanted, ..start_file(folder.path().join("later")) }).unwrap();
    for tap in [TAP, unwanted] {
        writer.handle.stop(tap).unwrap();
    }
    let mut durations = vec![];
    while durations.len() < 2 {
        if let WriterEvent::Finished { tap, summary } = writer.events.recv().await.expect("it is not over") {
            durations.push((tap, summary.duration));
        }
    }
    durations.sort_by_key(|(tap, _)| tap.0);
    assert_eq!(durations, [(TAP, 100), (unwanted, 0)]);
}

/// What the file holds, in ms, if its start comes after so many of ten pairs of packets and its end after so many more.
async fn duration(start_after: u64, stop_after: u64) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let (handle, taps, inputs) = queue();
    let (commands, _worker) = media();
    let publisher = Publisher::new(TAP);
    for n in 0..=10 {
        if n == start_after {
            handle.start(start_file(folder.path().join("file"))).unwrap();
        }
        if n == stop_after {
            handle.stop(TAP).unwrap();
        }
        publisher.packets(n).into_iter().take(2 * usize::from(n < 10)).for_each(|packet| taps.send(packet));
    }
    let Writer { mut events, handle, .. } = start(handle, inputs, commands).unwrap();
    drop((handle, taps));
    let mut durations = vec![];
    while let Some(event) = events.recv().await {
        if let WriterEvent::Finished { tap: TAP, summary } = event {
            durations.push(summary.duration);
        }
    }
    assert_eq!(durations.len(), 1, "a file has one end");
    durations[0]
}

#[tokio::test]
async fn a_file_holds_what_came_before_its_end_whenever_its_start_came() {
    for stop_after in 0..=10 {
        let expected = duration(0, stop_after).await;
        assert!(expected >= stop_after * 20, "{expected} {stop_after}");
        for start_after in 1..=stop_after {
            assert_eq!(duration(start_after, stop_after).await, expected, "{start_after} {stop_after}");
        }
    }
}

#[tokio::test]
async fn nothing_received_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("silent");
    let (handle, _taps, inputs) = queue();
    let (commands, _worker) = media();
    let mut writer = start(handle, inputs, commands).unwrap();
    writer.handle.start(start_file(path.clone())).unwrap();
    writer.handle.stop(TAP).unwrap();
    let event = writer.events.recv().await;
    assert!(matches!(event, Some(WriterEvent::Finished { summary, .. }) if summary.size == 0));
    assert!(!path.exists());
}

#[tokio::test]
async fn packets_without_room_are_counted_in_their_file_and_commands_still_fit() {
    let folder = tempfile::tempdir().unwrap();
    let (handle, taps, inputs) = queue();
    let (commands, mut worker) = media();
    // The writer does not run yet: the queue fills.
    handle.start(start_file(folder.path().join("busy"))).unwrap();
    let publisher = Publisher::new(TAP);
    let sent = 20_000;
    (0..sent / 2).flat_map(|n| publisher.packets(n)).for_each(|packet| taps.send(packet));
    let mut writer = start(handle, inputs, commands).unwrap();
    assert_eq!(writer.events.recv().await, Some(WriterEvent::Running { tap: TAP }));
    // One more of each shows that some are missing, and that the pictures need a key frame.
    for packet in publisher.packets(sent) {
        taps.send(TapPacket { arrival: Instant::now(), ..packet });
    }
    assert_eq!(worker.recv().await, Some(MediaOperation::RequestKeyFrame { tap: TAP }.at(ROUTER)));
    writer.handle.stop(TAP).unwrap();
    let Some(WriterEvent::Finished { summary, .. }) = writer.events.recv().await else {
        panic!("it was to be finished");
    };
    let losses = summary.losses.unwrap();
    assert_eq!(losses.overflowed_packets, sent - (16 * 1024 - 1024 - 1));
    assert!(losses.lost_packets >= losses.overflowed_packets);
}

#[tokio::test]
async fn a_file_that_cannot_be_made_fails_and_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let taken = folder.path().join("taken");
    std::fs::write(&taken, "precious").unwrap();
    let (handle, taps, inputs) = queue();
    let (commands, _worker) = media();
    let mut writer = start(handle, inputs, commands).unwrap();
    for path in [taken.clone(), folder.path().join("no-such-folder/file")] {
        writer.handle.start(start_file(path.clone())).unwrap();
        let Some(WriterEvent::Failed { tap: TAP, why, disk: true, summary: None }) = writer.events.recv().await else {
            panic!("it was to fail");
        };
        assert!(why.contains(&path.display().to_string()), "{why}");
    }
    assert_eq!(std::fs::read(&taken).unwrap(), b"precious");
    writer.handle.start(start_file(folder.path().join("good"))).unwrap();
    let publisher = Publisher::new(TAP);
    (0..5).flat_map(|n| publisher.packets(n)).for_each(|packet| taps.send(packet));
    writer.handle.stop(TAP).unwrap();
    let mut last = None;
    while !matches!(last, Some(WriterEvent::Finished { .. })) {
        last = writer.events.recv().await;
        assert!(last.is_some());
    }
}

#[tokio::test]
async fn a_full_disk_ends_its_file_with_a_reason() {
    fn full(_: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open("/dev/full")
    }
    let (handle, taps, inputs) = queue();
    let (commands, _worker) = media();
    let mut writer = start_with(handle, inputs, commands, full).unwrap();
    writer.handle.start(start_file(PathBuf::from("full.webm"))).unwrap();
    let publisher = Publisher::new(TAP);
    (0..5).flat_map(|n| publisher.packets(n)).for_each(|packet| taps.send(packet));
    let Some(WriterEvent::Failed { tap: TAP, why, disk: true, summary: None }) = writer.events.recv().await else {
        panic!("it was to fail");
    };
    assert!(why.contains("full.webm") && why.contains("No space left"), "{why}");
    writer.handle.stop(TAP).unwrap();
    drop((writer.handle, taps));
    assert_eq!(writer.events.recv().await, None, "that was the last of it");
}

#[tokio::test]
async fn a_panic_ends_the_file_that_it_was_about_and_no_other() {
    const FAULTY: TapId = TapId(99);
    fn faulty(path: &Path) -> io::Result<File> {
        assert!(!path.ends_with("faulty.webm"), "a defect, on purpose");
        file::create(path)
    }
    let folder = tempfile::tempdir().unwrap();
    let (handle, taps, inputs) = queue();
    let (commands, _worker) = media();
    let mut writer = start_with(handle, inputs, commands, faulty).unwrap();
    writer.handle.start(start_file(folder.path().join("good.webm"))).unwrap();
    let file = StartFile { tap: FAULTY, ..start_file(folder.path().join("faulty.webm")) };
    writer.handle.start(file).unwrap();
    let Some(WriterEvent::Failed { tap: FAULTY, disk: false, summary: None, .. }) = writer.events.recv().await else {
        panic!("whoever started it is told");
    };
    let publisher = Publisher::new(TAP);
    (0..5).flat_map(|n| publisher.packets(n)).for_each(|packet| taps.send(packet));
    writer.handle.stop(TAP).unwrap();
    drop((writer.handle, taps));
    let mut finished = false;
    while let Some(event) = writer.events.recv().await {
        finished |= matches!(event, WriterEvent::Finished { tap: TAP, ref summary } if summary.size > 0);
    }
    assert!(finished, "the other one is whole");
}

#[test]
fn a_writer_that_has_ended_has_ended_its_files_and_begins_no_other() {
    let (handle, _taps, inputs) = queue();
    drop(inputs);
    assert_eq!(handle.stop(TAP), Ok(()));
    assert!(handle.mark().is_err());
}
