//! The language of what people read.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;

/// Whether the reader prefers Korean to English.
pub(crate) fn prefers_korean(headers: &HeaderMap) -> bool {
    let wanted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut languages = wanted.split(',').map(|language| language.trim().to_ascii_lowercase());
    languages.find_map(|language| match language.get(..2) {
        Some("ko") => Some(true),
        Some("en") => Some(false),
        _ => None,
    }) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_readers_first_of_the_two() {
        let prefers =
            |wanted: &str| prefers_korean(&[(ACCEPT_LANGUAGE, wanted.parse().unwrap())].into_iter().collect());
        assert!(prefers("ko-KR,ko;q=0.9,en;q=0.8") && prefers("de,ko,en") && prefers("KO"));
        assert!(!prefers("en,ko") && !prefers("de") && !prefers("") && !prefers("*"));
        assert!(!prefers_korean(&HeaderMap::new()));
    }
}
