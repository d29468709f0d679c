//! Where each stream goes in a composed picture: geometry only, it knows nothing of media.
//!
//! The grid is that of OpenVidu's own layout page: rows and columns are chosen so that tiles, whose shape may vary within
//! limits, cover as much as possible. Computed in fractions of pixels as a browser does, then drawn on even pixels,
//! because colours are stored for two by two of them.

use protocol::transcoder::Layout;

/// Height by width of tiles: as flat, and as tall, as they may be.
const FLATTEST: f64 = 9.0 / 16.0;
const TALLEST: f64 = 3.0 / 2.0;
/// Of the frame's side, for the large ones when there are small ones, too.
const LARGE_SHARE: f64 = 0.8;
/// Of streams whose pictures are not known yet.
const USUAL_SHAPE: f64 = 3.0 / 4.0;
/// Of the frame's side, for the small ones that lie over a large one; and between them.
const INSET_SHARE: f64 = 0.22;
const INSET_GAP: f64 = 0.02;

/// A stream with pictures.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LayoutMember {
    /// It is to be large.
    pub is_large: bool,
    /// Height by width of its pictures, once known.
    pub shape: Option<f64>,
}

/// A rectangle in the frame. It may be empty, if there are more streams than pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tile {
    /// From the left edge; even, like the others.
    pub left: u32,
    /// From the top edge.
    pub top: u32,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// A tile for each member, in their order; a later one lies over an earlier one, if at all.
pub fn arrange(layout: Layout, width: u32, height: u32, members: &[LayoutMember]) -> Vec<Tile> {
    let frame = Area { left: 0.0, top: 0.0, width: width.into(), height: height.into() };
    exact(layout, frame, members).into_iter().map(Area::on_even_pixels).collect()
}

