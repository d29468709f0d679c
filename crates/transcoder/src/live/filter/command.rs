//! An element as `gst-launch` describes it: its name, and properties with their values.

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Command {
    pub(super) element: String,
    pub(super) properties: Vec<(String, String)>,
}

impl Command {
    /// Reads `name property=value property="a value"`. A chain of elements, or anything else of that language, is none.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut words = words(text)?.into_iter();
        let element = words.next().ok_or("'command' names no element")?;
        if !is_name(&element) {
            return Err(format!("'{element}' is no element's name"));
        }
        let mut properties = vec![];
        for word in words {
            if word == "!" {
                return Err("only one element can be created".to_owned());
            }
            let (name, value) = word.split_once('=').ok_or_else(|| format!("'{word}' is no 'property=value'"))?;
            if !is_name(name) {
                return Err(format!("'{name}' is no property's name"));
            }
            properties.push((name.to_owned(), value.to_owned()));
        }
        Ok(Self { element, properties })
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Words apart by spaces, without the quotes that keep spaces in them; a backslash takes the next letter as it is.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = vec![];
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\\', _) => match letters.next() {
                Some(next) => word.get_or_insert_default().push(next),
                None => return Err("'command' ends with a backslash".to_owned()),
            },
            (letter, Some(open)) if letter == open => quote = None,
            (letter, Some(_)) => word.get_or_insert_default().push(letter),
            ('"' | '\'', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (letter, None) if letter.is_whitespace() => words.extend(word.take()),
            (letter, None) => word.get_or_insert_default().push(letter),
        }
    }
    if quote.is_some() {
        return Err("'command' has a quote that is not closed".to_owned());
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<(String, Vec<(String, String)>), String> {
        Command::read(text).map(|command| (command.element, command.properties))
    }

    #[test]
    fn properties_may_have_spaces_in_quotes() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read("  agingtv "), Ok(("agingtv".to_owned(), vec![])));
        assert_eq!(
            read(r#"textoverlay text="Embedded \"text\"" valignment=top font-desc='Cantarell 25' shade=a\ b"#),
            Ok((
                "textoverlay".to_owned(),
                vec![
                    pair("text", "Embedded \"text\""),
                    pair("valignment", "top"),
                    pair("font-desc", "Cantarell 25"),
                    pair("shade", "a b")
                ]
            ))
        );
        assert_eq!(read("pitch pitch="), Ok(("pitch".to_owned(), vec![pair("pitch", "")])));
    }

    #[test]
    fn whatever_is_more_than_an_element_is_refused() {
        for (text, why) in [
            ("", "'command' names no element"),
            ("videoflip ! agingtv", "only one element can be created"),
            ("video/x-raw", "'video/x-raw' is no element's name"),
            ("tee.", "'tee.' is no element's name"),
            ("gamma 5", "'5' is no 'property=value'"),
            ("gamma a.b=5", "'a.b' is no property's name"),
            ("gamma gamma=\"5", "'command' has a quote that is not closed"),
            ("gamma gamma=5\\", "'command' ends with a backslash"),
        ] {
            assert_eq!(read(text), Err(why.to_owned()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in ".{0,60}") {
            let _ = Command::read(&text);
        }
    }
}
