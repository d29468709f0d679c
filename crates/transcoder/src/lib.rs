//! The only place with codecs. [`live`] is work on media while it goes by; the rest composes a recording: the streams' files of its
//! folder become one file, by the folder's manifest ([`protocol::transcoder`]).
//!
//! Composing follows the files while they grow and is driven by their times alone, by no clock: how fast or late it runs makes
//! no difference to what it makes. Wherever it is cut off, the output file plays, and the next one that opens the folder
//! goes on there. It knows nothing of sessions, and has no network.

mod codec;
pub mod compose;
mod error;
pub mod live;
mod manifest;
mod mp4;
mod stage;

pub use error::CompositionError;
pub use manifest::Manifest;

/// What GStreamer lacks here for composing: elements, by what they are for.
pub fn missing() -> Vec<&'static str> {
    let needs: [(&str, &[&str]); 9] = [
        ("an encoder of H264 (x264enc or openh264enc)", &["x264enc", "openh264enc"]),
        ("an encoder of AAC (avenc_aac or voaacenc)", &["avenc_aac", "voaacenc"]),
        ("a decoder of H264 (avdec_h264 or openh264dec)", &["avdec_h264", "openh264dec"]),
        ("vp8dec", &["vp8dec"]),
        ("vp9dec", &["vp9dec"]),
        ("opusdec", &["opusdec"]),
        ("opusenc", &["opusenc"]),
        ("audioconvert", &["audioconvert"]),
        ("jpegenc", &["jpegenc"]),
    ];
    let is_there = |names: &[&str]| names.iter().any(|name| gst::ElementFactory::find(name).is_some());
    needs.iter().filter(|(_, names)| !is_there(names)).map(|(need, _)| *need).collect()
}
