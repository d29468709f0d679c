//! `ChromaFilter`: what has the colour that a part of the first pictures has gives way to a background.

use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;
use gst_video::prelude::*;
use gst_video::{VideoFrameRef, VideoInfo};
use protocol::media::MediaKind;
use serde_json::Value;

use super::Effect;
use super::image::{Image, ImageSource};
use super::parameters::{number, text};
use crate::live::JobError;
use crate::live::pipeline::{chain, pad};

/// Pictures whose colour is taken, before anything is replaced.
const CALIBRATION: u32 = 10;
/// Nearer than this (in U and V) a colour is the background's,
const NEAR: f32 = 26.0;
/// and farther than this it is none of it.
const FAR: f32 = 46.0;
/// In Y, U and V.
const BLACK: [u8; 3] = [16, 128, 128];

/// See the module.
pub(super) struct ChromaFilter {
    elements: gst::Bin,
    images: ImageSource,
    key: Arc<Mutex<Key>>,
}

struct Key {
    window: Window,
    /// Sums of U and V so far, and how many pictures they are of.
    gathered: (f32, f32, u32),
    background: Option<Image>,
    /// The background in the frames' size.
    scaled: Option<(u32, u32, gst::Buffer)>,
}

/// Pixels of the frame, from above and from the left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Window {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

impl Window {
    fn read(options: &Value) -> Result<Self, String> {
        let window = options.get("window").filter(|window| window.is_object()).ok_or("'window' is missing")?;
        let pixels = |name| {
            let pixels = number(window, name)?;
            let is_whole = (0.0..=8192.0).contains(&pixels) && pixels.fract() == 0.0;
            if is_whole { Ok(pixels as u32) } else { Err(format!("'{name}' must be a number of pixels")) }
        };
        let window = Self {
            x: pixels("topRightCornerX")?,
            y: pixels("topRightCornerY")?,
            width: pixels("width")?,
            height: pixels("height")?,
        };
        if window.width == 0 || window.height == 0 {
            return Err("'window' is empty".to_owned());
        }
        Ok(window)
    }
}

impl ChromaFilter {
    pub(super) fn new(options: &Value, images: ImageSource) -> Result<Self, JobError> {
        let window = Window::read(options).map_err(JobError::Impossible)?;
        let background = match options.get("backgroundImage").and_then(Value::as_str) {
            None | Some("") => None,
            Some(uri) => Some(images.load(uri).map_err(JobError::Impossible)?),
        };
        let key = Arc::new(Mutex::new(Key { window, gathered: (0.0, 0.0, 0), background, scaled: None }));
        let waiting = "queue leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0";
        let elements =
            chain(&format!("{waiting} ! videoconvert ! capsfilter name=frames caps=video/x-raw,format=I420"))?;
        let frames = elements.by_name("frames").ok_or_else(|| JobError::Broken("there are no frames".to_owned()))?;
        let keyed = Arc::clone(&key);
        pad(&frames, "src")?.add_probe(gst::PadProbeType::BUFFER, move |pad, probe| {
            let info = pad.current_caps().and_then(|caps| VideoInfo::from_caps(&caps).ok());
            if let (Some(info), Some(buffer)) = (info, probe.buffer_mut()) {
                keyed.lock().unwrap_or_else(PoisonError::into_inner).apply(buffer.make_mut(), &info);
            }
            gst::PadProbeReturn::Ok
        });
        Ok(Self { elements, images, key })
    }
}

impl Key {
    fn apply(&mut self, buffer: &mut gst::BufferRef, info: &VideoInfo) {
        let Ok(mut frame) = VideoFrameRef::from_buffer_ref_writable(buffer, info) else { return };
        if self.gathered.2 < CALIBRATION {
            let (u, v) = self.window.colour(&frame);
            self.gathered = (self.gathered.0 + u, self.gathered.1 + v, self.gathered.2 + 1);
        }
        let count = self.gathered.2 as f32;
        let colour = (self.gathered.0 / count, self.gathered.1 / count);
        let size = (info.width(), info.height());
        if self.scaled.as_ref().is_none_or(|(width, height, _)| (*width, *height) != size) {
            let scaled = self.background.as_ref().and_then(|image| image.background(size.0, size.1).ok());
            self.scaled = scaled.map(|buffer| (size.0, size.1, buffer));
        }
        let background = self.scaled.as_ref().map(|(.., buffer)| buffer.as_ref());
        let background = background.and_then(|buffer| VideoFrameRef::from_buffer_ref_readable(buffer, info).ok());
        replace(&mut frame, colour, background.as_ref());
    }
}

