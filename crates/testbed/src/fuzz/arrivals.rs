//! What a receiver says of what arrived and of what it could take, as it is once it has been opened.

use std::time::{Duration, Instant};

use bandwidth::{Bitrate, Estimator, Limits, Remb};
use rtcp_types::Twcc;
use rtcp_types::prelude::*;

/// Packets that are sent between two pieces of an input.
const PACKETS: u16 = 8;

/// The input is cut into pieces, each a feedback control information; its first two bytes say how long it is and how much
/// time has passed. The estimate stays within its limits, whatever it is told.
pub fn run(data: &[u8]) {
    let mut now = Instant::now();
    let limits = Limits::default();
    let mut estimator = Estimator::new(limits, now);
    estimator.set_wanted(Bitrate::kbps(5000));
    let leg = estimator.add_leg();
    let (mut rest, mut sequence) = (data, 0_u16);
    while let [length, milliseconds, following @ ..] = rest {
        let (information, after) = following.split_at(usize::from(*length).min(following.len()));
        rest = after;
        for _ in 0..PACKETS {
            let cluster = estimator.poll_probe(now).map(|plan| plan.cluster);
            estimator.sent(leg, sequence, 1200, cluster, now);
            sequence = sequence.wrapping_add(1);
        }
        now += Duration::from_millis(u64::from(*milliseconds) * 4);
        if let Ok(twcc) = Twcc::parse(information) {
            estimator.feedback(leg, &twcc, now);
        }
        if let Ok(remb) = Remb::parse(information) {
            assert!(remb.ssrcs().count() * 4 <= information.len());
            estimator.remb(leg, remb.bitrate(), now);
        }
        estimator.handle_timeout(now);
        let estimate = estimator.estimate(now);
        assert!((limits.min..=limits.max).contains(&estimate), "{estimate}");
    }
}
