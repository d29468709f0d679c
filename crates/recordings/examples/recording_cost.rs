//! What recording adds to the media thread and beside it: streams of 30 pictures of six packets and 50 packets of sound
//! a second are handed over as the media worker does it, and written to real files. `recording_cost STREAMS SECONDS`.

use std::thread;
use std::time::{Duration, Instant};

use protocol::id::{RouterId, TapId, WorkerId};
use protocol::media::VideoCodec;
use recordings::writer::{self, StartFile, WriterEvent};
use sfu::{SenderReport, TapCodec, TapPacket, TapSource};

const TICK: Duration = Duration::from_millis(10);

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().ok());
    let mut argument = |default| arguments.next().flatten().unwrap_or(default);
    let (streams, seconds) = (argument(20), argument(10));
    let folder = std::env::temp_dir().join(format!("recording-cost-{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    let (handle, taps, inputs) = writer::queue();
    let mut writer = writer::start(handle, inputs, |_| ())?;
    for tap in 0..streams {
        let path = folder.join(format!("{tap}.webm"));
        let file = StartFile { tap: TapId(tap), path, audio: true, video: true, after: None };
        writer.handle.start(file).expect("the queue is empty");
    }
    let mut each: Vec<Duration> = Vec::new();
    let begin = Instant::now();
    for tick in 0..seconds * 100 {
        for tap in 0..streams {
            for packet in packets(TapId(tap), tick) {
                let before = Instant::now();
                taps.send(packet);
                each.push(before.elapsed());
            }
        }
        thread::sleep((begin + TICK * (tick as u32 + 1)).saturating_duration_since(Instant::now()));
    }
    let (writing, syncing) = (cpu("writer"), cpu("writer-sync"));
    drop((writer.handle, taps));
    let (mut size, mut overflowed) = (0, 0);
    while let Some(event) = writer.events.blocking_recv() {
        if let WriterEvent::Finished { summary, .. } = event {
            size += summary.size;
            overflowed += summary.losses.map_or(0, |losses| losses.overflowed_packets);
        }
    }
    std::fs::remove_dir_all(&folder)?;
    each.sort_unstable();
    let share = |cpu: Duration| 100.0 * cpu.as_secs_f64() / seconds as f64 / streams as f64;
    println!("{streams} streams, {} packets, {} MiB, {overflowed} dropped", each.len(), size >> 20);
    println!("handing over: median {:?}, 99th percentile {:?}", each[each.len() / 2], each[each.len() * 99 / 100]);
    println!("per stream: {:.2} % of a core to write, {:.2} % to force to the disk", share(writing), share(syncing));
    println!("writing: {:.0} ns per packet", writing.as_nanos() as f64 / each.len() as f64);
    Ok(())
}

fn packets(tap: TapId, tick: u64) -> Vec<TapPacket> {
    let packet = |codec, sequence, head: &[u8], length: usize, marker| {
        let (rate, ssrc) = if codec == TapCodec::Opus { (480, 1) } else { (900, 2) };
        TapPacket {
            router: RouterId { number: 1, worker: WorkerId(0) },
            tap,
            codec,
            source: TapSource { generation: 1, ssrc },
            sequence,
            timestamp: (tick * rate) as u32,
            marker,
            quarter_turns: None,
            level: None,
            payload: head.iter().copied().chain([0x55]).cycle().take(length).collect(),
            arrival: Instant::now(),
            report: Some(SenderReport { ntp_nanos: 1_000_000_000, timestamp: 0 }),
        }
    };
    let mut packets = Vec::new();
    if tick.is_multiple_of(2) {
        packets.push(packet(TapCodec::Opus, tick / 2, &[0x78], 80, true));
    }
    let picture = tick * 3 / 10;
    if picture != (tick + 1) * 3 / 10 {
        let codec = TapCodec::Video(VideoCodec::Vp8);
        let key = [0x10, 0x10, 0, 0, 0x9d, 1, 0x2a, 0, 5, 0xd0, 2];
        for n in 0..6 {
            let head: &[u8] = if n > 0 {
                &[0]
            } else if picture == 0 {
                &key
            } else {
                &[0x10, 0x11, 0]
            };
            packets.push(packet(codec, picture * 6 + n, head, 1100, n == 5));
        }
    }
    packets
}

/// What a thread of this process has used so far.
fn cpu(name: &str) -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of_name = tasks
        .filter(|task| std::fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim_end() == name));
    let nanos = of_name.filter_map(|task| {
        let times = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        times.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}
