//! `ImageOverlayFilter`: pictures at places of the frame; and what draws them, for whoever else draws.

use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;
use gst_video::{VideoInfo, VideoOverlayComposition, VideoOverlayFormatFlags, VideoOverlayRectangle};
use protocol::media::MediaKind;
use serde_json::Value;

use super::Effect;
use super::image::{Image, ImageSource};
use super::parameters::{number, switch, text};
use crate::live::JobError;
use crate::live::pipeline::chain;

/// Pictures on one frame.
const MOST: usize = 16;
/// Shares of a frame, or of a face.
const FARTHEST: f64 = 20.0;

/// Where a picture goes, in shares of the box that it belongs to: the frame, or a face. Down and to the right is positive.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Place {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Place {
    pub(super) fn read(params: &Value) -> Result<Self, String> {
        let share = |name| {
            let share = number(params, name)?;
            if share.abs() <= FARTHEST { Ok(share) } else { Err(format!("'{name}' must be a share, such as 0.5")) }
        };
        let place = Self {
            x: share("offsetXPercent")?,
            y: share("offsetYPercent")?,
            width: share("widthPercent")?,
            height: share("heightPercent")?,
        };
        let negative =
            [("widthPercent", place.width), ("heightPercent", place.height)].into_iter().find(|(_, n)| *n < 0.0);
        negative.map_or(Ok(place), |(name, _)| Err(format!("'{name}' must not be negative")))
    }
}

/// Elements for raw pictures that draw on each frame what `draw` says for its width and height.
pub(super) fn drawing(
    description: &str,
    draw: impl Fn(u32, u32) -> Vec<VideoOverlayRectangle> + Send + Sync + 'static,
) -> Result<gst::Bin, JobError> {
    let elements = chain(description)?;
    let overlay = elements.by_name("overlay").ok_or_else(|| JobError::Broken("there is no overlay".to_owned()))?;
    overlay.connect("draw", false, move |values| {
        let info = values.get(1).and_then(|sample| sample.get::<gst::Sample>().ok());
        let info = info.and_then(|sample| VideoInfo::from_caps(sample.caps()?).ok());
        let drawn = info.map(|info| draw(info.width(), info.height())).unwrap_or_default();
        let composition = if drawn.is_empty() { None } else { VideoOverlayComposition::new(&drawn).ok() };
        Some(composition.to_value())
    });
    Ok(elements)
}

/// A picture in a box of the frame, in pixels; none if it would not be seen.
pub(super) fn rectangle(image: &Image, x: f64, y: f64, width: f64, height: f64) -> Option<VideoOverlayRectangle> {
    let (width, height) = (width.round(), height.round());
    let is_sane = [x, y, width, height].iter().all(|n| n.is_finite() && n.abs() < 32_768.0);
    (is_sane && width >= 1.0 && height >= 1.0).then(|| {
        let (x, y) = (x.round() as i32, y.round() as i32);
        let flags = VideoOverlayFormatFlags::empty();
        VideoOverlayRectangle::new_raw(&image.buffer, x, y, width as u32, height as u32, flags)
    })
}

/// See the module.
pub(super) struct ImageOverlay {
    elements: gst::Bin,
    images: ImageSource,
    drawn: Arc<Mutex<Vec<Drawn>>>,
}

struct Drawn {
    id: String,
    image: Image,
    place: Place,
    keeps_aspect_ratio: bool,
    /// If it does, in the middle of its box.
    is_centred: bool,
}

impl Drawn {
    fn rectangle(&self, width: u32, height: u32) -> Option<VideoOverlayRectangle> {
        let (frame_width, frame_height) = (f64::from(width), f64::from(height));
        let (mut x, mut y) = (self.place.x * frame_width, self.place.y * frame_height);
        let (mut width, mut height) = (self.place.width * frame_width, self.place.height * frame_height);
        if self.keeps_aspect_ratio {
            let (own_width, own_height) = (f64::from(self.image.width), f64::from(self.image.height));
            let scale = (width / own_width).min(height / own_height);
            if self.is_centred {
                x += (width - own_width * scale) / 2.0;
                y += (height - own_height * scale) / 2.0;
            }
            (width, height) = (own_width * scale, own_height * scale);
        }
        rectangle(&self.image, x, y, width, height)
    }
}

impl ImageOverlay {
    pub(super) fn new(images: ImageSource) -> Result<Self, JobError> {
        let drawn: Arc<Mutex<Vec<Drawn>>> = Arc::default();
        let shown = Arc::clone(&drawn);
        let waiting = "queue leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0";
        let elements =
            drawing(&format!("{waiting} ! videoconvert ! overlaycomposition name=overlay"), move |width, height| {
                let shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
                shown.iter().filter_map(|drawn| drawn.rectangle(width, height)).collect()
            })?;
        Ok(Self { elements, images, drawn })
    }

    fn add(&self, params: &Value) -> Result<(), String> {
        let added = Drawn {
            id: text(params, "id")?,
            place: Place::read(params)?,
            keeps_aspect_ratio: switch(params, "keepAspectRatio", false)?,
            is_centred: switch(params, "center", false)?,
            image: self.images.load(&text(params, "uri")?)?,
        };
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        drawn.retain(|one| one.id != added.id);
        if drawn.len() >= MOST {
            return Err(format!("there are {MOST} pictures already"));
        }
        drawn.push(added);
        Ok(())
    }

    fn remove(&self, params: &Value) -> Result<(), String> {
        let id = text(params, "id")?;
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let before = drawn.len();
        drawn.retain(|one| one.id != id);
        if drawn.len() < before { Ok(()) } else { Err(format!("there is no picture with the id '{id}'")) }
    }
}

impl Effect for ImageOverlay {
    fn medium(&self) -> MediaKind {
        MediaKind::Video
    }

    fn elements(&self) -> &gst::Bin {
        &self.elements
    }

    fn execute(&mut self, method: &str, params: &Value) -> Result<(), String> {
        match method {
            "addImage" => self.add(params),
            "removeImage" => self.remove(params),
            _ => Err(format!("there is no method '{method}' of ImageOverlayFilter")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::live::filter::image::tests::png;

    #[test]
    fn pictures_are_added_and_removed_by_their_ids() {
        let folder = tempfile::tempdir().unwrap();
        png(folder.path(), "a.png", 0xff_00_00);
        let mut filter = ImageOverlay::new(ImageSource::new(Some(folder.path().to_owned()))).unwrap();
        let add = json!({"id": "1", "uri": "a.png", "offsetXPercent": "0.25F", "offsetYPercent": 0.5, "widthPercent": "0.5",
            "heightPercent": 0.5, "keepAspectRatio": true, "center": "true"});
        assert_eq!(filter.execute("addImage", &add), Ok(()));
        let drawn = filter.drawn.lock().unwrap()[0].rectangle(400, 400).map(|drawn| drawn.render_rectangle());
        assert_eq!(drawn, Some((100, 250, 200, 100)), "in the middle of its box");
        let refused = filter.execute("addImage", &json!({"id": "1", "uri": "a.png"}));
        assert_eq!(refused, Err("'offsetXPercent' is missing".to_owned()));
        assert_eq!(filter.execute("removeImage", &json!({"id": 1})), Ok(()));
        let refused = filter.execute("removeImage", &json!({"id": "1"}));
        assert_eq!(refused, Err("there is no picture with the id '1'".to_owned()));
        assert!(filter.execute("unset", &json!({})).is_err());
    }
}
