//! Cues as files: SubRip (`.srt`), which has no standard and is read by everything, and WebVTT (`.vtt`), which browsers play beside a
//! film and which says who speaks.

use std::fmt::Write as _;

use super::cue::{Cue, columns, first_columns};

/// Of a name before what somebody says; a line has to hold some of that, too.
const LONGEST_LABEL: usize = 24;

/// A name as it stands before what somebody says, where there is no other place for it.
pub(super) fn label(name: &str) -> String {
    let name = plain(name);
    if columns(&name) <= LONGEST_LABEL {
        return format!("{name}:");
    }
    format!("{}…:", first_columns(&name, LONGEST_LABEL - 1).trim_end())
}

pub(super) fn srt(cues: &[Cue]) -> String {
    let mut file = String::new();
    for (number, cue) in (1..).zip(cues) {
        let (from, until) = (time(cue.from, ','), time(cue.until, ','));
        let lines: Vec<_> = cue.lines.iter().map(|line| plain(line)).collect();
        // Of what is written into memory nothing fails.
        let _ = write!(file, "{number}\n{from} --> {until}\n{}\n\n", lines.join("\n"));
    }
    file
}

/// With a voice for each name, if that is to be said.
pub(super) fn vtt(cues: &[Cue], has_names: bool) -> String {
    let mut file = "WEBVTT\n\n".to_owned();
    for cue in cues {
        let (from, until) = (time(cue.from, '.'), time(cue.until, '.'));
        let lines: Vec<_> = cue.lines.iter().map(|line| escaped(line)).collect();
        let text = lines.join("\n");
        let text = match cue.name.as_ref().filter(|_| has_names) {
            Some(name) => format!("<v {}>{text}</v>", escaped(name)),
            None => text,
        };
        let _ = write!(file, "{from} --> {until}\n{text}\n\n");
    }
    file
}

/// Players take `<` and `{` for marks, and there is no way to say otherwise: they are shown by letters that look alike.
fn plain(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '<' => '‹',
            '>' => '›',
            '{' => '(',
            '}' => ')',
            other => other,
        })
        .collect()
}

/// WebVTT §4.2: also what looks like the arrow between two times is none then.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn time(ms: u64, point: char) -> String {
    let (seconds, ms) = (ms / 1000, ms % 1000);
    format!("{:02}:{:02}:{:02}{point}{ms:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cue(name: Option<&str>, lines: &[&str], from: u64, until: u64) -> Cue {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        Cue { name: name.map(str::to_owned), lines, from, until }
    }

    #[test]
    fn times_have_hours_however_many() {
        assert_eq!(time(0, ','), "00:00:00,000");
        assert_eq!(time(3_723_045, '.'), "01:02:03.045");
        assert_eq!(time(360_000_000, ','), "100:00:00,000");
    }

    #[test]
    fn marks_in_what_was_said_are_letters() {
        let cues = [cue(Some("A & <B>"), &["1 < 2 --> 3", "{\\an8} & <i>so</i>"], 1_000, 2_500)];
        assert_eq!(srt(&cues), "1\n00:00:01,000 --> 00:00:02,500\n1 ‹ 2 --› 3\n(\\an8) & ‹i›so‹/i›\n\n");
        assert_eq!(
            vtt(&cues, true),
            "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n<v A &amp; &lt;B&gt;>1 &lt; 2 --&gt; 3\n\
             {\\an8} &amp; &lt;i&gt;so&lt;/i&gt;</v>\n\n"
        );
        assert_eq!(vtt(&[cue(None, &["so"], 0, 9)], true), "WEBVTT\n\n00:00:00.000 --> 00:00:00.009\nso\n\n");
    }

    #[test]
    fn long_names_are_shortened_where_they_are_in_the_text() {
        assert_eq!(label("Ann"), "Ann:");
        assert_eq!(label(&"x".repeat(64)), format!("{}…:", "x".repeat(23)));
        assert_eq!(label(&"한".repeat(64)), format!("{}…:", "한".repeat(11)), "such letters are twice as wide");
    }
}
