//! Stories of sessions that have ended, on the disk: an embedded store in one file, which is whole after a crash at any moment. It
//! keeps what fits into a number of days and bytes, the latest first.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use serde::{Deserialize, Serialize};

use crate::story::{Millis, Story};
use crate::view::SessionSummary;

/// By key: the story as JSON.
const STORIES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("stories");
/// By when it ended, and its key: the [`Line`] as JSON.
const LINES: TableDefinition<'_, (u64, &str), &[u8]> = TableDefinition::new("lines");
/// By key: stories that go on, as they were a while ago.
const OPEN: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("open");
/// Of the file's cache, which is small: what is read is read once.
const CACHE: usize = 8 << 20;

/// How much is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Of what is older nothing is kept.
    pub age: Duration,
    /// Of stories as they are written.
    pub bytes: u64,
}

/// Something about the disk, or what is on it.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StoreError(#[from] Box<dyn std::error::Error + Send + Sync>);

macro_rules! from_redb {
    ($($error:ty),+) => {
        $(impl From<$error> for StoreError {
            fn from(error: $error) -> Self {
                Self(Box::new(error))
            }
        })+
    };
}

from_redb!(
    redb::DatabaseError,
    redb::TransactionError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError,
    serde_json::Error
);

/// The file, open. Cheap to clone; readers do not wait for the writer.
#[derive(Clone, Debug)]
pub struct Store {
    database: Arc<Database>,
    bounds: Bounds,
    /// Of all stories that are kept. Only the writer changes it.
    bytes: Arc<AtomicU64>,
}

/// What is looked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Search {
    /// In ids, names, addresses; letter case does not matter.
    pub text: String,
    /// Ended not before.
    pub from: Millis,
    /// Ended before.
    pub to: Option<Millis>,
    /// Behind the last one that was found before.
    pub before: Option<(Millis, String)>,
}

/// What a list shows of a story, and what it is found by.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Line {
    summary: serde_json::Value,
    search: String,
    bytes: u64,
}

impl Store {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// What the disk says; that another process has it; that it is none of ours.
    pub fn open(path: &Path, bounds: Bounds) -> Result<Self, StoreError> {
        // Room that became free is used again: it need not be given back to the disk at each start.
        let database = Database::builder().set_cache_size(CACHE).create(path)?;
        let writing = database.begin_write()?;
        writing.open_table(STORIES)?;
        writing.open_table(OPEN)?;
        let mut bytes = 0;
        for entry in writing.open_table(LINES)?.iter()? {
            bytes += serde_json::from_slice::<Line>(entry?.1.value())?.bytes;
        }
        writing.commit()?;
        Ok(Self { database: Arc::new(database), bounds, bytes: Arc::new(AtomicU64::new(bytes)) })
    }

