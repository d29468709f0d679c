//! `FaceOverlayFilter`: a picture on every face.
//!
//! OpenCV looks for faces on a smaller copy of the pictures, beside their way: they do not wait for it, and what is drawn follows
//! a face by some hundredths of a second.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use protocol::media::MediaKind;
use serde_json::Value;

use super::Effect;
use super::image::{Image, ImageSource};
use super::overlay::{Place, drawing, rectangle};
use super::parameters::text;
use crate::live::JobError;
use protocol::job::FromJob;

/// What OpenCV knows of faces seen from the front; Debian's `opencv-data`.
const PROFILE: &str = "/usr/share/opencv4/haarcascades/haarcascade_frontalface_default.xml";
/// Pixels of the copy that faces are looked for on.
const WIDTH: u32 = 320;

/// See the module.
pub(super) struct FaceOverlay {
    elements: gst::Bin,
    images: ImageSource,
    scene: Arc<Mutex<Scene>>,
}

#[derive(Default)]
struct Scene {
    image: Option<(Image, Place)>,
    faces: Vec<Face>,
}

/// In widths of the frame.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Face {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl FaceOverlay {
    pub(super) fn new(images: ImageSource) -> Result<Self, JobError> {
        let missing = |what: &str| JobError::Impossible(format!("FaceOverlayFilter needs Debian's package {what}"));
        if gst::ElementFactory::find("facedetect").is_none() {
            return Err(missing("gstreamer1.0-opencv"));
        }
        if !Path::new(PROFILE).is_file() {
            return Err(missing("opencv-data"));
        }
        let scene: Arc<Mutex<Scene>> = Arc::default();
        let shown = Arc::clone(&scene);
        let waiting = "queue leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0";
        let description = format!(
            "{waiting} ! videoconvert ! tee name=split ! {waiting} ! overlaycomposition name=overlay \
             split. ! {waiting} ! videoscale ! capsfilter caps=video/x-raw,width={WIDTH},pixel-aspect-ratio=1/1 ! videoconvert ! \
             facedetect display=false profile={PROFILE} min-size-width=24 \
             min-size-height=24 ! fakesink sync=false async=false"
        );
        let elements = drawing(&description, move |width, _| {
            let scene = shown.lock().unwrap_or_else(PoisonError::into_inner);
            let Some((image, place)) = &scene.image else { return vec![] };
            let scale = f64::from(width);
            let on = |face: &Face| {
                rectangle(
                    image,
                    (face.x + place.x * face.width) * scale,
                    (face.y + place.y * face.height) * scale,
                    face.width * place.width * scale,
                    face.height * place.height * scale,
                )
            };
            scene.faces.iter().filter_map(on).collect()
        })?;
        Ok(Self { elements, images, scene })
    }
}

impl Effect for FaceOverlay {
    fn medium(&self) -> MediaKind {
        MediaKind::Video
    }

    fn elements(&self) -> &gst::Bin {
        &self.elements
    }

    fn execute(&mut self, method: &str, params: &Value) -> Result<(), String> {
        let image = match method {
            "setOverlayedImage" => {
                let place = Place::read(params)?;
                Some((self.images.load(&text(params, "uri")?)?, place))
            }
            "unsetOverlayedImage" => None,
            _ => return Err(format!("there is no method '{method}' of FaceOverlayFilter")),
        };
        self.scene.lock().unwrap_or_else(PoisonError::into_inner).image = image;
        Ok(())
    }

    fn hear(&mut self, message: &gst::Message) -> Option<FromJob> {
        let said = message.structure().filter(|structure| structure.name() == "facedetect")?;
        let found = said.get::<gst::List>("faces").ok()?;
        let faces = found.iter().filter_map(|face| face.get::<gst::Structure>().ok()).filter_map(|face| {
            let share = |name| face.get::<u32>(name).ok().map(|pixels| f64::from(pixels) / f64::from(WIDTH));
            Some(Face { x: share("x")?, y: share("y")?, width: share("width")?, height: share("height")? })
        });
        self.scene.lock().unwrap_or_else(PoisonError::into_inner).faces = faces.collect();
        None
    }
}