impl Window {
    /// The average of U and V.
    fn colour(self, frame: &VideoFrameRef<&mut gst::BufferRef>) -> (f32, f32) {
        let (width, height) = ((frame.width() as usize).div_ceil(2), (frame.height() as usize).div_ceil(2));
        let part = |from: u32, length: u32, all: usize| {
            let from = (from as usize / 2).min(all.saturating_sub(1));
            from..(from + (length as usize).div_ceil(2)).min(all)
        };
        let (columns, rows) = (part(self.x, self.width, width), part(self.y, self.height, height));
        let average = |plane: u32| {
            let (data, stride) = (frame.plane_data(plane).unwrap_or_default(), stride(frame, plane));
            let line =
                |row: usize| data.get(row * stride..).and_then(|line| line.get(columns.clone())).unwrap_or_default();
            let sum: f32 = rows.clone().flat_map(line).map(|value| f32::from(*value)).sum();
            sum / (columns.len() * rows.len()).max(1) as f32
        };
        (average(1), average(2))
    }
}

/// Puts the background, or black, where the colour is. Pictures are read and written in blocks of two by two pixels, which share a
/// colour.
fn replace(
    frame: &mut VideoFrameRef<&mut gst::BufferRef>,
    (key_u, key_v): (f32, f32),
    background: Option<&VideoFrameRef<&gst::BufferRef>>,
) {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let (blocks, rows) = (width.div_ceil(2), height.div_ceil(2));
    // How much of each block is the background's.
    let mut shares = vec![0.0f32; blocks * rows];
    {
        let stride = [1, 2].map(|plane| stride(frame, plane));
        let (Ok(u), Ok(v)) = (frame.plane_data(1), frame.plane_data(2)) else { return };
        for row in 0..rows {
            let line = |data: &'_ [u8], stride: usize, at: usize| {
                data.get(row * stride + at).copied().map_or(128.0, f32::from)
            };
            for block in 0..blocks {
                let distance = (line(u, stride[0], block) - key_u).hypot(line(v, stride[1], block) - key_v);
                shares[row * blocks + block] = ((FAR - distance) / (FAR - NEAR)).clamp(0.0, 1.0);
            }
        }
    }
    for plane in 0..3 {
        let step = if plane == 0 { 2 } else { 1 };
        let (width, height) = if plane == 0 { (width, height) } else { (blocks, rows) };
        let own = stride(frame, plane);
        let behind = background.and_then(|frame| Some((frame.plane_data(plane).ok()?, stride(frame, plane))));
        let Ok(data) = frame.plane_data_mut(plane) else { return };
        for y in 0..height {
            let Some(line) = data.get_mut(y * own..).and_then(|line| line.get_mut(..width)) else { return };
            for (x, value) in line.iter_mut().enumerate() {
                let share = shares[y / step * blocks + x / step];
                if share > 0.0 {
                    let shown = behind.and_then(|(data, stride)| data.get(y * stride + x));
                    let shown = shown.copied().unwrap_or(BLACK[plane as usize]);
                    *value = (f32::from(*value) * (1.0 - share) + f32::from(shown) * share) as u8;
                }
            }
        }
    }
}

fn stride<T>(frame: &VideoFrameRef<T>, plane: u32) -> usize
where
    VideoFrameRef<T>: VideoFrameExt,
{
    usize::try_from(frame.plane_stride().get(plane as usize).copied().unwrap_or(0)).unwrap_or(0)
}

impl Effect for ChromaFilter {
    fn medium(&self) -> MediaKind {
        MediaKind::Video
    }

    fn elements(&self) -> &gst::Bin {
        &self.elements
    }

    fn execute(&mut self, method: &str, params: &Value) -> Result<(), String> {
        let background = match method {
            "setBackground" => Some(self.images.load(&text(params, "uri")?)?),
            "unsetBackground" => None,
            _ => return Err(format!("there is no method '{method}' of ChromaFilter")),
        };
        let mut key = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        (key.background, key.scaled) = (background, None);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_window_is_four_numbers_of_pixels() {
        let read = |window: Value| Window::read(&json!({ "window": window }));
        let window = json!({"topRightCornerX": "5", "topRightCornerY": 6, "width": "30F", "height": 40});
        assert_eq!(read(window), Ok(Window { x: 5, y: 6, width: 30, height: 40 }));
        let window = json!({"topRightCornerX": 5, "topRightCornerY": 6, "width": 30});
        assert_eq!(read(window), Err("'height' is missing".to_owned()));
        let window = json!({"topRightCornerX": -5, "topRightCornerY": 6, "width": 30, "height": 3});
        assert_eq!(read(window), Err("'topRightCornerX' must be a number of pixels".to_owned()));
        let window = json!({"topRightCornerX": 5, "topRightCornerY": 6, "width": 0, "height": 3});
        assert_eq!(read(window), Err("'window' is empty".to_owned()));
        assert_eq!(Window::read(&json!({})), Err("'window' is missing".to_owned()));
    }
}
