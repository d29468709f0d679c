//! The engine's way to read the dependency descriptor: its bytes are kept as they are, and read where the publication is known. It
//! writes what it is given, which only a publisher gets that is sent its own stream.

use payload::dependency::Forwardable;
use str0m::rtp::{Extension, ExtensionSerializer, ExtensionValues};

use crate::packet::{OutgoingHeader, Packet};
use crate::sdp::extension::DEPENDENCY_DESCRIPTOR;

/// Longer ones need the two-byte form of header extensions (RFC 8285 §4.2).
pub(super) const LONGEST_SHORT: usize = 16;

/// What came with a packet.
#[derive(Debug)]
struct Came(Forwardable);

/// What goes with one.
#[derive(Debug)]
struct Goes(Vec<u8>);

#[derive(Debug)]
struct Kept;

impl ExtensionSerializer for Kept {
    fn write_to(&self, out: &mut [u8], values: &ExtensionValues) -> usize {
        let bytes = values.user_values.get::<Goes>().map_or(&[][..], |Goes(bytes)| bytes);
        out.get_mut(..bytes.len()).map_or(0, |out| {
            out.copy_from_slice(bytes);
            bytes.len()
        })
    }

    fn parse_value(&self, bytes: &[u8], values: &mut ExtensionValues) -> bool {
        let came = Forwardable::new(bytes);
        let is_one = came.is_some();
        came.into_iter().for_each(|came| values.user_values.set(Came(came)));
        is_one
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }

    fn requires_two_byte_form(&self, values: &ExtensionValues) -> bool {
        values.user_values.get::<Goes>().is_some_and(|Goes(bytes)| bytes.len() > LONGEST_SHORT)
    }
}

/// The extension, if that is its name.
pub(super) fn extension(uri: &str) -> Option<Extension> {
    (uri == DEPENDENCY_DESCRIPTOR).then(|| Extension::with_serializer(uri, Kept))
}

/// What came.
pub(super) fn of(values: &ExtensionValues) -> Option<Forwardable> {
    values.user_values.get::<Came>().map(|Came(came)| came.clone())
}

/// What a packet has goes with it.
pub(super) fn put(packet: &Packet, header: &OutgoingHeader, values: &mut ExtensionValues) {
    if let (Some(descriptor), Some(rewrite)) = (&packet.descriptor, header.described) {
        let mut bytes = Vec::with_capacity(descriptor.length(rewrite));
        descriptor.write(rewrite, &mut bytes);
        values.user_values.set(Goes(bytes));
    }
}
