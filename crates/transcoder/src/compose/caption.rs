//! What is drawn over a tile to say who it is: the name, a crossed-out microphone; and what stands in for a camera that is
//! off.

use super::layout::Tile;
use super::mask::{BLACK, Mask, WHITE};
use super::text::Typesetter;

/// Of letters, by the tile's height and width; and the smallest and largest.
const LETTERS_BY_HEIGHT: f32 = 1.0 / 16.0;
const LETTERS_BY_WIDTH: f32 = 1.0 / 12.0;
const LETTERS_FROM: f32 = 12.0;
const LETTERS_TO: f32 = 28.0;
/// Tiles smaller than this have no caption.
const LEAST_WIDTH: u32 = 64;
const LEAST_HEIGHT: u32 = 48;
/// Around letters, and from the tile's edges, by the size of letters.
const PADDING: f32 = 0.35;
const MARGIN: f32 = 0.5;
/// Of the strip behind letters.
const SHADE: u8 = 150;
/// Brightness of a tile without a picture, of the disc in it, and of what is on that.
pub(crate) const BACKGROUND: u8 = 44;
const DISC: u8 = 92;
const FIGURE: u8 = 200;
/// Of a disc in its tile, by the shorter side.
const DISC_SHARE: f32 = 0.45;

/// What a caption is made of; as long as that stays the same, so does the caption.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct StripKey {
    width: u32,
    height: u32,
    is_muted: bool,
}

/// Of one tile. Both are drawn once, when they are first needed.
#[derive(Debug, Default)]
pub(crate) struct Caption {
    strip: Option<(StripKey, Option<Mask>)>,
    disc: Option<((u32, u32), Option<Mask>)>,
}

impl Caption {
    /// The strip with name and microphone, and where it lies; nothing if there is nothing to say.
    pub(crate) fn strip(
        &mut self,
        typesetter: &mut Typesetter,
        name: Option<&str>,
        is_muted: bool,
        tile: Tile,
    ) -> Option<(&Mask, Tile)> {
        let shown = StripKey { width: tile.width, height: tile.height, is_muted };
        if self.strip.as_ref().is_none_or(|(known, _)| *known != shown) {
            self.strip = Some((shown, strip(typesetter, name, shown)));
        }
        let mask = self.strip.as_ref().and_then(|(_, mask)| mask.as_ref())?;
        let margin = even(letters(tile.width, tile.height) * MARGIN);
        let top = (tile.top + tile.height).saturating_sub(margin + mask.height);
        Some((mask, Tile { left: tile.left + margin, top, width: mask.width, height: mask.height }))
    }

    /// The disc with the first letter of a name, or a figure, and where it lies.
    pub(crate) fn disc(
        &mut self,
        typesetter: &mut Typesetter,
        name: Option<&str>,
        tile: Tile,
    ) -> Option<(&Mask, Tile)> {
        let shown = (tile.width, tile.height);
        if self.disc.as_ref().is_none_or(|(known, _)| *known != shown) {
            self.disc = Some((shown, disc(typesetter, name, shown)));
        }
        let mask = self.disc.as_ref().and_then(|(_, mask)| mask.as_ref())?;
        let middle = |from: u32, side: u32, own: u32| from + (side.saturating_sub(own) / 2).next_multiple_of(2);
        let (left, top) = (middle(tile.left, tile.width, mask.width), middle(tile.top, tile.height, mask.height));
        Some((mask, Tile { left, top, width: mask.width, height: mask.height }))
    }
}

fn letters(width: u32, height: u32) -> f32 {
    (height as f32 * LETTERS_BY_HEIGHT).min(width as f32 * LETTERS_BY_WIDTH).clamp(LETTERS_FROM, LETTERS_TO)
}

fn even(length: f32) -> u32 {
    (length as u32).next_multiple_of(2)
}

fn strip(typesetter: &mut Typesetter, name: Option<&str>, shown: StripKey) -> Option<Mask> {
    if shown.width < LEAST_WIDTH || shown.height < LEAST_HEIGHT {
        return None;
    }
    let size = letters(shown.width, shown.height);
    let (padding, icon) = (even(size * PADDING), if shown.is_muted { even(size * 1.2) } else { 0 });
    let room = shown.width.saturating_sub(2 * even(size * MARGIN) + 2 * padding + icon);
    let name = name.and_then(|name| typesetter.line(name, size, room as f32));
    if name.is_none() && !shown.is_muted {
        return None;
    }
    // A letter may be wider than it says.
    let name_width = name.as_ref().map_or(0, |name| name.width.min(room / 2 * 2));
    let height = name.as_ref().map_or(icon, |name| name.height.max(icon)) + padding / 2 * 2;
    let mut mask = Mask::new(2 * padding + icon + name_width, height);
    let (width, height) = (mask.width as f32, mask.height as f32);
    mask.shape(BLACK, SHADE, |x, y| rounded(x - width / 2.0, y - height / 2.0, width / 2.0, height / 2.0, size * 0.3));
    if shown.is_muted {
        let (left, top, side) = (padding as f32, (height - icon as f32) / 2.0, icon as f32);
        microphone(&mut mask, left - side * 0.1, top, side);
    }
    if let Some(name) = name {
        let top = (mask.height - name.height) / 2;
        mask.put(&name, (padding + icon).cast_signed(), top.cast_signed());
    }
    Some(mask)
}

