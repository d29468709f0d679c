//! Settings as text for people: what is wrong, what is in force, what there is.

use std::fmt::Write as _;

use serde::Serialize;

use super::table::{IGNORED, KEYS, Key};
use super::{Fault, Sources};

/// The block that OpenVidu's operators know.
pub fn faults(faults: &[Fault]) -> String {
    let mut text = String::from("Configuration errors\n--------------------\n\n");
    for fault in faults {
        let _ = writeln!(text, "* {fault}");
    }
    text.push_str(
        "\nCorrect them in the file .env or in the environment and start again. `madang --help` lists the settings.",
    );
    text
}

/// Every setting with its text in force, sorted by name; secrets as asterisks.
pub fn in_force(sources: &Sources) -> String {
    let sources = &sources.with_derived_defaults();
    let mut text = String::from("Configuration properties\n------------------------\n\n");
    let mut keys: Vec<_> = KEYS.iter().collect();
    keys.sort_unstable_by_key(|key| key.name);
    for key in keys {
        let value = sources.text(key.name).unwrap_or(key.default);
        let value = if key.secret { "*".repeat(value.chars().count()) } else { value.to_owned() };
        let _ = writeln!(text, "* {}={value}", key.name);
    }
    text
}

/// A setting as it is in force.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// As it is written.
    pub name: &'static str,
    /// Which part of the reference page it stands in.
    pub group: &'static str,
    /// Nothing of secrets.
    pub value: Option<String>,
    /// Nobody has set it, or to the same.
    pub is_default: bool,
    /// `file`, `environment` or `default`.
    pub source: &'static str,
    /// What it means.
    pub meaning: String,
    /// That it has no effect, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<&'static str>,
}

/// Every setting, in the order of the reference page.
pub fn list(sources: &Sources) -> Vec<Listed> {
    let derived = sources.with_derived_defaults();
    let listed = |key: &Key| {
        let value = derived.text(key.name).unwrap_or(key.default);
        let is_default = value == key.default;
        Listed {
            name: key.name,
            group: key.group,
            value: (!key.secret).then(|| value.to_owned()),
            is_default,
            source: sources.source(key.name),
            meaning: key.doc.trim().to_owned(),
            warning: key.idle.filter(|_| !is_default),
        }
    };
    KEYS.iter().map(listed).collect()
}

/// What `madang --help` says about settings.
pub fn help() -> String {
    let mut text = String::from(
        "Settings are read from the file .env in the folder DOTENV_PATH (default: the working directory),\n\
         else from the environment.\n",
    );
    let mut group = "";
    for key in KEYS {
        if key.group != group {
            group = key.group;
            let _ = write!(text, "\n{group}:\n");
        }
        let _ = writeln!(text, "  {} [{}]", key.name, key.default);
        for line in wrapped(&meaning(key), 100) {
            let _ = writeln!(text, "      {line}");
        }
    }
    text
}

/// The reference page.
pub fn reference() -> String {
    let mut text = String::from(
        "# Settings\n\n<!-- Made by `madang reference`, do not edit. -->\n\n\
         Read from the file `.env` in the folder `DOTENV_PATH` (default: the working directory), else from the environment,\n\
         else the default. A line of the file is `NAME=value`, as docker-compose reads it: the value may stand in quotes, ` #` begins a\n\
         comment, and so does a line that begins with `#` or `//`. All settings are checked at the start, and everything that\n\
         is wrong is reported at once.\n",
    );
    let mut group = "";
    for key in KEYS {
        if key.group != group {
            group = key.group;
            let _ = write!(text, "\n## {group}\n\n| Name | Default | Meaning |\n|---|---|---|\n");
        }
        let default = if key.default.is_empty() { String::new() } else { format!("`{}`", key.default) };
        let _ = writeln!(text, "| `{}` | {default} | {} |", key.name, meaning(key));
    }
    text.push_str(
        "\n## Settings of OpenVidu without effect\n\nAccepted, so that an existing `.env` starts this server unchanged; \
         one line in the log says so.\n\n| Name | Why |\n|---|---|\n",
    );
    for row in IGNORED {
        let _ = writeln!(text, "| `{}` | {} |", row.name, row.why);
    }
    text
}

fn meaning(key: &Key) -> String {
    let doc = key.doc.trim();
    key.idle.map_or_else(|| doc.to_owned(), |why| format!("{doc} Checked, but without effect: {why}."))
}

/// What the operator should know about what was set, though nothing is wrong with it.
pub fn remarks(sources: &Sources) -> Vec<String> {
    let without_effect = sources.without_effect().into_iter().map(|(why, names)| {
        let verb = if names.len() == 1 { "has" } else { "have" };
        format!("{} {verb} no effect: {why}", names.join(", "))
    });
    let misspelt = sources.misspelt().map(|(name, known)| format!("{name} is not known; is {known} meant?"));
    without_effect.chain(misspelt).collect()
}

/// A `.env` that names every setting that has an effect: with its value if it is among `set`, else as a comment with its default.
pub fn template(set: &[(&str, &str)]) -> String {
    let mut text = String::from(
        "# Settings. NAME=value; a comment begins with #.\n\
         # What is commented out has the value shown. After a change: ./openvidu restart\n",
    );
    let mut group = "";
    for key in KEYS.iter().filter(|key| key.idle.is_none()) {
        if key.group != group {
            group = key.group;
            let _ = write!(text, "\n# ---- {group} ----\n");
        }
        text.push('\n');
        for line in wrapped(key.doc.trim(), 100) {
            let _ = writeln!(text, "# {line}");
        }
        let _ = match set.iter().find(|(name, _)| *name == key.name) {
            Some((name, value)) => writeln!(text, "{name}={value}"),
            None => writeln!(text, "# {}={}", key.name, key.default),
        };
    }
    text
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("never empty");
        if !last.is_empty() && last.len() + 1 + word.len() > width {
            lines.push(word.to_owned());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dotenv;

    #[test]
    fn the_reference_page_is_the_table() {
        let page = include_str!("../../../docs/settings.md");
        assert!(page == reference(), "out of date: madang reference > docs/settings.md");
    }

    #[test]
    fn the_template_sets_what_was_given_and_nothing_else() {
        let set = [("DOMAIN_OR_PUBLIC_IP", "call.example.org"), ("OPENVIDU_SECRET", "s3cret")];
        let text = template(&set);
        let pairs = dotenv::parse(&text).unwrap();
        assert_eq!(pairs, set.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let uncommented = text.replace("\n# ", "\n");
        for key in KEYS.iter().filter(|key| key.idle.is_none()) {
            let value = set.iter().find(|(name, _)| *name == key.name).map_or(key.default, |(_, value)| value);
            assert!(uncommented.contains(&format!("\n{}={value}\n", key.name)), "{}", key.name);
        }
    }

    #[test]
    fn secrets_in_force_are_asterisks() {
        let environment = [("OPENVIDU_SECRET".to_owned(), "hush".to_owned())];
        let text = in_force(&Sources::new(environment, std::path::Path::new("/nonexistent")));
        assert!(text.contains("* OPENVIDU_SECRET=****\n") && !text.contains("hush"), "{text}");
    }
}
