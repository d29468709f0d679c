//! Whole compositions: what real encoders make, recorded by the recorder, composed, and decoded by ffmpeg.

/// Shared with the tests of the recorder, which use more of them.
#[allow(dead_code)]
#[path = "../../../recorder/tests/files/encoder.rs"]
mod encoder;
#[allow(dead_code)]
#[path = "../../../recorder/tests/files/publisher.rs"]
mod publisher;

mod crash;
mod film;
mod room;
mod scenes;
