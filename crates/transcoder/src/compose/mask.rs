//! What is drawn over pictures: brightness, and how much of what lies below it covers. No colours.

/// Of colours as studios have them: whatever is brighter or darker is cut off.
pub(crate) const WHITE: u8 = 235;
pub(crate) const BLACK: u8 = 16;

/// A rectangle of even sides, made once and drawn often.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Mask {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Brightness, and cover up to 255.
    pixels: Vec<[u8; 2]>,
}

impl Mask {
    /// Nothing is covered. Odd sides grow by one.
    pub(crate) fn new(width: u32, height: u32) -> Self {
        let (width, height) = (width.next_multiple_of(2), height.next_multiple_of(2));
        Self { width, height, pixels: vec![[0, 0]; (width * height) as usize] }
    }

    /// Whether it covers nothing.
    pub(crate) fn is_blank(&self) -> bool {
        self.pixels.iter().all(|[_, cover]| *cover == 0)
    }

    /// A row of brightness and cover.
    pub(crate) fn row(&self, y: u32) -> &[[u8; 2]] {
        let from = (y * self.width) as usize;
        self.pixels.get(from..from + self.width as usize).unwrap_or_default()
    }

    /// Covers of two by two pixels each, of rows `2 * y` and the one below it.
    pub(crate) fn colour_row(&self, y: u32) -> impl Iterator<Item = u8> {
        let pairs = [2 * y, 2 * y + 1].map(|y| self.row(y).chunks_exact(2));
        let [above, below] = pairs;
        let sum = |pair: &[[u8; 2]]| u16::from(pair[0][1]) + u16::from(pair[1][1]);
        above.zip(below).map(move |(above, below)| ((sum(above) + sum(below) + 2) / 4) as u8)
    }

    /// Puts a pixel over what is there; outside there is nothing.
    pub(crate) fn paint(&mut self, x: i32, y: i32, brightness: u8, cover: u8) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
        if x >= self.width || y >= self.height {
            return;
        }
        let Some([under, under_cover]) = self.pixels.get_mut((y * self.width + x) as usize) else { return };
        let (over, below) = (u32::from(cover) * 255, u32::from(*under_cover) * (255 - u32::from(cover)));
        let sum = over + below;
        let mixed = u32::from(brightness) * over + u32::from(*under) * below + sum / 2;
        if let Some(mixed) = mixed.checked_div(sum) {
            (*under, *under_cover) = (mixed as u8, ((sum + 127) / 255) as u8);
        }
    }

    /// Puts a shape over what is there. `distance` tells how many pixels a point is outside of it, inside is negative.
    pub(crate) fn shape(&mut self, brightness: u8, cover: u8, distance: impl Fn(f32, f32) -> f32) {
        for y in 0..self.height.cast_signed() {
            for x in 0..self.width.cast_signed() {
                let inside = (0.5 - distance(x as f32 + 0.5, y as f32 + 0.5)).clamp(0.0, 1.0);
                if inside > 0.0 {
                    self.paint(x, y, brightness, (inside * f32::from(cover)) as u8);
                }
            }
        }
    }

    /// Puts another one over it.
    pub(crate) fn put(&mut self, other: &Self, left: i32, top: i32) {
        for y in 0..other.height {
            for (x, [brightness, cover]) in other.row(y).iter().enumerate() {
                self.paint(left + x as i32, top + y.cast_signed(), *brightness, *cover);
            }
        }
    }
}

/// `under` where `over` covers it.
pub(crate) fn mixed(under: u8, over: u8, cover: u8) -> u8 {
    let cover = u16::from(cover);
    ((u16::from(under) * (255 - cover) + u16::from(over) * cover + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_painted_over_covers_what_is_below() {
        let mut mask = Mask::new(3, 1);
        assert_eq!((mask.width, mask.height), (4, 2));
        mask.paint(0, 0, 100, 255);
        mask.paint(0, 0, 200, 51);
        assert_eq!(mask.row(0)[0], [120, 255], "a fifth of it");
        mask.paint(1, 0, 200, 51);
        assert_eq!(mask.row(0)[1], [200, 51]);
        for (x, y) in [(-1, 0), (0, -1), (4, 0), (0, 2)] {
            mask.paint(x, y, 255, 255);
        }
        assert_eq!(mask.colour_row(0).collect::<Vec<_>>(), [77, 0]);
        assert_eq!((mixed(50, 100, 0), mixed(50, 100, 255), mixed(0, 255, 128)), (50, 100, 128));
    }

    #[test]
    fn shapes_have_soft_edges() {
        let mut mask = Mask::new(4, 2);
        mask.shape(WHITE, 255, |x, _| x - 1.75);
        let covers: Vec<u8> = mask.row(1).iter().map(|[_, cover]| *cover).collect();
        assert_eq!(covers, [255, 191, 0, 0]);
    }
}
