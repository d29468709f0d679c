//! A folder with an installed server, as operators of OpenVidu know it: `.env`, the script `openvidu`, `owncert/`,
//! `recordings/`, `cdr/`, and the program itself beside them.
//!
//! [`install`] makes one, [`openvidu`] carries out what its script is asked for. The server runs under systemd
//! ([`systemd`]) or, without it, in the background of a process of ours ([`background`], [`supervisor`]). The server itself
//! knows nothing of all this: it is told by its environment.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use settings::{KEYS, Sources};

use crate::CommandResult;
use crate::report::{self, Report};

pub(crate) mod background;
mod files;
pub(crate) mod install;
mod log;
pub(crate) mod openvidu;
pub(crate) mod supervisor;
mod systemd;
mod user;

/// The folder of what the server keeps for itself.
const DATA: &str = ".madang";
/// What was taken out of the program when it was built. The program has a link to a file of this name beside it.
const DEBUG_INFORMATION: &str = "madang.debug";

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Installation {
    /// Absolute.
    folder: PathBuf,
}

impl Installation {
    /// The one in the working directory.
    pub(crate) fn here() -> CommandResult<Self> {
        let installation = Self::in_folder(Path::new("."))?;
        if installation.program().is_file() {
            Ok(installation)
        } else {
            let folder = installation.folder.display();
            Err(format!("nothing is installed in {folder}; `madang install FOLDER` does it").into())
        }
    }

    fn in_folder(folder: &Path) -> io::Result<Self> {
        Ok(Self { folder: folder.canonicalize()? })
    }

    fn program(&self) -> PathBuf {
        self.folder.join("madang")
    }

    fn debug_information(&self) -> PathBuf {
        self.folder.join(DEBUG_INFORMATION)
    }

    fn script(&self) -> PathBuf {
        self.folder.join("openvidu")
    }

    fn dotenv(&self) -> PathBuf {
        self.folder.join(".env")
    }

    fn data(&self) -> PathBuf {
        self.folder.join(DATA)
    }

    /// Where the log is without systemd.
    fn log(&self) -> PathBuf {
        self.folder.join("logs/openvidu.log")
    }

    /// What holds for an installed server unless `.env` or the environment say otherwise: the ports of production, no
    /// secret that everybody knows, and this folder's own places.
    fn defaults(&self) -> Vec<(&'static str, String)> {
        let path = |name| self.folder.join(name).display().to_string();
        let mut defaults = vec![
            ("HTTPS_PORT", "443".to_owned()),
            ("HTTP_PORT", "80".to_owned()),
            ("OPENVIDU_SECRET", String::new()),
            ("OPENVIDU_CDR_PATH", path("cdr")),
            ("OPENVIDU_RECORDING_PATH", path("recordings")),
            ("OPENVIDU_RECORDING_CUSTOM_LAYOUT", path("custom-layout")),
            ("MADANG_DATA_DIR", path(DATA)),
        ];
        defaults.retain(|(name, _)| KEYS.iter().any(|key| key.name == *name && key.idle.is_none()));
        defaults
    }

    /// The environment that the server is started in.
    fn environment(&self) -> BTreeMap<String, String> {
        let defaults = self.defaults().into_iter().map(|(name, value)| (name.to_owned(), value));
        let mut environment: BTreeMap<_, _> = defaults.collect();
        let ours =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        environment.extend(ours);
        environment
    }

    /// For those who help its operator. `ntp`: who is asked for the time.
    pub(crate) async fn report(&self, ntp: &str) -> CommandResult<Report> {
        /// Of the log.
        const LOG_BYTES: usize = 512 * 1024;
        let mut report = Report::new(&self.folder, self.sources(), ntp).await;
        report.version = openvidu::version(self)?;
        report.files = report::files(&self.folder).unwrap_or_else(|error| error.to_string());
        report.log = openvidu::end_of_log(self, LOG_BYTES).unwrap_or_else(|error| error.to_string());
        Ok(report)
    }

    /// The settings of the server that runs here.
    pub(crate) fn sources(&self) -> Sources {
        Sources::new(self.environment(), &self.folder)
    }
}
