//! Which server version a client is told. Clients compare it with their own and complain on the console when it differs,
//! so a client of the range we serve hears its own version. Nothing else depends on it.

/// The client's version if it is semver from 2.20 to 2.32, else the `fallback`.
pub(crate) fn answered<'a>(sdk: Option<&'a str>, fallback: &'a str) -> &'a str {
    match sdk {
        Some(sdk) if is_served(sdk) => sdk,
        _ => fallback,
    }
}

fn is_served(version: &str) -> bool {
    let core_end = version.find(['-', '+']).unwrap_or(version.len());
    let (core, suffix) = version.split_at(core_end);
    let suffix_is_fine = suffix.is_empty()
        || suffix.len() > 1 && suffix.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'));
    let mut numbers = core.split('.').map(number);
    let (major, minor, patch) = (numbers.next().flatten(), numbers.next().flatten(), numbers.next().flatten());
    suffix_is_fine
        && numbers.next().is_none()
        && major == Some(2)
        && minor.is_some_and(|minor| (20..=32).contains(&minor))
        && patch.is_some()
}

/// Semver allows no leading zeros.
fn number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_served_client_hears_its_own_version() {
        for version in ["2.20.0", "2.25.0", "2.32.2", "2.32.0-beta1", "2.30.10+build.5"] {
            assert_eq!(answered(Some(version), "2.32.2"), version);
        }
    }

    #[test]
    fn anybody_else_hears_the_configured_one() {
        for version in
            ["", "2", "2.32", "2.19.0", "2.33.0", "3.0.0", "2.032.1", "2.32.2.1", "2.32.x", "2.32.2-", "v2.32.2"]
        {
            assert_eq!(answered(Some(version), "2.32.2"), "2.32.2", "{version}");
        }
        assert_eq!(answered(None, "2.32.2"), "2.32.2");
    }
}
