//! Subtitles: what is said in a recording is written down as it comes (a [`Script`], one line of JSON for each sentence), and once
//! the recording is over files are made of it that players know ([`format`]): one of everybody's words beside a composed file, one
//! beside each stream's file in an archive.
//!
//! A script outlives a crash as the streams' files do: what was understood until then is in the subtitles that the next start makes.

mod cue;
mod format;

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::store::{self, Folder};
use cue::Cue;

/// In the recording's folder.
const SCRIPT: &str = ".subtitles";
/// How often it is forced to the disk, if something comes. A power cut costs what was said since.
const FORCED: Duration = Duration::from_secs(2);

/// A line of a script. Times are ms since 1970, on the clock of the streams' files.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "camelCase")]
pub(crate) enum Line {
    /// Somebody has said something.
    Said(Utterance),
    /// From here on somebody was not listened to for a while.
    Missing { at: u64 },
}

/// What somebody has said, as it was understood at once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Utterance {
    /// Of the speaker's stream, without extension.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// The speaker's, as pictures would show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    pub(crate) text: String,
    pub(crate) from: u64,
    pub(crate) until: u64,
    /// When each word was said, if that is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) words: Vec<Word>,
}

/// When a word was said, which need not be spelled as in the text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Word {
    pub(crate) word: String,
    pub(crate) from: u64,
    pub(crate) until: u64,
}

/// A script that is being written. It is only ever appended to.
#[derive(Debug)]
pub(crate) struct Script {
    file: File,
    forced: Instant,
}

impl Script {
    pub(crate) fn begin(folder: &Folder) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(folder.file(SCRIPT))?;
        Ok(Self { file, forced: Instant::now() })
    }

    pub(crate) fn append(&mut self, line: &Line) -> io::Result<()> {
        let text = serde_json::to_string(line)?;
        // In one piece.
        self.file.write_all(format!("{text}\n").as_bytes())?;
        if self.forced.elapsed() >= FORCED {
            self.forced = Instant::now();
            self.file.sync_data()?;
        }
        Ok(())
    }
}

/// It is not needed any more.
pub(crate) fn remove(folder: &Folder) -> io::Result<()> {
    store::remove(&folder.file(SCRIPT))
}

/// All that was said in a recording.
#[derive(Debug, Default)]
pub(crate) struct Said {
    utterances: Vec<Utterance>,
    /// How often somebody was not listened to for a while.
    pub(crate) unheard: u64,
}

impl Said {
    /// What a script says. A line that was cut off is left out.
    pub(crate) fn read(folder: &Folder) -> io::Result<Self> {
        let file = match File::open(folder.file(SCRIPT)) {
            Ok(file) => file,
            Err(error) => return store::unless_gone(error).map(|()| Self::default()),
        };
        let mut said = Self::default();
        for line in BufReader::new(file).split(b'\n') {
            match serde_json::from_slice(&line?) {
                Ok(Line::Said(utterance)) => said.utterances.push(utterance),
                Ok(Line::Missing { .. }) => said.unheard += 1,
                Err(_) => {}
            }
        }
        said.utterances.sort_by_key(|utterance| utterance.from);
        Ok(said)
    }

    /// What nobody knows any more.
    pub(crate) fn lost() -> Self {
        Self { utterances: vec![], unheard: 1 }
    }

