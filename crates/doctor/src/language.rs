//! Puts findings into words, in the language that is asked for.

use protocol::checkup::Check;
pub use protocol::language::Language;

use super::finding::Finding;
use super::{english, korean};

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
