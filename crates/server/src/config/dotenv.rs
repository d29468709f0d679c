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
        if line.trim().is_empty() || line.starts_with('#') || line.starts_with("//") {
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
}
