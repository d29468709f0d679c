//! Pictures that filters draw: out of files in the one folder that the deployment names, and nowhere else.

use std::fs;
use std::path::{Path, PathBuf};

use gst_video::{VideoFormat, VideoFrameFlags, VideoInfo, VideoMeta};

use crate::stage::Stage;

/// Bytes of a file.
const LARGEST_FILE: u64 = 16 << 20;
/// Pixels in either direction.
const LARGEST_SIDE: u32 = 4096;

/// Where pictures come from.
#[derive(Clone, Debug)]
pub(super) struct ImageSource {
    folder: Option<PathBuf>,
}

/// A picture with transparency.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) width: u32,
    pub(super) height: u32,
    /// BGRA, and says so.
    pub(super) buffer: gst::Buffer,
    caps: gst::Caps,
}

impl ImageSource {
    /// Without a folder there are none.
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// A file in the folder: named from there, or with its whole path; links out of it are none.
    pub(super) fn file(&self, name: &str) -> Result<PathBuf, String> {
        let Some(folder) = &self.folder else {
            return Err("pictures cannot be read from files here: MADANG_FILTER_IMAGES names no folder".to_owned());
        };
        let folder = folder.canonicalize().map_err(|error| format!("the folder of MADANG_FILTER_IMAGES: {error}"))?;
        let name = name.strip_prefix("file://").unwrap_or(name);
        // What is missing and what is elsewhere look the same: nobody shall find out what else there is.
        let none = || format!("there is no picture '{name}' in the folder of MADANG_FILTER_IMAGES");
        let path = folder.join(name).canonicalize().map_err(|_| none())?;
        if path.starts_with(&folder) && path.is_file() { Ok(path) } else { Err(none()) }
    }

    /// A picture, decoded.
    pub(super) fn load(&self, uri: &str) -> Result<Image, String> {
        if uri.starts_with("http://") || uri.starts_with("https://") {
            return Err("pictures are not fetched from the network: put them into the folder of MADANG_FILTER_IMAGES"
                .to_owned());
        }
        Image::read(&self.file(uri)?).map_err(|why| format!("the picture '{uri}' cannot be used: {why}"))
    }
}

impl Image {
    fn read(path: &Path) -> Result<Self, String> {
        let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
        if size > LARGEST_FILE {
            return Err(format!("it has more than {} MB", LARGEST_FILE >> 20));
        }
        Self::decode(fs::read(path).map_err(|error| error.to_string())?)
    }

    fn decode(bytes: Vec<u8>) -> Result<Self, String> {
        let (decoder, kind) = match bytes.as_slice() {
            [0x89, b'P', b'N', b'G', ..] => ("pngdec", "image/png"),
            [0xff, 0xd8, ..] => ("jpegdec", "image/jpeg"),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => ("webpdec", "image/webp"),
            _ => return Err("it is neither PNG nor JPEG nor WebP".to_owned()),
        };
        let caps = gst::Caps::builder(kind).field("framerate", gst::Fraction::new(0, 1)).build();
        let elements = format!("{decoder} ! videoconvert ! capsfilter caps=video/x-raw,format=BGRA");
        let failed = |error: crate::CompositionError| error.to_string();
        let mut stage = Stage::new(&elements, &caps).map_err(failed)?;
        let mut file = gst::Buffer::from_mut_slice(bytes);
        if let Some(file) = file.get_mut() {
            file.set_pts(gst::ClockTime::ZERO);
        }
        stage.push(file).map_err(failed)?;
        stage.finish();
        let decoded = stage.pop().ok_or("it cannot be decoded")?;
        let info = VideoInfo::from_caps(&decoded.caps).map_err(|error| error.to_string())?;
        let (width, height) = (info.width(), info.height());
        if width.max(height) > LARGEST_SIDE {
            return Err(format!("it has more than {LARGEST_SIDE} pixels in a row or column"));
        }
        // A copy that is ours alone: the decoder's may have a description already.
        let map = decoded.buffer.map_readable().map_err(|error| error.to_string())?;
        let mut buffer = gst::Buffer::from_mut_slice(map.to_vec());
        if let Some(buffer) = buffer.get_mut() {
            VideoMeta::add(buffer, VideoFrameFlags::empty(), VideoFormat::Bgra, width, height)
                .map_err(|error| error.to_string())?;
        }
        Ok(Self { width, height, buffer, caps: decoded.caps })
    }

    /// The same in I420 and this size, transparent parts black.
    pub(super) fn background(&self, width: u32, height: u32) -> Result<gst::Buffer, String> {
        let failed = |error: crate::CompositionError| error.to_string();
        let caps = format!("video/x-raw,format=I420,width={width},height={height},pixel-aspect-ratio=1/1");
        let elements = format!("videoconvert ! videoscale add-borders=false ! capsfilter caps={caps}");
        let mut stage = Stage::new(&elements, &self.caps).map_err(failed)?;
        let mut buffer = self.buffer.copy();
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::ZERO);
        }
        stage.push(buffer).map_err(failed)?;
        stage.finish();
        stage.pop().map(|output| output.buffer).ok_or_else(|| "it cannot be scaled".to_owned())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A PNG of one colour in a folder.
    pub(in crate::live::filter) fn png(folder: &Path, name: &str, rgb: u32) -> PathBuf {
        gst::init().unwrap();
        let elements = format!(
            "videotestsrc num-buffers=1 pattern=solid-color foreground-color={} ! \
             video/x-raw,format=RGB,width=20,height=10 ! pngenc ! filesink location={}",
            0xff00_0000 | rgb,
            folder.join(name).display()
        );
        use gst::prelude::*;
        let pipeline = gst::parse::launch(&elements).unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
        let end = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(30), &kinds).unwrap();
        assert_eq!(end.type_(), gst::MessageType::Eos);
        pipeline.set_state(gst::State::Null).unwrap();
        folder.join(name)
    }

    #[test]
    fn pictures_come_out_of_the_folder_alone() {
        let folder = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        png(folder.path(), "a.png", 0x00_ff_00);
        let secret = png(outside.path(), "b.png", 0xff_00_00);
        std::os::unix::fs::symlink(&secret, folder.path().join("link.png")).unwrap();
        fs::write(folder.path().join("c.png"), "no picture").unwrap();
        let images = ImageSource::new(Some(folder.path().to_owned()));
        for name in ["a.png", &folder.path().join("a.png").display().to_string()] {
            let image = images.load(name).unwrap();
            assert_eq!((image.width, image.height), (20, 10));
            assert_eq!(image.buffer.map_readable().unwrap()[..4], [0, 255, 0, 255]);
        }
        let none = |name: &str| Some(format!("there is no picture '{name}' in the folder of MADANG_FILTER_IMAGES"));
        for name in [&secret.display().to_string(), "../b.png", "link.png", "d.png", ".", "/etc/passwd"] {
            assert_eq!(images.load(name).err(), none(name));
        }
        let unusable = images.load("c.png").err();
        let why = "the picture 'c.png' cannot be used: it is neither PNG nor JPEG nor WebP";
        assert_eq!(unusable.as_deref(), Some(why));
        assert!(ImageSource::new(None).load("a.png").is_err());
        assert!(images.load("http://127.0.0.1/a.png").is_err());
    }
}
