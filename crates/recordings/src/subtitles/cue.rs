//! Sentences become cues, as people read them: at most two lines of some 42 columns, no longer than a few seconds, broken between
//! words. Letters of Korean, Chinese and Japanese take two columns, and where there are no spaces lines break between letters.

use super::Utterance;

/// Of a line. What subtitles of films have.
const COLUMNS: usize = 42;
const LINES: usize = 2;
/// Words that are said later go into another cue.
const LONGEST: u64 = 7_000;
/// As much silence between two words, too.
const PAUSE: u64 = 1_500;
/// A cue stays so long, unless its speaker goes on before.
const SHORTEST: u64 = 1_000;

/// Text that is shown from one time to another, in ms.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Cue {
    /// Whose words these are.
    pub(super) name: Option<String>,
    /// One or two.
    pub(super) lines: Vec<String>,
    pub(super) from: u64,
    pub(super) until: u64,
}

/// What is not broken, with the time in which it was said.
#[derive(Debug)]
struct Piece<'a> {
    text: &'a str,
    /// There is none before it where the text has none.
    has_space: bool,
    from: u64,
    until: u64,
}

/// All cues of some utterances, in the order of time. `label`: what every cue of somebody begins with.
pub(super) fn cues(utterances: &[&Utterance], label: impl Fn(&Utterance) -> Option<String>) -> Vec<Cue> {
    let mut cues: Vec<(Option<&str>, Cue)> = vec![];
    for utterance in utterances {
        let label = label(utterance);
        let of_it = split(utterance, label.as_deref());
        cues.extend(of_it.into_iter().map(|cue| (utterance.file.as_deref().or(utterance.name.as_deref()), cue)));
    }
    cues.sort_by_key(|(_, cue)| cue.from);
    // Nobody's words are shown twice at a time; several people's are.
    for at in 0..cues.len() {
        let (speaker, from) = (cues[at].0, cues[at].1.from);
        let next = cues[at + 1..].iter().find(|(other, _)| *other == speaker).map(|(_, next)| next.from);
        let cue = &mut cues[at].1;
        cue.until = cue.until.max(from + SHORTEST);
        if let Some(next) = next.filter(|next| *next > from) {
            cue.until = cue.until.min(next);
        }
    }
    cues.into_iter().map(|(_, cue)| cue).collect()
}

fn split(utterance: &Utterance, label: Option<&str>) -> Vec<Cue> {
    let mut cues = vec![];
    let mut present: Vec<Piece<'_>> = vec![];
    let label = label.map(|label| Piece { text: label, has_space: true, from: 0, until: 0 });
    let lines = |pieces: &[Piece<'_>]| lines(label.iter().chain(pieces));
    let mut end = |pieces: Vec<Piece<'_>>| {
        if let Some((first, last)) = pieces.first().zip(pieces.last()) {
            let (from, until) = (first.from, last.until.max(first.from));
            cues.push(Cue { name: utterance.name.clone(), lines: lines(&pieces), from, until });
        }
    };
    for piece in pieces(utterance) {
        let is_late = present
            .first()
            .zip(present.last())
            .is_some_and(|(first, last)| piece.until > first.from + LONGEST || piece.from > last.until + PAUSE);
        if is_late {
            end(std::mem::take(&mut present));
        }
        present.push(piece);
        if present.len() > 1
            && lines(&present).len() > LINES
            && let Some(piece) = present.pop()
        {
            end(std::mem::replace(&mut present, vec![piece]));
        }
    }
    end(present);
    cues
}

/// As few lines as hold them, about equally long.
fn lines<'a>(pieces: impl Iterator<Item = &'a Piece<'a>> + Clone) -> Vec<String> {
    let filled = fill(pieces.clone(), COLUMNS);
    let widest = |lines: &[String]| lines.iter().map(|line| columns(line)).max().unwrap_or(0);
    let narrower = (1..widest(&filled)).map(|width| fill(pieces.clone(), width));
    narrower.into_iter().find(|lines| lines.len() <= filled.len() && widest(lines) <= COLUMNS).unwrap_or(filled)
}

fn fill<'a>(pieces: impl Iterator<Item = &'a Piece<'a>>, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![];
    for piece in pieces {
        let space = if piece.has_space { " " } else { "" };
        match lines.last_mut() {
            Some(line) if columns(line) + space.len() + columns(piece.text) <= width => {
                line.push_str(space);
                line.push_str(piece.text);
            }
            _ => lines.push(piece.text.to_owned()),
        }
    }
    lines
}

