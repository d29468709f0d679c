//! Boxes: size, kind, content.

/// A box.
pub(super) fn atom(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
}

/// A box with version and flags.
pub(super) fn full_atom(kind: &[u8; 4], version: u8, flags: u32, content: &[u8]) -> Vec<u8> {
    atom(kind, &[&(u32::from(version) << 24 | flags).to_be_bytes()[..], content].concat())
}

/// Pictures as they are, neither turned nor moved.
pub(super) fn matrix() -> Vec<u8> {
    [0x0001_0000u32, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000].map(u32::to_be_bytes).concat()
}

/// `und`: not said. And two bytes of nothing.
pub(super) fn language() -> [u8; 4] {
    [0x55, 0xc4, 0, 0]
}

/// The first box in `bytes`: kind, content and what follows. Nothing if it is not all there.
pub(super) fn split(bytes: &[u8]) -> Option<([u8; 4], &[u8], &[u8])> {
    let (size, rest) = bytes.split_first_chunk()?;
    let (kind, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*size)).ok()?.checked_sub(8)?;
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*kind, content, rest))
}

/// Contents of the boxes of one kind in `bytes`.
pub(super) fn children<'a>(mut bytes: &'a [u8], wanted: &[u8; 4]) -> impl Iterator<Item = &'a [u8]> {
    let next = move || {
        let (kind, content, rest) = split(bytes)?;
        bytes = rest;
        Some((kind, content))
    };
    std::iter::from_fn(next).filter(move |(kind, _)| kind == wanted).map(|(_, content)| content)
}
