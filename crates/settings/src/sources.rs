//! Where settings stand: the environment and the file `.env`. What they mean is [`super::table`]'s to know.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::table::{self, KEYS};
use super::{Fault, dotenv, spelling, value};

/// Texts of settings, before they are understood. Some are secret.
#[derive(Clone, Default)]
pub struct Sources {
    texts: BTreeMap<String, String>,
    /// Names in the `.env` file.
    of_file: BTreeSet<String>,
    faults: Vec<Fault>,
}

impl Sources {
    /// `environment`, overridden by the file `.env` in `folder` if there is one.
    pub fn new(environment: impl IntoIterator<Item = (String, String)>, folder: &Path) -> Self {
        let mut sources = Self { texts: environment.into_iter().collect(), ..Self::default() };
        let path = folder.join(".env");
        match std::fs::read_to_string(&path) {
            Ok(text) => match dotenv::parse(&text) {
                Ok(pairs) => {
                    sources.of_file = pairs.iter().map(|(name, _)| name.clone()).collect();
                    sources.texts.extend(pairs);
                }
                Err(malformed) => sources.faults.push(Fault {
                    name: None,
                    value: String::new(),
                    rule: format!(
                        "File {} has a malformed line at position {}: it must be NAME=value, a quote must be closed, and only a \
                         comment may follow it",
                        path.display(),
                        malformed.line
                    ),
                }),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => sources.faults.push(Fault {
                name: None,
                value: String::new(),
                rule: format!("File {} cannot be read: {error}", path.display()),
            }),
        }
        sources
    }

    #[cfg(test)]
    pub(super) fn of(pairs: &[(&str, &str)]) -> Self {
        let texts = pairs.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
        Self { texts, ..Self::default() }
    }

    /// As it was set, if it was.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// Where it was set: `file`, `environment`, or `default` if nowhere.
    pub(super) fn source(&self, name: &str) -> &'static str {
        if self.of_file.contains(name) {
            "file"
        } else if self.texts.contains_key(name) {
            "environment"
        } else {
            "default"
        }
    }

    /// For programs that ask a server, which may be another one: `OPENVIDU_URL`, and whether the file says so.
    pub fn server_url(&self) -> Option<(&str, bool)> {
        let url = self.text("OPENVIDU_URL").filter(|url| !url.is_empty())?;
        Some((url, self.of_file.contains("OPENVIDU_URL")))
    }

    /// For those as well: the secret as it was set, if it was.
    pub fn given_secret(&self) -> Option<&str> {
        self.text("OPENVIDU_SECRET").filter(|secret| !secret.is_empty())
    }

    /// With these texts instead of those that stand there.
    pub(super) fn with(&self, changes: &[(String, String)]) -> Self {
        let mut sources = self.clone();
        sources.texts.extend(changes.iter().cloned());
        sources
    }

    /// Defaults that are another setting's value.
    pub(super) fn with_derived_defaults(&self) -> Self {
        let mut sources = self.clone();
        if let (None, Some(port)) = (sources.texts.get("SERVER_PORT"), sources.texts.get("HTTPS_PORT")) {
            let port = port.clone();
            sources.texts.insert("SERVER_PORT".to_owned(), port);
        }
        sources
    }

    /// What was set and changes nothing: the reasons, each with its settings. What was set to its default is left out.
    pub fn without_effect(&self) -> BTreeMap<&'static str, Vec<&str>> {
        let mut by_reason: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (name, text) in &self.texts {
            let reason = match KEYS.iter().find(|key| key.name == name) {
                Some(key) => key.idle.filter(|_| text != key.default),
                None => table::ignored(name),
            };
            if let Some(reason) = reason {
                by_reason.entry(reason).or_default().push(name.as_str());
            }
        }
        by_reason
    }

    /// Names that nobody knows, with the known one each is probably meant to be. Only those in the `.env` file and those
    /// that begin like ours: the environment is full of other people's names.
    pub fn misspelt(&self) -> impl Iterator<Item = (&str, &'static str)> {
        let ours = |name: &str| {
            self.of_file.contains(name) || ["MADANG_", "OPENVIDU_"].iter().any(|prefix| name.starts_with(prefix))
        };
        let unknown = self.texts.keys().filter(move |name| ours(name) && !table::is_known(name));
        unknown.filter_map(|name| Some((name.as_str(), spelling::meant(name, table::names())?)))
    }

    /// What must not be shown to anybody: the secret settings, and those of other programs whose name says so. Longest
    /// first, so that one which contains another is found whole.
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets = vec![];
        for (_, text) in self.texts.iter().filter(|(name, _)| is_secret(name)) {
            secrets.push(text.trim().to_owned());
            // A list's parts may appear alone, and so may the password of a URL.
            for part in text.split(|symbol: char| symbol.is_whitespace() || ",;=[]\"'".contains(symbol)) {
                secrets.push(part.to_owned());
                let credentials = part.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
                secrets.extend(credentials.into_iter().flat_map(|(pair, _)| pair.split(':')).map(str::to_owned));
            }
        }
        secrets.retain(|secret| secret.len() >= SHORTEST_SECRET && value::boolean(secret).is_err());
        secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        secrets
    }
}

