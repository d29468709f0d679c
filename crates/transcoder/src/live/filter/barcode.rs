//! `ZBarFilter`: tells which bar codes are seen. Pictures stay as they are.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use protocol::job::FromJob;
use protocol::media::MediaKind;
use serde_json::Value;

use super::Effect;
use crate::live::JobError;
use crate::live::pipeline::chain;

/// The same code is told again only after this, in the time of pictures.
const AGAIN: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct BarcodeFilter {
    elements: gst::Bin,
    /// Kind, text, and when it was told.
    last: Option<(String, String, gst::ClockTime)>,
}

impl BarcodeFilter {
    pub(super) fn new() -> Result<Self, JobError> {
        let missing = |_| JobError::Impossible("GStreamer has no 'zbar' (Debian: gstreamer1.0-plugins-bad)".to_owned());
        let waiting = "queue leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0";
        let elements = chain(&format!("{waiting} ! videoconvert ! zbar message=true cache=false")).map_err(missing)?;
        Ok(Self { elements, last: None })
    }
}

impl Effect for BarcodeFilter {
    fn medium(&self) -> MediaKind {
        MediaKind::Video
    }

    fn elements(&self) -> &gst::Bin {
        &self.elements
    }

    fn execute(&mut self, method: &str, _: &Value) -> Result<(), String> {
        Err(format!("there is no method '{method}' of ZBarFilter"))
    }

    fn hear(&mut self, message: &gst::Message) -> Option<FromJob> {
        let said = message.structure().filter(|structure| structure.name() == "barcode")?;
        let text = |field| said.get::<String>(field).ok();
        let (kind, symbol) = (text("type")?, text("symbol")?);
        let at = said.get::<gst::ClockTime>("running-time").ok()?;
        let again = gst::ClockTime::from_nseconds(AGAIN.as_nanos() as u64);
        let is_known = |(last, value, told): &(String, String, gst::ClockTime)| {
            *last == kind && *value == symbol && at < *told + again
        };
        if self.last.as_ref().is_some_and(is_known) {
            return None;
        }
        self.last = Some((kind.clone(), symbol.clone(), at));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let data = [
            ("timestampMillis", now.as_millis().to_string()),
            ("codeType", kind),
            ("value", symbol),
            ("timestamp", now.as_secs().to_string()),
        ];
        let data = data.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Some(FromJob::Found { event: "CodeFound".to_owned(), data })
    }
}
