//! Networks that lose packets, both ways: how many pictures are whole in time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use protocol::media::VideoCodec;

use crate::call::{Call, browser, ms};
use crate::camera::stamp;

const PACKETS: usize = 6;

/// Whose network loses something, in both directions.
#[derive(Clone, Copy, Debug)]
enum Lossy {
    Publisher,
    Subscriber,
    Both,
}

/// Share of frames of which all packets were there 150 ms after they had left the camera; 40 ms of that is the network's.
fn whole_in_time(loss: f64, lossy: Lossy) -> f64 {
    let mut call = Call::new();
    let ann = call.publish(browser(), &[]);
    let bob = call.subscribe(browser(), ann);
    call.connect();
    let index = call.start_video(ann, VideoCodec::Vp8, None);
    let camera = call.camera(ann, index);
    (camera.packets, camera.filler) = (PACKETS, 900);
    let (interval, began) = (camera.interval, camera.next);
    call.run(ms(2000));
    call.loss = loss;
    call.lossy = match lossy {
        Lossy::Publisher => Some(call.clients[ann].address),
        Lossy::Subscriber => Some(call.clients[bob].address),
        Lossy::Both => None,
    };
    let first = call.camera(ann, index).frame as u32 + 1;
    call.run(ms(30_000));
    let last = call.camera(ann, index).frame as u32;
    call.loss = 0.0;
    call.run(ms(1000));
    let mut came: HashMap<u32, HashMap<u8, Instant>> = HashMap::new();
    for packet in call.video_of(bob) {
        let stamp = stamp(&packet.payload);
        came.entry(stamp.frame).or_default().entry(stamp.packet).or_insert(packet.at);
    }
    // Frames are counted from 1.
    let left = |frame: u32| began + interval * (frame - 1);
    let is_whole = |frame: &u32| {
        let packets = came.get(frame);
        packets.is_some_and(|p| {
            p.len() == PACKETS && p.values().all(|at| *at <= left(*frame) + Duration::from_millis(150))
        })
    };
    let whole = (first..last).filter(is_whole).count();
    whole as f64 / f64::from(last - first)
}

#[test]
fn lost_packets_are_there_in_time() {
    for (percent, one, both) in [(1, 0.995, 0.99), (2, 0.99, 0.985), (5, 0.975, 0.95), (10, 0.9, 0.75)] {
        for (lossy, least) in [(Lossy::Publisher, one), (Lossy::Subscriber, one), (Lossy::Both, both)] {
            let share = whole_in_time(f64::from(percent) / 100.0, lossy);
            println!(
                "{percent} % lost each way, {lossy:?}: {:.2} % of the pictures whole within 150 ms",
                share * 100.0
            );
            assert!(share >= least, "{percent} %, {lossy:?}: {share}");
        }
    }
}