#[derive(Clone, Copy, PartialEq, Debug)]
struct Area {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Area {
    fn on_even_pixels(self) -> Tile {
        /// More than what is lost in computing an edge in two ways, and less than any pixel is divided into.
        const LOST: f64 = 1e-6;
        // Edges, not sizes: so that neighbours still meet.
        let even = |edge: f64| (edge.max(0.0) / 2.0 + 0.25 + LOST).floor() as u32 * 2;
        let (left, top) = (even(self.left), even(self.top));
        let size = |from: u32, to: f64| even(to).saturating_sub(from);
        Tile { left, top, width: size(left, self.left + self.width), height: size(top, self.top + self.height) }
    }
}

fn exact(layout: Layout, frame: Area, members: &[LayoutMember]) -> Vec<Area> {
    if layout == Layout::Custom {
        return vec![frame; members.len()];
    }
    let large: Vec<usize> = (0..members.len()).filter(|index| members[*index].is_large).collect();
    // Only the grid does without a large one.
    let large = match layout {
        Layout::BestFit => large,
        _ if large.is_empty() => (0..members.len().min(1)).collect(),
        _ => large,
    };
    let small: Vec<usize> = (0..members.len()).filter(|index| !large.contains(index)).collect();
    let (for_large, small_areas) = match (large.first(), small.len()) {
        (None, count) => (frame, grid(frame, count)),
        (Some(_), 0) => (frame, vec![]),
        (Some(_), count) if layout == Layout::PictureInPicture => (frame, insets(frame, count)),
        (Some(first), count) => {
            let is_column = match layout {
                Layout::VerticalPresentation | Layout::Speaker => true,
                Layout::HorizontalPresentation => false,
                _ => frame.height / frame.width <= members[*first].shape.unwrap_or(USUAL_SHAPE),
            };
            let (for_large, rest) = divide(frame, is_column);
            (for_large, grid(rest, count))
        }
    };
    let mut areas = vec![frame; members.len()];
    let placed = large.iter().zip(grid(for_large, large.len())).chain(small.iter().zip(small_areas));
    for (index, area) in placed {
        areas[*index] = area;
    }
    areas
}

/// For the large ones, and what is left, beside or below.
fn divide(frame: Area, is_column: bool) -> (Area, Area) {
    if is_column {
        let width = (frame.width * LARGE_SHARE).floor();
        let rest = Area { left: frame.left + width, width: frame.width - width, ..frame };
        (Area { width, ..frame }, rest)
    } else {
        let height = (frame.height * LARGE_SHARE).floor();
        let rest = Area { top: frame.top + height, height: frame.height - height, ..frame };
        (Area { height, ..frame }, rest)
    }
}

/// How `count` tiles cover most of an area.
struct Grid {
    columns: usize,
    width: f64,
    height: f64,
}

impl Grid {
    fn best(area: Area, count: usize) -> Self {
        let with = |columns: usize| {
            let rows = count.div_ceil(columns);
            let (width, height) = ((area.width / columns as f64).floor(), (area.height / rows as f64).floor());
            let (width, height) = match height / width {
                shape if shape > TALLEST => (width, width * TALLEST),
                shape if shape < FLATTEST => (height / FLATTEST, height),
                _ => (width, height),
            };
            Self { columns, width, height }
        };
        let mut best = with(1);
        for columns in 2..=count {
            let other = with(columns);
            if other.width * other.height > best.width * best.height {
                best = other;
            }
        }
        best
    }
}

struct Row {
    count: usize,
    width: f64,
    height: f64,
}

/// Tiles of one size in rows, in the middle of `area`. Rows that leave room at their sides grow into room above them.
fn grid(area: Area, count: usize) -> Vec<Area> {
    if count == 0 {
        return vec![];
    }
    let best = Grid::best(area, count);
    let counts = (0..count).step_by(best.columns).map(|first| best.columns.min(count - first));
    let row = |count| Row { count, width: best.width * count as f64, height: best.height };
    let mut rows: Vec<Row> = counts.map(row).collect();
    grow(&mut rows, area);
    let covered: f64 = rows.iter().map(|row| row.height).sum();
    let mut top = area.top + (area.height - covered) / 2.0;
    let mut areas = Vec::with_capacity(count);
    for row in rows {
        let left = area.left + (area.width - row.width) / 2.0;
        let tile = |n| Area { left: left + best.width * n as f64, top, width: best.width, height: row.height };
        areas.extend((0..row.count).map(tile));
        top += row.height;
    }
    areas
}

fn grow(rows: &mut [Row], area: Area) {
    let mut left = area.height - rows.iter().map(|row| row.height).sum::<f64>();
    let is_short = |row: &Row| row.width < area.width && row.width > 0.0 && row.height > 0.0;
    let mut short_rows = rows.iter().filter(|row| is_short(row)).count();
    if left <= 0.0 {
        return;
    }
    for row in rows.iter_mut().filter(|row| is_short(row)) {
        let room = (area.width - row.width) / row.width;
        let share = left / short_rows as f64;
        let more = if share / row.height > room { (room * row.height).floor() } else { share };
        row.width += (more / row.height * row.width).floor();
        row.height += more;
        left -= more;
        short_rows -= 1;
    }
}

/// In a row along the bottom, from the right.
fn insets(frame: Area, count: usize) -> Vec<Area> {
    let gap = frame.width.min(frame.height) * INSET_GAP;
    let fitting = (frame.width - gap) / count as f64 - gap;
    let width = (frame.width * INSET_SHARE).min(fitting).max(0.0);
    let height = (width * FLATTEST).min(frame.height * LARGE_SHARE);
    let top = frame.top + frame.height - gap - height;
    let left = |n: usize| frame.left + frame.width - (gap + width) * (n + 1) as f64;
    (0..count).map(|n| Area { left: left(n), top, width, height }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn members(large: usize, small: usize) -> Vec<LayoutMember> {
        let member = |is_large| LayoutMember { is_large, shape: Some(9.0 / 16.0) };
        let (large, small) = (std::iter::repeat_n(member(true), large), std::iter::repeat_n(member(false), small));
        large.chain(small).collect()
    }

    /// `grid.txt` has what opentok-layout-js 2.1.0, of which OpenVidu's page is a copy, makes of the page's options: width,
    /// height, large ones and small ones, then left, top, width and height of each.
    #[test]
    fn the_grid_is_that_of_openvidus_page() {
        let lines = include_str!("grid.txt").lines();
        for line in lines {
            let (case, tiles) = line.split_once(": ").unwrap();
            let case: Vec<usize> = case.split(' ').map(|number| number.parse().unwrap()).collect();
            let frame = Area { left: 0.0, top: 0.0, width: case[0] as f64, height: case[1] as f64 };
            let ours = exact(Layout::BestFit, frame, &members(case[2], case[3]));
            let theirs: Vec<Vec<f64>> =
                tiles.split(' ').map(|tile| tile.split(',').map(|n| n.parse().unwrap()).collect()).collect();
            assert_eq!(ours.len(), theirs.len(), "{line}");
            for (ours, theirs) in ours.iter().zip(theirs) {
                let ours = [ours.left, ours.top, ours.width, ours.height];
                let differs = ours.iter().zip(&theirs).any(|(ours, theirs)| (ours - theirs).abs() > 0.001);
                assert!(!differs, "{ours:?} instead of {theirs:?} in {line}");
            }
        }
    }

    #[test]
    fn a_shared_screen_is_large_wherever_it_is_in_the_list() {
        let mut members = members(0, 3);
        members[1].is_large = true;
        let tiles = arrange(Layout::BestFit, 1280, 720, &members);
        assert_eq!(tiles[1], Tile { left: 0, top: 0, width: 1024, height: 720 });
        assert_eq!(tiles[0], Tile { left: 1024, top: 0, width: 256, height: 360 });
        assert_eq!(tiles[2], Tile { left: 1024, top: 360, width: 256, height: 360 });
    }

    #[test]
    fn presentations_have_a_large_one_even_without_a_screen() {
        let members = members(0, 3);
        let vertical = arrange(Layout::VerticalPresentation, 1280, 720, &members);
        assert_eq!((vertical[0].width, vertical[0].height, vertical[1].left), (1024, 720, 1024));
        let horizontal = arrange(Layout::HorizontalPresentation, 1280, 720, &members);
        assert_eq!((horizontal[0].height, horizontal[1].top), (576, 576));
        let over = arrange(Layout::PictureInPicture, 1280, 720, &members);
        assert_eq!(over[0], Tile { left: 0, top: 0, width: 1280, height: 720 });
        assert!(over[1].left > over[2].left && over[1].top > 500, "{over:?}");
    }

    #[test]
    fn a_page_fills_the_picture_whatever_its_shape() {
        let page = LayoutMember { is_large: true, shape: Some(0.1) };
        let tiles = arrange(Layout::Custom, 1920, 200, &[page, page]);
        assert_eq!(tiles, [Tile { left: 0, top: 0, width: 1920, height: 200 }; 2]);
    }

    fn overlap(a: &Tile, b: &Tile) -> bool {
        let across = |a: u32, a_size: u32, b: u32, b_size: u32| a < b + b_size && b < a + a_size;
        across(a.left, a.width, b.left, b.width) && across(a.top, a.height, b.top, b.height)
    }

    #[test]
    fn neighbours_meet_although_their_edges_are_computed_in_two_ways() {
        let tiles = arrange(Layout::BestFit, 1709, 186, &members(14, 1));
        assert!(tiles.windows(2).all(|pair| !overlap(&pair[0], &pair[1])), "{tiles:?}");
    }

    proptest! {
        #[test]
        fn tiles_are_in_the_frame_and_apart(
            [width, height] in [100u32..2000, 100u32..2000],
            members in proptest::collection::vec((any::<bool>(), proptest::option::of(0.1f64..4.0)), 1..60),
            layout in prop_oneof![
                Just(Layout::BestFit), Just(Layout::PictureInPicture), Just(Layout::VerticalPresentation),
                Just(Layout::HorizontalPresentation), Just(Layout::Speaker),
            ],
        ) {
            let members: Vec<_> = members.into_iter().map(|(is_large, shape)| LayoutMember { is_large, shape }).collect();
            let tiles = arrange(layout, width, height, &members);
            prop_assert_eq!(tiles.len(), members.len());
            for (n, tile) in tiles.iter().enumerate() {
                prop_assert!(tile.left + tile.width <= width && tile.top + tile.height <= height, "{:?}", tile);
                let [left, top, width, height] = [tile.left, tile.top, tile.width, tile.height];
                prop_assert!([left, top, width, height].iter().all(|edge| edge % 2 == 0));
                if layout != Layout::PictureInPicture {
                    prop_assert!(tiles[..n].iter().all(|other| !overlap(tile, other)), "{:?}", tiles);
                }
            }
        }

        #[test]
        fn tiles_of_a_grid_are_neither_flat_nor_tall(
            [width, height] in [300u32..2000, 300u32..2000],
            count in 1usize..21,
        ) {
            let area = Area { left: 0.0, top: 0.0, width: width.into(), height: height.into() };
            // A row with room at its sides may grow then.
            let Grid { width, height, .. } = Grid::best(area, count);
            let limits = FLATTEST - 1e-9..=TALLEST + 1e-9;
            prop_assert!(limits.contains(&(height / width)), "{} by {}", width, height);
        }
    }
}
