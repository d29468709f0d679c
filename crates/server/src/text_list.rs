//! Settings that are lists of texts: a JSON array, whose quotes may be missing, as deployments have long written it.

use std::fmt;
use std::str::FromStr;

use protocol::event::EventName;

/// `["a","b"]`, `[a,b]` or `[]`. A text without quotes cannot hold a comma. Its content may be secret: it is not shown.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct TextList(pub Vec<String>);

impl FromStr for TextList {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if let Ok(elements) = serde_json::from_str(text) {
            return Ok(Self(elements));
        }
        let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let inner = inner.ok_or("Is not a valid strings array in JSON format.")?.trim();
        if inner.is_empty() {
            return Ok(Self::default());
        }
        Ok(Self(inner.split(',').map(|element| element.trim().trim_matches('"').to_owned()).collect()))
    }
}

impl fmt::Debug for TextList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextList({} elements)", self.0.len())
    }
}

/// `OPENVIDU_WEBHOOK_EVENTS`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventNames(pub Vec<EventName>);

impl Default for EventNames {
    fn default() -> Self {
        Self(EventName::DEFAULT.to_vec())
    }
}

impl FromStr for EventNames {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let TextList(names) = text.parse()?;
        let names = names.iter().map(|name| name.parse().map_err(|_| format!("Event '{name}' does not exist")));
        names.collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_may_be_missing() {
        let list = |text: &str| text.parse::<TextList>().map(|TextList(list)| list.join("|"));
        assert_eq!(list(r#"["X-A: 1, 2","X-B: 3"]"#).as_deref(), Ok("X-A: 1, 2|X-B: 3"));
        assert_eq!(list("[a, b]").as_deref(), Ok("a|b"));
        assert_eq!(list(r#"["a",b]"#).as_deref(), Ok("a|b"));
        assert_eq!(list(" [] ").as_deref(), Ok(""));
        for text in ["", "a", "[a", "{}"] {
            assert_eq!(list(text), Err("Is not a valid strings array in JSON format."), "{text}");
        }
    }

    #[test]
    fn an_event_that_does_not_exist_is_named() {
        let names: Result<EventNames, _> = "[sessionCreated,signalSend]".parse();
        assert_eq!(names.unwrap_err(), "Event 'signalSend' does not exist");
        let names: EventNames = "[sessionDestroyed,HANodeRegistered]".parse().unwrap();
        assert_eq!(names.0, [EventName::SessionDestroyed, EventName::HaNodeRegistered]);
    }
}
