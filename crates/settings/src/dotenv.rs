//! The `.env` file as docker-compose reads it, which is how it reaches OpenVidu: `NAME=value` by line, perhaps after `export`;
//! blanks around both do not count, and neither does ` #` with what follows it. A value may stand in quotes, where everything
//! counts; in double ones `\"`, `\\`, `\$`, `\n`, `\r` and `\t` mean what they mean in a shell or in C. Lines of blanks and
//! those that begin with `#`, or as in OpenVidu with `//`, are skipped. Nothing is filled in for `$NAME`.

use std::borrow::Cow;

/// A line that has no meaning. The whole file is then ignored. What stands in the line is not told: it may be a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Malformed {
    /// Counted from 1.
    pub line: usize,
}

/// The pairs in order; of a repeated name the last counts.
pub fn parse(text: &str) -> Result<Vec<(String, String)>, Malformed> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().enumerate().filter(|(_, line)| !is_skipped(line));
    let pairs = lines.map(|(index, line)| {
        let pair = split(line).and_then(|(name, value)| Some((name.to_owned(), value_of(value)?)));
        pair.ok_or(Malformed { line: index + 1 })
    });
    pairs.collect()
}

/// `text` with these values. Of a name that stands there, the last line is changed, since it is the one that counts; a new
/// name gets a line at the end. All other lines stay as they are.
pub fn changed(text: &str, changes: &[(String, String)]) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    for (name, value) in changes {
        let stands = |line: &String| {
            let line = line.strip_prefix('\u{feff}').unwrap_or(line);
            !is_skipped(line) && split(line).is_some_and(|(known, _)| known == name)
        };
        let value = written(value);
        match lines.iter().rposition(stands) {
            Some(index) => {
                let line = &mut lines[index];
                let end = line.trim_end_matches(['\r', '\n']).len();
                let start = line.find('=').map_or(end, |equals| equals + 1);
                line.replace_range(start..end, &value);
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
    let line = line.trim();
    line.is_empty() || line.starts_with('#') || line.starts_with("//")
}

/// Name and value, which is not read yet.
fn split(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    let exported = name.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t']));
    let name = exported.map_or(name, str::trim_start);
    (!name.is_empty()).then_some((name, value))
}

fn value_of(text: &str) -> Option<String> {
    let trimmed = text.trim();
    match trimmed.chars().next() {
        Some('\'') => {
            let (value, rest) = trimmed[1..].split_once('\'')?;
            is_comment(rest).then(|| value.to_owned())
        }
        Some('"') => {
            let (value, rest) = double_quoted(&trimmed[1..])?;
            is_comment(rest).then_some(value)
        }
        // Behind a blank; without one it is the value.
        Some('#') if text.starts_with([' ', '\t']) => Some(String::new()),
        _ => {
            let comment = [" #", "\t#"].iter().filter_map(|mark| trimmed.find(mark)).min();
            Some(trimmed[..comment.unwrap_or(trimmed.len())].trim_end().to_owned())
        }
    }
}

/// What may follow a closing quote.
fn is_comment(rest: &str) -> bool {
    rest.is_empty() || (rest.starts_with([' ', '\t']) && is_skipped(rest))
}

/// The value, and what stands behind the closing quote.
fn double_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut symbols = text.char_indices();
    while let Some((index, symbol)) = symbols.next() {
        match symbol {
            '"' => return Some((value, &text[index + 1..])),
            '\\' => match symbols.next()?.1 {
                escaped @ ('"' | '\\' | '$') => value.push(escaped),
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                other => value.extend(['\\', other]),
            },
            symbol => value.push(symbol),
        }
    }
    None
}

/// So that it is read as the same.
fn written(value: &str) -> Cow<'_, str> {
    if value_of(value).is_some_and(|read| read == value) {
        return value.into();
    }
    if value.contains('\'') {
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
        format!("\"{escaped}\"").into()
    } else {
        format!("'{value}'").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        parse(text).unwrap()
    }

    fn value(line: &str) -> Option<String> {
        Some(parse(line).ok()?.pop()?.1)
    }

    #[test]
    fn lines_are_read_as_docker_compose_reads_them() {
        let pairs =
            read("# c\n// c\n  # c\n\n  A = b =c \r\nEMPTY=\nexport E=1\nexport\t F = 2 # two\nexporter=3\nA=2\n");
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected = [("A", "b =c"), ("EMPTY", ""), ("E", "1"), ("F", "2"), ("exporter", "3"), ("A", "2")];
        assert_eq!(pairs, expected);
    }

    #[test]
    fn what_users_have_reported_is_read_as_they_meant_it() {
        for (file, expected) in [
            ("DOMAIN_OR_PUBLIC_IP=localhost\nOPENVIDU_SECRET=YOUR_SECRET # secret of the server\n", "YOUR_SECRET"),
            ("OPENVIDU_SECRET=\"YOUR_SECRET\"\n", "YOUR_SECRET"),
            ("CERTIFICATE_TYPE='selfsigned'\n", "selfsigned"),
            ("DOMAIN_OR_PUBLIC_IP=localhost \n", "localhost"),
        ] {
            assert_eq!(value(file).as_deref(), Some(expected), "{file}");
        }
    }

    #[test]
    fn quotes_keep_what_is_in_them_and_only_a_comment_may_follow() {
        for (line, expected) in [
            ("A=' x # y '", " x # y "),
            ("A=\" x # y \" # z", " x # y "),
            (r#"A="a\"b\\c\$d\te\x""#, "a\"b\\c$d\te\\x"),
            (r"A='a\nb'", r"a\nb"),
            ("A=\"\"", ""),
            ("A= # nothing", ""),
            ("A=#x", "#x"),
            ("A=x#y", "x#y"),
            ("A=x\t#y", "x"),
            (r#"A=["a", "b"] # list"#, r#"["a", "b"]"#),
            ("A=it's", "it's"),
            ("A=$HOME", "$HOME"),
        ] {
            assert_eq!(value(line).as_deref(), Some(expected), "{line}");
        }
        for line in ["A=\"x", "A='x", "A='x' y", "A=\"x\"y", "A='x'#y", "A=\"x\\"] {
            assert_eq!(parse(line), Err(Malformed { line: 1 }), "{line}");
        }
    }

    #[test]
    fn a_malformed_line_is_named_by_its_number_and_nothing_else() {
        for line in ["OPENVIDU_SECRET hush", "=hush", " =hush", "export A"] {
            assert_eq!(parse(&format!("A=1\n{line}\n")), Err(Malformed { line: 2 }), "{line}");
        }
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
        assert_eq!(
            change("export A='1' # one\n", &[("A", "a # b"), ("B", "it's # b")]),
            "export A='a # b'\nB=\"it's # b\"\n"
        );
    }

    proptest::proptest! {
        #[test]
        fn what_was_changed_is_read_back_and_the_rest_is_the_same(
            lines in proptest::collection::vec("(#[a-z=]{0,5}|(export )?[ABC] ?=[a-z =#]{0,5}|)", 0..8),
            ending in "(\n|\r\n)",
            value in "[a-z=# '\"\\\\$]{0,6}",
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