    /// Keeps stories that have ended, and removes what is too old or too much. They are no longer open.
    ///
    /// # Errors
    /// See [`StoreError`]; then nothing has changed.
    pub fn keep(&self, ended: &[Story], now: Millis) -> Result<(), StoreError> {
        let writing = self.database.begin_write()?;
        let mut bytes = self.bytes.load(Ordering::Relaxed);
        {
            let (mut stories, mut lines) = (writing.open_table(STORIES)?, writing.open_table(LINES)?);
            let mut open = writing.open_table(OPEN)?;
            for story in ended {
                let (key, at) = (story.key(), story.ended_at.unwrap_or(now));
                let (json, line) = written(story, at)?;
                open.remove(key.as_str())?;
                stories.insert(key.as_str(), json.as_slice())?;
                lines.insert((at, key.as_str()), serde_json::to_vec(&line)?.as_slice())?;
                bytes += line.bytes;
            }
            let oldest = now.saturating_sub(u64::try_from(self.bounds.age.as_millis()).unwrap_or(u64::MAX));
            let mut superfluous = vec![];
            for entry in lines.iter()? {
                let (key, line) = entry?;
                let (at, story) = key.value();
                if at >= oldest && bytes <= self.bounds.bytes {
                    break;
                }
                bytes = bytes.saturating_sub(serde_json::from_slice::<Line>(line.value())?.bytes);
                superfluous.push((at, story.to_owned()));
            }
            for (at, story) in superfluous {
                lines.remove((at, story.as_str()))?;
                stories.remove(story.as_str())?;
            }
        }
        writing.commit()?;
        self.bytes.store(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Changes one that is kept; `None`: it is not.
    ///
    /// # Errors
    /// As above.
    pub fn amend<R>(&self, key: &str, change: impl FnOnce(&mut Story) -> R) -> Result<Option<R>, StoreError> {
        let writing = self.database.begin_write()?;
        let (changed, before, after) = {
            let (mut stories, mut lines) = (writing.open_table(STORIES)?, writing.open_table(LINES)?);
            let Some(mut story) =
                stories.get(key)?.map(|json| serde_json::from_slice::<Story>(json.value())).transpose()?
            else {
                return Ok(None);
            };
            let at = story.ended_at.unwrap_or_default();
            let changed = change(&mut story);
            let (json, line) = written(&story, at)?;
            let before = stories.insert(key, json.as_slice())?.map_or(0, |json| json.value().len() as u64);
            lines.insert((at, key), serde_json::to_vec(&line)?.as_slice())?;
            (changed, before, line.bytes)
        };
        writing.commit()?;
        self.bytes.fetch_add(after, Ordering::Relaxed);
        self.bytes.fetch_sub(before, Ordering::Relaxed);
        Ok(Some(changed))
    }

    /// Writes down stories that go on, instead of those before: what a crash leaves.
    ///
    /// # Errors
    /// As above.
    pub fn checkpoint<'a>(&self, changed: impl Iterator<Item = &'a Story>) -> Result<(), StoreError> {
        let writing = self.database.begin_write()?;
        {
            let mut open = writing.open_table(OPEN)?;
            for story in changed {
                open.insert(story.key().as_str(), serde_json::to_vec(story)?.as_slice())?;
            }
        }
        writing.commit()?;
        Ok(())
    }

    /// One that nobody was ever in, or that is told of no longer.
    ///
    /// # Errors
    /// As above.
    pub fn forget(&self, keys: &[String]) -> Result<(), StoreError> {
        let writing = self.database.begin_write()?;
        {
            let mut open = writing.open_table(OPEN)?;
            for key in keys {
                open.remove(key.as_str())?;
            }
        }
        writing.commit()?;
        Ok(())
    }

    /// What was open when the last process ended.
    ///
    /// # Errors
    /// As above.
    pub fn left_open(&self) -> Result<Vec<Story>, StoreError> {
        let reading = self.database.begin_read()?;
        let mut stories = vec![];
        for entry in reading.open_table(OPEN)?.iter()? {
            match serde_json::from_slice(entry?.1.value()) {
                Ok(story) => stories.push(story),
                Err(error) => tracing::warn!(%error, "a story of another version is lost"),
            }
        }
        Ok(stories)
    }

    /// Those that fit, the latest first; whether there are more.
    ///
    /// # Errors
    /// As above.
    pub fn list(&self, search: &Search, most: usize) -> Result<(Vec<serde_json::Value>, bool), StoreError> {
        let (mut found, mut more) = (vec![], false);
        self.visit(search, |_, line| {
            more = found.len() == most;
            if !more {
                found.push(line.summary);
            }
            !more
        })?;
        Ok((found, more))
    }

    /// Keys of those that fit, the latest first.
    ///
    /// # Errors
    /// As above.
    pub fn keys(&self, search: &Search) -> Result<Vec<String>, StoreError> {
        let mut keys = vec![];
        self.visit(search, |key, _| {
            keys.push(key.to_owned());
            true
        })?;
        Ok(keys)
    }

    fn visit(&self, search: &Search, mut each: impl FnMut(&str, Line) -> bool) -> Result<(), StoreError> {
        let (text, reading) = (search.text.to_lowercase(), self.database.begin_read()?);
        let to = search.to.unwrap_or(u64::MAX);
        let end = match &search.before {
            Some((at, key)) if *at < to => (*at, key.as_str()),
            _ => (to, ""),
        };
        if end.0 < search.from {
            return Ok(());
        }
        for entry in reading.open_table(LINES)?.range((search.from, "")..end)?.rev() {
            let (key, line) = entry?;
            let line: Line = serde_json::from_slice(line.value())?;
            if line.search.contains(&text) && !each(key.value().1, line) {
                break;
            }
        }
        Ok(())
    }

    /// One of them.
    ///
    /// # Errors
    /// As above.
    pub fn find(&self, key: &str) -> Result<Option<Story>, StoreError> {
        let reading = self.database.begin_read()?;
        let Some(story) = reading.open_table(STORIES)?.get(key)? else { return Ok(None) };
        Ok(Some(serde_json::from_slice(story.value())?))
    }
}

/// A story as JSON, and the line of it.
fn written(story: &Story, at: Millis) -> Result<(Vec<u8>, Line), StoreError> {
    let json = serde_json::to_vec(story)?;
    let summary = serde_json::to_value(SessionSummary::of(story, at))?;
    let line = Line { summary, search: search_text(story), bytes: json.len() as u64 };
    Ok((json, line))
}

fn search_text(story: &Story) -> String {
    let mut text = format!("{}\n{}", story.id, story.key());
    for person in &story.people {
        for part in [&person.name(), person.connection.as_str(), &person.ip, &person.client_data, &person.server_data] {
            text.push('\n');
            text.push_str(part);
        }
    }
    text.to_lowercase()
}
