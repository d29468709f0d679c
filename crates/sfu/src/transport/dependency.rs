//! The engine's way to read the dependency descriptor: its bytes are kept as they are, and read where the publication is known.
//! It is never written.

use std::sync::Arc;

use str0m::rtp::{Extension, ExtensionSerializer, ExtensionValues};

use crate::sdp::extension::DEPENDENCY_DESCRIPTOR;

/// What came with a packet.
#[derive(Debug)]
struct Came(Arc<[u8]>);

#[derive(Debug)]
struct Kept;

impl ExtensionSerializer for Kept {
    fn write_to(&self, _: &mut [u8], _: &ExtensionValues) -> usize {
        0
    }

    fn parse_value(&self, bytes: &[u8], values: &mut ExtensionValues) -> bool {
        values.user_values.set(Came(bytes.into()));
        true
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }
}

/// The extension, if that is its name.
pub(super) fn extension(uri: &str) -> Option<Extension> {
    (uri == DEPENDENCY_DESCRIPTOR).then(|| Extension::with_serializer(uri, Kept))
}

/// The bytes of what came.
pub(super) fn of(values: &ExtensionValues) -> Option<Arc<[u8]>> {
    values.user_values.get::<Came>().map(|came| came.0.clone())
}
