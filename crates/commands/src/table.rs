//! Tables for people: columns that stand one below the other on a terminal, whatever script they are in.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Between two columns.
const GAP: usize = 2;
/// Columns of a cell in a row; what is longer is cut. JSON has all of it.
const WIDEST: usize = 64;

/// See the module.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(heading: &[&str]) -> Self {
        Self { rows: vec![heading.iter().map(|&title| title.to_owned()).collect()] }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows
            .push(cells.into_iter().map(|cell| if cell.is_empty() { "-".to_owned() } else { shown(&cell) }).collect());
    }

    /// With a line break behind each row; without rows `nothing`, which says so.
    pub(crate) fn or(self, nothing: &str) -> String {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width =
            |column: usize| self.rows.iter().filter_map(|row| Some(row.get(column)?.width())).max().unwrap_or(0);
        let widths: Vec<_> = (0..columns).map(width).collect();
        if self.rows.len() < 2 {
            return format!("{nothing}\n");
        }
        self.rows.iter().map(|row| line(row, &widths)).collect()
    }
}

fn line(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        line.push_str(cell);
        // By the width on the screen: `format!` counts letters.
        line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width()) + GAP));
    }
    line.truncate(line.trim_end().len());
    line + "\n"
}

/// A text that others chose, on one line of a terminal: nothing in it moves the cursor or turns text around.
pub(crate) fn shown(text: &str) -> String {
    let is_harmful = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let clean: String = text.chars().map(|letter| if is_harmful(letter) { '\u{fffd}' } else { letter }).collect();
    if clean.width() <= WIDEST {
        return clean;
    }
    let mut cut = String::new();
    for letter in clean.chars() {
        // One column is for the mark.
        if cut.width() + letter.width().unwrap_or(0) >= WIDEST {
            break;
        }
        cut.push(letter);
    }
    cut + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other_also_with_korean_names() {
        let mut table = Table::new(&["NAME", "ROLE", "AGE"]);
        table.row(["마당".to_owned(), "PUBLISHER".to_owned(), "3 s".to_owned()]);
        table.row(["Ann".to_owned(), String::new(), "12 min".to_owned()]);
        let text = table.or("nobody");
        assert_eq!(text, "NAME  ROLE       AGE\n마당  PUBLISHER  3 s\nAnn   -          12 min\n");
        assert_eq!(Table::new(&["NAME"]).or("nobody"), "nobody\n");
    }

    #[test]
    fn nothing_that_others_chose_moves_the_cursor_or_fills_the_screen() {
        assert_eq!(shown("a\u{1b}[2Jb\nc\u{202e}d"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d");
        let long = shown(&"가".repeat(100));
        assert!(long.width() <= WIDEST && long.ends_with('…'), "{long}");
        assert_eq!(shown(&"x".repeat(WIDEST)).len(), WIDEST);
    }
}
