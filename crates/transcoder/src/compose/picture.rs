//! Decoded pictures, and the frame they are drawn into.

use gst_video::video_frame::Writable;
use gst_video::{VideoConverter, VideoConverterConfig, VideoFormat, VideoFrame, VideoInfo, VideoMatrixMode};

use super::layout::Tile;
use super::mask::{BLACK, Mask, mixed};
use crate::CompositionError;
use crate::stage::StageOutput;

/// Of the two colours where there is none.
const GREY: u8 = 128;
/// Of tiles and pictures that are worth drawing.
const LEAST_SIDE: u32 = 4;

/// How a picture of another shape than its tile goes into it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fit {
    /// All of the tile is covered; edges of the picture are cut off.
    Cover,
    /// All of the picture is seen.
    Contain,
}

/// A decoded picture.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    info: VideoInfo,
    buffer: gst::Buffer,
}

impl Picture {
    /// Nothing if it is no picture.
    pub(crate) fn new(output: &StageOutput) -> Option<Self> {
        let told = VideoInfo::from_caps(&output.caps).ok()?;
        // Without a rate: that of decoders means nothing.
        let info = VideoInfo::builder(told.format(), told.width(), told.height()).build().ok()?;
        Some(Self { info, buffer: output.buffer.clone() })
    }

    /// Height by width.
    pub(crate) fn shape(&self) -> f64 {
        f64::from(self.info.height()) / f64::from(self.info.width().max(1))
    }
}

/// The scaler of a tile, kept while picture and tile keep their sizes.
#[derive(Debug)]
pub(crate) struct Scaler {
    from: VideoInfo,
    tile: Tile,
    converter: VideoConverter,
}

/// The composed picture. What was drawn stays.
#[derive(Debug)]
pub(crate) struct Canvas {
    info: VideoInfo,
    frame: VideoFrame<Writable>,
}

impl Canvas {
    /// Black; its sides are even.
    pub(crate) fn new(width: u32, height: u32) -> Result<Self, CompositionError> {
        let failed = |error: gst::glib::BoolError| CompositionError::Codec(error.to_string());
        let info = VideoInfo::builder(VideoFormat::I420, width, height).build().map_err(failed)?;
        let buffer = gst::Buffer::with_size(info.size()).map_err(failed)?;
        let frame = VideoFrame::from_buffer_writable(buffer, &info)
            .map_err(|_| CompositionError::Codec("a picture has no memory".to_owned()))?;
        let mut canvas = Self { info, frame };
        canvas.clear(Tile { left: 0, top: 0, width, height });
        Ok(canvas)
    }

    /// Of the pictures that [`Canvas::picture`] gives out.
    pub(crate) fn caps(width: u32, height: u32, frame_rate: u32) -> gst::Caps {
        gst_video::VideoCapsBuilder::new()
            .format(VideoFormat::I420)
            .width(width as i32)
            .height(height as i32)
            .framerate(gst::Fraction::new(frame_rate as i32, 1))
            // What cameras in browsers send.
            .field("colorimetry", "bt601")
            .build()
    }

    pub(crate) fn clear(&mut self, tile: Tile) {
        self.fill(tile, BLACK);
    }

    /// Paints a tile grey.
    pub(crate) fn fill(&mut self, tile: Tile, brightness: u8) {
        for (plane, value) in [brightness, GREY, GREY].into_iter().enumerate() {
            let stride = self.info.stride()[plane] as usize;
            let shift = u32::from(plane > 0);
            let [left, top, width, height] =
                [tile.left, tile.top, tile.width, tile.height].map(|side| (side >> shift) as usize);
            let Ok(data) = self.frame.plane_data_mut(plane as u32) else { continue };
            for row in data.chunks_mut(stride).skip(top).take(height) {
                if let Some(part) = row.get_mut(left..left + width) {
                    part.fill(value);
                }
            }
        }
    }

