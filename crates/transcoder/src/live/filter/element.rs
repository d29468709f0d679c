//! `GStreamerFilter`: one element out of those that are allowed, with properties out of those that are allowed.
//!
//! Allowed is what changes sound or pictures and does nothing else. Of an allowed element everything may be set that is a number, a
//! switch or a choice, and of texts those that are listed; so nobody can name a file, but for the picture of `gdkpixbufoverlay`.

use std::ops::RangeInclusive;

use gst::glib::{
    ParamFlags, ParamSpec, ParamSpecDouble, ParamSpecFloat, ParamSpecInt, ParamSpecInt64, ParamSpecUInt,
    ParamSpecUInt64, Type, Value as PropertyValue,
};
use gst::prelude::*;
use protocol::media::MediaKind;
use serde_json::Value;

use super::Effect;
use super::command::Command;
use super::image::ImageSource;
use super::parameters::{leading_number, text};
use crate::live::JobError;
use crate::live::pipeline::chain;

const VIDEO: MediaKind = MediaKind::Video;
const AUDIO: MediaKind = MediaKind::Audio;

/// Elements, what they change, and which texts they may be given.
const ALLOWED: &[(&str, MediaKind, &[&str])] = &[
    ("videobalance", VIDEO, &[]),
    ("videoflip", VIDEO, &[]),
    ("videocrop", VIDEO, &[]),
    ("videobox", VIDEO, &[]),
    ("gamma", VIDEO, &[]),
    ("videomedian", VIDEO, &[]),
    ("chromahold", VIDEO, &[]),
    ("coloreffects", VIDEO, &[]),
    ("agingtv", VIDEO, &[]),
    ("dicetv", VIDEO, &[]),
    ("edgetv", VIDEO, &[]),
    ("optv", VIDEO, &[]),
    ("quarktv", VIDEO, &[]),
    ("radioactv", VIDEO, &[]),
    ("revtv", VIDEO, &[]),
    ("rippletv", VIDEO, &[]),
    ("shagadelictv", VIDEO, &[]),
    ("streaktv", VIDEO, &[]),
    ("vertigotv", VIDEO, &[]),
    ("warptv", VIDEO, &[]),
    ("burn", VIDEO, &[]),
    ("chromium", VIDEO, &[]),
    ("dilate", VIDEO, &[]),
    ("dodge", VIDEO, &[]),
    ("exclusion", VIDEO, &[]),
    ("gaussianblur", VIDEO, &[]),
    ("solarize", VIDEO, &[]),
    ("bulge", VIDEO, &[]),
    ("circle", VIDEO, &[]),
    ("diffuse", VIDEO, &[]),
    ("fisheye", VIDEO, &[]),
    ("kaleidoscope", VIDEO, &[]),
    ("marble", VIDEO, &[]),
    ("mirror", VIDEO, &[]),
    ("pinch", VIDEO, &[]),
    ("rotate", VIDEO, &[]),
    ("sphere", VIDEO, &[]),
    ("square", VIDEO, &[]),
    ("stretch", VIDEO, &[]),
    ("tunnel", VIDEO, &[]),
    ("twirl", VIDEO, &[]),
    ("waterripple", VIDEO, &[]),
    ("gdkpixbufoverlay", VIDEO, &[LOCATION]),
    ("textoverlay", VIDEO, &["text", "font-desc"]),
    ("timeoverlay", VIDEO, &["text", "font-desc"]),
    ("clockoverlay", VIDEO, &["text", "font-desc", "time-format"]),
    ("audioecho", AUDIO, &[]),
    ("audioamplify", AUDIO, &[]),
    ("audioinvert", AUDIO, &[]),
    ("audiokaraoke", AUDIO, &[]),
    ("audiopanorama", AUDIO, &[]),
    ("audiodynamic", AUDIO, &[]),
    ("equalizer-3bands", AUDIO, &[]),
    ("equalizer-10bands", AUDIO, &[]),
    ("pitch", AUDIO, &[]),
    ("volume", AUDIO, &[]),
];

/// The one property that names a file.
const LOCATION: &str = "location";
/// What every element has, and no filter needs.
const INTERNAL: [&str; 3] = ["name", "parent", "qos"];
/// Values that would take more memory or time than a filter is worth: element, property, the largest.
const MOST: &[(&str, &str, f64)] = &[
    ("audioecho", "delay", 10e9),
    ("audioecho", "max-delay", 10e9),
    ("videobox", "left", 4096.0),
    ("videobox", "right", 4096.0),
    ("videobox", "top", 4096.0),
    ("videobox", "bottom", 4096.0),
    ("gdkpixbufoverlay", "overlay-width", 4096.0),
    ("gdkpixbufoverlay", "overlay-height", 4096.0),
];
/// What comes out must be pictures that can be encoded.
const PICTURES: &str = "video/x-raw,width=[16,4096],height=[16,4096]";

/// See the module.
pub(super) struct ElementFilter {
    medium: MediaKind,
    elements: gst::Bin,
    element: gst::Element,
    texts: &'static [&'static str],
    images: ImageSource,
}

