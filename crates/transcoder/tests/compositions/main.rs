//! Whole compositions: what real encoders make, recorded by the recorder, composed, and decoded by ffmpeg.

mod crash;
mod film;
mod room;
mod scenes;