    /// Files by their extensions: everybody's words in what began and ended at these times.
    pub(crate) fn in_all(&self, start: u64, end: u64) -> [(&'static str, String); 2] {
        files(&self.utterances.iter().collect::<Vec<_>>(), start, end, true)
    }

    /// The same of one stream's file. There is no need to say whose words they are.
    pub(crate) fn in_file(&self, file: &str, start: u64, end: u64) -> [(&'static str, String); 2] {
        let is_its = |utterance: &&Utterance| utterance.file.as_deref() == Some(file);
        files(&self.utterances.iter().filter(is_its).collect::<Vec<_>>(), start, end, false)
    }
}

fn files(utterances: &[&Utterance], start: u64, end: u64, has_names: bool) -> [(&'static str, String); 2] {
    let cues = |label: fn(&str) -> Option<String>| {
        let cues = cue::cues(utterances, |utterance| utterance.name.as_deref().filter(|_| has_names).and_then(label));
        cues.into_iter().filter_map(|cue| within(cue, start, end)).collect::<Vec<_>>()
    };
    let srt = format::srt(&cues(|name| Some(format::label(name))));
    // There names are no part of the text.
    let vtt = format::vtt(&cues(|_| None), has_names);
    [("srt", srt), ("vtt", vtt)]
}

/// On the file's own time; nothing if it is not in it.
fn within(cue: Cue, start: u64, end: u64) -> Option<Cue> {
    let (from, until) = (cue.from.max(start), cue.until.min(end));
    (from < until).then(|| Cue { from: from - start, until: until - start, ..cue })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    pub(super) fn said(name: &str, text: &str, from: u64, until: u64) -> Utterance {
        let (file, name) = (Some(format!("str_{name}")), Some(name.to_owned()));
        Utterance { file, name, text: text.to_owned(), from, until, words: vec![] }
    }

    #[test]
    fn what_was_written_before_a_crash_is_read_after_it() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path()).unwrap();
        let folder = store.reserve(&"room".into()).unwrap();
        assert!(Said::read(&folder).unwrap().utterances.is_empty(), "nobody has begun");
        let mut script = Script::begin(&folder).unwrap();
        let bob = said("Bob", "안녕하세요", 4_000, 5_000);
        let word = Word { word: "hello".to_owned(), from: 1_000, until: 1_500 };
        let ann = Utterance { words: vec![word], ..said("Ann", "hello", 1_000, 1_500) };
        script.append(&Line::Said(bob.clone())).unwrap();
        script.append(&Line::Missing { at: 7 }).unwrap();
        script.append(&Line::Said(ann.clone())).unwrap();
        script.file.write_all(br#"{"line":"said","text":"cut o"#).unwrap();
        drop(script);
        let read = Said::read(&folder).unwrap();
        assert_eq!((read.utterances, read.unheard), (vec![ann, bob], 1));
        remove(&folder).unwrap();
        assert_eq!(Said::read(&folder).unwrap().unheard, 0);
        remove(&folder).unwrap();
    }

    #[test]
    fn everybody_is_in_one_file_and_each_stream_in_its_own() {
        let utterances = vec![
            said("Ann", "before", 1_000, 2_000),
            said("Ann", "hello", 12_000, 13_000),
            said("Bob", "hi", 12_500, 14_000),
        ];
        let said = Said { utterances, unheard: 0 };
        let [(srt, text), (vtt, marked)] = said.in_all(10_000, 13_500);
        assert_eq!((srt, vtt), ("srt", "vtt"));
        assert_eq!(
            text, "1\n00:00:02,000 --> 00:00:03,000\nAnn: hello\n\n2\n00:00:02,500 --> 00:00:03,500\nBob: hi\n\n",
            "as long as it lasts, and from its beginning on"
        );
        assert_eq!(
            marked,
            "WEBVTT\n\n00:00:02.000 --> 00:00:03.000\n<v Ann>hello</v>\n\n00:00:02.500 --> 00:00:03.500\n<v Bob>hi</v>\n\n"
        );
        let [(_, text), (_, marked)] = said.in_file("str_Bob", 12_000, 20_000);
        assert_eq!(text, "1\n00:00:00,500 --> 00:00:02,000\nhi\n\n");
        assert_eq!(marked, "WEBVTT\n\n00:00:00.500 --> 00:00:02.000\nhi\n\n");
        let [(_, text), (_, marked)] = said.in_file("str_Eve", 12_000, 20_000);
        assert_eq!((&*text, &*marked), ("", "WEBVTT\n\n"), "nobody has said anything");
    }
}