/// Words; and letters of those that no line holds, or that are written without spaces.
fn pieces(utterance: &Utterance) -> Vec<Piece<'_>> {
    let clock = Clock::new(utterance);
    let mut pieces: Vec<Piece<'_>> = vec![];
    for word in utterance.text.split_whitespace() {
        let begin = word.as_ptr() as usize - utterance.text.as_ptr() as usize;
        let mut rest = word;
        while !rest.is_empty() {
            let at = begin + word.len() - rest.len();
            let length = if columns(rest) <= COLUMNS / 2 { rest.len() } else { breakable(rest) };
            let (text, after) = rest.split_at(length);
            // Whatever the recogniser says of single words, they come one after the other.
            let earliest = pieces.last().map_or(utterance.from, |last| last.from);
            let latest = utterance.until.max(earliest);
            let from = clock.from(at).clamp(earliest, latest);
            let until = clock.until(at + length).clamp(from, latest);
            pieces.push(Piece { text, has_space: at == begin, from, until });
            rest = after;
        }
    }
    pieces
}

/// Bytes of the first part of a long word that a line may end behind: a few letters where there are no spaces in between, since
/// their words are as short, and half a line of others.
fn breakable(word: &str) -> usize {
    let is_wide = word.chars().any(|letter| width(letter) == 2);
    let length = first_columns(word, if is_wide { 4 } else { COLUMNS / 2 }).len();
    // No line begins with a mark.
    let marks = word[length..].chars().take_while(|letter| "、。，．！？,.!?:;…）」』".contains(*letter));
    length + marks.map(char::len_utf8).sum::<usize>()
}

/// When each letter was said: as the words say that are known, and evenly in between.
struct Clock {
    /// Bytes of the text before, and the time.
    known: Vec<(usize, u64, u64)>,
    /// Bytes before the first letter, and from there to the last.
    begin: usize,
    length: usize,
    from: u64,
    until: u64,
}

impl Clock {
    fn new(utterance: &Utterance) -> Self {
        let Utterance { text, from, until, words, .. } = utterance;
        let mut known = vec![];
        let mut behind = 0;
        for word in words.iter().filter(|word| !word.word.is_empty()) {
            if let Some(at) = text[behind..].find(&word.word) {
                known.push((behind + at, word.from, word.until));
                behind += at + word.word.len();
            }
        }
        let (begin, length) = (text.len() - text.trim_start().len(), text.trim().len().max(1));
        Self { known, begin, length, from: *from, until: (*until).max(*from) }
    }

    fn even(&self, at: usize) -> u64 {
        let at = at.saturating_sub(self.begin).min(self.length);
        self.from + (self.until - self.from) * at as u64 / self.length as u64
    }

    /// When the letter at this byte began.
    fn from(&self, at: usize) -> u64 {
        match self.known.iter().rev().find(|(begin, ..)| *begin <= at) {
            Some((_, from, _)) => *from,
            None if self.known.is_empty() => self.even(at),
            None => self.from,
        }
    }

    /// When what is before this byte ended.
    fn until(&self, at: usize) -> u64 {
        match self.known.iter().rev().find(|(begin, ..)| *begin < at) {
            Some((.., until)) => *until,
            None => self.even(at),
        }
    }
}

/// How wide a text is.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// As much of a text as has so many columns, and one letter at least.
pub(super) fn first_columns(text: &str, most: usize) -> &str {
    let mut taken = 0;
    let fits = |(at, letter): (usize, char)| {
        taken += width(letter);
        (at == 0 || taken <= most).then_some(at + letter.len_utf8())
    };
    let end = text.char_indices().map_while(fits).last();
    &text[..end.unwrap_or(0)]
}

