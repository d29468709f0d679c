//! Every seed of the fuzz targets, whole, cut off and with wrong bytes, through its target: so they are built, and what was
//! found by hours of fuzzing stays found.

use std::fs;
use std::path::{Path, PathBuf};

use testbed::fuzz;

/// Of a seed, besides itself: so many cut off, and as many with a wrong byte.
const VARIANTS: usize = 50;

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty(), "{}", folder.display());
    files
}

fn run(folder: &str, target: impl Fn(&[u8])) {
    for file in files(folder) {
        let seed = fs::read(&file).unwrap();
        target(&seed);
        for at in (0..seed.len()).step_by(seed.len().div_ceil(VARIANTS).max(1)) {
            target(&seed[..at]);
            let mut wrong = seed.clone();
            wrong[at] ^= 0xff;
            target(&wrong);
        }
    }
}

#[test]
fn what_receivers_say_of_arrivals() {
    run("fuzz/seeds/arrivals", fuzz::arrivals::run);
}

#[test]
fn datagrams() {
    run("fuzz/seeds/datagram", fuzz::datagram::run);
}

#[test]
fn followed_files() {
    run("fuzz/seeds/followed_file", fuzz::followed_file::run);
}

#[test]
fn what_browsers_record() {
    run("fuzz/seeds/live_webm", fuzz::live_webm::run);
}

#[test]
fn recorded_files() {
    run("fuzz/seeds/recorded_file", fuzz::recorded_file::run);
}

#[test]
fn packets_that_are_recorded() {
    run("fuzz/seeds/recorded_packets", fuzz::recorded_packets::run);
}

#[test]
fn offers_and_answers() {
    for folder in ["crates/sfu/tests/calls/sdp", "crates/sfu/tests/calls/clients"] {
        run(folder, |sdp| fuzz::sdp_offer::run(&String::from_utf8_lossy(sdp)));
    }
}

#[test]
fn streams() {
    run("fuzz/seeds/stream", fuzz::stream::run);
}

#[test]
fn answers_of_stun_and_turn_servers() {
    run("fuzz/seeds/stun_answer", fuzz::stun_answer::run);
}

#[test]
fn messages_to_the_relay() {
    run("fuzz/seeds/turn", fuzz::turn::run);
}

#[test]
fn headers_of_payloads() {
    run("fuzz/seeds/payload_header", fuzz::payload_header::run);
}

#[test]
fn redundant_sound() {
    run("fuzz/seeds/redundant_sound", fuzz::redundant_sound::run);
}

#[test]
fn descriptors_of_frames() {
    run("fuzz/seeds/dependency_descriptor", fuzz::dependency_descriptor::run);
}

#[test]
fn what_subscribers_say() {
    run("fuzz/seeds/feedback", fuzz::feedback::run);
}

#[test]
fn calls_in_frames() {
    run("fuzz/seeds/signalling", fuzz::signalling::run);
}

#[test]
fn frames_of_signalling() {
    run("fuzz/seeds/rpc_frame", fuzz::rpc_frame::run);
}

#[test]
fn offers_and_fragments_by_http() {
    run("fuzz/seeds/sdp_fragment", fuzz::sdp_fragment::run);
}
