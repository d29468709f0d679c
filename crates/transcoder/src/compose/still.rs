//! A still picture of a composed file.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use gst_video::VideoInfo;
use muxing::Codec;

use super::decode::open;
use crate::CompositionError;
use crate::mp4::EncodedSample;
use crate::stage::Stage;

/// Pixels; the height follows.
const WIDTH: u32 = 480;
/// Black is 0 and white 255 in JFIF, where films have 16 and 235. From one YUV to another `videoconvert` leaves them as they are.
const LEVELS: &str = "capsfilter caps=video/x-raw,format=RGB";

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
    let mut decoder = open(Codec::H264, avc, "")?;
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
        "videoscale ! capsfilter caps=video/x-raw,width={WIDTH},height={},pixel-aspect-ratio=1/1 ! videoconvert ! {LEVELS} ! jpegenc",
        height.max(2)
    );
    let mut encoder = Stage::new(&elements, &last.caps)?;
    encoder.push(last.buffer)?;
    encoder.finish();
    let jpeg = encoder.pop().ok_or_else(nothing)?;
    let map = jpeg.buffer.map_readable().map_err(|error| CompositionError::Codec(error.to_string()))?;
    Ok(map.to_vec())
}

#[cfg(test)]
mod tests {
    use protocol::transcoder::{Layout, Picture};

    use super::*;
    use crate::compose::encode::PictureEncoder;

    const FILM: Picture =
        Picture { width: 320, height: 180, frame_rate: 25, layout: Layout::BestFit, has_captions: false };

    /// Black, white and red next to each other, as films have them.
    fn bars() -> Vec<u8> {
        let (width, height) = (FILM.width as usize, FILM.height as usize);
        let plane = |width: usize, height: usize, values: [u8; 3]| {
            let row = (0..width).map(move |x| values[3 * x / width]);
            std::iter::repeat_n(row, height).flatten()
        };
        let luma = plane(width, height, [16, 235, 81]);
        let (blue, red) = (plane(width / 2, height / 2, [128, 128, 90]), plane(width / 2, height / 2, [128, 128, 240]));
        luma.chain(blue).chain(red).collect()
    }

    #[test]
    fn a_still_has_the_levels_of_the_picture() {
        gst::init().unwrap();
        let mut encoder = PictureEncoder::new(&FILM).unwrap();
        encoder.push(gst::Buffer::from_slice(bars()), 0, FILM.frame_rate).unwrap();
        encoder.finish();
        let picture = encoder.pop().unwrap().unwrap();
        let jpeg = encode(&PictureEncoder::configuration(&FILM).unwrap(), vec![picture]).unwrap();

        let shown = "jpegdec ! videoconvert ! capsfilter caps=video/x-raw,format=RGB";
        let mut decoder = Stage::new(shown, &gst::Caps::builder("image/jpeg").build()).unwrap();
        decoder.push(gst::Buffer::from_slice(jpeg)).unwrap();
        decoder.finish();
        let decoded = decoder.pop().unwrap();
        let pixels = decoded.buffer.map_readable().unwrap();
        let at = |x: usize| {
            let begin = 3 * (100 * WIDTH as usize + x);
            [pixels[begin], pixels[begin + 1], pixels[begin + 2]]
        };
        let [black, white, red] = [80, 240, 400].map(at);
        assert!(black.iter().all(|value| *value < 6), "{black:?}");
        assert!(white.iter().all(|value| *value > 249), "{white:?}");
        assert!(red[0] > 240 && red[1] < 15 && red[2] < 15, "{red:?}");
    }
}
