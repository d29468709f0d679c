//! Names of settings that are probably misspelt: one that nobody knows, close to one that is known.

/// As many letters may be wrong, in a name of at least four times the length.
const MISTAKES: usize = 2;

/// The one of `known` that `name` is probably meant to be.
pub(super) fn meant<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let upper = name.to_uppercase();
    let close = known.filter_map(|known| {
        let mistakes = distance(upper.as_bytes(), known.as_bytes());
        (mistakes <= MISTAKES.min(known.len() / 4)).then_some((mistakes, known))
    });
    close.min().map(|(_, known)| known)
}

/// Letters to add, leave out, replace or swap with their neighbour (optimal string alignment).
fn distance(a: &[u8], b: &[u8]) -> usize {
    if a.len().abs_diff(b.len()) > MISTAKES {
        return usize::MAX;
    }
    // Rows of the table for the last two letters of `a` and the one before.
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.iter().enumerate() {
        let mut row = vec![i + 1; b.len() + 1];
        for (j, other) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(letter != other);
            row[j + 1] = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *letter == b[j - 1] && a[i - 1] == *other {
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["OPENVIDU_SECRET", "HTTPS_PORT", "HTTP_PORT", "COTURN_IP"];

    fn guess(name: &str) -> Option<&'static str> {
        meant(name, KNOWN.into_iter())
    }

    #[test]
    fn a_letter_or_two_may_be_wrong() {
        for name in ["OPENVIDU_SECRTE", "OPENVIDU_SECRT", "OPENVIDU_SECRETS", "OPENVID_SECRT", "openvidu_secret"] {
            assert_eq!(guess(name), Some("OPENVIDU_SECRET"), "{name}");
        }
        assert_eq!(guess("HTPS_PORT"), Some("HTTPS_PORT"));
        assert_eq!(guess("HTTP_PROT"), Some("HTTP_PORT"));
    }

    #[test]
    fn other_names_mean_something_else() {
        for name in ["", "PATH", "OPENVIDU_SECRET_FILE", "MY_SECRET", "COTURN_TLS", "HTTPS_HOST_NAME"] {
            assert_eq!(guess(name), None, "{name}");
        }
    }
}