/// Takes settings from their sources one by one and remembers what is wrong.
pub(crate) struct Reader<'a> {
    sources: &'a Sources,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(sources: &'a Sources) -> Self {
        Self { sources, faults: sources.faults.clone() }
    }

    pub(super) fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    /// One setting; set but empty counts as the empty text.
    pub(super) fn read<T>(
        &mut self,
        name: &'static str,
        default: &str,
        secret: bool,
        parse: fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.sources.text(name).unwrap_or(default);
        match parse(text) {
            Ok(value) => Some(value),
            Err(rule) => {
                let value = if secret { "*".repeat(text.chars().count()) } else { text.to_owned() };
                self.faults.push(Fault { name: Some(name), value, rule });
                None
            }
        }
    }
}

/// Shorter ones would be found in every word.
const SHORTEST_SECRET: usize = 4;

fn is_secret(name: &str) -> bool {
    const MARKS: [&str; 6] = ["SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "TOKEN", "KEY"];
    match KEYS.iter().find(|key| key.name == name) {
        Some(key) => key.secret,
        None => name == "OPENVIDU_PRO_LICENSE" || MARKS.iter().any(|mark| name.to_ascii_uppercase().contains(mark)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_nothing_is_told_once_for_each_reason_and_only_if_it_was_changed() {
        let set = [
            ("OPENVIDU_RECORDING_DEBUG", "true"),
            ("OPENVIDU_RECORDING_ENABLE_GPU", "true"),
            ("OPENVIDU_RECORDING_IMAGE", ""),
            ("LETSENCRYPT_EMAIL", "user@example.com"),
            ("JAVA_OPTIONS", "-Xmx1g"),
        ];
        let sources = Sources::of(&set);
        let told: Vec<_> = sources.without_effect().into_values().collect();
        assert_eq!(told, [vec!["JAVA_OPTIONS"], vec!["OPENVIDU_RECORDING_DEBUG", "OPENVIDU_RECORDING_ENABLE_GPU"]]);
    }

    #[test]
    fn misspelt_names_of_the_file_are_told_and_foreign_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = "OPENVIDU_SECRT=x\nHTTPS_PROT=1\nMY_APP_KEY=1\nOPENVIDU_RECORDING=false\n";
        std::fs::write(folder.path().join(".env"), file).unwrap();
        let environment = ["HTTP_PROT", "MADANG_UDP_PROT", "HOME"].map(|name| (name.to_owned(), String::new()));
        let sources = Sources::new(environment, folder.path());
        assert_eq!(
            sources.misspelt().collect::<Vec<_>>(),
            [
                ("HTTPS_PROT", "HTTPS_PORT"),
                ("MADANG_UDP_PROT", "MADANG_UDP_PORT"),
                ("OPENVIDU_SECRT", "OPENVIDU_SECRET")
            ]
        );
    }

    #[test]
    fn secrets_are_known_by_the_table_or_by_their_name() {
        let secrets = Sources::of(&[
            ("OPENVIDU_SECRET", "topsecret"),
            ("OPENVIDU_WEBHOOK_HEADERS", r#"["Authorization: Basic Zm9vOmJhcg=="]"#),
            ("COTURN_SHARED_SECRET_KEY", "shared1"),
            ("OPENVIDU_WEBHOOK_ENDPOINT", "https://user:word@example.org/hook"),
            ("SOME_API_TOKEN", "abc"),
            ("DOMAIN_OR_PUBLIC_IP", "call.example.org"),
        ])
        .secrets();
        for secret in ["topsecret", "Zm9vOmJhcg", "shared1", "word"] {
            assert!(secrets.iter().any(|known| known == secret), "{secret}");
        }
        assert!(!secrets.iter().any(|known| known == "abc" || known == "call.example.org"));
    }
}
