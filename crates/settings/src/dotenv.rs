//! The `.env` file as docker-compose and OpenVidu read it: `KEY=VALUE` by line, blank lines and lines that begin with `#`
//! or `//` skipped, the first `=` splits, the name is trimmed, the value kept verbatim. No quotes, no interpolation.

/// A line that is no `KEY=VALUE`. The whole file is then ignored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Malformed {
    /// Counted from 1.
    pub line: usize,
    /// Its text; only up to the `=`, so that no value is repeated.
    pub content: String,
}

/// The pairs in order; of a repeated name the last counts.
pub fn parse(text: &str) -> Result<Vec<(String, String)>, Malformed> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut pairs = vec![];
    for (index, line) in text.lines().enumerate() {
        if is_skipped(line) {
            continue;
        }
        let malformed =
            || Malformed { line: index + 1, content: line.split('=').next().unwrap_or_default().to_owned() };
        let (name, value) = line.split_once('=').ok_or_else(malformed)?;
        let name = name.trim();
        if name.is_empty() {
            return Err(malformed());
        }
        pairs.push((name.to_owned(), value.to_owned()));
    }
    Ok(pairs)
}

/// `text` with these values. Of a name that stands there, the last line is changed, since it is the one that counts; a new
/// name gets a line at the end. All other lines stay as they are.
pub fn changed(text: &str, changes: &[(String, String)]) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    for (name, value) in changes {
        let stands = |line: &String| {
            let line = line.strip_prefix('\u{feff}').unwrap_or(line);
            !is_skipped(line) && line.split_once('=').is_some_and(|(known, _)| known.trim() == name)
        };
        match lines.iter().rposition(stands) {
            Some(index) => {
                let line = &mut lines[index];
                let end = line.trim_end_matches(['\r', '\n']).len();
                let start = line.find('=').map_or(end, |equals| equals + 1);
                line.replace_range(start..end, value);
            }
            None => {
                if let Some(last) = lines.last_mut().filter(|last| !last.ends_with('\n')) {
                    last.push('\n');
                }
                lines.push(format!("{name}={value}\n"));
            }
        }
    }
    lines.concat()
}

fn is_skipped(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with('#') || line.starts_with("//")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_verbatim_and_comments_skipped() {
        let pairs = parse("# c\n// c\n\n  A = b =c \r\nEMPTY=\nA=2\n").unwrap();
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("A", " b =c "), ("EMPTY", ""), ("A", "2")]);
    }

    #[test]
    fn a_malformed_line_is_named_by_its_number() {
        assert_eq!(parse("A=1\nnonsense\n").unwrap_err(), Malformed { line: 2, content: "nonsense".into() });
        assert_eq!(parse("=1").unwrap_err().line, 1);
    }

    fn change(text: &str, changes: &[(&str, &str)]) -> String {
        let changes: Vec<_> = changes.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        changed(text, &changes)
    }

    #[test]
    fn a_change_leaves_all_other_lines_as_they_are() {
        let text = "\u{feff}A=1\r\n# B=comment\n//B=x\n\n  B = 2 \nC=3\nB=4=5\nD=last";
        let changed = change(text, &[("A", "one"), ("B", "b=c"), ("D", ""), ("E", "[\"x\"]"), ("F", "f")]);
        let expected = "\u{feff}A=one\r\n# B=comment\n//B=x\n\n  B = 2 \nC=3\nB=b=c\nD=\nE=[\"x\"]\nF=f\n";
        assert_eq!(changed, expected);
        assert_eq!(change("", &[("A", "1")]), "A=1\n");
        assert_eq!(change(text, &[]), text);
    }

    proptest::proptest! {
        #[test]
        fn what_was_changed_is_read_back_and_the_rest_is_the_same(
            lines in proptest::collection::vec("(#[a-z=]{0,5}|[ABC] ?=[a-z =#]{0,5}|)", 0..8),
            ending in "(\n|\r\n)",
            value in "[a-z=# ]{0,6}",
        ) {
            let text = lines.join(&ending);
            let before = parse(&text).unwrap();
            let after = parse(&change(&text, &[("B", &value)])).unwrap();
            let last = |pairs: &[(String, String)], name: &str| {
                pairs.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.clone())
            };
            proptest::prop_assert_eq!(last(&after, "B"), Some(value));
            for other in ["A", "C"] {
                proptest::prop_assert_eq!(last(&after, other), last(&before, other));
            }
        }
    }
}