impl ElementFilter {
    pub(super) fn new(options: &Value, images: ImageSource) -> Result<Self, JobError> {
        Self::read(options, images).map_err(JobError::Impossible)
    }

    fn read(options: &Value, images: ImageSource) -> Result<Self, String> {
        let command = Command::read(&text(options, "command")?)?;
        let allowed = ALLOWED.iter().find(|(name, ..)| *name == command.element);
        let (name, medium, texts) =
            *allowed.ok_or_else(|| format!("the element '{}' is unknown, or not allowed here", command.element))?;
        let wanted = match options.get("filterType").and_then(Value::as_str) {
            None | Some("AUTODETECT") => medium,
            Some("VIDEO") => VIDEO,
            Some("AUDIO") => AUDIO,
            Some(other) => return Err(format!("'filterType' is none of AUDIO, VIDEO and AUTODETECT: '{other}'")),
        };
        if wanted != medium {
            return Err(format!("the pad templates of '{name}' do not match 'filterType'"));
        }
        let description = match medium {
            VIDEO => format!(
                "queue name=waiting leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0 ! \
                              videoconvert ! {name} name=filter ! capsfilter caps={PICTURES}"
            ),
            AUDIO => format!("audioconvert ! audioresample ! {name} name=filter"),
        };
        let elements = chain(&description).map_err(|_| format!("GStreamer has no '{name}'"))?;
        let element = elements.by_name("filter").ok_or("there is no element")?;
        let filter = Self { medium, elements, element, texts, images };
        for (property, value) in &command.properties {
            filter.set(property, value)?;
        }
        Ok(filter)
    }

    fn set(&self, property: &str, value: &str) -> Result<(), String> {
        let factory = self.element.factory().map(|factory| factory.name().to_string()).unwrap_or_default();
        let described = self.element.find_property(property).filter(|_| !INTERNAL.contains(&property));
        let described = described.ok_or_else(|| format!("there is no property '{property}' in element '{factory}'"))?;
        let refused = || format!("the property '{property}' of '{factory}' cannot be '{value}'");
        let flags = described.flags();
        if !flags.contains(ParamFlags::WRITABLE) || flags.contains(ParamFlags::CONSTRUCT_ONLY) {
            return Err(format!("the property '{property}' of '{factory}' cannot be set"));
        }
        let kind = described.value_type();
        let is_number = [Type::I32, Type::U32, Type::I64, Type::U64, Type::F32, Type::F64].contains(&kind);
        let set = if kind == Type::STRING {
            if !self.texts.contains(&property) {
                return Err(format!("the property '{property}' of '{factory}' is not allowed here"));
            }
            if property == LOCATION {
                let path = self.images.file(value)?;
                path.to_string_lossy().to_value()
            } else {
                value.to_value()
            }
        } else if is_number || kind == Type::BOOL || kind.is_a(Type::ENUM) {
            let most = MOST.iter().find(|(element, name, _)| *element == factory && *name == property);
            let number = leading_number(value).filter(|_| is_number);
            // It would be made the nearest that is possible, without a word.
            let is_out = |number: f64| range(&described).is_some_and(|range| !range.contains(&number));
            if most.zip(number).is_some_and(|((.., most), number)| number.abs() > *most) || number.is_some_and(is_out) {
                return Err(refused());
            }
            // "1.7F" is a number to the original.
            let is_float = [Type::F32, Type::F64].contains(&kind);
            let plain =
                number.filter(|_| is_float).map_or_else(|| value.trim().to_owned(), |number| number.to_string());
            PropertyValue::deserialize_with_pspec(&plain, &described).map_err(|_| refused())?
        } else {
            return Err(format!("the property '{property}' of '{factory}' is not allowed here"));
        };
        self.element.set_property_from_value(property, &set);
        Ok(())
    }
}

/// Of a property that is a number.
fn range(described: &ParamSpec) -> Option<RangeInclusive<f64>> {
    macro_rules! range_of {
        ($($kind:ty),*) => {
            $(if let Some(number) = described.downcast_ref::<$kind>() {
                return Some(number.minimum() as f64..=number.maximum() as f64);
            })*
        };
    }
    range_of!(ParamSpecInt, ParamSpecUInt, ParamSpecInt64, ParamSpecUInt64, ParamSpecFloat, ParamSpecDouble);
    None
}

impl Effect for ElementFilter {
    fn medium(&self) -> MediaKind {
        self.medium
    }

    fn elements(&self) -> &gst::Bin {
        &self.elements
    }

