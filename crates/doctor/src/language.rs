//! In which language findings are put into words.

use protocol::checkup::Check;

use super::finding::Finding;
use super::{english, korean};

/// The language of findings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    /// English.
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

impl Finding {
    /// In words.
    pub fn in_words(&self, language: Language) -> Check {
        let (leg, verdict) = self.judge();
        let (finding, advice) = match language {
            Language::English => english::tell(self),
            Language::Korean => korean::tell(self),
        };
        Check { leg, verdict, finding, advice: Some(advice).filter(|advice| !advice.is_empty()) }
    }
}
