//! The sizes in which a publisher sends its pictures: one, or with simulcast the three that openvidu-browser asks a browser for
//! (rids that say by how much they are smaller, from the smallest on) with a camera of 1280 by 720.

/// Of one publisher.
pub(crate) const MAX_LAYERS: usize = 3;
/// Of parameter sets of H264: all have as many bytes.
const SPS: usize = 25;

/// One of them.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Layer {
    /// Nothing where there is no other.
    pub(crate) rid: Option<&'static str>,
    pub(crate) width: u16,
    pub(crate) height: u16,
    /// Per cent of the best one's rate: what Chromium gives them, and what `madang capacity` reckons with.
    pub(crate) share: u32,
    /// Sequence parameter set of H264, constrained baseline, of that size, as x264 writes it.
    pub(crate) sps: [u8; SPS],
}

const SMALL: Layer = Layer {
    rid: Some("rdiv4"),
    width: 320,
    height: 180,
    share: 8,
    sps: [
        0x67, 0x42, 0xc0, 0x1f, 0xd9, 0x01, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00,
        0x03, 0x03, 0xc0, 0xf1, 0x83, 0x24, 0x80,
    ],
};

const MIDDLE: Layer = Layer {
    rid: Some("rdiv2"),
    width: 640,
    height: 360,
    share: 28,
    sps: [
        0x67, 0x42, 0xc0, 0x1f, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00,
        0x03, 0x00, 0x3c, 0x0f, 0x18, 0x32, 0x48,
    ],
};

const BEST: Layer = Layer { rid: Some("rdiv1"), ..ONLY };

const ONLY: Layer = Layer {
    rid: None,
    width: 1280,
    height: 720,
    share: 100,
    sps: [
        0x67, 0x42, 0xc0, 0x1f, 0xd9, 0x00, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00,
        0x03, 0x03, 0xc0, 0xf1, 0x83, 0x24, 0x80,
    ],
};

/// Without simulcast.
pub(crate) static SINGLE: [Layer; 1] = [ONLY];
/// From the smallest on, as they are offered.
pub(crate) static SIMULCAST: [Layer; MAX_LAYERS] = [SMALL, MIDDLE, BEST];
