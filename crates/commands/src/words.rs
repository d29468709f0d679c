//! Words of the REST API as values of options, in whatever case they are typed.

use clap::builder::{PossibleValuesParser, TypedValueParser};

/// One of these; `ignore_case` has to be said where the option is defined.
pub(crate) fn words(words: &'static [&'static str]) -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(words.iter().copied()).map(move |typed| {
        let same = words.iter().find(|word| word.eq_ignore_ascii_case(&typed));
        same.map_or(typed, |word| (*word).to_owned())
    })
}