/// Columns of a letter: two of those that are as wide as high (Unicode's East Asian Width, as far as people speak it).
fn width(letter: char) -> usize {
    match letter {
        // What stands above, below or in other letters.
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Word;
    use super::super::tests::said;
    use super::*;

    fn of(utterances: &[Utterance]) -> Vec<Cue> {
        cues(&utterances.iter().collect::<Vec<_>>(), |_| None)
    }

    fn text(cues: &[Cue]) -> Vec<Vec<&str>> {
        cues.iter().map(|cue| cue.lines.iter().map(String::as_str).collect()).collect()
    }

    #[test]
    fn what_fits_is_one_line_and_two_lines_are_about_as_long() {
        let short = of(&[said("Ann", "  hello   everybody ", 1_000, 3_000)]);
        assert_eq!(
            short,
            [Cue {
                name: Some("Ann".to_owned()),
                lines: vec!["hello everybody".to_owned()],
                from: 1_000,
                until: 3_000
            }]
        );
        let long = of(&[said("Ann", "good morning and welcome to the first of our meetings", 0, 5_000)]);
        assert_eq!(text(&long), [["good morning and welcome to", "the first of our meetings"]]);
    }

    #[test]
    fn korean_is_broken_between_words_at_half_as_many_letters() {
        let cues = of(&[said("Ann", "오늘 회의에 오신 여러분 모두 환영합니다 그럼 지금부터 시작하겠습니다", 0, 6_000)]);
        assert_eq!(text(&cues), [["오늘 회의에 오신 여러분 모두 환영합니다", "그럼 지금부터 시작하겠습니다"]]);
    }

    #[test]
    fn what_is_written_without_spaces_is_broken_between_letters() {
        let sentence =
            "本日はお忙しいところお集まりいただきまして誠にありがとうございます。それでは会議を始めます。".repeat(2);
        let cues = of(&[said("Ann", &sentence, 0, 12_000)]);
        assert_eq!(cues.iter().flat_map(|cue| &cue.lines).cloned().collect::<String>(), sentence);
        assert!(cues.len() >= 2 && cues.iter().flat_map(|cue| &cue.lines).all(|line| columns(line) <= COLUMNS + 2));
        assert!(cues.iter().flat_map(|cue| &cue.lines).all(|line| !line.starts_with('。')));
    }

    #[test]
    fn long_speeches_are_several_cues_at_the_times_of_their_words() {
        let words: Vec<_> = (0..40).map(|n| format!("word{n}")).collect();
        let time = |n: usize| n as u64 * 300 + if n >= 20 { 3_000 } else { 0 };
        let known =
            words.iter().enumerate().map(|(n, word)| Word { word: word.clone(), from: time(n), until: time(n) + 300 });
        let speech = Utterance { words: known.collect(), ..said("Ann", &words.join(" "), 0, time(39) + 300) };
        let cues = of(&[speech]);
        assert_eq!(cues.iter().flat_map(|cue| &cue.lines).cloned().collect::<Vec<_>>().join(" "), words.join(" "));
        assert!(cues.iter().all(|cue| cue.lines.len() <= LINES && cue.until - cue.from <= LONGEST), "{cues:?}");
        let after_pause = cues.iter().find(|cue| cue.lines[0].starts_with("word20")).expect("a pause begins a cue");
        assert_eq!(after_pause.from, time(20));
        let unknown = of(&[said("Ann", &words.join(" "), 0, 12_000)]);
        let half = unknown.iter().find(|cue| cue.lines.iter().any(|line| line.contains("word20"))).unwrap();
        assert!((3_000..=6_500).contains(&half.from), "evenly: {half:?}");
    }

    #[test]
    fn words_that_are_spelled_otherwise_do_not_disturb_the_others() {
        let known = [("it", 1_000), ("is", 1_200), ("twenty", 1_500), ("now", 3_000)];
        let known = known.map(|(word, from)| Word { word: word.to_owned(), from, until: from + 200 });
        let cues = of(&[Utterance { words: known.to_vec(), ..said("Ann", "it is 20, now.", 1_000, 3_200) }]);
        assert_eq!(text(&cues), [["it is 20,"], ["now."]]);
        assert_eq!((cues[0].from, cues[0].until, cues[1].from), (1_000, 2_000, 3_000));
    }

    #[test]
    fn a_cue_stays_for_a_while_unless_its_speaker_goes_on() {
        let cues = of(&[
            said("Ann", "yes", 1_000, 1_200),
            said("Bob", "no", 1_100, 1_300),
            said("Ann", "well", 1_500, 1_600),
            said("Ann", "at once", 1_500, 1_600),
        ]);
        let times: Vec<_> = cues.iter().map(|cue| (cue.lines[0].as_str(), cue.from, cue.until)).collect();
        assert_eq!(
            times,
            [("yes", 1_000, 1_500), ("no", 1_100, 2_100), ("well", 1_500, 2_500), ("at once", 1_500, 2_500)]
        );
    }

    #[test]
    fn a_label_is_before_every_cue_and_takes_its_place() {
        let speech = said("Ann", &"word ".repeat(40), 0, 6_000);
        let cues = cues(&[&speech], |_| Some("Ann:".to_owned()));
        assert!(cues.len() > 2);
        assert!(cues.iter().all(|cue| cue.lines[0].starts_with("Ann: word") && cue.lines.len() <= LINES));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_letter_is_lost_and_no_line_is_too_long(
            text in "[a-z가-힣ぁ-ん<>&\u{301} \n.,。-]{0,300}",
            from in 0..100_000_u64,
            length in 0..30_000_u64,
            words in prop::collection::vec(("[a-z가-힣]{0,4}", any::<u32>(), any::<u32>()), 0..20),
            labelled: bool,
        ) {
            let words = words.into_iter().map(|(word, from, until)| Word { word, from: from.into(), until: until.into() });
            let utterance = Utterance { words: words.collect(), ..said("Ann", &text, from, from + length) };
            let label = labelled.then(|| "Ann:".to_owned());
            let cues = cues(&[&utterance], |_| label.clone());
            let letters = |text: &str| text.replace(char::is_whitespace, "");
            let shown: String = cues.iter().map(|cue| letters(&cue.lines.concat()).replacen("Ann:", "", labelled.into())).collect();
            prop_assert_eq!(shown, letters(&text));
            for cue in &cues {
                prop_assert!((1..=LINES).contains(&cue.lines.len()) && cue.from <= cue.until);
                // Marks that must not begin a line may be a few.
                prop_assert!(cue.lines.iter().all(|line| columns(line) <= COLUMNS || !line.contains(char::is_alphanumeric) || breakable(line) < line.len()), "{:?}", cue);
            }
        }
    }
}
