//! Names as they are drawn, with the fonts of this machine.
//!
//! Letters that no font has are left out: boxes in their place would tell nobody anything.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cosmic_text::{
    Align, Attrs, Buffer, Ellipsize, EllipsizeHeightLimit, Family, FontSystem, LayoutGlyph, Metrics, Shaping,
    SwashCache, SwashContent, Wrap,
};

use super::mask::{Mask, WHITE};

/// From one line to the next, by the size of letters.
const LINE: f32 = 1.3;

/// Draws text. To have one takes some time: all fonts are looked at.
#[derive(Debug)]
pub(crate) struct Typesetter {
    fonts: FontSystem,
    glyphs: SwashCache,
}

impl Typesetter {
    pub(crate) fn new() -> Self {
        Self { fonts: FontSystem::new(), glyphs: SwashCache::new() }
    }

    /// One line of text, at most `width` pixels wide: what does not fit gives way to an ellipsis. Nothing if there is no
    /// font for it.
    pub(crate) fn line(&mut self, text: &str, size: f32, width: f32) -> Option<Mask> {
        // Of what people call themselves not everything may have been thought of: it shall not cost the recording.
        let drawn = catch_unwind(AssertUnwindSafe(|| self.draw(text, size, width)));
        drawn.unwrap_or_else(|_| {
            *self = Self::new();
            None
        })
    }

    fn draw(&mut self, text: &str, size: f32, width: f32) -> Option<Mask> {
        let text: String = text.chars().filter(|letter| !is_private(*letter)).collect();
        let mut buffer = self.set(&text, size, width);
        let missing: Vec<_> = glyphs(&buffer).filter(|glyph| glyph.glyph_id == 0).map(|glyph| glyph.start).collect();
        if !missing.is_empty() {
            eprintln!("no font has all letters of a name");
            let letters = text.char_indices().filter(|(at, _)| !missing.contains(at)).map(|(_, letter)| letter);
            let rest: String = letters.collect();
            buffer = self.set(rest.trim(), size, width);
        }
        if glyphs(&buffer).any(|glyph| glyph.glyph_id == 0) {
            return None;
        }
        let right = glyphs(&buffer).map(|glyph| glyph.x + glyph.w).fold(0.0, f32::max);
        if right < 1.0 {
            return None;
        }
        let mut mask = Mask::new(right.ceil() as u32, (size * LINE).ceil() as u32);
        for run in buffer.layout_runs() {
            for glyph in run.glyphs {
                self.put(glyph, run.line_y, &mut mask);
            }
        }
        // Spaces are letters, too.
        (!mask.is_blank()).then_some(mask)
    }

    fn set(&mut self, text: &str, size: f32, width: f32) -> Buffer {
        let mut buffer = Buffer::new(&mut self.fonts, Metrics::new(size, size * LINE));
        buffer.set_wrap(Wrap::None);
        buffer.set_ellipsize(Ellipsize::End(EllipsizeHeightLimit::Lines(1)));
        buffer.set_size(Some(width), None);
        let attributes = Attrs::new().family(Family::SansSerif);
        // Also what is written from the right: the strip is only as wide as its letters.
        buffer.set_text(text, &attributes, Shaping::Advanced, Some(Align::Left));
        buffer.shape_until_scroll(&mut self.fonts, false);
        buffer
    }

    fn put(&mut self, glyph: &LayoutGlyph, line: f32, mask: &mut Mask) {
        let placed = glyph.physical((0.0, line), 1.0);
        let Some(image) = self.glyphs.get_image(&mut self.fonts, placed.cache_key) else { return };
        let (left, top) = (placed.x + image.placement.left, placed.y - image.placement.top);
        let bytes = if image.content == SwashContent::Mask { 1 } else { 4 };
        for (number, pixel) in image.data.chunks_exact(bytes).enumerate() {
            let (row, column) = (number as u32 / image.placement.width, number as u32 % image.placement.width);
            let (brightness, cover) = match *pixel {
                [cover] => (WHITE, cover),
                // Pictures among letters: how bright they are.
                [red, green, blue, cover] => {
                    let sum = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue);
                    ((sum / 1000) as u8, cover)
                }
                _ => continue,
            };
            mask.paint(left + column.cast_signed(), top + row.cast_signed(), brightness, cover);
        }
    }
}

/// Whether nobody has agreed on what it looks like: each font that has it has something else.
fn is_private(letter: char) -> bool {
    matches!(letter, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..)
}

fn glyphs(buffer: &Buffer) -> impl Iterator<Item = &LayoutGlyph> {
    buffer.layout_runs().flat_map(|run| run.glyphs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ink(mask: &Mask) -> u64 {
        (0..mask.height).flat_map(|y| mask.row(y)).map(|[_, cover]| u64::from(*cover)).sum()
    }

    /// `U+E000` is private, `U+0378` no letter at all.
    #[test]
    fn letters_without_a_font_are_left_out() {
        let mut typesetter = Typesetter::new();
        for nothing in ["\u{e000}\u{f8ff}\u{f0000}\u{10fffd}", "\u{378}", " ", ""] {
            assert_eq!(typesetter.line(nothing, 20.0, 500.0), None, "{nothing:?}");
        }
        let ann = typesetter.line("Ann", 20.0, 500.0).unwrap();
        assert!(ink(&ann) > 5000, "{}", ink(&ann));
        for more in ["Ann\u{e000}", "\u{f8ff}Ann", "Ann\u{378}"] {
            assert_eq!(typesetter.line(more, 20.0, 500.0).as_ref(), Some(&ann), "{more:?}");
        }
    }

    #[test]
    fn without_any_font_there_are_no_letters() {
        let fonts = FontSystem::new_with_locale_and_db("en".to_owned(), cosmic_text::fontdb::Database::new());
        let mut typesetter = Typesetter { fonts, glyphs: SwashCache::new() };
        assert_eq!(typesetter.line("Ann", 20.0, 500.0), None);
    }

    #[test]
    fn hangul_is_drawn() {
        let mut typesetter = Typesetter::new();
        let name = typesetter.line("홍길동", 20.0, 500.0).expect("a font with Hangul (fonts-nanum, fonts-noto-cjk)");
        assert!((50..80).contains(&name.width) && ink(&name) > 10_000, "{} wide, {}", name.width, ink(&name));
        // What is composed of parts is the same letter.
        assert_eq!(typesetter.line("\u{1112}\u{1169}\u{11bc}길동", 20.0, 500.0).unwrap().width, name.width);
    }

    #[test]
    fn what_does_not_fit_gives_way() {
        let mut typesetter = Typesetter::new();
        let long = typesetter.line(&"Wolfeschlegel".repeat(5), 20.0, 100.0).unwrap();
        assert!((60..=102).contains(&long.width), "{}", long.width);
        for text in ["\u{202e}abc", "a\u{301}\u{301}\u{301}", "مرحبا Ann", "👩‍👩‍👧", "\u{0}", "\n\r\t"]
        {
            let line = typesetter.line(text, 20.0, 100.0);
            assert!(line.is_none_or(|line| line.height == 26), "{text:?}");
        }
    }
}
