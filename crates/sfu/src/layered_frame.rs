//! What has to be known of a frame to leave it out, or others because of it: where it stands among the layers of its stream,
//! and which frames it needs. It is read once from each packet, however many receive it.

/// A frame of a stream that has layers which a receiver can do without.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LayeredFrame {
    /// Grows in the order of decoding; there may be holes.
    pub(crate) number: u64,
    /// Size of the picture: 0 is the smallest.
    pub(crate) spatial: u8,
    /// Frames per second: 0 is the fewest.
    pub(crate) temporal: u8,
    /// Bit n: it cannot be decoded without frame `number - 1 - n`. What is further back is not told.
    pub(crate) references: u128,
    /// Nothing from before it is needed any more.
    pub(crate) is_key: bool,
    /// Larger pictures of the same moment do not need it.
    pub(crate) is_skippable: bool,
    /// The packet is its last one.
    pub(crate) is_end: bool,
}

/// What a subscriber should get of the streams of a picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Aim {
    /// Simulcast layer.
    pub(crate) stream: usize,
    /// Within it.
    pub(crate) spatial: u8,
    /// The highest one.
    pub(crate) temporal: u8,
}