    fn execute(&mut self, method: &str, params: &Value) -> Result<(), String> {
        if method != "setElementProperty" {
            return Err(format!("there is no method '{method}' of GStreamerFilter"));
        }
        self.set(&text(params, "propertyName")?, &text(params, "propertyValue")?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn made(command: &str) -> Result<ElementFilter, String> {
        gst::init().unwrap();
        ElementFilter::read(&json!({ "command": command }), ImageSource::new(None))
    }

    #[test]
    fn every_documented_command_makes_an_element_between_frames() {
        for command in [
            "videobalance saturation=0.0",
            "videoflip method=vertical-flip",
            "videocrop top=100 left=35 right=0 bottom=0",
            "videobox fill=black top=20 bottom=20 left=-10 right=-10",
            "videobox fill=black top=-30 bottom=-30 left=-30 right=-30",
            "chromahold target-r=0 target-g=0 target-b=255 tolerance=90",
            "coloreffects preset=heat",
            "gamma gamma=5.0",
            "videomedian filtersize=9 lum-only=false",
            "agingtv",
            "dicetv",
            "optv",
            "quarktv",
            "radioactv",
            "revtv",
            "rippletv",
            "shagadelictv",
            "streaktv",
            "vertigotv",
            "warptv",
            r#"textoverlay text="Embedded text" valignment=top halignment=right font-desc="Cantarell 25""#,
            r#"textoverlay text="Embedded text!" valignment=top halignment=right font-desc="Cantarell 25" draw-shadow=false"#,
            r#"timeoverlay valignment=bottom halignment=right font-desc="Sans, 20""#,
            r#"clockoverlay valignment=bottom halignment=right shaded-background=true font-desc="Sans, 20""#,
            "audioecho delay=50000000 intensity=0.6 feedback=0.4",
            "audioecho delay=40000000 intensity=0.7 feedback=0.4",
            "audioamplify amplification=1.5 clipping-method=wrap-positive",
            "audioamplify amplification=1.7",
            "pitch pitch=1.2",
        ] {
            let filter = made(command).unwrap_or_else(|why| panic!("{command}: {why}"));
            let is_sound = command.starts_with("audio") || command.starts_with("pitch");
            let (expected, frames) = if is_sound { (AUDIO, "audio/x-raw") } else { (VIDEO, "video/x-raw") };
            assert_eq!(filter.medium, expected, "{command}");
            for pad in ["sink", "src"] {
                let taken = filter.elements.static_pad(pad).unwrap().query_caps(None);
                assert!(taken.iter().all(|caps| caps.name() == frames), "{command}: {pad} takes {taken}");
            }
        }
    }

    #[test]
    fn properties_are_set_as_they_are_written() {
        let mut filter = made("videobalance saturation=0.25F").map_err(|error| panic!("{error}")).unwrap();
        assert_eq!(filter.element.property::<f64>("saturation"), 0.25);
        let params = json!({"propertyName": "saturation", "propertyValue": "1.0"});
        assert_eq!(filter.execute("setElementProperty", &params), Ok(()));
        assert_eq!(filter.element.property::<f64>("saturation"), 1.0);
        let params = json!({"propertyName": "saturation", "propertyValue": 0});
        assert_eq!(filter.execute("setElementProperty", &params), Ok(()));
        assert_eq!(filter.element.property::<f64>("saturation"), 0.0);
        let echo = made("audioecho delay=50000000").map_err(|error| panic!("{error}")).unwrap();
        assert_eq!(echo.element.property::<u64>("delay"), 50_000_000);
    }

    #[test]
    fn what_is_not_allowed_is_refused_with_its_name() {
        for (command, why) in [
            ("filesrc location=/etc/passwd", "the element 'filesrc' is unknown, or not allowed here"),
            ("souphttpsrc location=http://a", "the element 'souphttpsrc' is unknown, or not allowed here"),
            ("videobalance name=a", "there is no property 'name' in element 'videobalance'"),
            ("videobalance hoo=1", "there is no property 'hoo' in element 'videobalance'"),
            ("videobalance saturation=much", "the property 'saturation' of 'videobalance' cannot be 'much'"),
            ("videobalance saturation=3", "the property 'saturation' of 'videobalance' cannot be '3'"),
            ("videobox left=-100000", "the property 'left' of 'videobox' cannot be '-100000'"),
            ("audioecho delay=99999999999", "the property 'delay' of 'audioecho' cannot be '99999999999'"),
            ("videoflip method=upside", "the property 'method' of 'videoflip' cannot be 'upside'"),
            ("gdkpixbufoverlay pixbuf=1", "the property 'pixbuf' of 'gdkpixbufoverlay' is not allowed here"),
            (
                "gdkpixbufoverlay location=/etc/hostname",
                "pictures cannot be read from files here: MADANG_FILTER_IMAGES names no folder",
            ),
        ] {
            assert_eq!(made(command).err().as_deref(), Some(why), "{command}");
        }
        let audio = json!({"command": "agingtv", "filterType": "AUDIO"});
        let refused = ElementFilter::read(&audio, ImageSource::new(None)).err();
        assert_eq!(refused.as_deref(), Some("the pad templates of 'agingtv' do not match 'filterType'"));
        let mut filter = made("agingtv").map_err(|error| panic!("{error}")).unwrap();
        let refused = filter.execute("explode", &json!({}));
        assert_eq!(refused, Err("there is no method 'explode' of GStreamerFilter".to_owned()));
        let refused = filter.execute("setElementProperty", &json!({"propertyName": "scratch-lines"}));
        assert_eq!(refused, Err("'propertyValue' is missing".to_owned()));
    }
}
