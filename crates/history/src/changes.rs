//! What has changed of a session since a page was last told of it: charts and timelines grow, most figures stay as they are, and
//! only the rest is told. Pure. How it is written says `web/dashboard/src/protocol.ts`; `changes.ts` beside it puts it in.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::view::SessionDetail;

type Record = Map<String, Value>;

/// Lists that grow at their end.
const GROWING: [&str; 2] = ["entries", "chart"];
/// Lists of records that keep their places.
const LEGS: [&str; 2] = ["publishes", "receives"];
const PEOPLE: &str = "people";
const CONNECTION: &str = "connection";

/// A session as a page has it.
#[derive(Debug)]
pub struct Told {
    key: String,
    /// But for its people.
    session: Record,
    /// By connection.
    people: HashMap<String, Record>,
}

/// A list that has become another one: so many are kept, so many behind those go, so many go at the end, and these come there.
#[derive(Serialize)]
struct Splice<'a> {
    keep: usize,
    skip: usize,
    drop: usize,
    added: &'a [Value],
}

impl Told {
    /// A page is told all of it.
    pub fn whole(detail: &SessionDetail) -> Self {
        let mut session = record(detail);
        let people = people_of(&mut session);
        Self { key: detail.summary.key.clone(), session, people: people.into_iter().collect() }
    }

    /// Whether it is this session, and not an earlier one of its id.
    pub fn is_of(&self, detail: &SessionDetail) -> bool {
        self.key == detail.summary.key
    }

    /// What the page does not have yet; `None`: it has everything. `everybody`: who is not in `detail` is gone.
    pub fn update(&mut self, detail: &SessionDetail, everybody: bool) -> Option<Value> {
        let mut session = record(detail);
        let people = people_of(&mut session);
        let mut changes = changed(Some(&self.session), &session);
        self.session = session;
        if everybody && people.len() < self.people.len() {
            let there: HashSet<_> = people.iter().map(|(connection, _)| connection).collect();
            let gone: Vec<_> = self.people.keys().filter(|known| !there.contains(known)).cloned().collect();
            for connection in &gone {
                self.people.remove(connection);
            }
            changes.insert("gone".to_owned(), gone.into());
        }
        let mut news = vec![];
        for (connection, person) in people {
            let mut change = changed(self.people.get(&connection), &person);
            if !change.is_empty() {
                change.insert(CONNECTION.to_owned(), connection.clone().into());
                news.push(Value::Object(change));
                self.people.insert(connection, person);
            }
        }
        if !news.is_empty() {
            changes.insert(PEOPLE.to_owned(), news.into());
        }
        (!changes.is_empty()).then_some(Value::Object(changes))
    }
}

fn record(detail: &SessionDetail) -> Record {
    match serde_json::to_value(detail) {
        Ok(Value::Object(record)) => record,
        Ok(_) | Err(_) => unreachable!("a struct with named fields, whose maps have texts as keys, is an object"),
    }
}

fn people_of(session: &mut Record) -> Vec<(String, Record)> {
    let Some(Value::Array(people)) = session.remove(PEOPLE) else { return vec![] };
    let named = people.into_iter().filter_map(|person| {
        let Value::Object(person) = person else { return None };
        Some((person.get(CONNECTION)?.as_str()?.to_owned(), person))
    });
    named.collect()
}

/// The fields that are others than before.
fn changed(before: Option<&Record>, now: &Record) -> Record {
    let mut changes = Record::new();
    for (name, value) in now {
        let known = before.and_then(|before| before.get(name));
        if known == Some(value) {
            continue;
        }
        let change = match value {
            Value::Array(list) if GROWING.contains(&name.as_str()) => splice(list_of(known), list),
            Value::Array(list) if LEGS.contains(&name.as_str()) => legs(list_of(known), list),
            value => value.clone(),
        };
        changes.insert(name.clone(), change);
    }
    changes
}

fn list_of(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn splice(before: &[Value], now: &[Value]) -> Value {
    let keep = before.iter().zip(now).take_while(|(before, now)| before == now).count();
    let (before, now) = (&before[keep..], &now[keep..]);
    let length = before.len();
    // The middle of a timeline that is full goes, while its last entry is told anew.
    let mut ways = (0..=1).flat_map(|drop| (0..length.saturating_sub(drop)).map(move |skip| (skip, drop)));
    let fits = |(skip, drop): &(usize, usize)| now.starts_with(&before[*skip..length - drop]);
    let (skip, drop) = ways.find(fits).unwrap_or((length, 0));
    json!(Splice { keep, skip, drop, added: &now[length - skip - drop..] })
}

/// How many there are, and what is new of each, by its place.
fn legs(before: &[Value], now: &[Value]) -> Value {
    let changed = now.iter().enumerate().filter_map(|(place, leg)| {
        let mut change = changed(before.get(place).and_then(Value::as_object), leg.as_object()?);
        (!change.is_empty()).then(|| {
            change.insert("place".to_owned(), place.into());
            change
        })
    });
    json!({ "length": now.len(), "changed": changed.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::splice;

    fn spliced(before: &[u32], now: &[u32]) -> Value {
        let list = |numbers: &[u32]| numbers.iter().map(|number| json!(number)).collect::<Vec<_>>();
        splice(&list(before), &list(now))
    }

    #[test]
    fn of_a_list_that_grows_only_what_is_new_is_told() {
        let splice =
            |keep, skip, drop, added: &[u32]| json!({ "keep": keep, "skip": skip, "drop": drop, "added": added });
        assert_eq!(spliced(&[1, 2], &[1, 2, 3]), splice(2, 0, 0, &[3]));
        assert_eq!(spliced(&[], &[1]), splice(0, 0, 0, &[1]));
        // A chart that is full, a timeline whose middle goes, and something that takes the place of the last; both of these.
        assert_eq!(spliced(&[1, 2, 3], &[2, 3, 4]), splice(0, 1, 0, &[4]));
        assert_eq!(spliced(&[1, 2, 3, 4], &[1, 3, 4, 5]), splice(1, 1, 0, &[5]));
        assert_eq!(spliced(&[1, 2], &[1, 7]), splice(1, 1, 0, &[7]));
        assert_eq!(spliced(&[1, 2, 3, 4], &[1, 3, 7, 8]), splice(1, 1, 1, &[7, 8]));
        assert_eq!(spliced(&[1, 2], &[1]), splice(1, 1, 0, &[]));
    }
}