fn disc(typesetter: &mut Typesetter, name: Option<&str>, (width, height): (u32, u32)) -> Option<Mask> {
    let side = even(width.min(height) as f32 * DISC_SHARE);
    if side < LEAST_HEIGHT / 3 {
        return None;
    }
    let radius = side as f32 / 2.0;
    let mut mask = Mask::new(side, side);
    let from_middle = |x: f32, y: f32| (x - radius).hypot(y - radius) - radius;
    mask.shape(DISC, 255, from_middle);
    let first = name.and_then(|name| name.chars().next());
    let letter = first.and_then(|letter| typesetter.line(&letter.to_uppercase().to_string(), radius, side as f32));
    match letter {
        Some(letter) => {
            let middle = |own: u32| (side.cast_signed() - own.cast_signed()) / 2;
            mask.put(&letter, middle(letter.width), middle(letter.height));
        }
        None => {
            let head = |x: f32, y: f32| (x - radius).hypot(y - radius * 0.75) - radius * 0.36;
            let shoulders = |x: f32, y: f32| (x - radius).hypot((y - radius * 1.9) * 0.9) - radius * 0.7;
            mask.shape(FIGURE, 255, |x, y| head(x, y).min(shoulders(x, y)).max(from_middle(x, y)));
        }
    }
    Some(mask)
}

/// A microphone with a line through it, in a square.
fn microphone(mask: &mut Mask, left: f32, top: f32, side: f32) {
    let scaled = |draw: fn(f32, f32) -> f32| move |x: f32, y: f32| draw((x - left) / side, (y - top) / side) * side;
    let line = |x, y| segment(x, y, [0.2, 0.16], [0.8, 0.84]) - 0.04;
    mask.shape(
        WHITE,
        255,
        scaled(move |x, y| {
            let head = segment(x, y, [0.5, 0.27], [0.5, 0.46]) - 0.13;
            // The lower half of a ring, and what it stands on.
            let ring = ((x - 0.5).hypot(y - 0.46) - 0.24).abs() - 0.03;
            let holder = ring.max(0.46 - y);
            let foot =
                (segment(x, y, [0.5, 0.7], [0.5, 0.84]) - 0.03).min(segment(x, y, [0.38, 0.85], [0.62, 0.85]) - 0.03);
            // A gap on both sides of the line.
            head.min(holder).min(foot).max(0.1 - segment(x, y, [0.2, 0.16], [0.8, 0.84]))
        }),
    );
    mask.shape(WHITE, 255, scaled(line));
}

/// How far a point is from the line between two others.
fn segment(x: f32, y: f32, from: [f32; 2], to: [f32; 2]) -> f32 {
    let (along, across) = (to[0] - from[0], to[1] - from[1]);
    let part = ((x - from[0]) * along + (y - from[1]) * across) / (along * along + across * across);
    let part = part.clamp(0.0, 1.0);
    (x - from[0] - part * along).hypot(y - from[1] - part * across)
}

/// How far a point is outside of a rectangle with round corners in the middle of everything.
fn rounded(x: f32, y: f32, half_width: f32, half_height: f32, radius: f32) -> f32 {
    let (x, y) = (x.abs() - half_width + radius, y.abs() - half_height + radius);
    x.max(0.0).hypot(y.max(0.0)) + x.max(y).min(0.0) - radius
}

#[cfg(test)]
mod tests {
    use super::*;

    const TILE: Tile = Tile { left: 100, top: 50, width: 320, height: 180 };

    #[test]
    fn a_caption_lies_in_its_tile() {
        let mut typesetter = Typesetter::new();
        let name = "A name that is much longer than any tile is wide, and then some more of it";
        for (width, height) in [(64, 48), (320, 180), (1280, 720), (66, 720)] {
            let tile = Tile { width, height, ..TILE };
            for (name, is_muted) in [(Some(name), true), (Some("홍길동"), false), (None, true)] {
                let mut caption = Caption::default();
                let (_, place) = caption.strip(&mut typesetter, name, is_muted, tile).unwrap();
                assert!(place.left >= tile.left && place.top >= tile.top, "{place:?} in {tile:?}");
                assert!(place.left + place.width <= tile.left + tile.width, "{place:?} in {tile:?}");
                assert!(place.top + place.height <= tile.top + tile.height, "{place:?} in {tile:?}");
                assert!([place.left, place.top, place.width, place.height].iter().all(|edge| edge % 2 == 0));
            }
        }
    }

    #[test]
    fn where_there_is_nothing_to_say_there_is_no_caption() {
        let mut typesetter = Typesetter::new();
        assert_eq!(Caption::default().strip(&mut typesetter, None, false, TILE), None);
        let tiny = Tile { width: 40, height: 30, ..TILE };
        assert_eq!(Caption::default().strip(&mut typesetter, Some("Ann"), true, tiny), None);
        assert_eq!(Caption::default().disc(&mut typesetter, Some("Ann"), tiny), None);
    }

    #[test]
    fn a_caption_changes_with_the_microphone_and_the_tile() {
        let mut typesetter = Typesetter::new();
        let mut caption = Caption::default();
        let mut widths = [(false, TILE), (true, TILE), (true, Tile { height: 720, ..TILE }), (false, TILE)]
            .map(|(is_muted, tile)| caption.strip(&mut typesetter, Some("Ann"), is_muted, tile).unwrap().1.width);
        assert_eq!(widths[0], widths[3]);
        widths.sort_unstable();
        assert!(widths[1] < widths[2] && widths[2] < widths[3], "{widths:?}");
    }

    #[test]
    fn discs_differ_by_the_first_letter() {
        let mut typesetter = Typesetter::new();
        let mut drawn = |name| Caption::default().disc(&mut typesetter, name, TILE).unwrap().0.clone();
        let [ann, lower, bob, nobody] = [Some("Ann"), Some("ann"), Some("Bob"), None].map(&mut drawn);
        assert_eq!(ann, lower);
        assert!(ann != bob && ann != nobody);
    }
}
