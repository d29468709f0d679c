//! When something was said: what a recogniser tells of its words beside the words, and what subtitles are made of.
//!
//! Times are how long ago it was when the words are told. So they are the same on every clock, that of a job's process and that of
//! a recording's files.

use serde::{Deserialize, Serialize};

/// When a sentence was said.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spoken {
    /// ms ago: its beginning.
    pub began: u64,
    /// ms ago: its end.
    pub ended: u64,
    /// Its words in their order, if that is known of each. They need not be spelled as in the sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<SpokenWord>,
}

/// When one word was said.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SpokenWord {
    pub word: String,
    /// ms ago.
    pub began: u64,
    /// ms ago.
    pub ended: u64,
}
