//! In which language people are told what is found.

/// Those that there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Korean.
    Korean,
}

impl Language {
    /// Of a name such as `ko_KR.UTF-8` or `en`; English for all others.
    pub fn of(name: &str) -> Self {
        if name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("ko")) { Self::Korean } else { Self::English }
    }
}
