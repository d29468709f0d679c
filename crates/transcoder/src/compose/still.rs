//! A still picture of a composed file.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use gst_video::VideoInfo;

use crate::CompositionError;
use crate::mp4::EncodedSample;
use crate::stage::Stage;

/// Pixels; the height follows.
const WIDTH: u32 = 480;

/// Of the last of `pictures`, which begin with a key frame. It is there all at once.
pub(crate) fn write(path: &Path, avc: &[u8], pictures: Vec<EncodedSample>) -> Result<(), CompositionError> {
    let jpeg = encode(avc, pictures)?;
    let unfinished = path.with_extension("unfinished");
    let written = File::create(&unfinished).and_then(|mut file| {
        file.write_all(&jpeg)?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&unfinished, path)).map_err(CompositionError::file(path))
}

fn encode(avc: &[u8], pictures: Vec<EncodedSample>) -> Result<Vec<u8>, CompositionError> {
    let caps = gst::Caps::builder("video/x-h264")
        .field("stream-format", "avc")
        .field("alignment", "au")
        .field("codec_data", gst::Buffer::from_slice(avc.to_vec()))
        .build();
    let decoder = Stage::new("avdec_h264 max-threads=1", &caps);
    let mut decoder = decoder.or_else(|_| Stage::new("h264parse ! openh264dec", &caps))?;
    for (number, picture) in pictures.into_iter().enumerate() {
        let mut buffer = gst::Buffer::from_mut_slice(picture.data);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_mseconds(40 * number as u64));
        }
        decoder.push(buffer)?;
    }
    decoder.finish();
    let nothing = || CompositionError::Codec("there is no picture to show".to_owned());
    let last = std::iter::from_fn(|| decoder.pop()).last().ok_or_else(nothing)?;
    let info = VideoInfo::from_caps(&last.caps).map_err(|_| nothing())?;
    let height = WIDTH * info.height() / info.width().max(1) / 2 * 2;
    let elements = format!(
        "videoscale ! capsfilter caps=video/x-raw,width={WIDTH},height={},pixel-aspect-ratio=1/1 ! videoconvert ! jpegenc",
        height.max(2)
    );
    let mut encoder = Stage::new(&elements, &last.caps)?;
    encoder.push(last.buffer)?;
    encoder.finish();
    let jpeg = encoder.pop().ok_or_else(nothing)?;
    let map = jpeg.buffer.map_readable().map_err(|error| CompositionError::Codec(error.to_string()))?;
    Ok(map.to_vec())
}
