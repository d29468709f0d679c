//! Which server is meant: one that was named, or the one whose settings are here.

use commands::{ExitStatus, Failure, Target};
use settings::{ConfigError, Sources};

use crate::CommandError;

/// Where people and scripts say which server their commands are for; the same names that applications know.
const SECRET: &str = "OPENVIDU_SECRET";
const URL: &str = "OPENVIDU_URL";

/// The one at `url`, or at `OPENVIDU_URL`, or of the settings here.
pub(crate) fn find(url: Option<&str>, sources: &Sources) -> Result<Target, Failure> {
    let of_environment = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    let (url, is_of_file) = match (url, of_environment(URL), sources.server_url()) {
        (Some(url), ..) => (url.to_owned(), false),
        (None, Some(url), _) => (url, false),
        (None, None, Some((url, is_of_file))) => (url.to_owned(), is_of_file),
        (None, None, None) => return here(sources).map_err(|error| failure(&*error)),
    };
    // What stands beside the address wins: the file of another server must not decide.
    let given = if is_of_file { None } else { of_environment(SECRET) };
    let secret = match given.or_else(|| sources.given_secret().map(str::to_owned)) {
        Some(secret) => secret,
        None => client::prompt::secret(&format!("{SECRET} of {url}: ")).map_err(|error| {
            Failure::new(ExitStatus::Usage, format!("{SECRET} is not set, and cannot be asked for: {error}"))
        })?,
    };
    Ok(Target { url, secret })
}

/// The one that runs on this machine with the settings here, asked without a detour through its public name.
pub(crate) fn here(sources: &Sources) -> Result<Target, CommandError> {
    let config = server::load_settings(sources)?;
    if config.server_port == 0 {
        return Err("SERVER_PORT=0 says nothing about where the server is; use --url".into());
    }
    let host = if config.madang_listen.is_unspecified() {
        "127.0.0.1".to_owned()
    } else {
        settings::bracketed(config.madang_listen)
    };
    let url = format!("http://{host}:{}", config.server_port);
    Ok(Target { url, secret: config.openvidu_secret.expose().to_owned() })
}

fn failure(error: &(dyn std::error::Error + 'static)) -> Failure {
    let status = if error.is::<ConfigError>() { ExitStatus::Settings } else { ExitStatus::Usage };
    Failure::new(status, error.to_string())
}
