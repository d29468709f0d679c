//! How GStreamer names what is encoded, and what decodes it: for frames of files and for live ones alike. What encodes is chosen
//! where it is used, by what it is for.

use muxing::Codec;

/// What decodes a codec.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decoder {
    element: &'static str,
    /// Its property for the number of threads, if that may be chosen.
    threads: Option<&'static str>,
    /// The rest, and what has to stand before it.
    settings: &'static str,
    before: &'static str,
}

impl Decoder {
    const fn new(element: &'static str) -> Self {
        Self { element, threads: None, settings: "", before: "" }
    }

    /// In the order in which they are preferred.
    pub(crate) fn all(codec: Codec) -> &'static [Self] {
        const OPUS: &[Decoder] = &[Decoder::new("opusdec")];
        const VP8: &[Decoder] = &[Decoder { threads: Some("threads"), ..Decoder::new("vp8dec") }];
        const VP9: &[Decoder] = &[Decoder { threads: Some("threads"), ..Decoder::new("vp9dec") }];
        const H264: &[Decoder] = &[
            // With more threads it would keep pictures back.
            Decoder { settings: "max-threads=1", ..Decoder::new("avdec_h264") },
            Decoder { before: "h264parse ! ", ..Decoder::new("openh264dec") },
        ];
        const AV1: &[Decoder] = &[Decoder::new("av1dec")];
        match codec {
            Codec::Opus => OPUS,
            Codec::Vp8 => VP8,
            Codec::Vp9 => VP9,
            Codec::H264 => H264,
            Codec::Av1 => AV1,
        }
    }

    /// The first that is installed; an error names what could be.
    pub(crate) fn find(codec: Codec) -> Result<Self, &'static str> {
        let all = Self::all(codec);
        let is_there = |decoder: &&Self| gst::ElementFactory::find(decoder.element).is_some();
        all.iter().find(is_there).copied().ok_or(all[0].element)
    }

    /// As `gst-launch` has it, with so many threads if it takes that from others, and these settings of every decoder of its kind.
    pub(crate) fn description(&self, threads: u32, settings: &str) -> String {
        let Self { element, threads: property, settings: own, before } = self;
        let threads = property.map(|property| format!("{property}={threads}")).unwrap_or_default();
        format!("{before}{element} {threads} {own} {settings}")
    }
}

/// Of encoded frames. `configuration`: what a file or a key frame says of the stream, of H264.
pub(crate) fn caps(codec: Codec, configuration: &[u8]) -> gst::Caps {
    let data = (!configuration.is_empty()).then(|| gst::Buffer::from_slice(configuration.to_vec()));
    match codec {
        Codec::Opus => gst::Caps::builder("audio/x-opus")
            .field("channel-mapping-family", 0)
            .field("channels", 2)
            .field("rate", 48_000)
            .build(),
        Codec::Vp8 => gst::Caps::new_empty_simple("video/x-vp8"),
        Codec::Vp9 => gst::Caps::new_empty_simple("video/x-vp9"),
        Codec::H264 => gst::Caps::builder("video/x-h264")
            .field("stream-format", "avc")
            .field("alignment", "au")
            .field_if_some("codec_data", data)
            .build(),
        Codec::Av1 => {
            gst::Caps::builder("video/x-av1").field("stream-format", "obu-stream").field("alignment", "tu").build()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODECS: [Codec; 5] = [Codec::Opus, Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1];

    #[test]
    fn what_is_installed_can_be_started_in_every_form() {
        gst::init().unwrap();
        for codec in CODECS {
            for decoder in
                Decoder::all(codec).iter().filter(|decoder| gst::ElementFactory::find(decoder.element).is_some())
            {
                for settings in ["", "max-errors=-1"] {
                    let description = decoder.description(2, settings);
                    gst::parse::bin_from_description(&description, true).expect(&description);
                }
            }
        }
    }

    #[test]
    fn threads_are_given_to_who_takes_them() {
        let told = |codec, at: usize| Decoder::all(codec)[at].description(3, "a=b");
        let words = |text: String| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
        assert_eq!(words(told(Codec::Vp8, 0)), "vp8dec threads=3 a=b");
        assert_eq!(words(told(Codec::H264, 0)), "avdec_h264 max-threads=1 a=b");
        assert_eq!(words(told(Codec::H264, 1)), "h264parse ! openh264dec a=b");
    }

    #[test]
    fn only_h264_has_a_configuration() {
        gst::init().unwrap();
        for codec in CODECS {
            let has_data =
                |configuration: &[u8]| caps(codec, configuration).structure(0).unwrap().has_field("codec_data");
            assert_eq!((has_data(&[]), has_data(&[1])), (false, codec == Codec::H264));
        }
    }
}
