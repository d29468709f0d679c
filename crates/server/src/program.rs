//! What stays while the server inside it restarts: where its settings come from, and when everything began.
//!
//! The program starts a server, and another one in its place when that one is asked to restart.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use settings::Sources;

/// See the module. Cheap enough to clone for every start.
#[derive(Clone)]
pub struct Program {
    /// `None` if the settings come from elsewhere, such as from a program that embeds the server.
    settings: Option<Settings>,
    started_at: u64,
    restarts: u32,
    restarted_at: Option<u64>,
}

#[derive(Clone)]
struct Settings {
    environment: BTreeMap<String, String>,
    folder: PathBuf,
}

impl Program {
    /// The process' environment, and the file `.env` in `DOTENV_PATH` (default: the working directory).
    pub fn of_process() -> Self {
        let environment =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self::new(environment, &Self::folder_of_process())
    }

    /// `DOTENV_PATH` of this process, or the working directory.
    pub fn folder_of_process() -> PathBuf {
        std::env::var_os("DOTENV_PATH").map_or_else(|| PathBuf::from("."), PathBuf::from)
    }

    /// With these variables, and the file `.env` in `folder`.
    pub fn new(environment: impl IntoIterator<Item = (String, String)>, folder: &Path) -> Self {
        let settings = Settings { environment: environment.into_iter().collect(), folder: folder.to_owned() };
        Self { settings: Some(settings), ..Self::embedding() }
    }

    /// One that gives its server settings of its own making.
    pub(crate) fn embedding() -> Self {
        Self { settings: None, started_at: now(), restarts: 0, restarted_at: None }
    }

    /// The settings as they stand now: the file is read anew. Nothing where there is no file.
    pub fn sources(&self) -> Sources {
        match &self.settings {
            Some(Settings { environment, folder }) => Sources::new(environment.clone(), folder),
            None => Sources::default(),
        }
    }

    /// The file that settings are written to.
    pub(crate) fn dotenv(&self) -> Option<PathBuf> {
        self.settings.as_ref().map(|settings| settings.folder.join(".env"))
    }

    /// The same program, its server about to be started once more.
    #[must_use]
    pub fn restarted(self) -> Self {
        Self { restarts: self.restarts.saturating_add(1), restarted_at: Some(now()), ..self }
    }

    /// ms since 1970.
    pub(crate) fn started_at(&self) -> u64 {
        self.started_at
    }

    /// How often the server was started again.
    pub(crate) fn restarts(&self) -> u32 {
        self.restarts
    }

    /// When it was started for the last time, ms since 1970.
    pub(crate) fn last_started_at(&self) -> u64 {
        self.restarted_at.unwrap_or(self.started_at)
    }
}

/// Without the environment, which holds secrets.
impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = self.settings.as_ref().map(|settings| &settings.folder);
        f.debug_struct("Program").field("folder", &folder).field("restarts", &self.restarts).finish_non_exhaustive()
    }
}

/// ms since 1970.
pub(crate) fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_restarts_are_counted_and_its_beginning_stays() {
        let program = Program::new([("OPENVIDU_SECRET".to_owned(), "hush".to_owned())], Path::new("/nonexistent"));
        assert_eq!((program.restarts(), program.last_started_at()), (0, program.started_at()));
        let again = program.clone().restarted().restarted();
        assert_eq!((again.restarts(), again.started_at()), (2, program.started_at()));
        assert!(again.last_started_at() >= program.started_at());
        assert!(!format!("{program:?}").contains("hush"));
    }
}
