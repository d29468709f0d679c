//! What a client's path carries, and who gets how much of it.
//!
//! A client of ours receives each stream over a transport of its own, and all of them share one way to it. So there is for
//! each client one [`Estimator`], which says what that way carries, and one [`Allocator`], which divides it among the
//! streams. Both are pure: events and the time in, values out.
//!
//! ```text
//!   packets that leave ──▶ Estimator ──estimate, state──▶ Allocator ──layers──▶ forwarders
//!   feedback, reports  ──▶     │  ▲                           │
//!                              │  └──────── demand ───────────┘
//!                              ▼
//!                        ProbePlan: packets to send for the sake of measuring
//! ```
//!
//! The estimate is Google's congestion control (draft-ietf-rmcat-gcc-02) with what has become usual since: transport-wide
//! feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01), a line through the delays in place of the Kalman filter,
//! knowledge of what the link carried, clusters of probes. What is our own is what an SFU needs that serves many transports
//! of one client and that sends less than it might most of the time:
//!
//! * each transport's delays are judged on their own clock, and the verdicts weighed by what arrives over them;
//! * a queue is also measured, not only its growth: a long one is drained, a standing one shortened, and who sends less than
//!   allowed does not fall for somebody else's burst, or probe: it yields first what it does not use;
//! * loss that does not become less when less is sent is held to be the path's own;
//! * while nothing is heard, sending goes down, and the first answer brings a probe of what there was before.
//!
//! It is *not* a pacer (it says how fast, the shell waits), not RTCP (it takes packets that were parsed), and it knows no
//! codec: what a layer is and when to switch is the forwarder's.
//!
//! # Why not a library
//!
//! Looked at in November 2026. The engine's estimator (`str0m::bwe`) is private to its connections, which only know what
//! they sent themselves. `goog_cc` 0.1.4, a port of libwebrtc's, could be used alone, but has had no release since December
//! 2024, asserts and unwraps on the way of feedback, and allocates for each; `rtc-interceptor` 0.21 has an estimator without
//! probes, which a sender that forwards layers cannot do without, and it brings a stack of RTP with it. All of them are for
//! one transport. `rtcp-types` reads the feedback.
//!
//! # How a shell uses it
//!
//! ```
//! use std::time::{Duration, Instant};
//! use bandwidth::{Allocator, Bitrate, Budget, Class, Estimator, Layer, LayerRate, Limits, PathState, Wish};
//!
//! let mut now = Instant::now();
//! let mut estimator = Estimator::new(Limits::default(), now);
//! let mut allocator = Allocator::new();
//!
//! // A stream is subscribed to: a transport that sends, sound and pictures on it.
//! let leg = estimator.add_leg();
//! let (sound, pictures) = (allocator.add(Class::Audio), allocator.add(Class::Camera));
//! allocator.set_wish(pictures, Wish { priority: 1, ..Wish::default() });
//!
//! // About every second: what was measured of its layers.
//! let rate = |spatial, kilobits| LayerRate {
//!     layer: Layer { spatial, temporal: 0 },
//!     bitrate: Bitrate::kbps(kilobits),
//!     active: true,
//! };
//! allocator.set_layers(sound, &[rate(0, 40)], now);
//! allocator.set_layers(pictures, &[rate(0, 120), rate(1, 500)], now);
//!
//! // The way of a packet: each one that leaves, after the cluster that is being sent, if any.
//! let mut plan = None;
//! let mut sequence = 0_u16;
//! estimator.sent(leg, sequence, 1200, plan.map(|plan: bandwidth::ProbePlan| plan.cluster), now);
//! sequence = sequence.wrapping_add(1);
//!
//! // The way of feedback: what `rtcp_types` has parsed.
//! # let (reference_time, statuses) = (1, [rtcp_types::TwccPacketStatus::Received { delta: 9 }]);
//! # let written = rtcp_types::Twcc::builder(0, reference_time, 0, &statuses, None);
//! # use rtcp_types::prelude::*;
//! # let mut information = vec![0; written.calculate_size().unwrap()];
//! # written.write_into_unchecked(&mut information);
//! let twcc = rtcp_types::Twcc::parse(&information)?;
//! now += Duration::from_millis(90);
//! estimator.feedback(leg, &twcc, now);
//!
//! // After feedback and at both timeouts: divide, and say what would be of use.
//! estimator.handle_timeout(now);
//! let silent = estimator.state() == PathState::Silent;
//! for consumer in allocator.update(Budget { bitrate: estimator.estimate(now), silent }, now).to_vec() {
//!     let _layer_for_its_forwarder = allocator.target(consumer);
//! }
//! assert_eq!(allocator.target(pictures), Some(Layer { spatial: 0, temporal: 0 }));
//! estimator.set_wanted(allocator.demand());
//!
//! // Packets for measuring: media as it comes, and padding until there are as many packets and bytes.
//! plan = estimator.poll_probe(now);
//! assert!(plan.is_some_and(|plan| plan.target > Bitrate::kbps(600)));
//!
//! let due = [estimator.next_timeout(), allocator.next_timeout()].into_iter().flatten().min();
//! # assert!(due.is_some() && sequence == 1);
//! # Ok::<(), rtcp_types::RtcpParseError>(())
//! ```

#![warn(missing_docs)]

mod allocator;
mod bitrate;
mod delay;
mod estimator;
mod feedback;
mod history;
mod leg;
mod loss;
mod probing;
mod rate_control;
mod rate_window;

pub use allocator::{Allocator, Budget, Class, ConsumerId, Layer, LayerRate, Wish};
pub use bitrate::Bitrate;
pub use delay::Usage;
pub use estimator::{Estimator, LegId, Limits, PathState};
pub use feedback::{Remb, RembError};
pub use probing::{Cluster, ProbePlan};