    pub(crate) fn draw(&mut self, picture: &Picture, tile: Tile, fit: Fit, scaler: &mut Option<Scaler>) {
        let Ok(frame) = VideoFrame::from_buffer_readable(picture.buffer.clone(), &picture.info) else { return };
        if scaler.as_ref().is_none_or(|scaler| scaler.from != picture.info || scaler.tile != tile) {
            self.clear(tile);
            *scaler = Scaler::new(picture, &self.info, tile, fit);
        }
        if let Some(scaler) = scaler {
            scaler.converter.frame(&frame, &mut self.frame);
        }
    }

    /// Puts a mask over what is there; its place has even edges.
    pub(crate) fn cover(&mut self, mask: &Mask, place: Tile) {
        for plane in 0..3 {
            let stride = self.info.stride()[plane as usize] as usize;
            let shift = u32::from(plane > 0);
            let [left, top] = [place.left, place.top].map(|edge| (edge >> shift) as usize);
            let Ok(data) = self.frame.plane_data_mut(plane) else { continue };
            for (y, row) in (0..mask.height >> shift).zip(data.chunks_mut(stride).skip(top)) {
                let pixels = row.get_mut(left..).unwrap_or_default().iter_mut();
                if plane == 0 {
                    pixels.zip(mask.row(y)).for_each(|(pixel, [over, cover])| *pixel = mixed(*pixel, *over, *cover));
                } else {
                    pixels.zip(mask.colour_row(y)).for_each(|(pixel, cover)| *pixel = mixed(*pixel, GREY, cover));
                }
            }
        }
    }

    /// A copy.
    pub(crate) fn picture(&self) -> Result<gst::Buffer, CompositionError> {
        self.frame.buffer().copy_deep().map_err(|error| CompositionError::Codec(error.to_string()))
    }
}

impl Scaler {
    fn new(picture: &Picture, canvas: &VideoInfo, tile: Tile, fit: Fit) -> Option<Self> {
        let (width, height) = (picture.info.width(), picture.info.height());
        let (from, to) = match fit {
            Fit::Cover => (centred(width, height, tile.width, tile.height), (0, 0, tile.width, tile.height)),
            Fit::Contain => ((0, 0, width, height), centred(tile.width, tile.height, width, height)),
        };
        if [from.2, from.3, to.2, to.3].iter().any(|side| *side < LEAST_SIDE) {
            return None;
        }
        let mut config = VideoConverterConfig::new();
        config.set_src_x(from.0 as i32);
        config.set_src_y(from.1 as i32);
        config.set_src_width(Some(from.2 as i32));
        config.set_src_height(Some(from.3 as i32));
        config.set_dest_x((tile.left + to.0) as i32);
        config.set_dest_y((tile.top + to.1) as i32);
        config.set_dest_width(Some(to.2 as i32));
        config.set_dest_height(Some(to.3 as i32));
        config.set_fill_border(false);
        config.set_matrix_mode(VideoMatrixMode::None);
        config.set_resampler_method(gst_video::VideoResamplerMethod::Linear);
        config.set_threads(1);
        let converter = VideoConverter::new(&picture.info, canvas, Some(config)).ok()?;
        Some(Self { from: picture.info.clone(), tile, converter })
    }
}

/// The largest rectangle of the shape `of_width` by `of_height` in the middle of another: left, top, width, height.
fn centred(width: u32, height: u32, of_width: u32, of_height: u32) -> (u32, u32, u32, u32) {
    let even = |side: u64| (side / 2 * 2) as u32;
    let [w, h, ow, oh] = [width, height, of_width.max(1), of_height.max(1)].map(u64::from);
    let (inner_width, inner_height) =
        if w * oh > h * ow { (even(h * ow / oh), height) } else { (width, even(w * oh / ow)) };
    (even(u64::from(width - inner_width) / 2), even(u64::from(height - inner_height) / 2), inner_width, inner_height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_picture_is_what_is_left_of_it() {
        assert_eq!(centred(1280, 720, 640, 360), (0, 0, 1280, 720));
        assert_eq!(centred(1280, 720, 360, 360), (280, 0, 720, 720));
        assert_eq!(centred(360, 640, 1280, 720), (0, 218, 360, 202));
        assert_eq!(centred(2, 2, 0, 0), (0, 0, 2, 2));
    }
}
