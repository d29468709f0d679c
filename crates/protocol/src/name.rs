//! What a participant is called in a composed picture, by what clients and applications said of it.
//!
//! OpenVidu has no place for a name: applications put it into the connection's data, by custom as JSON
//! (`{"clientData":"Ann"}`), or as a text. What looks like anything else is no name.

use serde_json::Value;

/// Members of JSON objects that hold a name, by custom; the first one counts.
const MEMBERS: [&str; 11] = [
    "clientData",
    "nickname",
    "nickName",
    "displayName",
    "userName",
    "username",
    "participantName",
    "name",
    "serverData",
    "user",
    "userId",
];
/// Letters.
const LONGEST: usize = 64;
/// Objects and texts in one another: some applications encode twice.
const DEEPEST: usize = 6;

/// The name by which to show somebody: the client's word for it, or else the application's.
pub fn shown(client_data: &str, server_data: &str) -> Option<String> {
    [client_data, server_data].into_iter().find_map(|data| in_text(data, DEEPEST))
}

fn in_text(data: &str, depth: usize) -> Option<String> {
    let data = data.trim();
    match serde_json::from_str(data) {
        Ok(value) => in_value(&value, depth.checked_sub(1)?),
        // Broken JSON is no name.
        Err(_) if data.starts_with(['{', '[', '"']) => None,
        Err(_) => readable(data),
    }
}

fn in_value(value: &Value, depth: usize) -> Option<String> {
    match value {
        Value::String(text) => in_text(text, depth),
        Value::Object(members) => MEMBERS.iter().find_map(|name| match members.get(*name)? {
            inner @ (Value::String(_) | Value::Object(_)) => in_value(inner, depth.checked_sub(1)?),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }),
        // A text that happens to be a number.
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// On one line, and without what only turns other text around.
fn readable(text: &str) -> Option<String> {
    let is_mark =
        |letter: char| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let letters =
        text.chars().filter(|letter| !is_mark(*letter)).map(|letter| if letter.is_control() { ' ' } else { letter });
    let one_line: String = letters.collect();
    let name = one_line.split_whitespace().collect::<Vec<_>>().join(" ");
    let name: String = name.chars().take(LONGEST).collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_wherever_applications_put_it() {
        for (client, server, name) in [
            (r#"{"clientData":"Ann"}"#, "", "Ann"),
            (r#"{"clientData":"홍길동","avatar":"x.png"}"#, r#"{"serverData":"user-7"}"#, "홍길동"),
            ("Ann", "", "Ann"),
            (r#""Ann""#, "", "Ann"),
            ("", "user-7", "user-7"),
            ("{}", r#"{"serverData":"user-7"}"#, "user-7"),
            ("[1]", "user-7", "user-7"),
            (r#"{"clientData":{"nickname":"Ann"}}"#, "", "Ann"),
            (r#"{"clientData":"{\"clientData\":\"Ann\"}"}"#, "", "Ann"),
            (r#"{"userName":"ann","name":"Ann"}"#, "", "ann"),
            (r#"{"clientData":"","nickname":"Ann"}"#, "", "Ann"),
            (r#"{"clientData":5}"#, "", "5"),
            ("5", "", "5"),
            ("  Ann\r\n\tLee  ", "", "Ann Lee"),
            ("\u{202e}nnA\u{2066}\u{0}", "", "nnA"),
            (r#"{"clientData":true}"#, "Bob", "Bob"),
        ] {
            assert_eq!(shown(client, server).as_deref(), Some(name), "{client} {server}");
        }
    }

    #[test]
    fn what_is_no_name_is_not_shown() {
        let deep = "{\"clientData\":".repeat(100) + "\"Ann\"" + &"}".repeat(100);
        for data in ["", " ", "{}", "[]", "null", "true", "{\"a\":\"b\"}", "{\"clientData\":\"Ann\"", "\u{200e}", &deep]
        {
            assert_eq!(shown(data, data), None, "{data}");
        }
    }

    #[test]
    fn names_have_an_end() {
        assert_eq!(shown(&"é".repeat(10_000), "").unwrap().chars().count(), LONGEST);
    }
}
