//! Numbers with a unit's prefix, as people write them: 40k, 1500k, 2.5M, 4G.

/// A thousand, a million, a milliard.
const PREFIXES: [(char, f64); 3] = [('k', 1e3), ('m', 1e6), ('g', 1e9)];
const MOST: f64 = 1e15;

/// # Errors
/// What is wrong, for whoever wrote it.
pub(crate) fn read(text: &str) -> Result<u64, String> {
    let last = text.chars().last().map(|last| last.to_ascii_lowercase());
    let prefix = PREFIXES.iter().find(|(prefix, _)| Some(*prefix) == last);
    let digits = if prefix.is_some() { &text[..text.len() - 1] } else { text };
    let factor = prefix.map_or(1.0, |(_, factor)| *factor);
    match digits.parse::<f64>() {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in between")]
        Ok(number) if (0.0..=MOST).contains(&(number * factor)) => Ok((number * factor).round() as u64),
        _ => Err("must be a number, with k, M or G behind it for thousands, millions, thousand millions: 1500k, 2.5M"
            .to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn numbers_have_prefixes() {
        for (text, number) in [
            ("0", 0),
            ("1500k", 1_500_000),
            ("2.5M", 2_500_000),
            ("4G", 4_000_000_000),
            ("4g", 4_000_000_000),
            ("64", 64),
        ] {
            assert_eq!(read(text), Ok(number), "{text}");
        }
        for wrong in ["", "k", "-1", "1T", "1 k", "NaN", "inf", "1e30", "1kk", "é"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
